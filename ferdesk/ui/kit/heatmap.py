"""Heatmap: the model's maps as pictures over the faces, and their names for people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from ferdesk.core.heatmap import HeatColours, HeatmapChoice, heat_colours, heat_pixels
from ferdesk.core.types import Expression, FaceResult, MapName, MapPlace
from ferdesk.ui.kit.language import mark

if TYPE_CHECKING:
    from ferdesk.core.measures.values import FaceMeasures

MAP_TITLES: dict[MapName, str] = {
    "cam": mark("Evidence for the label"),
    "attention": mark("Attention, last layer"),
    "attention_mid": mark("Attention, early layer"),
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
COLOUR_TITLES: dict[HeatColours, str] = {
    "viridis": mark("Viridis"),
    "inferno": mark("Inferno"),
    "cividis": mark("Cividis"),
}


def heatmap_image(face: FaceResult, choice: HeatmapChoice, place: MapPlace) -> QImage | None:
    """The chosen map of ``face`` over its square; None where there is nothing to show."""
    pixels = heat_pixels(face, choice, place)
    return None if pixels is None else _as_image(pixels)


class HeatmapImages:
    """Heatmap images of each face's last result, kept so that a repaint computes none anew."""

    def __init__(self) -> None:
        self._key: tuple[HeatmapChoice, MapPlace] | None = None
        self._kept: dict[
            tuple[int, str], tuple[Expression, FaceMeasures | None, QImage | None]
        ] = {}

    def image(self, face: FaceResult, choice: HeatmapChoice, place: MapPlace) -> QImage | None:
        """As ``heatmap_image``, which it asks only where something is new."""
        if self._key != (choice, place):
            self._key, self._kept = (choice, place), {}
        assert choice.name is not None
        label = choice.label or face.label
        # one that is no longer classified has the values of before, but no heat
        key = (face.face_id, label if face.classifiable else "")
        kept = self._kept.get(key)
        # the outline of a face moves with it
        outline = face.measures if choice.in_oval else None
        if kept is None or kept[0] is not face.expression or kept[1] is not outline:
            image = heatmap_image(face, choice, place)
            self._kept[key] = kept = (face.expression, outline, image)
        return kept[2]

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


def scale_image(opacity: float, colours: HeatColours = "viridis") -> QImage:
    """[1, 256] pixels: the colours from the low end of the display range to the high end."""
    return _as_image(heat_colours(opacity, colours)[None, :])


def _as_image(pixels: NDArray[np.uint32]) -> QImage:
    height, width = pixels.shape
    kind = QImage.Format.Format_ARGB32_Premultiplied
    # a copy, since the array does not outlive this call
    return QImage(pixels.tobytes(), width, height, width * 4, kind).copy()
