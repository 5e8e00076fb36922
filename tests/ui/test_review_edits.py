"""Every edit of a session: what it writes into review.json, and that undo and redo are exact."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from ferdesk.ui.review.session_view import SessionView
from tests.helpers.sessions import FIRST_ID, SECOND_ID, write_two_faces
from tests.ui.review_page import Opener, column, press, saved

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NOTHING: dict[str, object] = {
    "schema": 1, "lanes": [], "comments": [], "markers": [], "notes": "",
}  # fmt: skip


def track(
    track_id: int, *segments: tuple[int, float | None, float | None], name: str = "",
    excluded: bool = False,
) -> dict[str, object]:  # fmt: skip
    """A track as it is written down: segments are face, from and to."""
    return {
        "id": track_id,
        "name": name,
        "excluded": excluded,
        "pieces": [{"face_id": f, "from_s": a, "to_s": b} for f, a, b in segments],
    }


def answer(view: SessionView, text: str) -> None:
    view.ask.text = lambda *_: text


def name_it(view: SessionView) -> None:
    answer(view, "  Ana \t Maria ")
    press(view, Qt.Key.Key_N)


def merge_them(view: SessionView) -> None:
    view.faces.merge_menu.aboutToShow.emit()
    (entry,) = view.faces.merge_menu.actions()
    entry.trigger()


def split_at(view: SessionView, t_s: float) -> None:
    view.player.seek(t_s)
    press(view, Qt.Key.Key_X)


def split_and_merge(view: SessionView) -> None:
    view.track_editor.select(SECOND_ID)
    split_at(view, 0.55)
    view.track_editor.select(FIRST_ID)
    view.track_editor.merge_with(10)


def reset_it(view: SessionView) -> None:
    press(view, Qt.Key.Key_U)


def marker_here(view: SessionView) -> None:
    view.player.seek(1.234567)
    answer(view, " film; part 2 ")
    press(view, Qt.Key.Key_M)


def numbered_marker(view: SessionView) -> None:
    view.player.seek(0.71)
    press(view, Qt.Key.Key_3)


def comment_here(view: SessionView) -> None:
    view.track_editor.select(SECOND_ID)
    view.player.seek(0.4321)
    answer(view, " looks <away>; twice ")
    press(view, Qt.Key.Key_C)


def edit_a_comment(view: SessionView) -> None:
    comment_here(view)
    answer(view, "looks back")
    press(view, Qt.Key.Key_F2)


def move_a_marker(view: SessionView) -> None:
    marker_here(view)
    view.player.seek(0.25)
    press(view, Qt.Key.Key_M, SHIFT)


def delete_one_of_two(view: SessionView) -> None:
    marker_here(view)
    numbered_marker(view)
    press(view, Qt.Key.Key_Delete)


def write_notes(view: SessionView) -> None:
    view.ask.notes = lambda *_: "\n The door slammed.\nTwice. \n"
    press(view, Qt.Key.Key_N, CTRL)


FILM_MARKER = {"t_s": 1.234567, "label": "film, part 2", "origin": "review"}
COMMENT = {"t_s": 0.4321, "text": "looks <away>; twice", "lane": 9}
EDITS: Mapping[str, tuple[Callable[[SessionView], None], dict[str, object]]] = {
    "name": (name_it, {"lanes": [track(4, (4, None, None), name="Ana Maria")]}),
    "merge": (merge_them, {"lanes": [track(4, (4, None, None), (9, None, None))]}),
    "split": (
        lambda view: split_at(view, 0.55),
        {"lanes": [track(4, (4, None, 0.55)), track(10, (4, 0.55, None))]},
    ),
    "split and merge": (
        split_and_merge,
        {"lanes": [track(4, (4, None, None), (9, 0.55, None)), track(9, (9, None, 0.55))]},
    ),
    "reset": (reset_it, {}),
    "exclude": (
        lambda view: press(view, Qt.Key.Key_E),
        {"lanes": [track(4, (4, None, None), excluded=True)]},
    ),
    "marker": (marker_here, {"markers": [FILM_MARKER]}),
    "numbered marker": (
        numbered_marker, {"markers": [{"t_s": 0.71, "label": "3", "origin": "review"}]},
    ),
    "comment": (comment_here, {"comments": [COMMENT]}),
    "edited comment": (
        edit_a_comment, {"comments": [{"t_s": 0.4321, "text": "looks back", "lane": 9}]},
    ),
    "moved marker": (move_a_marker, {"markers": [{**FILM_MARKER, "t_s": 0.25}]}),
    "deleted marker": (delete_one_of_two, {"markers": [FILM_MARKER]}),
    "notes": (write_notes, {"notes": "The door slammed.\nTwice."}),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_written_as_it_should_and_undo_and_redo_are_exact(
    name: str, tmp_path: Path, open_session: Opener, qtbot: QtBot
) -> None:
    do, wanted = EDITS[name]
    folder = write_two_faces(tmp_path / "one")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    view = open_session(folder)
    assert view.track_id == FIRST_ID
    untouched = view.review
    if do is reset_it:
        # written first: a writer that comes late would find nothing that differs, and write none
        split_and_merge(view)
        saved(folder, qtbot, view)
    do(view)
    assert saved(folder, qtbot, view) == {**NOTHING, **wanted}
    after = view.review
    reviews = [after]
    while view.actions_by_name["undo"].isEnabled():
        press(view, Qt.Key.Key_Z, CTRL)
        reviews.append(view.review)
    assert view.review == untouched
    assert saved(folder, qtbot, view) == NOTHING
    for review in reviews[-2::-1]:
        press(view, Qt.Key.Key_Z, CTRL, SHIFT)
        assert view.review == review
    assert not view.actions_by_name["redo"].isEnabled()
    assert saved(folder, qtbot, view) == {**NOTHING, **wanted}
    # what was recorded is as it was
    assert {path: (folder / path).read_bytes() for path in before} == before


def test_an_edit_after_undo_takes_the_place_of_what_was_undone(
    tmp_path: Path, open_session: Opener, qtbot: QtBot
) -> None:
    folder = write_two_faces(tmp_path / "one")
    view = open_session(folder)
    name_it(view)
    press(view, Qt.Key.Key_E)
    press(view, Qt.Key.Key_Z, CTRL)
    assert "Exclude" in view.actions_by_name["redo"].toolTip()
    assert "Name" in view.actions_by_name["undo"].toolTip()
    numbered_marker(view)
    assert not view.actions_by_name["redo"].isEnabled()
    table = saved(folder, qtbot, view)
    assert table["lanes"] == [track(4, (4, None, None), name="Ana Maria")]
    assert [m["label"] for m in table["markers"]] == ["3"]  # type: ignore[attr-defined]


def test_a_split_track_shows_each_side_where_it_is(tmp_path: Path, open_session: Opener) -> None:
    view = open_session(write_two_faces(tmp_path / "one"))
    split_at(view, 0.55)
    assert column(view.faces.table, 0) == ["#4", "#9", "#10"]
    view.player.seek(0.40)
    assert column(view.faces.table, 1) == [
        "happy 54 %", "Low confidence: sad 43 %", "not visible",
    ]  # fmt: skip
    view.player.seek(1.50)
    # the second face has left after a second
    assert column(view.faces.table, 1)[1:] == ["Low confidence: sad 40 %", "happy 68 %"]
    view.player.seek(1.90)
    assert column(view.faces.table, 1) == ["not visible", "not visible", "happy 72 %"]


def test_a_split_beside_all_rows_changes_nothing_and_says_so(
    tmp_path: Path, open_session: Opener
) -> None:
    view = open_session(write_two_faces(tmp_path / "one"))
    told: list[str] = []
    view.told.connect(lambda notice: told.append(notice.text))
    for t_s in (0.0, 1.916667):
        view.player.seek(t_s)
        assert not view.actions_by_name["split"].isEnabled()
    view.player.seek(0.55)
    press(view, Qt.Key.Key_X)
    view.track_editor.select(10)
    press(view, Qt.Key.Key_X)
    assert column(view.faces.table, 0) == ["#4", "#9", "#10"]
    assert told == ["The face has no data on one side of the cursor; nothing was split."]


def test_a_comment_follows_its_face_into_a_merge(
    tmp_path: Path, open_session: Opener, qtbot: QtBot
) -> None:
    folder = write_two_faces(tmp_path / "one")
    view = open_session(folder)
    comment_here(view)
    view.track_editor.select(FIRST_ID)
    merge_them(view)
    assert saved(folder, qtbot, view)["comments"] == [{**COMMENT, "lane": 4}]
    assert column(view.notes.table, 2) == ["comment on #4"]


def test_excluded_faces_leave_the_picture_and_their_row_is_struck_out(
    tmp_path: Path, open_session: Opener
) -> None:
    view = open_session(write_two_faces(tmp_path / "one"))
    press(view, Qt.Key.Key_E)
    assert view.view.result is not None
    assert [face.face_id for face in view.view.result.faces] == [SECOND_ID]
    fonts = [view.faces.table.item(row, 0).font().strikeOut() for row in (0, 1)]  # type: ignore[union-attr]
    assert fonts == [True, False]
    assert view.actions_by_name["exclude"].text() == "Include"
    press(view, Qt.Key.Key_E)
    assert view.view.result is not None
    assert len(view.view.result.faces) == 2


def test_imported_markers_keep_where_they_came_from(
    tmp_path: Path, open_session: Opener, qtbot: QtBot
) -> None:
    folder = write_two_faces(tmp_path / "one", markers=[(0.3, "recorded one")])
    view = open_session(folder)
    path = tmp_path / "stimuli.csv"
    path.write_text("onset_ms,trial_type\n1234.5,film A\n0.25,film B\n", "utf-8")
    view.ask.file = lambda _: str(path)
    press(view, Qt.Key.Key_I, CTRL)
    assert saved(folder, qtbot, view)["markers"] == [
        {"t_s": 0.00025, "label": "film B", "origin": "stimuli.csv"},
        {"t_s": 1.2345, "label": "film A", "origin": "stimuli.csv"},
    ]
    assert column(view.notes.table, 1) == ["film B", "recorded one", "film A"]
    assert column(view.notes.table, 2) == ["stimuli.csv", "recorded", "stimuli.csv"]
    assert column(view.notes.table, 0) == ["0:00:00.000", "0:00:00.300", "0:00:01.234"]


def test_the_selection_of_a_note_lasts_until_the_note_is_gone(
    tmp_path: Path, open_session: Opener
) -> None:
    view = open_session(write_two_faces(tmp_path / "one", markers=[(0.3, "film A")]))
    marker_here(view)
    assert view.notes.table.currentRow() == 1
    press(view, Qt.Key.Key_E)
    assert view.notes.table.currentRow() == 1
    assert view.actions_by_name["delete"].isEnabled()
    press(view, Qt.Key.Key_Delete)
    assert view.note_editor.note is None
    assert not view.actions_by_name["delete"].isEnabled()
    assert column(view.notes.table, 1) == ["film A"]
