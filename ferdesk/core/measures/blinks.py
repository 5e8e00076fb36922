"""Blinks of the eyes, from how far each is open over time.

The rule. An eye's openness is compared with its own when open: the upper part of what it was in the
last ``MEMORY_S`` seconds, closed ones left out. A blink begins where it falls below ``BELOW`` of
that and ends where it rises above again, both interpolated between pictures, if

- it was no longer than ``LONGEST_S`` (longer, and the eyes are closed),
- it fell to ``DEEPEST_AT_LEAST`` or lower in between (looking down lowers the lid too, but less);
  or to ``PARTLY`` only, within ``PARTLY_LONGEST_S``, while the other eye did the same: lids that
  close by half, and eyes that are small or seen from the side,
- and the lid came up again to ``OPEN_AGAIN``.

Time decides, so that 15 and 60 pictures a second give the same blinks; below about 15 a second,
quick blinks fall between two pictures, and beyond ``GAP_S`` from one to the next nothing is told.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ferdesk.core.measures.eyes import Openness

Side = Literal["left", "right"]

# Set on the 17 blinks that an eye sees in the clips (benchmarks/measures.py --blinks): 15 of them
# are found, and nothing else. With a memory of 10 s one less, where the brows were raised shortly
# before; with _SETTLED_S of 0.5 one less, soon after closed eyes; without PARTLY four less.
MEMORY_S = 3.0
BELOW = 0.65
DEEPEST_AT_LEAST = 0.50
PARTLY = 0.60
PARTLY_LONGEST_S = 0.2
OPEN_AGAIN = 0.70
LONGEST_S = 0.5
_SETTLED_S = 0.4
"""Before this much of an open eye was seen, nothing is known of it when open."""
_KEPT_EVERY_S = 0.05
_OPEN_QUANTILE = 0.8
_LEAST_OPEN = 0.045
"""An eye with a smaller openness is closed, or cannot be seen well enough."""
GAP_S = 0.15
"""After a longer gap between two pictures, what happened in between is not known: from 8 to 10
pictures a second 70 % of the clips' blinks are found, from 6 to 7 would 57 %, from 4 to 5 32 %."""


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
    """Blink detector of one face's eyes; ``update`` wants their openness in the order of time."""

    def __init__(self) -> None:
        self._eyes: dict[Side, _Eye] = {"left": _Eye(), "right": _Eye()}
        self.followed: tuple[Side, ...] = ()
        """Eyes of which it was known, at the last update, whether they blink."""

    def update(self, opened: Openness, t_s: float) -> tuple[Blink, ...]:
        """The blinks that are known to be over now, at ``t_s``, of one eye each."""
        left = self._eyes["left"].share(opened.left, t_s)
        right = self._eyes["right"].share(opened.right, t_s)
        sides: tuple[tuple[Side, float | None, float | None], ...] = (
            ("left", left, right),
            ("right", right, left),
        )
        followed: list[Side] = []
        found: list[Blink] = []
        for side, share, other in sides:
            eye = self._eyes[side]
            if eye.is_followed(share):
                followed.append(side)
            blink = eye.blink(side, share, other, t_s)
            if blink is not None:
                found.append(blink)
        self.followed = tuple(followed)
        return tuple(found)


class _Eye:
    """What is known of one eye."""

    def __init__(self) -> None:
        self._open: deque[tuple[float, float]] = deque()
        self._last_s: float | None = None
        self._before: tuple[float, float] | None = None
        self._start_s: float | None = None
        self._end_s: float | None = None
        self._lowest = self._others_lowest = 1.0

    def share(self, openness: float, t_s: float) -> float | None:
        """``openness`` as a share of this eye's when open; None while that is not known."""
        last_s, self._last_s = self._last_s, t_s
        if last_s is not None and not 0 < t_s - last_s <= GAP_S:
            self._before = self._start_s = self._end_s = None
            if t_s < last_s:
                self._open.clear()
        while self._open and t_s - self._open[0][0] > MEMORY_S:
            self._open.popleft()
        share = None
        if self._open and self._open[-1][0] - self._open[0][0] >= _SETTLED_S:
            when_open = float(np.quantile([one for _, one in self._open], _OPEN_QUANTILE))
            share = openness / when_open
        due = not self._open or t_s - self._open[-1][0] >= _KEPT_EVERY_S
        if openness >= _LEAST_OPEN and due:
            self._open.append((t_s, openness))
        return share

    def is_followed(self, share: float | None) -> bool:
        """Whether a blink between the picture before and the one of ``share`` would be seen."""
        return share is not None and self._before is not None

    def blink(
        self, side: Side, share: float | None, other: float | None, t_s: float
    ) -> Blink | None:
        """The blink that is over with this picture's ``share``; the ``other`` eye's is asked."""
        before, self._before = self._before, None if share is None else (t_s, share)
        if share is None or before is None:
            self._start_s = None
            return None
        others = 1.0 if other is None else other
        if self._start_s is None:
            if before[1] >= BELOW > share:
                self._start_s = _crossing_s(before, (t_s, share))
                self._end_s, self._lowest, self._others_lowest = None, share, others
            return None
        self._lowest = min(self._lowest, share)
        self._others_lowest = min(self._others_lowest, others)
        if share < BELOW:
            self._end_s = None
        elif self._end_s is None:
            self._end_s = _crossing_s(before, (t_s, share))
        if self._end_s is None or share < OPEN_AGAIN:
            return None
        start_s, length_s = self._start_s, self._end_s - self._start_s
        self._start_s = None
        both_partly = self._lowest <= PARTLY and self._others_lowest <= BELOW
        longest_s = 0.0
        if self._lowest <= DEEPEST_AT_LEAST:
            longest_s = LONGEST_S
        elif both_partly:
            longest_s = PARTLY_LONGEST_S
        if length_s > longest_s:
            return None
        return Blink(side, start_s, length_s, min(1.0, 1 - self._lowest))


def _crossing_s(before: tuple[float, float], after: tuple[float, float]) -> float:
    """When the line between two samples (time, share) crosses ``BELOW``."""
    part = (before[1] - BELOW) / (before[1] - after[1])
    return before[0] + min(max(part, 0.0), 1.0) * (after[0] - before[0])


class BlinkRate:
    """Blink rate of a face: blinks of either eye a minute, over the last minute at most.

    Of that minute only the time counts in which an eye was followed.
    """

    _WINDOW_S = 60.0
    _LEAST_S = 10.0

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._followed: deque[tuple[float, float]] = deque()
        self._followed_s = 0.0
        self._starts_s: list[float] = []

    def update(self, blinks: tuple[Blink, ...], t_s: float, *, followed: bool) -> float | None:
        """Blinks a minute at ``t_s``; None before ten seconds with an eye that was ``followed``.

        Both eyes closing at once are one blink.
        """
        if self._last_s is None or t_s < self._last_s:
            self._followed.clear()
            self._followed_s, self._starts_s = 0.0, []
        elif followed:
            self._followed.append((t_s, t_s - self._last_s))
            self._followed_s += t_s - self._last_s
        self._last_s = t_s
        for blink in blinks:
            if all(abs(blink.start_s - other_s) > LONGEST_S / 2 for other_s in self._starts_s):
                self._starts_s.append(blink.start_s)
        while self._followed and t_s - self._followed[0][0] > self._WINDOW_S:
            self._followed_s -= self._followed.popleft()[1]
        self._starts_s = [one for one in self._starts_s if t_s - one <= self._WINDOW_S]
        # to a microsecond: the sum of many steps is not exact
        if self._followed_s < self._LEAST_S - 1e-6:
            return None
        return len(self._starts_s) / self._followed_s * 60
