"""Tidy table of a study: a row for each analysed frame of each trial, with the participant's face.

The columns are described in ``docs/study-report.md``, in TRIAL_COLUMNS and the fields of a face.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.replace_file import replacing
from ferdesk.sessions.export import plain_text
from ferdesk.sessions.field_columns import column_of
from ferdesk.sessions.fields import FACE_FIELDS, FaceField
from ferdesk.sessions.schema import decimal
from ferdesk.studies.results import StudySession
from ferdesk.studies.trials import Trial

ColumnKind = Literal["text", "integer", "flag", "number", "seconds"]
"""``number`` is float32, ``seconds`` float64; ``flag`` is 0 or 1, a bool in Parquet."""


@dataclass(frozen=True, slots=True)
class TidyColumn:
    """Column of the tidy table; ``field`` is that of a face, None for what a trial has."""

    name: str
    kind: ColumnKind
    about: str
    field: FaceField | None = None


TRIAL_COLUMNS = (
    TidyColumn("participant", "text", "the participant's code, or the session's name without one"),
    TidyColumn("condition", "text", "the participant's condition"),
    TidyColumn("session", "text", "the session's folder"),
    TidyColumn("trial", "integer", "place in the participant's order, from 1; 0 is the baseline"),
    TidyColumn("stimulus", "text", "the stimulus's id"),
    TidyColumn("kind", "text", "`video`, `image`, `text` or `pause`"),
    TidyColumn("phase", "text", "`baseline` or `stimulus`"),
    TidyColumn("stimulus_condition", "text", "the stimulus's own condition"),
    TidyColumn("status", "text", "`shown`, or `stopped` or `failed` in the middle"),
    TidyColumn("since_onset_s", "seconds", "seconds since the onset of the stimulus"),
    TidyColumn("t_s", "seconds", "the session's time"),
    TidyColumn("frame", "integer", "the frame's index in the session"),
)
"""Before the fields of the face; a frame without the participant's face leaves those empty."""


@dataclass(frozen=True, slots=True, eq=False)
class TidyPart:
    """Rows of one session: for each column its values [n], and where they are empty [n]."""

    values: tuple[NDArray[Any], ...]
    empty: tuple[NDArray[np.bool_], ...]

    def __len__(self) -> int:
        return len(self.values[0])


def tidy_columns(runs: Sequence[StudySession]) -> tuple[TidyColumn, ...]:
    """The columns: those of the trial, and of the face what any of the sessions has."""
    had = {name for run in runs for name in run.session.table.added}
    fields = (one for one in FACE_FIELDS if not one.measured or one.name in had)
    return (*TRIAL_COLUMNS, *(TidyColumn(one.name, one.kind, one.about, one) for one in fields))


def tidy_part(run: StudySession, columns: Sequence[TidyColumn]) -> TidyPart:
    """The rows of one session, in time's order; none where no trial has an onset and an end."""
    table = run.session.table
    starts = table.frame_starts()
    of_frame = np.full(len(starts), -1, np.int64)
    of_frame[np.searchsorted(starts, run.face_rows, "right") - 1] = run.face_rows
    trials = run.shown_trials
    frames = [_frames_of(trial, table.t_s[starts]) for trial in trials]
    every = np.concatenate([*frames, np.zeros(0, np.int64)])
    number = np.repeat(np.arange(len(trials)), [len(one) for one in frames])
    rows = of_frame[every]
    nobody, safe = rows < 0, np.maximum(rows, 0)
    t_s = table.t_s[starts[every]]
    own: dict[str, NDArray[Any]] = {"t_s": t_s, "frame": table.frame[starts[every]]}
    onsets = np.array([trial.onset_t_s for trial in trials], np.float64)
    own["since_onset_s"] = t_s - onsets[number]
    texts = {
        "participant": run.participant,
        "condition": run.study.condition,
        "session": run.session.name,
    }
    values, empty = [], []
    for column in columns:
        if column.field is not None:
            full, lacking = column_of(table, column.field)
            # a damaged table may have no rows at all
            values.append(full[safe] if len(full) else np.zeros(0, full.dtype))
            empty.append(nobody | lacking[safe] if len(full) else nobody)
            continue
        if column.name in own:
            found = own[column.name]
        elif column.name in texts:
            found = np.full(len(every), texts[column.name], object)
        else:
            of_trial = [_of_trial(trial, column.name) for trial in trials]
            kind = np.int64 if column.kind == "integer" else object
            found = np.array(of_trial, kind)[number] if trials else np.zeros(0, kind)
        values.append(found)
        empty.append(found == "" if column.kind == "text" else np.zeros(len(every), bool))
    return TidyPart(tuple(values), tuple(np.asarray(one, bool) for one in empty))


def _frames_of(trial: Trial, t_s: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.flatnonzero((t_s >= (trial.onset_t_s or 0.0)) & (t_s < (trial.end_t_s or 0.0)))


def _of_trial(trial: Trial, name: str) -> object:
    return getattr(trial, "condition" if name == "stimulus_condition" else name)


def write_tidy_csv(runs: Sequence[StudySession], path: Path) -> None:
    """Write the table as CSV, UTF-8 with a byte order mark, one session after the other.

    Raises:
        RecordingError: it cannot be written.
    """
    columns = tidy_columns(runs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(b"\xef\xbb\xbf" + _csv_lines([[one.name for one in columns]]))
            for run in runs:
                file.write(_csv_lines(_texts(columns, tidy_part(run, columns))))
    except OSError as error:
        raise RecordingError(
            translatable("{path} cannot be written: {why}.", path=path, why=error.strerror or error)
        ) from error


def _csv_lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(errors="backslashreplace")


def _texts(columns: Sequence[TidyColumn], part: TidyPart) -> Iterator[tuple[str, ...]]:
    made = []
    for column, values, empty in zip(columns, part.values, part.empty, strict=True):
        text = _TEXTS[column.kind]
        made.append(
            ["" if none else text(value) for value, none in zip(values, empty, strict=True)]
        )
    return zip(*made, strict=True)


_TEXTS: dict[ColumnKind, Callable[[Any], str]] = {
    "text": lambda value: plain_text(str(value)),
    "integer": lambda value: str(int(value)),
    "flag": lambda value: str(int(value)),
    "number": decimal,
    "seconds": lambda value: f"{value:.6f}",
}
