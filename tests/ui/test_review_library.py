"""The library of sessions: found, searched, sorted, opened, repaired, reported and thrown away."""

import json
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from ferdesk.sessions.catalogue import Entry
from ferdesk.sessions.files import mark_as_written
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review, save_review
from ferdesk.sessions.table import is_kept
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.review import library_work
from ferdesk.ui.review.details_dialog import DetailsDialog
from ferdesk.ui.review.groups_dialog import GroupChoice, GroupsDialog
from ferdesk.ui.review.library import Library
from ferdesk.ui.review.library_questions import move_to_trash
from ferdesk.ui.review.page import ReviewPage
from ferdesk.ui.shell.main_window import MainWindow
from tests.sessions.conftest import SessionMaker
from tests.ui.fakes import FakeServices
from tests.ui.test_accessibility import nameless
from tests.ui.test_window import run

Maker = Callable[..., Path]


@pytest.fixture
def make_session(services: FakeServices) -> Maker:
    services.sessions_folder().mkdir()
    return SessionMaker(services.sessions_folder())


def page_of(window: MainWindow, qtbot: QtBot) -> ReviewPage:
    """The page with its list read."""
    if not window.actions_by_name["review"].isChecked():
        QTest.keyClick(window, Qt.Key.Key_F7)
    page = window.review
    assert page is not None
    qtbot.waitUntil(lambda: page.library._read)
    return page


def names(library: Library) -> list[str]:
    return [entry.name for entry in library.model.entries]


def wait_for(qtbot: QtBot, window: MainWindow, words: str) -> str:
    """The notice in which ``words`` stand."""
    qtbot.waitUntil(lambda: any(words in text for text in window.notices.texts))
    return next(text for text in window.notices.texts if words in text)


def test_the_library_shows_every_session_and_the_live_page_comes_back(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    make_session([[(1, "happy")]] * 20, name="old", num_faces=1, markers=[(0.5, "film A")])
    make_session([[]] * 3, name="new", started_utc="2026-05-01T00:00:00Z", complete=False)
    run(window, qtbot)
    page = page_of(window, qtbot)
    library = page.library
    assert names(library) == ["new", "old"]
    texts = [library.model.index(1, column).data() for column in range(12)]
    assert texts[1:8] == ["old", "", "", "0:00:02", "camera:0", "1", "1"]
    assert (texts[9], texts[11]) == ("fast", "complete")
    assert library.table.isColumnHidden(2)
    assert library.table.isColumnHidden(3)
    assert "2 sessions" in library.place.text()
    assert library.table.hasFocus()
    assert not window.live_page.view.isVisible()
    QTest.keyClick(window, Qt.Key.Key_F7)
    assert window.live_page.view.isVisible()
    assert window.live.running


def test_keys_belong_to_the_page_that_is_shown(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    page = page_of(window, qtbot)
    QTest.keyClick(page.library.table, Qt.Key.Key_R)
    QTest.keyClick(page.library.table, Qt.Key.Key_F5)
    assert window.live.running
    assert not services.recordings
    window.show_keys()
    assert window.keys_sheet is not None
    told = {text for _, text in window.keys_sheet.entries}
    assert "Search sessions" in told
    assert "Record results to CSV" not in told
    assert "Review recordings" in told


def test_the_keyboard_is_in_the_list_once_it_is_read(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    make_session([[(1, "happy")]] * 5, name="one")
    window.show_review(make_session([[(1, "happy")]] * 5, name="two").parent)
    assert window.review is not None
    library = window.review.library
    qtbot.waitUntil(lambda: len(library.model.entries) == 2)
    assert library.table.hasFocus()


def test_an_empty_library_says_how_to_fill_it(window: MainWindow, qtbot: QtBot) -> None:
    library = page_of(window, qtbot).library
    assert library.stack.currentIndex() == 1
    assert library.empty_title.text() == "No sessions yet"
    assert "Record (R)" in library.empty_text.text()
    assert not any(library.actions_by_name[n].isEnabled() for n in ("open", "report", "delete"))


def test_search_narrows_the_list_and_return_opens_what_is_left(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    make_session([[(1, "happy")]] * 20, name="pilot-1")
    make_session([[(1, "sad")]] * 20, name="pilot-2", markers=[(0.5, "film A")])
    page = page_of(window, qtbot)
    QTest.keyClick(page.library.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.library.search.hasFocus()
    QTest.keyClicks(page.library.search, "film")
    assert names(page.library) == ["pilot-2"]
    assert "1 of 2" in page.library.place.text()
    page.library.select([page.library.model.entries[0].folder])
    QTest.keyClick(page.library.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.shows_session)
    assert page.title.text() == "pilot-2"
    # a range that was begun is left before the session is
    begun = []
    for key in (Qt.Key.Key_A, Qt.Key.Key_Escape):
        QTest.keyClick(page.session.timeline, key)
        begun.append(page.session.annotating.begun_s is not None)
    assert begun == [True, False]
    assert page.stack.currentWidget() is page.session
    QTest.keyClick(page.session.timeline, Qt.Key.Key_Escape)
    assert not page.shows_session
    page.library.search.setText("nobody")
    assert page.library.empty_title.text() == "No matching sessions"
    page.library.search.setFocus()
    QTest.keyClick(page.library.search, Qt.Key.Key_Escape)
    assert sorted(names(page.library)) == ["pilot-1", "pilot-2"]
    assert page.library.table.hasFocus()


def test_what_offered_a_recording_is_gone_once_it_is_opened(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(1, "happy")]] * 20, name="one")
    other = make_session([[(1, "happy")]] * 20, name="other")
    for one in (folder, other):
        window.notices.show_notice(Notice(f"{one.name} is saved.", about=one))
    window.show_review(folder)
    assert window.review is not None
    qtbot.waitUntil(lambda: window.review is not None and window.review.shows_session)
    assert window.notices.texts == ("other is saved.",)


def test_columns_sort_and_the_selection_follows(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    for name, frames in (("b", 30), ("a", 10), ("c", 20)):
        make_session([[(1, "happy")]] * frames, name=name)
    library = page_of(window, qtbot).library
    library.select([library.root / "b"])
    library.table.sortByColumn(4, Qt.SortOrder.AscendingOrder)
    assert names(library) == ["a", "c", "b"]
    assert [entry.name for entry in library.selected] == ["b"]
    library.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert names(library) == ["c", "b", "a"]


def test_a_list_that_takes_long_leaves_the_window_free(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(root: Path) -> list[object]:
        go_on.wait(20)
        return []

    monkeypatch.setattr("ferdesk.sessions.catalogue.list_sessions", slow)
    QTest.keyClick(window, Qt.Key.Key_F7)
    assert window.review is not None
    assert window.review.library.empty_title.text() == "Reading sessions…"
    go_on.set()
    page_of(window, qtbot)


def test_a_damaged_folder_is_listed_with_its_reason_and_opens_nothing(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(1, "happy")]] * 3, name="bad")
    (folder / "session.json").write_text("{")
    library = page_of(window, qtbot).library
    assert library.model.entries[0].state == "unreadable"
    assert "cannot be read" in library.about.text()
    assert not library.actions_by_name["open"].isEnabled()
    library.table.doubleClicked.emit(library.model.index(0, 0))
    assert window.review is not None
    assert not window.review.shows_session


def test_a_session_that_is_cut_off_is_repaired(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(1, "happy")]] * 5, name="cut", complete=False)
    library = page_of(window, qtbot).library
    assert "Repair" in library.about.text()
    QTest.keyClick(
        library.table,
        Qt.Key.Key_R,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    wait_for(qtbot, window, "repaired")
    qtbot.waitUntil(lambda: library.model.entries[0].state == "complete")
    assert read_session(folder).complete
    assert [entry.name for entry in library.selected] == ["cut"]


def test_a_session_that_is_being_recorded_is_neither_repaired_nor_deleted(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(1, "happy")]] * 5, name="now", complete=False)
    with (folder / "results.csv").open("r+b") as file:
        mark_as_written(file)
        library = page_of(window, qtbot).library
        assert library.model.entries[0].state == "recording"
        assert not library.actions_by_name["repair"].isEnabled()
        assert not library.actions_by_name["delete"].isEnabled()
        done = make_session([[(1, "happy")]] * 5, name="done")
        library.refresh()
        qtbot.waitUntil(lambda: len(library.model.entries) == 2)
        thrown: list[Path] = []
        library.ask.confirm = lambda *_: True

        def trash(one: Path) -> bool:
            thrown.append(one)
            return True

        library.ask.trash = trash
        library.table.selectAll()
        library.actions_by_name["delete"].trigger()
        wait_for(qtbot, window, "to the trash")
        assert thrown == [done]


def test_deleting_asks_first_and_moves_to_the_trash(
    window: MainWindow, qtbot: QtBot, make_session: Maker, tmp_path: Path
) -> None:
    for name in ("one", "two", "three"):
        make_session([[(1, "happy")]] * 5, name=name)
    library = page_of(window, qtbot).library
    asked: list[str] = []
    answers = [False, True]

    def confirm(_parent: object, title: str, text: str) -> bool:
        asked.append(f"{title}\n{text}")
        return answers.pop(0)

    def trash(folder: Path) -> bool:
        shutil.move(folder, tmp_path / f"trash-{folder.name}")
        return True

    library.ask.confirm, library.ask.trash = confirm, trash
    library.select([library.root / "one", library.root / "two"])
    QTest.keyClick(library.table, Qt.Key.Key_Delete)
    assert "one" in asked[0]
    assert "two" in asked[0]
    assert len(list(library.root.iterdir())) == 3
    QTest.keyClick(library.table, Qt.Key.Key_Delete)
    wait_for(qtbot, window, "to the trash")
    qtbot.waitUntil(lambda: names(library) == ["three"])
    assert (tmp_path / "trash-one" / "results.csv").exists()


def test_a_trash_that_is_not_there_is_a_sentence_and_nothing_is_lost(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(1, "happy")]] * 5, name="one")
    library = page_of(window, qtbot).library
    library.ask.confirm = lambda *_: True
    library.ask.trash = lambda _folder: False
    library.actions_by_name["delete"].trigger()
    said = wait_for(qtbot, window, "did not accept")
    assert str(folder) in said
    assert (folder / "results.csv").exists()


def test_the_systems_own_trash_takes_a_folder(
    make_session: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = make_session([[(1, "happy")]] * 5, name="one")
    moved = move_to_trash(folder)
    # a system without a trash says so and leaves the folder alone
    assert moved != folder.exists()


def test_a_report_honours_the_review_and_two_sessions_are_compared(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    one = make_session([[(1, "happy"), (2, "sad")]] * 30, name="one")
    make_session([[(1, "sad")]] * 30, name="two")
    review = load_review(read_session(one)).named(1, "Ana").excluding(2)
    save_review(review, one)
    library = page_of(window, qtbot).library
    library.select([one])
    QTest.keyClick(library.table, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    wait_for(qtbot, window, "report.html")
    html = (one / "report.html").read_text("utf-8")
    assert "Ana" in html
    assert "#2" not in html
    library.ask.save = lambda _parent, offered: str(offered)
    library.table.selectAll()
    QTest.keyClick(library.table, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    compared = library.root / "compare-one-two.html"
    other = library.root / "compare-two-one.html"
    qtbot.waitUntil(lambda: compared.exists() or other.exists())
    wait_for(qtbot, window, "compare-")


def test_groups_of_sessions_are_compared_under_their_own_names(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    for number, label in enumerate(("happy", "sad", "happy", "sad")):
        condition = "calm" if number % 2 == 0 else "film"
        make_session([[(1, label)]] * 9, name=f"s{number}", condition=condition)
    library = page_of(window, qtbot).library
    asked: list[GroupsDialog] = []

    def groups(parent: QWidget, entries: Sequence[Entry]) -> tuple[GroupChoice, GroupChoice] | None:
        dialog = GroupsDialog(entries, parent)
        asked.append(dialog)
        return dialog.answer

    library.ask.groups = groups
    library.ask.save = lambda _parent, offered: str(offered)
    library.table.selectAll()
    library.actions_by_name["compare"].trigger()
    (dialog,) = asked
    assert sorted(line.text() for line in dialog.names) == ["calm", "film"]
    assert {len(group.folders) for group in dialog.answer} == {2}
    path = library.root / f"compare-{dialog.names[0].text()}-{dialog.names[1].text()}.html"
    wait_for(qtbot, window, path.name)
    html = path.read_text("utf-8")
    assert f"<th>{dialog.names[0].text()}</th><th>{dialog.names[1].text()}</th>" in html
    # a group that is empty cannot be compared, and says why
    for choice in dialog.choices:
        choice.setCurrentIndex(1)
    assert not dialog._compare.isEnabled()
    assert dialog.hint.text() == "Each group needs a session."
    library.ask.groups = lambda *_: None
    library.actions_by_name["compare"].trigger()
    dialog.deleteLater()


def test_sessions_are_named_and_filtered_by_condition(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    for name, condition in (("one", "calm"), ("two", "film"), ("three", "")):
        make_session([[(1, "happy")]] * 9, name=name, condition=condition, kept={"a": 1})
    library = page_of(window, qtbot).library
    assert not library.table.isColumnHidden(3)
    assert library.table.isColumnHidden(2)
    conditions = library.filters.boxes["condition"]
    conditions.setCurrentIndex(conditions.findText("film"))
    conditions.activated.emit(conditions.currentIndex())
    assert names(library) == ["two"]
    conditions.setCurrentIndex(0)
    conditions.activated.emit(0)
    library.select([library.root / "two"])

    def details(parent: QWidget, entries: Sequence[Entry]) -> dict[str, str] | None:
        dialog = DetailsDialog(entries, parent)
        assert dialog.name is not None
        assert dialog.participant.placeholderText() == ""
        dialog.name.setText("  Pilot of Ann ")
        dialog.participant.setText("P07")
        dialog.condition.setText("")
        answer = dialog.answer
        dialog.deleteLater()
        return answer

    library.ask.details = details
    QTest.keyClick(library.table, Qt.Key.Key_F2)
    qtbot.waitUntil(lambda: any(entry.title for entry in library.model.entries))
    (entry,) = library.selected
    assert (entry.name, entry.title, entry.participant, entry.condition) == (
        "two", "Pilot of Ann", "P07", "",
    )  # fmt: skip
    about = json.loads((library.root / "two" / "session.json").read_text("utf-8"))
    assert about["kept"] == {"a": 1}
    assert "condition" not in about
    assert not library.table.isColumnHidden(2)
    library.search.setText("pilot p07")
    assert names(library) == ["two"]
    library.search.clear()
    # of several, only what is changed is changed for all
    library.select([library.root / "one", library.root / "two"])

    def both(parent: QWidget, entries: Sequence[Entry]) -> dict[str, str] | None:
        dialog = DetailsDialog(entries, parent)
        assert (dialog.name, dialog.participant.text()) == (None, "")
        assert "left empty, each stays as it is" in dialog.participant.placeholderText()
        dialog.condition.setText("rest")
        answer = dialog.answer
        dialog.deleteLater()
        return answer

    library.ask.details = both
    library.actions_by_name["describe"].trigger()
    qtbot.waitUntil(lambda: [e.condition for e in library.selected] == ["rest", "rest"])
    assert {entry.participant for entry in library.selected} == {"", "P07"}


def test_exports_go_beside_the_rows_and_overwrite_nothing(
    window: MainWindow, qtbot: QtBot, make_session: Maker, services: FakeServices
) -> None:
    folder = make_session([[(1, "happy")]] * 30, name="one")
    (folder / "summary.csv").write_text("mine")
    library = page_of(window, qtbot).library
    named = {"summary-2.csv", "results.parquet", "results-openface.csv", "results-pyfeat.csv"}
    told: set[str] = set()

    def newly_told() -> set[str]:
        return {name for name in named - told if name in "".join(window.notices.texts)}

    # one after the other: of four notices at once the stack would keep the newest three
    for action in library.export_button.menu().actions():
        action.trigger()
        qtbot.waitUntil(lambda: bool(newly_told()))
        told |= newly_told()
    assert told == named
    written = ("summary-2.csv", "changes.csv", "results-openface.csv", "results-pyfeat.csv")
    assert all((folder / name).exists() for name in written)
    assert len(services.parquets) == 1
    assert (folder / "summary.csv").read_text() == "mine"


def test_a_session_that_vanishes_before_it_opens_is_a_sentence(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(1, "happy")]] * 5, name="one")
    page = page_of(window, qtbot)
    shutil.rmtree(folder)
    QTest.keyClick(page.library.table, Qt.Key.Key_Return)
    wait_for(qtbot, window, "is not a session")
    qtbot.waitUntil(lambda: page.library.empty_title.text() == "No sessions yet")


def test_long_sessions_get_their_columns_while_the_library_is_looked_at(
    window: MainWindow, qtbot: QtBot, make_session: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferdesk.sessions.table.CACHE_FROM_ROWS", 20)
    monkeypatch.setattr(library_work, "CACHE_FROM_ROWS", 20)
    folder = make_session([[(1, "happy")]] * 30, name="long")
    make_session([[(1, "happy")]] * 10, name="short")
    page_of(window, qtbot)
    qtbot.waitUntil(lambda: is_kept(folder / "results.csv"))
    assert not (folder.parent / "short" / "columns.cache").exists()


def test_a_session_or_a_folder_can_be_shown_at_once(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(1, "happy")]] * 5, name="one")
    window.show_review(folder)
    page = window.review
    assert page is not None
    qtbot.waitUntil(lambda: page.shows_session)
    window.show_review(folder.parent)
    assert not page.shows_session
    qtbot.waitUntil(lambda: names(page.library) == ["one"])


def test_the_recording_that_goes_on_is_told_on_the_review_page(
    window: MainWindow, qtbot: QtBot
) -> None:
    run(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_R)
    page = page_of(window, qtbot)
    qtbot.waitUntil(lambda: page.recording.text().startswith("●"))


def test_every_control_of_the_review_page_has_a_name(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(1, "happy"), (2, "sad")]] * 30, name="one", markers=[(1.0, "film")])
    window.show_review(folder)
    page = window.review
    assert page is not None
    qtbot.waitUntil(lambda: page.shows_session)
    assert nameless(window) == []


def test_the_review_page_fits_a_small_screen(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(n, "happy") for n in range(1, 20)]] * 30, name="one")
    window.show_review(folder)
    page = window.review
    assert page is not None
    qtbot.waitUntil(lambda: page.shows_session)
    assert page.minimumSizeHint().width() <= 1280
    assert page.minimumSizeHint().height() <= 720


def test_a_session_file_of_nonsense_does_not_stop_the_list(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    folder = make_session([[(1, "happy")]] * 5, name="odd")
    about = json.loads((folder / "session.json").read_text())
    about |= {"markers": "none", "source": 7, "model": None, "length_s": "x", "started_utc": []}
    (folder / "session.json").write_text(json.dumps(about))
    make_session([[(1, "happy")]] * 5, name="good")
    page = page_of(window, qtbot)
    assert sorted(names(page.library)) == ["good", "odd"]
    page.open(folder)
    qtbot.waitUntil(lambda: page.shows_session)


def test_a_long_reading_shows_how_far_it_is_and_can_be_given_up(
    window: MainWindow, qtbot: QtBot, make_session: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_session([[(1, "happy")]] * 5, name="long")
    page = page_of(window, qtbot)
    go_on, ended = threading.Event(), threading.Event()

    def slow(_folder: Path, progress: Callable[[float], object]) -> None:
        try:
            progress(0.25)
            go_on.wait(20)
            progress(0.5)
        finally:
            ended.set()

    monkeypatch.setattr("ferdesk.ui.review.page.open_session", slow)
    page.open(folder)
    qtbot.waitUntil(lambda: page.progress.value() == 25)
    assert page.title.text() == "long"
    QTest.keyClick(page.cancel, Qt.Key.Key_Escape)
    assert page.stack.currentWidget() is page.library
    go_on.set()
    qtbot.waitUntil(ended.is_set)
    assert not page.shows_session
    assert not window.notices.texts


def test_a_finished_recording_offers_its_review(
    window: MainWindow, qtbot: QtBot, make_session: Maker, services: FakeServices
) -> None:
    folder = make_session([[(1, "happy")]] * 5, name="just now")
    run(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.recordings))
    qtbot.waitUntil(lambda: window.live_page.recording_state.active)
    services.recordings[0].folder = folder
    QTest.keyClick(window, Qt.Key.Key_R)
    wait_for(qtbot, window, "Recording saved")
    button, _folder = window.notices.cards[-1].choices
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.review is not None and window.review.shows_session)
    assert window.review is not None
    assert window.review.title.text() == "just now"


def test_sessions_are_filtered_and_grouped_by_participant_and_study(
    window: MainWindow, qtbot: QtBot, make_session: Maker
) -> None:
    for name, code, study in (
        ("one", "P2", "Water"), ("two", "P1", "Fire"), ("three", "P2", "Fire"), ("four", "", ""),
    ):  # fmt: skip
        about: dict[str, object] = {"study": {"name": study}} if study else {}
        make_session([[(1, "happy")]] * 9, name=name, participant=code, kept={"a": 1}, **about)
    library = page_of(window, qtbot).library
    filters = library.filters
    assert not filters.boxes["condition"].isVisibleTo(filters)
    participants, groups = filters.boxes["participant"], filters.groups
    assert [participants.itemText(n) for n in range(3)] == ["All participants", "P1", "P2"]
    library.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    groups.setCurrentIndex(groups.findData("participant"))
    groups.activated.emit(groups.currentIndex())
    assert names(library) == ["two", "one", "three", "four"]
    groups.setCurrentIndex(groups.findData("study"))
    groups.activated.emit(groups.currentIndex())
    assert names(library) == ["three", "two", "one", "four"]
    participants.setCurrentIndex(participants.findData("P2"))
    participants.activated.emit(participants.currentIndex())
    assert names(library) == ["three", "one"]
