"""Marker tables: the text of a marker file and its rows."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions.marker_columns import (
    Columns,
    Wanted,
    asked_column,
    columns_of,
    listed,
    unit_of,
    unit_unknown,
)

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # the first two bytes of UTF-32's are UTF-16's
_ABSENT = ("", "na", "n/a", "none", "null", "nan", "undefined")
_NO_COMMAS = re.compile(r"\s*[+-]?\d*,\d+\s*;", re.ASCII)
"""A first line whose comma stands in a number."""
_BLANKS = " \t\u00a0\u3000"
_HEADER_WITHIN = 40
"""Programs write lines above their header; no more than these."""


@dataclass(frozen=True, slots=True)
class Row:
    """Row: its first line in the file, from 1, and its cells."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MarkerTable:
    rows: Sequence[Row]
    columns: Columns
    header: Sequence[str]
    delimiter: str


def read_table(data: bytes, name: str, wanted: Wanted) -> MarkerTable:
    """The table in a marker file's bytes; ``name`` stands in messages.

    Raises:
        RecordingError: it is no table of markers, or it is not known how to read it.
    """
    text = _decoded(data, name, wanted.encoding)
    if text.lstrip().startswith("*** Header Start ***"):
        raise RecordingError(
            translatable(
                "The marker file {path} is E-Prime's log; export the table from "
                "E-DataAid and give that.",
                path=name,
            )
        )
    delimiters: tuple[str, ...] = ("\t", ";", ",")
    first_line = 1
    if told := re.match(r"sep=(.)\r?\n", text):  # Excel's first line
        delimiters, first_line = (told[1],), 2
        text = text[told.end() :]
    parsed: list[tuple[str, list[Row]]] = []
    fault: tuple[int, csv.Error] | None = None
    for delimiter in delimiters:
        try:
            parsed.append((delimiter, _rows(text, delimiter, first_line)))
        except _Unreadable as error:
            fault = (error.line, error.why)
    if any(not rows for _, rows in parsed):
        raise RecordingError(
            translatable(
                "The marker file {path} has no lines; it needs a time and a label.", path=name
            )
        )
    for delimiter, rows in parsed:
        for index, row in enumerate(rows[:_HEADER_WITHIN]):
            columns = columns_of(row.cells, index, name, wanted)
            if columns is not None:
                return MarkerTable(rows[index + 1 :], columns, row.cells, delimiter)
    for delimiter, rows in parsed:
        if fault is not None and delimiter == "," and _NO_COMMAS.match(text):
            break  # semicolons, but for the quotation mark
        table = _without_header(rows, delimiter, name, wanted)
        if table is not None:
            return table
    if fault is not None:
        raise RecordingError(
            translatable(
                "Line {number} of {path} has a quotation mark that is not closed, or one too "
                "many ({why}); mend the line.",
                number=fault[0],
                path=name,
                why=fault[1],
            )
        ) from fault[1]
    _, rows = max(parsed, key=lambda one: max(len(row.cells) for row in one[1]))
    raise RecordingError(
        translatable(
            "The marker file {path} has no time and label that are known ({columns}). Give it a "
            "header with time and label, or name its columns, also by number: ferdesk sessions "
            "markers --time-column NAME --label-column NAME --unit ms.",
            path=name,
            columns=listed(rows[0].cells),
        )
    )


def is_absent(text: str) -> bool:
    """Whether a cell is one of the ways to write that there is nothing."""
    return text.casefold() in _ABSENT


def _decoded(data: bytes, name: str, encoding: str) -> str:
    if data.startswith(b"PK\x03\x04"):
        raise RecordingError(
            translatable(
                "The marker file {path} is no text; save it as CSV and give that.", path=name
            )
        )
    chosen = encoding or _encoding_of(data)
    try:
        text = data.decode(chosen).removeprefix("\ufeff")
    except (LookupError, UnicodeError) as error:
        if encoding:
            raise RecordingError(
                translatable(
                    "The marker file {path} cannot be read as {encoding!r}; such names are "
                    "utf-8, utf-16, cp1252 and gbk.",
                    path=name,
                    encoding=encoding,
                )
            ) from error
        raise RecordingError(
            translatable(
                "The marker file {path} is not UTF-8; save it as “CSV UTF-8”, or say what it is: "
                "ferdesk sessions markers --encoding cp1252 (Excel in western Europe) or gbk "
                "(Excel in China).",
                path=name,
            )
        ) from error
    if "\0" in text:
        raise RecordingError(
            translatable(
                "The marker file {path} is no text; save it as CSV and give that.", path=name
            )
        )
    return text


def _encoding_of(data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return encoding
    start = data[:4096]
    # digits and delimiters of UTF-16 have a zero byte, and a text of one byte each has none
    low, high = start[0::2].count(0), start[1::2].count(0)
    if max(low, high) > len(start) // 8:
        return "utf-16-le" if high > low else "utf-16-be"
    return "utf-8"


class _Unreadable(Exception):
    def __init__(self, line: int, why: csv.Error) -> None:
        super().__init__(line, why)
        self.line, self.why = line, why


def _rows(text: str, delimiter: str, first_line: int) -> list[Row]:
    """The lines that are not empty, cells without the blanks around them but with line ends."""
    try:
        return _parsed(text, delimiter, first_line, csv.QUOTE_MINIMAL)
    except _Unreadable:
        if delimiter != "\t":
            raise
    # programs that write tabs need no quotation marks; ELAN begins lines on its media with one
    return _parsed(text, delimiter, first_line, csv.QUOTE_NONE)


def _parsed(text: str, delimiter: str, first_line: int, quoting: Literal[0, 3]) -> list[Row]:
    # Python's splitlines would break at U+2028 and the like, and within quotation marks
    stream = io.StringIO(text, newline="")
    reader = csv.reader(stream, delimiter=delimiter, strict=True, quoting=quoting)
    rows, before = [], 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                number = first_line + before
                rows.append(Row(number, tuple(cell.strip(_BLANKS) for cell in cells)))
            before = reader.line_num
    except csv.Error as error:
        raise _Unreadable(first_line + before, error) from error
    return rows


def _without_header(
    rows: Sequence[Row], delimiter: str, name: str, wanted: Wanted
) -> MarkerTable | None:
    """A table of a time and a label, or of the columns that are asked for by number."""
    if any(column and not column.isdecimal()
           for column in (wanted.time_column, wanted.label_column)):  # fmt: skip
        return None
    if wanted.time_column or wanted.label_column:
        first = rows[0].cells
        if len(first) < 2:
            return None
        header = [str(number) for number in range(1, len(first) + 1)]
        time = asked_column(wanted.time_column or "1", header, name) or 0
        label = asked_column(wanted.label_column or "2", header, name) or 0
        if not looks_like_time(first[time], delimiter):  # a header of another language
            header, rows = list(first), rows[1:]
        unit = wanted.unit or unit_of(header[time])
        if unit is None:
            raise unit_unknown(header[time], name)
        columns = Columns(time, label, unit, sparse=True, width=None)
        return MarkerTable(rows, columns, header, delimiter)
    if len(rows[0].cells) < 2 or not looks_like_time(rows[0].cells[0], delimiter):
        return None
    for row in rows:
        if len(row.cells) > 2 and any(row.cells[2:]):
            raise RecordingError(
                translatable(
                    "Line {number} of {path} has more than a time and a label, and there is no "
                    "header. Put labels with a comma in quotation marks and times with a point, "
                    "or name the columns: ferdesk sessions markers --time-column 1 "
                    "--label-column 2 --unit s.",
                    number=row.line,
                    path=name,
                )
            )
    pairs = [row.cells for row in rows if len(row.cells) > 1]
    if delimiter == "," and all(
        time.isdecimal() and label.isdecimal() for time, label, *_ in pairs
    ):
        raise RecordingError(
            translatable(
                "It cannot be known whether the commas of {path} stand before labels or in "
                "numbers; give it a header: time,label.",
                path=name,
            )
        )
    return MarkerTable(rows, Columns(0, 1, wanted.unit), ("", ""), delimiter)


def swallowed_line(table: MarkerTable, row: Row) -> bool:
    """Whether a cell of several lines holds what looks like lines of the table.

    Then a quotation mark that belongs to a label was taken for the begin of a cell.
    """
    columns, count = table.columns, len(table.header)
    for at, cell in enumerate(row.cells):
        if "\n" not in cell and "\r" not in cell:
            continue
        first, *others = cell.splitlines()
        lines = [[*row.cells[:at], *first.split(table.delimiter)]]
        lines += [line.split(table.delimiter) for line in others]
        if table.delimiter not in first:
            del lines[0]
        for cells in lines:
            if len(cells) == count and looks_like_time(
                cells[columns.time].strip(_BLANKS), table.delimiter
            ):
                return True
    return False


def looks_like_time(text: str, delimiter: str) -> bool:
    """Whether a cell may be a number, a date, or hours, minutes and seconds."""
    number = r"[+-]?(\d+([.,]\d*)?|\.\d+)(e[+-]?\d+)?" if delimiter != "," else (
        r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?"
    )  # fmt: skip
    return (
        re.fullmatch(
            rf"{number}|\d+:\d\d:\d\d([.,]\d+)?|\d{{4}}-\d\d-\d\d[T ].*",
            text,
            re.ASCII | re.IGNORECASE,
        )
        is not None
    )
