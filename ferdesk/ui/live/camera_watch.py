"""Camera watch: lists the cameras beside the window, now and every two seconds."""

import logging
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from ferdesk.runtime.ports import Services, SourceChoice
from ferdesk.ui.kit.task_runner import TaskRunner

log = logging.getLogger(__name__)

CAMERAS_EVERY_MS = 2000


class CameraWatch(QObject):
    """Camera watch; ``cameras`` tells each change of the list."""

    cameras = Signal(object)
    """A tuple of ``SourceChoice``."""

    def __init__(self, services: Services, tasks: TaskRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._services, self._tasks = services, tasks
        self._cameras: tuple[SourceChoice, ...] | None = None
        self._listing = False
        self._timer = QTimer(self)
        self._timer.setInterval(CAMERAS_EVERY_MS)
        self._timer.timeout.connect(self._look)

    def find(self, then: Callable[[Sequence[SourceChoice]], None]) -> None:
        """Call ``then`` with the cameras that are there, none where they cannot be listed."""
        self._tasks.run(lambda: tuple(self._services.cameras()), then, lambda _: then(()))

    def list_now(self) -> None:
        """Look for cameras; ``cameras`` says what was found, also where nothing is new."""
        self._cameras = None
        self._look()

    def start(self) -> None:
        """Look now and every two seconds."""
        self._timer.start()
        self.list_now()

    def stop(self) -> None:
        self._timer.stop()

    @Slot()
    def _look(self) -> None:
        # a driver that hangs while it lists must not collect a thread every two seconds
        if not self._listing:
            self._listing = True
            self._tasks.run(
                lambda: tuple(self._services.cameras()), self._take, self._cannot_be_listed
            )

    def _take(self, cameras: tuple[SourceChoice, ...]) -> None:
        self._listing = False
        if cameras != self._cameras:
            self._cameras = cameras
            self.cameras.emit(cameras)

    def _cannot_be_listed(self, message: str) -> None:
        log.warning("the cameras cannot be listed: %s", message)
        self._take(())
