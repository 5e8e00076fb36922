"""Cycles with Qt objects in them are taken apart on the GUI thread, and on no other."""

import gc
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, Qt
from pytestqt.qtbot import QtBot

from ferdesk.ui.kit.gui_gc import GuiThreadGC


class Cycle(QObject):
    """An object that only the collector can free; says on which thread that was."""

    def __init__(self, freed: list[str]) -> None:
        super().__init__()
        self.me = self
        # not a method: the sender's own would be gone by then
        tell = freed.append
        self.destroyed.connect(
            lambda _: tell(threading.current_thread().name), Qt.ConnectionType.DirectConnection
        )


@pytest.fixture
def garbage(qtbot: QtBot) -> Iterator[GuiThreadGC]:
    was_on = gc.isenabled()
    gc.collect()
    garbage = GuiThreadGC()
    yield garbage
    garbage.stop()
    if not was_on:
        gc.disable()


def test_a_busy_thread_frees_no_qt_object_and_the_gui_thread_does(
    garbage: GuiThreadGC, qtbot: QtBot
) -> None:
    freed: list[str] = []
    Cycle(freed)

    def allocate() -> None:
        # many times what starts a collection
        for _ in range(50):
            _ = [[] for _ in range(2000)]

    worker = threading.Thread(target=allocate, name="worker")
    worker.start()
    worker.join()
    assert freed == []
    rest: list[list[int]] = [[] for _ in range(5000)]
    garbage.look()
    assert freed == ["MainThread"]
    assert len(rest) == 5000


def test_what_becomes_garbage_later_is_still_found(garbage: GuiThreadGC, qtbot: QtBot) -> None:
    for _ in range(12):
        garbage.look()
    freed: list[str] = []
    Cycle(freed)
    gc.collect()
    assert freed == ["MainThread"]
    assert not gc.isenabled()
    garbage.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
