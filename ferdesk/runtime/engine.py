"""The live engine: a capture thread, an inference thread, and a watchdog over the camera.

The engine knows no window. It is told a source and a pipeline as factories, since opening either
may take seconds, and reports by two callbacks: ``on_result`` from the inference thread for each
analysed frame, and ``on_change`` from any of its threads when ``status()`` says something new.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import DeviceInfo, Frame, FrameResult, ModelInfo, SourceInfo
from ferdesk.errors import FerdeskError
from ferdesk.runtime.latest import Latest

log = logging.getLogger(__name__)

LOST_AFTER_S = 1.0
"""A live source that gives no picture for this long is called lost."""
_RATE_WINDOW_S = 2.0
_LEAVE_WITHIN_S = 5.0


class FrameSource(Protocol):
    """Gives frames one after the other. ``read`` may block; None is the end.

    ``open`` and ``read`` raise ``FerdeskError`` with a sentence for the user.
    """

    def open(self) -> SourceInfo: ...

    def read(self) -> Frame | None: ...

    def close(self) -> None: ...


class State(Enum):
    """Where the engine stands."""

    IDLE = "idle"
    OPENING = "opening"
    RUNNING = "running"
    LOST = "lost"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """The engine's state for people; rates are of the last two seconds.

    ``message`` is a sentence where there is something to tell (why it failed, what was lost).
    ``silent_s`` is how long the source has given nothing. ``num_seen``, ``num_analysed`` and
    ``num_dropped`` count frames since the start.
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
    num_seen: int = 0
    num_analysed: int = 0
    num_dropped: int = 0


class Engine:
    """Runs one source at a time; ``start`` and ``stop`` may be called in any order, any number."""

    def __init__(
        self,
        *,
        on_result: Callable[[FrameResult], None] = lambda _: None,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_result = on_result
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._leaving: list[threading.Thread] = []

    def start(
        self, open_source: Callable[[], FrameSource], open_pipeline: Callable[[], Pipeline]
    ) -> None:
        """Begin with a source; one that is running is stopped first. Returns at once."""
        self.stop(wait_s=0.0)
        with self._lock:
            self._leaving = [thread for thread in self._leaving if thread.is_alive()]
            run = self._run = _Run(
                open_source,
                open_pipeline,
                self._on_result,
                self._on_change,
                self._clock,
                tuple(self._leaving),
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

    def status(self) -> Status:
        with self._lock:
            run = self._run
        return Status() if run is None else run.status()


class _Run:
    """One start of the engine: its threads, its hand-over, its counts."""

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        open_pipeline: Callable[[], Pipeline],
        on_result: Callable[[FrameResult], None],
        on_change: Callable[[], None],
        clock: Callable[[], float],
        leaving: Sequence[threading.Thread],
    ) -> None:
        self._open_source, self._open_pipeline = open_source, open_pipeline
        self._on_result, self._on_change, self._clock = on_result, on_change, clock
        self._leaving = leaving
        self._newest: Latest[Frame] = Latest()
        self._reporting = threading.RLock()
        self._stopping = threading.Event()
        self._pipeline_ready = threading.Event()
        self._lock = threading.Lock()
        self._status = Status(State.OPENING)
        self._heard_s = clock()
        self._captured: deque[float] = deque()
        self._analysed: deque[float] = deque()
        self._latencies: deque[float] = deque(maxlen=30)
        # daemons: a camera's read cannot be interrupted, and must not hold the program
        self.threads = [
            threading.Thread(target=self._guard, args=(work,), name=name, daemon=True)
            for work, name in (
                (self._capture, "ferdesk-capture"),
                (self._infer, "ferdesk-inference"),
                (self._watch, "ferdesk-watchdog"),
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
            return replace(
                self._status,
                capture_fps=_rate(self._captured, now_s),
                analysis_fps=_rate(self._analysed, now_s),
                latency_ms=latencies[len(latencies) // 2] if latencies else 0.0,
                silent_s=max(0.0, now_s - self._heard_s),
                num_dropped=self._newest.num_dropped,
            )

    def _guard(self, work: Callable[[], None]) -> None:
        """The one place that catches everything that a thread of this run may raise."""
        try:
            # the run before may still hold the camera and the detector
            _join(self._leaving, _LEAVE_WITHIN_S)
            if not self._stopping.is_set():
                work()
        except FerdeskError as error:
            self._fail(str(error))
        except Exception as error:
            log.exception("the thread %s ended", threading.current_thread().name)
            self._fail(f"Something unexpected went wrong: {error}. The log file has the details.")

    def _fail(self, message: str) -> None:
        if not self._stopping.is_set():
            self._change(state=State.FAILED, message=message)
        self._let_go()

    def _let_go(self) -> None:
        """Wake every thread of this run and let it end."""
        self._stopping.set()
        self._pipeline_ready.set()
        self._newest.close()

    def _change(self, **changes: object) -> None:
        with self._lock:
            self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        self._on_change()

    def _capture(self) -> None:
        source = self._open_source()
        try:
            info = source.open()
            self._change(source=info)
            # source and models open side by side; frames that nobody can analyse yet are not read
            self._pipeline_ready.wait()
            self._heard(None)
            while not self._stopping.is_set():
                frame = source.read()
                if frame is None:
                    break
                self._heard(frame)
                self._newest.put(frame)
        finally:
            source.close()
        if not self._stopping.is_set():
            self._newest.close()

    def _heard(self, frame: Frame | None) -> None:
        with self._lock:
            self._heard_s = self._clock()
            if frame is not None:
                self._captured.append(self._heard_s)
                self._status = replace(self._status, num_seen=self._status.num_seen + 1)
            was_lost = self._status.state is State.LOST
        if was_lost:
            self._change(state=State.RUNNING, message="The source is back.")

    def _infer(self) -> None:
        pipeline = self._open_pipeline()
        self._change(model=pipeline.classifier.info, device=pipeline.classifier.device)
        self._pipeline_ready.set()
        while (frame := self._newest.take()) is not None:
            if self._stopping.is_set():
                return
            result = pipeline.process(frame)
            with self._lock:
                self._analysed.append(self._clock())
                self._latencies.append(result.latency_ms)
                first = self._status.state is State.OPENING
                self._status = replace(self._status, num_analysed=self._status.num_analysed + 1)
            if first:
                self._change(state=State.RUNNING, message="")
            with self._reporting:
                if self._stopping.is_set():
                    return
                self._on_result(result)
        if not self._stopping.is_set():
            self._stopping.set()
            self._change(state=State.ENDED, message="The source has ended.")

    def _watch(self) -> None:
        """A camera whose read hangs never tells; silence does."""
        while not self._stopping.wait(0.1):
            with self._lock:
                info, state = self._status.source, self._status.state
                silent_s = self._clock() - self._heard_s
            if info is None or not info.live or state is not State.RUNNING:
                continue
            if silent_s > LOST_AFTER_S:
                self._change(
                    state=State.LOST,
                    message=f"{info.location} gives no picture any more; waiting for it.",
                )


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
    span_s = max(times[-1] - times[0], 1e-9)
    return (len(times) - 1) / span_s
