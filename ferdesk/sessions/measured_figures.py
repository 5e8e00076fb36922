"""Figures of what was measured of a face: blinks, valence, movements, head movement.

Each is defined in ``docs/summaries.md``; the constants here are part of the definitions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.blinks import GAP_S, LONGEST_S
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.measures.pose import rotation_of
from ferdesk.sessions.table import Table

LEAST_SEEN_S = 10.0
"""With less time of the eyes there is no rate of blinks."""
POSE_STEP_S = 0.25
"""Head poses are averaged over stretches of this length before they are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredFigures:
    """Figures of one track in one interval; NaN, or None, where nothing was measured.

    ``measured_s`` is the time with a measured head pose, ``eyes_s`` that in which the eyes are
    followed. ``valence`` in [-1, 1] and ``movements`` [52] are means over time. ``blinks`` of both
    eyes at once count once; ``blink_rate`` is those a minute. ``head_deg_s`` is by how many degrees
    the head turns in a second.
    """

    measured_s: float
    eyes_s: float
    valence: float
    blinks: int | None
    blink_rate: float
    head_deg_s: float
    movements: NDArray[np.float64]


def measured_figures(
    table: Table, rows: NDArray[np.int64], spent_s: NDArray[np.float64], *, timed: bool = True
) -> MeasuredFigures:
    """Figures of a track's ``rows`` [n], which count for ``spent_s`` [n] each.

    Pictures are not ``timed``: they have no blinks and no movement of the head.
    """
    posed = np.isfinite(table.added_numbers("presence")[rows])
    eyes_s = float(spent_s[eyes_followed(table, rows)].sum())
    blinks = len(blink_starts(table, rows)) if timed and eyes_s > 0 else None
    rate = np.nan
    if blinks is not None and eyes_s >= LEAST_SEEN_S:
        rate = blinks / eyes_s * 60
    return MeasuredFigures(
        measured_s=float(spent_s[posed].sum()),
        eyes_s=eyes_s,
        valence=_mean(table.added_numbers("valence")[rows], spent_s),
        blinks=blinks,
        blink_rate=rate,
        head_deg_s=_head_deg_s(table, rows[posed]) if timed else np.nan,
        movements=np.array(
            [_mean(table.added_numbers(f"m_{name}")[rows], spent_s) for name in MOVEMENTS]
        ),
    )


def _mean(values: NDArray[np.float32], spent_s: NDArray[np.float64]) -> float:
    known = np.isfinite(values)
    total_s = float(spent_s[known].sum())
    return float((values[known] * spent_s[known]).sum()) / total_s if total_s > 0 else np.nan


def eyes_followed(table: Table, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[n] whether blinks in ``rows`` [n] of a track are known.

    They are where an eye was followed and another such row lies close by, and between two of them:
    live, faces take turns, and blinks are found all the same.
    """
    eyes = [table.added_numbers(name)[rows] for name in ("blink_left_s", "blink_right_s")]
    known = np.flatnonzero(np.isfinite(eyes).any(axis=0))
    # times are written with microseconds
    near = np.flatnonzero(np.diff(table.t_s[rows][known]) <= GAP_S + 1e-5)
    # from the one to the other of each pair: beginnings less ends so far
    steps = np.zeros(len(rows) + 1, np.int64)
    np.add.at(steps, known[near], 1)
    np.add.at(steps, known[near + 1] + 1, -1)
    return np.cumsum(steps[:-1]) > 0


def blink_starts(table: Table, rows: NDArray[np.int64]) -> list[float]:
    """When the blinks that ended in ``rows`` began, in ``t_s``.

    Two eyes that begin within a quarter second are one blink.
    """
    starts_s = []
    for name in ("blink_left_s", "blink_right_s"):
        lengths_s = table.added_numbers(name)[rows]
        ended = lengths_s > 0
        starts_s += (table.t_s[rows][ended] - lengths_s[ended]).tolist()
    found: list[float] = []
    for start_s in sorted(starts_s):
        if not found or start_s - found[-1] > LONGEST_S / 2:
            found.append(start_s)
    return found


def _head_deg_s(table: Table, rows: NDArray[np.int64]) -> float:
    """Degrees a second between the mean poses of neighbouring stretches of ``POSE_STEP_S``."""
    if len(rows) == 0:
        return np.nan
    steps, of_row = np.unique(
        np.floor(table.t_s[rows] / POSE_STEP_S).astype(np.int64), return_inverse=True
    )
    counts = np.bincount(of_row)
    angles = (table.added_numbers("yaw_deg"), table.added_numbers("pitch_deg"), table.roll_deg)
    means = np.stack([np.bincount(of_row, one[rows]) / counts for one in angles], axis=1)
    neighbours = np.flatnonzero(np.diff(steps) == 1)
    if len(neighbours) == 0:
        return np.nan
    turned = np.array([rotation_of(*angles) for angles in means.tolist()])
    # the trace of one turn undone and the other done tells the angle between them
    traces = np.einsum("nij,nij->n", turned[neighbours], turned[neighbours + 1])
    between = np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1)))
    return float(between.mean() / POSE_STEP_S)
