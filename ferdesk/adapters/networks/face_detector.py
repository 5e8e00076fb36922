"""Face detector networks: MediaPipe's BlazeFace, full range and short range, in ONNX Runtime.

Two functions, each from a region of a picture to detections; each network misses faces that the
other detects. What surrounds them is as MediaPipe does it (Bazarevsky et al., "BlazeFace:
Sub-millisecond Neural Face Detection on Mobile GPUs", 2019): anchors and weighted non-maximum
suppression (NMS). ``scripts/convert_detectors.py`` makes the files.
"""

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.networks.face_landmarks import MediaPipeLandmarks
from ferdesk.adapters.networks.network_session import open_session
from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE
from ferdesk.core.detection.networks import FULL_RANGE_PX
from ferdesk.core.geometry import Box, Framing, Region
from ferdesk.core.head_pose import Landmarks, head_pose
from ferdesk.core.measures.framing import square_of_box
from ferdesk.core.measures.landmarks import LandmarkNetworks
from ferdesk.core.types import Detection
from ferdesk.paths import landmarks_folder

if TYPE_CHECKING:
    from types import TracebackType

SHORT_RANGE_FILE = "face_detection_short_range.onnx"
FULL_RANGE_FILE = "face_detection_full_range.onnx"
MIN_SCORE = 0.35
"""Detections below this score are dropped."""
_SHORT_RANGE_PX = 128
"""Side of the square that the short-range network takes, and no other."""
_NMS_IOU = 0.3
_MOST_CANDIDATES = 512
"""NMS compares all pairs; a crowd that fills the picture gives a third of these."""
_SPREAD_ROLLS_DEG = (-15.0, 15.0)
"""Rolls, against the detection's own, of the two crops whose landmarks are compared."""
_SIDE_STEP_PX = 32
"""The full-range network halves its picture five times."""


class MediaPipeNetworks:
    """Detector networks: the full-range one finds small faces, the short-range one is fast."""

    def __init__(
        self,
        folder: Path,
        landmarks: LandmarkNetworks | None = None,
        *,
        min_score: float = MIN_SCORE,
    ) -> None:
        """Load the detectors from ``folder``; ``landmarks`` where they are loaded already.

        Raises:
            ModelError: a file is missing, damaged or cannot be loaded.
        """
        self._full_range = _Network(folder / FULL_RANGE_FILE, min_score)
        self._short_range = _Network(folder / SHORT_RANGE_FILE, min_score)
        self._landmarks = landmarks or MediaPipeLandmarks(landmarks_folder())
        # OpenCV is loaded and memory taken here, not on the first picture
        blank = np.zeros((FULL_RANGE_PX, FULL_RANGE_PX, 3), np.uint8)
        region = Region(0, 0, FULL_RANGE_PX, FULL_RANGE_PX)
        self.detect_full_range(blank, region)
        self.detect_short_range(blank, region)

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
        """Detections of the full-range network in a region of ``image`` [H, W, 3] uint8 RGB.

        ``scale`` resizes the region before; without it, its longer side becomes the 192 pixels that
        the network was trained on. Boxes are in pixels of the whole ``image``.
        """
        if scale is None:
            scale = FULL_RANGE_PX / max(region.width, region.height)
        resized = _resized(image, region, scale)
        height, width = (-(-side // _SIDE_STEP_PX) * _SIDE_STEP_PX for side in resized.shape[:2])
        candidates = self._full_range.run(
            _padded(resized, height, width), _full_range_anchors(height, width)
        )
        return _to_detections(candidates, region, resized.shape, FULL_RANGE)

    def detect_short_range(self, image: NDArray[np.uint8], region: Region) -> list[Detection]:
        """Detections of the short-range network in a region of ``image`` [H, W, 3] uint8 RGB."""
        resized = _resized(image, region, _SHORT_RANGE_PX / max(region.width, region.height))
        candidates = self._short_range.run(
            _padded(resized, _SHORT_RANGE_PX, _SHORT_RANGE_PX), _SHORT_RANGE_ANCHORS
        )
        return _to_detections(candidates, region, resized.shape, SHORT_RANGE)

    def landmark_spread(self, image: NDArray[np.uint8], detection: Detection) -> float:
        """Spread of landmarks at ``detection`` in ``image`` [H, W, 3] uint8 RGB, in faces.

        The mean distance, in the picture, of each landmark on a crop turned to one side from the
        same on a crop turned to the other, over the landmarks' own extent (the mean of width and
        height). On a face they are the same points; what is none has them wherever the crop leads.
        """
        square = square_of_box(detection.box, detection.framing, detection.roll_deg)
        crops = [replace(square, roll_deg=square.roll_deg + roll) for roll in _SPREAD_ROLLS_DEG]
        one, other = (face.points[:, :2] for face in self._landmarks.landmarks(image, crops))
        extent = float(np.ptp(one, axis=0).mean())
        return float(np.linalg.norm(one - other, axis=1).mean()) / max(extent, 1e-6)


class _Network:
    """Detector network with its post-processing: a picture in, candidates in its pixels out."""

    def __init__(self, path: Path, min_score: float) -> None:
        self._least_logit = math.log(min_score / (1 - min_score))
        self._session = open_session(path)

    def run(
        self, picture: NDArray[np.uint8], anchors: NDArray[np.float32]
    ) -> list[tuple[float, NDArray[np.float32]]]:
        """Candidates in ``picture`` [h, w, 3] uint8 RGB: score and [8, 2] points of each.

        The points are the box's upper left and lower right corner, then eyes, nose, mouth and ears.
        ``anchors`` [n, 2] are the points (x, y) that the network's outputs are relative to.
        """
        boxes, scores = self._session.run(["boxes", "scores"], {"pictures": picture[None]})
        logits = scores[0, :, 0]
        candidates = np.flatnonzero(logits >= self._least_logit)
        if not len(candidates):
            return []
        if len(candidates) > _MOST_CANDIDATES:
            candidates = candidates[np.argsort(-logits[candidates])[:_MOST_CANDIDATES]]
        points = boxes[0, candidates].reshape(-1, 8, 2)
        half = points[:, 1] / 2
        points[:, 1] = 0
        points += anchors[candidates, None]
        points[:, 1] = points[:, 0] + half
        points[:, 0] -= half
        return weighted_nms(points, 1 / (1 + np.exp(-logits[candidates])))


def weighted_nms(
    points: NDArray[np.float32], scores: NDArray[np.float32]
) -> list[tuple[float, NDArray[np.float32]]]:
    """Weighted non-maximum suppression (NMS) of candidates [n, 8, 2] with ``scores`` [n].

    Those that overlap the best one are suppressed, and their points enter its points by score; its
    score stays. The first two points are a box's upper left and lower right corner.
    """
    remaining = np.argsort(-scores, kind="stable")
    overlapping = _iou(points) > _NMS_IOU
    kept = []
    while len(remaining):
        best = remaining[0]
        suppressed = overlapping[best, remaining]
        suppressed[0] = True
        group = remaining[suppressed]
        weights = scores[group] / scores[group].sum()
        mean = np.einsum("n,npc->pc", weights, points[group]) if len(group) > 1 else points[best]
        kept.append((float(scores[best]), mean))
        remaining = remaining[~suppressed]
    return kept


def _iou(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union (IoU), [n, n], of boxes [n, 8, 2] given by their corners."""
    first, last = points[:, 0], points[:, 1]
    common = np.minimum(last[:, None], last) - np.maximum(first[:, None], first)
    inter = np.maximum(common, 0).prod(axis=2)
    areas = (last - first).prod(axis=1)
    union = areas[:, None] + areas - inter
    return np.asarray(inter / np.maximum(union, 1e-6), dtype=np.float32)


def _grid(height: int, width: int, stride: int, num: int) -> NDArray[np.float32]:
    """Anchors [n, 2]: centres (x, y) of cells of ``stride`` pixels, row by row, ``num`` times."""
    y, x = np.mgrid[0:height, 0:width]
    centers = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride
    return np.repeat(centers, num, axis=0).astype(np.float32)


@lru_cache(maxsize=16)
def _full_range_anchors(height: int, width: int) -> NDArray[np.float32]:
    return _grid(height // 4, width // 4, 4, 1)


_SHORT_RANGE_ANCHORS = np.concatenate([_grid(16, 16, 8, 2), _grid(8, 8, 16, 6)])


def _resized(image: NDArray[np.uint8], region: Region, scale: float) -> NDArray[np.uint8]:
    # OpenCV takes a while to load, which the window must not wait for
    import cv2

    height, width = image.shape[:2]
    left, right = max(region.x, 0), min(region.x + region.width, width)
    top, bottom = max(region.y, 0), min(region.y + region.height, height)
    size = max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1)
    part = cv2.resize(image[top:bottom, left:right], size, interpolation=cv2.INTER_LINEAR)
    wanted = max(round(region.width * scale), 1), max(round(region.height * scale), 1)
    if wanted == size:
        return np.asarray(part, dtype=np.uint8)
    # what lies outside the picture repeats its border: black would read as occlusion
    before_x, before_y = round((left - region.x) * scale), round((top - region.y) * scale)
    after_x, after_y = wanted[0] - size[0] - before_x, wanted[1] - size[1] - before_y
    around = (before_y, max(after_y, 0), before_x, max(after_x, 0))
    return np.asarray(cv2.copyMakeBorder(part, *around, cv2.BORDER_REPLICATE), dtype=np.uint8)


def _padded(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Letterbox with black to the right and below, as MediaPipe fills a square."""
    if picture.shape[:2] == (height, width):
        return picture
    filled = np.zeros((height, width, 3), np.uint8)
    filled[: picture.shape[0], : picture.shape[1]] = picture
    return filled


def _to_detections(
    candidates: list[tuple[float, NDArray[np.float32]]],
    region: Region,
    resized: tuple[int, ...],
    framing: Framing,
) -> list[Detection]:
    """Detections in pixels of the whole picture, of candidates in pixels of the resized region."""
    factor = np.array([region.width / resized[1], region.height / resized[0]])
    corner = np.array([region.x, region.y])
    detections = []
    for score, points in candidates:
        (left, top), (right, bottom), *landmarks = (corner + points * factor).tolist()
        box = Box(left, top, right - left, bottom - top)
        if box.width <= 0 or box.height <= 0:
            continue
        # right eye, left eye, nose, mouth, right ear, left ear
        pose = head_pose(Landmarks(*((x, y) for x, y in landmarks)))
        detections.append(
            Detection(
                box=box,
                score=min(score, 1.0),
                framing=framing,
                roll_deg=pose.roll_deg,
                yaw_deg=pose.yaw_deg,
                pitch_deg=pose.pitch_deg,
            )
        )
    return detections
