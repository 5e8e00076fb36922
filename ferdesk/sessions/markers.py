"""Marker files of stimulus and annotation programs: a time and a label on each line."""

import math
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions.marker_columns import Unit, Wanted
from ferdesk.sessions.marker_table import MarkerTable, Row, is_absent, read_table, swallowed_line
from ferdesk.sessions.reader import Marker, Session

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_MAYBE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)
_CLOCK = re.compile(r"(\d+):([0-5]\d):([0-5]\d(?:[.,]\d+)?)", re.ASCII)
_SCALE: dict[Unit | None, float] = {None: 1.0, Unit.S: 1.0, Unit.MS: 1e-3, Unit.US: 1e-6}
_MAYBE_MS = 1000
_TOO_FAR_S = 1e8
"""Three years; a number beyond is a date in disguise."""


def read_markers(
    path: Path, session: Session, *, offset_s: float = 0.0, wanted: Wanted | None = None
) -> list[Marker]:
    """The markers of a table with times and labels, in time's order.

    Comma, semicolon or tab; with or without a header; the tables of the programs named in
    ``docs/sessions.md``. Where a time could be meant in two ways, the file is refused.

    Args:
        path: the file.
        session: what they belong to.
        offset_s: is added to every time, for a program that began earlier or later.
        wanted: its columns, unit and encoding, where the file does not tell them.

    Raises:
        RecordingError: the file cannot be read; the sentence names the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordingError(
            translatable(
                "The marker file {path} cannot be read: {why}.",
                path=path,
                why=error.strerror or error,
            )
        ) from error
    table = read_table(data, str(path), wanted or Wanted())
    rows = _rows_with_markers(table, path)
    _check_one_recording(table, path)
    _check_commas(table, rows, path)
    columns = table.columns
    markers = []
    for row in rows:
        text = row.cells[columns.time]
        t_s = _seconds(text, table, session)
        if t_s is None or abs(t_s + offset_s) > _TOO_FAR_S:
            raise _no_time(row, text, columns.unit, path)
        label = row.cells[columns.label]
        if columns.phase is not None and row.cells[columns.phase].casefold() == "stop":
            label += " stop"
        markers.append(Marker(round(t_s + offset_s, 6), clean_label(label), path.name))
    _check_seconds(table, rows, session, path)
    return sorted(markers, key=lambda marker: marker.t_s)


def clean_label(text: str) -> str:
    """A label on one line, without the ``;`` that joins labels in a row's column."""
    return " ".join(text.replace(";", ",").split())


def outside(markers: Sequence[Marker], session: Session) -> list[Marker]:
    """Those that lie before or after the session."""
    return [one for one in markers if not session.starts_at_s <= one.t_s <= session.ends_at_s]


def _rows_with_markers(table: MarkerTable, path: Path) -> list[Row]:
    columns = table.columns
    rows = []
    for row in table.rows:
        if columns.width is not None and len(row.cells) > columns.width:
            raise RecordingError(
                translatable(
                    "Line {number} of {path} has more columns than the header; put labels with "
                    "a comma in quotation marks, and write times with a point.",
                    number=row.line,
                    path=path,
                )
            )
        if swallowed_line(table, row):
            raise RecordingError(
                translatable(
                    "A quotation mark in line {number} of {path} joins it with the lines behind "
                    "it; write two where one is meant.",
                    number=row.line,
                    path=path,
                )
            )
        cells = row.cells
        time = cells[columns.time] if columns.time < len(cells) else ""
        label = cells[columns.label] if columns.label < len(cells) else ""
        if columns.sparse and is_absent(time):
            continue
        label = clean_label(label)
        if columns.skips_unlabelled and not label:
            continue
        if not time or not label or len(cells) <= (columns.phase or 0):
            raise RecordingError(
                translatable(
                    "Line {number} of {path} has no time or no label.", number=row.line, path=path
                )
            )
        rows.append(row)
    if not rows:
        raise RecordingError(
            translatable(
                "The marker file {path} has no lines; it needs a time and a label.", path=path
            )
        )
    return rows


def _check_one_recording(table: MarkerTable, path: Path) -> None:
    """Several observations or people in one table count their times from different moments."""
    for at in table.columns.one_of:
        values = {row.cells[at] for row in table.rows if at < len(row.cells) and row.cells[at]}
        if len(values) > 1:
            raise RecordingError(
                translatable(
                    "The marker file {path} has several recordings ({column}: {values}); "
                    "make a file of the one that belongs to this session.",
                    path=path,
                    column=table.header[at],
                    values=", ".join(sorted(values)[:3]),
                )
            )


def _check_commas(table: MarkerTable, rows: Sequence[Row], path: Path) -> None:
    """A comma in a number must have one meaning in the whole file."""
    times = [(row.line, row.cells[table.columns.time]) for row in rows]
    numbers = [(line, text) for line, text in times if text[4:5] != "-" and ":" not in text]
    commas = [(line, text) for line, text in numbers if "," in text]
    if not commas:
        return
    thousands = table.delimiter != ";" and all(_MAYBE_THOUSANDS.fullmatch(t) for _, t in commas)
    if thousands or any("." in text for _, text in numbers):
        line, text = commas[0]
        raise RecordingError(
            translatable(
                "Line {number} of {path}: it cannot be known what the comma in {text!r} means; "
                "write times with a decimal point.",
                number=line,
                path=path,
                text=text,
            )
        )


def _check_seconds(table: MarkerTable, rows: Sequence[Row], session: Session, path: Path) -> None:
    """Whole numbers far behind the session's end are milliseconds as likely as seconds."""
    if table.columns.unit is not None:
        return
    times = [row.cells[table.columns.time] for row in rows]
    if not all(text.lstrip("+-").isdecimal() for text in times):
        return
    farthest = max(int(text) for text in times)
    if farthest >= _MAYBE_MS and farthest > session.ends_at_s:
        raise RecordingError(
            translatable(
                "The times of {path} may be milliseconds; say what they are: ferdesk sessions "
                "markers --unit ms or --unit s.",
                path=path,
            )
        )


def _no_time(row: Row, text: str, unit: Unit | None, path: Path) -> RecordingError:
    if _CLOCK.fullmatch(text) and unit != Unit.HMS:
        return RecordingError(
            translatable(
                "Line {number} of {path}: {text!r} may be a time of day or count from the "
                "session's start; if it counts, give ferdesk sessions markers --unit hms.",
                number=row.line,
                path=path,
                text=text,
            )
        )
    return RecordingError(
        translatable(
            "Line {number} of {path}: {text!r} is not a time. Give seconds "
            "from the session's start, or a date like 2026-03-04T05:06:07.5Z "
            "with its zone.",
            number=row.line,
            path=path,
            text=text,
        )
    )


def _seconds(text: str, table: MarkerTable, session: Session) -> float | None:
    unit = table.columns.unit
    if (unit == Unit.HMS or table.columns.clock_too) and (clock := _CLOCK.fullmatch(text)):
        hours, minutes, seconds = clock.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
    if unit in _SCALE and not table.columns.dates:
        if _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        if _NUMBER.fullmatch(text):
            seconds_ = float(text) * _SCALE[unit]
            return seconds_ if math.isfinite(seconds_) else None
    if unit == Unit.HMS:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    started = session.started_utc
    if moment.tzinfo is None or started is None:
        return None
    return (moment - started).total_seconds()
