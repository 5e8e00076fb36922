"""Heatmaps: the network's maps upsampled onto the crop, and normalised for display."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.types import MapPlace


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
