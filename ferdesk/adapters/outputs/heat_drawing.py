"""Drawing of the heatmap into a video's pictures, as the window paints it over the faces."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.heatmap import HEAT_SIZE_PX, Heat
from ferdesk.core.types import FaceResult


def draw_heat(
    image: NDArray[np.uint8], faces: Sequence[FaceResult], heat: Heat
) -> NDArray[np.uint8]:
    """A copy of ``image`` [H, W, 3] RGB with the heat of each face over its square."""
    drawn = image.copy()
    for face in faces:
        pixels = heat.pixels(face)
        if pixels is not None:
            _blend(drawn, face, pixels)
    return drawn


def _blend(image: NDArray[np.uint8], face: FaceResult, pixels: NDArray[np.uint32]) -> None:
    """Composite premultiplied 0xAARRGGBB [96, 96] over the face's square, in place."""
    import cv2

    height, width = image.shape[:2]
    square = face.square
    left, top = max(0, int(square.x)), max(0, int(square.y))
    right = min(width, int(np.ceil(square.x + square.side)))
    bottom = min(height, int(np.ceil(square.y + square.side)))
    if left >= right or top >= bottom:
        return
    layers = [((pixels >> shift) & 255).astype(np.uint8) for shift in (16, 8, 0, 24)]
    scale = square.side / HEAT_SIZE_PX
    # centre of cell to centre of pixel
    place = np.array(
        [
            [scale, 0, square.x - left + scale / 2 - 0.5],
            [0, scale, square.y - top + scale / 2 - 0.5],
        ]
    )
    layer = cv2.warpAffine(cv2.merge(layers), place, (right - left, bottom - top))
    region = image[top:bottom, left:right]
    through = (255 - layer[..., 3:].astype(np.uint16)) * region
    region[:] = layer[..., :3] + ((through + 127) // 255).astype(np.uint8)
