"""``ferdesk doctor --compare-mediapipe``: the same pictures through MediaPipe's own tasks and ours.

Both find and frame each face by themselves, so differences of framing are in the numbers. The last
column (the movement that differs most, and the angle) leaves them out: there ferdesk begins with
MediaPipe's own points.
"""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ferdesk.core.measures.comparison import FaceDifference, MeasuredFace, difference, pairs_of
from ferdesk.core.measures.framing import square_of_box
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.core.measures.pose import pose_matrix
from ferdesk.core.types import Frame
from ferdesk.paths import assets_folder, detectors_folder, mediapipe_folder

if TYPE_CHECKING:
    from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
    from ferdesk.adapters.networks.mediapipe_tasks import MediaPipeLandmarker, ReferenceFace
    from ferdesk.core.measurer import MeasureModels

_DEMO = ("collins.webp", "hopper.webp")
_MOST_OF_A_FILE = 20
_EVERY_S = 1.0
_MIN_SCORE = 0.5
"""MediaPipe's own least score of a face."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One face in one picture: by how much ours differs, and by how much from the same points."""

    picture: str
    frame: int
    own: FaceDifference
    from_same_points: FaceDifference


@dataclass(frozen=True, slots=True)
class Comparison:
    """All faces compared, and how many only one of both found."""

    version: str
    faces: tuple[Compared, ...]
    only_mediapipe: int
    only_ferdesk: int


def compare(files: Sequence[Path], as_json: bool) -> None:
    """Print the differences on ``files``, or on the demo's portraits where none are named.

    Raises:
        ModelError: MediaPipe's package is not installed or cannot be used.
        SourceError: a file cannot be read.
    """
    result = comparison(files or [assets_folder() / "demo" / name for name in _DEMO])
    if as_json:
        sys.stdout.write(json.dumps(asdict(result), indent=2) + "\n")
        return
    _print(result)


def comparison(files: Sequence[Path]) -> Comparison:
    """Comparison of the faces in ``files``, pictures or videos.

    Raises:
        ModelError: MediaPipe's package is not installed or cannot be used.
        SourceError: a file cannot be read.
    """
    # both take a part of a second, which no other check of the doctor needs
    from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
    from ferdesk.adapters.networks.mediapipe_tasks import MediaPipeLandmarker
    from ferdesk.factory.models import measure_models

    found: list[Compared] = []
    only_mediapipe = only_ferdesk = 0
    models = measure_models()
    with (
        contextlib.closing(MediaPipeLandmarker(mediapipe_folder())) as theirs,
        MediaPipeNetworks(detectors_folder(), models.networks) as networks,
    ):
        for path in files:
            for frame in _pictures_of(path):
                references, others = _of_mediapipe(theirs, frame)
                ours = _of_ferdesk(networks, models, frame)
                pairs = pairs_of(ours, others)
                only_mediapipe += len(others) - len(pairs)
                only_ferdesk += len(ours) - len(pairs)
                for i, j in pairs:
                    again = _from_points(models, references[j], frame)
                    found.append(
                        Compared(
                            path.name, frame.index,
                            difference(ours[i], others[j]), difference(again, others[j]),
                        )
                    )  # fmt: skip
        version = theirs.version
    return Comparison(version, tuple(found), only_mediapipe, only_ferdesk)


def _pictures_of(path: Path) -> Iterator[Frame]:
    """A picture, or of a video one a second, the first twenty."""
    from ferdesk.factory.sources import frames_of, open_source

    source = open_source(str(path))
    due_s, num_given = -1.0, 0
    with contextlib.closing(source):
        source.open()
        for frame in frames_of(source):
            if due_s <= frame.t_s:
                due_s, num_given = frame.t_s + _EVERY_S, num_given + 1
                yield frame
            if num_given == _MOST_OF_A_FILE:
                return


def _of_mediapipe(
    theirs: "MediaPipeLandmarker", frame: Frame
) -> tuple[list["ReferenceFace"], list[MeasuredFace]]:
    faces = theirs.faces(frame.image)
    return faces, [
        MeasuredFace(one.points, one.movements, one.matrix[:3, :3], one.matrix[:3, 3])
        for one in faces
    ]


def _of_ferdesk(
    networks: "MediaPipeNetworks", models: "MeasureModels", frame: Frame
) -> list[MeasuredFace]:
    """Our faces, found as MediaPipe's task does: by the short-range network on the whole."""
    from ferdesk.core.detection.tiling import whole

    squares = [
        square_of_box(one.box, one.framing, one.roll_deg)
        for one in networks.detect_short_range(frame.image, whole(frame.image))
        if one.score >= _MIN_SCORE
    ]
    return _measured(models, models.networks.landmarks(frame.image, squares), frame)


def _from_points(models: "MeasureModels", face: "ReferenceFace", frame: Frame) -> MeasuredFace:
    return _measured(models, [FaceLandmarks(face.points.copy(), 1.0)], frame)[0]


def _measured(
    models: "MeasureModels", faces: Sequence[FaceLandmarks], frame: Frame
) -> list[MeasuredFace]:
    height, width = frame.image.shape[:2]
    movements = models.networks.movements(faces)
    return [
        MeasuredFace(face.points, one, *pose_matrix(models.face, face.points, width, height))
        for face, one in zip(faces, movements, strict=True)
    ]


def _print(result: Comparison) -> None:
    from rich.table import Column, Table

    from ferdesk.cli.terminal import console_on

    console = console_on()
    titles = "picture", "landmarks", "worst", "movement", "yaw pitch roll", "place", "same points"
    # a name that is cut off says nothing
    table = Table(*(Column(title, overflow="fold") for title in titles))
    for one in result.faces:
        own, same = one.own, one.from_same_points
        name = one.picture if one.frame == 0 else f"{one.picture} {one.frame}"
        table.add_row(
            name, f"{100 * own.mean_landmark:.2f} %", f"{100 * own.worst_landmark:.2f} %",
            f"{own.movement} {own.movement_off:.3f}",
            f"{own.yaw_deg:+.2f} {own.pitch_deg:+.2f} {own.roll_deg:+.2f}",
            f"{own.place_cm:.1f} cm", f"{same.movement_off:.4f} {_angle(same):.3f}",
        )  # fmt: skip
    if result.faces:
        console.print(table)
    console.print(_sentence(result))


def _angle(one: FaceDifference) -> float:
    return max(abs(one.yaw_deg), abs(one.pitch_deg), abs(one.roll_deg))


def _sentence(result: Comparison) -> str:
    """What the table says in one sentence or two."""
    parts = []
    if result.faces:
        landmarks = np.mean([one.own.mean_landmark for one in result.faces])
        angle = max(_angle(one.own) for one in result.faces)
        parts.append(
            f"{len(result.faces)} {'face' if len(result.faces) == 1 else 'faces'} compared with "
            f"MediaPipe {result.version}: landmarks differ "
            f"by {100 * landmarks:.2f} % of the distance of the eyes (mean), angles by up to "
            f"{angle:.2f} degrees."
        )
    else:
        parts.append(f"MediaPipe {result.version} and ferdesk found no face in common.")
    if result.only_mediapipe or result.only_ferdesk:
        parts.append(
            f"Found by MediaPipe only: {result.only_mediapipe}; by ferdesk only: "
            f"{result.only_ferdesk}."
        )
    return " ".join(parts)
