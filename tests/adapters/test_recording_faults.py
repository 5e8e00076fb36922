"""What may happen to a recording, with the real writer on a real disk."""

import errno
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from ferdesk.adapters.outputs import session_writer
from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.core.types import Frame, FrameResult
from ferdesk.errors import RecordingError
from ferdesk.runtime.clock_watch import ClockWatch
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.status import State
from ferdesk.sessions import files
from ferdesk.sessions.catalogue import entry_of, list_sessions, repair
from ferdesk.sessions.reader import problems_of, read_session
from tests.adapters.test_session_writer import header, new_folder, result
from tests.runtime.test_engine import Source, pipeline


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never happened")


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of half a megabyte."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    # not in tmp_path: another run that cleans up old folders moves it, mounted as it is
    place = Path(tempfile.mkdtemp(prefix="ferdesk-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        place.rmdir()
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)
    place.rmdir()


def test_a_full_disk_stops_the_recording_and_all_up_to_there_is_valid(small_disk: Path) -> None:
    writer = SessionWriter(new_folder(small_disk), header(), live=False)
    index = 0
    while not writer.problem and index < 200_000:
        writer.add(result(index, num_faces=3))
        index += 1
        if index % 100 == 0:
            threading.Event().wait(0.001)
    assert "the disk is full" in writer.problem
    writer.close()
    session = read_session(small_disk / "s")
    assert problems_of(session) == []
    assert len(session.rows) > 500
    assert session.about["events"][-1]["event"] == "recording_stopped"
    assert f"Rows that are kept, up to there: {len(session.rows)}." in writer.problem


def test_a_disk_that_is_nearly_full_is_warned_of_before(tmp_path: Path) -> None:
    left = [5_000_000_000]
    writer = SessionWriter(
        new_folder(tmp_path), header(), live=False, free_bytes=lambda _folder: left[0]
    )
    writer.add(result(0))
    wait_for(lambda: writer.num_rows == 1)
    assert writer.warning == ""
    left[0] = 900_000_000
    wait_for(lambda: writer.warning != "")
    assert "Only 0.9 GB are left" in writer.warning
    left[0] = 2_000_000_000
    wait_for(lambda: writer.warning == "")
    writer.close()
    assert [e["event"] for e in read_session(tmp_path / "s").about["events"]] == ["disk_low"]


def test_a_folder_that_goes_away_stops_the_recording(tmp_path: Path) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=False)
    shutil.rmtree(tmp_path / "s")
    writer.add(result(0))
    wait_for(lambda: writer.problem != "")
    assert "the folder is gone" in writer.problem
    assert "kept" not in writer.problem
    assert writer.add(result(1)) is None
    writer.close()
    assert not (tmp_path / "s").exists()


class Held:
    """``session.json`` as it is while another program holds it: ``left`` moves onto it fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left, self.failed, self.replace = 0.0, 0, os.replace
        monkeypatch.setattr(os, "replace", self)

    def __call__(self, source: Path, target: Path) -> None:
        if Path(target).name == "session.json" and self.left > 0:
            self.left -= 1
            self.failed += 1
            raise PermissionError(errno.EACCES, "Permission denied", str(source))
        self.replace(source, target)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


def about_of(tmp_path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((tmp_path / "s" / "session.json").read_text())
    return content


def test_a_brief_lock_on_session_json_costs_no_row_and_no_marker(
    tmp_path: Path, held: Held
) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=False, lossless=True)
    held.left = 1
    writer.add(result(0))
    writer.mark("meanwhile")
    wait_for(lambda: held.failed == 1)
    for index in range(1, 40):
        writer.add(result(index))
    wait_for(lambda: about_of(tmp_path)["markers"] != [])
    writer.close()
    assert (writer.problem, writer.warning) == ("", "")
    session = read_session(tmp_path / "s")
    assert problems_of(session) == []
    assert len(session.rows) == 40
    assert session.about["complete"]
    assert [marker.label for marker in session.markers] == ["meanwhile"]


def test_a_lock_that_lasts_is_warned_of_while_rows_go_on_and_forgotten_once_it_is_gone(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_writer, "ABOUT_LATE_S", 0.3)
    monkeypatch.setattr(files, "_SHORT_WAIT_S", 0.0)
    writer = SessionWriter(new_folder(tmp_path), header(), live=False, lossless=True)
    held.left = float("inf")
    writer.mark("meanwhile")
    wait_for(lambda: held.failed == 1)
    assert writer.warning == ""
    wait_for(lambda: writer.warning != "")
    assert "session.json cannot be written (Permission denied)" in writer.warning
    assert "No rows are lost" in writer.warning
    rows = writer.num_rows
    writer.add(result(0, num_faces=2))
    wait_for(lambda: writer.num_rows == rows + 2)
    assert writer.problem == ""
    held.left = 0
    wait_for(lambda: writer.warning == "")
    assert about_of(tmp_path)["markers"][0]["label"] == "meanwhile"
    writer.close()
    assert about_of(tmp_path)["complete"]


def test_a_session_json_that_is_held_to_the_end_leaves_all_rows_and_says_what_to_do(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_SHORT_WAIT_S", 0.0)
    monkeypatch.setattr(session_writer, "_LAST_WAIT_S", 0.0)
    writer = SessionWriter(new_folder(tmp_path), header(), live=False, lossless=True)
    held.left = float("inf")
    for index in range(7):
        writer.add(result(index))
    writer.close()
    assert "cannot be closed properly" in writer.problem
    assert "All rows are kept (7). Repair it with “ferdesk sessions repair”." in writer.problem
    held.left = 0
    assert (entry_of(tmp_path / "s").state, repair(tmp_path / "s").num_rows) == ("incomplete", 7)


class Looks:
    """``os.stat`` and ``os.fstat`` as a drive gives them; ``change`` is applied to each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = 0
        self.inode: Callable[[int, int], int] = lambda number, inode: inode
        self.size_lags_by = 0
        stat, fstat = os.stat, os.fstat

        def changed(found: os.stat_result, lag: int = 0) -> os.stat_result:
            self.number += 1
            values = list(found)
            values[1] = self.inode(self.number, found.st_ino)
            values[6] -= lag
            return os.stat_result(values)

        def of_path(path: Any, **options: Any) -> os.stat_result:
            found = stat(path, **options)
            is_rows = str(path).endswith("results.csv")
            return changed(found, self.size_lags_by) if is_rows else found

        monkeypatch.setattr(os, "stat", of_path)
        monkeypatch.setattr(os, "fstat", lambda number: changed(fstat(number)))


@pytest.mark.parametrize(
    "inode",
    [
        lambda number, inode: number,
        lambda number, inode: 0,
        lambda number, inode: inode if number <= 4 else inode + number,
    ],
    ids=["another at each look", "none", "others after a while"],
)
def test_a_network_drive_whose_inodes_change_takes_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inode: Callable[[int, int], int]
) -> None:
    looks = Looks(monkeypatch)
    looks.inode = inode
    writer = SessionWriter(new_folder(tmp_path), header(), live=False, lossless=True)
    writer.add(result(0))
    wait_for(lambda: looks.number >= 8)  # two looks after the two of the start
    writer.add(result(1))
    wait_for(lambda: writer.num_rows == 2)
    writer.close()
    assert writer.problem == ""
    assert problems_of(read_session(tmp_path / "s")) == []


def test_a_network_drive_that_tells_sizes_late_takes_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    looks.size_lags_by = 7
    writer = SessionWriter(new_folder(tmp_path), header(), live=False, lossless=True)
    writer.add(result(0))
    wait_for(lambda: looks.number >= 8)
    looks.size_lags_by = 0
    writer.close()
    assert (writer.problem, writer.num_rows) == ("", 1)


def test_a_file_that_was_deleted_alone_stops_the_recording(tmp_path: Path) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=False)
    (tmp_path / "s" / "results.csv").unlink()
    (tmp_path / "s" / "results.csv").write_text("of another program")
    wait_for(lambda: writer.problem != "")
    assert "the file was deleted" in writer.problem
    assert "kept" not in writer.problem
    writer.close()
    assert about_of(tmp_path)["events"][-1]["event"] == "recording_stopped"


def test_another_file_in_its_place_stops_the_recording(tmp_path: Path) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=False)
    path = tmp_path / "s" / "results.csv"
    path.rename(path.with_name("mine.csv"))
    path.write_text("of another program")
    wait_for(lambda: writer.problem != "")
    assert "another file has taken its place" in writer.problem
    writer.close()
    assert path.read_text() == "of another program"


def test_a_drive_that_does_not_tell_its_room_takes_all_rows(tmp_path: Path) -> None:
    def unknown(_folder: Path) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    writer = SessionWriter(new_folder(tmp_path), header(), live=False, free_bytes=unknown)
    writer._looked_s -= 10  # as if a second had passed
    writer.add(result(0))
    writer.close()
    assert (writer.problem, writer.warning, writer.num_rows) == ("", "", 1)


def test_a_fault_in_what_is_watched_beside_the_rows_is_logged_once_and_costs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = []

    def broken(writer: SessionWriter) -> None:
        looks.append(writer.num_rows)
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(SessionWriter, "_look_around", broken)
    writer = SessionWriter(new_folder(tmp_path), header(), live=False)
    writer.add(result(0))
    wait_for(lambda: len(looks) >= 2)
    writer.add(result(1))
    writer.close()
    assert (writer.problem, writer.num_rows) == ("", 2)
    assert caplog.text.count("is not watched") == 1


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The disk stands still until this is set."""
    disk_goes_on = threading.Event()
    append = SessionWriter._append

    def stalled(writer: SessionWriter, waiting: list[object]) -> None:
        disk_goes_on.wait(20)
        append(writer, waiting)  # type: ignore[arg-type]

    monkeypatch.setattr(SessionWriter, "_append", stalled)
    return disk_goes_on


def test_a_disk_that_does_not_keep_up_is_counted_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go_on: threading.Event
) -> None:
    monkeypatch.setattr(session_writer, "_MAX_WAITING_FRAMES", 10)
    writer = SessionWriter(new_folder(tmp_path), header(), live=False)
    added = 0
    while writer.num_lost < 3:
        writer.add(result(added))
        added += 1
    assert "does not keep up" in writer.warning
    writer.mark("kept")
    go_on.set()
    wait_for(lambda: writer.num_rows > 0)
    writer.add(result(added))
    writer.close()
    session = read_session(tmp_path / "s")
    assert session.about["frames_lost"] == added + 1 - len(session.rows)
    assert [event["event"] for event in session.about["events"]] == ["rows_lost"]
    assert session.rows[-1]["marker"] == "kept"
    assert problems_of(session) == []


def test_a_killed_programs_session_is_listed_incomplete_with_its_markers_and_repaired(
    tmp_path: Path,
) -> None:
    import signal
    import sys
    import textwrap

    code = textwrap.dedent(
        f"""
        import sys, threading
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from tests.adapters.test_session_writer import *
        writer = SessionWriter(new_folder(Path({str(tmp_path)!r})), header(), live=True)
        for index in range(20):
            writer.add(result(index, captured_s=100 + index / 30))
            if index == 9:
                writer.mark("film A", 100.5)
        sys.stdout.write("added")
        sys.stdout.flush()
        threading.Event().wait(60)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.read(5) == b"added"
    folder = tmp_path / "s"
    # rows older than a second are on the disk; the condition is what the promise says
    wait_for(lambda: len(read_session(folder).table) == 20, seconds=5)
    wait_for(lambda: bool(read_session(folder).markers), seconds=5)
    assert entry_of(folder).state == "recording"
    with pytest.raises(RecordingError, match="being recorded"):
        repair(folder)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    (entry,) = list_sessions(tmp_path)
    assert entry.state == "incomplete"
    assert entry.markers == ("film A",)
    assert repair(folder).complete
    session = read_session(folder)
    assert problems_of(session) == []
    assert session.about["num_faces"] == 1
    assert not (folder / ".reserve").exists()


def test_a_marker_has_its_exact_time_and_stands_in_the_next_frames_first_row(
    tmp_path: Path,
) -> None:
    now = [100.0]
    writer = SessionWriter(new_folder(tmp_path), header(), live=True, clock=lambda: now[0])
    assert writer.mark("early") == 0.0
    writer.add(result(0, captured_s=100.0))
    now[0] = 100.25
    assert writer.mark("film; A\nnow") == pytest.approx(0.25)
    writer.mark("second", 100.125)
    writer.add(result(8, num_faces=2, captured_s=100.27))
    writer.close()
    session = read_session(tmp_path / "s")
    assert [row["marker"] for row in session.rows] == ["early", "film, A now;second", ""]
    assert [(m.t_s, m.label) for m in session.markers] == [
        (0.0, "early"), (0.125, "second"), (0.25, "film, A now"),
    ]  # fmt: skip


class Clocks:
    """Monotonic, wall and boot clocks that the test moves."""

    def __init__(self, *, boot: bool = True) -> None:
        self.steady_s, self.wall_s = 50.0, 1_000_000.0
        self.boot_s: float | None = 80.0 if boot else None

    def pass_(self, seconds: float, *, asleep: float = 0.0, set_by: float = 0.0) -> None:
        self.wall_s += seconds + asleep + set_by
        if self.boot_s is None:
            self.steady_s += seconds + asleep
        else:
            self.steady_s += seconds
            self.boot_s += seconds + asleep

    def watch(self) -> ClockWatch:
        return ClockWatch(lambda: self.steady_s, lambda: self.wall_s, lambda: self.boot_s)


@pytest.mark.parametrize("boot", [True, False])
def test_sleep_and_a_set_clock_are_told_apart(boot: bool) -> None:
    clocks = Clocks(boot=boot)
    watch = clocks.watch()
    clocks.pass_(0.5)
    assert watch.look() == []
    clocks.pass_(0.5, set_by=3600)
    ((kind, text),) = watch.look()
    assert (kind, "forward by 3600.0 s" in text) == ("clock_changed", True)
    clocks.pass_(0.5, set_by=-7200)
    assert "back by 7200.0 s" in watch.look()[0][1]
    clocks.pass_(0.5, asleep=900)
    ((kind, text),) = watch.look()
    assert (kind, "about 90" in text) == ("slept", True)
    clocks.pass_(0.5, asleep=900, set_by=3600)
    assert [kind for kind, _ in watch.look()] == ["slept", "clock_changed"]


def test_a_changed_clock_and_sleep_are_events_and_times_go_on(tmp_path: Path) -> None:
    clocks = Clocks()
    writer = SessionWriter(
        new_folder(tmp_path), header(), live=True, clock=lambda: 100.0, clock_watch=clocks.watch()
    )
    writer.add(result(0, captured_s=100.0))
    clocks.pass_(0.5, set_by=3600)
    wait_for(lambda: "clock_changed" in (tmp_path / "s" / "session.json").read_text())
    clocks.pass_(0.5, asleep=60)
    wait_for(lambda: "slept" in (tmp_path / "s" / "session.json").read_text())
    writer.add(result(1, captured_s=101.0))
    writer.close()
    session = read_session(tmp_path / "s")
    assert [row["t_s"] for row in session.rows] == ["0.000000", "1.000000"]
    assert [event["event"] for event in session.about["events"]] == ["clock_changed", "slept"]
    assert [one.label for one in session.markers] == ["machine asleep 60 s"]
    assert session.rows[1]["marker"] == "machine asleep 60 s"


def test_an_error_of_the_disk_is_one_sentence_and_rows_stay_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=False)
    writer.add(result(0))
    wait_for(lambda: writer.num_rows == 1)

    def pulled(_number: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", pulled)
        writer.add(result(1))
        wait_for(lambda: writer.problem != "")
    assert "Input/output error" in writer.problem
    writer.close()
    assert len(read_session(tmp_path / "s").rows) == 2


def test_memory_stays_flat_over_frames_given_faster_than_real_time(tmp_path: Path) -> None:
    num_frames = 2_000
    tracemalloc.start()
    try:
        sizes = write_quarters(tmp_path, num_frames, lambda: tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[-1] - sizes[0] < 1_000_000
    assert json.loads((tmp_path / "s" / "session.json").read_text())["rows"] == num_frames


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_memory_stays_flat_over_four_hours(tmp_path: Path) -> None:
    # of the process: following each allocation would take ten times as long as the four hours' rows
    num_frames = 4 * 3600 * 30
    process = psutil.Process()
    sizes = write_quarters(tmp_path, num_frames, lambda: process.memory_info().rss)
    assert sizes[-1] - sizes[0] < 16_000_000
    assert json.loads((tmp_path / "s" / "session.json").read_text())["rows"] == num_frames


def write_quarters(tmp_path: Path, num_frames: int, memory: Callable[[], int]) -> list[int]:
    """Write a session; the memory in use after each quarter of it, with all of that on the disk."""
    writer = SessionWriter(new_folder(tmp_path), header(), live=True, lossless=True)
    sizes = []
    one = result(0)
    for quarter in range(4):
        for index in range(num_frames // 4):
            number = quarter * num_frames // 4 + index
            frame = replace(one.frame, index=number, captured_s=number / 30)
            writer.add(replace(one, frame=frame))
        wait_for(lambda: writer._waiting.empty(), 60)
        sizes.append(memory())
    writer.close()
    return sizes


def test_a_disk_that_stands_still_costs_the_analysis_no_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go_on: threading.Event
) -> None:
    monkeypatch.setattr(session_writer, "_MAX_WAITING_FRAMES", 50)
    writer = SessionWriter(new_folder(tmp_path), header(), live=True)
    analysed = threading.Semaphore(0)
    given: list[int] = []

    def take(found: FrameResult) -> None:
        writer.add(found)
        analysed.release()

    def camera(_: Source) -> Iterator[Frame]:
        while writer.num_lost < 100:
            given.append(len(given))
            yield Frame(np.zeros((8, 8, 3), np.uint8), given[-1], 0.0, time.monotonic())
            # the next picture comes when this one is analysed: one that waited would never come
            assert analysed.acquire(timeout=10)

    engine = Engine(on_result=take)
    engine.start(lambda: Source(camera), pipeline)
    try:
        wait_for(lambda: engine.status().state is State.ENDED)
        status = engine.status()
    finally:
        engine.stop()
        go_on.set()
    assert (status.num_analysed, status.num_dropped) == (len(given), 0)
    assert f"analysed frames not written: {writer.num_lost}." in writer.warning
    writer.close()
    about = read_session(tmp_path / "s").about
    assert about["frames_analysed"] + about["frames_lost"] == len(given)


def test_the_queue_is_bounded(tmp_path: Path) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=False)
    assert isinstance(writer._waiting, queue.Queue)
    assert writer._waiting.maxsize == session_writer._MAX_WAITING_FRAMES
    writer.close()


@pytest.mark.parametrize("left", [0, 10, 700, -1])
def test_rows_that_another_program_cuts_off_are_told_and_the_rest_is_whole(
    tmp_path: Path, left: int
) -> None:
    folder = new_folder(tmp_path)
    writer = SessionWriter(folder, header(), live=True)
    path = folder / "results.csv"
    for index in range(5):
        writer.add(result(index, captured_s=index / 10))
    wait_for(lambda: writer.num_rows == 5)
    assert writer.warning == ""
    os.truncate(path, path.stat().st_size - 1 if left == -1 else left)
    for index in range(5, 9):
        writer.add(result(index, captured_s=index / 10))
    wait_for(lambda: writer.num_rows == 9)
    assert "Another program has cut rows off" in writer.warning
    assert writer.problem == ""
    writer.close()
    session = read_session(folder)
    assert [int(frame) for frame in session.table.frame][-4:] == [5, 6, 7, 8]
    assert path.read_bytes().count(b"\0") == 0
    assert [event["event"] for event in session.about["events"]] == ["rows_cut"]


def test_a_session_whose_folder_is_gone_at_its_end_claims_no_rows(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    writer = SessionWriter(folder, header(), live=True)
    writer.add(result(0))
    wait_for(lambda: writer.num_rows == 1)
    shutil.rmtree(folder)
    writer.close()
    assert writer.problem
    assert "kept" not in writer.problem
