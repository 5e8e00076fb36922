"""Queue model: the files of the queue as rows of a table; no widget here.

What is shown is made outside of Qt's calls: an error in one of those would end the program.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtGui import QColor

from ferdesk.runtime.analysis_queue import QueueEntry, QueueState
from ferdesk.ui.kit.language import mark, tr, translated
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import colours
from ferdesk.ui.review.times import length_text

TITLES = (mark("File"), mark("Length"), mark("State"), mark("Result"))
FILE_COLUMN, LENGTH_COLUMN, STATE_COLUMN, RESULT_COLUMN = range(4)
SHARE_ROLE = Qt.ItemDataRole.UserRole
"""How much of a file that is being analysed is done, in [0, 1]; None of others."""

STATES: dict[QueueState, str] = {
    "waiting": mark("waiting"),
    "running": mark("analysing"),
    "done": mark("done"),
    "skipped": mark("done already"),
    "failed": mark("failed"),
}


@dataclass(frozen=True, slots=True)
class _Row:
    entry: QueueEntry
    texts: tuple[str, str, str, str]
    tip: str


class QueueModel(QAbstractTableModel):
    """Table model of the queue, in its order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[_Row] = []
        self._resting = False

    @property
    def entries(self) -> list[QueueEntry]:
        return [row.entry for row in self._rows]

    def set_entries(self, entries: Sequence[QueueEntry], *, resting: bool) -> bool:
        """Show these; ``resting`` while nothing goes on. Returns whether the rows are others."""
        same = [row.entry.number for row in self._rows] == [entry.number for entry in entries]
        again, self._resting = resting != self._resting, resting
        if not same:
            self.beginResetModel()
            self._rows = [_row_of(entry, resting=resting) for entry in entries]
            self.endResetModel()
            return True
        for number, entry in enumerate(entries):
            # the queue keeps an entry that did not change
            if entry is not self._rows[number].entry or (again and entry.state == "running"):
                self._rows[number] = _row_of(entry, resting=resting)
                last = self.index(number, len(TITLES) - 1)
                self.dataChanged.emit(self.index(number, 0), last)
        return False

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(TITLES):
            if role == Qt.ItemDataRole.DisplayRole:
                return tr(TITLES[section])
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row, column = self._rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.texts[column]
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(column)
            case Qt.ItemDataRole.ToolTipRole:
                return row.tip
            case Qt.ItemDataRole.ForegroundRole if column in (STATE_COLUMN, RESULT_COLUMN):
                return QColor(_colour(row.entry, column))
            case _ if role == SHARE_ROLE and column == STATE_COLUMN:
                return row.entry.share if row.entry.state == "running" else None
            case _:
                return None


def name_of(entry: QueueEntry) -> str:
    """A file's name, or a folder's with the number of its pictures."""
    file = entry.file
    name = file.path.name or str(file.path)
    if not file.pictures:
        return name
    return tr("{name} (%n pictures)", "", len(file.pictures)).format(name=name)


def state_text(entry: QueueEntry, *, resting: bool) -> str:
    """How an entry stands; of one in work also how much of it is done."""
    if entry.state == "skipped" and entry.folder is None:
        return tr("left to another program")
    if entry.state != "running":
        return tr(STATES[entry.state])
    word = tr("paused") if resting else tr(STATES["running"])
    # a length that the container does not tell gives no share
    known = entry.file.length_s > 0 and entry.num_frames > 0
    return f"{word} {entry.share:.0%}" if known else word


def _row_of(entry: QueueEntry, *, resting: bool) -> _Row:
    problem = translated(entry.problem)
    length_s = entry.file.length_s
    result = problem or ("" if entry.folder is None else entry.folder.name)
    texts = (
        name_of(entry),
        "" if entry.file.pictures or length_s <= 0 else length_text(length_s),
        state_text(entry, resting=resting),
        result,
    )
    return _Row(entry, texts, plain("\n".join(filter(None, (str(entry.file.path), problem)))))


def _colour(entry: QueueEntry, column: int) -> str:
    theme = colours()
    if entry.state == "failed":
        return theme.red
    if column == RESULT_COLUMN and entry.problem:
        return theme.amber
    return theme.text if entry.state == "running" else theme.muted


def _alignment(column: int) -> Qt.AlignmentFlag:
    right = column == LENGTH_COLUMN
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
