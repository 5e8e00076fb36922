"""Cost of detection: network time measured on this machine, and the time budget of a frame."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.networks import DetectorNetworks
from ferdesk.core.geometry import Region
from ferdesk.core.types import Detection

_TIMES_KEPT = 16

_Returned = TypeVar("_Returned")


class TimedNetworks:
    """Timed detector networks: sums what is spent in a frame.

    Each kind of work is charged at what it usually costs, the lower quartile of its last times, and
    not at what it took while it waited for a processor.
    """

    def __init__(self, networks: DetectorNetworks, clock: Callable[[], float]) -> None:
        self._networks = networks
        self._clock = clock
        self._times_s: dict[str, deque[float]] = {}
        self.spent_s = 0.0

    def detect_full_range(
        self, image: NDArray[np.uint8], region: Region, scale: float | None = None
    ) -> list[Detection]:
        # a tile has its own cost, which depends on its size
        kind = "full range" if scale is None else f"full range {scale}"
        return self.charge(kind, partial(self._networks.detect_full_range, image, region, scale))

    def detect_short_range(self, image: NDArray[np.uint8], region: Region) -> list[Detection]:
        work = partial(self._networks.detect_short_range, image, region)
        return self.charge("short range", work)

    def landmark_spread(self, image: NDArray[np.uint8], detection: Detection) -> float:
        work = partial(self._networks.landmark_spread, image, detection)
        return self.charge("landmark spread", work)

    def close(self) -> None:
        self._networks.close()

    def charge(self, kind: str, work: Callable[[], _Returned]) -> _Returned:
        """Do ``work`` and charge the usual cost of its ``kind``."""
        times_s = self._times_s.setdefault(kind, deque(maxlen=_TIMES_KEPT))
        began_s = self._clock()
        returned = work()
        times_s.append(self._clock() - began_s)
        self.spent_s += sorted(times_s)[len(times_s) // 4]
        return returned


class TimeBudget:
    """Time budget of a frame: whether there is time for one more thing.

    It ends with ``budget_s`` of charged cost or at ``until_s`` on the clock, whichever is first.
    """

    def __init__(
        self, clock: Callable[[], float], timed: TimedNetworks, budget_s: float, until_s: float
    ) -> None:
        self._clock, self._timed = clock, timed
        self._budget_s, self._until_s = budget_s, until_s
        self._granted = False

    def grant_one(self) -> None:
        """Let one thing be done even where there is no time for it."""
        self._granted = True

    def left(self) -> bool:
        if self._timed.spent_s < self._budget_s and self._clock() < self._until_s:
            return True
        granted, self._granted = self._granted, False
        return granted
