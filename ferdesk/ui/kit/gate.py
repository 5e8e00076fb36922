"""Gate between a worker thread and an object of the window that may be gone before it."""

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject


class Gate:
    """Gate for what threads emit by ``owner``: none is on its way once the owner is deleted."""

    def __init__(self, owner: QObject) -> None:
        self._lock = threading.Lock()
        self._open = True
        # not a method of the owner, which Qt would have disconnected by then
        owner.destroyed.connect(self.shut)

    @property
    def is_open(self) -> bool:
        return self._open

    def let(self, emit: Callable[[], None]) -> None:
        """Call ``emit`` if the gate is open; for any thread."""
        with self._lock:
            if self._open:
                emit()

    def shut(self) -> None:
        """Let nothing through any more; what is on its way has arrived when this returns."""
        with self._lock:
            self._open = False
