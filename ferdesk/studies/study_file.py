"""Study file: the ``study.toml`` of a folder, read and checked.

A study is a folder with a ``study.toml`` and the files that it names. Every mistake in it is one
sentence with the file, the table and the key; docs/studies.md describes each of them.
"""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args

from ferdesk.core.baseline import NEUTRAL_S
from ferdesk.errors import StudyError
from ferdesk.messages import translatable
from ferdesk.studies.checked_table import LONGEST_NAME, CheckedTable

STUDY_FILE = "study.toml"

StimulusKind = Literal["video", "image", "text", "pause"]
QuestionKind = Literal["buttons", "scale"]
FieldKind = Literal["text", "number", "choice"]
OrderRule = Literal["fixed", "random", "latin square"]

LONGEST_S = 3600.0
"""A stimulus or a baseline phase that is longer is a mistake: milliseconds, most often."""
LONGEST_FIXATION_S = 60.0
BASELINE_ID = "baseline"
"""Under which the baseline phase stands among the stimuli."""
_LEAST_NEUTRAL_S = NEUTRAL_S + 1.0
"""The neutral baseline is that of the phase's last seconds, and of no stimulus behind it."""
_LONGEST_TEXT = 4000
_MOST_BYTES = 1_000_000
_MOST_STEPS = 101


@dataclass(frozen=True, slots=True)
class Question:
    """Question after a stimulus, with buttons or a scale of whole numbers.

    ``lowest_label`` and ``highest_label`` stand at the scale's ends.
    """

    id: str
    text: str
    kind: QuestionKind
    buttons: tuple[str, ...] = ()
    lowest: int = 1
    highest: int = 7
    lowest_label: str = ""
    highest_label: str = ""


@dataclass(frozen=True, slots=True)
class Stimulus:
    """Stimulus: ``file`` of a video or an image, ``text``, or nothing for a pause.

    ``duration_s`` None lets a video play to its end and a text stay until a key. ``fixation_s`` is
    for how long a cross is shown before it. One that ``stays`` keeps its place in every order.
    """

    id: str
    kind: StimulusKind
    file: Path | None = None
    text: str = ""
    duration_s: float | None = None
    condition: str = ""
    fixation_s: float = 0.0
    stays: bool = False
    sound: bool = True
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """Free field that is asked for at the start, beside participant and condition."""

    id: str
    label: str
    kind: FieldKind = "text"
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class BaselinePhase:
    """Baseline phase before the first stimulus: a cross, with ``text`` below, for ``duration_s``.

    With ``neutral`` it becomes the neutral baseline of the one face that is seen.
    """

    duration_s: float
    text: str = ""
    neutral: bool = False


@dataclass(frozen=True, slots=True)
class Study:
    """Study of a folder. ``sha256`` is that of ``study.toml``; texts are shown as they are.

    ``conditions`` are offered for a participant, where there are any; a stimulus has its own.
    """

    folder: Path
    name: str
    sha256: str
    order: OrderRule
    stimuli: tuple[Stimulus, ...]
    instructions: str = ""
    thanks: str = ""
    baseline: BaselinePhase | None = None
    conditions: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    version: str = ""
    show_face: bool = False
    show_labels: bool = False

    def stimulus(self, id: str) -> Stimulus:  # noqa: A002 - the key's name in the file
        """The stimulus of that id.

        Raises:
            KeyError: there is none.
        """
        for one in self.stimuli:
            if one.id == id:
                return one
        raise KeyError(id)


def read_study(folder: Path) -> Study:
    """Read and check the study in ``folder``, or that of a path of a ``study.toml`` itself.

    Raises:
        StudyError: the first mistake, in one sentence.
    """
    path = folder if folder.name == STUDY_FILE else folder / STUDY_FILE
    folder = path.parent
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise StudyError(
            translatable(
                "{path} cannot be read: {why}. A study is a folder with a study.toml.",
                path=path,
                why=error.strerror or error,
            )
        ) from error
    if len(content) > _MOST_BYTES:
        raise StudyError(translatable("{path} is larger than any study file.", path=path))
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise StudyError(
            translatable("{path} is not TOML: {why}.", path=path, why=error)
        ) from error
    return _study(CheckedTable(path, "", table), folder, hashlib.sha256(content).hexdigest())


def _study(top: CheckedTable, folder: Path, sha256: str) -> Study:
    head = top.table("study")
    if head is None:
        raise top.mistake(translatable("the table [study] is missing."))
    fixation_s = head.number("fixation_s", 0.0, LONGEST_FIXATION_S, default=0.0)
    study = Study(
        folder=folder,
        name=head.text("name", LONGEST_NAME),
        sha256=sha256,
        order=cast("OrderRule", head.one_of("order", get_args(OrderRule), default="fixed")),
        stimuli=(),
        instructions=head.text("instructions", _LONGEST_TEXT, default=""),
        thanks=head.text("thanks", _LONGEST_TEXT, default=""),
        conditions=head.texts("conditions", default=()),
        version=head.text("version", LONGEST_NAME, default=""),
        show_face=head.flag("show_face"),
        show_labels=head.flag("show_labels"),
    )
    head.finish()
    baseline = top.table("baseline")
    phase = None if baseline is None else _baseline(baseline)
    everywhere = _questions(top)
    stimuli = tuple(_stimulus(one, folder, fixation_s, everywhere) for one in top.tables("stimuli"))
    if not stimuli:
        raise top.mistake(translatable("there is no stimulus; add a table [[stimuli]]."))
    _check_ids(top, "stimuli", (one.id for one in stimuli))
    if any(one.id.casefold() == BASELINE_ID for one in stimuli):
        raise top.mistake(
            translatable("the id {id!r} is that of the baseline phase.", id=BASELINE_ID)
        )
    fields = tuple(_field(one) for one in top.tables("fields"))
    _check_ids(top, "fields", (one.id for one in fields))
    top.finish()
    return replace(study, stimuli=stimuli, fields=fields, baseline=phase)


def _baseline(table: CheckedTable) -> BaselinePhase:
    phase = BaselinePhase(
        duration_s=table.number("duration_s", 1.0, LONGEST_S),
        text=table.text("text", _LONGEST_TEXT, default=""),
        neutral=table.flag("neutral"),
    )
    table.finish()
    if phase.neutral and phase.duration_s < _LEAST_NEUTRAL_S:
        raise table.mistake(
            translatable(
                "neutral needs a duration_s of {least:g} at least.", least=_LEAST_NEUTRAL_S
            )
        )
    return phase


def _stimulus(
    table: CheckedTable, folder: Path, fixation_s: float, everywhere: tuple[Question, ...]
) -> Stimulus:
    name = table.id()
    kind = cast("StimulusKind", table.one_of("kind", get_args(StimulusKind)))
    file, text = None, ""
    if kind in ("video", "image"):
        file = table.file("file", folder, is_picture=kind == "image")
    elif kind == "text":
        text = table.text("text", _LONGEST_TEXT)
    may_be_left_out = kind in ("video", "text")
    own = _questions(table)
    stimulus = Stimulus(
        id=name,
        kind=kind,
        file=file,
        text=text,
        duration_s=table.optional_number("duration_s", 0.01, LONGEST_S, needed=not may_be_left_out),
        condition=table.text("condition", LONGEST_NAME, default=""),
        fixation_s=table.number(
            "fixation_s",
            0.0,
            LONGEST_FIXATION_S,
            default=0.0 if kind == "pause" else fixation_s,
        ),
        stays=table.flag("stays", default=kind == "pause"),
        sound=table.flag("sound", default=True) if kind == "video" else False,
        questions=own if own or kind == "pause" else everywhere,
    )
    table.finish()
    return stimulus


def _questions(table: CheckedTable) -> tuple[Question, ...]:
    questions = tuple(_question(one) for one in table.tables("questions"))
    _check_ids(table, "questions", (one.id for one in questions))
    return questions


def _question(table: CheckedTable) -> Question:
    name = table.id()
    text = table.text("text", _LONGEST_TEXT)
    kind = cast("QuestionKind", table.one_of("kind", get_args(QuestionKind)))
    if kind == "buttons":
        question = Question(name, text, kind, buttons=table.texts("buttons"))
        if not 2 <= len(question.buttons) <= 9:
            raise table.mistake(translatable("buttons must be 2 to 9 texts."))
    else:
        lowest = table.whole("lowest", default=1)
        highest = table.whole("highest", default=7)
        if not lowest < highest < lowest + _MOST_STEPS:
            raise table.mistake(
                translatable(
                    "highest must be greater than lowest, by {most} at most.",
                    most=_MOST_STEPS - 1,
                )
            )
        question = Question(
            name,
            text,
            kind,
            lowest=lowest,
            highest=highest,
            lowest_label=table.text("lowest_label", LONGEST_NAME, default=""),
            highest_label=table.text("highest_label", LONGEST_NAME, default=""),
        )
    table.finish()
    return question


def _field(table: CheckedTable) -> Field:
    name = table.id()
    kind = cast("FieldKind", table.one_of("kind", get_args(FieldKind), default="text"))
    field = Field(
        id=name,
        label=table.text("label", LONGEST_NAME, default=name),
        kind=kind,
        choices=table.texts("choices") if kind == "choice" else (),
        required=table.flag("required"),
    )
    table.finish()
    return field


def _check_ids(table: CheckedTable, key: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        if one.casefold() in seen:
            raise table.mistake(
                translatable("the id {id!r} stands twice among [[{key}]].", id=one, key=key)
            )
        seen.add(one.casefold())
