"""Faces found by MediaPipe's two detectors, each of which misses faces that the other finds."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE, Framing
from ferdesk.core.pose import Landmarks, head_pose
from ferdesk.core.search import Region, cut_by
from ferdesk.core.types import Box, Detection
from ferdesk.errors import ModelError
from ferdesk.integrity import check_content
from ferdesk.late_imports import late
from ferdesk.sentences import say

if TYPE_CHECKING:
    from types import TracebackType

SHORT_RANGE_FILE = "face_detection_short_range.tflite"
FULL_RANGE_FILE = "face_detection_full_range_sparse.tflite"
MIN_SCORE = 0.35
"""Below this nothing is looked at."""


class MediaPipeDetector:
    """The two models as eyes: full range sees far, short range sees near and is fast.

    Which part of a picture they are shown, and what of their answers is believed, is decided in
    ``ferdesk.core.search``.
    """

    def __init__(self, models: Path, *, min_score: float = MIN_SCORE) -> None:
        """Load both models from the folder ``models``.

        Raises:
            ModelError: a file is missing, damaged or cannot be loaded.
        """
        # MediaPipe takes a while to import, which the window must not wait for; most of it was
        # for drawing and listening, which nobody does here
        with late("matplotlib", "matplotlib.pyplot", "sounddevice"):
            import mediapipe as mp

        self._mp = mp
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

    def look_far(self, image: NDArray[np.uint8], region: Region) -> list[Detection]:
        """What the full-range model finds in a part of ``image`` [H, W, 3] uint8 RGB."""
        return self._look(self._full, image, region, FULL_RANGE)

    def look_near(self, image: NDArray[np.uint8], region: Region) -> list[Detection]:
        """What the short-range model finds in a part of ``image``."""
        return self._look(self._short, image, region, SHORT_RANGE)

    def _look(
        self,
        detector: Any,  # noqa: ANN401 (an untyped library)
        image: NDArray[np.uint8],
        region: Region,
        framing: Framing,
    ) -> list[Detection]:
        """Finds in pixels of the whole picture, without halves of faces at the region's edges."""
        height, width = image.shape[:2]
        part = image[region.y : region.y + region.height, region.x : region.x + region.width]
        found: list[Detection] = []
        for find in self._run(detector, part, framing):
            box = replace(find.box, x=find.box.x + region.x, y=find.box.y + region.y)
            if not cut_by(region, box, width, height):
                found.append(replace(find, box=box))
        return found

    def _load(self, path: Path, min_score: float) -> Any:  # noqa: ANN401 (an untyped library)
        vision = self._mp.tasks.vision
        try:
            # by content, since the native loader mishandles some paths on Windows
            content = path.read_bytes()
            check_content(path, content)
            base = self._mp.tasks.BaseOptions(model_asset_buffer=content)
            return vision.FaceDetector.create_from_options(
                vision.FaceDetectorOptions(
                    base_options=base,
                    running_mode=vision.RunningMode.IMAGE,
                    min_detection_confidence=min_score,
                )
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelError(
                say("The face detector {path} cannot be loaded: {why}.", path=path, why=error)
            ) from error

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
