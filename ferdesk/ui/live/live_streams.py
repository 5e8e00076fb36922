"""Live streams: opens and closes those that send results to other programs; no widget."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.runtime.ports import Services, StreamOptions
from ferdesk.runtime.recording import Recorder, Stream
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.task_runner import TaskRunner

if TYPE_CHECKING:
    from ferdesk.runtime.commands import CommandDesk


class LiveStreams(QObject):
    """Live streams, by their kinds."""

    changed = Signal(object)
    """A frozenset of the kinds of stream that are open."""
    notified = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        services: Services,
        recorder: Recorder,
        tasks: TaskRunner,
        measures: Callable[[], MeasuresChoice],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._services, self._recorder, self._tasks = services, recorder, tasks
        self._measures = measures
        self.commands: CommandDesk | None = None
        """Who takes what clients of the next stream ask for."""
        self.origins: tuple[str, ...] = ()
        """Web pages that may connect to the next stream, beside programs."""

    def switch(self, kind: str, on: bool) -> None:
        """Open or close a stream; ``changed`` tells what became of it."""
        if on and kind not in self._recorder.streams:
            self._tasks.run(partial(self._open, kind), self._opened, self._refused)
        elif not on and (stream := self._recorder.remove_stream(kind)) is not None:
            self._tasks.run(stream.close, lambda _: None, self._refused)
            self.changed.emit(self._recorder.streams)

    def _open(self, kind: str) -> Stream:
        """On a worker thread, which also closes what is not wanted by then."""
        stream = self._services.open_stream(
            kind, StreamOptions(self._measures(), self.origins, self.commands)
        )
        unwanted = self._recorder.add_stream(kind, stream)
        if unwanted is not None:
            unwanted.close()
        return stream

    def _opened(self, stream: Stream) -> None:
        self.notified.emit(Notice(stream.address))
        self.changed.emit(self._recorder.streams)

    def _refused(self, message: str) -> None:
        self.notified.emit(Notice(message, "error"))
        self.changed.emit(self._recorder.streams)
