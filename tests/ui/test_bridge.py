"""Results cross to the GUI thread newest first, once, and never queue up."""

import threading

import numpy as np
from pytestqt.qtbot import QtBot

from ferdesk.core.types import Frame, FrameResult
from ferdesk.errors import FerdeskError
from ferdesk.ui.bridge import Bridge
from ferdesk.ui.chores import Chores


def result(index: int) -> FrameResult:
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    return FrameResult(Frame(image, index, index / 30, index / 30), (), 1.0, {})


def test_a_slow_window_gets_the_newest_result_once(qtbot: QtBot) -> None:
    bridge = Bridge()
    taken: list[tuple[int, str]] = []
    bridge.result.connect(lambda r: taken.append((r.frame.index, threading.current_thread().name)))

    def work() -> None:
        for index in range(50):
            bridge.put(result(index))

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert taken == []
    qtbot.waitUntil(lambda: bool(taken))
    bridge.put(result(50))
    qtbot.waitUntil(lambda: len(taken) == 2)
    gui = threading.main_thread().name
    assert taken == [(49, gui), (50, gui)]
    assert bridge.num_skipped == 49


def test_a_result_of_a_source_that_was_left_is_forgotten(qtbot: QtBot) -> None:
    bridge = Bridge()
    taken: list[int] = []
    bridge.result.connect(lambda r: taken.append(r.frame.index))
    bridge.put(result(1))
    bridge.clear()
    bridge.put(result(2))
    qtbot.waitUntil(lambda: bool(taken))
    assert taken == [2]


def test_many_changes_are_one_call(qtbot: QtBot) -> None:
    bridge = Bridge()
    with qtbot.waitSignal(bridge.changed):
        for _ in range(5):
            bridge.tell_change()
    with qtbot.assertNotEmitted(bridge.changed, wait=20):
        pass


def test_a_closed_bridge_lets_nothing_through(qtbot: QtBot) -> None:
    bridge = Bridge()
    bridge.put(result(1))
    bridge.close()
    with qtbot.assertNotEmitted(bridge.result, wait=20):
        bridge.put(result(2))


def test_a_chore_works_elsewhere_and_answers_on_the_gui_thread(qtbot: QtBot) -> None:
    chores = Chores()
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
    chores = Chores()
    said: list[str] = []

    def work() -> None:
        raise FerdeskError("The disk is full.")

    chores.run(work, lambda _: said.append("done"), said.append)
    qtbot.waitUntil(lambda: bool(said))
    assert said == ["The disk is full."]
    chores.close(1.0)
