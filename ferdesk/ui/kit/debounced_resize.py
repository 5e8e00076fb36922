"""Debounced resize: spares a slow child the many sizes of a window that is being dragged."""

from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

_SETTLED_AFTER_MS = 120


class DebouncedResize(QWidget):
    """Debounced resize: gives ``child`` its own size once that has stayed the same for a moment."""

    def __init__(self, child: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._child = child
        child.setParent(self)
        self._wait = QTimer(self, singleShot=True, interval=_SETTLED_AFTER_MS)
        self._wait.timeout.connect(self._fit)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return self._child.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return self._child.minimumSizeHint()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isVisible():
            self._wait.start()
        else:
            self._fit()

    def _fit(self) -> None:
        self._wait.stop()
        self._child.setGeometry(self.rect())
