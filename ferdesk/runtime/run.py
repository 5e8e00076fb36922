"""Run of the engine: capture, detection, inference, watchdog and model-choice threads.

Stages of a frame, in order: ``ferdesk-capture`` reads it and puts it into a mailbox, where the
newest frame wins; ``ferdesk-detection`` takes it, detects and tracks faces and cuts them out
(``Pipeline.detect``), and hands every such frame on; ``ferdesk-inference`` classifies, smooths
(``Pipeline.classify``) and reports the result. Faces are detected in one frame while those of the
frame before are classified: on two cores the two halves take no longer than the longer of them.
``ferdesk-watchdog`` notices a silent source and keeps the pacing; ``ferdesk-choice`` times the
models once, after the first result.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline, TrackedFrame
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import DeviceInfo, Frame, FrameResult, SourceInfo
from ferdesk.errors import FerdeskError
from ferdesk.messages import translatable
from ferdesk.runtime.mailbox import Mailbox
from ferdesk.runtime.model_choice import Candidate, choose_model
from ferdesk.runtime.playback import Playback, playback_of
from ferdesk.runtime.rates import rate
from ferdesk.runtime.reconnect import LOST_AFTER_S, FrameSource, Reconnecting, events_of
from ferdesk.runtime.status import ACTIVE, EventKind, State, Status, device_change

log = logging.getLogger(__name__)

_USUAL_FPS = 30.0
_MIN_FPS, _MAX_FPS = 5.0, 60.0
_OBSERVE_FOR_S = 1.0
"""How long the camera and the faces are watched before a model is chosen for them."""
_CHOICE_POLL_S = 0.1
"""How often it is asked whether a recording that a choice waits for is over."""
_PACING_EVERY_S = 1.0
_HEAD_START = 2.0
"""Detection begins this many usual durations of it before the classifier is free."""
_EMA_WEIGHT = 0.2
_LEAVE_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Callbacks of a run; see ``Engine``."""

    on_result: Callable[[FrameResult], None]
    on_event: Callable[[EventKind, str, float], None]
    on_change: Callable[[], None]
    on_thread: Callable[[], None]


class Run:
    """Run of the engine, from one start to its end: threads, mailboxes, counts."""

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        open_pipeline: Callable[[], Pipeline],
        candidates: Callable[[], Sequence[Candidate]],
        callbacks: Callbacks,
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
        self._detect_s = self._classify_s = 0.0
        self._pipeline: Pipeline | None = None
        self._open_source, self._open_pipeline = open_source, open_pipeline
        self._callbacks, self._clock = callbacks, clock
        self._leaving = leaving
        self._frames: Mailbox[Frame] = Mailbox()
        self._tracked: Mailbox[TrackedFrame] = Mailbox()
        # results and events each come one after the other, and none after the end;
        # nobody reports an event from within a result
        self._reporting = threading.RLock()
        self._noting = threading.RLock()
        self._pacing = threading.Lock()
        self._stopping = threading.Event()
        self._pipeline_ready = threading.Event()
        self._lock = threading.Lock()
        self._status = Status(State.OPENING)
        self._source_error = ""
        self._source: FrameSource | None = None
        self._last_frame_s = clock()
        self._captured: deque[float] = deque()
        self._analysed: deque[float] = deque()
        self._latencies: deque[float] = deque(maxlen=30)
        # daemons: a camera's read cannot be interrupted, and must not hold the program
        self.threads = [
            threading.Thread(target=self._guard, args=(work,), name=name, daemon=True)
            for work, name in (
                (self._capture, "ferdesk-capture"),
                (self._detect, "ferdesk-detection"),
                (self._classify, "ferdesk-inference"),
                (self._watch, "ferdesk-watchdog"),
                (self._choose_model, "ferdesk-choice"),
            )
        ]

    def begin(self) -> None:
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """End every thread; afterwards nothing is reported."""
        with self._reporting, self._noting:
            self._release()

    @property
    def playback(self) -> Playback | None:
        """The source, where it can be paused and moved."""
        return playback_of(self._source)

    def status(self) -> Status:
        now_s = self._clock()
        playback = None if (played := self.playback) is None else played.playback()
        if playback is not None and playback.at_end and self._source is not None:
            # its read does not come back, which would tell them otherwise
            self._note_events(self._source)
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
                capture_fps=rate(self._captured, now_s),
                analysis_fps=rate(self._analysed, now_s),
                latency_ms=latencies[len(latencies) // 2] if latencies else 0.0,
                silent_s=max(0.0, now_s - self._last_frame_s),
                num_dropped=self._frames.num_dropped + num_missed,
                playback=playback,
            )

    def set_post_processing(self, post_processing: PostProcessing) -> None:
        """From any thread; a pipeline that is not open yet gets it when it is."""
        with self._lock:
            self._post_processing = post_processing
            if self._pipeline is not None:
                self._pipeline.set_post_processing(post_processing)

    def set_pacing(self, *, every_face: bool) -> None:
        """From any thread."""
        with self._lock:
            self._every_face = every_face
        self._pace()

    def _pace(self) -> None:
        """Pace the pipeline as is wanted now; one thread at a time, so that none undoes it."""
        with self._pacing:
            with self._lock:
                pipeline, source = self._pipeline, self._status.source
                every_face = self._every_face
            if pipeline is None:
                return
            still = source is not None and source.kind == "still"
            pipeline.set_pacing(FramePacing(None if still else self._interval_s(), every_face))

    def _guard(self, work: Callable[[], None]) -> None:
        """The one place that catches everything that a thread of this run may raise."""
        try:
            self._callbacks.on_thread()
            # the run before may still hold the camera and the detector
            join_all(self._leaving, _LEAVE_WITHIN_S)
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
            self._enter(State.FAILED, message, left=ACTIVE, event="source_error")
        self._release()

    def _release(self) -> None:
        """Wake every thread of this run and let it end."""
        self._stopping.set()
        self._pipeline_ready.set()
        self._frames.close()
        self._tracked.close()
        self._first_result.close()
        if isinstance(self._source, Reconnecting):
            self._source.leave()

    def _interval_s(self) -> float:
        """Between two pictures of the source, as it is wanted of the analysis."""
        with self._lock:
            source = self._status.source
            # what really comes counts: in the dark many cameras give half of what they promise
            measured_fps = rate(self._captured, self._clock())
        rate_fps = measured_fps or (source.rate_fps if source else None) or _USUAL_FPS
        return 1 / min(max(rate_fps, _MIN_FPS), _MAX_FPS)

    def _enter(
        self,
        state: State,
        message: str,
        *,
        left: frozenset[State],
        event: EventKind | None = None,
        still: Callable[[], bool] = lambda: True,
    ) -> None:
        """Go to ``state`` from one of ``left``; from another, which a faster thread set, stay.

        Also where what was seen is not ``still`` so, asked under the lock.
        """
        with self._noting:
            with self._lock:
                if self._status.state not in left or not still():
                    return
                self._status = replace(self._status, state=state, message=message)
            if event is not None:
                self._note(event, message)
        self._callbacks.on_change()

    def _note(self, kind: EventKind, text: str) -> None:
        """Report an event of this moment; under ``_noting`` from the change of state on."""
        if not self._stopping.is_set():
            self._callbacks.on_event(kind, text, self._clock())

    def _capture(self) -> None:
        source = self._source = self._open_source()
        try:
            if self._stopping.is_set():
                return
            info = source.open()
            with self._lock:
                self._status = replace(self._status, source=info)
            self._pace()
            self._callbacks.on_change()
            # source and models open side by side; frames that nobody can analyse yet are not read
            self._pipeline_ready.wait()
            with self._lock:
                self._last_frame_s = self._clock()
            while not self._stopping.is_set():
                frame = self._read(source)
                if frame is None:
                    break
                self._frames.put(frame)
        finally:
            source.close()
        # what was read is still analysed; then the inference thread says how it ended
        self._frames.close()

    def _read(self, source: FrameSource) -> Frame | None:
        """The next frame; None at the end, or where the source broke, which is remembered."""
        try:
            frame = source.read()
        except FerdeskError as error:
            self._source_error = str(error)
            return None
        finally:
            self._note_events(source)
        if frame is not None:
            with self._lock:
                before_s, self._last_frame_s = self._last_frame_s, self._clock()
                self._captured.append(self._last_frame_s)
                source_before = self._status.source
                self._status = replace(
                    self._status,
                    num_seen=self._status.num_seen + 1,
                    source=None if source_before is None else source_before.with_size_of(frame),
                )
                source_now = self._status.source
            back = translatable(
                "The source is back after {seconds:.1f} s without a picture.",
                seconds=self._last_frame_s - before_s,
            )
            self._enter(State.RUNNING, back, left=frozenset({State.LOST}), event="camera_back")
            if source_before is not None and source_now is not None:
                self._note_size(source_before, source_now)
        return frame

    def _note_events(self, source: FrameSource) -> None:
        for event in events_of(source):
            with self._noting:
                self._note(event.kind, event.text)

    def _note_size(self, before: SourceInfo, now: SourceInfo) -> None:
        if before is now:
            return
        text = f"The picture is now {now.width}x{now.height}; before it was "
        with self._noting:
            self._note("picture_changed", f"{text}{before.width}x{before.height}.")
        self._callbacks.on_change()

    def _detect(self) -> None:
        """The first half: the newest frame is detected, tracked, cropped, and handed on."""
        self._pipeline_ready.wait()
        pipeline = self._pipeline
        # the newest is taken only once there is room for what becomes of it
        while pipeline is not None and self._tracked.wait_empty():
            # and not long before it can be classified: a picture that waits grows old
            self._stopping.wait(max(0.0, self._classify_s - _HEAD_START * self._detect_s))
            frame = self._frames.take()
            if frame is None or self._stopping.is_set():
                break
            began_s = self._clock()
            tracked = pipeline.detect(frame)
            self._detect_s += _EMA_WEIGHT * (self._clock() - began_s - self._detect_s)
            self._tracked.put_blocking(tracked)
        # not after an error: that is told first, and then closes it too
        self._tracked.close()

    def _classify(self) -> None:
        """The second half, and the word on how the run ended."""
        pipeline = self._open_pipeline()
        classifier = pipeline.classifier
        with self._lock:
            self._pipeline = pipeline
            pipeline.set_post_processing(self._post_processing)
            self._status = replace(self._status, model=classifier.info, device=classifier.device)
        self._pace()
        self._callbacks.on_change()
        self._pipeline_ready.set()
        while (tracked := self._tracked.take()) is not None:
            if self._stopping.is_set():
                return
            began_s = self._clock()
            result = pipeline.classify(tracked)
            self._classify_s += _EMA_WEIGHT * (self._clock() - began_s - self._classify_s)
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
                self._callbacks.on_result(result)
        self._first_result.close()
        if self._source_error:
            self._fail(self._source_error)
        elif not self._stopping.is_set():
            self._stopping.set()
            self._enter(State.ENDED, translatable("The source has ended."), left=ACTIVE)

    def _choose_model(self) -> None:
        """Time the models on this machine once it works, and take the best that is fast enough."""
        result = self._first_result.take()
        pipeline = self._pipeline
        # of the first picture alone neither the camera's rate nor all the faces are known
        if result is None or pipeline is None or self._stopping.wait(_OBSERVE_FOR_S):
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
                        self._status, model=choice.classifier.info, model_choice=choice.reason
                    )
                    break
            self._stopping.wait(_CHOICE_POLL_S)
        else:
            return
        log.info(choice.reason)
        self._note_device(choice.classifier.device)
        self._callbacks.on_change()

    def _note_device(self, device: DeviceInfo) -> None:
        """A GPU may fail while it is used; whoever shows the device is told at once."""
        with self._noting:
            with self._lock:
                if self._status.device == device:
                    return
                self._status = replace(self._status, device=device)
            log.warning("the device is now %s: %s", device.provider, device.reason)
            self._note("device_changed", device_change(device))
        self._callbacks.on_change()

    def _watch(self) -> None:
        """A camera whose read hangs never tells; silence does."""
        paced_s = self._clock()
        while not self._stopping.wait(0.1):
            if not self._pipeline_ready.is_set():
                continue
            if self._clock() - paced_s >= _PACING_EVERY_S:
                paced_s = self._clock()
                self._pace()
            with self._lock:
                info = self._status.source
                silent = self._is_silent()
            if info is not None and info.live and silent:
                message = (
                    translatable(
                        "{path} gives no picture any more; trying again.", path=info.location
                    )
                    if isinstance(self._source, Reconnecting)
                    else translatable(
                        "{path} gives no picture any more; waiting for it.", path=info.location
                    )
                )
                self._enter(
                    State.LOST,
                    message,
                    left=ACTIVE - {State.LOST},
                    event="camera_lost",
                    still=self._is_silent,
                )

    def _is_silent(self) -> bool:
        """Whether no frame has come for so long that the source is lost; under the lock."""
        return self._clock() - self._last_frame_s > LOST_AFTER_S


def join_all(threads: Sequence[threading.Thread], wait_s: float) -> None:
    """Wait for ``threads`` to end, ``wait_s`` in all."""
    deadline_s = time.monotonic() + wait_s
    for thread in threads:
        if thread is not threading.current_thread() and wait_s > 0:
            thread.join(max(0.0, deadline_s - time.monotonic()))
