"""Curves of a study: signals of uneven frames on one clock since onset, means and their bands.

Each figure is defined in ``docs/study-report.md``; the constants here are part of the definitions.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.sessions.summaries import LONGEST_STEP_S, MIN_GROUP, RESAMPLES

CLOCK_STEP_S = 0.2
"""Step of the common clock of the report's curves."""
BLINK_STEP_S = 2.0
"""Step of the curve of blinks, which are rare."""
LONGEST_HOLE_S = LONGEST_STEP_S
"""A measured value holds to the next one where that comes no later: faces may take turns."""
LEAST_COVERED = 0.5
"""A step of the clock has a value where rows cover at least this share of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Mean over participants at each of T moments, with the interval of that mean.

    ``mean``, ``low`` and ``high`` [T] float64; ``count`` [T] int64 participants who have a value.
    The mean is NaN where nobody has one, the interval (95 %, bootstrap over participants) where
    fewer than ``MIN_GROUP`` have.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.int64]


def num_steps(length_s: float, step_s: float = CLOCK_STEP_S) -> int:
    """Steps of the clock that a trial of this length touches."""
    return max(0, math.ceil(length_s / step_s - 1e-6))


def on_clock(
    t_s: NDArray[np.float64],
    spent_s: NDArray[np.float64],
    values: NDArray[np.float64],
    *,
    onset_s: float,
    end_s: float,
    steps: int,
    step_s: float = CLOCK_STEP_S,
) -> NDArray[np.float64]:
    """Signals on the common clock: the mean of what rows hold in each step since the onset.

    A row holds its values for ``spent_s``; where it has NaN it holds those of the row before that
    has some, in a hole of up to ``LONGEST_HOLE_S``, and nothing in a longer one.

    Args:
        t_s: [n] rows' times, ascending.
        spent_s: [n] seconds for which each row counts, at most until the next one.
        values: [n, k].
        onset_s: where step 0 begins; rows before it count for nothing.
        end_s: where the trial ends; a row counts until there at most.
        steps: of the clock.
        step_s: length of a step.

    Returns:
        [steps, k] float64, NaN where less than ``LEAST_COVERED`` of a step is covered.
    """
    inside = (t_s >= onset_s) & (t_s < end_s)
    begin = t_s[inside]
    end = np.minimum(begin + spent_s[inside], end_s)
    shown = values[inside]
    shown = _bridged(begin, shown)
    found = np.full((steps, values.shape[1]), np.nan)
    if len(begin) == 0 or steps == 0:
        return found
    edges = onset_s + step_s * np.arange(steps + 1, dtype=np.float64)
    # rows follow each other, so their begins and ends in turn never fall
    knots = np.maximum.accumulate(np.stack([begin, end], axis=1).ravel())
    known = np.isfinite(shown)
    lengths = np.where(known, (end - begin)[:, None], 0.0)
    held = np.where(known, shown, 0.0) * lengths
    for column in range(shown.shape[1]):
        covered = _within(edges, knots, lengths[:, column])
        enough = covered >= LEAST_COVERED * step_s - 1e-9
        total = _within(edges, knots, held[:, column])
        found[enough, column] = total[enough] / covered[enough]
    return found


def _bridged(t_s: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``values`` [n, k] with those of the row before in holes of ``LONGEST_HOLE_S`` at most."""
    found = values.copy()
    for column in range(values.shape[1]):
        is_known = np.isfinite(values[:, column])
        known, holes = np.flatnonzero(is_known), np.flatnonzero(~is_known)
        place = np.searchsorted(known, holes)
        inner = (place > 0) & (place < len(known))
        holes, before, after = holes[inner], known[place[inner] - 1], known[place[inner]]
        short = t_s[after] - t_s[before] <= LONGEST_HOLE_S
        found[holes[short], column] = values[before[short], column]
    return found


def _within(
    edges: NDArray[np.float64], knots: NDArray[np.float64], amounts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[steps] how much of each row's amount, which is even over the row, lies in each step."""
    growing = np.zeros(len(knots))
    growing[1::2] = amounts
    return np.diff(np.interp(edges, knots, np.cumsum(growing)))


def rate_on_clock(
    events_s: NDArray[np.float64],
    t_s: NDArray[np.float64],
    spent_s: NDArray[np.float64],
    *,
    onset_s: float,
    end_s: float,
    steps: int,
    step_s: float,
) -> NDArray[np.float64]:
    """[steps] events a minute in each step of the clock, of the time that rows cover.

    NaN where that is less than ``LEAST_COVERED`` of a step. Arguments are those of ``on_clock``;
    ``events_s`` are the events' moments.
    """
    inside = (t_s >= onset_s) & (t_s < end_s)
    begin = t_s[inside]
    end = np.minimum(begin + spent_s[inside], end_s)
    edges = onset_s + step_s * np.arange(steps + 1, dtype=np.float64)
    if len(begin) == 0 or steps == 0:
        return np.full(steps, np.nan)
    knots = np.maximum.accumulate(np.stack([begin, end], axis=1).ravel())
    covered = _within(edges, knots, end - begin)
    counts = np.histogram(events_s, edges)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(covered >= LEAST_COVERED * step_s - 1e-9, 60 * counts / covered, np.nan)


def mean_and_band(values: NDArray[np.float64], *, seed: int = 0) -> Band:
    """Mean over participants with its band.

    Args:
        values: [participants, T]; NaN where a participant has no value at a moment.
        seed: of the resampling; the same data give the same band.
    """
    known = np.isfinite(values)
    count = known.sum(axis=0)
    filled = np.where(known, values, 0.0)
    with np.errstate(invalid="ignore"):
        mean = filled.sum(axis=0) / count
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    enough = count >= MIN_GROUP
    if enough.any():
        drawn = _times_drawn(len(values), seed)
        with np.errstate(invalid="ignore"):
            # each participant counts as often as drawn, and for nothing where there is no value
            means = (drawn @ filled[:, enough]) / (drawn @ known[:, enough])
        low[enough], high[enough] = np.nanpercentile(means, [2.5, 97.5], axis=0)
    return Band(mean, low, high, count)


def mean_and_interval(values: NDArray[np.float64], *, seed: int = 0) -> tuple[float, float, float]:
    """Mean of the participants' values [n] that are known, with the bounds of its interval."""
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return math.nan, math.nan, math.nan
    band = mean_and_band(known[:, None], seed=seed)
    return float(band.mean[0]), float(band.low[0]), float(band.high[0])


def _times_drawn(number: int, seed: int) -> NDArray[np.float64]:
    """[RESAMPLES, number] how often each participant is drawn, with replacement."""
    chosen = np.random.default_rng(seed).integers(0, number, (RESAMPLES, number))
    drawn = np.zeros((RESAMPLES, number))
    np.add.at(drawn, (np.arange(RESAMPLES)[:, None], chosen), 1)
    return drawn
