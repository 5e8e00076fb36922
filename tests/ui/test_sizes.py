"""No page and no dialog asks for more than 1024x640, whatever things are called, in large type too.

tests/ui/test_xcb.py runs the same under X11, whose window frames and fonts differ.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from ferdesk.settings import Settings
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.live.recording_state import RecordingState
from ferdesk.ui.preferences.appearance import Appearance
from ferdesk.ui.preferences.consent import ConsentPage
from ferdesk.ui.shell.main_window import MainWindow, first_size
from tests.helpers.sessions import write_two_faces
from tests.ui.fakes import FakeServices, FakeSource

MakeWindow = Callable[..., MainWindow]
LEAST = QSize(1024, 640)
LONG = "20261128-230222-WolfgangLanger_Pexels-40"
NAME = "Wolfgang Amadeus of Musterhausen-Langnam"

LOOKS = [("en", 1.0), ("en", 1.5), ("zh_CN", 1.0), ("zh_CN", 1.5)]


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]:.0%}")
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    language, scale = request.param
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    wanted = Settings(theme="dark", language=language, font_scale=scale)
    look = Appearance(app, wanted)
    yield wanted
    look.apply(replace(wanted, language="en", font_scale=1.0))
    look.rings.deleteLater()
    look.deleteLater()
    app.setStyleSheet("")


def too_large(page: QWidget) -> str:
    """How much ``page`` asks for, and which widget within it, where that is too much."""
    QTest.qWait(30)
    least = page.minimumSizeHint().expandedTo(page.minimumSize())
    if least.width() <= LEAST.width() and least.height() <= LEAST.height():
        return ""
    widest = sorted(
        (w.minimumSizeHint().expandedTo(w.minimumSize()).toTuple(), type(w).__name__)
        for w in page.findChildren(QWidget)
        if w.isVisible()
    )[-8:]
    return f"{type(page).__name__} asks for {least.toTuple()}; {widest}"


def test_every_page_fits_a_small_screen(
    make_window: MakeWindow, qtbot: QtBot, services: FakeServices, settings: Settings,
    tmp_path: Path,
) -> None:  # fmt: skip
    assert len(LONG) == len(NAME) == 40
    window = make_window(settings)
    page = window.live_page
    services.prepared[f"/films/{LONG}.mp4"] = FakeSource("video")
    page.sources.start(f"/films/{LONG}.mp4")
    qtbot.waitUntil(lambda: page.view.result is not None)
    page.faces.names.give(1, NAME)
    page.status_line.show_streams(frozenset(("lsl", "websocket")))
    page.status_line.show_sign("commands", tr("Commands"))
    page.status_line.show_sign("lsl_markers", tr("LSL markers") + " ?")
    page.status_line.show_recording(RecordingState(active=True, marker="m" * 40, elapsed_s=4000))
    # at once: the page soon says itself that nothing is recorded
    assert page.status_line.minimumSizeHint().width() <= LEAST.width()
    for dock in page.dock_area.docks.values():
        dock.show()
    assert too_large(page) == ""
    page.status_line.flash("x" * 200)
    window.notices.show_notice(Notice("x y " * 60, choices=(Choice("Review", print),)))
    assert too_large(window) == ""

    folder = write_two_faces(tmp_path / LONG / LONG)
    window.show_review(folder.parent)
    assert window.review is not None
    review = window.review
    qtbot.waitUntil(lambda: review.library.model.rowCount() > 0)
    assert too_large(review) == ""
    window.show_review(folder)
    qtbot.waitUntil(lambda: review.shows_session)
    assert too_large(review) == ""
    assert too_large(window) == ""

    window.queue_files([tmp_path / f"{LONG}.mp4"])
    queue = window.queueing.opened()
    qtbot.waitUntil(lambda: queue.model.rowCount() > 0)
    queue.runner.queue.end(1, "failed", None, "It cannot be read: " + "long " * 60)
    queue.runner.refresh()
    queue.table.selectRow(0)
    queue.runner.running = queue.runner.paused = True
    queue.runner.refresh()
    assert too_large(queue) == ""
    assert too_large(window) == ""
    queue.runner.running = False


def test_every_dialog_fits_a_small_screen(
    make_window: MakeWindow, qtbot: QtBot, settings: Settings
) -> None:
    window = make_window(settings)
    window.choose_settings()
    window.show_keys()
    window.show_about()
    window.show_guide()
    window.show_problem()
    window.marker_input.choose()
    dialogs = [d for d in window.findChildren(QDialog) if d.isVisible()]
    assert len(dialogs) == 6
    for area in (area for d in dialogs for area in d.findChildren(QScrollArea)):
        # large type wants one column of keys: nobody scrolls sideways to read a line
        if (inside := area.widget()) is not None:
            assert inside.minimumSizeHint().width() <= 0.9 * area.screen().size().width()
    assert [found for d in dialogs if (found := too_large(d))] == []
    consent = ConsentPage(settings)
    qtbot.addWidget(consent)
    consent.show()
    assert too_large(consent) == ""


@pytest.mark.parametrize(
    ("room", "frame"), [((1280, 720), (2, 30)), ((1920, 1080), (0, 0)), ((1024, 640), (8, 40))]
)
def test_the_first_window_lies_within_the_screen_with_its_frame(
    room: tuple[int, int], frame: tuple[int, int]
) -> None:
    size = first_size(QRect(0, 24, *room), QSize(*frame))
    assert size.width() + frame[0] <= room[0]
    assert size.height() + frame[1] <= room[1]
    assert size.width() >= 0.6 * room[0]
