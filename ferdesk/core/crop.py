"""Face crops: the one definition, for the app and the trainer alike.

FER2013 frames a face more loosely than a detector's box does. Measured on 1,500 Training faces
(research notes, "FER2013's framing, in MediaPipe's terms"), the FER2013 square has
1.165 times the side of the short-range detector's box and its centre lies 0.082 box sides above
the box's; for the full-range detector the figures are 1.148 and 0.03.

Coordinates are continuous pixels of the upright picture: pixel ``i`` covers ``[i, i + 1)``.
"""

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box, Framing, Square

FACE_SIZE_PX = 48
"""Side of the square grey crop that the network takes."""

# ITU-R BT.601, the weights with which FER2013-era tools made grey pictures
_GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)


SHORT_RANGE = Framing(scale=1.165, shift_up=0.082)
FULL_RANGE = Framing(scale=1.148, shift_up=0.03)
WHOLE_SQUARE = Framing(scale=1.0, shift_up=0.0)


def square_around(box: Box, framing: Framing) -> Square:
    """Square that FER2013 would cut around a detector's ``box``."""
    box_side = (box.width + box.height) / 2
    side = box_side * framing.scale
    center_x = box.x + box.width / 2
    center_y = box.y + box.height / 2 - box_side * framing.shift_up
    return Square(center_x - side / 2, center_y - side / 2, side)


def crop_face(
    image: NDArray[np.uint8], square: Square, size_px: int = FACE_SIZE_PX
) -> NDArray[np.float32]:
    """Crop of ``square`` from ``image``, resampled to ``size_px``.

    Shrinking averages over each target pixel's footprint (a triangle filter, no aliasing),
    enlarging is bilinear, and a square that coincides with the pixel grid at its own size
    comes back unchanged. What lies outside the picture repeats its edge, as FER2013's own
    padding does not occur and black borders would read as occlusion.

    Args:
        image: [H, W, 3] RGB or [H, W] grey, uint8.
        square: the region, in pixels of ``image``; may reach outside.
        size_px: side of the result.

    Returns:
        [size_px, size_px] float32, grey values 0..255.
    """
    height, width = image.shape[:2]
    rows, row_weights = _resampling(square.y, square.side, height, size_px)
    columns, column_weights = _resampling(square.x, square.side, width, size_px)
    patch = image[rows, columns].astype(np.float32)
    grey = patch @ _GREY_WEIGHTS if patch.ndim == 3 else patch
    crop = row_weights @ grey @ column_weights.T
    return np.clip(crop, 0.0, 255.0).astype(np.float32)


def _resampling(
    start: float, side: float, extent: int, size_px: int
) -> tuple[slice, NDArray[np.float32]]:
    """Resampling of one axis: the source pixels it needs and their weights [size_px, n]."""
    step = side / size_px
    support = max(step, 1.0)
    centers = start + (np.arange(size_px) + 0.5) * step
    first = int(np.floor(centers[0] - support))
    last = int(np.ceil(centers[-1] + support))
    positions = np.arange(first, last + 1)
    distance = np.abs(positions[None, :] + 0.5 - centers[:, None]) / support
    weights = np.maximum(1.0 - distance, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    if first >= 0 and last < extent:
        return slice(first, last + 1), weights.astype(np.float32)
    # fold what lies outside onto the edge pixels: an edge repeated without end
    inside = np.clip(positions, 0, extent - 1)
    low, high = int(inside[0]), int(inside[-1])
    folded = np.zeros((size_px, high - low + 1), dtype=np.float64)
    np.add.at(folded.T, inside - low, weights.T)
    return slice(low, high + 1), folded.astype(np.float32)
