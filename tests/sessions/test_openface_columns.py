"""Measures in OpenFace's columns: its axes, its units, its signs."""

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.measures.blinks import Blink
from ferdesk.core.measures.eyes import Gaze
from ferdesk.core.measures.pose import HeadPose
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.sessions.export import rows_csv
from ferdesk.sessions.openface_columns import GAZE_COLUMNS, PLACE_COLUMNS
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.schema import RESULTS_FILE, Moment, header_line, rows_of
from tests.helpers.outputs import write_session
from tests.helpers.results import FACE, OTHER, made_measures, make_result


def openface(folder: Path) -> list[dict[str, str]]:
    text = rows_csv(read_session(folder), "openface")
    return list(csv.DictReader(io.StringIO(text), skipinitialspace=True))


def looking(head: tuple[float, float, float], gaze: tuple[float, float]) -> FaceResult:
    """A face with the head's yaw, pitch and roll, and a gaze relative to it."""
    pose = HeadPose(*head, 3.125, -2.625, 61.5)
    measures = replace(made_measures(0), pose=pose, gaze=Gaze(*gaze))
    yaw, pitch, roll = head
    return replace(FACE, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll, measures=measures)


def gaze_of(face: FaceResult, folder: Path) -> list[float]:
    write_session(make_result(face), folder)
    (row,) = openface(folder)
    return [float(row[name]) for name in GAZE_COLUMNS]


def test_a_look_into_the_camera_points_against_openfaces_z(tmp_path: Path) -> None:
    straight = gaze_of(looking((0, 0, 0), (0, 0)), tmp_path)
    assert straight == pytest.approx([0, 0, -1, 0, 0, -1, 0, 0], abs=1e-4)


def test_left_of_the_person_and_down_are_positive(tmp_path: Path) -> None:
    # the person's left is the picture's right, which is OpenFace's x
    left = gaze_of(looking((0, 0, 0), (20, 0)), tmp_path)
    assert left[6:] == pytest.approx([math.radians(20), 0], abs=1e-4)
    assert left[0] == left[3] == pytest.approx(math.sin(math.radians(20)), abs=1e-4)
    down = gaze_of(looking((0, 0, 0), (0, 15)), tmp_path)
    assert down[6:] == pytest.approx([0, math.radians(15)], abs=1e-4)
    assert down[1] == down[4] == pytest.approx(math.sin(math.radians(15)), abs=1e-4)


def test_eyes_turn_with_the_head(tmp_path: Path) -> None:
    # a head that looks right and down with eyes straight in it
    turned = gaze_of(looking((30, 0, 0), (0, 0)), tmp_path)
    assert turned[6:] == pytest.approx([math.radians(30), 0], abs=1e-4)
    bent = gaze_of(looking((0, 25, 0), (0, 0)), tmp_path)
    assert bent[6:] == pytest.approx([0, math.radians(25)], abs=1e-4)
    # eyes that stay on the camera while the head turns away
    kept = gaze_of(looking((30, 0, 0), (-30, 0)), tmp_path)
    assert kept[6:] == pytest.approx([0, 0], abs=1e-4)
    # a head that lies on its side, its top to the picture's right: its own left is down there
    tilted = gaze_of(looking((0, 0, 90), (20, 0)), tmp_path)
    assert tilted[6:] == pytest.approx([0, math.radians(20)], abs=1e-4)


def test_the_heads_place_is_in_millimetres_right_down_and_away(tmp_path: Path) -> None:
    write_session(make_result(looking((5, 6, 7), (1, 2))), tmp_path)
    (row,) = openface(tmp_path)
    # with one place behind the point
    assert [float(row[name]) for name in PLACE_COLUMNS] == pytest.approx(
        [31.25, -26.25, 615], abs=0.051
    )


def blinking(t_s: float) -> FrameResult:
    """Two faces; the first one's right eye is known at 0.4 s to have blinked for 0.25 s."""
    blinks = (Blink("right", 0.14, 0.25, 0.9),) if t_s == 0.4 else ()
    first = replace(FACE, measures=replace(made_measures(0), blinks=blinks))
    other = replace(OTHER, measures=replace(made_measures(1), blinks=()))
    if t_s == 0.3:
        first = replace(FACE, measures=None, unmeasured="hidden")
    return make_result(first, other, index=round(10 * t_s), t_s=t_s)


def test_au45_is_1_in_the_rows_of_the_face_that_blinks(tmp_path: Path) -> None:
    write_session(blinking(0.0), tmp_path)
    lines = [header_line("all")]
    for index in range(6):
        result = blinking(index / 10)
        lines.append(rows_of(result, Moment(index, index / 10, None), choice="all"))
    (tmp_path / RESULTS_FILE).write_text("".join(lines), "utf-8")
    rows = openface(tmp_path)
    of_first = [row["AU45_c"] for row in rows if row["face_id"] == "2"]
    # from 0.15 s to 0.4 s; what was hidden is not made up
    assert of_first == ["0", "0", "1", "", "0", "0"]
    assert {row["AU45_c"] for row in rows if row["face_id"] == "4"} == {"0"}


def test_au45_is_empty_where_no_eye_was_followed(tmp_path: Path) -> None:
    write_session(blinking(0.0), tmp_path)
    lines = [header_line("all")]
    for index, t_s in enumerate((0.0, 0.1, 0.2, 0.3, 0.8)):
        measures = replace(made_measures(0), blinks=())
        if index == 0:
            measures = replace(measures, blinks_followed=())
        result = make_result(replace(FACE, measures=measures), index=index, t_s=t_s)
        lines.append(rows_of(result, Moment(index, t_s, None), choice="all"))
    (tmp_path / RESULTS_FILE).write_text("".join(lines), "utf-8")
    # the last one has no picture before it that is near enough
    assert [row["AU45_c"] for row in openface(tmp_path)] == ["", "0", "0", "0", ""]


def test_without_measures_the_columns_are_those_of_before(tmp_path: Path) -> None:
    lines = [header_line(), rows_of(make_result(FACE), Moment(0, 0.0, None))]
    write_session(make_result(FACE), tmp_path)
    (tmp_path / RESULTS_FILE).write_text("".join(lines), "utf-8")
    assert list(openface(tmp_path)[0]) == [
        "frame", "face_id", "timestamp", "confidence", "success", "pose_Rx", "pose_Ry", "pose_Rz",
    ]  # fmt: skip


def test_a_frame_without_a_face_leaves_the_measures_empty(tmp_path: Path) -> None:
    write_session(make_result(), tmp_path)
    (row,) = openface(tmp_path)
    assert np.all([row[name] == "" for name in (*GAZE_COLUMNS, *PLACE_COLUMNS, "AU45_c")])
