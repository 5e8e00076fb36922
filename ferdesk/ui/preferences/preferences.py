"""Preferences: the settings dialog kept in step with the settings, export, import and reset."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from ferdesk.errors import FerdeskError
from ferdesk.runtime.ports import SourceChoice
from ferdesk.runtime.status import Status
from ferdesk.settings import Settings, export_settings, import_settings, reset_settings
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.live.format_button import RATES, SIZES
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.source_names import DEMO, source_title

if TYPE_CHECKING:
    from ferdesk.ui.preferences.settings_dialog import SettingsDialog

_FILES = "ferdesk (*.json)"


class Preferences(QObject):
    """Preferences: opens the dialog over ``window`` and follows what is changed elsewhere."""

    notified = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        store: SettingsStore,
        live: Live,
        window: QWidget,
        ask_save: Callable[[QWidget], str] | None = None,
        ask_open: Callable[[QWidget], str] | None = None,
    ) -> None:
        super().__init__(window)
        self._store, self._live, self._window = store, live, window
        self._cameras: tuple[SourceChoice, ...] = ()
        self._before_reset: Settings | None = None
        self.ask_save = ask_save or _ask_save
        self.ask_open = ask_open or _ask_open
        self.dialog: SettingsDialog | None = None
        store.changed.connect(self._follow)
        live.cameras.connect(self._follow_cameras)
        live.recording.connect(self._follow_recording)
        live.status.connect(self._follow_status)

    def show(self, tab: int | None = None) -> None:
        """Open the dialog, at that page of it."""
        # imported here, as it is wanted: the start has no need of it
        from ferdesk.ui.preferences.settings_dialog import SettingsDialog

        if self.dialog is None:
            models: list[tuple[object, str]] = [
                ("", tr("Automatic (best model that is fast enough)")),
                *((m, m) for m in self._live.models),
            ]
            choices: dict[str, Sequence[tuple[object, str]]] = {
                "last_source": self._sources(),
                "camera_size": [(size, size or tr("Camera default")) for size in SIZES],
                "camera_rate": [(r, f"{r:g}" if r else tr("Camera default")) for r in RATES],
                "model": models,
            }
            self.dialog = SettingsDialog(self._store.settings, choices, self._window)
            self.dialog.changed.connect(self._change)
            self.dialog.export_wanted.connect(self.export)
            self.dialog.import_wanted.connect(self.import_)
            self.dialog.reset_wanted.connect(self.reset)
            self.dialog.set_recording(self._live.recording_active)
            self._follow_status(self._live.status_now())
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
            export_settings(self._store.settings, path)
        except FerdeskError as error:
            self.notified.emit(Notice(str(error), "error"))
        else:
            text = tr("Settings exported to {path}.").format(path=path)
            self.notified.emit(Notice(text, stays=False))

    def import_(self) -> None:
        if (name := self.ask_open(self._parent())) == "":
            return
        try:
            loaded = import_settings(Path(name), self._store.settings)
        except FerdeskError as error:
            self.notified.emit(Notice(str(error), "error"))
            return
        self._store.replace_by(loaded.settings)
        for warning in loaded.warnings:
            self.notified.emit(Notice(warning, "warning"))
        self.notified.emit(Notice(tr("Settings imported."), stays=False))

    def reset(self) -> None:
        """Back to the defaults; the same button then takes that back, until the next change."""
        before, self._before_reset = self._before_reset, None
        if before is not None:
            self._store.replace_by(before)
            return
        before = self._store.settings
        self._store.replace_by(reset_settings(before))
        self._before_reset = before
        if self.dialog is not None:
            self.dialog.reset_button.setText(tr("Undo reset"))

    def _change(self, name: str, value: object) -> None:
        changes: dict[str, Any] = {name: value}
        self._store.replace_by(replace(self._store.settings, **changes))

    @Slot(object)
    def _follow(self, settings: Settings) -> None:
        self._before_reset = None
        if self.dialog is not None:
            self.dialog.show_settings(settings)
            self.dialog.reset_button.setText(tr("Reset"))

    @Slot(object)
    def _follow_cameras(self, cameras: tuple[SourceChoice, ...]) -> None:
        self._cameras = cameras
        if self.dialog is not None:
            self.dialog.set_choices("last_source", self._sources())

    @Slot(object)
    def _follow_recording(self) -> None:
        if self.dialog is not None:
            self.dialog.set_recording(self._live.recording_active)

    @Slot(object)
    def _follow_status(self, status: Status) -> None:
        if self.dialog is not None and status.model is not None:
            only_one = tr("This model knows FER2013's labels only.")
            self.dialog.set_obstacle("labels_from", "" if status.model.has_votes else only_one)

    def _sources(self) -> list[tuple[object, str]]:
        found = [(c.name, tr(c.title)) for c in (*self._cameras, DEMO)]
        chosen = self._store.settings.last_source
        first: list[tuple[object, str]] = [("", tr("Best camera, or the demo"))]
        if chosen and chosen not in dict(found):
            first.append((chosen, source_title(chosen)))
        return [*first, *found]

    def _parent(self) -> QWidget:
        return self.dialog or self._window


def _ask_save(parent: QWidget) -> str:
    path, _ = QFileDialog.getSaveFileName(
        parent, tr("Export settings"), "ferdesk-settings.json", _FILES
    )
    return path


def _ask_open(parent: QWidget) -> str:
    path, _ = QFileDialog.getOpenFileName(parent, tr("Import settings"), "", _FILES)
    return path
