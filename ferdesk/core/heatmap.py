"""Heatmaps: the network's maps upsampled onto the crop, normalised, and as pixels to paint."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.geometry import Square
from ferdesk.core.labels import LABELS
from ferdesk.core.measures.drawing import OVAL
from ferdesk.core.palette import HEAT_ANCHORS, rgb
from ferdesk.core.types import FaceResult, MapName, MapPlace

HeatColours = Literal["viridis", "inferno", "cividis"]
HEAT_SIZE_PX = 96
_EVIDENCE_REACH = 2.0
_MASK_LEVELS = 32
_MASK_FULL, _MASK_END = 0.78, 1.04
"""Between these shares of the way from the crop's centre to its sides the heat fades out."""
_OVAL_FULL, _OVAL_END = 0.9, 1.06
"""And of the way from the middle of the face's outline to the outline."""
_FARTHEST_OUTLINE = 0.25
"""Share of the square's side by which an outline's middle may lie off its own, at most 0.08 on
faces that look ahead. One farther off is of before, when the face was elsewhere."""


@dataclass(frozen=True, slots=True)
class HeatmapChoice:
    """Heatmap choice: no heatmap where ``name`` is None; ``opacity`` in [0, 1].

    ``label`` is whose class activation is shown; None is the label that each face is given. With
    ``in_oval`` nothing is painted outside the outline of a face whose landmarks are measured, as
    long as they are where the face is.
    """

    name: MapName | None = None
    opacity: float = 0.6
    label: str | None = None
    colours: HeatColours = "viridis"
    in_oval: bool = False


@dataclass(frozen=True, slots=True)
class Heat:
    """Heat of a model's maps: which one is painted, and where their cells lie."""

    choice: HeatmapChoice
    places: Mapping[MapName, MapPlace]

    def pixels(self, face: FaceResult) -> NDArray[np.uint32] | None:
        """As ``heat_pixels``; None where the model has no such map."""
        place = None if self.choice.name is None else self.places.get(self.choice.name)
        return None if place is None else heat_pixels(face, self.choice, place)


def heat_pixels(
    face: FaceResult, choice: HeatmapChoice, place: MapPlace
) -> NDArray[np.uint32] | None:
    """Heat of ``face`` over its square, [96, 96] premultiplied 0xAARRGGBB.

    The cover is proportional to the value, zero fully transparent, and fades out towards the
    corners of the square, where there is no face. Class activation is the plane of
    ``choice.label``, else of the label that is shown.

    Returns:
        None where no map is chosen, the face has no such map, or it has no label to explain.
    """
    cells = None if choice.name is None else face.expression.maps.get(choice.name)
    if choice.name is None or cells is None or not face.classifiable:
        return None
    place = display_range(choice.name, place)
    plane = cells[LABELS.index(choice.label or face.label)] if cells.ndim == 3 else cells
    shares = normalise(upsample(plane, place, HEAT_SIZE_PX), place)
    steps = (shares * 255 + 0.5).astype(np.intp)
    table = _masked_colours(choice.opacity, choice.colours)
    levels = None
    if choice.in_oval and face.measures is not None:
        levels = oval_levels(face.measures.smoothed, face.square)
    levels = _mask_levels() if levels is None else levels
    return np.asarray(table[levels, steps], dtype=np.uint32)


def display_range(name: MapName, place: MapPlace) -> MapPlace:
    """``place`` with the range that is painted.

    Evidence against a label is not shown as some, and that for the label of a face reaches further
    than the range of all seven, in which it would be one flat spot.
    """
    if name != "cam":
        return place
    return replace(place, low=max(place.low, 0.0), high=_EVIDENCE_REACH * place.high)


@lru_cache(maxsize=8)
def heat_colours(opacity: float, colours: HeatColours = "viridis") -> NDArray[np.uint32]:
    """[256] premultiplied 0xAARRGGBB for shares 0..1; share 0 is fully transparent."""
    return np.asarray(_masked_colours(opacity, colours)[-1], dtype=np.uint32)


@lru_cache(maxsize=8)
def _masked_colours(opacity: float, colours: HeatColours) -> NDArray[np.uint32]:
    """[mask levels, 256]: the colours under each level of the mask, the last unmasked."""
    shares = np.linspace(0.0, 1.0, 256)
    anchors = np.array([rgb(f"#{colour}") for colour in HEAT_ANCHORS[colours].split()], float)
    at = np.linspace(0.0, 1.0, len(anchors))
    alpha = opacity * shares * np.linspace(0.0, 1.0, _MASK_LEVELS)[:, None]
    red, green, blue = (
        np.rint(np.interp(shares, at, anchors[:, i]) * alpha).astype(np.uint32) for i in range(3)
    )
    table: NDArray[np.uint32] = (
        (np.rint(alpha * 255).astype(np.uint32) << 24) | (red << 16) | (green << 8) | blue
    )
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def _mask_levels() -> NDArray[np.intp]:
    """[96, 96] level of the soft mask: an ellipse, a little narrower than high, as faces are."""
    away = (np.arange(HEAT_SIZE_PX) + 0.5) / HEAT_SIZE_PX * 2 - 1
    levels = _fading(np.hypot(away[None, :] / 0.92, away[:, None]), _MASK_FULL, _MASK_END)
    levels.setflags(write=False)
    return levels


def oval_levels(points: NDArray[np.float32], square: Square) -> NDArray[np.intp] | None:
    """[96, 96] level of the soft mask over ``square`` of a face with landmarks [478, 3].

    Full within the face's outline and faded out shortly behind it. An outline is crossed once in
    each direction from its middle, so its distance there is all that must be known of it.

    Returns:
        None where the outline lies elsewhere: landmarks are kept while other faces have their turn.
    """
    corners = points[list(OVAL[:-1]), :2]
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    off = middle - (square.x + square.side / 2, square.y + square.side / 2)
    if np.abs(off).max() > _FARTHEST_OUTLINE * square.side:
        return None
    to_corners = corners - middle
    angles = np.arctan2(to_corners[:, 1], to_corners[:, 0])
    reach = np.maximum(np.hypot(to_corners[:, 0], to_corners[:, 1]), 1e-6)
    cells = (np.arange(HEAT_SIZE_PX) + 0.5) * square.side / HEAT_SIZE_PX
    x, y = square.x + cells[None, :] - middle[0], square.y + cells[:, None] - middle[1]
    outline = np.interp(np.arctan2(y, x), angles, reach, period=2 * np.pi)
    return _fading(np.hypot(x, y) / outline, _OVAL_FULL, _OVAL_END)


def _fading(way: NDArray[np.float64], full: float, end: float) -> NDArray[np.intp]:
    """Levels of the soft mask: all up to ``full`` of the way to the edge, none from ``end`` on."""
    share = np.clip((end - way) / (end - full), 0.0, 1.0)
    soft = share * share * (3 - 2 * share)
    return np.rint(soft * (_MASK_LEVELS - 1)).astype(np.intp)


def upsample(cells: NDArray[np.float32], place: MapPlace, size_px: int) -> NDArray[np.float32]:
    """Bilinear upsampling of a map onto the whole crop, between the centres of its cells.

    Args:
        cells: [h, w].
        place: where the centres of the cells lie on the 48-pixel crop.
        size_px: side of the result, which covers the same square as the crop.

    Returns:
        [size_px, size_px] float32, in the units of ``cells``; beyond the outermost centres the
        edge value goes on.
    """
    height, width = cells.shape
    rows = _weights(place.start_y, place.stride, height, size_px)
    columns = _weights(place.start_x, place.stride, width, size_px)
    return np.asarray(rows @ cells @ columns.T, dtype=np.float32)


def normalise(cells: NDArray[np.float32], place: MapPlace) -> NDArray[np.float32]:
    """Normalisation of a map [h, w] to its display range: [0, 1], the same in every frame."""
    span = max(place.high - place.low, 1e-9)
    return np.asarray(np.clip((cells - place.low) / span, 0.0, 1.0), dtype=np.float32)


@lru_cache(maxsize=16)
def _weights(start: float, stride: float, extent: int, size_px: int) -> NDArray[np.float32]:
    """Interpolation weights [size_px, extent] of one axis, linear, clamped to the ends."""
    centers = (np.arange(size_px) + 0.5) * FACE_SIZE_PX / size_px - 0.5
    clamped = np.clip((centers - start) / stride, 0, extent - 1)
    weights = np.maximum(0.0, 1.0 - np.abs(clamped[:, None] - np.arange(extent)))
    frozen = np.asarray(weights, dtype=np.float32)
    frozen.setflags(write=False)
    return frozen
