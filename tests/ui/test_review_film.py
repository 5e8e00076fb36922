"""A session recorded from a film: the right frame beside each row, and times since the start.

Its rows have the film's times, from 4.34 s on, while its video file begins at 0.
"""

import threading
from pathlib import Path

import numpy as np
import pytest
import shiboken6
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from ferdesk.adapters.outputs.video_writer import VideoWriter
from ferdesk.adapters.sources.seekable_video import SeekableVideo
from ferdesk.ui.review.opened_session import open_session as read_for_review
from ferdesk.ui.review.player import Player
from ferdesk.ui.review.session_view import SessionView
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.results import make_result
from tests.helpers.sessions import STEP_S, frame_time, write_two_faces
from tests.ui.conftest import HeldClock
from tests.ui.fakes import FakeFilm, FakeServices
from tests.ui.review_page import Opener, column, press, saved

STARTS_AT_S = 4.34
NUM = 24
FILM: dict[str, object] = {"source": {"kind": "video", "name": "clip.mp4", "location": "clip.mp4"}}
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def grey_of(index: int) -> int:
    """How bright the picture of an analysed frame is: it encodes the frame's number."""
    return 20 + 9 * index


def write_video(folder: Path, *, starts_at_s: float = STARTS_AT_S, first: int = 0) -> None:
    """The video of a session, as a recording writes it."""
    writer = VideoWriter(folder / "video.mp4", "clean", lossless=True)
    for index in range(first, NUM):
        image = np.full((54, 96, 3), grey_of(index), np.uint8)
        writer.add(make_result(index=2 * index, image=image), frame_time(index, starts_at_s))
    writer.close()
    assert writer.problem == ""


def shown_frame(view: SessionView) -> int:
    """The number that the picture on the screen encodes; -1 for none."""
    result = view.view.result
    if result is None:
        return -1
    return round((float(result.frame.image.mean()) - grey_of(0)) / 9)


def wait_for_frame(view: SessionView, qtbot: QtBot, index: int) -> None:
    qtbot.waitUntil(lambda: shown_frame(view) == index)


@pytest.fixture
def film_session(tmp_path: Path, services: FakeServices) -> Path:
    folder = write_two_faces(tmp_path / "clip", starts_at_s=STARTS_AT_S, about=FILM)
    write_video(folder)
    services.open_film = SeekableVideo  # type: ignore[method-assign, assignment]
    return folder


def test_each_row_stands_beside_its_own_frame(
    film_session: Path, open_session: Opener, qtbot: QtBot
) -> None:
    view = open_session(film_session)
    wait_for_frame(view, qtbot, 0)
    assert view.view.state.note == ""
    for index in (1, 2, 11, 23, 12, 0):
        view.player.seek(frame_time(index, STARTS_AT_S))
        wait_for_frame(view, qtbot, index)
        result = view.view.result
        assert result is not None
        first = result.faces[0]
        assert first.box.x == pytest.approx(3.5 + index)
        assert len(result.faces) == (2 if index < 12 else 1)
        assert view.view.state.note == ""
    press(view, Qt.Key.Key_Period)
    wait_for_frame(view, qtbot, 1)
    # between two rows the one before is shown, with its own picture
    view.player.seek(frame_time(5, STARTS_AT_S) + 0.6 * STEP_S)
    wait_for_frame(view, qtbot, 5)


def test_a_video_that_says_where_it_starts_is_believed(
    tmp_path: Path, open_session: Opener, services: FakeServices, qtbot: QtBot
) -> None:
    # the first three frames found no room in the video
    about = {**FILM, "video": {"mode": "clean", "starts_at_s": frame_time(3, STARTS_AT_S)}}
    folder = write_two_faces(tmp_path / "clip", starts_at_s=STARTS_AT_S, about=about)
    write_video(folder, first=3)
    services.open_film = SeekableVideo  # type: ignore[method-assign, assignment]
    view = open_session(folder)
    nearest = "No video frame here; showing the nearest one."
    qtbot.waitUntil(lambda: view.view.state.note == nearest)
    assert shown_frame(view) == 3
    for index in (3, 4, 20):
        view.player.seek(frame_time(index, STARTS_AT_S))
        qtbot.waitUntil(lambda: view.view.state.note == "")
        wait_for_frame(view, qtbot, index)


@pytest.mark.parametrize(
    "starts_at_s", ["4.34", None, True, float("nan"), float("inf"), -3.0, 1e300, {}, 10**400]
)
def test_a_start_of_nonsense_is_the_first_rows_time(tmp_path: Path, starts_at_s: object) -> None:
    about = {**FILM, "video": {"mode": "clean", "starts_at_s": starts_at_s}}
    folder = write_two_faces(tmp_path / "clip", starts_at_s=STARTS_AT_S, about=about)
    opened = read_for_review(folder, lambda _: None)
    assert opened.video_starts_at_s == pytest.approx(STARTS_AT_S)


def test_times_are_since_the_recordings_start_with_the_films_beside_them(
    tmp_path: Path, film_session: Path, open_session: Opener, window: MainWindow, clock: HeldClock
) -> None:
    view = open_session(film_session)
    assert window.review is not None
    transport = view.transport
    length_s = frame_time(NUM - 1)
    assert transport.time.text() == "0:00:00.000"
    assert transport.length.text() == "/ 0:00:02"
    assert transport.film_time.text() == "video 0:00:04.340"
    assert transport.film_time.isVisible()
    assert "0:00:02" in window.review.facts.text()
    assert view.timeline.range_s == pytest.approx((STARTS_AT_S, STARTS_AT_S + length_s))
    view.player.play()
    clock.now_s += 1.07
    view.player.tick()
    assert transport.time.text() == "0:00:01.070"
    assert transport.film_time.text() == "video 0:00:05.410"
    clock.now_s += 60
    view.player.tick()
    assert transport.time.text() == "0:00:01.917"
    view.player.play()
    assert transport.time.text() == "0:00:01.917"
    view.player.tick()
    assert view.player.position_s == pytest.approx(STARTS_AT_S)
    press(view, Qt.Key.Key_G, CTRL)
    QTest.keyClicks(transport.time, "0:01.5")
    QTest.keyClick(transport.time, Qt.Key.Key_Return)
    assert view.player.position_s == pytest.approx(STARTS_AT_S + 1.5)
    press(view, Qt.Key.Key_Home)
    assert view.player.position_s == pytest.approx(STARTS_AT_S)
    press(view, Qt.Key.Key_End)
    assert view.player.position_s == pytest.approx(STARTS_AT_S + length_s, abs=1e-5)


def test_markers_are_told_since_the_start_and_kept_in_the_rows_time(
    tmp_path: Path, open_session: Opener, qtbot: QtBot, services: FakeServices
) -> None:
    folder = write_two_faces(
        tmp_path / "clip", starts_at_s=STARTS_AT_S, markers=[(5.09, "film A")], about=FILM
    )
    view = open_session(folder)
    assert column(view.notes.table, 0) == ["0:00:00.750"]
    assert view.timeline.flags.tip_of(view.note_editor.all_notes()[0]) == "0:00:00.750  film A"
    asked: list[str] = []

    def answer(_parent: object, _title: str, question: str, _text: str) -> str:
        asked.append(question)
        return "laughs"

    view.ask.text = answer
    view.player.seek(STARTS_AT_S + 1.25)
    press(view, Qt.Key.Key_C)
    assert asked == ["At 0:00:01.250:"]
    assert column(view.notes.table, 0) == ["0:00:00.750", "0:00:01.250"]
    assert saved(folder, qtbot, view)["comments"] == [{"t_s": 5.59, "text": "laughs", "lane": 4}]
    press(view, Qt.Key.Key_Left, CTRL)
    assert view.player.position_s == pytest.approx(5.09)


def test_the_mouse_and_the_keys_reach_the_whole_film_and_no_more(
    film_session: Path, open_session: Opener
) -> None:
    view = open_session(film_session)
    timeline, plot = view.timeline, view.timeline.plot
    left, right = plot.span_px()
    for x, t_s in ((left, STARTS_AT_S), (right, STARTS_AT_S + frame_time(NUM - 1))):
        pos = QPoint(x, plot.viewport().height() // 2)
        QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=pos)
        assert view.player.position_s == pytest.approx(t_s, abs=0.01)
    timeline.set_range(-100.0, -99.0)
    assert timeline.range_s == pytest.approx((STARTS_AT_S, STARTS_AT_S + 1.0))
    timeline.bar.setValue(timeline.bar.maximum())
    assert timeline.range_s[1] == pytest.approx(STARTS_AT_S + frame_time(NUM - 1), abs=0.01)
    timeline.bar.setValue(0)
    assert timeline.range_s[0] == pytest.approx(STARTS_AT_S)
    press(view, Qt.Key.Key_0)
    assert timeline.range_s[0] == pytest.approx(STARTS_AT_S)


def test_a_camera_is_timed_from_its_start_even_if_the_first_row_came_later(
    tmp_path: Path, open_session: Opener, services: FakeServices, qtbot: QtBot
) -> None:
    folder = write_two_faces(tmp_path / "live", starts_at_s=0.21)
    (folder / "video.mp4").write_bytes(b"x")
    film = services.films[folder / "video.mp4"] = FakeFilm()
    view = open_session(folder)
    assert view.timeline.range_s[0] == 0.0
    assert view.transport.time.text() == "0:00:00.000"
    assert not view.transport.film_time.isVisible()
    view.player.seek(1.21)
    assert view.transport.time.text() == "0:00:01.210"
    # the video file has no offset either way: its 0 is the first row's time
    qtbot.waitUntil(lambda: bool(film.asked) and film.asked[-1] == pytest.approx(1.0))
    view.player.seek(0.1)
    qtbot.waitUntil(lambda: film.asked[-1] == 0.0)
    qtbot.waitUntil(lambda: view.view.result is not None and view.view.state.note == "")


def test_a_films_date_and_the_recordings_date_are_two(
    tmp_path: Path, open_session: Opener, window: MainWindow
) -> None:
    about = {**FILM, "film_started_utc": "2019-10-11T12:00:00Z"}
    open_session(write_two_faces(tmp_path / "clip", starts_at_s=STARTS_AT_S, about=about))
    assert window.review is not None
    facts = window.review.facts.text()
    assert facts.startswith("2026-03-04")
    assert "filmed 2019-10-11" in facts


def test_a_film_that_hangs_beyond_the_window_s_end_shows_nothing_any_more(qtbot: QtBot) -> None:
    reading, go_on = threading.Event(), threading.Event()

    class HangingFilm(FakeFilm):
        def picture_at(self, t_s: float) -> tuple[NDArray[np.uint8], float] | None:
            reading.set()
            go_on.wait(10)
            return super().picture_at(t_s)

    view = QWidget()
    player = Player(view)
    player.load(np.arange(3.0), (0.0, 2.0), Path("film.mp4"), lambda _: HangingFilm())
    assert reading.wait(10)
    (thread,) = (t for t in threading.enumerate() if t.name == "ferdesk-film")
    player.unload()
    player.join(0.01)
    shiboken6.delete(view)
    go_on.set()
    # pytest makes what a thread raises an error of this test
    thread.join(10)
    assert not thread.is_alive()
