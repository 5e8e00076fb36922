"""Toolbar of the live page: source, camera format and the actions that people use most."""

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLayout, QMenu, QToolButton, QWidget

from ferdesk.ui.kit.actions import ActionTable, button_of
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.tab_order import order_tabs
from ferdesk.ui.kit.theme import GRID

_BUTTONS = (
    "run",
    "record",
    "snapshot",
    "heatmap",
    "",
    "mirror",
    "panel",
    "full",
    "review",
    "settings",
)
"""The names of the actions, in order; an empty one is where the row gives way."""
_ALWAYS = ("run", "record")
_KEPT_FIRST = ("review", "snapshot", "heatmap", "panel", "settings", "full", "mirror")
"""In a narrow window the last of these go into the menu of the rest first."""
_ICON_ONLY = ("mirror", "panel", "full", "settings")


class Toolbar(QWidget):
    """Toolbar: a row of buttons; what there is no room for is in a menu at its end."""

    def __init__(
        self,
        actions: ActionTable,
        source: QWidget,
        camera_format: QWidget,
        recording_menu: QMenu,
        parent: QWidget | None = None,
    ) -> None:
        """``source`` stands first; ``camera_format`` where its coming moves no button."""
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(GRID, GRID, GRID, GRID)
        self._row.setSpacing(GRID)
        # the row gives way: it must not hold the window at its full width
        self._row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self._always: list[QWidget] = [source]
        self._buttons: dict[str, QToolButton] = {}
        self._row.addWidget(source)
        for name in _BUTTONS:
            if not name:
                self._row.addWidget(camera_format)
                self._always.append(camera_format)
                self._row.addStretch(1)
            elif name in actions:
                button = button_of(actions[name], self, with_text=name not in _ICON_ONLY)
                self._row.addWidget(button)
                if name in _ALWAYS:
                    # wide enough for its longest words, so that nothing beside it moves
                    widest = button.fontMetrics().horizontalAdvance("00:00:00")
                    button.setMinimumWidth(widest + 7 * GRID)
                    self._always.append(button)
                else:
                    self._buttons[name] = button
                if name == "record":
                    button.setMenu(recording_menu)
                    button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.more = QToolButton(self)
        self.more.setText("»")
        self.more.setAccessibleName(tr("More"))
        self.more.setToolTip(tr("More"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(QMenu(self.more))
        self.more.hide()
        self._row.addWidget(self.more)
        order_tabs(self)

    def minimumSizeHint(self) -> QSize:
        width = self._width_of(self._always) + self._width_of([self.more]) + self._margins()
        return QSize(width, self._row.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().event(event)

    def _fit(self) -> None:
        """Show the buttons that there is room for; the menu has the others."""
        names = [name for name in _KEPT_FIRST if name in self._buttons]
        room = self.width() - self._margins() - self._width_of(self._always)
        shown = set(names)
        if self._width_of([self._buttons[name] for name in names]) > room:
            room -= self._width_of([self.more])
            shown.clear()
            for name in names:
                room -= self._width_of([self._buttons[name]])
                if room < 0:
                    break
                shown.add(name)
        rest = [name for name in self._buttons if name not in shown]
        for name, button in self._buttons.items():
            button.setVisible(name in shown)
        menu = self.more.menu()
        wanted = [self._buttons[name].defaultAction() for name in rest]
        if menu.actions() != wanted:
            menu.clear()
            menu.addActions(wanted)
        self.more.setVisible(bool(rest))

    def _width_of(self, widgets: list[QWidget] | list[QToolButton]) -> int:
        def width(widget: QWidget) -> int:
            hint = widget.sizeHint().width()
            return min(max(hint, widget.minimumWidth()), widget.maximumWidth()) + GRID

        return sum(
            width(w)
            for w in widgets
            if w in self._buttons.values() or w is self.more or not w.isHidden()
        )

    def _margins(self) -> int:
        margins = self._row.contentsMargins()
        return margins.left() + margins.right()
