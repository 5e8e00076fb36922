"""Figures of a study: by stimulus and condition, each participant counting once.

Each figure is defined in ``docs/study-report.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.sessions.measured_figures import blink_starts, eyes_followed
from ferdesk.studies.curves import (
    BLINK_STEP_S,
    CLOCK_STEP_S,
    Band,
    mean_and_band,
    mean_and_interval,
    num_steps,
    on_clock,
    rate_on_clock,
)
from ferdesk.studies.results import BLINKS, FIGURES, SIGNALS, StudySession, TrialResult
from ferdesk.studies.study_file import BASELINE_ID
from ferdesk.studies.trials import Trial

_LEAST_SPREAD = 0.01
"""Movements that differ less between trials, or are smaller in the only one, are not drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """Cell of the design: one stimulus, or one kind of them, in one condition of participants.

    ``values`` [participants, figures] are the means of each participant's trials that count, in
    FIGURES' order; ``changes`` the same less the participant's own baseline phase, NaN without.
    """

    stimulus: str
    group: str
    participants: tuple[str, ...]
    values: NDArray[np.float64]
    changes: NDArray[np.float64]

    def mean(self, figure: int, *, change: bool = False) -> tuple[float, float, float]:
        """Mean over participants, and the bounds of its interval (NaN where there is none)."""
        return mean_and_interval((self.changes if change else self.values)[:, figure])


@dataclass(frozen=True, slots=True, eq=False)
class CellCurves:
    """Curves of a cell on the common clock: ``single`` [participants, steps] and their band.

    ``t_s`` [steps] are the middles of the clock's steps, in seconds since onset; the last step
    ends at ``ends_s``.
    """

    t_s: NDArray[np.float64]
    participants: tuple[str, ...]
    single: NDArray[np.float64]
    band: Band
    ends_s: float

    @property
    def drawn(self) -> NDArray[np.bool_]:
        """[steps] where at least half of the participants have a value."""
        return self.band.count * 2 >= max(1, len(self.participants))


def groups_of(runs: Sequence[StudySession]) -> list[str]:
    """The conditions of the participants, in the order of their names."""
    return sorted({run.study.condition for run in runs})


def stimuli_of(runs: Sequence[StudySession]) -> list[str]:
    """The ids of all stimuli: the baseline phase first, then as in the first participant's order.

    In a study with one fixed order that is this order; otherwise they stand by name.
    """
    shown = {trial.stimulus for run in runs for trial in run.trials if trial.phase == "stimulus"}
    planned = [one for run in runs for one in run.study.order]
    every = list(dict.fromkeys((*planned, *sorted(shown))))
    if any(run.study.order_rule != "fixed" for run in runs):
        every.sort()
    has_baseline = any(trial.phase == "baseline" for run in runs for trial in run.trials)
    return [*([BASELINE_ID] if has_baseline else []), *every]


def is_baseline(trial: Trial) -> bool:
    return trial.phase == "baseline"


def id_of(trial: Trial) -> str:
    """What a trial is listed under."""
    return BASELINE_ID if is_baseline(trial) else trial.stimulus


def cell(results: Sequence[TrialResult], stimulus: str, group: str | None) -> Cell:
    """The cell of a stimulus; ``group`` None takes participants of all conditions."""
    chosen = [one for one in results if id_of(one.trial) == stimulus]
    return _cell(results, chosen, stimulus, group)


def condition_cell(results: Sequence[TrialResult], condition: str, group: str | None) -> Cell:
    """The cell of all stimuli of one condition; each participant counts once, by the mean."""
    chosen = [
        one for one in results if not is_baseline(one.trial) and one.trial.condition == condition
    ]
    return _cell(results, chosen, condition, group)


def _cell(
    results: Sequence[TrialResult], chosen: Sequence[TrialResult], name: str, group: str | None
) -> Cell:
    by_participant = _by_participant(chosen, group)
    baselines = _by_participant([one for one in results if is_baseline(one.trial)], group)
    nothing = np.full(len(FIGURES), np.nan)
    values = [_mean([one.figures for one in own]) for own in by_participant.values()]
    changes = [
        value - (_mean([one.figures for one in baselines[who]]) if who in baselines else nothing)
        for who, value in zip(by_participant, values, strict=True)
    ]
    shape = (len(by_participant), len(FIGURES))
    return Cell(
        name,
        group or "",
        tuple(by_participant),
        np.array(values).reshape(shape),
        np.array(changes).reshape(shape),
    )


def curves(
    results: Sequence[TrialResult],
    stimulus: str,
    group: str | None,
    signals: Sequence[int],
    step_s: float = CLOCK_STEP_S,
) -> dict[int, CellCurves]:
    """The curves of these signals (indices of SIGNALS) over the time since onset."""
    chosen = _by_participant([one for one in results if id_of(one.trial) == stimulus], group)
    steps = max(
        (num_steps(one.length_s, step_s) for own in chosen.values() for one in own), default=0
    )
    single = np.full((len(chosen), steps, len(SIGNALS)), np.nan)
    for number, own in enumerate(chosen.values()):
        single[number] = _mean([_clocked(one, steps, step_s) for one in own])
    t_s = step_s * (np.arange(steps, dtype=np.float64) + 0.5)
    found = {
        signal: CellCurves(
            t_s,
            tuple(chosen),
            single[:, :, signal],
            mean_and_band(single[:, :, signal]),
            steps * step_s,
        )
        for signal in signals
    }
    if (blinks := _blink_curves(chosen)) is not None:
        found[BLINKS] = blinks
    return found


def _blink_curves(chosen: Mapping[str, Sequence[TrialResult]]) -> CellCurves | None:
    """Blinks a minute since onset; None where no eyes were measured, or for two steps at most."""
    longest_s = max((one.length_s for own in chosen.values() for one in own), default=0.0)
    steps = int(longest_s / BLINK_STEP_S + 1e-6)  # whole ones: they are long
    if steps < 3:
        return None
    single = np.array(
        [_mean([_blinks_of(one, steps) for one in own]) for own in chosen.values()]
    ).reshape(-1, steps)
    if not np.isfinite(single).any():
        return None
    t_s = BLINK_STEP_S * (np.arange(steps, dtype=np.float64) + 0.5)
    return CellCurves(t_s, tuple(chosen), single, mean_and_band(single), longest_s)


def _blinks_of(one: TrialResult, steps: int) -> NDArray[np.float64]:
    run, trial = one.run, one.trial
    assert trial.onset_t_s is not None
    assert trial.end_t_s is not None
    table = run.session.table
    rows = one.rows[eyes_followed(table, one.rows)]
    return rate_on_clock(
        np.array(blink_starts(table, rows)),
        table.t_s[rows],
        run.durations[rows],
        onset_s=trial.onset_t_s,
        end_s=trial.end_t_s,
        steps=steps,
        step_s=BLINK_STEP_S,
    )


def _clocked(one: TrialResult, steps: int, step_s: float) -> NDArray[np.float64]:
    run, trial = one.run, one.trial
    assert trial.onset_t_s is not None
    assert trial.end_t_s is not None
    return on_clock(
        run.session.table.t_s[one.rows],
        run.durations[one.rows],
        run.signals(one.rows),
        onset_s=trial.onset_t_s,
        end_s=trial.end_t_s,
        steps=steps,
        step_s=step_s,
    )


def _by_participant(
    results: Sequence[TrialResult], group: str | None
) -> dict[str, list[TrialResult]]:
    found: dict[str, list[TrialResult]] = {}
    for one in results:
        if one.counts and (group is None or one.group == group):
            found.setdefault(one.participant, []).append(one)
    return dict(sorted(found.items()))


def _mean(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean of a participant's trials where they have a value."""
    stacked = np.array(values)
    known = np.isfinite(stacked)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, stacked, 0.0).sum(axis=0) / known.sum(axis=0))


def drawn_movements(results: Sequence[TrialResult], number: int) -> list[int]:
    """Indices of the SIGNALS of movements that differ most between trials; none where none are."""
    first = FIGURES.index(SIGNALS[8]) + 1  # without _neutral
    values = np.array([one.figures[first:] for one in results if one.counts])
    values = values.reshape(-1, len(FIGURES) - first)
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) == 0:
        return []
    spread = values.std(axis=0) if len(values) > 1 else values[0]
    most = np.sort(np.argsort(-spread, kind="stable")[:number])
    return [int(9 + index) for index in most if spread[index] >= _LEAST_SPREAD]
