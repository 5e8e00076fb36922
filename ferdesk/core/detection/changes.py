"""Changes between pictures: whether a region looks as it did when a network searched it.

A network says the same of the same picture, so what did not change need not be searched again. A
camera's noise is no change: what is compared are means of some pixels.
"""

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Region

_CELLS, _PIXELS_A_CELL = 24, 2
"""A region is sampled in 24 x 24 cells, on a live tile of one smallest face each."""
_CHANGED_GREY = 12.0
"""Change of one cell's mean grey value, of 255, from which on something is different there.

On ten tiles of a still group, noise with a standard deviation of 4 in each pixel changed no cell by
more than 10, noise of 6 one by 16.
"""
_SEEN_FOR_S = 2.0
"""What was searched so long ago is searched again, changed or not."""


class SearchedRegions:
    """Searched regions of a source's pictures, of equal size, by the network that searched."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Region], tuple[float, NDArray[np.float32]]] = {}

    def begin_search(
        self, image: NDArray[np.uint8], network: str, region: Region, now_s: float
    ) -> bool:
        """Whether ``region`` of ``image`` [H, W, 3] uint8 RGB is to be searched at ``now_s``.

        If so, it counts as searched now.
        """
        cells = _cells(image, region)
        seen = self._seen.get((network, region))
        if (
            seen is not None
            and now_s - seen[0] < _SEEN_FOR_S
            and float(np.abs(cells - seen[1]).max()) < _CHANGED_GREY
        ):
            return False
        self._seen[network, region] = (now_s, cells)
        return True


def _cells(image: NDArray[np.uint8], region: Region) -> NDArray[np.float32]:
    """Mean grey values [24, 24] float32 of cells of ``region``, as far as it lies in ``image``."""
    height, width = image.shape[:2]
    num = _CELLS * _PIXELS_A_CELL
    steps = (np.arange(num) + 0.5) / num
    y = np.clip(region.y + steps * region.height, 0, height - 1).astype(np.intp)
    x = np.clip(region.x + steps * region.width, 0, width - 1).astype(np.intp)
    # green alone is near enough to grey, at a third of the cost
    points = image[y[:, None], x[None, :], 1].astype(np.float32)
    rows = points[:, 0::2] + points[:, 1::2]
    return np.asarray((rows[0::2] + rows[1::2]) / 4, dtype=np.float32)
