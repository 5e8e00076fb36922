"""Table of the queue: rows are selected whole, and the state of one in work is a bar."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID, colours
from ferdesk.ui.queue.queue_model import (
    FILE_COLUMN,
    LENGTH_COLUMN,
    RESULT_COLUMN,
    SHARE_ROLE,
    STATE_COLUMN,
    QueueModel,
)

_ROOM = f"QTableView::item, QHeaderView::section {{ padding: 0 {GRID}px; }}"
_BAR_PX = 3


class _StateDelegate(QStyledItemDelegate):
    """Painter of states: a thin bar below the words of what is being analysed."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().paint(painter, option, index)
        share = index.data(SHARE_ROLE)
        if not isinstance(share, float):
            return
        area = QRectF(option.rect).adjusted(GRID, 0, -GRID, -GRID / 2)
        bar = QRectF(area.left(), area.bottom() - _BAR_PX, area.width(), _BAR_PX)
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours().line))
        painter.drawRoundedRect(bar, _BAR_PX / 2, _BAR_PX / 2)
        bar.setWidth(bar.width() * share)
        painter.setBrush(QColor(colours().focus))
        painter.drawRoundedRect(bar, _BAR_PX / 2, _BAR_PX / 2)
        painter.restore()


class _ResultDelegate(QStyledItemDelegate):
    """Painter of results: a sentence is cut at its end, where a name is cut in its middle."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideRight


def queue_table(parent: QWidget, model: QueueModel) -> QTableView:
    """A view of ``model``."""
    table = QTableView(parent)
    table.setModel(model)
    table.setItemDelegateForColumn(STATE_COLUMN, _StateDelegate(table))
    table.setItemDelegateForColumn(RESULT_COLUMN, _ResultDelegate(table))
    table.setAccessibleName(tr("Files to analyse"))
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setWordWrap(False)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(4 * GRID)
    table.setStyleSheet(_ROOM)
    table.setMinimumSize(30 * GRID, 10 * GRID)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setMinimumSectionSize(8 * GRID)
    header.setSectionResizeMode(FILE_COLUMN, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(LENGTH_COLUMN, QHeaderView.ResizeMode.Fixed)
    longest = max(map(table.fontMetrics().horizontalAdvance, ("00:00:00", tr("Length"))))
    header.resizeSection(LENGTH_COLUMN, longest + 4 * GRID)
    header.setSectionResizeMode(STATE_COLUMN, QHeaderView.ResizeMode.Fixed)
    widest = max(table.fontMetrics().horizontalAdvance(text) for text in (
        f"{tr('analysing')} 100 %", tr("done already")))  # fmt: skip
    header.resizeSection(STATE_COLUMN, widest + 4 * GRID)
    header.setSectionResizeMode(RESULT_COLUMN, QHeaderView.ResizeMode.Stretch)
    return table
