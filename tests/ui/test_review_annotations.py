"""Annotations of a session: a range and a label, by key and by mouse, kept, undone and exported."""

from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.ui.review.session_view import SessionView
from tests.helpers.sessions import FIRST_ID, SECOND_ID, STEP_S, write_two_faces
from tests.ui.review_page import Opener, column, plot_point, press, saved

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def annotate(view: SessionView, from_s: float, to_s: float, label: str = "fear") -> None:
    view.ask.label = lambda *_: label
    view.player.seek(from_s)
    press(view, Qt.Key.Key_A)
    view.player.seek(to_s)
    press(view, Qt.Key.Key_A)


def entry(from_s: float, to_s: float, label: str, lane: int) -> dict[str, object]:
    return {
        "from_s": pytest.approx(from_s, abs=1e-6),
        "to_s": pytest.approx(to_s, abs=1e-6),
        "label": label,
        "lane": lane,
    }


def test_a_key_at_each_end_annotates_the_selected_face_to_the_frame_at_the_cursor(
    tmp_path: Path, open_session: Opener, qtbot: QtBot
) -> None:
    folder = write_two_faces(tmp_path / "one")
    view = open_session(folder)
    strip = view.timeline.ranges
    heights = [strip.height()]
    view.player.seek(0.25)
    press(view, Qt.Key.Key_A)
    view.player.seek(1.0)
    begun = [strip._open_s]
    heights.append(strip.height())
    assert heights[0] == 0 < heights[1]
    view.ask.label = lambda *_: "fear"
    press(view, Qt.Key.Key_A)
    assert [*begun, strip._open_s] == [(0.25, 1.0), None]
    wanted = [entry(0.25, 1.0 + STEP_S / 2, "fear", FIRST_ID)]
    assert saved(folder, qtbot, view)["annotations"] == wanted
    assert column(view.notes.table, 1) == ["fear"]
    assert column(view.notes.table, 2) == [f"annotation of #{FIRST_ID}"]
    assert view.note_editor.note == strip.annotations[0]
    # also from the end to the start; the other face has its own
    view.track_editor.select(SECOND_ID)
    assert strip.annotations == ()
    annotate(view, 0.5, 0.1, "angry")
    assert saved(folder, qtbot, view)["annotations"] == [
        entry(0.1, 0.5 + STEP_S / 2, "angry", SECOND_ID), *wanted,
    ]  # fmt: skip
    press(view, Qt.Key.Key_Z, CTRL)
    press(view, Qt.Key.Key_Z, CTRL)
    assert "annotations" not in saved(folder, qtbot, view)
    press(view, Qt.Key.Key_Y, CTRL)
    assert saved(folder, qtbot, view)["annotations"] == wanted


def test_the_same_place_twice_and_no_answer_annotate_nothing(
    tmp_path: Path, open_session: Opener
) -> None:
    view = open_session(write_two_faces(tmp_path / "one"))
    annotate(view, 0.5, 0.5)
    assert view.annotating.begun_s is None
    view.ask.label = lambda *_: None
    view.annotating.annotate(0.1, 0.5)
    view.ask.label = lambda *_: ""
    view.ask.text = lambda *_: "  "
    view.annotating.annotate(0.1, 0.5)
    assert view.review.annotations == ()
    assert not view.edits.can_undo()


def test_dragging_with_shift_marks_a_range_for_a_text_of_ones_own(
    tmp_path: Path, open_session: Opener
) -> None:
    view = open_session(write_two_faces(tmp_path / "one"))
    view.ask.label = lambda *_: ""
    view.ask.text = lambda *_: " raises; brows "
    plot = view.timeline.plot.viewport()
    begin, end = plot_point(view, 0.5), plot_point(view, 1.25)
    position_s = view.player.position_s
    QTest.mousePress(plot, Qt.MouseButton.LeftButton, SHIFT, begin)
    QTest.mouseMove(plot, end)
    QTest.mouseRelease(plot, Qt.MouseButton.LeftButton, SHIFT, end)
    (annotation,) = view.review.annotations
    assert annotation.label == "raises, brows"
    assert (annotation.from_s, annotation.to_s) == pytest.approx((0.5, 1.25), abs=0.01)
    assert view.player.position_s == position_s
    # without Shift the cursor moves, and nothing is marked
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=begin)
    assert view.player.position_s == pytest.approx(0.5, abs=0.01)
    assert len(view.review.annotations) == 1


def test_an_annotation_is_relabelled_moved_deleted_and_gone_to(
    tmp_path: Path, open_session: Opener, qtbot: QtBot
) -> None:
    folder = write_two_faces(tmp_path / "one")
    view = open_session(folder)
    annotate(view, 0.25, 0.75)
    view.ask.label = lambda *_: "sad"
    press(view, Qt.Key.Key_F2)
    assert view.review.annotations[0].label == "sad"
    view.player.seek(1.0)
    press(view, Qt.Key.Key_M, SHIFT)
    moved = view.review.annotations[0]
    assert (moved.from_s, moved.to_s) == pytest.approx((1.0, 1.5 + STEP_S / 2))
    view.player.seek(0.0)
    strip = view.timeline.ranges
    at = round(strip.scale.x(1.3))
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(at, 10))
    assert view.player.position_s == pytest.approx(1.0)
    assert view.note_editor.note == moved
    assert strip.tip_of(moved) == "0:00:01.000 - 0:00:01.542  sad"
    press(view, Qt.Key.Key_Delete)
    assert view.review.annotations == ()
    assert strip.height() == 0


def test_the_bar_has_its_labels_colour_and_a_merge_takes_annotations_along(
    tmp_path: Path, open_session: Opener
) -> None:
    from ferdesk.ui.kit.theme import label_colour

    view = open_session(write_two_faces(tmp_path / "one"))
    view.track_editor.select(SECOND_ID)
    annotate(view, 0.5, 1.5, "disgust")
    strip = view.timeline.ranges
    image = strip.grab().toImage()
    assert image.pixelColor(round(strip.scale.x(0.55)), 6) == label_colour("disgust")
    assert image.pixelColor(round(strip.scale.x(1.8)), 6) != label_colour("disgust")
    view.track_editor.select(FIRST_ID)
    view.track_editor.merge_with(SECOND_ID)
    assert [one.track for one in view.review.annotations] == [FIRST_ID]


def test_several_faces_are_merged_at_once_and_undone_at_once(
    tmp_path: Path, open_session: Opener, qtbot: QtBot
) -> None:
    folder = write_two_faces(tmp_path / "one")
    view = open_session(folder)
    view.player.seek(0.55)
    press(view, Qt.Key.Key_X)  # a third track: the rest of the first
    assert [track.id for track in view.review.tracks] == [FIRST_ID, SECOND_ID, 10]
    selection = view.faces.table.selectionModel()
    flags = QItemSelectionModel.SelectionFlag
    model = view.faces.table.model()
    view.track_editor.select(FIRST_ID)
    for row in (1, 2):
        selection.select(model.index(row, 0), flags.Select | flags.Rows)
    assert view.faces.selected_ids == [FIRST_ID, SECOND_ID, 10]
    press(view, Qt.Key.Key_G)
    assert [track.id for track in view.review.tracks] == [FIRST_ID]
    assert {segment.face_id for segment in view.review.tracks[0].segments} == {FIRST_ID, SECOND_ID}
    press(view, Qt.Key.Key_Z, CTRL)
    assert [track.id for track in view.review.tracks] == [FIRST_ID, SECOND_ID, 10]
