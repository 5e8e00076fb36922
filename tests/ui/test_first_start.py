"""The first start: the page before any camera, the best camera after it, the demo without one."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from ferdesk.app import Program, StartOptions
from ferdesk.runtime.ports import SourceChoice
from ferdesk.settings import load_settings
from ferdesk.ui.kit.error_reports import Reports
from ferdesk.ui.kit.language import install_language
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.live.source_names import best_camera
from ferdesk.ui.preferences.consent import CONSENT_VERSION, ConsentPage
from ferdesk.ui.preferences.settings_dialog import SettingsDialog
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.fakes import FakeServices


@pytest.fixture
def program(
    qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> Iterator[Callable[..., Program]]:
    """Makes the program as ``run_app`` does, and puts back what it changes for all."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    made: list[Program] = []

    def make(**entries: object) -> Program:
        path = tmp_path / "settings.json"
        if entries:
            path.write_text(json.dumps(entries))
        program = Program(app, services, path, StartOptions(), Reports(tmp_path / "log"))
        made.append(program)
        program.begin()
        return program

    yield make
    services.release()
    for one in made:
        if one.page is not None:
            one.page.deleteLater()
        one.close()
        if one.window is not None:
            one.window.deleteLater()
        one._appearance.deleteLater()
        one.deleteLater()
    app.setQuitOnLastWindowClosed(True)
    install_language(app, "en")
    app.setStyleSheet("")
    QCoreApplication.sendPostedEvents(None, 0)


def page_of(program: Program) -> ConsentPage:
    assert program.page is not None
    assert program.page.isVisible()
    return program.page


def window_of(program: Program) -> MainWindow:
    assert program.window is not None
    return program.window


def test_no_camera_is_opened_before_the_user_agrees(
    program: Callable[..., Program], services: FakeServices, qtbot: QtBot, tmp_path: Path
) -> None:
    one = program()
    page = page_of(one)
    assert one.window is None
    assert services.opened == []
    assert services.num_listed == 0
    QTest.mouseClick(page.agree, Qt.MouseButton.LeftButton)
    window = window_of(one)
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert services.opened == ["camera:0"]
    assert load_settings(tmp_path / "settings.json").settings.consent == CONSENT_VERSION


def test_the_page_says_what_a_user_must_know(program: Callable[..., Program]) -> None:
    said = " ".join(label.text() for label in page_of(program()).findChildren(QLabel))
    for word in (
        "on this computer",
        "saved",
        "not an emotion",
        "European Union",
        "consent",
        "ethics",
    ):
        assert word in said


def test_it_is_asked_once_and_again_when_it_says_something_new(
    program: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program(consent=CONSENT_VERSION).page is None
    monkeypatch.setattr("ferdesk.ui.preferences.consent.CONSENT_VERSION", CONSENT_VERSION + 1)
    page_of(program(consent=CONSENT_VERSION))


@pytest.mark.parametrize("how", ["button", "escape"])
def test_who_declines_leaves_and_nothing_is_opened_or_kept(
    program: Callable[..., Program],
    services: FakeServices,
    qtbot: QtBot,
    tmp_path: Path,
    how: str,
) -> None:
    one = program()
    page = page_of(one)
    with qtbot.waitSignal(one.declined):
        if how == "button":
            page.decline.click()
        else:
            QTest.keyClick(page, Qt.Key.Key_Escape)
    assert one.window is None
    assert services.opened == []
    assert not (tmp_path / "settings.json").exists()


def test_the_page_speaks_the_language_that_is_chosen_on_it(
    program: Callable[..., Program], qtbot: QtBot
) -> None:
    one = program(language="en")
    combo = page_of(one).languages
    combo.setCurrentIndex(combo.findData("zh_CN"))
    combo.activated.emit(combo.currentIndex())
    qtbot.waitUntil(lambda: one.page is not None and one.page.agree.text() == "同意并开始")
    page_of(one).agree.click()
    assert window_of(one).store.settings.language == "zh_CN"
    assert window_of(one).actions_by_name["record"].text() == "录制"


def test_without_a_camera_the_demo_offers_to_choose(
    program: Callable[..., Program], services: FakeServices, qtbot: QtBot
) -> None:
    services.plugged.clear()
    window = window_of(program(consent=CONSENT_VERSION))
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert services.opened == ["demo"]
    assert window.notices.texts == ("No camera found. Showing the demo instead.",)
    seen: list[bool] = []
    menu = window.live_page.sources.button.menu()

    def close_menu() -> None:
        if menu.isVisible():
            seen.append(True)
            timer.stop()
            menu.close()

    timer = QTimer(interval=10)
    timer.timeout.connect(close_menu)
    timer.start()
    window.notices.cards[0].choices[0].click()
    qtbot.waitUntil(lambda: seen == [True])
    assert not window.notices.cards


def test_the_camera_for_people_is_the_best_one() -> None:
    infrared = SourceChoice("camera:0", "Integrated IR Camera")
    plain = SourceChoice("camera:2", "Integrated Camera")
    assert best_camera((infrared, plain)) == "camera:2"
    assert best_camera((infrared,)) == "camera:0"
    assert best_camera(()) == ""


def test_another_language_builds_the_window_anew_where_it_was(
    program: Callable[..., Program], services: FakeServices, qtbot: QtBot
) -> None:
    one = program(consent=CONSENT_VERSION, language="en")
    old = window_of(one)
    qtbot.waitUntil(lambda: old.live_page.view.result is not None)
    old.choose_settings()
    dialog = old.preferences.dialog
    assert isinstance(dialog, SettingsDialog)
    dialog.tabs.setCurrentIndex(3)
    services.prepared.clear()
    combo = dialog.editors["language"]
    assert isinstance(combo, QComboBox)
    combo.setCurrentIndex(combo.findData("zh_CN"))
    combo.activated.emit(combo.currentIndex())
    qtbot.waitUntil(lambda: one.window is not old)
    new = window_of(one)
    qtbot.waitUntil(lambda: new.live_page.view.result is not None)
    assert new.actions_by_name["record"].text() == "录制"
    assert new.preferences.dialog is not None
    assert new.preferences.dialog.tabs.currentIndex() == 3
    assert new.preferences.dialog.windowTitle() == "设置"


def test_a_crash_of_a_library_is_offered_as_a_report_the_next_time(
    program: Callable[..., Program], tmp_path: Path, qtbot: QtBot
) -> None:
    code = (
        "import faulthandler, sys; from pathlib import Path;"
        "from ferdesk.ui.kit.error_reports import Reports;"
        "Reports(Path(sys.argv[1])).watch_native_crashes(); faulthandler._sigabrt()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "log")], capture_output=True, check=False
    )
    assert done.returncode != 0
    window = window_of(program(consent=CONSENT_VERSION))
    (card,) = [c for c in window.notices.cards if c.notice.file is not None]
    assert "crashed last time" in card.notice.text
    assert "Fatal Python error" in card.notice.details
    assert card.notice.file is not None
    assert card.notice.file.exists()
    assert not list((tmp_path / "log").glob("crash-*.txt"))


def test_details_of_a_notice_are_copied(program: Callable[..., Program], qtbot: QtBot) -> None:
    window = window_of(program(consent=CONSENT_VERSION))
    window.notices.show_notice(Notice("Odd.", "error", "the details"))
    window.notices.cards[-1].copy.click()
    assert QApplication.clipboard().text() == "Odd.\n\nthe details"


def test_every_button_of_the_page_can_be_reached_and_has_a_name(
    program: Callable[..., Program],
) -> None:
    page = page_of(program())
    assert page.agree.hasFocus() or page.agree.isDefault()
    for button in [*page.findChildren(QPushButton), *page.findChildren(QToolButton)]:
        assert button.text() or button.accessibleName()
