"""Markers of another program's LSL stream: chosen in the window, written on the stream's thread."""

import threading
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.errors import StreamError
from ferdesk.runtime.marker_streams import (
    MarkerQuery,
    MarkerStreamInfo,
    MarkerStreamState,
    StreamMarker,
    query_of,
)
from ferdesk.runtime.recording import MarkerNote
from ferdesk.settings import Settings
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.conftest import HeldClock
from tests.ui.fakes import FakeServices

EYES = MarkerStreamInfo("paradigm", "Markers", "abc", "lab-1")
TWIN = MarkerStreamInfo("paradigm", "Markers", "xyz", "lab-2")
FOLLOWING = MarkerStreamState("following", EYES, 12.5, 0.00004)


def test_a_query_finds_the_stream_again_by_what_stays() -> None:
    assert MarkerQuery.of("paradigm") == MarkerQuery("paradigm")
    query = MarkerQuery.of(" type=Markers ;source_id = a=b ")
    assert query == MarkerQuery("", "Markers", "a=b")
    assert MarkerQuery.of(str(query)) == query
    assert query.matches(MarkerStreamInfo("x", "Markers", "a=b"))
    assert not query.matches(MarkerStreamInfo("x", "markers", "a=b"))
    assert query_of(EYES, (EYES,)) == MarkerQuery("paradigm", "Markers")
    assert query_of(EYES, (EYES, TWIN)) == MarkerQuery("paradigm", "Markers", "abc")


@pytest.mark.parametrize("text", ["", "  ", ";", "colour=red", "name=", "name=a; name=b", "=a"])
def test_what_names_no_stream_is_one_sentence(text: str) -> None:
    with pytest.raises(StreamError, match="names no LSL stream"):
        MarkerQuery.of(text)


def run(window: MainWindow, qtbot: QtBot) -> None:
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled())


def test_nothing_is_looked_for_until_a_stream_is_chosen(
    window: MainWindow, services: FakeServices, qtbot: QtBot
) -> None:
    run(window, qtbot)
    assert services.inlets == []
    services.marker_streams_found = (EYES, TWIN)
    window.actions_by_name["lsl_markers"].trigger()
    dialog = window.marker_input.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 2)
    assert services.inlets == []
    second = dialog.list.topLevelItem(1)
    assert second is not None
    dialog.list.setCurrentItem(second)
    QTest.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(services.inlets) == 1)
    assert services.inlets[0].query == MarkerQuery("paradigm", "Markers", "xyz")
    assert window.store.settings.lsl_markers == "name=paradigm; type=Markers; source_id=xyz"
    assert not dialog.isVisible()


def test_its_markers_are_recorded_with_their_moment_while_the_window_is_busy(
    make_window: Callable[..., MainWindow], services: FakeServices, qtbot: QtBot, clock: HeldClock
) -> None:
    window = make_window(Settings(lsl_markers="name=paradigm"))
    run(window, qtbot)
    qtbot.waitUntil(lambda: len(services.inlets) == 1)
    inlet = services.inlets[0]
    inlet.on_state(FOLLOWING)
    line = window.live_page.status_line
    qtbot.waitUntil(lambda: "paradigm" in line.signs["lsl_markers"].toolTip())
    assert line.signs["lsl_markers"].text() == "LSL markers"
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].events))
    (recording,) = services.recordings
    assert recording.events == ["marker_stream"]

    def send() -> None:
        inlet.on_marker(StreamMarker("film A", clock.now_s - 0.25, 0.00004))
        inlet.on_marker(StreamMarker("film B", clock.now_s - 0.125))

    thread = threading.Thread(target=send)
    thread.start()
    thread.join()
    # written before the window's loop has run again
    assert recording.markers == [("film A", clock.now_s - 0.25), ("film B", clock.now_s - 0.125)]
    assert recording.notes == [MarkerNote("LSL: paradigm", 0.00004), MarkerNote("LSL: paradigm")]
    qtbot.waitUntil(lambda: "film B" in line.recording.text())
    inlet.on_state(MarkerStreamState("lost", EYES))
    qtbot.waitUntil(lambda: any("has ended" in text for text in window.notices.texts))
    assert line.signs["lsl_markers"].text() == "LSL markers ?"
    inlet.on_state(FOLLOWING)
    qtbot.waitUntil(lambda: recording.events == ["marker_stream"] * 3)
    QTest.mouseClick(line.signs["lsl_markers"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: inlet.num_closed == 1)
    assert window.store.settings.lsl_markers == ""
    assert not line.signs["lsl_markers"].isVisible()
    inlet.on_marker(StreamMarker("late", clock.now_s))  # it may still speak
    assert len(recording.markers) == 2


def test_closing_the_window_closes_the_stream_and_a_bad_preset_is_told(
    make_window: Callable[..., MainWindow], services: FakeServices, qtbot: QtBot
) -> None:
    window = make_window(Settings(lsl_markers="colour=red"))
    assert any("names no LSL stream" in text for text in window.notices.texts)
    again: list[object] = []
    window.live.marker_streams.notified.connect(again.append)
    window.store.remember(mirror=not window.store.settings.mirror)
    assert again == []  # told once, not with every setting that changes
    window.marker_input.wish("name=other")
    qtbot.waitUntil(lambda: len(services.inlets) == 1)
    window.close()
    assert services.inlets[0].num_closed == 1


def test_a_stream_that_cannot_be_closed_leaves_the_next_one_its_turn(
    make_window: Callable[..., MainWindow], services: FakeServices, qtbot: QtBot, clock: HeldClock
) -> None:
    window = make_window(Settings(lsl_markers="name=first"))
    qtbot.waitUntil(lambda: len(services.inlets) == 1)
    services.inlets[0].close_error = "The first stream does not close."
    window.live.marker_streams.follow("name=second")
    qtbot.waitUntil(lambda: any("does not close" in text for text in window.notices.texts))
    qtbot.waitUntil(lambda: len(services.inlets) == 2)
    services.inlets[1].on_state(FOLLOWING)
    qtbot.waitUntil(lambda: window.live.marker_streams.state == FOLLOWING)
