"""The recorder: what comes while a session opens, after its end, and on several threads at once."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.baseline import Baseline
from ferdesk.core.types import Frame, FrameResult
from ferdesk.errors import RecordingError
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.playback import PlaybackStatus
from ferdesk.runtime.recording import MAX_WAITING_RESULTS, MarkerNote, Recorder
from ferdesk.runtime.status import State, Status
from tests.helpers.results import FACE, make_result
from tests.runtime.test_engine import IMAGE, Source, frames, pipeline, wait_for


class Session:
    """Notes what it is given, in order."""

    def __init__(self) -> None:
        self.folder = Path("session")
        self.problem = self.warning = self.warning_kind = self.video_problem = ""
        self.num_lost = 0
        self.entries: list[tuple[object, ...]] = []
        self.closed_with: list[tuple[int | None, int]] = []

    @property
    def num_rows(self) -> int:
        return len([entry for entry in self.entries if entry[0] == "row"])

    def add(self, result: FrameResult) -> None:
        assert not self.closed_with
        self.entries.append(("row", result.frame.index))

    def mark(self, label: str, at_s: float | None = None, note: MarkerNote | None = None) -> float:
        assert not self.closed_with
        self.entries.append(("marker", label, at_s))
        return 83.25

    def note_event(self, kind: str, text: str, at_s: float | None = None) -> None:
        assert not self.closed_with
        self.entries.append(("event", kind, at_s))

    def note_baseline(self, face_id: int, baseline: Baseline | None) -> None:
        self.entries.append(("baseline", face_id))

    def close(self, *, frames_seen: int | None = None, frames_dropped: int = 0) -> None:
        self.closed_with.append((frames_seen, frames_dropped))


class Stream:
    address = "It is open."

    def __init__(self) -> None:
        self.entries: list[object] = []

    def put(self, result: FrameResult) -> None:
        self.entries.append(result.frame.index)

    def mark(self, label: str, at_s: float | None = None) -> None:
        self.entries.append(label)

    def close(self) -> None:
        pass


def result(index: int, *, complete: bool = True) -> FrameResult:
    """A result in which every value is another, captured at 100 s and ``index`` / 30."""
    face = replace(FACE, classified_now=complete)
    return make_result(face, index=index, t_s=index / 30, captured_s=100 + index / 30)


class Clock:
    now_s = 500.0

    def __call__(self) -> float:
        return self.now_s


def test_a_camera_lost_and_back_is_an_event_at_its_moment_however_late_anyone_looks() -> None:
    clock = Clock()
    silence, more = threading.Event(), threading.Event()

    def script(source: Source) -> Iterator[Frame]:
        yield from frames(1)(source)
        silence.wait(10)
        yield from frames(1, first=1)(source)
        more.wait(10)

    events: list[tuple[str, str, float]] = []
    engine = Engine(on_event=lambda *event: events.append(event), clock=clock)
    engine.start(lambda: Source(script), pipeline)
    wait_for(lambda: engine.status().num_analysed == 1)
    clock.now_s += 1.6
    wait_for(lambda: len(events) == 1)
    clock.now_s += 1.4
    silence.set()
    wait_for(lambda: engine.status().num_seen == 2 and len(events) == 2)
    assert [(kind, at_s) for kind, _, at_s in events] == [
        ("camera_lost", 501.6),
        ("camera_back", 503.0),
    ]
    assert events[1][1] == "The source is back after 3.0 s without a picture."
    more.set()
    engine.stop()


def test_a_picture_of_another_size_is_an_event_with_both_sizes() -> None:
    def script(_: Source) -> Iterator[Frame]:
        yield Frame(IMAGE, 0, 0.0, 0.0)
        yield Frame(np.zeros((60, 80, 3), np.uint8), 1, 0.1, 0.1)

    events: list[tuple[str, str, float]] = []
    engine = Engine(on_event=lambda *event: events.append(event), clock=Clock())
    engine.start(lambda: Source(script), pipeline)
    wait_for(lambda: engine.status().state is State.ENDED)
    engine.stop()
    text = "The picture is now 80x60; before it was 64x48."
    assert events == [("picture_changed", text, 500.0)]


def test_nothing_of_a_run_is_an_event_once_it_was_stopped() -> None:
    hanging = threading.Event()

    def script(source: Source) -> Iterator[Frame]:
        yield from frames(1)(source)
        hanging.wait(10)
        yield Frame(np.zeros((60, 80, 3), np.uint8), 1, 0.1, 0.1)

    events: list[str] = []
    engine = Engine(on_event=lambda kind, _text, _at_s: events.append(kind))
    engine.start(lambda: Source(script), pipeline)
    wait_for(lambda: engine.status().num_analysed == 1)
    engine.stop(wait_s=0.0)
    hanging.set()
    engine.stop()
    assert events == []


def test_what_comes_while_the_session_opens_is_written_in_its_order() -> None:
    recorder, session = Recorder(), Session()
    opening, opened = threading.Event(), threading.Event()

    def make() -> Session:
        opening.set()
        assert opened.wait(10)
        return session

    recording = recorder.begin()
    thread = threading.Thread(target=lambda: recording.open(make))
    thread.start()
    assert opening.wait(10)
    assert recorder.mark("before any", 99.0) == 0.0
    recorder.take(result(30))  # captured at 101 s
    assert recorder.mark("after one", 101.5) == 0.5
    recorder.note_event("camera_lost", "It is lost.", 102.0)
    recorder.note_baseline(7, None)
    recorder.take(result(31))
    opened.set()
    thread.join(10)
    recorder.take(result(32))
    assert recorder.mark("open", 104.0) == 83.25
    assert session.entries == [
        ("marker", "before any", 99.0),
        ("row", 30),
        ("marker", "after one", 101.5),
        ("event", "camera_lost", 102.0),
        ("baseline", 7),
        ("row", 31),
        ("row", 32),
        ("marker", "open", 104.0),
    ]


def test_a_recording_that_ends_while_it_opens_has_what_came_and_is_closed_by_who_opens_it() -> None:
    recorder, session = Recorder(), Session()
    recording = recorder.begin()
    recorder.take(result(1))
    assert recorder.end() == (recording, False)
    recorder.take(result(2))
    assert recorder.mark("late", 1.0) is None
    assert recording.open(lambda: session) is True
    recording.close()
    recording.close()
    assert session.entries == [("row", 1)]
    assert session.closed_with == [(None, 0)]


def test_the_drops_of_a_recording_are_those_since_its_beginning() -> None:
    statuses = iter([Status(num_dropped=40), Status(num_dropped=47)])
    recorder, session = Recorder(status=lambda: next(statuses)), Session()
    recording = recorder.begin()
    assert recording.open(lambda: session) is False
    assert recorder.end() == (recording, True)
    recording.close()
    assert session.closed_with == [(None, 7)]
    assert recorder.end() is None


def test_every_face_is_wanted_while_anything_is_recorded_or_sent() -> None:
    wanted: list[bool] = []
    recorder = Recorder(classify_every_face=wanted.append)
    recorder.begin()
    recorder.add_stream("lsl", Stream())
    recorder.end()
    recorder.remove_stream("lsl")
    assert wanted == [True, True, True, False]
    recording = recorder.begin()
    with pytest.raises(RecordingError):
        recording.open(_refuse)
    recorder.end()
    assert wanted[4:] == [True, False]


def _refuse() -> Session:
    raise RecordingError("The folder cannot be written.")


def test_a_frame_that_left_a_face_out_is_neither_recorded_nor_sent() -> None:
    recorder, session, stream = Recorder(), Session(), Stream()
    recorder.begin().open(lambda: session)
    recorder.add_stream("websocket", stream)
    recorder.take(result(1, complete=False))
    recorder.take(result(2))
    recorder.mark("film", 3.0)
    assert session.entries == [("row", 2), ("marker", "film", 3.0)]
    assert stream.entries == [2, "film"]


def test_a_session_that_takes_long_to_open_counts_the_frames_that_found_no_room() -> None:
    clock = Clock()
    recorder, session = Recorder(clock=clock), Session()
    recording = recorder.begin()
    for index in range(MAX_WAITING_RESULTS + 3):
        clock.now_s += 1
        recorder.take(result(index))
    recorder.mark("still kept", 9.0)
    recording.open(lambda: session)
    assert session.num_rows == MAX_WAITING_RESULTS
    assert recording.num_lost == 3
    assert session.entries[-2:] == [
        ("marker", "still kept", 9.0),
        ("event", "rows_lost", 500.0 + MAX_WAITING_RESULTS + 1),
    ]


@pytest.mark.parametrize(
    ("come", "kept"),
    [
        (lambda recorder: recorder.take(result(999)), ("row", 999)),
        (lambda recorder: recorder.mark("now", 7.0), ("marker", "now", 7.0)),
        (
            lambda recorder: recorder.note_event("camera_lost", "!", 8.0),
            ("event", "camera_lost", 8.0),
        ),
        (lambda recorder: recorder.note_baseline(7, None), ("baseline", 7)),
    ],
    ids=["result", "marker", "event", "baseline"],
)
def test_what_comes_in_the_moment_in_which_the_session_opens_is_kept(
    come: Callable[[Recorder], object], kept: tuple[object, ...]
) -> None:
    """What waited is being written; what comes now must wait for that, not join what waited."""
    recorder, session = Recorder(), Session()
    recording = recorder.begin()
    for index in range(MAX_WAITING_RESULTS + 1):
        recorder.take(result(index))
    last_words, came = threading.Event(), threading.Event()
    note = session.note_event

    def slow_note(kind: str, text: str, at_s: float | None = None) -> None:
        if kind == "rows_lost":
            last_words.set()
            came.wait(0.3)  # comes true only where nothing holds the newer one back
        note(kind, text, at_s)

    session.note_event = slow_note  # type: ignore[method-assign]
    opener = threading.Thread(target=lambda: recording.open(lambda: session))
    opener.start()
    assert last_words.wait(10)
    come(recorder)
    came.set()
    opener.join(10)
    assert session.entries[-1] == kept
    assert session.entries[-2][:2] == ("event", "rows_lost")


def test_a_session_is_closed_once_however_many_ask_for_it() -> None:
    recorder, session = Recorder(), Session()
    recording = recorder.begin()
    recording.open(lambda: session)
    recorder.end()
    closing = threading.Barrier(2)
    close = session.close

    def slow_close(*, frames_seen: int | None = None, frames_dropped: int = 0) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            closing.wait(0.3)
        close(frames_seen=frames_seen, frames_dropped=frames_dropped)

    session.close = slow_close  # type: ignore[method-assign]
    threads = [threading.Thread(target=recording.close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert session.closed_with == [(None, 0)]


def test_a_stream_that_opens_too_late_is_given_back_to_be_closed() -> None:
    recorder, first, second, late = Recorder(), Stream(), Stream(), Stream()
    assert recorder.add_stream("lsl", first) is None
    assert recorder.add_stream("lsl", second) is first
    assert recorder.close() == (second,)
    assert recorder.add_stream("lsl", late) is late
    recorder.take(result(1))
    assert first.entries == second.entries == late.entries == []


@pytest.mark.parametrize(
    "send", [lambda recorder: recorder.take(result(1)), lambda recorder: recorder.mark("film", 1.0)]
)
def test_a_stream_that_was_removed_is_given_nothing_more(send: Callable[[Recorder], None]) -> None:
    """``remove_stream`` waits for what is on its way, so that the stream may be closed."""
    recorder, stream = Recorder(), Stream()
    sending, removed = threading.Event(), threading.Event()
    early: list[bool] = []

    def slowly(*_: object) -> None:
        sending.set()
        early.append(removed.wait(0.3))

    stream.put = stream.mark = slowly  # type: ignore[method-assign, assignment]
    recorder.add_stream("lsl", stream)
    sender = threading.Thread(target=lambda: send(recorder))
    sender.start()
    assert sending.wait(10)
    assert recorder.remove_stream("lsl") is stream
    removed.set()
    sender.join(10)
    send(recorder)
    assert early == [False]


def test_a_pause_leaves_out_rows_and_its_own_drops_and_is_noted() -> None:
    clock, status = [50.0], Status(num_dropped=4)
    statuses = [status]
    recorder = Recorder(status=lambda: statuses[0], clock=lambda: clock[0])
    stream, session = Stream(), Session()
    recorder.add_stream("lsl", stream)
    recording = recorder.begin()
    recording.open(lambda: session)
    recorder.take(result(1))
    statuses[0] = replace(status, num_dropped=6)
    recorder.set_paused(True)
    clock[0] = 57.0
    recorder.take(result(2))
    recorder.mark("during", 58.0)
    statuses[0] = replace(status, num_dropped=30)
    recorder.set_paused(False)
    recorder.take(result(3))
    statuses[0] = replace(status, num_dropped=33)
    recorder.end()
    recording.close()
    assert session.entries == [
        ("row", 1),
        ("event", "recording_paused", 50.0),
        ("marker", "during", 58.0),
        ("event", "recording_resumed", 57.0),
        ("row", 3),
    ]
    assert stream.entries == [1, 2, "during", 3]
    assert session.closed_with == [(None, 2 + 3)]


def test_a_recording_that_ends_paused_counts_no_drops_of_the_pause() -> None:
    statuses = [Status(num_dropped=1)]
    recorder = Recorder(status=lambda: statuses[0], clock=lambda: 9.0)
    session = Session()
    recorder.begin().open(lambda: session)
    statuses[0] = Status(num_dropped=3)
    recorder.set_paused(True)
    statuses[0] = Status(num_dropped=90)
    ended = recorder.end()
    assert ended is not None
    ended[0].close()
    assert session.closed_with == [(None, 2)]


def test_frames_of_a_place_that_was_left_are_not_recorded() -> None:
    playback = PlaybackStatus(2.0, 9.0, stretch=3)
    recorder = Recorder(status=lambda: Status(playback=playback))
    session = Session()
    recorder.begin().open(lambda: session)
    for index, stretch in ((8, 2), (1, 3), (2, 3)):
        given = result(index)
        recorder.take(replace(given, frame=replace(given.frame, stretch=stretch)))
    assert session.entries == [("row", 1), ("row", 2)]


def test_a_programs_marker_of_before_the_recording_is_an_event_and_has_no_false_time() -> None:
    recorder, session = Recorder(clock=lambda: 100.0), Session()
    recorder.begin().open(lambda: session)
    note = MarkerNote("LSL: paradigm", 0.00004)
    assert recorder.mark("long ago", 40.0, note) is None
    assert recorder.mark("just before", 99.5, note) == 83.25
    assert recorder.mark("a key", 40.0) == 83.25
    assert session.entries == [
        ("event", "marker_left_out", 100.0),
        ("marker", "just before", 99.5),
        ("marker", "a key", 40.0),
    ]
