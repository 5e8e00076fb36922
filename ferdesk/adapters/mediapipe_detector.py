"""Faces found by MediaPipe's two detectors, each of which misses faces that the other finds."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE, Framing
from ferdesk.core.pose import Landmarks, head_pose
from ferdesk.core.types import Box, Detection
from ferdesk.errors import ModelError

if TYPE_CHECKING:
    from types import TracebackType

SHORT_RANGE_FILE = "face_detection_short_range.tflite"
FULL_RANGE_FILE = "face_detection_full_range_sparse.tflite"
MIN_SCORE = 0.35
"""Below this nothing is looked at; between this and the limits below a find is not sure."""
_SURE_SCORE = 0.7
_SURE_SCORE_NEAR = 0.5
_SURE_SCORE_SHORT_RANGE_ALONE = 0.8
_NEAR_SHARE = 0.25
"""A face with at least this share of the picture's shorter side is near."""
_SAME_FACE_IOU = 0.3
_SAME_FACE_INSIDE = 0.7
_SMALLEST_PICTURE_PX = 16
_LONGEST_ASPECT = 8
_TILE_EDGE_SHARE = 0.01


class MediaPipeDetector:
    """Full range, and short range for the near faces that it misses, their answers merged.

    Where nobody is sure to be seen, the full-range model also searches overlapping square tiles,
    which shows it smaller faces at about three times the cost; a ``thorough`` detector always does.
    """

    def __init__(
        self, models: Path, *, thorough: bool = False, min_score: float = MIN_SCORE
    ) -> None:
        """Load both models from the folder ``models``.

        Raises:
            ModelError: a file is missing or cannot be loaded.
        """
        # MediaPipe takes about a second to import, which the window must not wait for
        import mediapipe as mp

        self._mp = mp
        self._thorough = thorough
        self._full = self._load(models / FULL_RANGE_FILE, min_score)
        try:
            self._short = self._load(models / SHORT_RANGE_FILE, min_score)
        except ModelError:
            self._full.close()
            raise

    def __enter__(self) -> "MediaPipeDetector":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: "TracebackType | None",
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the native detectors; one left open complains at the interpreter's exit."""
        self._short.close()
        self._full.close()

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces of ``image`` [H, W, 3] uint8 RGB, the surest first."""
        height, width = image.shape[:2]
        if min(height, width) < _SMALLEST_PICTURE_PX:
            return []
        shorter_side_px = min(height, width)
        full = self._run(self._full, image, FULL_RANGE)
        short = self._run(self._short, image, SHORT_RANGE)
        faces = judged([*full, *short], shorter_side_px)
        if self._thorough or not any(face.sure for face in faces):
            faces = judged([*full, *self._search_tiles(image), *short], shorter_side_px)
        return faces

    def _search_tiles(self, image: NDArray[np.uint8]) -> list[Detection]:
        found: list[Detection] = []
        for x, y, side in tiles(image.shape[1], image.shape[0]):
            tile = image[y : y + side, x : x + side]
            for detection in self._run(self._full, tile, FULL_RANGE):
                box = Box(
                    detection.box.x + x, detection.box.y + y,
                    detection.box.width, detection.box.height,
                )  # fmt: skip
                if not _cut_by_tile(box, x, y, side, image.shape[1], image.shape[0]):
                    found.append(replace(detection, box=box))
        return found

    def _load(self, path: Path, min_score: float) -> Any:  # noqa: ANN401 (an untyped library)
        vision = self._mp.tasks.vision
        try:
            # by content, since the native loader mishandles some paths on Windows
            base = self._mp.tasks.BaseOptions(model_asset_buffer=path.read_bytes())
            return vision.FaceDetector.create_from_options(
                vision.FaceDetectorOptions(
                    base_options=base,
                    running_mode=vision.RunningMode.IMAGE,
                    min_detection_confidence=min_score,
                )
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelError(f"The face detector {path} cannot be loaded: {error}.") from error

    def _run(
        self,
        detector: Any,  # noqa: ANN401 (an untyped library)
        image: NDArray[np.uint8],
        framing: Framing,
    ) -> list[Detection]:
        height, width = image.shape[:2]
        picture = self._mp.Image(
            image_format=self._mp.ImageFormat.SRGB, data=np.ascontiguousarray(image)
        )
        return [
            _detection(found, width, height, framing)
            for found in detector.detect(picture).detections
        ]


def _detection(found: Any, width: int, height: int, framing: Framing) -> Detection:  # noqa: ANN401
    box = found.bounding_box
    # right eye, left eye, nose, mouth, right ear, left ear; in shares of the picture
    pose = head_pose(Landmarks(*((p.x * width, p.y * height) for p in found.keypoints)))
    return Detection(
        box=Box(float(box.origin_x), float(box.origin_y), float(box.width), float(box.height)),
        score=min(max(float(found.categories[0].score), 0.0), 1.0),
        framing=framing,
        roll_deg=pose.roll_deg,
        yaw_deg=pose.yaw_deg,
        pitch_deg=pose.pitch_deg,
    )


def merged(detections: Sequence[Detection]) -> list[Detection]:
    """One detection a face, the surest first.

    Of several on the same face the earliest in ``detections`` stays, with the best of their
    scores. Earlier means a steadier box: the full-range model's, a tile's, the short-range one's.
    """
    kept: list[Detection] = []
    for detection in detections:
        for i, other in enumerate(kept):
            if _same_face(detection.box, other.box):
                kept[i] = replace(other, score=max(other.score, detection.score))
                break
        else:
            kept.append(detection)
    return sorted(kept, key=lambda detection: -detection.score)


def judged(found: Sequence[Detection], shorter_side_px: int) -> list[Detection]:
    """``found`` merged, each detection with its ``sure`` set.

    Patterns that look like a face to a detector are mostly small, so small finds need a high
    score; for near ones a middling score will do, or that both models see them. A hand before the
    body looks like a near face to the short-range model alone, so where the other model sees
    people, what it does not confirm needs a very high score.
    """

    def confirmed(detection: Detection) -> bool:
        return any(
            other.framing != detection.framing and _same_face(other.box, detection.box)
            for other in found
        )

    def enough(detection: Detection) -> bool:
        if detection.box.width < _NEAR_SHARE * shorter_side_px:
            return detection.score >= _SURE_SCORE
        return detection.score >= _SURE_SCORE_NEAR or confirmed(detection)

    faces = merged(found)
    someone = any(enough(face) for face in faces if face.framing != SHORT_RANGE)

    def sure(detection: Detection) -> bool:
        if someone and detection.framing == SHORT_RANGE:
            return detection.score >= _SURE_SCORE_SHORT_RANGE_ALONE
        return enough(detection)

    return [replace(face, sure=sure(face)) for face in faces]


def _same_face(box: Box, other: Box) -> bool:
    return box.iou(other) > _SAME_FACE_IOU or box.inside(other) > _SAME_FACE_INSIDE


def tiles(width: int, height: int) -> Iterator[tuple[int, int, int]]:
    """Squares (x, y, side) that cover the longer axis, each overlapping half of the next."""
    side, length = min(width, height), max(width, height)
    if length > _LONGEST_ASPECT * side:
        return
    num = math.ceil((length - side) / (side / 2)) + 1
    if num < 2:
        return
    for i in range(num):
        offset = round(i * (length - side) / (num - 1))
        yield (offset, 0, side) if width >= height else (0, offset, side)


def _cut_by_tile(box: Box, x: int, y: int, side: int, width: int, height: int) -> bool:
    """Whether a box touches an edge of its tile that is not one of the picture: half a face."""
    margin = side * _TILE_EDGE_SHARE
    return (
        (x > 0 and box.x < x + margin)
        or (y > 0 and box.y < y + margin)
        or (x + side < width and box.x + box.width > x + side - margin)
        or (y + side < height and box.y + box.height > y + side - margin)
    )
