"""Texts of a session are shown exactly as they are written, wherever the window shows them."""

from html import unescape
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import Qt, QTextDocument
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from ferdesk.sessions.catalogue import Entry
from ferdesk.ui.kit.plain_text import plain, without_mnemonics
from ferdesk.ui.review.elided_label import ElidedLabel
from ferdesk.ui.review.library_model import COLUMNS, LibraryModel
from ferdesk.ui.review.library_questions import delete_question
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.sessions import write_two_faces
from tests.ui.review_page import Opener, column, press

BOLD = "<b>x</b>"
PICTURE = '<img src="file:///etc/nothing.png"> & <a href="file:///">here</a>'
NAME = "film <b>x</b> & co"


def reads(text: str) -> str:
    """What somebody reads of ``text`` in a tooltip or label, which guess whether it is rich."""
    if not Qt.mightBeRichText(text):
        return text
    document = QTextDocument()
    document.setHtml(text)
    return document.toPlainText()


@pytest.mark.parametrize(
    "text",
    [BOLD, PICTURE, "a < b and b > c", "1 &lt; 2", "<p>one</p>\n<p>two</p>", "  two  blanks <i>",
     "<", "&amp;", "<!-- -->", "plain"],
)  # fmt: skip
def test_a_text_that_looks_like_markup_is_read_as_it_stands(qapp: object, text: str) -> None:
    assert reads(plain(text)) == text
    assert "<img" not in plain(text)
    assert "<a " not in plain(text)


def test_a_text_without_markup_is_left_alone(qapp: object) -> None:
    assert plain("film A & B > C") == "film A & B > C"
    assert without_mnemonics("A & B") == "A && B"


@pytest.mark.parametrize(
    "entry",
    [
        Entry(Path("/s") / NAME, "complete"),
        Entry(Path("/s/one"), "complete", markers=(BOLD, PICTURE)),
        Entry(Path("/s/two"), "unreadable", problem=f"{BOLD} cannot be read"),
    ],
)
def test_the_librarys_tooltips_are_no_markup(qapp: object, entry: Entry) -> None:
    model = LibraryModel()
    model.set_entries([entry])
    wanted = entry.problem or ", ".join(entry.markers) or str(entry.folder)
    for number in range(len(COLUMNS)):
        tip = model.data(model.index(0, number), Qt.ItemDataRole.ToolTipRole)
        assert isinstance(tip, str)
        assert reads(tip) == wanted
        assert "<img" not in tip
        assert tip == plain(wanted) != wanted
    assert model.data(model.index(0, 1)) == entry.name


def test_the_question_before_deleting_shows_names_as_they_are(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    text = f"{NAME}\n{PICTURE}\n\n1.0 MB"
    box, _ = delete_question(parent, "Move one session to the trash?", text)
    assert isinstance(box, QMessageBox)
    assert reads(box.informativeText()) == text
    labels = [label.text() for label in box.findChildren(QLabel) if "1.0 MB" in label.text()]
    assert labels
    assert all("<img" not in label and "<b>" not in label for label in labels)
    assert NAME in unescape(labels[0])


def tooltips_of(root: QObject) -> list[str]:
    return [widget.toolTip() for widget in root.findChildren(QWidget) if widget.toolTip()]


def test_no_widget_of_an_opened_session_takes_its_texts_for_markup(
    tmp_path: Path, open_session: Opener, window: MainWindow, qtbot: QtBot
) -> None:
    about = {"source": {"kind": "camera", "name": BOLD, "location": f"{BOLD} & co"}}
    folder = write_two_faces(tmp_path / "film <b>x<b>", markers=[(0.3, PICTURE)], about=about)
    view = open_session(folder)
    page = window.review
    assert page is not None
    view.ask.text = lambda *_: BOLD
    press(view, Qt.Key.Key_N)
    press(view, Qt.Key.Key_C)
    press(view, Qt.Key.Key_M)
    assert column(view.faces.table, 0) == [f"#4 {BOLD}", "#9"]
    assert column(view.notes.table, 1) == [BOLD, BOLD, PICTURE]
    for row, wanted in enumerate((BOLD, BOLD, PICTURE)):
        item = view.notes.table.item(row, 1)
        assert item is not None
        assert reads(item.toolTip()) == wanted
        assert item.toolTip() != wanted
        note = view.note_editor.all_notes()[row]
        tip = view.timeline.flags.tip_of(note)
        assert reads(tip).endswith(f"  {wanted}")
        assert tip == plain(reads(tip)) != reads(tip)
    press(view, Qt.Key.Key_Delete)
    undo = view.actions_by_name["undo"].toolTip()
    assert reads(undo) == f"Undo: Delete “{BOLD}” (Ctrl+Z)"
    assert BOLD not in undo
    assert all(BOLD not in tip and "<img" not in tip for tip in tooltips_of(page))
    for label in page.findChildren(QLabel):
        if BOLD[:3] in label.text():
            assert label.textFormat() is Qt.TextFormat.PlainText
    assert page.title.text() == "film <b>x<b>"
    assert f"{BOLD} & co" in page.facts.text()
    assert not window.grab().isNull()


def test_a_name_with_an_ampersand_stands_whole_in_the_menu(
    tmp_path: Path, open_session: Opener
) -> None:
    view = open_session(write_two_faces(tmp_path / "one"))
    view.ask.text = lambda *_: "Ana & Bo"
    view.track_editor.select(9)
    press(view, Qt.Key.Key_N)
    view.track_editor.select(4)
    view.faces.merge_menu.aboutToShow.emit()
    (entry,) = view.faces.merge_menu.actions()
    assert entry.text() == "with #9 Ana && Bo"


def test_a_long_title_widens_no_window_and_is_told_whole(qtbot: QtBot) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.setText("<b>" + 40 * "long ")
    assert label.minimumSizeHint().width() == 0
    label.resize(60, 20)
    label.show()
    label.grab()
    assert reads(label.toolTip()) == label.text()
    label.resize(4000, 20)
    label.grab()
    assert label.toolTip() == ""
