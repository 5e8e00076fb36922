"""One session opened: played, scrubbed, marked, its faces merged, split, named and excluded."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTableWidget
from pytestqt.qtbot import QtBot

from ferdesk.core.labels import LABELS
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review
from ferdesk.ui.live.end_labels import HIGHEST, LOWEST
from ferdesk.ui.review.edits import Meanwhile
from ferdesk.ui.review.session_view import SessionView
from ferdesk.ui.shell.main_window import MainWindow
from tests.sessions.conftest import SessionMaker
from tests.ui.conftest import HeldClock
from tests.ui.fakes import FakeFilm, FakeServices
from tests.ui.test_review_library import Maker, wait_for

Opener = Callable[..., SessionView]
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
TWO_FACES = [[(1, "happy"), (2, "sad")]] * 20 + [[(1, "neutral")]] * 20
"""Four seconds; the second face leaves after two."""


@pytest.fixture
def make_session(services: FakeServices) -> Maker:
    services.sessions_folder().mkdir()
    return SessionMaker(services.sessions_folder())


@pytest.fixture
def open_(window: MainWindow, qtbot: QtBot, clock: HeldClock) -> Opener:
    def open_(folder: Path) -> SessionView:
        window.show_review(folder)
        assert window.review is not None
        page = window.review
        page.session.player._clock = clock
        qtbot.waitUntil(lambda: page.shows_session)
        return page.session

    return open_


def saved(folder: Path, qtbot: QtBot, view: SessionView) -> dict[str, list[dict[str, object]]]:
    """``review.json`` once all is written."""
    qtbot.waitUntil(lambda: view.saved.text() == "Saved")
    table: dict[str, list[dict[str, object]]] = json.loads((folder / "review.json").read_text())
    return table


def text_in(table: QTableWidget, row: int, column: int) -> str:
    item = table.item(row, column)
    assert item is not None
    return item.text()


def tracks(view: SessionView) -> list[str]:
    return [text_in(view.faces.table, row, 0) for row in range(view.faces.table.rowCount())]


def press(view: SessionView, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
    both = Qt.KeyboardModifier.NoModifier
    for modifier in modifiers:
        both |= modifier
    QTest.keyClick(view.timeline, key, both)


def at(view: SessionView, t_s: float) -> QPoint:
    """Where a moment lies in the plot."""
    scale = view.timeline._scale()
    return QPoint(round(scale.x(t_s)), view.timeline.plot.viewport().height() // 2)


def test_without_a_video_the_boxes_are_shown_and_it_is_said(
    make_session: Maker, open_: Opener
) -> None:
    view = open_(make_session(TWO_FACES, picture={"width": 320, "height": 240}))
    assert view.view.result is not None
    assert view.view.result.frame.image.shape == (240, 320, 3)
    assert [face.face_id for face in view.view.result.faces] == [1, 2]
    assert "No video was recorded" in view.view.state.note
    assert tracks(view) == ["#1", "#2"]
    assert text_in(view.faces.table, 1, 1) == "sad 76 %"
    assert text_in(view.faces.table, 1, 2) == "0:00:02"


def test_a_film_is_shown_with_the_faces_of_its_moment(
    make_session: Maker, open_: Opener, qtbot: QtBot, services: FakeServices
) -> None:
    folder = make_session(TWO_FACES, picture={"width": 64, "height": 48})
    (folder / "video.mp4").write_bytes(b"x")
    view = open_(folder)
    for t_s, number, ids in ((0.0, 0, [1, 2]), (3.05, 30, [1]), (1.0, 10, [1, 2])):
        view.player.seek(t_s)
        qtbot.waitUntil(lambda n=number: _brightness(view) == n)  # type: ignore[misc]
        assert view.view.result is not None
        assert [face.face_id for face in view.view.result.faces] == ids
    assert view.view.state.note == ""
    (film,) = services.films.values()
    assert film.num_closed == 0
    press(view, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: film.num_closed == 1)


def test_two_rows_of_each_table_are_seen_whole(make_session: Maker, open_: Opener) -> None:
    view = open_(make_session(TWO_FACES))
    for table in (view.faces.table, view.notes.table):
        rows_px = 2 * table.verticalHeader().defaultSectionSize()
        frame_px = 2 * table.frameWidth()
        head_px = table.horizontalHeader().sizeHint().height()
        assert table.minimumHeight() >= head_px + rows_px + frame_px


def _brightness(view: SessionView) -> int:
    result = view.view.result
    return -1 if result is None else int(result.frame.image[0, 0, 0])


def test_a_video_with_boxes_in_it_gets_no_second_ones(
    make_session: Maker, open_: Opener, qtbot: QtBot
) -> None:
    folder = make_session(TWO_FACES, video={"mode": "overlay"})
    (folder / "video.mp4").write_bytes(b"x")
    view = open_(folder)
    view.player.seek(1.0)
    qtbot.waitUntil(lambda: _brightness(view) == 10)
    assert view.view.result is not None
    assert view.view.result.faces == ()


def test_a_broken_video_is_said_and_the_rest_works(
    make_session: Maker, open_: Opener, qtbot: QtBot, services: FakeServices
) -> None:
    folder = make_session(TWO_FACES)
    (folder / "video.mp4").write_bytes(b"x")
    services.films[folder / "video.mp4"] = FakeFilm(error="The video video.mp4 is damaged.")
    view = open_(folder)
    qtbot.waitUntil(lambda: view.view.state.note == "The video video.mp4 is damaged.")
    press(view, Qt.Key.Key_Right)
    assert view.player.position_s == pytest.approx(0.1)
    qtbot.waitUntil(lambda: view.view.result is not None and len(view.view.result.faces) == 2)


def test_a_video_that_lacks_a_moment_is_not_passed_off_as_it(
    make_session: Maker, open_: Opener, qtbot: QtBot, services: FakeServices
) -> None:
    folder = make_session(TWO_FACES)
    (folder / "video.mp4").write_bytes(b"x")
    services.films[folder / "video.mp4"] = FakeFilm(num=10)
    view = open_(folder)
    view.player.seek(3.0)
    qtbot.waitUntil(lambda: "No video frame here" in view.view.state.note)


def test_playing_keeps_the_clock_and_ends_at_the_end(
    make_session: Maker, open_: Opener, clock: HeldClock
) -> None:
    view = open_(make_session(TWO_FACES))
    press(view, Qt.Key.Key_Space)
    clock.now_s += 1.05
    view.player.tick()
    assert view.player.position_s == pytest.approx(1.05)
    assert view.transport.time.text() == "0:00:01.050"
    press(view, Qt.Key.Key_Greater)
    clock.now_s += 0.5
    view.player.tick()
    assert view.player.position_s == pytest.approx(2.05)
    assert text_in(view.faces.table, 1, 1) == "sad 76 %"
    clock.now_s += 60
    view.player.tick()
    assert view.player.position_s == pytest.approx(3.9)
    assert not view.player.playing
    assert text_in(view.faces.table, 1, 1) == "not visible"
    press(view, Qt.Key.Key_P)
    assert view.player.position_s == 0.0


def test_steps_land_on_analysed_frames_exactly(make_session: Maker, open_: Opener) -> None:
    view = open_(make_session(TWO_FACES))
    view.player.seek(1.234)
    press(view, Qt.Key.Key_Period)
    assert view.player.position_s == pytest.approx(1.3)
    press(view, Qt.Key.Key_Left)
    press(view, Qt.Key.Key_Comma)
    assert view.player.position_s == pytest.approx(1.1)
    press(view, Qt.Key.Key_End)
    press(view, Qt.Key.Key_Right)
    assert view.player.position_s == pytest.approx(3.9)
    press(view, Qt.Key.Key_Home)
    press(view, Qt.Key.Key_Left)
    assert view.player.position_s == 0.0


def test_a_typed_time_is_gone_to_and_nonsense_is_told(
    make_session: Maker, open_: Opener, window: MainWindow
) -> None:
    view = open_(make_session(TWO_FACES))
    press(view, Qt.Key.Key_G, CTRL)
    assert view.transport.time.hasFocus()
    QTest.keyClicks(view.transport.time, "0:03.5")
    QTest.keyClick(view.transport.time, Qt.Key.Key_Return)
    assert view.player.position_s == pytest.approx(3.5)
    press(view, Qt.Key.Key_G, CTRL)
    QTest.keyClicks(view.transport.time, "soon")
    QTest.keyClick(view.transport.time, Qt.Key.Key_Return)
    assert any("such as 75" in text for text in window.notices.texts)
    assert view.player.position_s == pytest.approx(3.5)


def test_the_words_stay_at_the_ends_of_the_lines_whatever_moves_the_plot(
    make_session: Maker, open_: Opener, qtbot: QtBot
) -> None:
    timeline = open_(make_session(TWO_FACES)).timeline

    def in_place() -> bool:
        return timeline.ends._area == timeline.plot.plot_area(LOWEST, HIGHEST)

    qtbot.waitUntil(in_place)
    before = timeline.plot.height()
    timeline._tracks_area.setFixedHeight(timeline._tracks_area.height() + 40)
    qtbot.waitUntil(lambda: timeline.plot.height() != before)
    qtbot.waitUntil(in_place)


def test_the_mouse_scrubs_the_wheel_zooms_and_moves(make_session: Maker, open_: Opener) -> None:
    view = open_(make_session(TWO_FACES))
    timeline, viewport = view.timeline, view.timeline.plot.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(view, 1.0))
    assert view.player.position_s == pytest.approx(1.0, abs=0.02)
    QTest.mouseMove(viewport, at(view, 2.0))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(view, 2.0))
    spot = at(view, 3.0)

    def turn(y: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        event = QWheelEvent(
            QPointF(spot), QPointF(viewport.mapToGlobal(spot)), QPoint(), QPoint(0, y),
            Qt.MouseButton.NoButton, modifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(viewport, event)

    turn(240)
    from_s, to_s = timeline.range_s
    assert to_s - from_s == pytest.approx(3.9 / 1.25**2)
    assert timeline._scale().t_s(spot.x()) == pytest.approx(3.0, abs=0.02)
    turn(120, SHIFT)
    assert timeline.range_s[0] < from_s
    press(view, Qt.Key.Key_0)
    assert timeline.range_s == pytest.approx((0.0, 3.9))
    for _ in range(40):
        press(view, Qt.Key.Key_Plus)
    assert timeline.range_s[1] - timeline.range_s[0] == pytest.approx(0.5)
    timeline.bar.setValue(timeline.bar.maximum())
    assert timeline.range_s[1] == pytest.approx(3.9, abs=0.01)
    press(view, Qt.Key.Key_PageUp)
    assert timeline.range_s[1] == pytest.approx(3.5, abs=0.01)


def test_the_view_follows_the_cursor_while_it_plays(
    make_session: Maker, open_: Opener, clock: HeldClock
) -> None:
    view = open_(make_session(TWO_FACES))
    view.timeline.set_range(0.0, 1.0)
    view.player.play()
    clock.now_s += 1.5
    view.player.tick()
    assert view.timeline.range_s == pytest.approx((1.5, 2.5))


def test_lines_are_smoothed_or_raw_and_hidden_by_their_legend(
    make_session: Maker, open_: Opener
) -> None:
    folder = make_session(TWO_FACES)
    path = folder / "results.csv"
    # only the first 0.76 of a row is raw
    path.write_text(path.read_text().replace("0.76,", "0.66,", 1).replace(",0.04", ",0.14", 1))
    view = open_(folder)
    happy = view.timeline.plot.curves["happy"]
    assert happy.getData()[1][5] == pytest.approx(0.76)
    press(view, Qt.Key.Key_Y)
    assert view.timeline.smoothing.text() == "Raw"
    assert not view.timeline.smoothed
    view.timeline.legend["sad"].click()
    assert not view.timeline.plot.curves["sad"].isVisible()
    assert happy.isVisible()


def test_a_click_on_a_lane_chooses_the_face_and_brackets_too(
    make_session: Maker, open_: Opener
) -> None:
    view = open_(make_session(TWO_FACES))
    strip = view.timeline.tracks
    assert view.track_id == 1
    QTest.mouseClick(
        strip, Qt.MouseButton.LeftButton, pos=QPoint(at(view, 1.5).x(), strip.height() - 4)
    )
    assert view.track_id == 2
    assert view.player.position_s == pytest.approx(1.5, abs=0.02)
    assert view.faces.table.currentRow() == 1
    y = view.timeline.plot.curves["sad"].getData()[1]
    assert np.nanmax(y) == pytest.approx(0.76)
    press(view, Qt.Key.Key_BracketLeft)
    assert view.track_id == 1
    QTest.keyClick(strip, Qt.Key.Key_Down)
    assert view.track_id == 2
    view.faces.table.selectRow(0)
    assert view.track_id == 1
    assert not view.grab().isNull()


def test_faces_are_named_merged_split_excluded_undone_and_kept(
    make_session: Maker, open_: Opener, qtbot: QtBot
) -> None:
    folder = make_session(TWO_FACES)
    recorded = (folder / "results.csv").read_bytes(), (folder / "session.json").read_bytes()
    view = open_(folder)
    view.ask.text = lambda *_: "  Ana  B "
    press(view, Qt.Key.Key_N)
    assert tracks(view) == ["#1 Ana B", "#2"]
    view.player.seek(1.0)
    press(view, Qt.Key.Key_X)
    assert tracks(view) == ["#1 Ana B", "#2", "#3"]
    view.track_editor.select(2)
    press(view, Qt.Key.Key_E)
    assert view.actions_by_name["exclude"].text() == "Include"
    assert view.view.result is not None
    assert [face.face_id for face in view.view.result.faces] == [3]
    view.track_editor.select(3)
    view.faces.merge_menu.aboutToShow.emit()
    next(a for a in view.faces.merge_menu.actions() if "#1" in a.text()).trigger()
    assert tracks(view) == ["#2", "#3 Ana B"]
    table = saved(folder, qtbot, view)
    assert [track["id"] for track in table["lanes"]] == [2, 3]
    for _ in range(4):
        press(view, Qt.Key.Key_Z, CTRL)
    assert tracks(view) == ["#1", "#2"]
    assert not view.actions_by_name["undo"].isEnabled()
    for _ in range(4):
        press(view, Qt.Key.Key_Z, CTRL, SHIFT)
    assert tracks(view) == ["#2", "#3 Ana B"]
    assert not view.actions_by_name["redo"].isEnabled()
    view.track_editor.select(3)
    press(view, Qt.Key.Key_U)
    assert tracks(view) == ["#1", "#2"]
    press(view, Qt.Key.Key_Z, CTRL)
    saved(folder, qtbot, view)
    review = load_review(read_session(folder))
    assert review == view.review
    assert review.track(2).excluded
    assert ((folder / "results.csv").read_bytes(), (folder / "session.json").read_bytes()) == (
        recorded
    )


def test_saved_is_said_of_the_newest_change_alone(
    make_session: Maker, open_: Opener, qtbot: QtBot
) -> None:
    view = open_(make_session(TWO_FACES))
    saver = view.edits._saver
    assert saver is not None
    said: list[str] = []
    view.edits.saving.connect(said.append)
    assert saver.put(view.review)
    # an older saving is told while a newer one is under way
    view.edits._saved(saver, Meanwhile())
    assert said == []
    saver.write()
    view.edits._saved(saver, Meanwhile())
    assert said == ["saved"]


def test_markers_and_comments_are_added_changed_and_removed(
    make_session: Maker, open_: Opener, qtbot: QtBot, window: MainWindow
) -> None:
    folder = make_session(TWO_FACES, markers=[(0.5, "film A")])
    window.live_page.marker_keys.set_names(["calm"])
    view = open_(folder)
    view.player.seek(1.0)
    press(view, Qt.Key.Key_1)
    view.player.seek(2.0)
    view.ask.text = lambda *_: "smiles; at me"
    press(view, Qt.Key.Key_M)
    view.ask.text = lambda *_: "laughs"
    press(view, Qt.Key.Key_C)
    table = saved(folder, qtbot, view)
    assert [(m["t_s"], m["label"]) for m in table["markers"]] == [
        (1.0, "calm"), (2.0, "smiles, at me"),
    ]  # fmt: skip
    assert table["comments"] == [{"t_s": 2.0, "text": "laughs", "lane": 1}]
    assert [text_in(view.notes.table, row, 2) for row in range(4)] == [
        "recorded", "added", "added", "comment on #1",
    ]  # fmt: skip
    view.ask.text = lambda _p, _t, _q, text: text + " a lot"
    press(view, Qt.Key.Key_F2)
    view.player.seek(3.0)
    press(view, Qt.Key.Key_M, SHIFT)
    assert saved(folder, qtbot, view)["comments"] == [
        {"t_s": 3.0, "text": "laughs a lot", "lane": 1}
    ]
    press(view, Qt.Key.Key_Delete)
    assert saved(folder, qtbot, view)["comments"] == []
    press(view, Qt.Key.Key_Z, CTRL)
    assert len(saved(folder, qtbot, view)["comments"]) == 1


def test_a_recorded_marker_is_gone_to_and_stays_as_it_is(
    make_session: Maker, open_: Opener
) -> None:
    view = open_(make_session(TWO_FACES, markers=[(0.5, "film A"), (2.5, "film B")]))
    press(view, Qt.Key.Key_Right, CTRL)
    assert view.player.position_s == pytest.approx(0.5)
    press(view, Qt.Key.Key_Right, CTRL)
    press(view, Qt.Key.Key_Left, CTRL)
    assert view.player.position_s == pytest.approx(0.5)
    assert not view.actions_by_name["edit"].isEnabled()
    assert not view.actions_by_name["delete"].isEnabled()
    assert "cannot be changed" in view.notes.hint.text()
    flags = view.timeline.flags
    QTest.mouseClick(
        flags, Qt.MouseButton.LeftButton, pos=QPoint(at(view, 2.5).x() + 3, flags.height() // 2)
    )
    assert view.player.position_s == pytest.approx(2.5)
    assert view.notes.table.currentRow() == 1


def test_questions_that_are_cancelled_change_nothing(make_session: Maker, open_: Opener) -> None:
    folder = make_session(TWO_FACES)
    view = open_(folder)
    view.ask.text = lambda *_: None
    for key in (Qt.Key.Key_N, Qt.Key.Key_M, Qt.Key.Key_C):
        press(view, key)
    view.ask.text = lambda *_: "  "
    for key in (Qt.Key.Key_M, Qt.Key.Key_C):
        press(view, key)
    assert not view.edits.undo_text
    assert not (folder / "review.json").exists()


def test_a_stimulus_programs_markers_are_imported_once_and_notes_are_kept(
    make_session: Maker, open_: Opener, qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    folder = make_session(TWO_FACES)
    view = open_(folder)
    path = tmp_path / "m.csv"
    path.write_text("time,label\n1.5,film A\n77,late\n")
    view.ask.file = lambda _: str(path)
    press(view, Qt.Key.Key_I, CTRL)
    said = wait_for(qtbot, window, "2 markers were added")
    assert "outside the session" in said
    press(view, Qt.Key.Key_I, CTRL)
    assert [marker.label for marker in view.review.markers] == ["film A", "late"]
    path.write_text("time,label\nsoon,film A\n")
    press(view, Qt.Key.Key_I, CTRL)
    wait_for(qtbot, window, "is not a time")
    view.ask.notes = lambda *_: " The door slammed at 2 s.\nTwice. "
    press(view, Qt.Key.Key_N, CTRL)
    saved(folder, qtbot, view)
    assert load_review(read_session(folder)).notes == "The door slammed at 2 s.\nTwice."
    view.ask.file, view.ask.notes = lambda _: "", lambda *_: None
    press(view, Qt.Key.Key_I, CTRL)
    press(view, Qt.Key.Key_N, CTRL)
    assert len(view.review.markers) == 2
    assert view.edits.undo_text == "Notes"


def test_report_and_export_have_the_review_as_it_is_now(
    make_session: Maker, open_: Opener, qtbot: QtBot, window: MainWindow
) -> None:
    folder = make_session(TWO_FACES)
    view = open_(folder)
    view.ask.text = lambda *_: "Ana"
    press(view, Qt.Key.Key_N)
    view.track_editor.select(2)
    press(view, Qt.Key.Key_E)
    press(view, Qt.Key.Key_R, CTRL)
    wait_for(qtbot, window, "Report saved in")
    html = (folder / "report.html").read_text("utf-8")
    assert "Ana" in html
    assert "1 (1 excluded)" in html
    view.outputs.export_as("summary")
    wait_for(qtbot, window, "Exported")
    lines = (folder / "summary.csv").read_text().splitlines()
    assert len(lines) == 2
    assert ",Ana," in lines[1]


def test_a_folder_that_cannot_be_written_is_told_and_saving_goes_on_later(
    make_session: Maker,
    open_: Opener,
    qtbot: QtBot,
    window: MainWindow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = make_session(TWO_FACES)
    view = open_(folder)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("ferdesk.sessions.review.write_json", full)
        press(view, Qt.Key.Key_1)
        wait_for(qtbot, window, "The review cannot be saved")
        qtbot.waitUntil(lambda: view.saved.text() == "Not saved")
        assert len(view.review.markers) == 1
    press(view, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: (folder / "review.json").exists())
    assert load_review(read_session(folder)).markers[0].label == "1"


def test_a_damaged_review_is_told_kept_aside_and_never_written_over(
    make_session: Maker, open_: Opener, qtbot: QtBot, window: MainWindow
) -> None:
    folder = make_session(TWO_FACES)
    (folder / "review.json").write_text("{ half")
    view = open_(folder)
    wait_for(qtbot, window, "review.json.bad")
    for key in (Qt.Key.Key_1, Qt.Key.Key_2):
        press(view, key)
        saved(folder, qtbot, view)
    assert (folder / "review.json.bad").read_text() == "{ half"
    assert len(load_review(read_session(folder)).markers) == 2


def test_what_another_program_saved_meanwhile_is_kept(
    make_session: Maker, open_: Opener, qtbot: QtBot, window: MainWindow
) -> None:
    folder = make_session(TWO_FACES)
    view = open_(folder)
    (folder / "review.json").write_text(json.dumps({"schema": 1, "notes": "theirs"}))
    press(view, Qt.Key.Key_1)
    wait_for(qtbot, window, "Another program")
    both = saved(folder, qtbot, view)
    assert (str(both["notes"]), len(both["markers"])) == ("theirs", 1)
    press(view, Qt.Key.Key_2)
    both = saved(folder, qtbot, view)
    assert (str(both["notes"]), len(both["markers"])) == ("theirs", 2)
    assert not list(folder.glob("review-*.json"))


def test_a_folder_that_vanishes_while_it_is_open_loses_nothing_on_the_screen(
    make_session: Maker, open_: Opener, qtbot: QtBot, window: MainWindow
) -> None:
    folder = make_session(TWO_FACES)
    view = open_(folder)
    shutil.rmtree(folder)
    press(view, Qt.Key.Key_1)
    wait_for(qtbot, window, "The review cannot be saved")
    press(view, Qt.Key.Key_Right)
    assert view.player.position_s == pytest.approx(0.1)
    assert len(view.review.markers) == 1
    press(view, Qt.Key.Key_Escape)
    assert window.review is not None
    library = window.review.library
    qtbot.waitUntil(lambda: library.empty_title.text() == "No sessions yet")
    assert not folder.exists()


def test_a_session_without_rows_opens_and_one_without_a_byte_is_a_sentence(
    make_session: Maker, open_: Opener, qtbot: QtBot, window: MainWindow
) -> None:
    empty = make_session([], name="empty")
    view = open_(empty)
    assert view.view.state.note == "This session has no data."
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Right, Qt.Key.Key_X, Qt.Key.Key_Plus, Qt.Key.Key_End):
        press(view, key)
    assert not view.player.playing
    assert not view.grab().isNull()
    nothing = make_session([], name="nothing")
    (nothing / "results.csv").write_bytes(b"")
    page = window.review
    assert page is not None
    page.open(nothing)
    wait_for(qtbot, window, "is empty")
    assert not page.shows_session


def test_a_still_and_a_session_without_a_face_can_be_looked_at(
    make_session: Maker, open_: Opener
) -> None:
    view = open_(make_session([[(1, "happy")]], name="still"))
    assert tracks(view) == ["#1"]
    press(view, Qt.Key.Key_Right)
    assert not view.grab().isNull()
    view = open_(make_session([[]] * 30, name="nobody"))
    assert tracks(view) == []
    assert view.track_id is None
    for key in (Qt.Key.Key_N, Qt.Key.Key_E, Qt.Key.Key_BracketRight, Qt.Key.Key_1):
        press(view, key)
    assert len(view.review.markers) == 1
    assert not view.grab().isNull()


def test_the_live_page_and_back_leave_the_session_open(
    make_session: Maker, open_: Opener, window: MainWindow
) -> None:
    view = open_(make_session(TWO_FACES))
    view.player.seek(2.0)
    view.player.play()
    QTest.keyClick(window, Qt.Key.Key_F7)
    assert window.live_page.view.isVisible()
    assert not view.player.playing
    QTest.keyClick(window, Qt.Key.Key_F7)
    assert view.isVisible()
    assert view.player.position_s == pytest.approx(2.0, abs=0.1)


def test_the_lanes_say_where_a_face_was_seen_unsure_and_away(
    make_session: Maker, open_: Opener
) -> None:
    frames = [[(1, "happy")]] * 20 + [[]] * 20 + [[(1, "sad?")]] * 20
    view = open_(make_session(frames))
    opened = view.opened
    assert opened is not None
    kinds = opened.lines_of(opened.review.tracks[0]).columns(np.linspace(0, 5.9, 60))
    assert set(kinds[:19]) == {LABELS.index("happy")}
    assert set(kinds[22:38]) == {8}
    assert set(kinds[42:]) == {7}
    assert not view.grab().isNull()
    _, _, words = view.timeline.tracks._pictures[1]
    assert [label for _, _, label in words] == ["happy", ""]
