"""Source actions: start and stop, and the choice of source, camera format and model."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ferdesk.core.locations import has_credentials, is_url
from ferdesk.core.types import CameraFormat
from ferdesk.runtime.ports import SourceChoice
from ferdesk.runtime.status import State, Status
from ferdesk.ui.kit.actions import ActionSpec, ActionTable
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.live.dialogs import Dialogs
from ferdesk.ui.live.format_button import FormatButton
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.source_button import SourceButton
from ferdesk.ui.live.source_names import DEMO, best_camera

MOST_RECENT = 8
"""How many files the menu of recent ones lists."""


class SourceActions(QObject):
    """Source actions: asks ``live`` for a source and remembers what was chosen."""

    stopped = Signal()
    """The user has stopped the source."""
    notified = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        live: Live,
        store: SettingsStore,
        actions: ActionTable,
        dialogs: Dialogs,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._live, self._store, self._dialogs = live, store, dialogs
        self._page = parent
        actions.add(parent, *self._specs())
        self._run = actions["run"]
        self._choose = actions["source"]
        self.button = SourceButton(
            (actions["file"], actions["folder"], actions["address"]), live.list_cameras, parent
        )
        self.format_button = FormatButton(parent)
        self.button.chosen.connect(self.choose)
        self.format_button.chosen.connect(self.choose_format)
        live.source.connect(self.button.show_source)
        live.cameras.connect(self.button.show_cameras)
        live.choice_wanted.connect(self.open_menu)

    def start(self, name: str, *, fallback: str = "") -> None:
        """Begin with a source; see ``Live.start``."""
        self._live.start(name, fallback=fallback)

    def start_usual(self) -> None:
        """Start what was chosen last, else the best camera; the demo where there is none."""
        if name := self._store.settings.last_source:
            self.start(name, fallback=DEMO.name)
        else:
            self._live.camera_watch.find(self._start_best)

    def restart(self) -> None:
        """Open the source that runs once more; nothing where none runs."""
        if self._live.running:
            self.start(self._live.source_name)

    def toggle_run(self) -> None:
        if self._live.at_end:
            # the film is still open: it begins again, and nothing of it is lost meanwhile
            self._live.set_playing(True)
        elif self._live.running:
            self._live.stop()
            self.stopped.emit()
        else:
            self.start(self._live.source_name or DEMO.name)

    def choose(self, name: str) -> None:
        """The user wants this source, now and the next time."""
        if not has_credentials(name):
            self._store.remember(last_source=name)
        if not is_url(name) and Path(name).is_absolute() and Path(name).is_dir():
            self._store.remember(file_folder=name)
        elif not is_url(name) and Path(name).is_file():
            path = str(Path(name).absolute())
            others = [p for p in self._store.settings.recent_files if p != path]
            self._store.remember(
                recent_files=(path, *others)[:MOST_RECENT], file_folder=str(Path(path).parent)
            )
        self.start(name)

    def choose_format(self, asked: CameraFormat) -> None:
        """The user wants this of cameras; one that runs is opened again."""
        self.ask_of_cameras(asked)
        size = f"{asked.width}x{asked.height}" if asked.width else ""
        self._store.remember(camera_size=size, camera_rate=asked.rate_fps)
        self.restart()

    def ask_of_cameras(self, asked: CameraFormat) -> None:
        """Ask this of the cameras that are opened next."""
        self._live.camera_format = asked
        self.format_button.show_asked(asked)

    def open_menu(self) -> None:
        self.button.setFocus()
        self.button.showMenu()

    def show_status(self, status: Status) -> None:
        running = self._live.running and not self._live.at_end
        opening = status.state is State.OPENING
        run = self._run
        run.setChecked(running)
        run.setText(tr("Cancel") if opening else tr("Stop") if running else tr("Start"))
        give_icon(run, "square" if running else "play", "text" if running else "accent_text")
        self.format_button.show_given(status.source)

    def _start_best(self, cameras: Sequence[SourceChoice]) -> None:
        if (name := best_camera(cameras)) != "":
            self.start(name, fallback=DEMO.name)
        else:
            self.start(DEMO.name)
            choice = Choice(self._choose.text(), self.open_menu)
            text = tr("No camera found. Showing the demo instead.")
            self.notified.emit(Notice(text, choices=(choice,)))

    def _open_file(self) -> None:
        folder = self._store.settings.file_folder
        self._open(lambda page: self._dialogs.ask_file(page, folder))

    def _open_folder(self) -> None:
        folder = self._store.settings.file_folder
        self._open(lambda page: self._dialogs.ask_folder(page, folder))

    def _open_address(self) -> None:
        address = self._dialogs.ask_address(self._page).strip()
        if is_url(address):
            self.choose(address)
        elif address:
            # what was typed is not repeated: it may hold a password
            text = tr(
                "What was typed is no address. An address begins with its protocol and names a "
                "host, for example rtsp://host/path."
            )
            self.notified.emit(Notice(text, "error"))

    def _open(self, ask: Callable[[QWidget], str]) -> None:
        if name := ask(self._page).strip():
            self.choose(name)

    def _specs(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "run",
                mark("Start"),
                self.toggle_run,
                "F5",
                "play",
                mark("Start or stop the source"),
                checkable=True,
            ),
            ActionSpec(
                "file",
                mark("Open file…"),
                self._open_file,
                "Ctrl+O",
                "film",
            ),
            ActionSpec(
                "folder",
                mark("Open folder of pictures…"),
                self._open_folder,
                "Ctrl+Shift+O",
                "folder-open",
            ),
            ActionSpec(
                "address",
                mark("Open address…"),
                self._open_address,
                "Ctrl+L",
                "link",
            ),
            ActionSpec("demo", mark("Open demo"), partial(self.choose, DEMO.name), icon="users"),
            ActionSpec("source", mark("Choose source…"), self.open_menu, "F4", "webcam"),
        )
