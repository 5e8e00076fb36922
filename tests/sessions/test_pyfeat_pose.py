"""Pose columns of the py-feat and OpenFace layouts, against the formulas of their own sources.

py-feat's ``convert_to_euler`` (up to 0.6) takes the head's rotation in axes to the picture's right,
down and away from the camera, transposes it, and gives the first of its angles about x, y and z,
then the third and the second with their signs changed, as pitch, roll and yaw in degrees. OpenFace
composes the same rotation of turns about x, y and z. From 0.7 on py-feat's columns hold the angles
about x, y and z in another order of turns, in radians, and under names that do not fit them.
"""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.measures.pose import HeadPose, about_axes_deg, rotation_of
from ferdesk.sessions.export import Layout, rows_csv
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.table import Table
from tests.helpers.outputs import write_session
from tests.helpers.results import FACE, made_measures, make_result
from tests.helpers.sessions import write_two_faces

AXES = np.diag([1.0, -1.0, -1.0])
"""From axes with y up and the camera looking along -z to right, down, away."""
HEADS = [
    (25.0, 0.0, 0.0), (0.0, 15.0, 0.0), (0.0, 0.0, 10.0), (-30.0, 20.0, 12.0),
    # almost upside down: turned on, its angle about z is -174
    (40.0, 30.0, 163.0),
]  # fmt: skip


def seen(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation of a head in axes to the right, down and away."""
    return np.asarray(AXES @ rotation_of(yaw, pitch, roll) @ AXES)


def angles_of(rotation: np.ndarray) -> tuple[float, float, float]:
    """Angles in degrees about x, then y, then z, of axes that stand still."""
    return (
        float(np.degrees(np.arctan2(rotation[2, 1], rotation[2, 2]))),
        float(np.degrees(np.arcsin(-rotation[2, 0]))),
        float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0]))),
    )


def turn(axis: int, angle_deg: float) -> np.ndarray:
    """Rotation about one axis, from the next axis towards the one after it."""
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    a, b = (axis + 1) % 3, (axis + 2) % 3
    made = np.eye(3)
    made[a, a] = made[b, b] = cos
    made[a, b], made[b, a] = -sin, sin
    return made


@pytest.mark.parametrize("head", HEADS)
def test_measured_poses_are_pyfeats_of_the_same_head(
    tmp_path: Path, head: tuple[float, float, float]
) -> None:
    row = exported(tmp_path, head, "pyfeat")
    x, y, z = angles_of(seen(*head).T)
    written = [float(row[name]) for name in ("Pitch", "Roll", "Yaw")]
    assert written == pytest.approx([x, -z, -y], abs=0.006)


@pytest.mark.parametrize("head", HEADS)
def test_measured_poses_are_openfaces_of_the_same_head(
    tmp_path: Path, head: tuple[float, float, float]
) -> None:
    row = exported(tmp_path, head, "openface")
    x, y, z = (np.degrees(float(row[f"pose_R{axis}"])) for axis in "xyz")
    assert turn(0, x) @ turn(1, y) @ turn(2, z) == pytest.approx(seen(*head), abs=2e-4)


@pytest.mark.parametrize("head", HEADS[:3])
def test_the_columns_of_newer_versions_are_where_the_docs_say(
    head: tuple[float, float, float],
) -> None:
    x, y, z = angles_of(seen(*head))
    pitch, yaw, roll = about_axes_deg(*head)
    # docs/interchange.md: its Pitch is our -Pitch, its Roll our Yaw, its Yaw our Roll
    assert (x, y, z) == pytest.approx((pitch, yaw, roll), abs=1e-9)


@pytest.mark.parametrize("layout", ["pyfeat", "openface"])
def test_columns_are_not_looked_up_anew_for_each_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    asked: list[str] = []
    look_up = Table.added_numbers

    def counted(table: Table, name: str) -> np.ndarray:
        asked.append(name)
        return look_up(table, name)

    session = read_session(write_two_faces(tmp_path / "long", num_frames=40))
    monkeypatch.setattr(Table, "added_numbers", counted)
    rows_csv(session, layout)
    assert max(map(asked.count, asked)) <= 2  # gaze needs the angles too


def exported(folder: Path, head: tuple[float, float, float], layout: str) -> dict[str, str]:
    """The row of a face with that measured head."""
    yaw, pitch, roll = head
    pose = HeadPose(yaw, pitch, roll, 1.0, 2.0, 60.0)
    face = replace(
        FACE, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll,
        measures=replace(made_measures(0), pose=pose),
    )  # fmt: skip
    write_session(make_result(face), folder)
    text = rows_csv(read_session(folder), layout)  # type: ignore[arg-type]
    (row,) = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    return row
