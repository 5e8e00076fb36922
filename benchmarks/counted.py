"""Time that is counted and not measured: the same live search on every machine, however busy.

Each run of a network takes what it takes here on a machine of its own (docs/performance.md), on a
clock that stands still between the runs.
"""

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.networks import DetectorNetworks
from ferdesk.core.geometry import Region
from ferdesk.core.types import Detection

FULL_RANGE_S, TILE_S, SHORT_RANGE_S, LANDMARKS_S = 0.005, 0.010, 0.002, 0.0126
"""The full-range network on a picture and on a tile, the short-range one, two landmark crops."""


class CountedNetworks:
    """Detector networks whose runs cost a fixed time of ``now_s``, the clock that they carry.

    On a computer that is slower by ``slowness``, so many times as much.
    """

    def __init__(self, networks: DetectorNetworks, slowness: float = 1.0) -> None:
        self._networks = networks
        self._slowness = slowness
        self.now_s = 0.0
        self.spent_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def spend(self, seconds: float) -> None:
        self.now_s += seconds * self._slowness
        self.spent_s += seconds * self._slowness

    def detect_full_range(
        self, image: NDArray[np.uint8], region: Region, scale: float | None = None
    ) -> list[Detection]:
        self.spend(FULL_RANGE_S if scale is None else TILE_S)
        return self._networks.detect_full_range(image, region, scale)

    def detect_short_range(self, image: NDArray[np.uint8], region: Region) -> list[Detection]:
        self.spend(SHORT_RANGE_S)
        return self._networks.detect_short_range(image, region)

    def landmark_spread(self, image: NDArray[np.uint8], detection: Detection) -> float:
        self.spend(LANDMARKS_S)
        return self._networks.landmark_spread(image, detection)

    def close(self) -> None:
        self._networks.close()
