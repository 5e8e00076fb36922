"""Table of the library: rows are selected whole, columns sort, and the name takes the room."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.review.library_model import (
    GIVE_WAY,
    NAME_COLUMN,
    OPTIONAL_COLUMNS,
    SOURCE_COLUMN,
    LibraryModel,
)

_ROOM = f"QTableView::item, QHeaderView::section {{ padding: 0 {GRID}px; }}"
"""Between the columns, of which some stand right and the next one left."""


_SOURCE_PX = 20 * GRID
_NAME_PX = 24 * GRID
"""The least that a session's name has; columns that matter less give way to it."""


class SessionsTable(QTableView):
    """Table of sessions, which hides what finds no room beside the names."""

    def __init__(self, parent: QWidget, model: LibraryModel) -> None:
        super().__init__(parent)
        self._sessions = model
        self.setModel(model)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_columns()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.fit_columns()

    def fit_columns(self) -> None:
        """Show what the sessions have something in, as far as there is room for it."""
        shown = {
            column
            for column in range(self._sessions.columnCount())
            if column not in OPTIONAL_COLUMNS or self._sessions.has_texts(column)
        }
        header = self.horizontalHeader()
        widths = {
            # as the header itself reckons, once it has laid them out
            column: max(
                self.sizeHintForColumn(column),
                header.sectionSizeHint(column),
                header.sectionSize(column) if column != NAME_COLUMN else 0,
            )
            for column in shown
        }
        widths[SOURCE_COLUMN] = min(widths[SOURCE_COLUMN], _SOURCE_PX)
        header.resizeSection(SOURCE_COLUMN, widths[SOURCE_COLUMN])
        room = self.viewport().width() - _NAME_PX
        for column in GIVE_WAY:
            if sum(widths[one] for one in shown if one != NAME_COLUMN) <= room:
                break
            shown.discard(column)
        for column in range(self._sessions.columnCount()):
            self.setColumnHidden(column, column not in shown)


def sessions_table(parent: QWidget, model: LibraryModel) -> SessionsTable:
    """A view of ``model``, newest first."""
    table = SessionsTable(parent, model)
    table.setAccessibleName(tr("Sessions"))
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setWordWrap(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(4 * GRID)
    table.setStyleSheet(_ROOM)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(NAME_COLUMN, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(SOURCE_COLUMN, QHeaderView.ResizeMode.Interactive)
    header.setMinimumSectionSize(9 * GRID)
    header.setHighlightSections(False)
    header.setSortIndicator(0, Qt.SortOrder.DescendingOrder)
    table.setSortingEnabled(True)
    return table
