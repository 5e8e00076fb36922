"""The live engine: capture, detection and inference threads, and a watchdog over the camera.

Faces are found in one frame while those of the frame before are judged: on two cores the two
halves of the pipeline take no longer than the longer of them.

The engine knows no window. It is told a source and a pipeline as factories, since opening either
may take seconds, and reports by two callbacks: ``on_result`` from the inference thread for each
analysed frame, and ``on_change`` from any of its threads when ``status()`` says something new.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline, TrackedFrame
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import DeviceInfo, Frame, FrameResult, ModelInfo, SourceInfo
from ferdesk.errors import FerdeskError
from ferdesk.messages import translatable
from ferdesk.runtime.mailbox import Mailbox
from ferdesk.runtime.model_choice import Candidate, choose_model
from ferdesk.runtime.reconnect import LOST_AFTER_S as LOST_AFTER_S
from ferdesk.runtime.reconnect import FrameSource as FrameSource
from ferdesk.runtime.reconnect import Reconnecting

log = logging.getLogger(__name__)

_RATE_WINDOW_S = 2.0
_USUAL_FPS = 30.0
_LEAST_FPS, _MOST_FPS = 5.0, 60.0
_LOOKS_FOR_S = 1.0
"""How long the camera and the faces are watched before a model is chosen for them."""
_ASKS_AGAIN_S = 0.1
"""How often it is asked whether a recording that a choice waits for is over."""
_PACE_EVERY_S = 1.0
_HEAD_START = 2.0
"""Faces of the next frame are found this many usual durations before the network is free."""
_MEMORY = 0.2
_LEAVE_WITHIN_S = 5.0


class State(Enum):
    """Where the engine stands."""

    IDLE = "idle"
    OPENING = "opening"
    RUNNING = "running"
    LOST = "lost"
    ENDED = "ended"
    FAILED = "failed"


_ACTIVE = frozenset({State.OPENING, State.RUNNING, State.LOST})


@dataclass(frozen=True, slots=True)
class Status:
    """The engine's state for people; rates are of the last two seconds.

    ``post_processing`` holds the parameters between raw and shown values.
    ``message`` is a sentence where there is something to tell (why it failed, what was lost).
    ``silent_s`` is how long the source has given nothing, ``trouble`` why it could not be opened
    again, ``num_attempts`` how often that was tried. ``num_seen``, ``num_analysed`` and
    ``num_dropped`` count frames since the start. ``model_choice`` says why this model is used
    where it was chosen by measurement.
    """

    state: State = State.IDLE
    message: str = ""
    source: SourceInfo | None = None
    model: ModelInfo | None = None
    device: DeviceInfo | None = None
    capture_fps: float = 0.0
    analysis_fps: float = 0.0
    latency_ms: float = 0.0
    silent_s: float = 0.0
    trouble: str = ""
    num_attempts: int = 0
    num_seen: int = 0
    num_analysed: int = 0
    num_dropped: int = 0
    post_processing: PostProcessing = field(default_factory=PostProcessing)
    model_choice: str = ""


class Engine:
    """Runs one source at a time; ``start`` and ``stop`` may be called in any order, any number."""

    def __init__(
        self,
        *,
        on_result: Callable[[FrameResult], None] = lambda _: None,
        on_change: Callable[[], None] = lambda: None,
        on_thread: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``on_thread`` is called first on each thread of a run."""
        self._on_result = on_result
        self._on_change = on_change
        self._on_thread = on_thread
        self._clock = clock
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._leaving: list[threading.Thread] = []
        self._every_face = False
        self._post_processing = PostProcessing()

    def start(
        self,
        open_source: Callable[[], FrameSource],
        open_pipeline: Callable[[], Pipeline],
        candidates: Callable[[], Sequence[Candidate]] = lambda: (),
    ) -> None:
        """Begin with a source; one that is running is stopped first. Returns at once.

        After the first analysed frame the ``candidates`` are timed in the background, and the best
        one that keeps the camera's rate takes the place of the pipeline's classifier.
        """
        self.stop(wait_s=0.0)
        with self._lock:
            self._leaving = [thread for thread in self._leaving if thread.is_alive()]
            self._post_processing = self._post_processing.for_other_faces()
            run = self._run = _Run(
                open_source,
                open_pipeline,
                candidates,
                self._on_result,
                self._on_change,
                self._on_thread,
                self._clock,
                tuple(self._leaving),
                every_face=self._every_face,
                post_processing=self._post_processing,
            )
        run.begin()

    def stop(self, wait_s: float = 2.0) -> None:
        """End the run; afterwards none of its results is reported.

        A read that hangs is left behind in its daemon thread.
        """
        with self._lock:
            run, self._run = self._run, None
            if run is not None:
                self._leaving += run.threads
            leaving = tuple(self._leaving)
        if run is not None:
            run.end()
        _join(leaving, wait_s)
        if run is not None:
            self._on_change()

    def classify_every_face(self, wanted: bool) -> None:
        """Whether each face of an analysed frame is classified, however long that takes.

        A recording wants it: then fewer frames are analysed, but no face is left out.
        """
        with self._lock:
            self._every_face = wanted
            run = self._run
        if run is not None:
            run.set_pacing(every_face=wanted)

    @property
    def post_processing(self) -> PostProcessing:
        return self._post_processing

    def set_post_processing(self, post_processing: PostProcessing) -> None:
        """Apply ``post_processing`` from the next frame on.

        It stays over starts, but for the baselines, whose ids mean other people then.
        """
        with self._lock:
            self._post_processing = post_processing
            run = self._run
        if run is not None:
            run.set_post_processing(post_processing)

    def status(self) -> Status:
        with self._lock:
            run = self._run
        return Status(post_processing=self._post_processing) if run is None else run.status()


class _Run:
    """One start of the engine: its threads, its hand-over, its counts."""

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        open_pipeline: Callable[[], Pipeline],
        candidates: Callable[[], Sequence[Candidate]],
        on_result: Callable[[FrameResult], None],
        on_change: Callable[[], None],
        on_thread: Callable[[], None],
        clock: Callable[[], float],
        leaving: Sequence[threading.Thread],
        *,
        every_face: bool,
        post_processing: PostProcessing,
    ) -> None:
        self._every_face = every_face
        self._post_processing = post_processing
        self._candidates = candidates
        self._first_result: Mailbox[FrameResult] = Mailbox()
        self._num_faces = 0
        self._finding_s = self._judging_s = 0.0
        self._pipeline: Pipeline | None = None
        self._open_source, self._open_pipeline = open_source, open_pipeline
        self._on_result, self._on_change, self._clock = on_result, on_change, clock
        self._on_thread = on_thread
        self._leaving = leaving
        self._newest: Mailbox[Frame] = Mailbox()
        self._found: Mailbox[TrackedFrame] = Mailbox()
        self._reporting = threading.RLock()
        self._stopping = threading.Event()
        self._pipeline_ready = threading.Event()
        self._lock = threading.Lock()
        self._status = Status(State.OPENING)
        self._broken = ""
        self._source: FrameSource | None = None
        self._heard_s = clock()
        self._captured: deque[float] = deque()
        self._analysed: deque[float] = deque()
        self._latencies: deque[float] = deque(maxlen=30)
        # daemons: a camera's read cannot be interrupted, and must not hold the program
        self.threads = [
            threading.Thread(target=self._guard, args=(work,), name=name, daemon=True)
            for work, name in (
                (self._capture, "ferdesk-capture"),
                (self._find, "ferdesk-detection"),
                (self._judge, "ferdesk-inference"),
                (self._watch, "ferdesk-watchdog"),
                (self._choose, "ferdesk-choice"),
            )
        ]

    def begin(self) -> None:
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        with self._reporting:
            self._let_go()

    def status(self) -> Status:
        now_s = self._clock()
        with self._lock:
            latencies = sorted(self._latencies)
            lasting = self._source if isinstance(self._source, Reconnecting) else None
            num_missed = lasting.num_dropped if lasting else 0
            return replace(
                self._status,
                post_processing=self._post_processing,
                trouble=lasting.trouble if lasting else "",
                num_attempts=lasting.num_attempts if lasting else 0,
                num_seen=self._status.num_seen + num_missed,
                capture_fps=_rate(self._captured, now_s),
                analysis_fps=_rate(self._analysed, now_s),
                latency_ms=latencies[len(latencies) // 2] if latencies else 0.0,
                silent_s=max(0.0, now_s - self._heard_s),
                num_dropped=self._newest.num_dropped + num_missed,
            )

    def _guard(self, work: Callable[[], None]) -> None:
        """The one place that catches everything that a thread of this run may raise."""
        try:
            self._on_thread()
            # the run before may still hold the camera and the detector
            _join(self._leaving, _LEAVE_WITHIN_S)
            if not self._stopping.is_set():
                work()
        except FerdeskError as error:
            self._fail(str(error))
        except Exception as error:
            log.exception("the thread %s ended", threading.current_thread().name)
            self._fail(
                translatable(
                    "Something unexpected went wrong: {why}. The log file has the details.",
                    why=error,
                )
            )

    def _fail(self, message: str) -> None:
        if not self._stopping.is_set():
            self._enter(State.FAILED, message, left=_ACTIVE)
        self._let_go()

    def _let_go(self) -> None:
        """Wake every thread of this run and let it end."""
        self._stopping.set()
        self._pipeline_ready.set()
        self._newest.close()
        self._found.close()
        self._first_result.close()
        if isinstance(self._source, Reconnecting):
            self._source.leave()

    def set_post_processing(self, post_processing: PostProcessing) -> None:
        """From any thread; a pipeline that is not open yet gets it when it is."""
        with self._lock:
            self._post_processing = post_processing
            if self._pipeline is not None:
                self._pipeline.set_post_processing(post_processing)

    def set_pacing(self, *, every_face: bool) -> None:
        """From any thread, and again once the source has told its rate."""
        with self._lock:
            self._every_face = every_face
            pipeline, source = self._pipeline, self._status.source
        if pipeline is None:
            return
        still = source is not None and source.kind == "still"
        pipeline.set_pacing(FramePacing(None if still else self._interval_s(), every_face))

    def _interval_s(self) -> float:
        """Between two pictures of the source, as it is wanted of the analysis."""
        with self._lock:
            source = self._status.source
            # what really comes counts: in the dark many cameras give half of what they promise
            measured_fps = _rate(self._captured, self._clock())
        rate_fps = measured_fps or (source.rate_fps if source else None) or _USUAL_FPS
        return 1 / min(max(rate_fps, _LEAST_FPS), _MOST_FPS)

    def _enter(self, state: State, message: str, *, left: frozenset[State]) -> None:
        """Go to ``state`` from one of ``left``; from another, which a faster thread set, stay."""
        with self._lock:
            if self._status.state not in left:
                return
            self._status = replace(self._status, state=state, message=message)
        self._on_change()

    def _capture(self) -> None:
        source = self._source = self._open_source()
        try:
            if self._stopping.is_set():
                return
            info = source.open()
            with self._lock:
                self._status = replace(self._status, source=info)
                every_face = self._every_face
            self.set_pacing(every_face=every_face)
            self._on_change()
            # source and models open side by side; frames that nobody can analyse yet are not read
            self._pipeline_ready.wait()
            with self._lock:
                self._heard_s = self._clock()
            while not self._stopping.is_set():
                frame = self._read(source)
                if frame is None:
                    break
                self._newest.put(frame)
        finally:
            source.close()
        # what was read is still analysed; then the inference thread says how it ended
        self._newest.close()

    def _read(self, source: FrameSource) -> Frame | None:
        """The next frame; None at the end, or where the source broke, which is remembered."""
        try:
            frame = source.read()
        except FerdeskError as error:
            self._broken = str(error)
            return None
        if frame is not None:
            with self._lock:
                before_s, self._heard_s = self._heard_s, self._clock()
                self._captured.append(self._heard_s)
                self._status = replace(
                    self._status,
                    num_seen=self._status.num_seen + 1,
                    source=_as_it_comes(self._status.source, frame),
                )
            back = translatable(
                "The source is back after {seconds:.1f} s without a picture.",
                seconds=self._heard_s - before_s,
            )
            self._enter(State.RUNNING, back, left=frozenset({State.LOST}))
        return frame

    def _find(self) -> None:
        """The first half: the newest picture, whose faces are handed on in turn."""
        self._pipeline_ready.wait()
        pipeline = self._pipeline
        # the newest is taken only once there is room for what becomes of it
        while pipeline is not None and self._found.wait_empty():
            # and not long before it can be judged: a picture that waits grows old
            self._stopping.wait(max(0.0, self._judging_s - _HEAD_START * self._finding_s))
            frame = self._newest.take()
            if frame is None or self._stopping.is_set():
                break
            began_s = self._clock()
            found = pipeline.detect(frame)
            self._finding_s += _MEMORY * (self._clock() - began_s - self._finding_s)
            self._found.put_blocking(found)
        # not after an error: that is told first, and then closes it too
        self._found.close()

    def _judge(self) -> None:
        """The second half, and the word on how the run ended."""
        pipeline = self._open_pipeline()
        classifier = pipeline.classifier
        with self._lock:
            self._pipeline = pipeline
            pipeline.set_post_processing(self._post_processing)
            self._status = replace(self._status, model=classifier.info, device=classifier.device)
            every_face = self._every_face
        self.set_pacing(every_face=every_face)
        self._on_change()
        self._pipeline_ready.set()
        while (found := self._found.take()) is not None:
            if self._stopping.is_set():
                return
            began_s = self._clock()
            result = pipeline.classify(found)
            self._judging_s += _MEMORY * (self._clock() - began_s - self._judging_s)
            with self._lock:
                self._analysed.append(self._clock())
                self._latencies.append(result.latency_ms)
                self._num_faces = len(result.faces)
                self._status = replace(self._status, num_analysed=self._status.num_analysed + 1)
            self._enter(State.RUNNING, "", left=frozenset({State.OPENING}))
            self._note_device(pipeline.classifier.device)
            if not self._first_result.closed:
                self._first_result.put(result)
                self._first_result.close()
            with self._reporting:
                if self._stopping.is_set():
                    return
                self._on_result(result)
        self._first_result.close()
        if self._broken:
            self._fail(self._broken)
        elif not self._stopping.is_set():
            self._stopping.set()
            self._enter(State.ENDED, translatable("The source has ended."), left=_ACTIVE)

    def _choose(self) -> None:
        """Time the models on this machine once it works, and take the best that is fast enough."""
        result = self._first_result.take()
        pipeline = self._pipeline
        # of the first picture alone neither the camera's rate nor all the faces are known
        if result is None or pipeline is None or self._stopping.wait(_LOOKS_FOR_S):
            return
        with self._lock:
            num_faces = self._num_faces
        choice = choose_model(
            self._candidates(),
            num_faces,
            self._interval_s(),
            stop_requested=self._stopping.is_set,
        )
        if choice is None:
            return
        while not self._stopping.is_set():
            with self._lock:
                # a recording is made with one model throughout
                if not self._every_face:
                    pipeline.classifier = choice.classifier
                    self._status = replace(
                        self._status,
                        model=choice.classifier.info,
                        device=choice.classifier.device,
                        model_choice=choice.reason,
                    )
                    break
            self._stopping.wait(_ASKS_AGAIN_S)
        else:
            return
        log.info(choice.reason)
        self._on_change()

    def _note_device(self, device: DeviceInfo) -> None:
        """A GPU may fail while it is used; whoever shows the device is told at once."""
        with self._lock:
            if self._status.device == device:
                return
            self._status = replace(self._status, device=device)
        log.warning("the device is now %s: %s", device.provider, device.reason)
        self._on_change()

    def _watch(self) -> None:
        """A camera whose read hangs never tells; silence does."""
        paced_s = self._clock()
        while not self._stopping.wait(0.1):
            if not self._pipeline_ready.is_set():
                continue
            if self._clock() - paced_s >= _PACE_EVERY_S:
                paced_s = self._clock()
                self.set_pacing(every_face=self._every_face)
            with self._lock:
                info = self._status.source
                silent_s = self._clock() - self._heard_s
            if info is not None and info.live and silent_s > LOST_AFTER_S:
                message = (
                    translatable(
                        "{path} gives no picture any more; trying again.", path=info.location
                    )
                    if isinstance(self._source, Reconnecting)
                    else translatable(
                        "{path} gives no picture any more; waiting for it.", path=info.location
                    )
                )
                self._enter(State.LOST, message, left=_ACTIVE - {State.LOST})


def events_between(before: Status, after: Status) -> list[tuple[str, str]]:
    """What happened to a run, as a session notes it: the kind of each event, and a sentence."""
    events: list[tuple[str, str]] = []
    if after.state is not before.state:
        if after.state is State.LOST:
            events.append(("camera_lost", after.message))
        elif before.state is State.LOST and after.state is State.RUNNING:
            events.append(("camera_back", after.message))
        elif after.state is State.FAILED:
            events.append(("source_error", after.message))
    old, new = before.source, after.source
    if old is not None and new is not None and (old.width, old.height) != (new.width, new.height):
        text = f"The picture is now {new.width}x{new.height}; before it was "
        events.append(("picture_changed", f"{text}{old.width}x{old.height}."))
    if before.device and after.device and before.device != after.device:
        events.append(("device_changed", device_change(after.device)))
    return events


def device_change(device: DeviceInfo) -> str:
    """A sentence for the user whose network has just left its device."""
    return translatable(
        "The network now runs on the {provider}: {why}.",
        provider=device.provider,
        why=device.reason,
    )


def _as_it_comes(info: SourceInfo | None, frame: Frame) -> SourceInfo | None:
    """``info`` with the size of this picture, which a network camera may change at any time."""
    height, width = frame.image.shape[:2]
    if info is None or (info.width, info.height) == (width, height):
        return info
    return replace(info, width=width, height=height)


def _join(threads: Sequence[threading.Thread], wait_s: float) -> None:
    """Wait for ``threads`` to end, ``wait_s`` in all."""
    deadline_s = time.monotonic() + wait_s
    for thread in threads:
        if thread is not threading.current_thread() and wait_s > 0:
            thread.join(max(0.0, deadline_s - time.monotonic()))


def _rate(times: deque[float], now_s: float) -> float:
    """Events a second over the last window, forgetting older ones."""
    while times and now_s - times[0] > _RATE_WINDOW_S:
        times.popleft()
    if len(times) < 2:
        return 0.0
    # up to now: of a source that fell silent, the last few that are left came close together
    return (len(times) - 1) / max(now_s - times[0], 1e-9)
