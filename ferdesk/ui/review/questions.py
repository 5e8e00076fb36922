"""Questions that a session asks the user: a text, the notes, a file. Tests put their own here."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QWidget

from ferdesk.ui.kit.language import tr


def _ask_text(parent: QWidget, title: str, question: str, text: str) -> str | None:
    answer, accepted = QInputDialog.getText(
        parent, title, question, QLineEdit.EchoMode.Normal, text
    )
    return answer if accepted else None


def _ask_notes(parent: QWidget, title: str, text: str) -> str | None:
    question = tr("Notes appear in the report:")
    answer, accepted = QInputDialog.getMultiLineText(parent, title, question, text)
    return answer if accepted else None


def _ask_file(parent: QWidget) -> str:
    csv, every = tr("Markers"), tr("All files")
    kinds = f"{csv} (*.csv *.tsv *.txt);;{every} (*)"
    path, _ = QFileDialog.getOpenFileName(parent, tr("Import markers"), "", kinds)
    return path


@dataclass(slots=True)
class Questions:
    """Dialogs by what they ask for; None, or "" for a file, where the user cancels."""

    text: Callable[[QWidget, str, str, str], str | None] = _ask_text
    notes: Callable[[QWidget, str, str], str | None] = _ask_notes
    file: Callable[[QWidget], str] = _ask_file
