"""Drawing of landmarks into a video's pictures, as the window paints them over the faces."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.drawing import LandmarksShown, drawn_lines, drawn_points, strokes
from ferdesk.core.palette import rgb
from ferdesk.core.types import FaceResult

_STEPS = 4
"""Bits of a pixel's fraction in which OpenCV takes places."""
_USUAL_SIDE_PX = 720
"""Strokes have their widths in a picture of so many lines, and at least a pixel in any."""


def draw_landmarks(
    image: NDArray[np.uint8], faces: Sequence[FaceResult], shown: LandmarksShown
) -> NDArray[np.uint8]:
    """A copy of ``image`` [H, W, 3] RGB with the landmarks of each face that has some."""
    drawn = image.copy()
    scale = max(min(image.shape[:2]) / _USUAL_SIDE_PX, 0.5)
    for face in faces:
        if face.measures is None:
            continue
        points = drawn_points(face.measures, shown)
        lines = drawn_lines(face.measures, shown)
        for one in strokes(face.measures, shown, 1 / max(scale, 1.0)):
            width = max(1, round(one.width * scale))
            _blend(drawn, points, lines, rgb(one.colour), one.opacity, width)
    return drawn


def _blend(
    image: NDArray[np.uint8],
    points: NDArray[np.float32],
    lines: NDArray[np.float32],
    colour: tuple[int, int, int],
    opacity: float,
    width: int,
) -> None:
    """Draw ``points`` [n, 2] and ``lines`` [m, 2, 2] over the part of ``image`` they lie in."""
    import cv2

    ends = np.concatenate([points, lines.reshape(-1, 2)])
    if not len(ends):
        return
    height, whole_width = image.shape[:2]
    left, top = (max(0, int(low) - width) for low in ends.min(axis=0))
    right, bottom = (int(high) + width + 2 for high in ends.max(axis=0))
    region = image[top : min(bottom, height), left : min(right, whole_width)]
    if not region.size:
        return
    layer = region.copy()
    # coordinates are continuous: the middle of the first pixel is 0.5 here and 0 to OpenCV
    corner = np.array([left + 0.5, top + 0.5])
    places = np.rint((lines - corner) * (1 << _STEPS)).astype(np.int32)
    cv2.polylines(layer, list(places), False, colour, width, cv2.LINE_AA, _STEPS)
    if width == 1 and len(points):
        # a circle with soft edges, however small, covers nine pixels
        columns, rows = np.floor(points - [left, top]).astype(int).T
        inside = (rows >= 0) & (rows < region.shape[0]) & (columns >= 0)
        inside &= columns < region.shape[1]
        layer[rows[inside], columns[inside]] = colour
        points = points[:0]
    for x, y in np.rint((points - corner) * (1 << _STEPS)).astype(int).tolist():
        radius = round(width / 2 * (1 << _STEPS))
        cv2.circle(layer, (x, y), radius, colour, cv2.FILLED, cv2.LINE_AA, _STEPS)
    region[:] = cv2.addWeighted(layer, opacity, region, 1 - opacity, 0)
