"""Layout actions of the live page: its panels, their arrangement and full screen."""

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QWidget

from ferdesk.ui.kit.actions import ActionSpec, ActionTable
from ferdesk.ui.kit.language import mark
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.live.dock_area import DockArea


class LayoutActions(QObject):
    """Layout actions: each has a key, and the panels remember how they were."""

    def __init__(self, page: QWidget, store: SettingsStore, actions: ActionTable) -> None:
        super().__init__(page)
        self._page, self._store, self._actions = page, store, actions
        self._urgent = False
        actions.add(page, *self._specs())

    def place(self, toolbar: QWidget, dock_area: DockArea, status_line: QWidget) -> None:
        """The parts of the page that the actions are about."""
        self._toolbar, self._dock_area, self._status_line = toolbar, dock_area, status_line
        dock_area.shown_changed.connect(self._actions["panel"].setChecked)
        # closed by its own cross, it is no longer ticked either
        stats = dock_area.docks["stats"].toggleViewAction()
        stats.toggled.connect(self._actions["stats"].setChecked)

    def show_panels(self) -> None:
        shown = self._actions["panel"].isChecked()
        self._dock_area.show_docks(shown)
        self._store.remember(side_panel=shown)

    def show_stats(self) -> None:
        shown = self._actions["stats"].isChecked()
        if shown and not self._dock_area.docks_shown:
            self._actions["panel"].trigger()
        self._dock_area.docks["stats"].setVisible(shown)

    def reset(self) -> None:
        """Bring every panel back to the place that it had at first."""
        self._store.remember(side_panel=True)
        self._dock_area.reset()

    def show_full(self) -> None:
        full = self._actions["full"].isChecked()
        self._toolbar.setVisible(not full)
        self._dock_area.show_docks(not full and self._store.settings.side_panel)
        self._show_status_line()
        window = self._page.window()
        # toggled, so that a maximised window is one again afterwards
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)

    def leave_full(self) -> None:
        if self._actions["full"].isChecked():
            self._actions["full"].trigger()

    def show_urgent(self, urgent: bool) -> None:
        """Full screen is nothing but the picture, unless there is what must not be missed."""
        self._urgent = urgent
        self._show_status_line()

    def _show_status_line(self) -> None:
        self._status_line.setVisible(self._urgent or not self._actions["full"].isChecked())

    def _specs(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "panel",
                mark("Panels"),
                self.show_panels,
                "F9",
                "panel-right",
                mark("Show or hide panels"),
                checkable=True,
            ),
            ActionSpec("reset_layout", mark("Reset layout"), self.reset, icon="rotate-ccw"),
            ActionSpec(
                "full", mark("Full screen"), self.show_full, "F F11", "maximize", checkable=True
            ),
            ActionSpec(
                "stats",
                mark("Statistics"),
                self.show_stats,
                "F8",
                "activity",
                mark("Performance statistics"),
                checkable=True,
            ),
            ActionSpec("leave_full", "", self.leave_full, "Escape"),
        )
