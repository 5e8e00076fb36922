"""Markers from the keyboard, their names, and what a recording says while it runs."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.settings import Settings, load_settings
from ferdesk.ui.live.marker_keys import MarkerNamesDialog
from ferdesk.ui.live.recording_state import RecordingState
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.conftest import HeldClock
from tests.ui.fakes import FakeRecording, FakeServices


def record(window: MainWindow, services: FakeServices, qtbot: QtBot) -> FakeRecording:
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled())
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    return services.recordings[0]


def test_a_digit_sets_the_marker_of_its_name(
    make_window: Callable[..., MainWindow], services: FakeServices, qtbot: QtBot
) -> None:
    window = make_window(Settings(marker_names="film A;;film C"))
    recording = record(window, services, qtbot)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_1)
    # worth a line at the side: a card for each would lie over the picture all the time
    assert window.live_page.status_line.flashed.full_text == "Marker “film A” at 01:23.2."
    assert not window.notices.texts
    for key in (Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_9):
        QTest.keyClick(window, key)
    qtbot.waitUntil(lambda: len(recording.markers) == 4)
    assert [label for label, _ in recording.markers] == ["film A", "2", "film C", "9"]
    assert "⚑ 9" in window.live_page.status_line.recording.text()
    window.close()


def test_a_marker_with_a_text_has_the_moment_of_its_key(
    make_window: Callable[..., MainWindow],
    services: FakeServices,
    qtbot: QtBot,
    clock: HeldClock,
) -> None:
    def answer(_parent: object) -> str:
        clock.now_s += 0.75  # typing takes a while
        return "  sneezed "

    window = make_window(ask_marker=answer)
    recording = record(window, services, qtbot)
    pressed_s = clock.now_s
    window.actions_by_name["marker"].trigger()
    assert recording.markers == [("sneezed", pressed_s)]
    window.close()


def test_a_marker_without_a_recording_is_explained(window: MainWindow) -> None:
    QTest.keyClick(window, Qt.Key.Key_1)
    assert "Start recording (R)" in window.live_page.status_line.flashed.full_text


def test_nobody_types_a_marker_that_would_be_kept_nowhere(
    make_window: Callable[..., MainWindow],
) -> None:
    asked: list[object] = []

    def answer(parent: object) -> str:
        asked.append(parent)
        return "sneezed"

    window = make_window(ask_marker=answer)
    window.actions_by_name["marker"].trigger()
    assert "Start recording (R)" in window.live_page.status_line.flashed.full_text
    assert asked == []
    window.close()


def test_names_are_kept_for_the_next_time(
    make_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window = make_window(ask_names=lambda _parent, names: ["start; now", *names[1:]])
    window.actions_by_name["markers"].trigger()
    assert window.live_page.marker_keys.names[:2] == ("start, now", "2")
    window.close()
    assert window.store.path is not None
    assert load_settings(window.store.path).settings.marker_names.startswith("start, now;2;3")


def test_the_dialog_gives_what_stands_in_its_lines(qtbot: QtBot) -> None:
    dialog = MarkerNamesDialog([str(i) for i in range(1, 10)])
    qtbot.addWidget(dialog)
    dialog._lines[4].setText("film")
    assert dialog.names() == ("1", "2", "3", "4", "film", "6", "7", "8", "9")


def test_what_threatens_a_recording_is_told_once_and_lost_frames_are_counted(
    window: MainWindow, services: FakeServices, qtbot: QtBot
) -> None:
    recording = record(window, services, qtbot)
    recording.num_lost = 1234
    for left in ("0.9", "0.8", "0.7"):
        recording.warning = f"Only {left} GB are left."
        window.live._refresh()
    assert [text for text in window.notices.texts if "GB" in text] == ["Only 0.9 GB are left."]
    assert "1,234 not written" in window.live_page.status_line.recording.text()
    window.close()


@pytest.mark.parametrize("active", [True, False])
def test_the_line_shows_a_recording_only_while_there_is_one(
    window: MainWindow, active: bool
) -> None:
    window.live_page.status_line.show_recording(
        RecordingState(active=active, num_lost=2, marker="x")
    )
    assert (window.live_page.status_line.recording.text() != "") == active
