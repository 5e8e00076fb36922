"""Exhaustive face search: every tile of every picture, for work without a clock."""

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.networks import DetectorNetworks
from ferdesk.core.detection.tiling import SMALLEST_PICTURE_PX, tiles, whole, without_truncated
from ferdesk.core.detection.verification import verify_candidates
from ferdesk.core.types import Detection


class ExhaustiveSearch:
    """Exhaustive detector: the same detections for the same picture every time."""

    def __init__(self, networks: DetectorNetworks) -> None:
        self._networks = networks

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Detections in ``image`` [H, W, 3] uint8 RGB, by descending score."""
        height, width = image.shape[:2]
        if min(height, width) < SMALLEST_PICTURE_PX:
            return []
        candidates = self._networks.detect_full_range(image, whole(image))
        for tile in tiles(width, height):
            on_tile = self._networks.detect_full_range(image, tile)
            candidates += without_truncated(on_tile, tile, image)
        candidates += self._networks.detect_short_range(image, whole(image))
        return verify_candidates(self._networks, image, candidates)

    def close(self) -> None:
        self._networks.close()
