"""Live run: engine, recorder and the choice of source behind the live page; no widget."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from ferdesk.core.baseline import Baseline
from ferdesk.core.detection.networks import DetectorChoice
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import CameraFormat, FrameResult
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.ports import Services
from ferdesk.runtime.priority import give_way
from ferdesk.runtime.recording import MarkerNote, Recorder
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.runtime.status import EventKind, State, Status
from ferdesk.settings import Provider
from ferdesk.ui.kit.bridge import Bridge
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.live.camera_watch import CameraWatch
from ferdesk.ui.live.live_recording import LiveRecording
from ferdesk.ui.live.live_streams import LiveStreams
from ferdesk.ui.live.marker_streams import MarkerStreams
from ferdesk.ui.live.source_names import source_title

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
        self.recordings = LiveRecording(
            services, self._recorder, self.chores, self.status_now, clock, self
        )
        self.recordings.changed.connect(self.recording)
        self.recordings.notified.connect(self.told)
        self.recordings.marked.connect(self.marked)
        self.recordings.review_wanted.connect(self.review_wanted)
        self.streams = LiveStreams(
            services,
            self._recorder,
            self.chores,
            lambda: self.post_processing.measures,
            self,
        )
        self.streams.changed.connect(self.streaming)
        self.streams.notified.connect(self.told)
        self.marker_streams = MarkerStreams(
            services, self._recorder, self.chores, self.recordings, self
        )
        self.video = "off"
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
        self._loops = False
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
        """Whether a session is open, being opened, or counted down to."""
        return self.recordings.active

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
        self.recordings.forget_joined()
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

    def keep_model(self, name: str) -> None:
        """From now on name the model that runs already; nothing is opened anew."""
        self.services.use_model(name)

    @property
    def measured_for(self) -> str:
        """What a measurement of this computer is good for: models and device."""
        return self.services.measured_for()

    def use_measured(self, name: str) -> None:
        """The model that an earlier measurement chose; empty measures with the next start."""
        self.services.use_measured(name)

    def use_device(self, provider: Provider | None, detector: DetectorChoice | None) -> None:
        """Run the model on that device, and let that detector find faces; None keeps what it is."""
        if provider is not None:
            self.services.use_device(provider)
        if detector is not None:
            self.services.use_detector(detector)
        if self.running:
            self.start(self._source)

    def stop(self) -> None:
        """Leave the source; its threads end in their own time."""
        self.stop_recording()
        self._run_number += 1
        self._engine.stop(wait_s=0.0)
        self.bridge.clear()
        self._refresh()

    @property
    def can_record(self) -> bool:
        """Whether what runs can be recorded: pictures are analysed, not recorded."""
        source = self._status.source
        still = source is not None and source.kind == "still"
        return self._state is State.RUNNING and not still and not self.at_end

    def start_recording(self, options: RecordingOptions | None = None) -> None:
        """Begin a session for the source that runs; a film goes on from where it is."""
        if self.recording_active or not self.can_record:
            return
        if (playback := self._engine.playback) is not None:
            playback.set_loops(False)
            playback.set_paused(False)
        self.recordings.start(options or RecordingOptions(video=self.video))

    def stop_recording(self) -> None:
        """Close the session, if there is one, without waiting for the disk."""
        if self.recording_active:
            self.recordings.stop()
            self.set_loops(self._loops)

    def pause_recording(self, paused: bool) -> None:
        """Leave out what comes from now on, or take it in again; a film waits meanwhile."""
        self.recordings.set_paused(paused)
        if (playback := self._engine.playback) is not None:
            playback.set_paused(paused)
        self._refresh()

    # ---- files

    def set_playing(self, playing: bool) -> None:
        """Let a film go on or wait; while it is recorded, the recording waits with it."""
        if self._status.playback is not None and self._recorder.recording is not None:
            self.pause_recording(not playing)
        elif (playback := self._engine.playback) is not None:
            playback.set_paused(not playing)
            self._refresh()

    def set_loops(self, loops: bool) -> None:
        """Whether a film begins again at its end; not while it is recorded."""
        self._loops = loops
        if (playback := self._engine.playback) is not None and not self.recording_active:
            playback.set_loops(loops)

    def seek(self, t_s: float) -> None:
        """Go to another place of a file; times never fall in a recording, so not during one."""
        if (playback := self._engine.playback) is not None and not self.recording_active:
            playback.seek(t_s)
            self._refresh()

    def step(self, by: int) -> None:
        """Go a frame on or back; see ``seek``."""
        if (playback := self._engine.playback) is not None and not self.recording_active:
            playback.step(by)
            self._refresh()

    @property
    def at_end(self) -> bool:
        """Whether a film stands at its end, with all its frames analysed."""
        status = self._status
        at_end = status.playback is not None and status.playback.at_end
        # the last frames may still be in work
        return at_end and status.num_analysed + status.num_dropped >= status.num_seen

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

    @property
    def names(self) -> Mapping[int, str]:
        """What the faces of this source are called, by id."""
        return self.recordings.names

    @names.setter
    def names(self, names: Mapping[int, str]) -> None:
        self.recordings.names = names

    def mark(
        self, label: str, at_s: float | None = None, note: MarkerNote | None = None
    ) -> float | None:
        """Set a marker in the session that is being recorded, now or at ``at_s``.

        Returns its seconds in the session, None where nothing is recorded.
        """
        return self.recordings.mark(label, at_s, note)

    def switch_stream(self, kind: str, on: bool) -> None:
        """Open or close a stream; ``streaming`` tells what became of it."""
        self.streams.switch(kind, on)

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
        self.marker_streams.close()
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
            elif kind == "pictures_damaged":
                self.told.emit(Notice(text, "warning", topic=kind))
        if before.source is None and status.source is not None and status.source.refused:
            self.told.emit(Notice(status.source.refused, stays=False))
        if status.state is not earlier:
            self._entered(status)
        if self.at_end and self.recording_active:
            self.stop_recording()
        playback = status.playback
        if playback is not None and playback.loops != self._loops:
            self.set_loops(self._loops)  # the wish outlives the film and the recording
        self.recordings.refresh()
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
