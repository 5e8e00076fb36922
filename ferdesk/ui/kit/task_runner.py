"""Task runner: slow one-off work away from the GUI thread, with its outcome brought back to it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from ferdesk.errors import FerdeskError
from ferdesk.messages import translatable
from ferdesk.ui.kit.gate import Gate

log = logging.getLogger(__name__)
T = TypeVar("T")


class TaskRunner(QObject):
    """Task runner: each piece of work on a thread of its own, called back on the GUI thread.

    Where it goes with its parent while work is under way, nobody is called back.
    """

    _finished = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._threads: list[threading.Thread] = []
        self._gate = Gate(self)
        self._finished.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[str], None],
    ) -> None:
        """Do ``work`` elsewhere, then call ``then`` with its value or ``failed`` with a reason."""

        def do() -> None:
            try:
                value = work()
            except FerdeskError as error:
                message = str(error)
                self._report(lambda: failed(message))
            except Exception as error:
                log.exception("a chore ended")
                message = translatable(
                    "Unexpected error: {why}. See the log file for details.",
                    why=error,
                )
                self._report(lambda: failed(message))
            else:
                self._report(lambda: then(value))

        self._threads = [thread for thread in self._threads if thread.is_alive()]
        # a daemon: a driver that hangs while it lists cameras must not hold the program
        thread = threading.Thread(target=do, name="ferdesk-chore", daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self, wait_s: float) -> None:
        """Wait for the work under way; nobody is called back any more."""
        self._gate.shut()
        deadline_s = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _report(self, call: Callable[[], None]) -> None:
        self._gate.let(lambda: self._finished.emit(call))

    @Slot(object)
    def _call(self, call: Callable[[], None]) -> None:
        if self._gate.is_open:
            call()
