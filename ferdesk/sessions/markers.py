"""Marker files of stimulus programs: one time and label per line."""

import csv
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions.reader import Marker, Session

_TIMES = (
    "t_s",
    "time",
    "time_s",
    "seconds",
    "onset",
    "timestamp",
    "time_utc",
    "time_ms",
    "onset_ms",
)
_LABELS = ("label", "marker", "name", "event", "text", "trial_type", "value", "description")


def read_markers(path: Path, session: Session, *, offset_s: float = 0.0) -> list[Marker]:
    """The markers of a CSV file with the columns time and label, in time's order.

    Comma, semicolon or tab; with or without a header. A time is seconds from the session's start
    (milliseconds under a header that ends in ``_ms``), or ISO 8601 with a zone.

    Args:
        path: the file.
        session: what they belong to.
        offset_s: is added to every time, for a program that began earlier or later.

    Raises:
        RecordingError: the file cannot be read; the sentence names the line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(
            translatable("The marker file {path} cannot be read: {why}.", path=path, why=error)
        ) from error
    delimiter = max(";\t,", key=text.partition("\n")[0].count)
    rows = [
        (number, [cell.strip() for cell in row])
        for number, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), start=1)
        if any(cell.strip() for cell in row)
    ]
    if not rows:
        raise RecordingError(
            translatable(
                "The marker file {path} has no lines; it needs a time and a label.", path=path
            )
        )
    time_at, label_at, unit_s = 0, 1, 1.0
    header = [cell.casefold() for cell in rows[0][1]]
    if _is_header(header):
        time_at, label_at = _find(header, _TIMES, path), _find(header, _LABELS, path)
        unit_s = 0.001 if header[time_at].endswith("_ms") else 1.0
        rows = rows[1:]
    markers = []
    for number, row in rows:
        if len(row) <= max(time_at, label_at) or not row[label_at]:
            raise RecordingError(
                translatable(
                    "Line {number} of {path} has no time or no label.", number=number, path=path
                )
            )
        t_s = _seconds(row[time_at], unit_s, session, delimiter)
        if t_s is None:
            raise RecordingError(
                translatable(
                    "Line {number} of {path}: {text!r} is not a time. Give seconds "
                    "from the session's start, or a date like 2026-03-04T05:06:07.5Z "
                    "with its zone.",
                    number=number,
                    path=path,
                    text=row[time_at],
                )
            )
        markers.append(Marker(round(t_s + offset_s, 6), clean_label(row[label_at]), path.name))
    return sorted(markers, key=lambda marker: marker.t_s)


def clean_label(text: str) -> str:
    """A label on one line, without the ``;`` that joins labels in a row's column."""
    return " ".join(text.replace(";", ",").split())


def outside(markers: Sequence[Marker], session: Session) -> list[Marker]:
    """Those that lie before or after the session."""
    return [one for one in markers if not 0 <= one.t_s <= session.length_s]


def _is_header(cells: Sequence[str]) -> bool:
    return any(cell in _TIMES for cell in cells) and any(cell in _LABELS for cell in cells)


def _find(header: Sequence[str], names: Sequence[str], path: Path) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise RecordingError(
        translatable(
            "The marker file {path} has no column {names}.", path=path, names=" or ".join(names[:2])
        )
    )


def _seconds(text: str, unit_s: float, session: Session, delimiter: str) -> float | None:
    if delimiter == ";":
        text = text.replace(",", ".")
    try:
        seconds = float(text) * unit_s
    except ValueError:
        pass
    else:
        return seconds if math.isfinite(seconds) else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    started = session.started_utc
    if moment.tzinfo is None or started is None:
        return None
    return (moment - started).total_seconds()
