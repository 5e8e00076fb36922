"""Live run: engine, recorder and the choice of source behind the live page; no widget."""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from ferdesk.core.baseline import Baseline
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import CameraFormat, FrameResult
from ferdesk.errors import FerdeskError
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.ports import Services
from ferdesk.runtime.priority import give_way
from ferdesk.runtime.recording import Recorder, Recording, SessionOutput, Stream
from ferdesk.runtime.status import EventKind, State, Status
from ferdesk.sessions.naming import name_faces
from ferdesk.settings import Provider
from ferdesk.ui.kit.bridge import Bridge
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.live.camera_watch import CameraWatch
from ferdesk.ui.live.recording_state import RecordingState
from ferdesk.ui.live.source_names import source_title

log = logging.getLogger(__name__)

TICK_MS = 200


class Live(QObject):
    """Live run: starts and stops sources and recordings, and notifies the GUI thread."""

    result = Signal(object)
    """A ``FrameResult``: the newest."""
    status = Signal(object)
    """A ``Status``, when it changes and a few times a second while a source runs."""
    recording = Signal(object)
    """A ``RecordingState``."""
    source = Signal(str)
    """The name of the source that is being started."""
    cameras = Signal(object)
    """A tuple of ``SourceChoice``."""
    choice_wanted = Signal()
    """The user wants to choose another source."""
    streaming = Signal(object)
    """A frozenset of the kinds of stream that are open."""
    told = Signal(object)
    """A ``Notice``."""
    marked = Signal(float, str)
    """A marker that is kept or sent: its time on the monotonic clock, and its label."""
    review_wanted = Signal(object)
    """The folder of a session that the user wants to look at."""

    def __init__(
        self,
        services: Services,
        parent: QObject | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self.services = services
        self._clock = clock
        self.chores = TaskRunner(self)
        self.bridge = Bridge(self)
        self.prepared: object = None
        """What ``bridge.prepare`` made of the result that is told now."""
        self._recorder = Recorder(
            status=lambda: self._engine.status(),
            classify_every_face=lambda wanted: self._engine.classify_every_face(wanted),
            clock=clock,
        )
        self._events: deque[tuple[EventKind, str]] = deque()
        """What happened to the run and is not told yet; the engine's threads append."""
        self._engine = Engine(
            on_result=self._take,
            on_event=self._take_event,
            on_change=self.bridge.tell_change,
            on_thread=give_way,
            clock=clock,
        )
        self._num_opening = self._num_closing = 0
        self._recording_since_s = 0.0
        self._warned = ""
        self.video = "off"
        self._marker = ""
        self._source = ""
        self._fallback = ""
        self._run_number = 0
        self._network_failed_in = 0
        self._state = State.IDLE
        self._status = Status()
        self.camera_format = CameraFormat()
        """What the cameras that are started next are asked for."""
        self.camera_watch = CameraWatch(services, self.chores, self)
        self.camera_watch.cameras.connect(self.cameras)
        self.names: Mapping[int, str] = {}
        """What the faces of this source are called, by id; a session that ends keeps it."""
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self._refresh)
        self.bridge.result.connect(self._hand_on)
        self.bridge.changed.connect(self._refresh)

    @property
    def source_name(self) -> str:
        """The source that was started last, empty before the first."""
        return self._source

    @property
    def running(self) -> bool:
        return self._state in (State.OPENING, State.RUNNING, State.LOST)

    @property
    def recording_active(self) -> bool:
        """Whether a session is open, or being opened."""
        return self._recorder.recording is not None or self._num_opening > 0

    def status_now(self) -> Status:
        """How the engine stands at this moment."""
        return self._engine.status()

    def now_s(self) -> float:
        """The monotonic clock that markers are dated by."""
        return self._clock()

    def start(self, name: str, *, fallback: str = "") -> None:
        """Leave the source that runs and begin with ``name``.

        Where ``name`` cannot be opened, ``fallback`` is started instead and the user is told.
        """
        self.stop_recording()
        self._source, self._fallback = name, fallback
        self._run_number += 1
        self._status = Status()
        # IDLE, so that a failure of this run is news even where the last run failed too
        self._state = State.IDLE
        self._engine.stop(wait_s=0.0)
        self._events.clear()
        self._engine.start(
            partial(self.services.open_source, name, self.camera_format),
            partial(self._open_pipeline, self._run_number),
            self.services.candidates,
        )
        self.bridge.clear()
        self.source.emit(name)
        self._refresh()
        self._tick.start()

    @property
    def models(self) -> tuple[str, ...]:
        """The models that can be chosen."""
        return tuple(self.services.models())

    @property
    def wanted_model(self) -> str:
        """The model that was named, by command or menu; empty for the choice by speed."""
        return self.services.wanted_model

    def use_model(self, name: str) -> None:
        """Classify with the model of that name; empty lets this machine's speed decide."""
        self.services.use_model(name)
        if self.running:
            self.start(self._source)

    def use_device(self, provider: Provider) -> None:
        """Run the model on that device from now on."""
        self.services.use_device(provider)
        if self.running:
            self.start(self._source)

    def stop(self) -> None:
        """Leave the source; its threads end in their own time."""
        self.stop_recording()
        self._run_number += 1
        self._engine.stop(wait_s=0.0)
        self.bridge.clear()
        self._refresh()

    def start_recording(self) -> None:
        """Begin a session for the source that runs."""
        if self.recording_active or self._state is not State.RUNNING:
            return
        self._num_opening += 1
        self._recording_since_s = self._clock()
        self._warned = self._marker = ""
        recording = self._recorder.begin()
        make = partial(self.services.start_recording, self._engine.status(), self.video)
        self.chores.run(
            partial(_open, recording, make, dict(self.names)),
            partial(self._recording_opened, recording),
            partial(self._recording_refused, recording),
        )
        self._tell_recording()

    def stop_recording(self) -> None:
        """Close the session, if there is one, without waiting for the disk."""
        ended = self._recorder.end()
        if ended is not None and ended[1]:
            self._close(ended[0])

    @property
    def post_processing(self) -> PostProcessing:
        """What is made of the network's raw values."""
        return self._engine.post_processing

    def set_post_processing(self, post_processing: PostProcessing) -> None:
        """Apply ``post_processing`` to the raw values from the next frame on."""
        self._engine.set_post_processing(post_processing)

    def set_baseline(self, face_id: int, baseline: Baseline | None) -> None:
        """Use ``baseline`` for a face from the next frame on, None for none; a session notes it."""
        self.set_post_processing(self.post_processing.with_baseline(face_id, baseline))
        self._recorder.note_baseline(face_id, baseline)

    def mark(self, label: str, at_s: float | None = None) -> None:
        """Set a marker in the session that is being recorded, now or at ``at_s``."""
        moment_s = self._clock() if at_s is None else at_s
        t_s = self._recorder.mark(label, moment_s)
        streams = self._recorder.streams
        if t_s is not None or streams:
            self.marked.emit(moment_s, label)
        if t_s is None:
            text = tr("Start recording (R) to add markers.")
            if streams:
                text = tr("Marker sent to the stream only (not recording).")
            self.told.emit(Notice(text, stays=False))
            return
        self._marker = label
        minutes, seconds = divmod(t_s, 60)
        text = tr("Marker “{label}” at {time}.").format(
            label=label, time=f"{int(minutes):02d}:{seconds:04.1f}"
        )
        self.told.emit(Notice(text, stays=False))
        self._tell_recording()

    def switch_stream(self, kind: str, on: bool) -> None:
        """Open or close a stream; ``streaming`` tells what became of it."""
        if on and kind not in self._recorder.streams:
            self.chores.run(
                partial(self._open_stream, kind), self._stream_opened, self._stream_refused
            )
        elif not on and (stream := self._recorder.remove_stream(kind)) is not None:
            self.chores.run(stream.close, lambda _: None, self._stream_refused)
            self.streaming.emit(self._recorder.streams)

    def _open_stream(self, kind: str) -> Stream:
        """On a worker thread, which also closes what is not wanted by then."""
        stream = self.services.open_stream(kind)
        unwanted = self._recorder.add_stream(kind, stream)
        if unwanted is not None:
            unwanted.close()
        return stream

    def _stream_opened(self, stream: Stream) -> None:
        self.told.emit(Notice(stream.address))
        self.streaming.emit(self._recorder.streams)

    def _stream_refused(self, message: str) -> None:
        self.told.emit(Notice(message, "error"))
        self.streaming.emit(self._recorder.streams)

    def list_cameras(self) -> None:
        """Look for cameras; ``cameras`` says what was found, also where nothing is new."""
        self.camera_watch.list_now()

    def watch_cameras(self) -> None:
        """Look now and every two seconds; ``cameras`` tells each change."""
        self.camera_watch.start()

    def close(self, wait_s: float = 5.0) -> None:
        """Stop everything and wait for what is being written; for the end of the program."""
        self.stop_recording()
        self._tick.stop()
        self.camera_watch.stop()
        self.bridge.close()
        self._engine.stop()
        for stream in self._recorder.close():
            stream.close()
        self.chores.close(wait_s)

    def _open_pipeline(self, run_number: int) -> Pipeline:
        """On the inference thread."""
        try:
            return self.services.open_pipeline()
        except Exception:
            # another source would not help
            self._network_failed_in = run_number
            raise

    def _take(self, result: FrameResult) -> None:
        """On the inference thread: the recorder sees every result, the window the newest."""
        self._recorder.take(result)
        self.bridge.put(result)

    def _take_event(self, kind: EventKind, text: str, at_s: float) -> None:
        """On the engine's threads, when it happens; the window is told with the next change."""
        self._recorder.note_event(kind, text, at_s)
        self._events.append((kind, text))

    @Slot(object, object)
    def _hand_on(self, result: FrameResult, prepared: object) -> None:
        self.prepared = prepared
        self.result.emit(result)

    @Slot()
    def _refresh(self) -> None:
        status = self._engine.status()
        before, self._status = self._status, status
        earlier, self._state = self._state, status.state
        self.status.emit(status)
        while self._events:
            kind, text = self._events.popleft()
            if kind == "camera_back":
                self.told.emit(Notice(tr("Source reconnected."), stays=False))
            elif kind == "device_changed":
                self.told.emit(Notice(text, "warning"))
        if before.source is None and status.source is not None and status.source.refused:
            self.told.emit(Notice(status.source.refused, stays=False))
        if status.state is not earlier:
            self._entered(status)
        session = self._session
        if session is not None and session.problem:
            self.stop_recording()
        self._tell_recording()
        if not self.running:
            self._tick.stop()

    def _entered(self, status: Status) -> None:
        if status.state in (State.ENDED, State.FAILED, State.IDLE):
            self.stop_recording()
        useless = status.state is State.FAILED and status.num_analysed == 0
        if useless and self._fallback and self._network_failed_in != self._run_number:
            fallback = self._fallback
            self.told.emit(
                Notice(
                    tr("{why} Showing the {source} instead.").format(
                        why=translated(status.message), source=source_title(fallback).lower()
                    ),
                    "warning",
                    choices=(Choice(tr("Choose source…"), self.choice_wanted.emit),),
                )
            )
            self.start(fallback)

    @property
    def _session(self) -> SessionOutput | None:
        """The session that is being written, once it is open."""
        recording = self._recorder.recording
        return recording.session if recording is not None and recording.opened else None

    def _recording_opened(self, recording: Recording, notice: Notice | None) -> None:
        """``notice`` says how it ended, where the end came while it was being opened."""
        self._num_opening -= 1
        if notice is not None:
            self._num_closing += 1
            self._closed(recording.session.folder, notice)
        self._tell_recording()

    def _recording_refused(self, recording: Recording, message: str) -> None:
        self._num_opening -= 1
        if self._recorder.recording is recording:
            self._recorder.end()
        self.told.emit(Notice(message, "error"))
        self._tell_recording()

    def _close(self, recording: Recording) -> None:
        self._num_closing += 1
        self.chores.run(
            partial(_finish, recording, dict(self.names)),
            partial(self._closed, recording.session.folder),
            self._close_failed,
        )
        self._tell_recording()

    def _closed(self, folder: Path, notice: Notice) -> None:
        look = Choice(tr("Review"), partial(self.review_wanted.emit, folder))
        show = Choice(tr("Open folder"), partial(open_folder, folder))
        self._close_told(replace(notice, choices=(look, show)))

    def _close_failed(self, message: str) -> None:
        self._close_told(Notice(message, "error"))

    def _close_told(self, notice: Notice) -> None:
        self._num_closing -= 1
        self.told.emit(notice)
        self._tell_recording()

    def _warn_once(self, session: SessionOutput) -> None:
        """Tell what threatens the recording when it begins to, not with every new number in it."""
        kind = session.warning_kind
        if kind and kind != self._warned:
            self.told.emit(Notice(session.warning, "warning"))
        self._warned = kind

    def _tell_recording(self) -> None:
        recording, session = self._recorder.recording, self._session
        active = session is not None
        if session is not None:
            self._warn_once(session)
        self.recording.emit(
            RecordingState(
                num_lost=recording.num_lost if recording is not None else 0,
                marker=self._marker if active else "",
                active=active,
                changing=self._num_opening > 0 or self._num_closing > 0,
                elapsed_s=self._clock() - self._recording_since_s if active else 0.0,
            )
        )


def _open(
    recording: Recording, make: Callable[[], SessionOutput], names: Mapping[int, str]
) -> Notice | None:
    """Where the recording was stopped while its session was being opened, close it at once."""
    return _finish(recording, names) if recording.open(make) else None


def _finish(recording: Recording, names: Mapping[int, str]) -> Notice:
    recording.close()
    session = recording.session
    if names:
        try:
            name_faces(session.folder, names)
        except FerdeskError as error:  # the rows are whole; only the names are missing
            log.warning("the names of the faces are not kept: %s", error)
    saved = tr("Recording saved to {folder} ({count:,} rows).").format(
        count=session.num_rows, folder=session.folder
    )
    if session.problem:
        log.error("a recording stopped: %s", session.problem)
        return Notice(f"{translated(session.problem)} {saved}", "error")
    return Notice(saved, stays=False)
