"""Dock area: the picture in the middle and docks around it, which the user may rearrange."""

from functools import partial

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QDockWidget, QFrame, QMainWindow, QScrollArea, QVBoxLayout, QWidget

from ferdesk.ui.kit.scrolls import WheelGuard
from ferdesk.ui.kit.theme import GRID

STATE_VERSION = 1
"""Goes up when docks are renamed or taken away; an arrangement of another version is left alone."""
_RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
_SIDE_PX = 42 * GRID
_LEAST_PX = 28 * GRID
"""In any language; less leaves the bars no length."""
_STYLED_MS = 200
_LEAST_HEIGHT_PX = 12 * GRID
"""Two rows: what a panel keeps where the faces above it need the height."""


class DockArea(QMainWindow):
    """Dock area: a QMainWindow inside the window, so that another page may stand in its place."""

    shown_changed = Signal(bool)
    """Whether any panel is open; a panel that another one covers is."""

    def __init__(self, centre: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # a QMainWindow makes itself a window, whatever flags it is given
        self.setWindowFlags(Qt.WindowType.Widget)
        self.docks: dict[str, QDockWidget] = {}
        self._hidden: QByteArray | None = None
        self._default: QByteArray | None = None
        self._arranged = False
        self.setCentralWidget(centre)
        self.setDockNestingEnabled(True)
        # a column at the side keeps the whole height; what lies below the picture keeps its width
        for corner in (Qt.Corner.TopRightCorner, Qt.Corner.BottomRightCorner):
            self.setCorner(corner, _RIGHT)

    def add_dock(
        self,
        name: str,
        title: str,
        widget: QWidget,
        area: Qt.DockWidgetArea = _RIGHT,
        *,
        shown: bool = True,
        scrolls: bool = True,
    ) -> QDockWidget:
        """Put ``widget`` into a dock; ``name`` stays, ``title`` is in the user's language."""
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setAccessibleName(title)
        dock.setWidget(_Scroll(widget, dock) if scrolls else widget)
        self.addDockWidget(area, dock)
        dock.setVisible(shown)
        self.docks[name] = dock
        dock.visibilityChanged.connect(self._tell)
        return dock

    @property
    def any_open(self) -> bool:
        return any(not dock.isHidden() for dock in self.docks.values())

    def keep_default(self) -> None:
        """The arrangement is what ``reset`` brings back."""
        self._default = self.saveState(STATE_VERSION)

    def reset(self) -> None:
        """Arrange the panels as they were at first."""
        self._hidden = None
        for dock in self.docks.values():
            dock.setFloating(False)
        if self._default is not None:
            self.restoreState(self._default, STATE_VERSION)
        self._arrange()
        self._tell()

    def _tell(self, _visible: bool = False) -> None:
        self.shown_changed.emit(self.any_open)

    @property
    def docks_shown(self) -> bool:
        return self._hidden is None

    def show_docks(self, shown: bool) -> None:
        """Put all docks away, or bring back those that were there."""
        if shown:
            before, self._hidden = self._hidden, None
            if before is not None:
                self.restoreState(before, STATE_VERSION)
            if not self.any_open and self._default is not None:
                # each was closed by its own cross: whoever asks for panels gets them
                self.reset()
        elif self.any_open:
            self._hidden = self.saveState(STATE_VERSION)
            for dock in self.docks.values():
                dock.hide()

    def state(self) -> str:
        """The arrangement as text, as it is when the docks are shown."""
        state = self.saveState(STATE_VERSION) if self._hidden is None else self._hidden
        return bytes(state.toBase64().data()).decode("ascii")

    def restore(self, text: str) -> bool:
        """Arrange the docks as ``text`` says; False, and as they were, where it says nothing."""
        state = QByteArray.fromBase64(text.encode("ascii", "ignore"))
        if state.isEmpty():
            return False
        self._arranged = True
        if self.docks_shown:
            return self.restoreState(state, STATE_VERSION)
        self._hidden = state
        return True

    def give_room(self, name: str) -> None:
        """Let a dock that came to need more height have what its neighbours do not need."""
        dock = self.docks[name]
        area = self.dockWidgetArea(dock)
        if dock.isFloating() or not dock.isVisible():
            return
        others = [
            other
            for other in self.docks.values()
            if other is not dock
            and other.isVisible()
            and not other.isFloating()
            and self.dockWidgetArea(other) is area
        ]
        # asked of what is in it: a dock does not hear that the inside of its scroll area has grown
        inside = dock.widget()
        if isinstance(inside, _Scroll):
            inside.settle()
        missing = inside.sizeHint().height() - inside.height()
        room = left = min(missing, sum(spare_height(other) for other in others))
        if room <= 0:
            return
        # each is told its height: Qt gives only a part of what one alone asks for
        heights = [dock.height() + room]
        for other in others:
            gives = min(left, spare_height(other))
            heights.append(other.height() - gives)
            left -= gives
        self.resizeDocks([dock, *others], heights, Qt.Orientation.Vertical)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._arranged:
            self._arranged = True
            self._arrange()

    def _arrange(self) -> None:
        """Share out the column at the side."""
        column = [
            dock
            for dock in self.docks.values()
            if dock.isVisible() and self.dockWidgetArea(dock) is _RIGHT
        ]
        if len(column) > 1:
            # the first is the one that people look at: it has all that it likes
            first = column[0].sizeHint().height()
            rest = max(0, self.height() - first) // (len(column) - 1)
            heights = [first] + [rest] * (len(column) - 1)
            self.resizeDocks(column, heights, Qt.Orientation.Vertical)
            # what it likes is known for certain once it has its width and its style
            for soon_ms in (0, _STYLED_MS):
                QTimer.singleShot(soon_ms, self, partial(self.give_room, column[0].objectName()))
        if column:
            # a fifth of a small window, unless the content needs more; the picture has the most
            scrolls = [dock.widget() for dock in column]
            needs = max((s.wanted_width for s in scrolls if isinstance(s, _Scroll)), default=0)
            wide = max(min(_SIDE_PX, self.width() // 5), _LEAST_PX, needs)
            wide = min(wide, 2 * self.width() // 5)
            self.resizeDocks(column[:1], [wide], Qt.Orientation.Horizontal)


def spare_height(dock: QDockWidget) -> int:
    """How much of its height ``dock`` can do without; asked of what is in it, as above."""
    inside = dock.widget()
    return max(0, inside.height() - min(inside.sizeHint().height(), _LEAST_HEIGHT_PX))


class _Column(QWidget):
    """As high as its words are at its width: less, and they would lie over what is below them."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def _height(self) -> int:
        layout = self.layout()
        assert layout is not None
        if layout.hasHeightForWidth():
            return layout.totalHeightForWidth(self.width())
        return layout.totalSizeHint().height()


class _Scroll(QScrollArea):
    """Offers the width and height that its widget would like, and scrolls where there is less."""

    def __init__(self, widget: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self._inside = _Column()
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.addWidget(widget)
        column.addStretch(1)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(self._inside)
        self._widget = widget
        self._wheel = WheelGuard(self)
        # narrower than its content, it scrolls sideways: a panel must not hold the window wide
        self.setMinimumWidth(_LEAST_PX + 6 * GRID)

    @property
    def wanted_width(self) -> int:
        """What the content needs, with margins and, where there is less height, the scroll bar."""
        return max(self._widget.minimumSizeHint().width(), _LEAST_PX) + 6 * GRID

    def settle(self) -> None:
        """Count what has just changed inside at once: a busy event loop brings it later."""
        for widget in (self._widget, self._inside):
            if (layout := widget.layout()) is not None:
                layout.invalidate()
                layout.activate()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._wheel.guard(self._inside)

    def sizeHint(self) -> QSize:
        return QSize(max(_SIDE_PX, self.wanted_width), self._inside.sizeHint().height())
