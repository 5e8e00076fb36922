"""The whole program in its window: the demo, the real detectors, the shipped network, a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.factory.models import bundled_models
from ferdesk.factory.services import WindowServices
from ferdesk.sessions.reader import problems_of, read_session
from ferdesk.settings import Settings
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.shell.main_window import MainWindow

pytestmark = [
    pytest.mark.skipif(not bundled_models(), reason="no expression model ships here"),
    pytest.mark.timeout(120),
]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[WindowServices]:
    services = WindowServices(provider="cpu", root=tmp_path / "sessions")
    yield services
    services.close()


@pytest.fixture
def window(qtbot: QtBot, services: WindowServices, tmp_path: Path) -> MainWindow:
    window = MainWindow(
        Live(services),
        Settings(),
        settings_path=tmp_path / "settings.json",
        pictures_folder=tmp_path / "pictures",
    )
    qtbot.addWidget(window)
    window.show()
    return window


def test_the_demo_is_seen_labelled_explained_and_recorded(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.live_page.sources.start("demo")
    qtbot.waitUntil(lambda: window.live_page.view.result is not None, timeout=60_000)

    def someone_is_seen() -> bool:
        result = window.live_page.view.result
        return result is not None and bool(result.faces)

    qtbot.waitUntil(someone_is_seen, timeout=30_000)
    assert window.live_page.faces.headline.text() != "No face"
    before = window.live_page.view.grab().toImage()
    QTest.keyClick(window, Qt.Key.Key_H)
    assert window.live_page.view.grab().toImage() != before
    QTest.keyClick(window, Qt.Key.Key_R)
    sessions = tmp_path / "sessions"
    qtbot.waitUntil(lambda: any(sessions.glob("*/results.csv")), timeout=60_000)
    (folder,) = sessions.iterdir()

    def rows_are_written() -> bool:
        return (folder / "results.csv").read_bytes().count(b"\n") > 5

    qtbot.waitUntil(rows_are_written, timeout=60_000)
    QTest.keyClick(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: read_session(folder).complete, timeout=10_000)
    session = read_session(folder)
    assert problems_of(session) == []
    assert session.about["provider"] == "CPU"
    assert session.about["source"]["kind"] == "demo"
    assert all(row["time_utc"] for row in session.rows)


def test_a_file_that_is_no_video_is_told_in_the_window(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("this is no video")
    window.live_page.sources.start(str(path))
    qtbot.waitUntil(lambda: window.live.running is False, timeout=30_000)
    assert "text.mp4" in window.live_page.view.state.text
    assert window.live_page.view.state.title
