"""Model actions: which model is used, measured once on each computer, locked for a study."""

from PySide6.QtCore import QObject, Signal, Slot

from ferdesk.runtime.status import Status
from ferdesk.settings import Settings
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.status_line import StatusLine


class ModelActions(QObject):
    """Model actions: between the status line's menu, the settings and ``live``."""

    notified = Signal(object)
    """A ``Notice``."""

    def __init__(
        self, live: Live, store: SettingsStore, line: StatusLine, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._live, self._store, self._line = live, store, line
        self._status = Status()
        line.model_chosen.connect(self.choose)
        line.measure_wanted.connect(self.measure)
        live.status.connect(self._follow)

    @Slot(str)
    def choose(self, name: str) -> None:
        """The user wants this model, now and the next time; empty lets the speed decide."""
        if self._store.settings.lock_model:
            self._refuse()
            return
        self._live.stop_recording()
        self._live.use_model(name)
        self._store.remember(model=name)
        self.offer()

    @Slot()
    def measure(self) -> None:
        """Let this computer's speed choose once more."""
        if self._store.settings.lock_model:
            self._refuse()
            return
        self._live.stop_recording()
        self._store.remember(model="", measured_model="", measured_for="")
        self._live.use_measured("")
        self._live.use_model("")
        self.offer()

    def apply(self, settings: Settings) -> None:
        """Use what an earlier measurement chose, as long as it was for these models."""
        fits = settings.measured_for == self._live.measured_for
        self._live.use_measured(settings.measured_model if fits else "")
        self.offer()

    def use_settings(self, changed: set[str], settings: Settings) -> None:
        """Act on what a dialog or a file has changed."""
        if "model" in changed:
            self._live.use_model(settings.model)
        if changed & {"provider", "detector"}:
            # what the command line chose stays until another is chosen here
            self._live.use_device(
                settings.provider if "provider" in changed else None,
                settings.detector if "detector" in changed else None,
            )
        running = self._status.model
        locks = "lock_model" in changed and settings.lock_model and not settings.model
        if locks and running is not None and running.name in self._live.models:
            # what runs now is what the study is made with, also where the speed chose it
            self._live.keep_model(running.name)
            self._store.remember(model=running.name)
        self.apply(self._store.settings)

    def offer(self) -> None:
        """Fill the status line's menu."""
        locked = self._store.settings.lock_model
        self._line.offer_models(self._live.models, self._live.wanted_model, locked=locked)

    @Slot(object)
    def _follow(self, status: Status) -> None:
        """Keep what was measured: two recordings of one evening are made with one model."""
        before, self._status = self._status, status
        model = status.model
        if model is None or not status.model_choice or status.model_choice == before.model_choice:
            return
        if not self._live.wanted_model and model.name in self._live.models:
            self._live.use_measured(model.name)
            self._store.remember(measured_model=model.name, measured_for=self._live.measured_for)

    def _refuse(self) -> None:
        text = tr("The model is locked for this study. Unlock it in the settings first.")
        self.notified.emit(Notice(text, "warning", stays=False))
