"""Video, streams and anonymous snapshots from the window."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from ferdesk.settings import Settings, load_settings
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.fakes import FakeServices


def start(window: MainWindow, qtbot: QtBot) -> None:
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled())


def test_the_chosen_video_is_recorded_and_remembered(
    make_window: Callable[..., MainWindow], services: FakeServices, qtbot: QtBot
) -> None:
    window = make_window(Settings(record_video="clean"))
    assert window.live_page.recording_menu.videos["clean"].isChecked()
    window.live_page.recording_menu.videos["anonymous"].trigger()
    start(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: services.videos == ["anonymous"])
    qtbot.waitUntil(lambda: bool(services.recordings))
    window.close()
    assert window.store.path is not None
    assert load_settings(window.store.path).settings.record_video == "anonymous"


def test_a_stream_is_off_until_it_is_asked_for_and_ends_when_it_is_not(
    window: MainWindow, services: FakeServices, qtbot: QtBot
) -> None:
    start(window, qtbot)
    assert services.streams == []
    action = window.live_page.recording_menu.streams["websocket"]
    action.trigger()
    qtbot.waitUntil(lambda: bool(services.streams) and len(services.streams[0].results) > 3)
    assert action.isChecked()
    qtbot.waitUntil(lambda: "websocket is open." in window.notices.texts)
    window.live.mark("film A")
    assert services.streams[0].labels == ["film A"]
    action.trigger()
    qtbot.waitUntil(lambda: services.streams[0].num_closed == 1)
    assert not action.isChecked()


def test_closing_the_window_closes_its_streams(
    window: MainWindow, services: FakeServices, qtbot: QtBot
) -> None:
    start(window, qtbot)
    window.live_page.recording_menu.streams["lsl"].trigger()
    qtbot.waitUntil(lambda: "lsl is open." in window.notices.texts)
    window.close()
    assert services.streams[0].num_closed == 1


def test_a_snapshot_is_anonymous_where_the_video_would_be(
    make_window: Callable[..., MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window(Settings(record_video="anonymous"))
    start(window, qtbot)
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    result = window.live_page.view.result
    assert result is not None
    window.actions_by_name["snapshot"].trigger()
    qtbot.waitUntil(lambda: any((tmp_path / "pictures").glob("*.png")))
    qtbot.waitUntil(lambda: any("Saved" in text for text in window.notices.texts))
    if os.name != "nt":
        assert (tmp_path / "pictures").stat().st_mode & 0o777 == 0o700
    picture = QImage(str(next((tmp_path / "pictures").glob("*.png"))))
    assert (picture.width(), picture.height()) == result.frame.image.shape[1::-1]
    box = result.faces[0].box
    # no box, plate or label is painted: the face's place is smooth
    x, y = round(box.center[0]), round(box.center[1])
    for step in range(8):
        one, other = picture.pixelColor(x + step, y), picture.pixelColor(x + step + 1, y)
        assert abs(one.red() - other.red()) <= 3
    window.close()


def test_video_and_streams_are_chosen_after_other_pages_were_shown(
    window: MainWindow, services: FakeServices, qtbot: QtBot
) -> None:
    start(window, qtbot)
    menu = window.live_page.recording_menu
    for _ in range(2):
        window.show_queue()
        window.show_live()
        window.show_review()
        window.show_live()
    menu.videos["overlay"].trigger()
    assert window.store.settings.record_video == "overlay"
    window.store.replace_by(replace(window.store.settings, record_video="clean"))
    assert menu.videos["clean"].isChecked()
    menu.streams["websocket"].trigger()
    qtbot.waitUntil(lambda: bool(services.streams))
    assert menu.streams["websocket"].isChecked()
