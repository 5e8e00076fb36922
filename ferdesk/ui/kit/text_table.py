"""Text table: a model of rows whose texts are made beforehand.

An error in one of Qt's calls would end the program: these calls make nothing.
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

from ferdesk.ui.kit.language import tr


@dataclass(frozen=True, slots=True)
class TextRow:
    """Row of a text table: its texts by column, and its tooltip, which may be rich text."""

    texts: tuple[str, ...]
    tip: str


class TextTable(QAbstractTableModel):
    """Table model of ``_rows``, which a subclass fills and colours."""

    _rows: Sequence[TextRow]

    def __init__(
        self, titles: Sequence[str], right: Sequence[int], parent: QObject | None = None
    ) -> None:
        """``titles`` are marked for translation; columns ``right`` stand at the right."""
        super().__init__(parent)
        self._titles, self._right = tuple(titles), frozenset(right)
        self._rows = []

    def colour_of(self, number: int, column: int) -> str | None:
        """The colour of a text; None for that of all."""
        raise NotImplementedError

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._titles)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(self._titles):
            if role == Qt.ItemDataRole.DisplayRole:
                return tr(self._titles[section])
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return self._alignment(section)
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
                return self._alignment(column)
            case Qt.ItemDataRole.ToolTipRole:
                return row.tip
            case Qt.ItemDataRole.ForegroundRole:
                colour = self.colour_of(index.row(), column)
                return None if colour is None else QColor(colour)
            case _:
                return None

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        is_right = column in self._right
        side = Qt.AlignmentFlag.AlignRight if is_right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter
