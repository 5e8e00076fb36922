"""Drawing of landmarks: which lines and points are shown, in pixels of the picture, and how.

The window and the video ask here, so that both show the same.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.values import FaceMeasures
from ferdesk.core.palette import PLATE, PLATE_TEXT

LandmarksShown = Literal["off", "points", "contours", "mesh"]
"""What is drawn of the landmarks: nothing; each point; the lines along face, brows, eyes, irises
and lips; or the edges of the whole surface."""

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10,
)  # fmt: skip
"""The outline of the face, clockwise in the picture from the middle of the forehead."""
_CONTOURS = (
    OVAL,
    # right eye, right brow, right iris; then the left ones; right and left are the person's own
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 33),
    (46, 53, 52, 65, 55),
    (70, 63, 105, 66, 107),
    (469, 470, 471, 472, 469),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 263),
    (276, 283, 282, 295, 285),
    (300, 293, 334, 296, 336),
    (474, 475, 476, 477, 474),
    # lips, outside and inside
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78),
)  # fmt: skip

_FULL_FROM_PX = 160.0
"""Faces drawn narrower than this get finer strokes: the mesh of one of 60 pixels was a white mask,
as its 1,300 edges of one pixel cover more than all of it."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """Stroke: a layer of what is drawn of a face, the lowest first.

    ``colour`` is one of the palette, ``opacity`` in [0, 1]; ``width`` is in pixels of the view.
    """

    colour: str
    opacity: float
    width: float


_DARK_EDGE = {"points": Stroke(PLATE, 0.5, 4.0), "contours": Stroke(PLATE, 0.4, 3.0)}
"""It is seen on bright skin too."""
_LIGHT = {
    "points": Stroke(PLATE_TEXT, 1.0, 2.0),
    "contours": Stroke(PLATE_TEXT, 0.9, 1.4),
    "mesh": Stroke(PLATE_TEXT, 0.45, 1.0),
}


def strokes(measures: FaceMeasures, shown: LandmarksShown, scale: float) -> tuple[Stroke, ...]:
    """Strokes of a face; ``scale`` is how many pixels of the view one of the picture takes."""
    if shown == "off":
        return ()
    low, high = (limit(measures.smoothed[list(OVAL), :2], axis=0) for limit in (np.min, np.max))
    share = min(1.0, float((high - low).max()) * scale / _FULL_FROM_PX)
    light, dark = _LIGHT[shown], _DARK_EDGE.get(shown)
    # a mesh covers the face: it fades where its lines lie close
    opacity = light.opacity * (share if shown == "mesh" else 1.0)
    layers = [Stroke(light.colour, opacity, max(1.0, light.width * share))]
    if dark is not None:
        width = max(1.0, dark.width * share)
        layers.insert(0, Stroke(dark.colour, dark.opacity * share, width))
    return tuple(layers)


def drawn_points(measures: FaceMeasures, shown: LandmarksShown) -> NDArray[np.float32]:
    """Points [n, 2] to be drawn of a face; none but with ``points``."""
    points = measures.smoothed[:, :2]
    return points if shown == "points" else points[:0]


def drawn_lines(measures: FaceMeasures, shown: LandmarksShown) -> NDArray[np.float32]:
    """Lines [n, 2, 2] to be drawn of a face: from a point x, y to another."""
    points = measures.smoothed[:, :2]
    if shown == "contours":
        return np.asarray(points[_contour_edges()], np.float32)
    if shown == "mesh":
        edges = np.concatenate([surface_edges(measures.triangles), _iris_edges()])
        return np.asarray(points[edges], np.float32)
    return np.zeros((0, 2, 2), np.float32)


def surface_edges(triangles: NDArray[np.int16]) -> NDArray[np.intp]:
    """Edges [n, 2] of a surface of ``triangles`` [m, 3], each once."""
    return _edges_of(triangles.tobytes())


@cache
def _edges_of(triangles: bytes) -> NDArray[np.intp]:
    corners = np.frombuffer(triangles, np.int16).reshape(-1, 3)
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    return np.unique(np.sort(edges, axis=1), axis=0).astype(np.intp)


@cache
def _contour_edges() -> NDArray[np.intp]:
    return np.array([edge for line in _CONTOURS for edge in pairwise(line)], np.intp)


@cache
def _iris_edges() -> NDArray[np.intp]:
    """The irises are no part of the surface."""
    return np.array([edge for i in (4, 8) for edge in pairwise(_CONTOURS[i])], np.intp)
