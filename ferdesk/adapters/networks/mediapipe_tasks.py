"""MediaPipe's own tasks, an extra: its face detector to choose, its face landmarker to compare.

The package is imported when one of them is made and never before. It reports its use to its makers
when a task is closed. So tasks are left and never closed, and what the package sends by itself goes
to a proxy that is not there (``docs/privacy.md``).
"""

import importlib
import io
import logging
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.head_pose import Landmarks, head_pose
from ferdesk.core.types import Detection
from ferdesk.errors import ModelError
from ferdesk.integrity import check_content
from ferdesk.messages import translatable

log = logging.getLogger(__name__)

BUNDLE_FILE = "face_landmarker.task"
_DETECTOR_IN_BUNDLE = "face_detector.tflite"
_MODULE = "mediapipe"
_NOWHERE = "http://127.0.0.1:9"
"""Proxy that is not there: port 9 is given to a service that nobody runs."""
_PYTHONS = (3, 9), (3, 14)
"""The first and the last Python that MediaPipe 1.2.3 names."""
_MOST_FACES = 32
_SMALLEST_PX = 16


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceFace:
    """One face of MediaPipe's face landmarker.

    ``points`` [478, 3] float32 in pixels of the picture, z scaled as x; ``movements`` [52] float32;
    ``matrix`` [4, 4] is the place of the canonical face before the camera, in centimetres.
    """

    points: NDArray[np.float32]
    movements: NDArray[np.float32]
    matrix: NDArray[np.float64]


class MediaPipeDetector:
    """Face detector: MediaPipe's own task on each whole picture, and nothing around it.

    It finds what MediaPipe's users find with it: small faces in large pictures are missed.
    """

    def __init__(self, folder: Path) -> None:
        """Load the package and the detector from the bundle in ``folder``.

        Raises:
            ModelError: the package is not installed or cannot be used, or the bundle is damaged.
        """
        # first, as the packaged program has neither the package nor the bundle
        package = load_mediapipe()
        content = _from_bundle(folder, _DETECTOR_IN_BUNDLE)

        def make(mediapipe: Any) -> Any:  # noqa: ANN401 (the package has no types)
            vision = mediapipe.tasks.vision
            return vision.FaceDetector.create_from_options(
                vision.FaceDetectorOptions(
                    base_options=mediapipe.tasks.BaseOptions(model_asset_buffer=content)
                )
            )

        self._task = _Task(package, make)

    def close(self) -> None:
        """Leave the task without closing it, which would report its use."""
        self._task.leave()

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Detections in ``image`` [H, W, 3] uint8 RGB, by descending score."""
        if min(image.shape[:2]) < _SMALLEST_PX:
            return []
        result = self._task.detect(image)
        found = () if result is None else result.detections
        detections = [_detection(one, image.shape[1], image.shape[0]) for one in found]
        return sorted(
            (one for one in detections if one.box.area > 0), key=lambda detection: -detection.score
        )


class MediaPipeLandmarker:
    """Face landmarker: MediaPipe's own task in its mode for single pictures."""

    def __init__(self, folder: Path) -> None:
        """Load the package and the bundle in ``folder``.

        Raises:
            ModelError: the package is not installed or cannot be used, or the bundle is damaged.
        """
        package = load_mediapipe()
        content = _bundle(folder)

        def make(mediapipe: Any) -> Any:  # noqa: ANN401 (the package has no types)
            vision = mediapipe.tasks.vision
            return vision.FaceLandmarker.create_from_options(
                vision.FaceLandmarkerOptions(
                    base_options=mediapipe.tasks.BaseOptions(model_asset_buffer=content),
                    num_faces=_MOST_FACES,
                    output_face_blendshapes=True,
                    output_facial_transformation_matrixes=True,
                )
            )

        self._task = _Task(package, make)

    @property
    def version(self) -> str:
        """The package's version."""
        return self._task.version

    def close(self) -> None:
        """Leave the task without closing it, which would report its use."""
        self._task.leave()

    def faces(self, image: NDArray[np.uint8]) -> list[ReferenceFace]:
        """Faces in ``image`` [H, W, 3] uint8 RGB."""
        result = self._task.detect(image)
        if result is None:
            return []
        height, width = image.shape[:2]
        return [
            ReferenceFace(
                np.array([(p.x * width, p.y * height, p.z * width) for p in points], np.float32),
                np.array([one.score for one in blendshapes], np.float32),
                np.asarray(matrix, np.float64),
            )
            for points, blendshapes, matrix in zip(
                result.face_landmarks,
                result.face_blendshapes,
                result.facial_transformation_matrixes,
                strict=True,
            )
        ]


class _Task:
    """A task of the package that is made anew where a picture has ended it."""

    def __init__(
        self,
        package: Any,  # noqa: ANN401 (the package has no types)
        make: Callable[[Any], Any],
    ) -> None:
        self._mediapipe = package
        self._make = make
        self._task = self._made()

    @property
    def version(self) -> str:
        return str(self._mediapipe.__version__)

    def detect(self, image: NDArray[np.uint8]) -> Any:  # noqa: ANN401 (as above)
        """The task's result for ``image`` [H, W, 3] uint8 RGB; None where it refuses it twice.

        What it refuses ends a task for all pictures after it.
        """
        # the package reads the memory behind an array as if rows and pixels followed each other
        whole = np.ascontiguousarray(image)
        for _ in range(2):
            if self._task is None:
                self._task = self._made()
            try:
                picture = self._mediapipe.Image(
                    image_format=self._mediapipe.ImageFormat.SRGB, data=whole
                )
                return self._task.detect(picture)
            except (RuntimeError, ValueError) as error:
                log.warning("MediaPipe refused a picture of %s: %s", image.shape, str(error)[:200])
                self.leave()
        return None

    def leave(self) -> None:
        """Let the task go without its end: what it would do then is to report."""
        if self._task is not None:
            self._task._handle = None
            self._task = None

    def _made(self) -> Any:  # noqa: ANN401 (as above)
        try:
            task = self._make(self._mediapipe)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(
                translatable("MediaPipe's own detector cannot be loaded: {why}.", why=error)
            ) from error
        if not hasattr(task, "_handle"):
            raise ModelError(
                translatable(
                    "MediaPipe {version} cannot be kept from reporting its use; install "
                    "mediapipe==1.2.3.",
                    version=self.version,
                )
            )
        return task


def load_mediapipe() -> Any:  # noqa: ANN401 (the package has no types)
    """The package, kept from reporting before it is imported.

    Raises:
        ModelError: it is not installed, or it cannot be imported.
    """
    first, last = _PYTHONS
    here = sys.version_info[:2]
    before = os.environ.get("https_proxy")
    # libcurl, which is built into the package, asks for this each time; nothing else here does
    os.environ["https_proxy"] = _NOWHERE
    try:
        return importlib.import_module(_MODULE)
    except ModuleNotFoundError as error:
        if error.name == _MODULE:
            # nothing of it runs here, so whoever is started from here keeps the proxy there was
            _set_proxy(before)
        if not first <= here <= last:
            raise ModelError(
                translatable(
                    "MediaPipe is made for Python {first} to {last} and this is {here}; the "
                    "detectors that ship with ferdesk need no extra.",
                    first="{}.{}".format(*first),
                    last="{}.{}".format(*last),
                    here="{}.{}".format(*here),
                )
            ) from error
        raise ModelError(
            translatable(
                "MediaPipe is not installed ({why}); install it with: pip install "
                "'ferdesk[mediapipe]', or choose ferdesk's own detector.",
                why=error,
            )
        ) from error
    except (ImportError, OSError, AttributeError) as error:
        raise ModelError(
            translatable(
                "MediaPipe is installed and cannot be used: {why}. Choose ferdesk's own detector.",
                why=error,
            )
        ) from error


def _set_proxy(address: str | None) -> None:
    if address is None:
        os.environ.pop("https_proxy", None)
    else:
        os.environ["https_proxy"] = address


def _bundle(folder: Path) -> bytes:
    path = folder / BUNDLE_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            translatable(
                "The network {path} cannot be loaded: {why}.", path=path, why=error.strerror
            )
        ) from error
    check_content(path, content)
    return content


def _from_bundle(folder: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(_bundle(folder))) as archive:
            return archive.read(name)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelError(
            translatable(
                "The network {path} cannot be loaded: {why}.",
                path=folder / BUNDLE_FILE,
                why=error,
            )
        ) from error


def _detection(found: Any, width: int, height: int) -> Detection:  # noqa: ANN401 (as above)
    """A detection of the task, whose boxes are in pixels and whose points are shares."""
    box = found.bounding_box
    # right eye, left eye, nose, mouth, right ear, left ear
    pose = head_pose(Landmarks(*((p.x * width, p.y * height) for p in found.keypoints)))
    return Detection(
        box=Box(box.origin_x, box.origin_y, box.width, box.height),
        score=min(float(found.categories[0].score), 1.0),
        framing=SHORT_RANGE,
        roll_deg=pose.roll_deg,
        yaw_deg=pose.yaw_deg,
        pitch_deg=pose.pitch_deg,
    )
