"""Downsampling of a track's values between two moments to a few thousand points.

Bins of a fixed grid are summed up once, and pairs of them again and again, so that a view of hours
is as quick as one of seconds. The grid stands still while the view moves, and so do the lines.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import NUM_LABELS
from ferdesk.sessions.table import Table
from ferdesk.ui.kit.measure_charts import CHARTS, recorded_shares

SHORTEST_GAP_S = 0.7
"""A face that was away for longer leaves a gap in its lines."""
_FINEST_BIN_S = 0.25
_LEAST_BINS = 64
_MOST_BINS = 2_000_000
"""Of a quarter of a second: six days."""
ABSENT = NUM_LABELS + 1
LOW_CONFIDENCE = NUM_LABELS
"""What a column of a track is, besides the index of a label."""

Plotted = bool | str
"""What is drawn: smoothed probabilities (True), raw ones, or the chart of measures of that name."""
Floats = NDArray[np.float32]
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LineView:
    """Points to draw: times [m] s; ``middle``, ``low`` and ``high`` [7, m], NaN at gaps.

    ``low`` and ``high`` are None where each point is a row of the session.
    """

    times: Times
    middle: Floats
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """Bins of one width, of which those without a row are NaN."""

    width_s: float
    first: int
    low: Floats
    high: Floats
    sums: Floats
    known: NDArray[np.int64]
    """[7, bins] how many values the sums are of; ``counts`` are rows."""
    counts: NDArray[np.int64]


def _steps(times: Times, values: Floats, hold_s: float) -> LineView:
    """A level stretch for each point, and a gap behind it."""
    ends = np.stack((times, times + 0.98 * hold_s, times + hold_s), axis=1)
    gap = np.full_like(values, np.nan)
    return LineView(ends.ravel(), np.stack((values, values, gap), axis=2).reshape(len(values), -1))


class TrackLines:
    """Rows of a track, prepared for drawing; what is summed up is kept.

    ``times`` [n] s ascending; ``kinds`` [n] int8, a label or LOW_CONFIDENCE.
    """

    def __init__(
        self, table: Table, rows: NDArray[np.int64], step_s: float, *, hold_s: float = 0.0
    ) -> None:
        """``rows`` are the track's; ``step_s`` is the usual time between two analysed frames.

        ``hold_s``: each row stands for so long, as a picture does until the next one.
        """
        self.hold_s = hold_s
        self._table = table
        self.rows = rows
        self.times: Times = np.asarray(table.t_s[rows])
        unlabelled = table.uncertain[rows] | (table.label[rows] < 0)
        self.kinds = np.where(unlabelled, np.int8(LOW_CONFIDENCE), table.label[rows]).astype(
            np.int8
        )
        self.gap_s = max(SHORTEST_GAP_S, 2.5 * step_s)
        self._kept_values: dict[Plotted, Floats] = {}
        self._kept_levels: dict[Plotted, list[_Level]] = {}

    def prepare(self, *, smoothed: bool) -> None:
        """Sum up now what the first view would; for a worker thread."""
        self._levels(smoothed)
        self.columns(np.zeros(2))

    def row_at(self, t_s: float) -> int | None:
        """The row of the table that is shown at ``t_s``, None while the track is in a gap."""
        index = int(np.searchsorted(self.times, t_s + 1e-6)) - 1
        if index < 0 or t_s - self.times[index] > (self.hold_s or self.gap_s):
            return None
        return int(self.rows[index])

    def view(self, from_s: float, to_s: float, most: int, *, smoothed: Plotted) -> LineView:
        """Between two moments, thinned to at most about ``most`` points.

        With the name of a chart of measures its lines come in place of the probabilities.
        """
        first, last = np.searchsorted(self.times, [from_s, to_s])
        # one more at each side, so that lines reach the edges
        first, last = max(int(first) - 1, 0), min(int(last) + 1, len(self.times))
        if last - first <= 2 * most:
            return self._rows_between(first, last, smoothed)
        level = self._level_for((to_s - from_s) / most, first, last, smoothed)
        return self._thinned(level, from_s, to_s)

    def columns(self, edges: Times) -> NDArray[np.int8]:
        """[m] for the time between each two of ``edges`` [m + 1]: the label that most rows have.

        LOW_CONFIDENCE where most are uncertain, ABSENT where there is no row.
        """
        at = np.searchsorted(self.times, edges)
        counts = self._sums_of_kinds[:, at[1:]] - self._sums_of_kinds[:, at[:-1]]
        most: NDArray[np.int8] = counts.argmax(axis=0).astype(np.int8)
        most[at[1:] == at[:-1]] = ABSENT
        # closer than the frames are: a column between two rows that belong together is no gap
        if len(self.times):
            before = (at[:-1] - 1).clip(0)
            after = at[:-1].clip(max=len(self.times) - 1)
            inside = (at[:-1] > 0) & (at[:-1] < len(self.times))
            joined = inside & (self.times[after] - self.times[before] <= self.gap_s)
            held = (at[:-1] > 0) & (edges[:-1] - self.times[before] < self.hold_s)
            fill = (most == ABSENT) & (joined | held)
            most[fill] = self.kinds[before[fill]]
        return most

    def _values(self, smoothed: Plotted) -> Floats:
        """[7, n] the probabilities, each label's together, or a chart's lines."""
        if isinstance(smoothed, str):
            if smoothed not in self._kept_values:
                shares = recorded_shares(CHARTS[smoothed], self._table, self.rows)
                self._kept_values[smoothed] = shares
        elif smoothed not in self._kept_values:
            values = (self._table.smoothed if smoothed else self._table.raw)[self.rows]
            self._kept_values[smoothed] = np.ascontiguousarray(values.T)
        return self._kept_values[smoothed]

    def _rows_between(self, first: int, last: int, smoothed: Plotted) -> LineView:
        times, values = self.times[first:last], self._values(smoothed)[:, first:last]
        if self.hold_s:
            return _steps(times, values, self.hold_s)
        breaks = np.flatnonzero(np.diff(times) > self.gap_s) + 1
        if len(breaks):
            middle = (times[breaks - 1] + times[breaks]) / 2
            times = np.insert(times, breaks, middle)
            values = np.insert(values, breaks, np.nan, axis=1)
        return LineView(times, values)

    def _thinned(self, level: _Level, from_s: float, to_s: float) -> LineView:
        first = max(int(np.floor(from_s / level.width_s)) - 1 - level.first, 0)
        last = min(int(np.ceil(to_s / level.width_s)) + 1 - level.first, len(level.counts))
        last = max(last, first)
        part = slice(first, last)
        counts = level.counts[part]
        centres = np.arange(first, last, dtype=np.float64) + level.first + 0.5
        times: Times = centres * np.float64(level.width_s)
        low, high = level.low[:, part], level.high[:, part]
        with np.errstate(invalid="ignore"):
            middle = (level.sums[:, part] / level.known[:, part]).astype(np.float32)
        if level.width_s < self.gap_s:
            # an empty bin is a gap only where the rows around it lie apart
            empty = counts == 0
            edges = np.arange(first, last + 1) + level.first
            at = np.searchsorted(self.times, edges * level.width_s)[:-1]
            here = at[empty].clip(1, max(len(self.times) - 1, 1))
            small = np.zeros(len(counts), bool)
            if len(self.times) > 1:
                small[empty] = self.times[here] - self.times[here - 1] <= self.gap_s
            kept = ~small
            times, middle = times[kept], middle[:, kept]
            low, high = low[:, kept], high[:, kept]
        return LineView(times, middle, low, high)

    @cached_property
    def _sums_of_kinds(self) -> NDArray[np.int32]:
        """[8, n + 1] how many rows of each kind lie before each row."""
        sums = np.zeros((LOW_CONFIDENCE + 1, len(self.kinds) + 1), np.int32)
        for kind in range(LOW_CONFIDENCE + 1):
            np.cumsum(self.kinds == kind, out=sums[kind, 1:])
        return sums

    def _finest_bin_s(self) -> float:
        """The narrowest bins that are kept; wider where rows of a damaged file lie years apart."""
        span_s = float(self.times[-1] - self.times[0])
        wanted = max(span_s / _MOST_BINS / _FINEST_BIN_S, 1.0)
        return float(_FINEST_BIN_S * 2.0 ** math.ceil(math.log2(wanted)))

    def _level_for(self, width_s: float, first: int, last: int, smoothed: Plotted) -> _Level:
        if width_s < _FINEST_BIN_S:
            # few rows are in sight: summed up for this view, on a grid that zooming keeps
            return self._summed(2.0 ** round(math.log2(width_s)), first, last, smoothed)
        # half as many points again at most, or two thirds of what was asked for
        levels = self._levels(smoothed)
        return next((lv for lv in reversed(levels) if lv.width_s <= 1.4143 * width_s), levels[0])

    def _levels(self, smoothed: Plotted) -> list[_Level]:
        if smoothed not in self._kept_levels:
            levels = []
            if len(self.times):
                levels = [self._summed(self._finest_bin_s(), 0, len(self.times), smoothed)]
                while len(levels[-1].counts) > _LEAST_BINS:
                    levels.append(_halved(levels[-1]))
            self._kept_levels[smoothed] = levels
        return self._kept_levels[smoothed]

    def _summed(self, width_s: float, first: int, last: int, smoothed: Plotted) -> _Level:
        """The rows from ``first`` to ``last`` in bins of that width."""
        bins = np.floor(self.times[first:last] / width_s).astype(np.int64)
        values = self._values(smoothed)[:, first:last]
        starts = np.concatenate(([0], np.flatnonzero(np.diff(bins)) + 1))
        filled = bins[starts] - bins[0]
        num = int(filled[-1]) + 1
        shape = (NUM_LABELS, num)
        low, high = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
        sums, counts = np.zeros(shape, np.float32), np.zeros(num, np.int64)
        # what was not measured in a row is no value
        there = np.isfinite(values)
        known = np.zeros(shape, np.int64)
        low[:, filled] = np.fmin.reduceat(values, starts, axis=1)
        high[:, filled] = np.fmax.reduceat(values, starts, axis=1)
        sums[:, filled] = np.add.reduceat(np.where(there, values, 0), starts, axis=1)
        known[:, filled] = np.add.reduceat(there, starts, axis=1, dtype=np.int64)
        counts[filled] = np.diff(np.append(starts, len(bins)))
        return _Level(width_s, int(bins[0]), low, high, sums, known, counts)


def _halved(level: _Level) -> _Level:
    """Bins twice as wide, on the grid that begins at 0."""
    odd = level.first % 2
    pad = (odd, (len(level.counts) + odd) % 2)

    def pairs(values: NDArray[Any], fill: float) -> tuple[NDArray[Any], NDArray[Any]]:
        padded = np.pad(values, ((0, 0), pad), constant_values=fill)
        return padded[:, ::2], padded[:, 1::2]

    counts = np.pad(level.counts, pad)
    nan = float("nan")
    return _Level(
        2 * level.width_s,
        level.first // 2,
        np.fmin(*pairs(level.low, nan)),
        np.fmax(*pairs(level.high, nan)),
        np.add(*pairs(level.sums, 0.0)),
        np.add(*pairs(level.known, 0)),
        counts[::2] + counts[1::2],
    )
