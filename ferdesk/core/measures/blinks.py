"""Blinks of one eye, from how far it is open over time.

The rule. An eye's openness is compared with its own when open: the upper part of what it was in the
last ``MEMORY_S`` seconds. A blink begins where it falls below ``BELOW`` of that and ends where it
rises above again, both interpolated between pictures, if

- it was no longer than ``LONGEST_S`` (longer, and the eyes are closed),
- it fell to ``DEEPEST_AT_LEAST`` or lower in between (looking down lowers the lid too, but less),
- and the lid came up again to ``OPEN_AGAIN``.

Time decides, so that 15 and 60 pictures a second give the same blinks; below about 15 a second,
quick blinks fall between two pictures.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

Side = Literal["left", "right"]

MEMORY_S = 10.0
BELOW = 0.65
DEEPEST_AT_LEAST = 0.50
OPEN_AGAIN = 0.70
LONGEST_S = 0.5
_SETTLED_S = 0.5
"""Before this much of an eye was seen, nothing is known of it when open."""
_KEPT_EVERY_S = 0.05
_OPEN_QUANTILE = 0.8
_LEAST_OPEN = 0.045
"""An eye whose open state is below this was never seen open."""
GAP_S = 0.25
"""After a longer gap between two pictures, what happened in between is not known."""


@dataclass(frozen=True, slots=True)
class Blink:
    """Blink of one eye, the person's own left or right.

    ``start_s`` and ``length_s`` are seconds of the source; ``depth`` in [0, 1] is the share by
    which the eye closed, of its own openness.
    """

    side: Side
    start_s: float
    length_s: float
    depth: float


class BlinkDetector:
    """Blink detector of one eye of one face; ``update`` wants its openness in the order of time."""

    def __init__(self, side: Side) -> None:
        self._side: Side = side
        self._kept: deque[tuple[float, float]] = deque()
        self._before: tuple[float, float] | None = None
        self._start_s: float | None = None
        self._end_s: float | None = None
        self._lowest = 1.0

    @property
    def open_openness(self) -> float | None:
        """Openness of this eye when it is open; None while too little of it was seen."""
        if not self._kept or self._kept[-1][0] - self._kept[0][0] < _SETTLED_S:
            return None
        value = float(np.quantile([openness for _, openness in self._kept], _OPEN_QUANTILE))
        return value if value >= _LEAST_OPEN else None

    def update(self, openness: float, t_s: float) -> Blink | None:
        """The blink that is known to be over now, at ``t_s``; None for none."""
        if self._before is not None and not 0 < t_s - self._before[0] <= GAP_S:
            self._before = self._start_s = self._end_s = None
        if self._kept and (t_s < self._kept[-1][0] or t_s - self._kept[-1][0] > MEMORY_S):
            self._kept.clear()
        found = self._follow(openness, t_s)
        if not self._kept or t_s - self._kept[-1][0] >= _KEPT_EVERY_S:
            self._kept.append((t_s, openness))
            while t_s - self._kept[0][0] > MEMORY_S:
                self._kept.popleft()
        return found

    def _follow(self, openness: float, t_s: float) -> Blink | None:
        when_open, before = self.open_openness, self._before
        if when_open is None:
            self._before = None
            return None
        share = openness / when_open
        self._before = (t_s, share)
        if before is None:
            return None
        if self._start_s is None:
            if before[1] >= BELOW > share:
                self._start_s = _crossing_s(before, (t_s, share))
                self._end_s, self._lowest = None, share
            return None
        self._lowest = min(self._lowest, share)
        if share < BELOW:
            self._end_s = None
        elif self._end_s is None:
            self._end_s = _crossing_s(before, (t_s, share))
        if self._end_s is None or share < OPEN_AGAIN:
            return None
        blink = Blink(
            self._side, self._start_s, self._end_s - self._start_s, min(1.0, 1 - self._lowest)
        )
        self._start_s = None
        is_blink = blink.length_s <= LONGEST_S and self._lowest <= DEEPEST_AT_LEAST
        return blink if is_blink else None


def _crossing_s(before: tuple[float, float], after: tuple[float, float]) -> float:
    """When the line between two samples (time, share) crosses ``BELOW``."""
    part = (before[1] - BELOW) / (before[1] - after[1])
    return before[0] + min(max(part, 0.0), 1.0) * (after[0] - before[0])


class BlinkRate:
    """Blink rate of a face: blinks of either eye a minute, over the last minute at most."""

    _WINDOW_S = 60.0
    _LEAST_S = 10.0

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._starts_s: list[float] = []

    def update(self, blinks: "tuple[Blink, ...]", t_s: float) -> float | None:
        """Blinks a minute at ``t_s``; None before ten seconds of the face were seen.

        Both eyes closing at once are one blink.
        """
        if self._since_s is None or t_s < self._since_s:
            self._since_s, self._starts_s = t_s, []
        for blink in blinks:
            if all(abs(blink.start_s - other_s) > LONGEST_S / 2 for other_s in self._starts_s):
                self._starts_s.append(blink.start_s)
        self._starts_s = [one for one in self._starts_s if t_s - one <= self._WINDOW_S]
        seen_s = min(t_s - self._since_s, self._WINDOW_S)
        return len(self._starts_s) / seen_s * 60 if seen_s >= self._LEAST_S else None
