"""Results cross to the GUI thread newest first, once, and never queue up."""

import contextlib
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from ferdesk.core.types import Frame, FrameResult
from ferdesk.errors import FerdeskError
from ferdesk.ui.kit.bridge import Bridge
from ferdesk.ui.kit.task_runner import TaskRunner


def result(index: int) -> FrameResult:
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    return FrameResult(Frame(image, index, index / 30, index / 30), (), 1.0, {})


@pytest.fixture
def bridge(qtbot: QtBot) -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


def test_a_slow_window_gets_the_newest_result_once(qtbot: QtBot, bridge: Bridge) -> None:
    taken: list[tuple[int, str]] = []
    bridge.result.connect(
        lambda r, _: taken.append((r.frame.index, threading.current_thread().name))
    )

    def work() -> None:
        for index in range(50):
            bridge.put(result(index))

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    # the last has been prepared too
    deadline_s = time.monotonic() + 10
    while bridge.num_skipped < 49:
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    assert taken == []
    qtbot.waitUntil(lambda: bool(taken))
    bridge.put(result(50))
    qtbot.waitUntil(lambda: len(taken) == 2)
    gui = threading.main_thread().name
    assert taken == [(49, gui), (50, gui)]
    assert bridge.num_skipped == 49


def test_a_result_of_a_source_that_was_left_is_forgotten(qtbot: QtBot, bridge: Bridge) -> None:
    taken: list[int] = []
    bridge.result.connect(lambda r, _: taken.append(r.frame.index))
    bridge.put(result(1))
    bridge.clear()
    bridge.put(result(2))
    qtbot.waitUntil(lambda: bool(taken))
    assert taken == [2]


def test_what_is_prepared_comes_with_its_result_and_from_no_gui_thread(
    qtbot: QtBot, bridge: Bridge
) -> None:
    threads: list[str] = []

    def prepare(result: FrameResult) -> str:
        threads.append(threading.current_thread().name)
        return f"picture of {result.frame.index}"

    bridge.prepare = prepare
    with qtbot.waitSignal(bridge.result) as told:
        bridge.put(result(7))
    assert (told.args[0].frame.index, told.args[1]) == (7, "picture of 7")
    assert threads == ["ferdesk-picture"]


def test_what_is_being_prepared_when_its_source_is_left_is_forgotten(
    qtbot: QtBot, bridge: Bridge
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    taken: list[int] = []

    def prepare(result: FrameResult) -> None:
        begun.set()
        go_on.wait(10)

    bridge.prepare = prepare
    bridge.result.connect(lambda r, _: taken.append(r.frame.index))
    bridge.put(result(1))
    assert begun.wait(10)
    bridge.clear()
    bridge.put(result(2))
    go_on.set()
    qtbot.waitUntil(lambda: bool(taken))
    assert taken == [2]


def test_a_picture_that_cannot_be_prepared_holds_nothing_up(
    qtbot: QtBot, bridge: Bridge, caplog: pytest.LogCaptureFixture
) -> None:
    def prepare(result: FrameResult) -> None:
        raise ValueError("no memory for it")

    bridge.prepare = prepare
    for index in (1, 2):
        with qtbot.waitSignal(bridge.result) as told:
            bridge.put(result(index))
        assert (told.args[0].frame.index, told.args[1]) == (index, None)
    assert len(caplog.records) == 2


def test_many_changes_are_one_call(qtbot: QtBot, bridge: Bridge) -> None:
    with qtbot.waitSignal(bridge.changed):
        for _ in range(5):
            bridge.tell_change()
    with qtbot.assertNotEmitted(bridge.changed, wait=20):
        pass


def test_a_closed_bridge_lets_nothing_through(qtbot: QtBot, bridge: Bridge) -> None:
    bridge.put(result(1))
    bridge.close()
    with qtbot.assertNotEmitted(bridge.result, wait=20):
        bridge.put(result(2))


def test_a_chore_works_elsewhere_and_answers_on_the_gui_thread(qtbot: QtBot) -> None:
    chores = TaskRunner()
    seen: list[tuple[str, str]] = []
    chores.run(
        lambda: threading.current_thread().name,
        lambda where: seen.append((where, threading.current_thread().name)),
        lambda _: seen.clear(),
    )
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [("ferdesk-chore", threading.main_thread().name)]
    chores.close(1.0)


def test_a_chore_that_fails_answers_with_its_sentence(qtbot: QtBot) -> None:
    chores = TaskRunner()
    said: list[str] = []

    def work() -> None:
        raise FerdeskError("The disk is full.")

    chores.run(work, lambda _: said.append("done"), said.append)
    qtbot.waitUntil(lambda: bool(said))
    assert said == ["The disk is full."]
    chores.close(1.0)


def test_a_chore_that_ends_after_its_dialog_is_gone_calls_nobody_and_is_no_fault(
    qtbot: QtBot,
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    dialog = QWidget()
    chores = TaskRunner(dialog)
    called: list[object] = []

    def work() -> None:
        begun.set()
        go_on.wait(10)

    chores.run(work, called.append, called.append)
    assert begun.wait(10)
    (thread,) = chores._threads
    shiboken6.delete(dialog)
    go_on.set()
    # pytest makes what a thread raises an error of this test
    thread.join(10)
    assert not thread.is_alive()
    QCoreApplication.processEvents()
    assert called == []


def test_a_dialog_goes_only_once_no_answer_is_on_its_way_to_it(qtbot: QtBot) -> None:
    telling, gone = threading.Event(), threading.Event()
    early: list[bool] = []
    dialog = QWidget()
    chores = TaskRunner(dialog)

    def answer() -> None:
        telling.set()
        early.append(gone.wait(0.3))

    teller = threading.Thread(target=lambda: chores._gate.let(answer))
    teller.start()
    assert telling.wait(10)
    shiboken6.delete(dialog)
    gone.set()
    teller.join(10)
    assert early == [False]


class MeetingBridge(Bridge):
    """Lets threads meet where one looks whether the picture thread is there."""

    meeting: threading.Barrier | None = None

    @property
    def _thread(self) -> threading.Thread | None:
        thread = self._held_thread
        if self.meeting is not None:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.meeting.wait(0.3)
        return thread

    @_thread.setter
    def _thread(self, thread: threading.Thread | None) -> None:
        self._held_thread = thread


def test_results_of_two_threads_at_once_have_one_picture_thread(qtbot: QtBot) -> None:
    bridge = MeetingBridge()
    bridge.meeting = threading.Barrier(2)
    threads = [threading.Thread(target=bridge.put, args=(result(n),)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    bridge.meeting = None
    made = [t for t in threading.enumerate() if t.name == "ferdesk-picture"]
    bridge.close()
    for thread in made:
        thread.join(10)
    assert len(made) == 1


def test_closing_waits_for_a_change_that_is_on_its_way(qtbot: QtBot, bridge: Bridge) -> None:
    telling, closed = threading.Event(), threading.Event()
    early: list[bool] = []

    def put(_: bool) -> bool:
        telling.set()
        early.append(closed.wait(0.3))
        return True

    bridge._change.put = put  # type: ignore[method-assign, assignment]
    teller = threading.Thread(target=bridge.tell_change)
    teller.start()
    assert telling.wait(10)
    bridge.close()
    closed.set()
    teller.join(10)
    assert early == [False]


def test_a_result_handed_over_while_its_source_is_left_is_forgotten(
    qtbot: QtBot, bridge: Bridge
) -> None:
    handing, cleared = threading.Event(), threading.Event()
    put = bridge._newest.put
    taken: list[int] = []

    def slow_put(item: tuple[FrameResult, object]) -> bool:
        if item[0].frame.index == 1:
            handing.set()
            cleared.wait(0.3)  # comes true only where nothing holds ``clear`` back
        return put(item)

    preparing, go_on = threading.Event(), threading.Event()

    def prepare(one: FrameResult) -> None:
        if one.frame.index == 2:  # by then all that becomes of the first is on its way
            preparing.set()
            go_on.wait(10)

    bridge.prepare = prepare
    bridge._newest.put = slow_put  # type: ignore[method-assign, assignment]
    bridge.result.connect(lambda r, _: taken.append(r.frame.index))
    bridge.put(result(1))
    assert handing.wait(10)
    bridge.clear()
    cleared.set()
    bridge.put(result(2))
    assert preparing.wait(10)
    QCoreApplication.processEvents()
    go_on.set()
    qtbot.waitUntil(lambda: 2 in taken)
    assert taken == [2]
