"""Focus ring: drawn around the widget that the keyboard acts on, in both themes."""

import shiboken6
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QWidget

from ferdesk.ui.kit.theme import colours

_WIDTH_PX = 2
_MOVES = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide)


class FocusRing(QWidget):
    """Focus ring: lies over the window of ``target``; takes no click and no focus."""

    def __init__(self, target: QWidget) -> None:
        super().__init__(target.window())
        self.target = target
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # whatever lies around it may scroll or move it
        around: QWidget | None = target
        while around is not None and around is not target.window():
            around.installEventFilter(self)
            around = around.parentWidget()
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _MOVES and shiboken6.isValid(self.target):
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours().focus), _WIDTH_PX))
        inset = _WIDTH_PX / 2
        painter.drawRoundedRect(self.rect().toRectF().adjusted(inset, inset, -inset, -inset), 4, 4)

    def _place(self) -> None:
        place = QRect(self.target.mapTo(self.target.window(), QPoint(0, 0)), self.target.size())
        margin = _WIDTH_PX
        self.setGeometry(place.adjusted(-margin, -margin, margin, margin))
        self.setVisible(self.target.isVisible() and not self.target.visibleRegion().isEmpty())
        self.raise_()


class FocusRings(QObject):
    """Focus rings: one where the keyboard moved the focus; a click shows where it is by itself."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._ring: FocusRing | None = None
        app.focusChanged.connect(self._moved)

    @property
    def around(self) -> QWidget | None:
        ring = self._ring
        return ring.target if ring is not None and shiboken6.isValid(ring) else None

    @Slot(QWidget, QWidget)
    def _moved(self, _before: QWidget | None, now: QWidget | None) -> None:
        old, self._ring = self._ring, None
        # it went with its window, where that is gone
        if old is not None and shiboken6.isValid(old):
            old.hide()
            old.deleteLater()
        # Qt marks the window where the keyboard, not the mouse, moved the focus
        by_keyboard = Qt.WidgetAttribute.WA_KeyboardFocusChange
        if now is not None and now.window().testAttribute(by_keyboard):
            self._ring = FocusRing(now)
