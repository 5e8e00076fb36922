"""Scrolls: rows and columns of widgets that hold no window at their full size."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSlider,
    QWidget,
)

from ferdesk.ui.kit.theme import GRID


class RowScroll(QScrollArea):
    """Row of widgets that widens no window; the wheel and the Tab key bring the rest."""

    def __init__(
        self,
        widgets: Sequence[QWidget],
        parent: QWidget | None = None,
        *,
        stretch_after: int | None = None,
    ) -> None:
        """``stretch_after``: the index of the widget behind which the row gives way."""
        super().__init__(parent)
        self._inside = QWidget()
        row = QHBoxLayout(self._inside)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        last = len(widgets) - 1
        for index, widget in enumerate(widgets):
            row.addWidget(widget)
            if index == (last if stretch_after is None else stretch_after):
                row.addStretch(1)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(self._inside)

    def sizeHint(self) -> QSize:
        return self._inside.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(12 * GRID, self._inside.sizeHint().height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        bar = self.horizontalScrollBar()
        turned = event.angleDelta().y() or event.angleDelta().x()
        bar.setValue(bar.value() - turned)
        event.accept()


class WheelGuard(QObject):
    """Wheel guard: whoever scrolls past a control does not change it; one with the focus turns."""

    def guard(self, column: QWidget) -> None:
        """Guard what is in ``column``, also what was before."""
        for kind in (QAbstractSpinBox, QComboBox, QSlider):
            for control in column.findChildren(kind):
                if control.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                    control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                control.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Wheel and not (
            isinstance(watched, QWidget) and watched.hasFocus()
        ):
            # the scroll area around it takes it then
            event.ignore()
            return True
        return False


class ColumnScroll(QScrollArea):
    """Column that scrolls where the window is too low; it keeps the width that it needs."""

    def __init__(self, widget: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(widget)
        self._inside = widget
        self._wheel = WheelGuard(self)
        self._wheel.guard(widget)

    def sizeHint(self) -> QSize:
        return self._inside.sizeHint()

    def minimumSizeHint(self) -> QSize:
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(self._inside.minimumSizeHint().width() + bar, 16 * GRID)
