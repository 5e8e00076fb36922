"""Table of the library: rows are selected whole, columns sort, and the name takes the room."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.review.library_model import NAME_COLUMN, OPTIONAL_COLUMNS, LibraryModel

_ROOM = f"QTableView::item, QHeaderView::section {{ padding: 0 {GRID}px; }}"
"""Between the columns, of which some stand right and the next one left."""


def sessions_table(parent: QWidget, model: LibraryModel) -> QTableView:
    """A view of ``model``, newest first."""
    table = QTableView(parent)
    table.setModel(model)
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
    header.setMinimumSectionSize(9 * GRID)
    header.setHighlightSections(False)
    header.setSortIndicator(0, Qt.SortOrder.DescendingOrder)
    table.setSortingEnabled(True)
    return table


def fit_columns(table: QTableView, model: LibraryModel) -> None:
    """Show the columns that only some libraries need where they have something."""
    for column in OPTIONAL_COLUMNS:
        table.setColumnHidden(column, not model.has_texts(column))
