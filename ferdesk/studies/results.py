"""Results of a study: each participant's trials with the rows of their face, and what is missing.

Each figure is defined in ``docs/study-report.md``; the constants here are part of the definitions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.errors import RecordingError, StudyError
from ferdesk.messages import translatable
from ferdesk.sessions.measured_figures import MeasuredFigures, measured_figures
from ferdesk.sessions.reader import Session, read_about, read_session
from ferdesk.sessions.review import Review, load_review
from ferdesk.sessions.summaries import row_durations
from ferdesk.studies.trials import (
    STIMULI_FILE,
    Answer,
    StudyOfSession,
    Trial,
    read_answers,
    read_trials,
    study_of,
)

LEAST_SEEN = 0.5
"""A trial counts where the face was seen in at least this share of its analysed frames."""
_FURTHEST_S = 3600.0
"""A trial may begin or end so far outside of the rows, as of a recording that was paused."""
FIGURES = (
    *LABELS, "valence", "low confidence", "blinks a minute", "head degrees a second",
    *(f"m_{name}" for name in MOVEMENTS),
)  # fmt: skip
"""The figures of a trial, in the order of ``TrialResult.figures``."""


@dataclass(frozen=True, eq=False)
class StudySession:
    """Session of a study: one participant's run, as far as it came."""

    session: Session
    review: Review
    study: StudyOfSession
    trials: tuple[Trial, ...]
    answers: tuple[Answer, ...]

    @property
    def participant(self) -> str:
        """The participant's code; the session's name where none was given."""
        return self.study.participant or self.session.name

    @property
    def shown_trials(self) -> list[Trial]:
        """Those that have an onset and an end, in time's order."""
        timed = [one for one in self.trials if one.onset_t_s is not None]
        return sorted(
            (one for one in timed if one.end_t_s is not None), key=lambda one: one.onset_t_s or 0.0
        )

    @cached_property
    def num_faces(self) -> int:
        """Tracks that are not excluded and were seen."""
        table = self.session.table
        return sum(len(track.rows(table)) > 0 for track in self.review.shown_tracks())

    @cached_property
    def face_rows(self) -> NDArray[np.int64]:
        """The participant's rows, ascending, one a frame at most.

        Where a frame shows several faces, it is the one that was seen in most frames.
        """
        table = self.session.table
        starts = table.frame_starts()
        chosen = np.full(len(starts), -1, np.int64)
        tracks = [track.rows(table) for track in self.review.shown_tracks()]
        for rows in sorted(tracks, key=len):
            chosen[np.searchsorted(starts, rows, "right") - 1] = rows
        return chosen[chosen >= 0]

    @cached_property
    def durations(self) -> NDArray[np.float64]:
        """[n] seconds that each row of the table counts."""
        return row_durations(self.session.table)

    def signals(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """[n, k] what is drawn over time, in the order of ``SIGNALS``; NaN where not measured."""
        table = self.session.table
        columns = [*table.raw[rows].T, table.added_numbers("valence")[rows]]
        columns += [table.added_numbers(f"m_{name}")[rows] for name in MOVEMENTS]
        return np.stack(columns, axis=1).astype(np.float64)


SIGNALS = (*LABELS, "valence", *(f"m_{name}" for name in MOVEMENTS))
"""The signals of ``StudySession.signals``."""
BLINKS = len(SIGNALS)
"""The number under which the curve of blinks stands beside those of SIGNALS."""


@dataclass(frozen=True, slots=True, eq=False)
class TrialResult:
    """Result of one trial of one participant.

    ``seen`` is the share of the analysed frames in it that show the face, ``rows`` those rows.
    ``figures`` [len(FIGURES)] are its means over the time seen, NaN where something was not
    measured.
    """

    run: StudySession
    trial: Trial
    num_frames: int
    seen: float
    rows: NDArray[np.int64]
    figures: NDArray[np.float64]

    @property
    def participant(self) -> str:
        return self.run.participant

    @property
    def group(self) -> str:
        """The participant's condition."""
        return self.run.study.condition

    @property
    def length_s(self) -> float:
        assert self.trial.onset_t_s is not None
        assert self.trial.end_t_s is not None
        return self.trial.end_t_s - self.trial.onset_t_s

    @property
    def counts(self) -> bool:
        """Whether means and curves take it: shown to its end, with the face in enough frames."""
        return self.trial.status == "shown" and self.seen >= LEAST_SEEN


def study_name(folder: Path) -> str | None:
    """The study in which a session was recorded; None where it is of none.

    Raises:
        RecordingError: the folder is no session.
    """
    study = study_of(read_about(folder))
    return None if study is None else study.name


def read_study_sessions(
    folders: Iterable[Path], left_out: Callable[[str], object] | None = None
) -> list[StudySession]:
    """The sessions of one study, in the order of participants and time.

    Args:
        folders: of the sessions.
        left_out: told in a sentence of each session that cannot be read; the others are returned,
            if there are any.

    Raises:
        RecordingError, StudyError: one cannot be read, and nobody is told.
        StudyError: they are of several studies, or none is of one.
    """
    found, problem = [], None
    for folder in folders:
        try:
            found.append(_read(folder))
        except (RecordingError, StudyError) as error:
            if left_out is None:
                raise
            problem = problem or error
            left_out(str(error))
    if problem is not None and not found:
        raise problem
    names = sorted({one.study.name for one in found})
    if len(names) > 1:
        raise StudyError(
            translatable(
                "These sessions are of {number} studies ({names}); give those of one.",
                number=len(names),
                names=", ".join(names),
            )
        )
    if not found:
        raise StudyError(translatable("There is no session of a study."))
    return sorted(found, key=lambda one: (one.participant, str(one.session.started_utc)))


def _read(folder: Path) -> StudySession:
    session = read_session(folder)
    study = study_of(session.about)
    if study is None:
        raise StudyError(
            translatable("{path} is no session of a study; leave it out.", path=folder)
        )
    trials = read_trials(folder)
    first_s, last_s = session.starts_at_s - _FURTHEST_S, session.ends_at_s + _FURTHEST_S
    for trial in trials:
        times = [one for one in (trial.onset_t_s, trial.end_t_s) if one is not None]
        # of another session, or of no clock
        if not all(first_s <= t_s <= last_s for t_s in times):
            raise StudyError(
                translatable(
                    "{path} cannot be read: trial {number} lies outside of the session.",
                    path=folder / STIMULI_FILE,
                    number=trial.trial,
                )
            )
    return StudySession(session, load_review(session), study, trials, read_answers(folder))


def trial_results(runs: Sequence[StudySession]) -> list[TrialResult]:
    """The results of all trials that have an onset and an end."""
    return [_result(run, trial) for run in runs for trial in run.shown_trials]


def _result(run: StudySession, trial: Trial) -> TrialResult:
    assert trial.onset_t_s is not None
    assert trial.end_t_s is not None
    table = run.session.table
    t_s = table.t_s[table.frame_starts()]
    num_frames = int(((t_s >= trial.onset_t_s) & (t_s < trial.end_t_s)).sum())
    at_s = table.t_s[run.face_rows]
    rows = run.face_rows[(at_s >= trial.onset_t_s) & (at_s < trial.end_t_s)]
    return TrialResult(
        run=run,
        trial=trial,
        num_frames=num_frames,
        seen=len(rows) / num_frames if num_frames else 0.0,
        rows=rows,
        figures=_figures(run, rows),
    )


def _figures(run: StudySession, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    table, spent = run.session.table, run.durations[rows]
    total = spent.sum()
    if total == 0:
        return np.full(len(FIGURES), np.nan)
    measured: MeasuredFigures = measured_figures(table, rows, spent)
    mean = (table.raw[rows].astype(np.float64) * spent[:, None]).sum(axis=0) / total
    low = spent[table.uncertain[rows]].sum() / total
    more = (measured.valence, low, measured.blink_rate, measured.head_deg_s)
    return np.array([*mean, *more, *measured.movements])
