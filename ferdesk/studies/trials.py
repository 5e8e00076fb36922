"""Trials of a recorded study: ``stimuli.csv``, ``answers.csv`` and ``study`` in ``session.json``.

``stimuli.csv`` has a row for each stimulus that has ended, ``answers.csv`` one for each answer;
both are UTF-8 with comma and header. Rows are appended whole, so that a killed program leaves all
that came before; a last row that was cut off is left out. Times ``t_s`` are those of
``results.csv``.

Each onset and each end is a marker of the session, too:

    stimulus 3 onset: lake
    stimulus 3 end: lake
    baseline 0 onset: baseline
    baseline 0 end: baseline
"""

import contextlib
import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from ferdesk.errors import StudyError
from ferdesk.messages import translatable
from ferdesk.sessions.reader import parse_utc
from ferdesk.sessions.schema import utc_text
from ferdesk.studies.order import StimulusOrder
from ferdesk.studies.study_file import OrderRule, QuestionKind, StimulusKind, Study

STIMULI_FILE = "stimuli.csv"
ANSWERS_FILE = "answers.csv"
STUDY_KEY = "study"
"""The key of ``session.json`` under which ``study_table`` stands."""
MARKER_ORIGIN = "study"
"""The ``origin`` of a study's own markers there: somebody may type a label that looks like one."""

Phase = Literal["baseline", "stimulus"]
Status = Literal["shown", "stopped", "skipped", "failed"]
"""``shown`` to its end; ``stopped`` in the middle by somebody; ``skipped`` before its onset;
``failed``: it could not be shown, or broke off, as the note says."""

T = TypeVar("T")
_MARKER = re.compile(r"(baseline|stimulus) (\d{1,9}) (onset|end): (\S+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trial:
    """Trial: one stimulus as it was shown; a row of ``stimuli.csv``.

    ``trial`` is the place in the participant's order, from 1, also in a session that resumed at a
    later one; the baseline phase is 0. ``planned_s`` is None where a video plays to its end or a
    text waits for a key. ``onset_t_s`` and ``end_t_s`` are None where there was none, ``onset_utc``
    is the onset's moment. ``method`` says how the onset was stamped, ``error_ms`` by how much the
    stamp may be wrong at most, None where that is not known.
    """

    trial: int
    stimulus: str
    kind: StimulusKind
    phase: Phase
    condition: str
    planned_s: float | None
    onset_t_s: float | None
    end_t_s: float | None
    onset_utc: datetime | None
    method: str
    error_ms: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to a question after a trial; a row of ``answers.csv``.

    ``question`` is its id, ``text`` what was asked, ``answer`` the button's text or the scale's
    number, ``value`` that number, None for buttons. ``t_s`` is when it was given, ``reaction_s``
    how long after the question appeared.
    """

    trial: int
    stimulus: str
    question: str
    text: str
    kind: QuestionKind
    answer: str
    value: float | None
    t_s: float
    reaction_s: float


@dataclass(frozen=True, slots=True)
class StudyOfSession:
    """Study of a session: what ``session.json`` says of it under ``study``.

    ``sha256`` is that of the ``study.toml``; ``order`` has all ids of the participant's order;
    ``resumed_from`` is the first trial of a session that goes on where an earlier one stopped.
    """

    name: str
    version: str
    sha256: str
    participant: str
    condition: str
    fields: Mapping[str, str]
    order: tuple[str, ...]
    order_rule: OrderRule
    order_seed: int | None
    row: int | None
    resumed_from: int | None


TRIAL_COLUMNS = tuple(one.name for one in fields(Trial))
ANSWER_COLUMNS = tuple(one.name for one in fields(Answer))


def study_table(
    study: Study,
    order: StimulusOrder,
    participant: str,
    condition: str,
    values: Mapping[str, str],
    *,
    resumed_from: int | None = None,
) -> dict[str, object]:
    """What goes into ``session.json`` under STUDY_KEY; ``values`` are those of the free fields."""
    return {
        "name": study.name,
        "version": study.version,
        "sha256": study.sha256,
        "participant": participant,
        "condition": condition,
        "fields": dict(values),
        "order": list(order.ids),
        "order_rule": order.rule,
        "order_seed": order.seed,
        "row": order.row,
        "resumed_from": resumed_from,
    }


def study_of(about: Mapping[str, Any]) -> StudyOfSession | None:
    """The study in the content of a ``session.json``; None where it has none that can be read.

    Participant and condition are the session's own, which may have been corrected since.
    """
    table = about.get(STUDY_KEY)
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        return None
    order, values = table.get("order"), table.get("fields")
    rule = table.get("order_rule")
    return StudyOfSession(
        name=table["name"],
        version=_said(table.get("version")),
        sha256=_said(table.get("sha256")),
        participant=_said(about.get("participant")) or _said(table.get("participant")),
        condition=_said(about.get("condition")) or _said(table.get("condition")),
        fields=(
            {str(key): _said(value) for key, value in values.items()}
            if isinstance(values, dict)
            else {}
        ),
        order=tuple(str(one) for one in order) if isinstance(order, list) else (),
        order_rule=cast("OrderRule", rule) if rule in get_args(OrderRule) else "fixed",
        order_seed=_whole(table.get("order_seed")),
        row=_whole(table.get("row")),
        resumed_from=_whole(table.get("resumed_from")),
    )


def onset_marker(phase: Phase, trial: int, stimulus: str) -> str:
    """The marker of an onset."""
    return f"{phase} {trial} onset: {stimulus}"


def end_marker(phase: Phase, trial: int, stimulus: str) -> str:
    """The marker of an end."""
    return f"{phase} {trial} end: {stimulus}"


@dataclass(frozen=True, slots=True)
class TrialMarker:
    """What a marker of a study says."""

    phase: Phase
    trial: int
    is_onset: bool
    stimulus: str


def parse_marker(label: str) -> TrialMarker | None:
    """What ``onset_marker`` and ``end_marker`` made; None for every other label."""
    found = _MARKER.fullmatch(label)
    if found is None:
        return None
    phase, trial, moment, stimulus = found.groups()
    return TrialMarker(cast("Phase", phase), int(trial), moment == "onset", stimulus)


def trial_line(trial: Trial) -> str:
    """A line of ``stimuli.csv``."""
    return _line([getattr(trial, name) for name in TRIAL_COLUMNS])


def answer_line(answer: Answer) -> str:
    """A line of ``answers.csv``."""
    return _line([getattr(answer, name) for name in ANSWER_COLUMNS])


def read_trials(folder: Path) -> tuple[Trial, ...]:
    """The trials of the session in ``folder``, in the order in which they ended; may be none.

    Raises:
        StudyError: ``stimuli.csv`` cannot be read, or has other columns; the sentence names the
            line.
    """
    return _read(folder / STIMULI_FILE, TRIAL_COLUMNS, _trial)


def read_answers(folder: Path) -> tuple[Answer, ...]:
    """The answers of the session in ``folder``, in the order in which they came; may be none.

    Raises:
        StudyError: ``answers.csv`` cannot be read, or has other columns.
    """
    return _read(folder / ANSWERS_FILE, ANSWER_COLUMNS, _answer)


def _trial(row: Mapping[str, str]) -> Trial:
    onset_utc = row["onset_utc"]
    onset_s, end_s = _number(row["onset_t_s"]), _number(row["end_t_s"])
    if onset_s is not None and end_s is not None and end_s < onset_s:
        raise ValueError(translatable("it ends before it begins"))
    return Trial(
        trial=int(row["trial"]),
        stimulus=row["stimulus"],
        kind=cast("StimulusKind", _one_of(row["kind"], get_args(StimulusKind))),
        phase=cast("Phase", _one_of(row["phase"], get_args(Phase))),
        condition=row["condition"],
        planned_s=_number(row["planned_s"]),
        onset_t_s=onset_s,
        end_t_s=end_s,
        onset_utc=parse_utc(onset_utc) if onset_utc else None,
        method=row["method"],
        error_ms=_number(row["error_ms"]),
        status=cast("Status", _one_of(row["status"], get_args(Status))),
        note=row["note"],
    )


def _answer(row: Mapping[str, str]) -> Answer:
    return Answer(
        trial=int(row["trial"]),
        stimulus=row["stimulus"],
        question=row["question"],
        text=row["text"],
        kind=cast("QuestionKind", _one_of(row["kind"], get_args(QuestionKind))),
        answer=row["answer"],
        value=_number(row["value"]),
        t_s=_needed(row["t_s"]),
        reaction_s=_needed(row["reaction_s"]),
    )


def _read(
    path: Path, columns: Sequence[str], make: Callable[[Mapping[str, str]], T]
) -> tuple[T, ...]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StudyError(
            translatable("{path} cannot be read: {why}.", path=path, why=error.strerror or error)
        ) from error
    text = whole_lines(content)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows = []
    try:
        if text and tuple(reader.fieldnames or ())[: len(columns)] != tuple(columns):
            raise ValueError(translatable("it has other columns"))
        for row in reader:
            if None in row.values():
                raise ValueError(translatable("it has too few columns"))
            rows.append(make(row))
    except (ValueError, csv.Error) as error:
        raise StudyError(
            translatable(
                "{path}, line {number}, cannot be read: {why}.",
                path=path,
                number=reader.line_num,
                why=error,
            )
        ) from error
    return tuple(rows)


def whole_lines(content: bytes) -> str:
    """The text of a file of rows, without a last one that was cut off."""
    return content[: content.rfind(b"\n") + 1].decode("utf-8-sig", errors="replace")


def _line(values: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_text(one) for one in values])
    return out.getvalue()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".") if math.isfinite(value) else ""
    if isinstance(value, datetime):
        return utc_text(value)
    # on one line, so that a row that was cut off is known by its missing end
    return " ".join(str(value).split())


def _number(text: str) -> float | None:
    return None if text == "" else _needed(text)


def _needed(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(translatable("{text!r} is no number", text=text))
    return number


def _one_of(text: str, names: Sequence[str]) -> str:
    if text not in names:
        raise ValueError(
            translatable("{text!r} is none of {names}", text=text, names=", ".join(names))
        )
    return text


def _said(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    with contextlib.suppress(TypeError, ValueError):
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
            return value
    return None
