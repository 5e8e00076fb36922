"""Heatmap: the model's maps in the cividis colours, transparent where they are zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from ferdesk.core.heatmap import normalise, upsample
from ferdesk.core.labels import LABELS
from ferdesk.core.types import Expression, FaceResult, MapName, MapPlace
from ferdesk.ui.kit.language import mark

MAP_TITLES: dict[MapName, str] = {
    "attention": mark("Attention (coarse)"),
    "attention_mid": mark("Attention (fine)"),
    "cam": mark("Class activation"),
}
MAP_MEANINGS: dict[MapName, str] = {
    "attention": mark(
        "Bright areas get more weight in the model. They do not show which expression."
    ),
    "attention_mid": mark(
        "Bright areas get more weight in an early layer (finer detail). "
        "They do not show which expression."
    ),
    "cam": mark("Bright areas support this expression. They do not show what the person feels."),
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
class HeatmapChoice:
    """Heatmap choice: no heatmap where ``name`` is None; ``opacity`` in [0, 1].

    ``label`` is whose class activation is shown; None is the label that each face is given.
    """

    name: MapName | None = None
    opacity: float = 0.6
    label: str | None = None


@lru_cache(maxsize=8)
def heatmap_colours(opacity: float) -> NDArray[np.uint32]:
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
    table.setflags(write=False)
    return table


def heatmap_image(
    face: FaceResult,
    name: MapName,
    place: MapPlace,
    opacity: float,
    label: str | None = None,
) -> QImage | None:
    """The map of ``face`` over its square, None where this face has no such map.

    Class activation is the plane of ``label``, else of the label that is shown.
    """
    cells = face.expression.maps.get(name)
    if cells is None:
        return None
    plane = cells[LABELS.index(label or face.label)] if cells.ndim == 3 else cells
    shares = normalise(upsample(plane, place, HEAT_SIZE_PX), place)
    pixels = heatmap_colours(opacity)[(shares * 255 + 0.5).astype(np.uint8)]
    return _as_image(pixels)


class HeatmapImages:
    """Heatmap images of each face's last result, kept so that a repaint computes none anew."""

    def __init__(self) -> None:
        self._key: tuple[HeatmapChoice, MapPlace] | None = None
        self._kept: dict[tuple[int, str], tuple[Expression, QImage | None]] = {}

    def image(self, face: FaceResult, choice: HeatmapChoice, place: MapPlace) -> QImage | None:
        """As ``heatmap_image``, which it asks only where something is new."""
        if self._key != (choice, place):
            self._key, self._kept = (choice, place), {}
        assert choice.name is not None
        label = choice.label or face.label
        kept = self._kept.get((face.face_id, label))
        if kept is None or kept[0] is not face.expression:
            image = heatmap_image(face, choice.name, place, choice.opacity, label)
            self._kept[face.face_id, label] = kept = (face.expression, image)
        return kept[1]

    def keep_only(self, faces: Sequence[FaceResult]) -> None:
        """Forget the faces that are gone."""
        current = {id(face.expression) for face in faces}
        self._kept = {k: v for k, v in self._kept.items() if id(v[0]) in current}


def paint_heatmap(
    painter: QPainter,
    faces: tuple[FaceResult, ...],
    choice: HeatmapChoice,
    places: Mapping[MapName, MapPlace],
    images: HeatmapImages,
) -> None:
    """Paint the chosen map of every face; ``painter`` is in pixels of the source picture."""
    if choice.name is None or choice.name not in places:
        return
    for face in faces:
        image = images.image(face, choice, places[choice.name])
        if image is not None:
            square = face.square
            painter.drawImage(QRectF(square.x, square.y, square.side, square.side), image)
    images.keep_only(faces)


def scale_image(opacity: float) -> QImage:
    """[1, 256] pixels: the colours from the low end of the display range to the high end."""
    return _as_image(heatmap_colours(opacity)[None, :])


def _as_image(pixels: NDArray[np.uint32]) -> QImage:
    height, width = pixels.shape
    kind = QImage.Format.Format_ARGB32_Premultiplied
    # a copy, since the array does not outlive this call
    return QImage(pixels.tobytes(), width, height, width * 4, kind).copy()
