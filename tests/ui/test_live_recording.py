"""Recording while the window is busy: what the engine's threads saw is kept all the same."""

import threading
import time
from collections.abc import Callable

from pytestqt.qtbot import QtBot

from ferdesk.runtime.status import State
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.conftest import HeldClock
from tests.ui.fakes import FakeServices


def until(condition: Callable[[], bool]) -> None:
    """Wait without the event loop, as a window that is busy does."""
    ends_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_s, "the condition did not come true"
        threading.Event().wait(0.005)


def test_a_camera_lost_and_back_while_the_window_is_busy_is_noted_with_its_times(
    window: MainWindow, qtbot: QtBot, services: FakeServices, clock: HeldClock, silence: None
) -> None:
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled())
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    source, recording = services.prepared["camera:0"], services.recordings[0]
    # from here on for three seconds no event of the window is handled
    source.fall_silent(lambda: window.live.status_now().num_seen)
    clock.now_s += 1.6
    lost_s = clock.now_s
    # the state is told before the event, which is dated when it is noted
    until(lambda: bool(recording.events))
    assert window.live.status_now().state is State.LOST
    clock.now_s += 1.4
    source.flowing.set()
    until(lambda: len(recording.events) == 2)
    assert window.live.status_now().state is State.RUNNING
    assert recording.events == ["camera_lost", "camera_back"]
    assert recording.event_times_s == [lost_s, lost_s + 1.4]
    qtbot.waitUntil(lambda: "Source reconnected." in window.notices.texts)


def test_a_marker_set_while_the_session_is_being_opened_is_kept(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled())
    window.live.start_recording()
    # the session's opening is only told once the event loop runs again
    window.live.mark("at once")
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    # what came meanwhile is written in its order: the marker may come after the first result
    qtbot.waitUntil(lambda: bool(services.recordings[0].markers))
    assert [label for label, _ in services.recordings[0].markers] == ["at once"]
