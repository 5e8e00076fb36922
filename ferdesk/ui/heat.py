"""The network's maps as colour: cividis, where nothing is seen through and much covers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from ferdesk.core.heatmap import shown, spread
from ferdesk.core.labels import LABELS
from ferdesk.core.types import FaceResult, MapName, MapPlace
from ferdesk.ui.language import mark

MAP_TITLES: dict[MapName, str] = {
    "attention": mark("Attention (coarse)"),
    "attention_mid": mark("Attention (fine)"),
    "cam": mark("Class activation"),
}
MAP_MEANINGS: dict[MapName, str] = {
    "attention": mark(
        "Bright: the network gives this part of the face more weight. "
        "It does not say for which expression."
    ),
    "attention_mid": mark(
        "Bright: an earlier, finer stage of the network gives this part more weight. "
        "It does not say for which expression."
    ),
    "cam": mark(
        "Bright: this part speaks for the label that is shown. "
        "It does not say what the person feels."
    ),
}
HEAT_SIZE_PX = 96
# evenly spaced along cividis (Nunez, Anderton and Renslow 2018), which is even to the eye, to
# colour-blind eyes too, and has no colour of skin at its hot end
_ANCHORS = (
    "00204D",
    "05366E",
    "404D6B",
    "60646F",
    "7C7B78",
    "9B9477",
    "BCAF6F",
    "E0CB5D",
    "FFEA46",
)
_FULL_FROM = 0.5


@dataclass(frozen=True, slots=True)
class HeatChoice:
    """What the user wants to see: no heat where ``name`` is None; ``opacity`` in [0, 1]."""

    name: MapName | None = None
    opacity: float = 0.6


def heat_table(opacity: float) -> NDArray[np.uint32]:
    """[256] premultiplied 0xAARRGGBB for shares 0..1; share 0 is fully transparent."""
    shares = np.linspace(0.0, 1.0, 256)
    anchors = np.array([[int(c[i : i + 2], 16) for i in (0, 2, 4)] for c in _ANCHORS], dtype=float)
    at = np.linspace(0.0, 1.0, len(anchors))
    # the cover grows to its full strength halfway, so that middling shares keep their colour
    alpha = opacity * np.minimum(shares / _FULL_FROM, 1.0)
    red, green, blue = (
        np.rint(np.interp(shares, at, anchors[:, i]) * alpha).astype(np.uint32) for i in range(3)
    )
    table: NDArray[np.uint32] = (
        (np.rint(alpha * 255).astype(np.uint32) << 24) | (red << 16) | (green << 8) | blue
    )
    return table


def heat_image(face: FaceResult, name: MapName, place: MapPlace, opacity: float) -> QImage | None:
    """The map of ``face`` over its square, None where this face has no such map.

    Class activation is the plane of the label that is shown.
    """
    cells = face.expression.maps.get(name)
    if cells is None:
        return None
    plane = cells[LABELS.index(face.label)] if cells.ndim == 3 else cells
    shares = np.clip(shown(spread(plane, place, HEAT_SIZE_PX), place), 0.0, 1.0)
    pixels = np.ascontiguousarray(heat_table(opacity)[np.rint(shares * 255).astype(np.intp)])
    return _as_image(pixels)


def paint_heat(
    painter: QPainter,
    faces: tuple[FaceResult, ...],
    choice: HeatChoice,
    places: Mapping[MapName, MapPlace],
) -> None:
    """Paint the chosen map of every face; ``painter`` is in pixels of the source picture."""
    if choice.name is None or choice.name not in places:
        return
    for face in faces:
        image = heat_image(face, choice.name, places[choice.name], choice.opacity)
        if image is not None:
            square = face.square
            painter.drawImage(QRectF(square.x, square.y, square.side, square.side), image)


def scale_image(opacity: float) -> QImage:
    """[1, 256] pixels: the colours from the low end of the display range to the high end."""
    return _as_image(heat_table(opacity)[None, :])


def _as_image(pixels: NDArray[np.uint32]) -> QImage:
    height, width = pixels.shape
    kind = QImage.Format.Format_ARGB32_Premultiplied
    # a copy, since the array does not outlive this call
    return QImage(pixels.tobytes(), width, height, width * 4, kind).copy()
