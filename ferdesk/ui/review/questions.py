"""Questions that a session asks the user: a text, the notes, a file. Tests put their own here."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QAction, QCursor
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from ferdesk.core.labels import LABELS
from ferdesk.ui.kit.language import label_text, tr
from ferdesk.ui.kit.text_question import ask_text


def _ask_notes(parent: QWidget, title: str, text: str) -> str | None:
    return ask_text(parent, title, tr("Notes appear in the report:"), text, lines=True)


def _ask_file(parent: QWidget) -> str:
    csv, every = tr("Markers"), tr("All files")
    kinds = f"{csv} (*.csv *.tsv *.txt);;{every} (*)"
    path, _ = QFileDialog.getOpenFileName(parent, tr("Import markers"), "", kinds)
    return path


def _ask_label(parent: QWidget) -> str | None:
    menu = QMenu(parent)
    for number, label in enumerate(LABELS, start=1):
        menu.addAction(f"&{number}  {label_text(label)}").setData(label)
    menu.addSeparator()
    other = tr("Other…")
    menu.addAction(f"&{len(LABELS) + 1}  {other}").setData("")
    at = QCursor.pos()
    if not parent.rect().contains(parent.mapFromGlobal(at)):
        at = parent.mapToGlobal(parent.rect().center())
    chosen: QAction | None = menu.exec(at)
    menu.deleteLater()
    return None if chosen is None else str(chosen.data())


@dataclass(slots=True)
class Questions:
    """Dialogs by what they ask for; None, or "" for a file, where the user cancels.

    ``label`` gives one of LABELS, or "" for a text of the user's own.
    """

    text: Callable[[QWidget, str, str, str], str | None] = ask_text
    notes: Callable[[QWidget, str, str], str | None] = _ask_notes
    file: Callable[[QWidget], str] = _ask_file
    label: Callable[[QWidget], str | None] = _ask_label
