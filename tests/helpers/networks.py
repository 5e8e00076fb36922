"""Detector networks that detect the faces they are told of, and pictures with such faces."""

from dataclasses import dataclass, field

import numpy as np

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE
from ferdesk.core.geometry import Box, Region
from ferdesk.core.types import Detection


def textured(*places: tuple[int, int], seed: int = 1, side: int = 60) -> np.ndarray:
    """A plain picture 960x540 with a face-sized pattern of its own in each place."""
    image = np.full((540, 960, 3), 90, np.uint8)
    for number, (x, y) in enumerate(places):
        coarse = np.random.default_rng(seed + number).integers(0, 255, (12, 12, 1), np.uint8)
        face = coarse.repeat(side // 12, 0).repeat(side // 12, 1)
        image[y : y + side, x : x + side] = face[: 540 - y, : 960 - x]
    return image


@dataclass
class FakeNetworks:
    """Sees the faces it is told of, where a region holds them, and spends time of a held clock."""

    faces: list[Box] = field(default_factory=list)
    smallest_share: float = 0.05
    crop_score: float = 0.9
    score: float = 0.75
    now_s: float = 0.0
    num_full_range: int = 0
    slowness: float = 1.0
    num_short_range: int = 0
    short_range_score: float | None = None
    full_range_blind: bool = False
    spread_seen: float = 0.01
    num_spreads: int = 0

    def detect_full_range(
        self, image: np.ndarray, region: Region, scale: float | None = None
    ) -> list[Detection]:
        self.now_s += 0.005 * self.slowness
        self.num_full_range += 1
        side = max(region.width, region.height) if scale is None else 192 / scale
        return [
            Detection(box, self.score, FULL_RANGE, 0.0)
            for box in self._inside(region)
            if box.width >= self.smallest_share * side and not self.full_range_blind
        ]

    def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
        self.now_s += 0.002 * self.slowness
        self.num_short_range += 1
        side = max(region.width, region.height)
        crop = region.width < image.shape[1]
        score = None if crop else self.short_range_score
        return [
            Detection(box, score or self.crop_score, SHORT_RANGE, 0.0)
            for box in self._inside(region)
            if box.width >= 0.2 * side
        ]

    def landmark_spread(self, image: np.ndarray, detection: Detection) -> float:
        self.now_s += 0.006 * self.slowness
        self.num_spreads += 1
        return self.spread_seen

    def _inside(self, region: Region) -> list[Box]:
        return [
            box
            for box in self.faces
            if region.x <= box.x
            and region.y <= box.y
            and box.x + box.width <= region.x + region.width
            and box.y + box.height <= region.y + region.height
        ]

    def close(self) -> None:
        pass
