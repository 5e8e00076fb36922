"""The one way from the worker threads to the GUI thread: the newest result, no queue."""

from PySide6.QtCore import QObject, Qt, Signal, Slot

from ferdesk.core.types import FrameResult
from ferdesk.runtime.latest import Latest


class Bridge(QObject):
    """Lives on the GUI thread; ``put`` and ``tell_change`` may be called on any.

    A window that is busy finds one result when it comes back, the newest: workers store it in one
    place and send an empty signal only when that place was empty.
    """

    result = Signal(object)
    """A ``FrameResult``, on the GUI thread."""
    changed = Signal()
    """The engine's status says something new; on the GUI thread."""

    _arrived = Signal()
    _change_arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._newest: Latest[FrameResult] = Latest()
        self._change: Latest[bool] = Latest()
        self._open = True
        queued = Qt.ConnectionType.QueuedConnection
        self._arrived.connect(self._hand_over, queued)
        self._change_arrived.connect(self._hand_over_change, queued)

    def put(self, result: FrameResult) -> None:
        if self._open and self._newest.put(result):
            self._arrived.emit()

    def tell_change(self) -> None:
        if self._open and self._change.put(True):
            self._change_arrived.emit()

    def clear(self) -> None:
        """Forget a result that has not been handed over, since its source was left."""
        self._newest.take(timeout_s=0)

    def close(self) -> None:
        """Let nothing through any more: a read left hanging may end after the window is gone."""
        self._open = False
        self.clear()

    @property
    def num_skipped(self) -> int:
        """Results that a newer one replaced before the window took them."""
        return self._newest.num_dropped

    @Slot()
    def _hand_over(self) -> None:
        result = self._newest.take(timeout_s=0)
        if result is not None:
            self.result.emit(result)

    @Slot()
    def _hand_over_change(self) -> None:
        if self._change.take(timeout_s=0) is not None:
            self.changed.emit()
