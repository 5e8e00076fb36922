"""Faces found by MediaPipe's two detection networks, each of which misses faces the other finds.

The networks are MediaPipe's, the runtime is ONNX Runtime (``scripts/convert_detectors.py``). What
surrounds them is as MediaPipe does it (Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face
Detection on Mobile GPUs", 2019): anchors, and boxes that overlap blended by their scores.
"""

import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE
from ferdesk.core.detection.live import WHOLE_PX, Region, cut_by, whole
from ferdesk.core.geometry import Box, Framing
from ferdesk.core.head_pose import Landmarks, head_pose
from ferdesk.core.types import Detection
from ferdesk.errors import ModelError
from ferdesk.integrity import check_content
from ferdesk.messages import translatable

if TYPE_CHECKING:
    from types import TracebackType

    import onnxruntime

SHORT_RANGE_FILE = "face_detection_short_range.onnx"
FULL_RANGE_FILE = "face_detection_full_range.onnx"
MIN_SCORE = 0.35
"""Below this nothing is looked at."""
_SHORT_RANGE_PX = 128
"""Side of the square that the short-range network takes, and no other."""
_BLENDED_IOU = 0.3
_MOST_HOPEFUL = 512
"""Each is held against each other; a crowd that fills the picture gives a third of these."""
_SIDE_STEP_PX = 32
"""The full-range network halves its picture five times."""


class MediaPipeNetworks:
    """The two networks as eyes: full range sees far, short range sees near and is fast.

    Which part of a picture they are shown, and what of their answers is believed, is decided in
    ``ferdesk.core.detection.live``.
    """

    def __init__(self, folder: Path, *, min_score: float = MIN_SCORE) -> None:
        """Load both networks from ``folder``.

        Raises:
            ModelError: a file is missing, damaged or cannot be loaded.
        """
        self._far = _Network(folder / FULL_RANGE_FILE, min_score)
        self._near = _Network(folder / SHORT_RANGE_FILE, min_score)
        # OpenCV is loaded and memory taken here, not on the first picture
        nobody = np.zeros((WHOLE_PX, WHOLE_PX, 3), np.uint8)
        self.detect_full_range(nobody, whole(nobody))
        self.detect_short_range(nobody, whole(nobody))

    def __enter__(self) -> "MediaPipeNetworks":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: "TracebackType | None",
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held open: the networks live in memory and end with this object."""

    def detect_full_range(
        self, image: NDArray[np.uint8], region: Region, scale: float | None = None
    ) -> list[Detection]:
        """What the full-range network finds in a part of ``image`` [H, W, 3] uint8 RGB.

        ``scale`` is how much the part is shrunk before it is looked at; without it, so much that
        its longer side has the 192 pixels that the network was trained on.
        """
        if scale is None:
            scale = WHOLE_PX / max(region.width, region.height)
        shown = _shrunk(image, region, scale)
        height, width = (-(-side // _SIDE_STEP_PX) * _SIDE_STEP_PX for side in shown.shape[:2])
        finds = self._far.look(_padded(shown, height, width), _far_anchors(height, width))
        return _placed(finds, image, region, shown.shape, FULL_RANGE)

    def detect_short_range(self, image: NDArray[np.uint8], region: Region) -> list[Detection]:
        """What the short-range network finds in a part of ``image``."""
        shown = _shrunk(image, region, _SHORT_RANGE_PX / max(region.width, region.height))
        finds = self._near.look(_padded(shown, _SHORT_RANGE_PX, _SHORT_RANGE_PX), _NEAR_ANCHORS)
        return _placed(finds, image, region, shown.shape, SHORT_RANGE)


class _Network:
    """One of the networks: pictures in, finds in their pixels out."""

    def __init__(self, path: Path, min_score: float) -> None:
        self._least_logit = math.log(min_score / (1 - min_score))
        self._session = _open_session(path)

    def look(
        self, picture: NDArray[np.uint8], anchors: NDArray[np.float32]
    ) -> list[tuple[float, NDArray[np.float32]]]:
        """Score and [8, 2] points of each find in ``picture`` [h, w, 3].

        The points are the box's upper left and lower right corner, then eyes, nose, mouth and ears.
        ``anchors`` [n, 2] are the places that the network's answers refer to.
        """
        boxes, scores = self._session.run(["boxes", "scores"], {"pictures": picture[None]})
        logits = scores[0, :, 0]
        hopeful = np.flatnonzero(logits >= self._least_logit)
        if not len(hopeful):
            return []
        if len(hopeful) > _MOST_HOPEFUL:
            hopeful = hopeful[np.argsort(-logits[hopeful])[:_MOST_HOPEFUL]]
        points = boxes[0, hopeful].reshape(-1, 8, 2)
        half = points[:, 1] / 2
        points[:, 1] = 0
        points += anchors[hopeful, None]
        points[:, 1] = points[:, 0] + half
        points[:, 0] -= half
        return _blended(points, 1 / (1 + np.exp(-logits[hopeful])))


def _blended(
    points: NDArray[np.float32], scores: NDArray[np.float32]
) -> list[tuple[float, NDArray[np.float32]]]:
    """Finds [n, 8, 2] that overlap as one: its points the mean by score, its score the best."""
    left = np.argsort(-scores, kind="stable")
    alike = _iou(points) > _BLENDED_IOU
    found = []
    while len(left):
        best = left[0]
        same = alike[best, left]
        same[0] = True
        group = left[same]
        weights = scores[group] / scores[group].sum()
        blended = np.einsum("n,npc->pc", weights, points[group]) if len(group) > 1 else points[best]
        found.append((float(scores[best]), blended))
        left = left[~same]
    return found


def _iou(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n, n] of boxes [n, 8, 2] with each other, by their corners."""
    first, last = points[:, 0], points[:, 1]
    common = np.minimum(last[:, None], last) - np.maximum(first[:, None], first)
    inter = np.maximum(common, 0).prod(axis=2)
    areas = (last - first).prod(axis=1)
    union = areas[:, None] + areas - inter
    return np.asarray(inter / np.maximum(union, 1e-6), dtype=np.float32)


def _grid(height: int, width: int, stride: int, num: int) -> NDArray[np.float32]:
    """[n, 2] middles of cells of ``stride`` pixels, row by row, each ``num`` times."""
    y, x = np.mgrid[0:height, 0:width]
    middles = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride
    return np.repeat(middles, num, axis=0).astype(np.float32)


@lru_cache(maxsize=16)
def _far_anchors(height: int, width: int) -> NDArray[np.float32]:
    return _grid(height // 4, width // 4, 4, 1)


_NEAR_ANCHORS = np.concatenate([_grid(16, 16, 8, 2), _grid(8, 8, 16, 6)])


def _shrunk(image: NDArray[np.uint8], region: Region, scale: float) -> NDArray[np.uint8]:
    # OpenCV takes a while to load, which the window must not wait for
    import cv2

    part = image[region.y : region.y + region.height, region.x : region.x + region.width]
    size = max(round(region.width * scale), 1), max(round(region.height * scale), 1)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _padded(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """With black to the right and below, as MediaPipe fills a square."""
    if picture.shape[:2] == (height, width):
        return picture
    filled = np.zeros((height, width, 3), np.uint8)
    filled[: picture.shape[0], : picture.shape[1]] = picture
    return filled


def _placed(
    finds: list[tuple[float, NDArray[np.float32]]],
    image: NDArray[np.uint8],
    region: Region,
    shown: tuple[int, ...],
    framing: Framing,
) -> list[Detection]:
    """Finds in pixels of the whole picture, without halves of faces at the region's edges."""
    height, width = image.shape[:2]
    factor = np.array([region.width / shown[1], region.height / shown[0]])
    corner = np.array([region.x, region.y])
    found = []
    for score, points in finds:
        (left, top), (right, bottom), *landmarks = (corner + points * factor).tolist()
        box = Box(left, top, right - left, bottom - top)
        if box.width <= 0 or box.height <= 0 or cut_by(region, box, width, height):
            continue
        # right eye, left eye, nose, mouth, right ear, left ear
        pose = head_pose(Landmarks(*((x, y) for x, y in landmarks)))
        found.append(
            Detection(
                box=box,
                score=min(score, 1.0),
                framing=framing,
                roll_deg=pose.roll_deg,
                yaw_deg=pose.yaw_deg,
                pitch_deg=pose.pitch_deg,
            )
        )
    return found


def _open_session(path: Path) -> "onnxruntime.InferenceSession":
    import onnxruntime

    # ferdesk/__init__.py has told it by the environment; this holds if that was too late
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # the networks are too small for two threads: those would mostly wait for each other
    options.intra_op_num_threads = 1
    try:
        content = path.read_bytes()
        check_content(path, content)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except ModelError:
        raise
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base
        why = error.strerror if isinstance(error, OSError) else error
        raise ModelError(
            translatable("The face detector {path} cannot be loaded: {why}.", path=path, why=why)
        ) from error
