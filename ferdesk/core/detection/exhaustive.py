"""Exhaustive face search: every tile of every picture, for work without a clock."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.networks import DetectorNetworks
from ferdesk.core.detection.tiling import (
    SMALLEST_PICTURE_PX,
    tiles,
    whole,
    without_truncated,
    zoomed_out,
)
from ferdesk.core.detection.verification import verify_candidates
from ferdesk.core.geometry import Region
from ferdesk.core.types import Detection

LESS_ZOOMED_OUT = 1.5
"""Sides of the picture in a last look, where nobody was found. Of 200 PublicTest faces that fill
the picture it finds one more."""


class ExhaustiveSearch:
    """Exhaustive detector: the same detections for the same picture every time."""

    def __init__(self, networks: DetectorNetworks) -> None:
        self._networks = networks

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Detections in ``image`` [H, W, 3] uint8 RGB, by descending score."""
        if min(image.shape[:2]) < SMALLEST_PICTURE_PX:
            return []
        return self.detect_by_region(image)[0]

    def detect_by_region(
        self, image: NDArray[np.uint8], on_tiles: Iterable[Region] | None = None
    ) -> tuple[list[Detection], list[tuple[Region, list[Detection]]]]:
        """Detections, and the candidates of the full-range network on each region, whole first.

        ``on_tiles``, in their order, are all unless told otherwise.
        """
        height, width = image.shape[:2]
        by_region = [(whole(image), self._networks.detect_full_range(image, whole(image)))]
        for tile in tiles(width, height) if on_tiles is None else on_tiles:
            on_tile = self._networks.detect_full_range(image, tile)
            by_region.append((tile, without_truncated(on_tile, tile, image)))
        candidates = [candidate for _, found in by_region for candidate in found]
        candidates += self._networks.detect_short_range(image, whole(image))
        candidates += self._networks.detect_short_range(image, zoomed_out(image))
        verified = verify_candidates(self._networks, image, candidates)
        if not any(detection.confirmed for detection in verified):
            again = self._networks.detect_short_range(image, zoomed_out(image, LESS_ZOOMED_OUT))
            nearer = verify_candidates(self._networks, image, again)
            verified = [detection for detection in nearer if detection.confirmed] or verified
        return verified, by_region

    def close(self) -> None:
        self._networks.close()
