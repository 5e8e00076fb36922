"""The library's table: each column sorted and searched, and sessions whose files are nonsense."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from ferdesk.sessions.catalogue import Entry
from ferdesk.ui.review.library import Library
from ferdesk.ui.review.library_model import COLUMNS, LibraryModel, about_text
from ferdesk.ui.review.strips import Scale
from ferdesk.ui.review.times import UNKNOWN, date_text, length_text, moment_text
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.sessions import write_two_faces
from tests.ui.fakes import FakeServices
from tests.ui.review_page import Opener
from tests.ui.test_review_library import names, page_of

UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ENTRIES = (
    Entry(
        Path("/s/charlie"), "complete", NOON, 75.0, "Webcam", "camera", 12, 900,
        ("film",), True, True, "fast", 2_000_000, participant="p01", condition="calm",
    ),
    Entry(
        Path("/s/Alpha"), "incomplete", NOON + timedelta(days=2), 9.4, "clip.mp4", "video", 3, 400,
        ("zoo", "zoo", "zoo"), False, False, "full", 1_500_000_000,
        participant="P02", condition="rest",
    ),
    Entry(
        Path("/s/bravo"), "recording", NOON + timedelta(days=1), 3700.6, "demo", "demo", 100, 70,
        ("a", "b"), True, False, "fast-int8", 30_000, participant="p10", condition="baseline",
    ),
    Entry(Path("/s/delta"), "unreadable", problem="It cannot be read.", size_bytes=999),
)  # fmt: skip
SORTED = {
    "Started": "charlie bravo Alpha delta",
    "Session": "Alpha bravo charlie delta",
    "Participant": "delta charlie Alpha bravo",
    "Condition": "delta bravo charlie Alpha",
    "Length": "Alpha charlie bravo delta",
    "Source": "delta Alpha bravo charlie",
    "Faces": "Alpha charlie bravo delta",
    "Markers": "delta charlie bravo Alpha",
    "Video": "Alpha delta bravo charlie",
    "Model": "delta charlie bravo Alpha",
    "Size": "delta bravo charlie Alpha",
    "Status": "charlie Alpha bravo delta",
}
"""Ascending; what is not known stands last either way."""
UNKNOWN_LAST = ("Started", "Length", "Faces")


@pytest.fixture
def model(qapp: object) -> LibraryModel:
    model = LibraryModel()
    model.set_entries(ENTRIES)
    return model


def shown(model: LibraryModel) -> list[str]:
    return [entry.name for entry in model.entries]


def column_named(title: str) -> int:
    return [column.title for column in COLUMNS].index(title)


@pytest.mark.parametrize("title", SORTED)
def test_each_column_sorts_by_its_own_values(model: LibraryModel, title: str) -> None:
    wanted = SORTED[title].split()
    model.sort(column_named(title), UP)
    assert shown(model) == wanted
    model.sort(column_named(title), DOWN)
    if title in UNKNOWN_LAST:
        assert shown(model) == [*wanted[:-1][::-1], wanted[-1]]
    elif title == "Video":
        # equal ones stay in the order of their names
        assert shown(model) == ["bravo", "charlie", "Alpha", "delta"]
    else:
        assert shown(model) == wanted[::-1]


def test_every_sorting_of_the_test_is_another_than_the_names(model: LibraryModel) -> None:
    assert set(SORTED) == {column.title for column in COLUMNS}
    assert sum(order == SORTED["Session"] for order in SORTED.values()) == 1


def test_each_cell_says_what_its_column_is_about(model: LibraryModel) -> None:
    model.sort(column_named("Session"), UP)
    texts = [
        [model.data(model.index(row, number)) for number in range(len(COLUMNS))]
        for row in range(model.rowCount())
    ]
    began = [date_text(NOON + timedelta(days=days)) for days in (2, 1, 0)]
    assert texts == [
        [began[0], "Alpha", "P02", "rest", "0:00:09", "clip.mp4", "3", "3", "", "full", "1.5 GB",
         "interrupted"],
        [began[1], "bravo", "p10", "baseline", "1:01:41", "demo", "100", "2", "yes", "fast-int8",
         "30 kB", "recording now"],
        [began[2], "charlie", "p01", "calm", "0:01:15", "Webcam", "12", "1", "yes", "fast",
         "2.0 MB", "complete · reviewed"],
        ["", "delta", "", "", "", "", "", "", "", "", "1 kB", "damaged"],
    ]  # fmt: skip
    heads = [model.headerData(number, Qt.Orientation.Horizontal) for number in range(len(COLUMNS))]
    assert heads == [
        "Started", "Session", "Participant", "Condition", "Length", "Source", "Faces", "Markers",
        "Video", "Model", "Size", "Status",
    ]  # fmt: skip


def test_a_session_of_a_part_of_its_source_is_not_called_complete(model: LibraryModel) -> None:
    part = replace(ENTRIES[0], in_part=True)
    model.set_entries([part])
    assert model.data(model.index(0, len(COLUMNS) - 1)) == "in part · reviewed"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", "Alpha bravo charlie delta"),
        ("ALPHA", "Alpha"),
        ("webcam", "charlie"),
        ("clip.mp4", "Alpha"),
        ("zoo", "Alpha"),
        ("int8", "bravo"),
        ("incomplete", "Alpha"),
        ("2026-03-05", "bravo"),
        ("2026-03 film", "charlie"),
        ("film zoo", ""),
    ],
)
def test_each_thing_that_is_known_of_a_session_is_searched(
    model: LibraryModel, words: str, found: str
) -> None:
    model.sort(column_named("Session"), UP)
    model.search(words)
    assert shown(model) == found.split()
    assert model.num_all == 4


def test_what_is_said_of_one_selected_session(qapp: object) -> None:
    charlie, alpha, bravo, delta = ENTRIES
    assert about_text([charlie]) == "Model fast  ·  900 rows  ·  Markers: film"
    assert "interrupted" in about_text([alpha])
    assert "being recorded" in about_text([bravo])
    assert about_text([delta]) == "It cannot be read."
    assert about_text([charlie, alpha]) == about_text([]) == ""
    long = replace(charlie, num_rows=1_234_567, markers=("b", "a", "b", ""))
    assert about_text([long]) == "Model fast  ·  1,234,567 rows  ·  Markers: b, a"
    part = replace(charlie, in_part=True)
    assert about_text([part]).startswith("In part: it ended before its source did  ·  Model fast")


@pytest.mark.parametrize(
    "odd",
    [
        {"length_s": float("inf")}, {"length_s": float("nan")}, {"length_s": 1e300},
        {"length_s": -1e9}, {"length_s": 10**400},
        {"started_utc": datetime.min.replace(tzinfo=UTC)},
        {"started_utc": datetime.max.replace(tzinfo=UTC)},
        {"source": None}, {"source": 7},
        {"num_faces": "many"}, {"markers": (None, 7)}, {"size_bytes": 10**400},
        {"state": "new"}, {"state": None}, {"model": ["x"]}, {"num_rows": 10**30},
        {"num_rows": -5},
    ],
)  # fmt: skip
def test_an_entry_of_nonsense_is_listed_and_no_call_of_qt_raises(
    qapp: object, odd: dict[str, object]
) -> None:
    model = LibraryModel()
    entry = replace(ENTRIES[0], **odd)  # type: ignore[arg-type]
    model.set_entries([*ENTRIES[1:], entry])
    for number in range(len(COLUMNS)):
        for order in (UP, DOWN):
            model.sort(number, order)
            assert len(shown(model)) == 4
            for row in range(4):
                for role in Qt.ItemDataRole:
                    model.data(model.index(row, number), role)
    assert "charlie" in shown(model)


def test_indexes_that_are_none_and_columns_that_are_not_there_are_nothing(
    model: LibraryModel,
) -> None:
    nowhere = model.index(99, 99)
    assert model.data(nowhere) is None
    assert model.headerData(99, Qt.Orientation.Horizontal) is None
    assert model.headerData(0, Qt.Orientation.Vertical) is None
    model.sort(-1, UP)
    assert shown(model) == ["charlie", "bravo", "Alpha", "delta"]
    gone = model.index(3, 0)
    model.search("charlie")
    assert model.data(gone) is None


ODD_ABOUT: list[dict[str, object]] = [
    {"length_s": float("inf")},
    {"length_s": float("-inf")},
    {"length_s": 1e305},
    {"length_s": True},
    {"started_utc": "0001-01-01T00:00:00Z"},
    {"started_utc": "9999-12-31T23:59:59.999999Z"},
    {"started_utc": 17, "film_started_utc": {}},
    {"source": {"kind": "video", "location": ["x"]}, "film_started_utc": "0001-01-01"},
    {"source": []},
    {"picture": {"width": float("inf"), "height": 1}},
    {"picture": {"width": 16384, "height": 16384}},
    {"picture": "wide"},
    {"video": {"mode": 7, "starts_at_s": "soon"}},
    {"markers": [{"t_s": float("nan"), "label": "x"}, {"t_s": float("inf"), "label": "y"}, 5]},
    {"markers": {}},
    {"num_faces": -1, "rows": 1e99},
    {"model": "full"},
]


@pytest.mark.parametrize("odd", ODD_ABOUT, ids=lambda odd: json.dumps(odd)[:40])
def test_a_session_json_of_nonsense_is_listed_opened_and_painted(
    odd: dict[str, object], window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    root = services.sessions_folder()
    write_two_faces(root / "good")
    folder = write_two_faces(root / "odd", about=odd)
    page = page_of(window, qtbot)
    assert sorted(names(page.library)) == ["good", "odd"]
    for number in range(len(COLUMNS)):
        page.library.table.sortByColumn(number, UP)
    page.library.select([folder])
    assert not window.grab().isNull()
    page.open(folder)
    qtbot.waitUntil(lambda: page.shows_session)
    page.session.note_editor.go_to_next()
    page.session.timeline.zoom_in()
    assert not window.grab().isNull()
    for row in range(page.session.notes.table.rowCount()):
        page.session.notes.table.selectRow(row)
    assert not window.grab().isNull()


def test_a_picture_of_any_claimed_size_costs_little_and_keeps_its_boxes_in_place(
    tmp_path: Path, open_session: Opener
) -> None:
    about = {"picture": {"width": 16384, "height": 8192}}
    view = open_session(write_two_faces(tmp_path / "one", about=about))
    result = view.view.result
    assert result is not None
    assert result.frame.image.shape == (960, 1920, 3)
    assert result.faces[0].box.x == pytest.approx(3.5 * 1920 / 16384)
    assert result.faces[0].box.height == pytest.approx(21.5 * 960 / 8192)


@pytest.fixture
def library(window: MainWindow, qtbot: QtBot, services: FakeServices) -> Library:
    root = services.sessions_folder()
    for number, name in enumerate(("one", "two", "three")):
        write_two_faces(root / name, num_frames=10 + 5 * number)
    window.show_review(root)
    assert window.review is not None
    library = window.review.library
    qtbot.waitUntil(lambda: library._read)
    return library


def listed_again(library: Library, qtbot: QtBot, change: Callable[[], object]) -> None:
    """Refresh after a change, and wait for the new list."""
    change()
    number = library._reading + 1
    with qtbot.waitSignal(library.model.modelReset, timeout=20_000):
        library.refresh()
    assert library._reading == number


def test_the_selection_is_kept_over_a_refresh_a_sorting_and_a_search(
    library: Library, qtbot: QtBot
) -> None:
    root = library.root
    library.select([root / "two", root / "three"])
    library.table.sortByColumn(column_named("Length"), UP)
    assert [entry.name for entry in library.selected] == ["two", "three"]
    listed_again(library, qtbot, lambda: write_two_faces(root / "four", num_frames=3))
    assert names(library) == ["four", "one", "two", "three"]
    assert [entry.name for entry in library.selected] == ["two", "three"]
    library.search.setText("two")
    assert [entry.name for entry in library.selected] == ["two"]
    library.search.setText("")
    assert [entry.name for entry in library.selected] == ["two"]
    assert library.actions_by_name["open"].isEnabled()


def test_a_selected_session_that_is_gone_leaves_another_selected(
    library: Library, qtbot: QtBot
) -> None:
    library.select([library.root / "two"])
    (library.root / "two").rename(library.root.parent / "elsewhere")
    listed_again(library, qtbot, lambda: None)
    assert sorted(names(library)) == ["one", "three"]
    assert len(library.selected) == 1


def test_compare_wants_two_sessions_that_can_be_read_and_says_so(
    library: Library, qtbot: QtBot
) -> None:
    compare = library.actions_by_name["compare"]
    root = library.root
    for chosen, can in (
        (["one"], False), (["one", "two"], True), (["one", "two", "three"], True),
    ):  # fmt: skip
        library.select([root / name for name in chosen])
        assert compare.isEnabled() is can, chosen
        assert ("Select two sessions or more" in compare.toolTip()) is not can
        assert compare.toolTip().startswith("Compare two sessions or groups of sessions (Ctrl+K)")
    listed_again(library, qtbot, lambda: (root / "two" / "session.json").write_text("{"))
    library.select([root / "one", root / "two"])
    assert not compare.isEnabled()
    assert library.actions_by_name["report"].isEnabled()
    assert library.actions_by_name["repair"].isEnabled()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(float("nan"), UNKNOWN), (float("inf"), UNKNOWN), (1e300, UNKNOWN), (-1e300, UNKNOWN),
     (3599.6, "1:00:00"), (-0.4, "0:00:00"), (-61.0, "-0:01:01"), (9999 * 3600, "9999:00:00")],
)  # fmt: skip
def test_lengths_of_any_number_are_a_text(seconds: float, text: str) -> None:
    assert length_text(seconds) == text


def test_moments_and_dates_of_any_value_are_a_text() -> None:
    assert moment_text(float("inf")) == moment_text(float("nan")) == UNKNOWN
    assert moment_text(-1.5) == "-0:00:01.500"
    assert date_text(None) == ""
    west, east = timezone(timedelta(hours=-14)), timezone(timedelta(hours=14))
    for odd in (datetime.min.replace(tzinfo=east), datetime.max.replace(tzinfo=west)):
        assert date_text(odd) == ""


def test_a_moment_far_outside_lies_on_a_pixel_that_qt_can_hold() -> None:
    scale = Scale(10.0, 10.5, 100, 1100)
    assert scale.x(10.25) == 600
    assert scale.x(9e8) == 1e6
    assert scale.x(-9e8) == -1e6
