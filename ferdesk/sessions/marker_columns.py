"""Marker columns: which columns of a table hold time and label, in the layouts of programs."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable


class Unit(StrEnum):
    """Unit of a column of times; ``HMS`` is hours:minutes:seconds."""

    S = "s"
    MS = "ms"
    US = "us"
    HMS = "hms"


_TIMES = ("t_s", "time", "seconds", "onset", "timestamp", "time_utc")
_TIME_STEMS = ("t", "time", "onset", "timestamp", "start")
_LABELS = (
    "label", "marker", "name", "event", "text", "trial_type", "value", "description",
    "annotation", "behavior", "behaviour", "condition",
)  # fmt: skip
_UNIT_SUFFIXES: tuple[tuple[str, Unit], ...] = (
    (r"[ _.-]*[(\[]?hh:mm:ss(\.m+s*)?[)\]]?$", Unit.HMS),
    (r" - ss\.msec$", Unit.S),
    (r"( - msec|[ _]ms|[ _]msec| ?[(\[](ms|msec)[)\]])$", Unit.MS),
    (r"([ _](us|µs)| ?[(\[](us|µs)[)\]])$", Unit.US),
    (r"([ _]s|[ _]sec|[ _]seconds| ?[(\[](s|sec|seconds)[)\]])$", Unit.S),
)
_ELAN_COLUMN = re.compile(r"(.+) - (hh:mm:ss\.ms|ss\.msec|msec|hh:mm:ss:ff)( .*)?$")
_ELAN_OTHERS = ("", "tier", "tier name", "participant", "annotator", "file path", "file name")
_SHOWN_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user says about a marker file; empty where the file itself must tell.

    Columns go by their name in the header or by their number, from 1.
    """

    time_column: str = ""
    label_column: str = ""
    unit: Unit | None = None
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a table's times and labels stand, and how to read them."""

    time: int
    label: int
    unit: Unit | None = None
    """None: seconds by ``docs/sessions.md``, which the file does not say itself."""
    width: int | None = None
    """How many columns the header has; None without one."""
    sparse: bool = False
    """Lines without a time hold something else, as in a table with a line for each trial."""
    skips_unlabelled: bool = False
    phase: int | None = None
    """The column that says whether a state begins or ends."""
    one_of: tuple[int, ...] = ()
    """Columns with one value in a file of one recording."""
    dates: bool = False
    """Times are dates with a zone."""
    clock_too: bool = False
    """Times may be hours, minutes and seconds beside plain numbers."""


def unit_of(name: str) -> Unit | None:
    """The unit in a column's name: ``onset_ms``, ``Start (s)``, ``Begin Time - msec``."""
    return _stem_and_unit(name)[1]


def _stem_and_unit(name: str) -> tuple[str, Unit | None]:
    name = name.casefold()
    for pattern, unit in _UNIT_SUFFIXES:
        if found := re.search(pattern, name):
            return name[: found.start()], unit
    return name, None


def columns_of(header: Sequence[str], index: int, name: str, wanted: Wanted) -> Columns | None:
    """The columns of a header; None where the row is none."""
    names = [cell.casefold() for cell in header]
    named = [
        column for column in (wanted.time_column, wanted.label_column)
        if column and not column.isdecimal()
    ]  # fmt: skip
    if any(column.casefold() not in names for column in named):
        return None
    for column in named:
        if names.count(column.casefold()) > 1:
            raise RecordingError(
                translatable(
                    "The marker file {path} has several columns {name}; give the number of one, "
                    "from 1.",
                    path=name,
                    name=column,
                )
            )
    for program in _PROGRAMS:
        if program.is_header(names):
            return _of_program(program, header, name, wanted)
    times, labels = _generic(names)
    if not named and (index > 0 or not times or not labels):
        return None
    if wanted.time_column and wanted.label_column:
        times, labels = [], []
    elif wanted.time_column:
        times = []
    elif wanted.label_column:
        labels = []
    return _chosen(header, times, labels[:1], Columns(0, 0), name, wanted)


def _generic(names: Sequence[str]) -> tuple[list[int], list[int]]:
    times = [at for at, name in enumerate(names) if _is_time(name)]
    if "t_s" in names:  # our own column, beside which time_utc says the same
        times = [names.index("t_s")]
    labels = [names.index(label) for label in _LABELS if label in names]
    return times, labels


def _is_time(name: str) -> bool:
    stem, unit = _stem_and_unit(name)
    return name in _TIMES or (unit is not None and stem in _TIME_STEMS)


@dataclass(frozen=True, slots=True)
class _Program:
    """A program's table: how its header is known, and what stands where."""

    name: str
    is_header: Callable[[Sequence[str]], bool]
    times: Callable[[Sequence[str]], list[int]]
    labels: Callable[[Sequence[str]], list[int]]
    unit: Unit | None
    phases: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    clock_too: bool = False
    skips_unlabelled: bool = False


def _named(*columns: str) -> Callable[[Sequence[str]], list[int]]:
    """The first of those columns that is there."""
    return lambda names: [names.index(one) for one in columns if one in names][:1]


def _ending(*ends: str) -> Callable[[Sequence[str]], list[int]]:
    return lambda names: [at for at, name in enumerate(names) if name.endswith(ends)]


def _elan_times(names: Sequence[str]) -> list[int]:
    """The begin of the annotations in its finest unit; every time where it has another name."""
    for unit in ("msec", "ss.msec", "hh:mm:ss.ms"):
        if (column := f"begin time - {unit}") in names:
            return [names.index(column)]
    return [at for at, name in enumerate(names) if _ELAN_COLUMN.match(name)]


def _elan_labels(names: Sequence[str]) -> list[int]:
    return [
        at for at, name in enumerate(names)
        if not _ELAN_COLUMN.match(name) and name not in _ELAN_OTHERS
    ]  # fmt: skip


def _opensesame_times(names: Sequence[str]) -> list[int]:
    return [at for at, name in enumerate(names) if name.startswith("time_")]


_PROGRAMS = (
    _Program(
        "BORIS",
        lambda names: (
            "behavior" in names
            and bool({"time", "start (s)"} & set(names))
            and bool({"behavior type", "behavioral category", "observation id", "status"}
                     & set(names))
        ),
        _named("time", "start (s)"), _named("behavior"), Unit.S,
        phases=("behavior type", "status"), one_of=("observation id",), clock_too=True,
    ),
    _Program(
        "ELAN", lambda names: any(_ELAN_COLUMN.match(name) for name in names),
        _elan_times, _elan_labels, None, skips_unlabelled=True,
    ),
    _Program(
        "PsychoPy",
        lambda names: "psychopyversion" in names or any(n.endswith(".started") for n in names),
        _ending(".started"), lambda names: [], Unit.S, one_of=("participant",),
    ),
    _Program(
        "E-Prime", lambda names: {"experimentname", "subject"} <= set(names),
        _ending(".onsettime"), lambda names: [], Unit.MS, one_of=("subject", "session"),
    ),
    _Program(
        "jsPsych", lambda names: {"time_elapsed", "trial_type"} <= set(names),
        _named("time_elapsed"), _named("trial_type"), Unit.MS,
    ),
    _Program(
        "OpenSesame",
        lambda names: (
            ("subject_nr" in names or any(n.startswith("count_") for n in names))
            and bool(_opensesame_times(names))
        ),
        _opensesame_times, lambda names: [], Unit.MS, one_of=("subject_nr",),
    ),
)  # fmt: skip


def _of_program(program: _Program, header: Sequence[str], name: str, wanted: Wanted) -> Columns:
    names = [cell.casefold() for cell in header]
    times, labels = program.times(names), program.labels(names)
    lacking = [
        option
        for option, given, found in (
            ("--time-column", wanted.time_column, times),
            ("--label-column", wanted.label_column, labels),
        )
        if not given and len(found) != 1
    ]
    if lacking:
        raise RecordingError(
            translatable(
                "The marker file {path} is a table of {program}, and it cannot be known which "
                "columns are meant; name them: ferdesk sessions markers {options}. Times: "
                "{times}. Columns: {columns}.",
                path=name,
                program=program.name,
                options=" ".join(f"{option} NAME" for option in lacking),
                times=listed([header[at] for at in times]),
                columns=listed([header[at] for at in labels or range(len(header))]),
            )
        )
    phases = [names.index(one) for one in program.phases if one in names]
    base = Columns(
        0, 0, program.unit, sparse=True,
        phase=phases[0] if phases else None,
        one_of=tuple(names.index(one) for one in program.one_of if one in names),
        clock_too=program.clock_too,
        skips_unlabelled=program.skips_unlabelled,
    )  # fmt: skip
    return _chosen(header, times, labels, base, name, wanted)


def _chosen(
    header: Sequence[str],
    times: Sequence[int],
    labels: Sequence[int],
    base: Columns,
    name: str,
    wanted: Wanted,
) -> Columns:
    """The columns that are asked for, else those found; their unit, which must be known."""
    time = asked_column(wanted.time_column, header, name)
    label = asked_column(wanted.label_column, header, name)
    if time is None:
        if len(times) != 1:
            raise RecordingError(
                translatable(
                    "The marker file {path} has no single column of times ({columns}); name one: "
                    "ferdesk sessions markers --time-column NAME.",
                    path=name,
                    columns=listed([header[at] for at in times or range(len(header))]),
                )
            )
        time = times[0]
    if label is None:
        if not labels:
            raise RecordingError(
                translatable(
                    "The marker file {path} has no column of labels that is known ({columns}); "
                    "name one: ferdesk sessions markers --label-column NAME.",
                    path=name,
                    columns=listed(header),
                )
            )
        label = labels[0]
    column = header[time].casefold()
    if "hh:mm:ss:ff" in column:
        raise RecordingError(
            translatable(
                "The column {name} of {path} counts frames; export milliseconds and give those.",
                name=header[time],
                path=name,
            )
        )
    unit: Unit | None = wanted.unit or unit_of(column) or base.unit
    dates = column == "time_utc"
    if unit is None and column not in _TIMES:
        raise unit_unknown(header[time], name)
    # whoever names a column has a table of many, where a line may hold something else
    sparse = base.sparse or bool(wanted.time_column)
    return replace(
        base, time=time, label=label, unit=unit, width=len(header), sparse=sparse, dates=dates
    )


def asked_column(column: str, header: Sequence[str], name: str) -> int | None:
    """The place of a column that the user names; a name goes before a number."""
    if not column:
        return None
    names = [cell.casefold() for cell in header]
    if column.casefold() in names:
        return names.index(column.casefold())
    at = int(column) - 1
    if not 0 <= at < len(header):
        raise RecordingError(
            translatable(
                "The marker file {path} has no column {name}; it has {count}.",
                path=name,
                name=column,
                count=len(header),
            )
        )
    return at


def unit_unknown(column: str, name: str) -> RecordingError:
    return RecordingError(
        translatable(
            "The unit of the times in column {name} of {path} cannot be known; give it: ferdesk "
            "sessions markers --unit s, ms, us or hms (hours:minutes:seconds).",
            name=column,
            path=name,
        )
    )


def listed(names: Sequence[str]) -> str:
    shown = [f"{name[:40]!r}" for name in names if name][:_SHOWN_COLUMNS]
    return ", ".join(shown) + (" …" if len([n for n in names if n]) > _SHOWN_COLUMNS else "")
