"""The queue of files: its order and states, its pace beside the live picture, what is kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from ferdesk.core.types import SourceInfo
from ferdesk.runtime.analysis_queue import AnalysisQueue, QueuedFile, QueueOptions
from ferdesk.runtime.playback import PlaybackStatus
from ferdesk.runtime.queue_file import KeptQueue, load_queue, save_queue
from ferdesk.runtime.queue_pace import (
    LONGEST_REST_S,
    MEASURE_S,
    REST_S,
    SLOW_FOR_S,
    QueuePace,
)
from ferdesk.runtime.queue_progress import ProgressMeter
from ferdesk.runtime.status import State, Status

CAMERA = SourceInfo("camera", "cam", "camera:0", 640, 480, 30.0)


def queue_of(*lengths: float) -> AnalysisQueue:
    queue = AnalysisQueue()
    queue.add(
        QueuedFile(Path(f"film{i}.mp4"), (), 100 + i, length)
        for i, length in enumerate(lengths, start=1)
    )
    return queue


def order(queue: AnalysisQueue) -> list[int]:
    return [entry.number for entry in queue.entries]


# ---- order and states


def test_a_file_is_queued_once_and_what_has_ended_is_queued_anew() -> None:
    queue = queue_of(3.0, 4.0)
    assert queue.add([QueuedFile(Path("film1.mp4"), (), 101, 3.0)]) == 0
    assert queue.take(1)
    queue.end(1, "failed", None, "It is damaged.")
    assert queue.add([QueuedFile(Path("film1.mp4"), (), 900, 3.5)]) == 1
    assert [(e.number, e.state, e.problem, e.file.size_bytes) for e in queue.entries] == [
        (1, "waiting", "", 900),
        (2, "waiting", "", 102),
    ]


def test_several_entries_move_as_a_block_and_stop_at_the_ends() -> None:
    queue = queue_of(1, 2, 3, 4)
    queue.move([3, 4], -1)
    assert order(queue) == [1, 3, 4, 2]
    queue.move([3, 4], -1)
    queue.move([3, 4], -1)
    assert order(queue) == [3, 4, 1, 2]
    queue.move([3, 1], 1)
    assert order(queue) == [4, 3, 2, 1]
    queue.move([2, 1], 1)
    assert order(queue) == [4, 3, 2, 1]


def test_what_is_being_analysed_cannot_be_taken_out_nor_taken_twice() -> None:
    queue = queue_of(1, 2)
    assert queue.take(1)
    assert not queue.take(1)
    queue.remove([1, 2])
    assert order(queue) == [1]
    queue.clear_ended()
    queue.retry([1])
    assert queue.entries[0].state == "running"


def test_frames_count_once_where_a_file_is_begun_anew() -> None:
    queue = queue_of(10.0)
    assert queue.take(1)
    queue.advance(1, 2.0, 60)
    queue.advance(1, 3.0, 90)
    assert (queue.frames_analysed, queue.entries[0].share) == (90, 0.3)
    queue.put_back()
    entry = queue.entries[0]
    assert (entry.state, entry.num_frames, entry.share) == ("waiting", 0, 0.0)
    assert queue.take(1)
    queue.advance(1, 1.0, 30)
    assert queue.frames_analysed == 120


def test_the_first_sentence_on_a_file_stands() -> None:
    queue = queue_of(1.0)
    assert queue.take(1)
    queue.warn(1, "Two pictures are damaged.")
    queue.warn(1, "The disk is nearly full.")
    queue.end(1, "done", Path("out/film1"))
    assert queue.entries[0].problem == "Two pictures are damaged."
    assert queue.entries[0].folder == Path("out/film1")


# ---- pace


def running(analysis_fps: float, capture_fps: float = 30.0) -> Status:
    return Status(State.RUNNING, source=CAMERA, capture_fps=capture_fps, analysis_fps=analysis_fps)


class Held:
    """A pace whose clock the test holds, asked ten times a second."""

    def __init__(self) -> None:
        self.pace, self.now_s = QueuePace(), 100.0

    def run(self, status: Status, seconds: float) -> list[int | None]:
        answers = []
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            answers.append(self.pace.allow(status, self.now_s))
        return answers


def test_without_a_live_picture_the_machine_decides() -> None:
    held = Held()
    for state in (State.IDLE, State.ENDED, State.FAILED, State.LOST):
        assert held.run(Status(state), 0.2) == [None, None]
    paused = replace(running(30.0), playback=PlaybackStatus(1.0, 2.0, paused=True))
    assert held.run(paused, 0.1) == [None]
    assert not held.pace.rests


def test_beside_a_live_picture_one_file_is_analysed_once_its_rate_is_known() -> None:
    held = Held()
    assert set(held.run(Status(State.OPENING), 9.0)) == {0}
    answers = held.run(running(29.0), MEASURE_S + 0.5)
    assert answers[0] == 0
    assert held.pace.rests is False
    assert answers[-1] == 1
    assert set(held.run(running(28.0), 60)) == {1}


def test_the_queue_rests_while_the_live_picture_is_slower_and_not_for_a_hiccup() -> None:
    held = Held()
    held.run(running(30.0), 5)
    assert set(held.run(running(20.0), SLOW_FOR_S - 0.2)) == {1}
    assert set(held.run(running(28.5), 20)) == {1}
    assert held.run(running(20.0), SLOW_FOR_S + 0.3)[-1] == 0
    assert held.pace.rests
    assert set(held.run(running(30.0), REST_S - 0.5)) == {0}
    assert held.run(running(30.0), 1.0)[-1] == 1


def test_it_goes_on_only_once_the_picture_is_well_again() -> None:
    held = Held()
    held.run(running(30.0), 20)
    held.run(running(20.0), 2)
    held.run(running(30.0), 4.0)
    # between the two limits nothing changes, either way
    assert set(held.run(running(28.0), 20)) == {0}
    assert held.run(running(28.6), 0.2)[-1] == 1
    assert set(held.run(running(27.5), 20)) == {1}


def test_a_computer_that_never_reaches_the_camera_is_not_made_slower() -> None:
    held = Held()
    assert held.run(running(12.0), 3)[-1] == 1
    assert set(held.run(running(11.0), 10)) == {1}
    assert held.run(running(10.0), 2)[-1] == 0


def test_a_camera_that_gives_more_is_kept_up_with() -> None:
    held = Held()
    held.run(running(15.0, 15.0), 5)
    assert held.run(running(20.0, 30.0), 2)[-1] == 0


def test_rests_grow_where_each_try_makes_the_picture_slow_at_once() -> None:
    held = Held()
    held.run(running(30.0), 3)
    rests = []
    for _ in range(6):
        assert held.run(running(15.0), 1.5)[-1] == 0
        rested_s = 0.0
        while held.run(running(30.0), 0.1) == [0]:
            rested_s += 0.1
        rests.append(round(rested_s / REST_S))
    assert rests == [1, 2, 4, 8, 12, 12]
    assert rests[-1] * REST_S == LONGEST_REST_S
    held.run(running(30.0), 20)
    held.run(running(15.0), 1.5)
    assert held.run(running(30.0), REST_S + 0.5)[-1] == 1


# ---- progress


def test_rate_and_time_left_leave_out_rests_and_what_was_skipped() -> None:
    queue, meter = queue_of(60.0, 40.0, 500.0), ProgressMeter()
    assert queue.take(3)
    queue.end(3, "skipped", Path("out/film3"))
    assert queue.take(1)
    for step in range(10):
        queue.advance(1, 2.0 * step, 30 * step)
        meter.read(queue.entries, queue.frames_analysed, 50.0 + step, at_work=True)
    queue.advance(1, 20.0, 300)
    progress = meter.read(queue.entries, queue.frames_analysed, 60.0, at_work=True)
    assert (progress.rate_fps, progress.left_s, progress.share) == (30.0, 40.0, 0.2)
    assert (progress.num, progress.num_ended, progress.num_open) == (3, 1, 2)
    meter.read(queue.entries, queue.frames_analysed, 100.0, at_work=False)
    meter.read(queue.entries, queue.frames_analysed, 160.0, at_work=False)
    again = meter.read(queue.entries, queue.frames_analysed, 161.0, at_work=True)
    assert again.left_s == 40.0


def test_an_empty_queue_has_no_progress() -> None:
    progress = ProgressMeter().read((), 0, 1.0, at_work=True)
    assert (progress.share, progress.rate_fps, progress.left_s) == (0.0, 0.0, None)


# ---- what is kept


def test_a_queue_is_kept_from_one_start_to_the_next(tmp_path: Path) -> None:
    options = QueueOptions(tmp_path / "out", "fer2013", "pose", 5, 12.5, redo=True)
    files = (
        QueuedFile(Path("a/Sübject & 1.mp4"), (), 7, 3.5, "sad"),
        QueuedFile(Path("b"), (Path("b/1.png"), Path("b/2.png")), 9, 2.0),
    )
    save_queue(tmp_path / "there" / "queue.json", options, files)
    assert load_queue(tmp_path / "there" / "queue.json") == KeptQueue(options, files)


ENDLESS = (
    '{"out": "x", "labels_from": "votes", "measures": "off", "every": 1e999, "rate_fps": null, '
    '"redo": false, "files": []}'
)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"files": 3}', '{"files": [{}]}', "\udc80", ENDLESS]
)
def test_a_damaged_queue_costs_nothing_but_itself(tmp_path: Path, text: str) -> None:
    path = tmp_path / "queue.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert load_queue(path) == KeptQueue()
