"""What the shell of the window promises: menus, panels that come back, notices, drops, quitting."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QDropEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QWidget
from pytestqt.qtbot import QtBot

from ferdesk.settings import Settings
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.text_question import text_dialog
from ferdesk.ui.review.session_view import SessionView
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.sessions import write_two_faces
from tests.ui.fakes import FakeServices

MakeWindow = Callable[..., MainWindow]


def run(window: MainWindow, qtbot: QtBot, name: str = "camera:0") -> None:
    window.live_page.sources.start(name)
    qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled())


def texts(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def drop(window: MainWindow, *urls: QUrl) -> None:
    data = QMimeData()
    data.setUrls(list(urls))
    event = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)


# ---- notices


def test_notices_lie_over_the_picture_and_push_nothing(window: MainWindow, qtbot: QtBot) -> None:
    before = window.live_page.view.geometry()
    for number in range(3):
        window.notices.show_notice(Notice(f"Number {number} of what is told.", "warning"))
    qtbot.waitUntil(lambda: window.notices.height() >= 3 * 24)
    assert window.live_page.view.geometry() == before
    view, shown = window.live_page.view, window.notices.geometry()
    corner = view.mapTo(window, view.rect().bottomRight())
    assert 0 < corner.x() - shown.right() <= 24
    assert 0 < corner.y() - shown.bottom() <= 24
    assert shown.height() >= 3 * 24


def test_notices_follow_the_picture_and_the_page(window: MainWindow, qtbot: QtBot) -> None:
    window.notices.show_notice(Notice("Told.", "warning"))
    at = window.notices.geometry()
    window.resize(window.width() - 100, window.height() - 60)
    qtbot.waitUntil(lambda: window.notices.geometry().topLeft() != at.topLeft())
    view = window.live_page.view
    assert window.notices.geometry().right() <= view.mapTo(window, view.rect().topRight()).x()
    window.show_review()
    assert window.review is not None
    wide = window.review.mapTo(window, window.review.rect().bottomRight())
    qtbot.waitUntil(lambda: 0 < wide.x() - window.notices.geometry().right() <= 24)


def test_notices_leave_the_tracks_of_a_session_free(
    window: MainWindow, qtbot: QtBot, open_session: Callable[[Path], SessionView], tmp_path: Path
) -> None:
    view = open_session(write_two_faces(tmp_path / "session"))
    for number in range(3):
        window.notices.show_notice(Notice(f"Number {number} of what is told.", "warning"))

    def place(widget: QWidget) -> QRect:
        return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())

    qtbot.waitUntil(lambda: 0 < place(view.view).bottom() - window.notices.geometry().bottom() < 24)
    shown = window.notices.geometry()
    assert 0 < place(view.view).right() - shown.right() < 24
    for widget in (view.timeline, view.transport, view.faces, view.notes):
        assert not shown.intersects(place(widget))
    assert window.review is not None
    window.review.show_library()
    qtbot.waitUntil(lambda: window.notices.geometry() != shown)
    assert window.rect().right() - window.notices.geometry().right() < 24


def test_finished_takes_the_place_of_making(window: MainWindow) -> None:
    window.notices.show_notice(Notice("Creating the report…", topic="report"))
    window.notices.show_notice(Notice("Another thing."))
    window.notices.show_notice(Notice("Report saved.", topic="report"))
    assert window.notices.texts == ("Another thing.", "Report saved.")


def test_a_recording_that_is_saved_is_offered_until_it_is_dismissed(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(window.notices.cards))
    (card,) = window.notices.cards
    assert card.notice.stays
    assert [button.text() for button in card.choices] == ["Review", "Open folder"]


def test_the_buttons_of_a_notice_stand_below_its_text(window: MainWindow) -> None:
    choice = Choice("Do", lambda: None)
    window.notices.show_notice(Notice("Words " * 30, choices=(choice,)))
    QTest.qWait(20)
    (card,) = window.notices.cards
    assert card.choices[0].geometry().top() >= card.text.geometry().bottom() - 1
    assert card.text.height() >= card.text.heightForWidth(card.text.width())


# ---- menus


def test_a_question_for_a_text_is_as_wide_as_its_title(window: MainWindow) -> None:
    for title in ("Marker", "Name of face #20 who has a long name of which nothing is cut"):
        dialog = text_dialog(window, title, "Name:")
        dialog.show()
        assert dialog.width() >= max(384, dialog.fontMetrics().horizontalAdvance(title) + 96)
        dialog.close()
        dialog.deleteLater()


def test_there_are_menus_for_all_that_the_live_page_can_do(window: MainWindow) -> None:
    menus = window.menus
    assert [m.text().replace("&", "") for m in window.menuBar().actions() if m.isVisible()] == [
        "File", "Recording", "Playback", "View", "Faces", "Review", "Help",
    ]  # fmt: skip
    assert texts(menus.file)[:5] == [
        "Open file…", "Open folder of pictures…", "Open recent", "Open address…", "Open demo",
    ]  # fmt: skip
    assert {
        "Faces", "Heatmap", "Timeline\tT", "Statistics\tF8", "Training examples\tCtrl+Shift+C",
        "Show heatmap", "Reset layout", "Full screen",
    } <= set(texts(menus.view))  # fmt: skip
    for menu in (menus.file, menus.recording, menus.playback, menus.view, menus.faces, menus.help):
        assert len(set(texts(menu))) == len(texts(menu)), "two entries of one name"
    # short where there is little room
    assert window.actions_by_name["heatmap"].iconText() == "Heatmap"
    assert texts(menus.help) == [
        "Guide", "Keyboard shortcuts", "Report a problem…", "About ferdesk",
    ]  # fmt: skip
    shown = {
        a for m in (menus.recording, menus.playback, menus.view, menus.faces) for a in m.actions()
    }
    left = {"leave_full", "source", "timeline", "corrections", "pause", "stats"}
    named = [a for a in window.live_page.actions() if a.text() and a.objectName() not in left]
    everywhere = shown | set(menus.file.actions())
    assert [a.text() for a in named if a not in everywhere] == []


def test_on_the_review_page_no_key_stands_for_two_things(window: MainWindow, qtbot: QtBot) -> None:
    window.show_review()
    assert window.review is not None
    live = set(window.live_page.actions())
    for menu in (window.menus.recording, window.menus.faces, window.menus.view):
        assert not menu.menuAction().isVisible()
        assert not menu.actions()
    keys: dict[str, str] = {}
    for menu in (window.menus.file, window.menus.review, window.menus.help):
        for action in menu.actions():
            assert action not in live or action.objectName() == "demo"
            for key in action.shortcuts():
                name = key.toString(QKeySequence.SequenceFormat.PortableText)
                assert keys.setdefault(name, action.text()) == action.text()
    window.show_live()
    assert window.menus.recording.menuAction().isVisible()


def test_about_has_versions_licences_device_and_model(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    window.actions_by_name["about"].trigger()
    text = window._help["about"].details.toPlainText()  # type: ignore[attr-defined]
    for words in ("Device: CPU", "Model: full 1", "PySide6-Essentials 6", "LGPL-3.0", "MIT"):
        assert words in text


def test_the_guide_is_there_without_the_internet(window: MainWindow) -> None:
    window.actions_by_name["guide"].trigger()
    guide = window._help["guide"]
    assert "A guide to the window" in guide.text.toPlainText()  # type: ignore[attr-defined]


def test_a_report_of_a_problem_has_the_facts(window: MainWindow) -> None:
    window.facts = lambda: {"state": "idle"}
    window.actions_by_name["problem"].trigger()
    text = window._help["problem"].facts.toPlainText()  # type: ignore[attr-defined]
    assert "state: idle" in text
    assert "version: " in text


# ---- panels


def test_panels_closed_by_their_crosses_come_back(window: MainWindow) -> None:
    area, panel = window.live_page.dock_area, window.actions_by_name["panel"]
    at_first = {name for name, dock in area.docks.items() if not dock.isHidden()}
    for dock in area.docks.values():
        dock.close()
    assert not panel.isChecked()
    QTest.keyClick(window, Qt.Key.Key_F9)
    assert {name for name, dock in area.docks.items() if not dock.isHidden()} == at_first
    assert panel.isChecked()
    area.docks["faces"].close()
    faces = next(a for a in window.menus.view.actions() if a.text() == "Faces")
    assert not faces.isChecked()
    faces.trigger()
    assert area.docks["faces"].isVisible()


def test_the_layout_is_reset_floating_panels_too(window: MainWindow) -> None:
    area = window.live_page.dock_area
    area.docks["faces"].setFloating(True)
    area.docks["heat"].close()
    window.actions_by_name["reset_layout"].trigger()
    assert not area.docks["faces"].isFloating()
    assert area.docks["heat"].isVisible()
    assert area.docks["stats"].isHidden()


def test_another_setting_does_not_bring_closed_panels_back(window: MainWindow) -> None:
    area = window.live_page.dock_area
    for dock in area.docks.values():
        dock.close()
    window.preferences._change("show_boxes", False)
    assert not area.any_open


# ---- files


def test_a_file_that_is_dropped_is_opened_and_listed_as_recent(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    def opened(number: int) -> bool:
        return len(services.opened) == number

    for number, name in enumerate(("first.mp4", "second.jpg"), 1):
        (tmp_path / name).write_bytes(b"0")
        drop(window, QUrl.fromLocalFile(str(tmp_path / name)))
        qtbot.waitUntil(partial(opened, number))
    assert [Path(name).name for name in services.opened] == ["first.mp4", "second.jpg"]
    settings = window.store.settings
    assert settings.recent_files == (str(tmp_path / "second.jpg"), str(tmp_path / "first.mp4"))
    assert settings.file_folder == str(tmp_path)
    window.menus.recent.aboutToShow.emit()
    assert texts(window.menus.recent) == ["second.jpg", "first.mp4"]
    window.menus.recent.actions()[1].trigger()
    qtbot.waitUntil(lambda: services.opened[-1] == str(tmp_path / "first.mp4"))


def test_a_session_that_is_dropped_is_reviewed_and_nonsense_is_not_taken(
    window: MainWindow, tmp_path: Path, services: FakeServices
) -> None:
    session = tmp_path / "session"
    session.mkdir()
    (session / "session.json").write_text("{}")
    drop(window, QUrl.fromLocalFile(str(session)))
    assert window.pages.currentWidget() is window.review
    opened = list(services.opened)
    drop(window, QUrl("mailto:ana@example.org"), QUrl.fromLocalFile(str(tmp_path / "none.mp4")))
    assert services.opened == opened


def test_the_file_dialog_opens_where_the_last_file_was(make_window: MakeWindow) -> None:
    asked: list[str] = []

    def ask(_page: object, folder: str) -> str:
        asked.append(folder)
        return ""

    window = make_window(Settings(file_folder="/films"), ask_file=ask)
    window.actions_by_name["file"].trigger()
    assert asked == ["/films"]


# ---- recording and streams


@pytest.mark.parametrize("quits", [True, False])
def test_a_recording_is_not_ended_without_a_question(
    make_window: MakeWindow, qtbot: QtBot, services: FakeServices, quits: bool
) -> None:
    asked: list[object] = []

    def ask(parent: object) -> bool:
        asked.append(parent)
        return quits or len(asked) > 1

    window = make_window(ask_quit=ask)
    run(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    window.close()
    assert asked == [window]
    assert window.isVisible() is not quits
    if not quits:
        assert not services.recordings[0].closed_with
    window.end()
    assert len(asked) == 1
    qtbot.waitUntil(lambda: bool(services.recordings[0].closed_with))


def test_what_is_sent_is_shown_until_a_click_stops_it(window: MainWindow, qtbot: QtBot) -> None:
    line = window.live_page.status_line
    assert not line.sends
    window.live.switch_stream("lsl", True)
    qtbot.waitUntil(lambda: line.chips["lsl"].isVisible())
    assert not line.chips["websocket"].isVisible()
    QTest.mouseClick(line.chips["lsl"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not line.sends)


# ---- what must not move


def test_start_and_record_stay_where_they_are_whatever_the_source_is_called(
    window: MainWindow, qtbot: QtBot
) -> None:
    button = window.live_page.sources.button

    def places() -> list[int]:
        QTest.qWait(20)
        bar = window.live_page.toolbar
        return [
            b.x() for b in bar.findChildren(type(bar.more)) if b.objectName() in ("run", "record")
        ]

    button.show_source("demo")
    short = places()
    button.show_source("/films/" + "interview-with-a-long-name" * 3 + ".mp4")
    assert places() == short
    assert len(short) == 2


def test_what_a_narrow_toolbar_has_no_room_for_is_in_its_menu(window: MainWindow) -> None:
    bar = window.live_page.toolbar
    bar.setFixedWidth(1200)
    QTest.qWait(20)
    assert bar.more.isHidden()
    bar.setFixedWidth(bar.minimumSizeHint().width())
    QTest.qWait(20)
    assert not bar.more.isHidden()
    assert {"Review", "Settings…", "Mirror"} <= set(texts(bar.more.menu()))
    shown = [b for b in bar.findChildren(type(bar.more)) if not b.isHidden()]
    assert max(b.geometry().right() for b in shown) <= bar.width()
    bar.setFixedWidth(1200)
    QTest.qWait(20)
    assert bar.more.isHidden()


def test_windows_are_told_apart_by_their_titles(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot, "demo")
    assert window.windowTitle() == "Demo · ferdesk"
    window.show_review()
    assert window.windowTitle() == "Sessions · ferdesk"
    window.live_page.title_changed.emit("● 00:00:07 · Demo")
    assert window.windowTitle() == "● 00:00:07 · Sessions · ferdesk"
    window.show_live()
    assert window.windowTitle() == "● 00:00:07 · Demo · ferdesk"
