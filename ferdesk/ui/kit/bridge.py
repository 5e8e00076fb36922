"""Bridge from the worker threads to the GUI thread: the newest result, no queue."""

import logging
import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot

from ferdesk.core.types import FrameResult
from ferdesk.runtime.mailbox import Mailbox

log = logging.getLogger(__name__)


class Bridge(QObject):
    """Bridge to the GUI thread, where it lives; ``put`` and ``tell_change`` are for any thread.

    A window that is busy finds one result when it comes back, the newest: it is stored in one
    place, and an empty signal is sent only when that place was empty. On its way a result passes
    ``prepare`` on a thread of the bridge's own, again the newest only; neither the analysis nor
    the window waits for it.
    """

    result = Signal(object, object)
    """A ``FrameResult`` and what ``prepare`` made of it, on the GUI thread."""
    changed = Signal()
    """The engine's status says something new; on the GUI thread."""

    _arrived = Signal()
    _change_arrived = Signal()

    def __init__(
        self,
        parent: QObject | None = None,
        prepare: Callable[[FrameResult], object] = lambda _: None,
    ) -> None:
        super().__init__(parent)
        self.prepare = prepare
        self._results: Mailbox[tuple[int, FrameResult]] = Mailbox()
        self._newest: Mailbox[tuple[FrameResult, object]] = Mailbox()
        self._change: Mailbox[bool] = Mailbox()
        self._open = True
        self._generation = 0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        queued = Qt.ConnectionType.QueuedConnection
        self._arrived.connect(self._hand_over, queued)
        self._change_arrived.connect(self._hand_over_change, queued)

    def put(self, result: FrameResult) -> None:
        with self._lock:
            if not self._open:
                return
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._pass_on, name="ferdesk-picture", daemon=True
                )
                self._thread.start()
            self._results.put((self._generation, result))

    def tell_change(self) -> None:
        # under the lock, so that no signal is on its way while the window is taken apart
        with self._lock:
            if self._open and self._change.put(True):
                self._change_arrived.emit()

    def clear(self) -> None:
        """Forget a result that has not been handed over, since its source was left."""
        with self._lock:
            self._generation += 1
            self._results.take(timeout_s=0)
            self._newest.take(timeout_s=0)

    def close(self) -> None:
        """Let nothing through any more: a read left hanging may end after the window is gone."""
        self.clear()
        with self._lock:
            self._open = False
            thread, self._thread = self._thread, None
        self._results.close()
        if thread is not None:
            thread.join()

    @property
    def num_skipped(self) -> int:
        """Results that a newer one replaced before the window took them."""
        return self._results.num_dropped + self._newest.num_dropped

    def _pass_on(self) -> None:
        """On the bridge's own thread."""
        while (item := self._results.take()) is not None:
            generation, result = item
            try:
                prepared = self.prepare(result)
            except Exception:
                # a fault that shows in each picture is told once more by the window's own painting
                log.exception("a picture could not be prepared")
                prepared = None
            with self._lock:
                # a source that was left meanwhile has nothing more to show
                stale = not self._open or generation != self._generation
                if not stale and self._newest.put((result, prepared)):
                    self._arrived.emit()

    @Slot()
    def _hand_over(self) -> None:
        newest = self._newest.take(timeout_s=0)
        if newest is not None:
            self.result.emit(*newest)

    @Slot()
    def _hand_over_change(self) -> None:
        if self._change.take(timeout_s=0) is not None:
            self.changed.emit()
