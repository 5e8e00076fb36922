"""Marker streams: markers of another program's stream go into what is recorded and sent; no widget.

They are written on the stream's own thread, with the moments that the program gave them; the window
only shows them, and may be busy meanwhile.
"""

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot

from ferdesk.errors import StreamError
from ferdesk.runtime.marker_streams import MarkerInlet, MarkerQuery, MarkerStreamState, StreamMarker
from ferdesk.runtime.ports import Services
from ferdesk.runtime.recording import MarkerNote, Recorder
from ferdesk.ui.kit.gate import Gate
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.live.live_recording import LiveRecording

EVENT = "marker_stream"
_MOST_SHOWN = 50
"""Markers shown at once; all are written."""


class MarkerStreams(QObject):
    """Marker stream that is followed, at most one."""

    changed = Signal(object)
    """A ``MarkerStreamState``; None where no stream is followed."""
    notified = Signal(object)
    """A ``Notice``."""
    _came = Signal()
    _stated = Signal(object, object)

    def __init__(
        self,
        services: Services,
        recorder: Recorder,
        tasks: TaskRunner,
        recordings: LiveRecording,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._services, self._recorder, self._tasks = services, recorder, tasks
        self._recordings = recordings
        self._query = ""
        self._lock = threading.Lock()
        self._gate = Gate(self)
        self._inlet: MarkerInlet | None = None
        self._turn: object = None
        """Whose news count: an inlet that is being closed may still speak."""
        self._state: MarkerStreamState | None = None
        self._to_show: deque[StreamMarker] = deque(maxlen=_MOST_SHOWN)
        self._came.connect(self._show, Qt.ConnectionType.QueuedConnection)
        self._stated.connect(self._show_state, Qt.ConnectionType.QueuedConnection)
        recordings.began.connect(self._note_beginning)

    @property
    def state(self) -> MarkerStreamState | None:
        """How the stream stands; None where none is followed."""
        return self._state

    def follow(self, text: str) -> None:
        """Follow the stream that ``text`` means (``MarkerQuery.of``), empty for none."""
        if text == self._query:
            return
        self._query = text
        self._leave()
        if not text:
            self.changed.emit(None)
            return
        try:
            query = MarkerQuery.of(text)
        except StreamError as error:
            self._refused(str(error))
            return
        turn = object()
        with self._lock:
            self._turn = turn
        self._show_state(turn, MarkerStreamState())
        on_marker, on_state = partial(self._take, turn), partial(self._tell_state, turn)
        self._tasks.run(
            partial(
                self._open, turn, partial(self._services.open_markers, query, on_marker, on_state)
            ),
            lambda _: None,
            partial(self._not_opened, turn),
        )

    def close(self) -> None:
        """Follow none any more, and wait until its thread has ended; for the program's end."""
        if (inlet := self._give_up()) is not None:
            inlet.close()

    def _give_up(self) -> MarkerInlet | None:
        """What is to be closed now; one that is still being opened closes itself."""
        with self._lock:
            inlet, self._inlet, self._turn = self._inlet, None, None
        self._state = None
        return inlet

    def _leave(self) -> None:
        inlet = self._give_up()
        if inlet is not None:
            self._tasks.run(inlet.close, lambda _: None, self._not_closed)

    def _open(self, turn: object, make: Callable[[], MarkerInlet]) -> None:
        """On a worker thread, which also closes what is not wanted by then."""
        inlet = make()
        with self._lock:
            if turn is self._turn:
                self._inlet = inlet
                return
        inlet.close()

    def _not_opened(self, turn: object, message: str) -> None:
        if turn is self._turn:  # else another stream is followed by now
            self._refused(message)

    def _not_closed(self, message: str) -> None:
        """Of the stream that was left: the one that is followed by now goes on."""
        self.notified.emit(Notice(message, "error"))

    def _refused(self, message: str) -> None:
        """Told once: the text stays the one that is wanted, whatever setting is changed next."""
        self._leave()
        self.notified.emit(Notice(message, "error"))
        self.changed.emit(None)

    def _take(self, turn: object, marker: StreamMarker) -> None:
        """On the stream's thread."""
        state = self._state
        if turn is not self._turn:
            return
        name = "" if state is None or state.info is None else state.info.name
        note = MarkerNote(f"LSL: {name}" if name else "LSL", marker.uncertainty_s)
        self._recorder.mark(marker.label, marker.at_s, note)
        self._to_show.append(marker)
        self._gate.let(self._came.emit)

    def _tell_state(self, turn: object, state: MarkerStreamState) -> None:
        """On the stream's thread, which may outlive the window by some seconds."""
        self._gate.let(lambda: self._stated.emit(turn, state))

    @Slot()
    def _show(self) -> None:
        while self._to_show:
            marker = self._to_show.popleft()
            self._recordings.show_marker(marker.label, marker.at_s)

    @Slot(object, object)
    def _show_state(self, turn: object, state: MarkerStreamState) -> None:
        if turn is not self._turn:
            return
        self._state = state
        if state.info is not None:
            self._recordings.note(EVENT, state.text)
        self.changed.emit(state)

    @Slot(object)
    def _note_beginning(self, _folder: Path) -> None:
        """What a session that begins now gets its markers from."""
        if self._state is not None:
            self._recordings.note(EVENT, self._state.text)
