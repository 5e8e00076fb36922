"""The live engine: threads, losses, errors, and stopping at any time."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.baseline import Baseline
from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import (
    Detection,
    DeviceInfo,
    Expression,
    Frame,
    FrameResult,
    ModelInfo,
    SourceEvent,
    SourceInfo,
)
from ferdesk.errors import SourceError
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.model_choice import Candidate
from ferdesk.runtime.rates import rate
from ferdesk.runtime.reconnect import LOST_AFTER_S
from ferdesk.runtime.run import Callbacks, Run
from ferdesk.runtime.status import State, Status

IMAGE = np.zeros((48, 64, 3), np.uint8)


class Detector:
    def __init__(self, gate: threading.Event | None = None) -> None:
        self.gate = gate

    def detect(self, image: np.ndarray) -> list[Detection]:
        if self.gate is not None:
            self.gate.wait(5)
        return []

    def close(self) -> None:
        pass


class Classifier:
    info = ModelInfo("fake", "1", "", "", {}, "", "", {})
    device = DeviceInfo("CPU", "the CPU was chosen")

    def classify(self, crops: np.ndarray) -> list[Expression]:
        return []


class Source:
    """Gives what its script says: a frame, a wait, an error."""

    def __init__(self, script: Callable[["Source"], Iterator[Frame]], kind: str = "camera") -> None:
        self.frames = script(self)
        self.kind = kind
        self.closed = threading.Event()

    def open(self) -> SourceInfo:
        return SourceInfo(self.kind, "fake", "fake", 64, 48, 30.0)  # type: ignore[arg-type]

    def read(self) -> Frame | None:
        return next(self.frames, None)

    def close(self) -> None:
        self.closed.set()


def frames(count: int, first: int = 0) -> Callable[[Source], Iterator[Frame]]:
    def script(_: Source) -> Iterator[Frame]:
        for index in range(first, first + count):
            yield Frame(IMAGE, index, index / 30, time.monotonic())

    return script


def pipeline(gate: threading.Event | None = None) -> Pipeline:
    return Pipeline(Detector(gate), Classifier())


def wait_for(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not come true"
        threading.Event().wait(0.005)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    wait_for(lambda: not [t for t in threading.enumerate() if t.name.startswith("ferdesk-")])


def test_a_source_runs_to_its_end_and_is_closed() -> None:
    results: list[FrameResult] = []
    source = Source(frames(1), kind="still")
    engine = Engine(on_result=results.append)
    engine.start(lambda: source, pipeline)
    wait_for(lambda: engine.status().state is State.ENDED)
    assert [result.frame.index for result in results] == [0]
    assert source.closed.is_set()
    assert engine.status().device == Classifier.device
    engine.stop()
    assert engine.status().state is State.IDLE


def test_slow_analysis_drops_frames_and_counts_them() -> None:
    gate = threading.Event()
    results: list[FrameResult] = []
    engine = Engine(on_result=results.append)
    engine.start(lambda: Source(frames(50)), lambda: pipeline(gate))
    wait_for(lambda: engine.status().num_seen == 50)
    gate.set()
    wait_for(lambda: engine.status().state is State.ENDED)
    status = engine.status()
    assert status.num_analysed == len(results)
    assert status.num_analysed + status.num_dropped == 50
    assert status.num_dropped > 0
    assert results[-1].frame.index == 49
    engine.stop()


def test_a_source_that_cannot_be_opened_fails_with_its_sentence() -> None:
    def broken() -> Source:
        raise SourceError("Camera 0 cannot be opened.")

    engine = Engine()
    engine.start(broken, pipeline)
    wait_for(lambda: engine.status().state is State.FAILED)
    assert engine.status().message == "Camera 0 cannot be opened."
    engine.stop()


def test_a_source_that_is_cut_off_fails_after_its_frames() -> None:
    def script(_: Source) -> Iterator[Frame]:
        yield Frame(IMAGE, 0, 0.0, time.monotonic())
        raise SourceError("It breaks off.")

    results: list[FrameResult] = []
    engine = Engine(on_result=results.append)
    engine.start(lambda: Source(script), pipeline)
    wait_for(lambda: engine.status().state is State.FAILED)
    assert engine.status().message == "It breaks off."
    assert [result.frame.index for result in results] == [0]
    engine.stop()


def test_what_a_film_does_not_keep_is_an_event_of_the_run_also_at_its_end() -> None:
    told: list[SourceEvent] = []

    class Telling(Source):
        def take_events(self) -> list[SourceEvent]:
            taken = list(told)
            told.clear()
            return taken

    def script(_: Source) -> Iterator[Frame]:
        yield Frame(IMAGE, 0, 0.0, time.monotonic())
        told.append(SourceEvent("time_jumped", "The clock jumps.", 0.1))
        yield Frame(IMAGE, 1, 0.1, time.monotonic())
        told.append(SourceEvent("pictures_damaged", "One is damaged.", 0.1))

    events: list[tuple[str, str]] = []
    engine = Engine(on_event=lambda kind, text, _at_s: events.append((kind, text)))
    engine.start(lambda: Telling(script, kind="video"), pipeline)
    wait_for(lambda: engine.status().state is State.ENDED)
    assert events == [
        ("time_jumped", "The clock jumps."),
        ("pictures_damaged", "One is damaged."),
    ]
    engine.stop()


def test_a_camera_that_falls_silent_is_called_lost_and_comes_back() -> None:
    silence = threading.Event()

    def script(source: Source) -> Iterator[Frame]:
        yield Frame(IMAGE, 0, 0.0, time.monotonic())
        silence.wait(5)
        yield Frame(IMAGE, 1, 2.0, time.monotonic())
        source.closed.wait(0.3)

    states: list[State] = []
    engine = Engine(on_change=lambda: states.append(engine.status().state))
    engine.start(lambda: Source(script), pipeline)
    # whoever is told of the change asks for the state then; it must not be another by then
    wait_for(lambda: State.LOST in states, LOST_AFTER_S + 4)
    assert engine.status().silent_s >= LOST_AFTER_S
    silence.set()
    wait_for(lambda: engine.status().state in (State.RUNNING, State.ENDED))
    engine.stop()


def test_a_camera_whose_read_hangs_does_not_hold_stop_up() -> None:
    release = threading.Event()

    def script(_: Source) -> Iterator[Frame]:
        yield Frame(IMAGE, 0, 0.0, time.monotonic())
        release.wait(20)

    engine = Engine()
    engine.start(lambda: Source(script), pipeline)
    wait_for(lambda: engine.status().num_analysed == 1)
    began_s = time.monotonic()
    engine.stop(wait_s=0.1)
    assert time.monotonic() - began_s < 2
    release.set()


def test_stopping_twice_or_before_starting_is_no_error() -> None:
    engine = Engine()
    engine.stop()
    engine.start(lambda: Source(frames(3)), pipeline)
    engine.stop()
    engine.stop()
    assert engine.status().state is State.IDLE


def test_starting_again_runs_the_new_source() -> None:
    results: list[FrameResult] = []
    engine = Engine(on_result=results.append)
    engine.start(lambda: Source(frames(1, first=100)), pipeline)
    engine.start(lambda: Source(frames(1, first=200)), pipeline)
    wait_for(lambda: engine.status().state is State.ENDED)
    assert results[-1].frame.index == 200
    engine.stop()


def test_a_bug_in_a_stage_ends_the_run_with_a_sentence_not_the_program(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Detector):
        def detect(self, image: np.ndarray) -> list[Detection]:
            raise ZeroDivisionError("a bug")

    engine = Engine()
    engine.start(lambda: Source(frames(3)), lambda: Pipeline(Broken(), Classifier()))
    wait_for(lambda: engine.status().state is State.FAILED)
    assert "a bug" in engine.status().message
    assert "ZeroDivisionError" in caplog.text
    engine.stop()


def test_the_next_frame_is_searched_while_the_last_is_judged() -> None:
    searching = threading.Event()

    class Second(Detector):
        num = 0

        def detect(self, image: np.ndarray) -> list[Detection]:
            self.num += 1
            if self.num == 2:
                searching.set()
            return [Detection(Box(10, 10, 20, 20), 0.9, SHORT_RANGE, 0.0)]

    class Waiting(Classifier):
        def classify(self, crops: np.ndarray) -> list[Expression]:
            assert searching.wait(5), "the detector waited for the classifier"
            return [Expression(np.full(7, 1 / 7, np.float32)) for _ in crops]

    def script(_: Source) -> Iterator[Frame]:
        yield from frames(1)(_)
        wait_for(lambda: detector.num == 1)
        yield from frames(1, first=1)(_)

    results: list[FrameResult] = []
    detector = Second()
    engine = Engine(on_result=results.append)
    engine.start(lambda: Source(script), lambda: Pipeline(detector, Waiting()))
    wait_for(lambda: engine.status().state is State.ENDED)
    assert [result.frame.index for result in results] == [0, 1]
    engine.stop()


def test_a_recording_has_every_face_classified_and_the_pace_is_the_cameras() -> None:
    paces: list[FramePacing] = []

    class Asked(Pipeline):
        def set_pacing(self, pace: FramePacing) -> None:
            paces.append(pace)

    release = threading.Event()

    def script(_: Source) -> Iterator[Frame]:
        yield from frames(1)(_)
        release.wait(5)

    engine = Engine()
    engine.start(lambda: Source(script), lambda: Asked(Detector(), Classifier()))
    wait_for(lambda: engine.status().num_analysed == 1)
    assert paces[-1] == FramePacing(1 / 30)
    engine.classify_every_face(True)
    assert paces[-1] == FramePacing(1 / 30, every_face=True)
    engine.classify_every_face(False)
    assert paces[-1] == FramePacing(1 / 30)
    release.set()
    engine.stop()


def test_tuning_reaches_the_pipeline_and_baselines_end_with_their_source() -> None:
    pipelines: list[Pipeline] = []

    def open_pipeline() -> Pipeline:
        pipelines.append(pipeline())
        return pipelines[-1]

    engine = Engine()
    engine.set_post_processing(PostProcessing(smoothing_tau_s=0.7))
    engine.start(lambda: Source(frames(1)), open_pipeline)
    wait_for(lambda: engine.status().num_analysed == 1)
    assert pipelines[0].post_processing == PostProcessing(smoothing_tau_s=0.7)
    calibrated = engine.post_processing.with_baseline(1, Baseline((-1.0,) * 6 + (0.0,), 30))
    engine.set_post_processing(calibrated)
    assert pipelines[0].post_processing == engine.status().post_processing == calibrated
    engine.start(lambda: Source(frames(1)), open_pipeline)
    wait_for(lambda: engine.status().num_analysed == 1)
    assert pipelines[1].post_processing == PostProcessing(smoothing_tau_s=0.7)
    engine.stop()


class Named(Classifier):
    def __init__(self, name: str) -> None:
        self.info = ModelInfo(name, "1", "", "", {}, "", "", {})


def test_the_model_that_suits_the_machine_takes_over_and_the_status_says_why() -> None:
    release = threading.Event()

    def script(_: Source) -> Iterator[Frame]:
        yield from frames(1)(_)
        release.wait(5)
        yield from frames(1, first=1)(_)

    models = [Candidate("full", lambda: Named("full")), Candidate("fast", lambda: Named("fast"))]
    engine = Engine()
    engine.start(lambda: Source(script), pipeline, lambda: models)
    wait_for(lambda: engine.status().model_choice != "")
    status = engine.status()
    assert status.model is not None
    assert status.model.name == "full"
    assert status.model_choice.startswith("Using full (")
    release.set()
    wait_for(lambda: engine.status().state is State.ENDED)
    engine.stop()


def test_a_recording_keeps_the_model_that_it_began_with() -> None:
    release, opened = threading.Event(), threading.Event()

    def script(_: Source) -> Iterator[Frame]:
        yield from frames(1)(_)
        release.wait(5)

    def slow(name: str) -> Classifier:
        opened.set()
        release.wait(5)
        return Named(name)

    models = [Candidate("full", lambda: slow("full")), Candidate("fast", lambda: slow("fast"))]
    engine = Engine()
    engine.start(lambda: Source(script), pipeline, lambda: models)
    wait_for(opened.is_set)
    engine.classify_every_face(True)
    release.set()
    wait_for(lambda: engine.status().state is State.ENDED)
    engine.stop()
    assert engine.status().model_choice == ""


def test_a_choice_made_during_a_recording_counts_when_it_is_over() -> None:
    made, release = threading.Event(), threading.Event()

    def script(_: Source) -> Iterator[Frame]:
        yield from frames(1)(_)
        release.wait(10)

    def last() -> Classifier:
        made.set()
        return Named("full")

    models = [Candidate("full", last), Candidate("fast", lambda: Named("fast"))]
    engine = Engine()
    engine.classify_every_face(True)
    engine.start(lambda: Source(script), pipeline, lambda: models)
    wait_for(made.is_set)
    assert engine.status().model_choice == ""
    engine.classify_every_face(False)
    wait_for(lambda: engine.status().model_choice.startswith("Using full ("))
    release.set()
    engine.stop()


def test_a_rate_fades_where_nothing_comes_any_more() -> None:
    times = deque(index / 30 for index in range(60))
    assert rate(times, 59 / 30) == pytest.approx(30)
    assert rate(times, 59 / 30 + 1.97) < 2
    assert rate(times, 59 / 30 + 3) == 0


def test_events_come_in_the_order_in_which_they_happened_also_from_two_threads() -> None:
    now_s = 500.0
    silence, more, lost = threading.Event(), threading.Event(), threading.Event()

    def script(source: Source) -> Iterator[Frame]:
        yield from frames(1)(source)
        silence.wait(10)
        yield from frames(1, first=1)(source)
        more.wait(10)

    kinds: list[str] = []

    def note(kind: str, _text: str, _at_s: float) -> None:
        if kind == "camera_lost":
            lost.set()
            # the camera is back before anyone has heard that it was lost
            silence.set()
            wait_for(lambda: engine.status().num_seen == 2)
            threading.Event().wait(0.2)
        kinds.append(kind)

    engine = Engine(on_event=note, clock=lambda: now_s)
    engine.start(lambda: Source(script), pipeline)
    wait_for(lambda: engine.status().num_analysed == 1)
    now_s += 2
    assert lost.wait(10)
    wait_for(lambda: len(kinds) == 2)
    more.set()
    engine.stop()
    assert kinds == ["camera_lost", "camera_back"]


@pytest.mark.parametrize("what", ["result", "event"])
def test_stopping_waits_for_what_is_being_reported_and_nothing_comes_after(what: str) -> None:
    reporting, stopped = threading.Event(), threading.Event()
    early: list[bool] = []

    def slowly(*_: object) -> None:
        reporting.set()
        early.append(stopped.wait(0.3))

    def script(source: Source) -> Iterator[Frame]:
        yield from frames(1)(source)
        if what == "event":
            yield Frame(np.zeros((60, 80, 3), np.uint8), 1, 0.1, 0.1)
        source.closed.wait(1)

    engine = Engine(**{f"on_{what}": slowly})  # type: ignore[arg-type]
    engine.start(lambda: Source(script), pipeline)
    assert reporting.wait(10)
    engine.stop(wait_s=0.0)
    stopped.set()
    engine.stop()
    assert early == [False]


def test_counts_of_two_threads_do_not_overwrite_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both read the status, then both write theirs: only where no lock holds do they meet."""
    meeting = threading.Barrier(2)

    def slow_replace(status: Status, **changes: object) -> Status:
        if changes.keys() & {"num_seen", "num_analysed"} and "capture_fps" not in changes:
            try:
                meeting.wait(0.1)
            except threading.BrokenBarrierError:
                meeting.reset()
        return replace(status, **changes)  # type: ignore[arg-type]

    def script(_: Source) -> Iterator[Frame]:
        for index in range(6):
            yield from frames(1, first=index)(_)

    monkeypatch.setattr("ferdesk.runtime.run.replace", slow_replace)
    engine = Engine()
    engine.start(lambda: Source(script, kind="video"), pipeline)
    wait_for(lambda: engine.status().state is State.ENDED)
    status = engine.status()
    engine.stop()
    assert status.num_seen == 6
    assert status.num_analysed + status.num_dropped == 6


class SteppedClock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Waits:
    """A stop signal that notes how long it was waited for."""

    def __init__(self) -> None:
        self.waited_s: list[float] = []
        self.given = False

    def wait(self, seconds: float) -> bool:
        self.waited_s.append(seconds)
        return False

    def is_set(self) -> bool:
        return self.given

    def set(self) -> None:
        self.given = True


def idle_run(clock: SteppedClock, source: Source | None = None) -> Run:
    """A run whose threads are not started: the test does their work, one after the other."""
    nothing = Callbacks(lambda _: None, lambda *_: None, lambda: None, lambda: None)
    run = Run(
        lambda: source or Source(frames(0)), pipeline, lambda: (), nothing, clock, (),
        every_face=False, post_processing=PostProcessing(),
    )  # fmt: skip
    run._stopping = Waits()  # type: ignore[assignment]
    return run


def test_an_engine_that_has_not_started_has_counted_nothing() -> None:
    status = Engine().status()
    assert status.state is State.IDLE
    figures = (
        status.capture_fps, status.analysis_fps, status.latency_ms, status.silent_s,
        status.num_attempts, status.num_seen, status.num_analysed, status.num_dropped,
    )  # fmt: skip
    assert not any(figures)
    assert (status.message, status.trouble, status.model_choice) == ("", "", "")
    assert [status.source, status.model, status.device] == [None] * 3


def test_a_status_has_the_rates_the_median_latency_and_the_silence() -> None:
    clock = SteppedClock()
    run = idle_run(clock)
    source = Source(frames(4))
    for _ in range(4):
        clock.now_s += 0.25
        assert run._read(source) is not None
    run._analysed.extend([100.5, 101.0])
    run._latencies.extend([9.0, 2.0, 7.0, 4.0])
    clock.now_s += 0.25
    status = run.status()
    # read at 100.25, .5, .75 and 101.0, so three pauses in the second up to now
    assert (status.num_seen, status.capture_fps) == (4, 3.0)
    assert status.analysis_fps == pytest.approx(1 / 0.75)
    assert (status.latency_ms, status.silent_s) == (7.0, 0.25)
    assert (status.num_attempts, status.trouble, status.num_dropped) == (0, "", 0)
    clock.now_s += 1.5
    # at 102.75 only those of 100.75 and 101 are not older than two seconds
    assert run.status().capture_fps == 0.5


def test_the_pace_is_the_measured_rate_within_limits_or_the_promised_one() -> None:
    clock = SteppedClock()
    run = idle_run(clock)
    assert run._interval_s() == pytest.approx(1 / 30)
    info = SourceInfo("camera", "fake", "fake", 64, 48, 25.0)
    for promised, interval_s in [(25.0, 0.04), (3.0, 0.2), (90.0, 1 / 60), (None, 1 / 30)]:
        run._status = replace(run._status, source=replace(info, rate_fps=promised))
        assert run._interval_s() == pytest.approx(interval_s)
    run._captured.extend([99.0, 99.1, 99.2, 99.3, 99.4, 99.5, 99.6, 99.7, 99.8, 99.9, 100.0])
    assert run._interval_s() == pytest.approx(0.1)


def test_detection_begins_two_of_its_durations_before_the_classifier_is_free() -> None:
    clock = SteppedClock()
    run = idle_run(clock)
    handed: list[int] = []

    class Handed:
        def wait_empty(self) -> bool:
            return True

        def put_blocking(self, value: int) -> None:
            handed.append(value)
            # two pictures in all
            if len(handed) == 1:
                run._frames.put(Frame(IMAGE, 1, 0.1, 0.1))
            else:
                run._frames.close()

        def close(self) -> None:
            handed.append(-1)

    class Slow:
        def detect(self, frame: Frame) -> int:
            clock.now_s += (0.1, 0.2)[frame.index]
            return frame.index

    run._tracked = Handed()  # type: ignore[assignment]
    run._pipeline = Slow()  # type: ignore[assignment]
    run._pipeline_ready.set()
    run._classify_s = 0.09
    run._frames.put(Frame(IMAGE, 0, 0.0, 0.0))
    run._detect()
    assert handed == [0, 1, -1]
    # a fifth of each new duration: 0, then 0.02, then 0.02 + 0.2 * 0.18
    assert run._detect_s == pytest.approx(0.056)
    waits = run._stopping
    assert isinstance(waits, Waits)
    assert waits.waited_s == pytest.approx([0.09, 0.05, 0.0])


def test_the_time_of_classification_is_a_moving_average_and_latencies_are_kept() -> None:
    clock = SteppedClock()
    run = idle_run(clock)
    results: list[int] = []

    class Slow(Pipeline):
        def classify(self, tracked: object) -> FrameResult:
            clock.now_s += (0.1, 0.3)[len(results)]
            results.append(1)
            return FrameResult(Frame(IMAGE, 0, 0.0, 0.0), (), 12.0 * len(results), {})

    class Two:
        left = 2

        def take(self) -> object:
            self.left -= 1
            return object() if self.left >= 0 else None

    run._open_pipeline = lambda: Slow(Detector(), Classifier())
    run._tracked = Two()  # type: ignore[assignment]
    run._classify()
    # 0.02, and a fifth of the way from there to 0.3
    assert run._classify_s == pytest.approx(0.076)
    assert list(run._latencies) == [12.0, 24.0]
    assert list(run._analysed) == pytest.approx([100.1, 100.4])
    assert run.status().num_analysed == 2


def test_a_picture_of_another_size_is_told_once_with_both_sizes() -> None:
    clock = SteppedClock()
    run = idle_run(clock)
    told: list[tuple[str, str]] = []
    run._callbacks = Callbacks(
        lambda _: None, lambda kind, text, _: told.append((kind, text)), lambda: None, lambda: None
    )
    run._status = replace(run._status, source=SourceInfo("camera", "c", "c", 64, 48, None))

    def script(_: Source) -> Iterator[Frame]:
        for height, width in [(48, 64), (48, 80), (60, 80), (60, 80)]:
            yield Frame(np.zeros((height, width, 3), np.uint8), 0, 0.0, 0.0)

    source = Source(script)
    for _ in range(4):
        run._read(source)
    assert told == [
        ("picture_changed", "The picture is now 80x48; before it was 64x48."),
        ("picture_changed", "The picture is now 80x60; before it was 80x48."),
    ]


def test_a_recording_that_begins_while_the_pace_is_set_has_every_face() -> None:
    run = idle_run(SteppedClock())
    paces: list[bool] = []

    class Asked(Pipeline):
        asking: threading.Thread | None = None

        def set_pacing(self, pace: FramePacing) -> None:
            if self.asking is None:
                self.asking = threading.Thread(target=run.set_pacing, kwargs={"every_face": True})
                self.asking.start()
                self.asking.join(0.2)  # it has to wait where a lock holds
            paces.append(pace.every_face)

    asked = run._pipeline = Asked(Detector(), Classifier())
    run._pace()
    assert asked.asking is not None
    asked.asking.join(10)
    assert paces == [False, True]
    run._pace()
    assert paces[-1]


def test_the_pace_is_set_once_a_second_and_only_a_live_source_is_missed() -> None:
    for kind, expected in [("camera", State.LOST), ("video", State.RUNNING)]:
        clock = SteppedClock()
        run = idle_run(clock)
        paced: list[float] = []

        class Ticks(Waits):
            def wait(self, seconds: float, clock: SteppedClock = clock) -> bool:
                clock.now_s += 0.125
                super().wait(seconds)
                return len(self.waited_s) > 24

        def pace(paced: list[float] = paced, now: SteppedClock = clock) -> None:
            paced.append(now())

        run._stopping = Ticks()  # type: ignore[assignment]
        run._pace = pace  # type: ignore[method-assign]
        info = SourceInfo(kind, "fake", "fake", 64, 48, 30.0)  # type: ignore[arg-type]
        run._status = replace(run._status, state=State.RUNNING, source=info)
        run._pipeline_ready.set()
        run._watch()
        assert paced == [101.0, 102.0, 103.0]
        assert run.status().state is expected
