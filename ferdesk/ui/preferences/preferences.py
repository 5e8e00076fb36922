"""Settings at work: what a change does to the window, and the dialog that makes changes."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from ferdesk.errors import FerdeskError
from ferdesk.settings import Settings, export_settings, import_settings, reset_settings
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.live.format_button import RATES, SIZES
from ferdesk.ui.live.live_run import DEMO, source_title
from ferdesk.ui.preferences.settings_dialog import SettingsDialog

if TYPE_CHECKING:
    from ferdesk.ui.shell.main_window import MainWindow

_FILES = "ferdesk (*.json)"


class Preferences(QObject):
    """Opens the dialog over ``window`` and keeps it in step with what is changed elsewhere."""

    def __init__(
        self,
        window: "MainWindow",
        ask_save: Callable[[QWidget], str] | None = None,
        ask_open: Callable[[QWidget], str] | None = None,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._before_reset: Settings | None = None
        self.ask_save = ask_save or _ask_save
        self.ask_open = ask_open or _ask_open
        self.dialog: SettingsDialog | None = None
        window.settings_changed.connect(self._follow)
        window.live.cameras.connect(self._follow_cameras)
        window.live.recording.connect(self._follow_recording)

    def show(self, tab: int | None = None) -> None:
        """Open the dialog, at that page of it."""
        if self.dialog is None:
            window = self._window
            models: list[tuple[object, str]] = [
                ("", tr("Automatic: the best that is fast enough here")),
                *((m, m) for m in window.live.models),
            ]
            choices: dict[str, Sequence[tuple[object, str]]] = {
                "last_source": self._sources(),
                "camera_size": [(size, size or tr("As it likes")) for size in SIZES],
                "camera_rate": [(r, f"{r:g}" if r else tr("As it likes")) for r in RATES],
                "model": models,
            }
            self.dialog = SettingsDialog(window.settings, choices, window)
            self.dialog.changed.connect(self._change)
            self.dialog.export_wanted.connect(self.export)
            self.dialog.import_wanted.connect(self.import_)
            self.dialog.reset_wanted.connect(self.reset)
            self.dialog.set_recording(window.live.recording_active)
        if tab is not None:
            self.dialog.tabs.setCurrentIndex(tab)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()

    def export(self) -> None:
        if (name := self.ask_save(self._parent())) == "":
            return
        path = Path(name)
        path = path if path.suffix else path.with_suffix(".json")
        try:
            export_settings(self._window.settings, path)
        except FerdeskError as error:
            self._tell(Notice(str(error), "error"))
        else:
            text = tr("The settings are exported to {path}.").format(path=path)
            self._tell(Notice(text, stays=False))

    def import_(self) -> None:
        if (name := self.ask_open(self._parent())) == "":
            return
        try:
            loaded = import_settings(Path(name), self._window.settings)
        except FerdeskError as error:
            self._tell(Notice(str(error), "error"))
            return
        self._window.change_settings(loaded.settings)
        for warning in loaded.warnings:
            self._tell(Notice(warning, "warning"))
        self._tell(Notice(tr("The settings are imported."), stays=False))

    def reset(self) -> None:
        """Back to the defaults; the same button then takes that back, until the next change."""
        before, self._before_reset = self._before_reset, None
        if before is not None:
            self._window.change_settings(before)
            return
        before = self._window.settings
        self._window.change_settings(reset_settings(before))
        self._before_reset = before
        if self.dialog is not None:
            self.dialog.reset_button.setText(tr("Undo the reset"))

    def _change(self, name: str, value: object) -> None:
        changes: dict[str, Any] = {name: value}
        self._window.change_settings(replace(self._window.settings, **changes))

    @Slot(object)
    def _follow(self, settings: Settings) -> None:
        self._before_reset = None
        if self.dialog is not None:
            self.dialog.show_settings(settings)
            self.dialog.reset_button.setText(tr("Reset"))

    @Slot(object)
    def _follow_cameras(self) -> None:
        if self.dialog is not None:
            self.dialog.set_choices("last_source", self._sources())

    @Slot(object)
    def _follow_recording(self) -> None:
        if self.dialog is not None:
            self.dialog.set_recording(self._window.live.recording_active)

    def _sources(self) -> list[tuple[object, str]]:
        found = [(c.name, tr(c.title)) for c in (*self._window.cameras, DEMO)]
        chosen = self._window.settings.last_source
        first: list[tuple[object, str]] = [("", tr("Best camera, else the demo"))]
        if chosen and chosen not in dict(found):
            first.append((chosen, source_title(chosen)))
        return [*first, *found]

    def _parent(self) -> QWidget:
        return self.dialog or self._window

    def _tell(self, notice: Notice) -> None:
        self._window.notices.show_notice(notice)


def changed_fields(before: Settings, after: Settings) -> set[str]:
    """The names of the settings that differ."""
    return {
        item.name
        for item in fields(Settings)
        if getattr(before, item.name) != getattr(after, item.name)
    }


def _ask_save(parent: QWidget) -> str:
    path, _ = QFileDialog.getSaveFileName(
        parent, tr("Export the settings"), "ferdesk-settings.json", _FILES
    )
    return path


def _ask_open(parent: QWidget) -> str:
    path, _ = QFileDialog.getOpenFileName(parent, tr("Import settings"), "", _FILES)
    return path
