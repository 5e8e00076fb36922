"""Library model: the sessions of a folder as rows of a table, searched and sorted; no widget here.

Everything that is shown of a session is made when the list comes, outside of Qt's calls: an error
in one of those would end the program. A session that cannot be shown is a damaged one.
"""

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt

from ferdesk.sessions import catalogue
from ferdesk.sessions.catalogue import Entry
from ferdesk.ui.kit.language import mark, rows_text, tr, translated
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.text_table import TextRow, TextTable
from ferdesk.ui.kit.theme import colours
from ferdesk.ui.review.times import date_text, length_text

log = logging.getLogger(__name__)

STATES = {
    "complete": mark("complete"),
    "incomplete": mark("interrupted"),
    "recording": mark("recording now"),
    "unreadable": mark("damaged"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """Column of the table: its title, the text of an entry, and what it is sorted by.

    An entry whose ``key`` is None is not known; it stands last either way.
    """

    title: str
    text: Callable[[Entry], str]
    key: Callable[[Entry], Any]
    right: bool = False


def _started_key(entry: Entry) -> float | None:
    try:
        return None if entry.started_utc is None else entry.started_utc.timestamp()
    except (OverflowError, ValueError):
        return None


def _length_key(entry: Entry) -> float | None:
    length_s = entry.length_s
    return None if length_s is None or not math.isfinite(length_s) else length_s


def _length_text(entry: Entry) -> str:
    """The length; pictures have none."""
    return "" if entry.length_s is None or entry.of_pictures else length_text(entry.length_s)


def _faces_key(entry: Entry) -> int | None:
    return entry.num_faces if isinstance(entry.num_faces, int) else None


def _status_text(entry: Entry) -> str:
    reviewed = tr("reviewed") if entry.has_review else ""
    part = entry.complete and entry.in_part
    return " · ".join(filter(None, (tr("in part") if part else tr(STATES[entry.state]), reviewed)))


COLUMNS = (
    Column(mark("Started"), lambda e: date_text(e.started_utc), _started_key),
    Column(mark("Session"), lambda e: e.title or e.name, lambda e: (e.title or e.name).casefold()),
    Column(mark("Participant"), lambda e: e.participant, lambda e: e.participant.casefold()),
    Column(mark("Condition"), lambda e: e.condition, lambda e: e.condition.casefold()),
    Column(mark("Length"), lambda e: _length_text(e), _length_key, right=True),
    Column(mark("Source"), lambda e: e.source, lambda e: e.source.casefold()),
    Column(
        mark("Faces"),
        lambda e: "" if e.num_faces is None else str(e.num_faces),
        _faces_key,
        right=True,
    ),
    Column(
        mark("Markers"),
        lambda e: str(len(e.markers) or ""),
        lambda e: len(e.markers),
        right=True,
    ),
    Column(mark("Video"), lambda e: tr("yes") if e.has_video else "", lambda e: e.has_video),
    Column(mark("Model"), lambda e: e.model, lambda e: e.model.casefold()),
    Column(
        mark("Size"), lambda e: size_text(e.size_bytes), lambda e: e.size_bytes, right=True
    ),
    Column(mark("Status"), _status_text, lambda e: list(STATES).index(e.state)),
)  # fmt: skip
_STATUS = len(COLUMNS) - 1
NAME_COLUMN, SOURCE_COLUMN = 1, 5
GIVE_WAY = (10, 8, 7, 6)
"""Size, video, markers and faces are left out where there is no room, in this order."""
OPTIONAL_COLUMNS = (2, 3)
"""Participant and condition take room only where a session has one."""


@dataclass(frozen=True, slots=True)
class _Row(TextRow):
    entry: Entry
    keys: tuple[Any, ...]


class LibraryModel(TextTable):
    """Table model of the entries that fit a search, in the order that was chosen."""

    _rows: list[_Row]

    def __init__(self, parent: QObject | None = None) -> None:
        right = [number for number, column in enumerate(COLUMNS) if column.right]
        super().__init__([column.title for column in COLUMNS], right, parent)
        self._all: list[_Row] = []
        self._search = self._group = ""
        self._fits: Callable[[Entry], bool] = lambda _: True
        self._column, self._order = 0, Qt.SortOrder.DescendingOrder

    @property
    def entries(self) -> list[Entry]:
        """The entries that are shown, from top to bottom."""
        return [row.entry for row in self._rows]

    @property
    def num_all(self) -> int:
        """How many entries there are, shown or not."""
        return len(self._all)

    def set_entries(self, entries: Iterable[Entry]) -> None:
        """Show these instead of those before."""
        self._all = [_row_of(entry) for entry in entries]
        self._fill()

    def search(
        self, text: str, fits: Callable[[Entry], bool] = lambda _: True, group: str = ""
    ) -> None:
        """Show only entries in which each word of ``text`` stands and that ``fits``.

        Those with the same ``group``, a value of theirs by its name, stand together, those without
        one last; the order that was chosen holds within a group.
        """
        self._search, self._fits, self._group = text, fits, group
        self._fill()

    def has_texts(self, column: int) -> bool:
        """Whether any session has something in that column."""
        return any(row.texts[column] for row in self._all)

    def row_of(self, folder: Path) -> int | None:
        """The row in which that session is shown."""
        return next((i for i, row in enumerate(self._rows) if row.entry.folder == folder), None)

    def colour_of(self, number: int, column: int) -> str | None:
        return _status_colour(self._rows[number].entry) if column == _STATUS else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._column, self._order = column, order
        self.layoutAboutToBeChanged.emit()
        before = [(i, self._rows[i.row()].entry.folder) for i in self.persistentIndexList()]
        self._rows = self._sorted(self._rows)
        rows = {row.entry.folder: number for number, row in enumerate(self._rows)}
        for index, folder in before:
            self.changePersistentIndex(index, self.index(rows[folder], index.column()))
        self.layoutChanged.emit()

    def _fill(self) -> None:
        found = {e.folder for e in catalogue.search([r.entry for r in self._all], self._search)}
        self.beginResetModel()
        self._rows = self._sorted(
            row for row in self._all if row.entry.folder in found and self._fits(row.entry)
        )
        self.endResetModel()

    def _sorted(self, rows: Iterable[_Row]) -> list[_Row]:
        column = self._column if 0 <= self._column < len(COLUMNS) else 0
        by_name = sorted(rows, key=lambda row: row.entry.name)
        known = [row for row in by_name if row.keys[column] is not None]
        known.sort(
            key=lambda row: row.keys[column], reverse=self._order is Qt.SortOrder.DescendingOrder
        )
        ordered = known + [row for row in by_name if row.keys[column] is None]
        if self._group:
            ordered.sort(key=lambda row: _group_key(getattr(row.entry, self._group)))
        return ordered


def _group_key(value: str) -> tuple[bool, str, str]:
    return not value, value.casefold(), value


def about_text(entries: Sequence[Entry]) -> str:
    """What is said below the table of one selected session; nothing of several."""
    if len(entries) != 1:
        return ""
    entry = entries[0]
    match entry.state:
        case "unreadable":
            return translated(entry.problem)
        case "incomplete":
            return tr(
                "This session was interrupted. Repair recalculates totals; data stay unchanged."
            )
        case "recording":
            return tr("This session is being recorded now.")
    markers = ", ".join(dict.fromkeys(filter(None, entry.markers)))
    parts = (
        tr("In part: it ended before its source did") if entry.in_part else "",
        tr("Model {name}").format(name=entry.model) if entry.model else "",
        rows_text(entry.num_rows) if entry.num_rows is not None else "",
        tr("Markers: {labels}").format(labels=markers) if markers else "",
    )
    return "  ·  ".join(filter(None, parts))


def size_text(size: int) -> str:
    if size < 999.5e3:
        return f"{size / 1e3:,.0f} kB"
    return f"{size / 1e6:,.1f} MB" if size < 999.5e6 else f"{size / 1e9:,.1f} GB"


def _row_of(entry: Entry) -> _Row:
    try:
        return _made(entry)
    except Exception:
        # whatever a damaged session.json holds costs its own row, and no other
        log.exception("the session %s cannot be listed as it is", entry.folder)
        problem = tr("The details of this session cannot be read.")
        return _made(Entry(entry.folder, "unreadable", size_bytes=0, problem=problem))


def _made(entry: Entry) -> _Row:
    markers = ", ".join(filter(None, entry.markers))
    return _Row(
        tuple(column.text(entry) for column in COLUMNS),
        plain(translated(entry.problem) or markers or str(entry.folder)),
        entry,
        tuple(column.key(entry) for column in COLUMNS),
    )


def _status_colour(entry: Entry) -> str:
    theme = colours()
    if entry.in_part and entry.complete:
        return theme.amber
    return {"complete": theme.muted, "unreadable": theme.red}.get(entry.state, theme.amber)
