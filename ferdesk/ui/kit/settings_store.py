"""Settings store: the settings as they are now, each change signalled and saved."""

import logging
from dataclasses import fields, replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from ferdesk.settings import Settings, save_settings
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice

log = logging.getLogger(__name__)

SAVE_AFTER_MS = 500


class SettingsStore(QObject):
    """Settings store: one owner of the ``Settings`` and of their file."""

    changed = Signal(object)
    """The ``Settings`` as they are now, after every change."""
    replaced = Signal(object, object)
    """The ``Settings`` before and now: a change by dialog or file, to be acted on at once."""
    notified = Signal(object)
    """A ``Notice``."""

    def __init__(
        self, settings: Settings, path: Path | None = None, parent: QObject | None = None
    ) -> None:
        """``path`` None keeps the settings in memory only."""
        super().__init__(parent)
        self.settings = settings
        self.path = path
        self._timer = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._timer.timeout.connect(self.save)

    def remember(self, **changes: object) -> None:
        """Keep what a control has changed and already acted on."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        self._tell()

    def replace_by(self, settings: Settings) -> None:
        """Use ``settings`` from now on; ``replaced`` says what to act on."""
        before, self.settings = self.settings, settings
        self.replaced.emit(before, settings)
        self._tell()

    def save(self) -> None:
        """Write the file now."""
        self._timer.stop()
        if self.path is None:
            return
        try:
            save_settings(self.settings, self.path)
        except OSError as error:
            log.warning("the settings cannot be saved: %s", error)
            text = tr("Can't save the settings to {path}: {why}").format(path=self.path, why=error)
            self.notified.emit(Notice(text, "warning"))

    def _tell(self) -> None:
        self._timer.start()
        self.changed.emit(self.settings)


def changed_fields(before: Settings, after: Settings) -> set[str]:
    """The names of the settings that differ."""
    return {
        item.name
        for item in fields(Settings)
        if getattr(before, item.name) != getattr(after, item.name)
    }
