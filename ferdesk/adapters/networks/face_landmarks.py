"""Face landmark networks: MediaPipe's face landmarker and its blendshapes, in ONNX Runtime.

Grishchenko et al., "Attention Mesh: High-fidelity Face Mesh Prediction in Real-time", 2020, is the
family they come from. ``scripts/convert_landmarks.py`` makes the files.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.networks.network_session import open_session
from ferdesk.core.measures.framing import CROP_PX, TurnedSquare
from ferdesk.core.measures.landmarks import NUM_MOVEMENTS, FaceLandmarks
from ferdesk.core.measures.pose import CanonicalFace
from ferdesk.errors import ModelError
from ferdesk.integrity import check_content
from ferdesk.messages import translatable

if TYPE_CHECKING:
    import onnxruntime

LANDMARKS_FILE = "face_landmarks.onnx"
CANONICAL_FACE_FILE = "canonical_face.npz"
BLENDSHAPES_FILE = "face_blendshapes.onnx"
_MOST_AT_ONCE = 8
"""Faces in one run; more would only take memory."""
# the points that the blendshape network takes, as MediaPipe's graph for it lists them
_SEEN_BY_BLENDSHAPES = np.array(
    [
        0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63,
        65, 66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133,
        136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163,
        168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270,
        276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317,
        318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379,
        380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454,
        466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
    ]
)  # fmt: skip


def load_canonical_face(folder: Path) -> CanonicalFace:
    """The canonical face that ships in ``folder``.

    Raises:
        ModelError: the file is missing, damaged or cannot be loaded.
    """
    path = folder / CANONICAL_FACE_FILE
    try:
        content = path.read_bytes()
        check_content(path, content)
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return CanonicalFace(
                arrays["points"], arrays["triangles"], arrays["fit"], arrays["weights"]
            )
    except (OSError, ValueError, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ModelError(
            translatable("The face model {path} cannot be loaded: {why}.", path=path, why=why)
        ) from error


class MediaPipeLandmarks:
    """Landmark networks; ``movements`` loads its network when it is first asked."""

    def __init__(self, folder: Path) -> None:
        """Load the landmark network from ``folder``.

        Raises:
            ModelError: the file is missing, damaged or cannot be loaded.
        """
        self._folder = folder
        self._landmarks = open_session(folder / LANDMARKS_FILE)
        self._blendshapes: onnxruntime.InferenceSession | None = None

    def close(self) -> None:
        """Nothing is held open: the networks live in memory and end with this object."""

    def landmarks(
        self, image: NDArray[np.uint8], squares: Sequence[TurnedSquare]
    ) -> list[FaceLandmarks]:
        """Landmarks of the face in each of ``squares`` of ``image`` [H, W, 3] uint8 RGB."""
        found: list[FaceLandmarks] = []
        for start in range(0, len(squares), _MOST_AT_ONCE):
            some = squares[start : start + _MOST_AT_ONCE]
            crops = np.stack([cut(image, square) for square in some])
            points, presence = self._landmarks.run(["points", "presence"], {"pictures": crops})
            found += [
                FaceLandmarks(square.to_picture(of_face), float(present))
                for square, of_face, present in zip(some, points, presence, strict=True)
            ]
        return found

    def movements(self, faces: Sequence[FaceLandmarks]) -> NDArray[np.float32]:
        """Movements [n, 52] float32 in [0, 1] of each of ``faces``.

        Raises:
            ModelError: the network's file is missing, damaged or cannot be loaded.
        """
        if not faces:
            return np.zeros((0, NUM_MOVEMENTS), np.float32)
        if self._blendshapes is None:
            self._blendshapes = open_session(self._folder / BLENDSHAPES_FILE)
        points = np.stack([face.points[_SEEN_BY_BLENDSHAPES, :2] for face in faces])
        (movements,) = self._blendshapes.run(["movements"], {"points": points})
        return np.asarray(movements, dtype=np.float32)


def try_networks(folder: Path) -> None:
    """Load and run all that measuring needs of ``folder``, once.

    Raises:
        ModelError: a file is missing, damaged or cannot be loaded.
    """
    load_canonical_face(folder)
    networks = MediaPipeLandmarks(folder)
    blank = np.zeros((CROP_PX, CROP_PX, 3), np.uint8)
    networks.movements(networks.landmarks(blank, [TurnedSquare(128.0, 128.0, float(CROP_PX))]))


def cut(image: NDArray[np.uint8], square: TurnedSquare) -> NDArray[np.uint8]:
    """Crop [256, 256, 3] uint8 of ``square``; what lies outside the picture repeats its border."""
    # OpenCV takes a while to load, which the window must not wait for
    import cv2

    crop = cv2.warpAffine(
        image,
        square.from_crop(),
        (CROP_PX, CROP_PX),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(crop, dtype=np.uint8)
