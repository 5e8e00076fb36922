"""Queue model: the files of the queue as rows of a table; no widget here."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from ferdesk.runtime.analysis_queue import QueueEntry, QueueState
from ferdesk.ui.kit.language import mark, tr, translated
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.text_table import TextRow, TextTable
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
class _Row(TextRow):
    entry: QueueEntry


class QueueModel(TextTable):
    """Table model of the queue, in its order."""

    _rows: list[_Row]

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(TITLES, (LENGTH_COLUMN,), parent)
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

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        if role == SHARE_ROLE and index.column() == STATE_COLUMN and index.row() < len(self._rows):
            entry = self._rows[index.row()].entry
            return entry.share if entry.state == "running" else None
        return super().data(index, role)

    def colour_of(self, number: int, column: int) -> str | None:
        if column not in (STATE_COLUMN, RESULT_COLUMN):
            return None
        return _colour(self._rows[number].entry, column)


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
        return tr("left out")
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
        # a single picture has no length that is worth a word
        "" if entry.file.pictures or length_s <= 0.5 else length_text(length_s),
        state_text(entry, resting=resting),
        result,
    )
    tip = plain("\n".join(filter(None, (str(entry.file.path), problem))))
    return _Row(texts, tip, entry)


def _colour(entry: QueueEntry, column: int) -> str:
    theme = colours()
    if entry.state == "failed":
        return theme.red
    if column == RESULT_COLUMN and entry.problem:
        return theme.amber
    return theme.text if entry.state == "running" else theme.muted
