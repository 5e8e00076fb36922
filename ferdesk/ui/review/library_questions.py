"""Questions of the library: whether to delete, where to save, which folder. Tests put their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QFile
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from ferdesk.sessions.catalogue import Entry
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.review.details_dialog import ask_details
from ferdesk.ui.review.groups_dialog import GroupChoice, ask_groups


def delete_question(parent: QWidget, title: str, text: str) -> tuple[QMessageBox, object]:
    """The question box, and its button that means yes."""
    box = QMessageBox(QMessageBox.Icon.Question, title, plain(title), parent=parent)
    box.setInformativeText(plain(text))
    yes = box.addButton(tr("Move to trash"), QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    return box, yes


def _confirm(parent: QWidget, title: str, text: str) -> bool:
    box, yes = delete_question(parent, title, text)
    box.exec()
    return box.clickedButton() is yes


def _ask_save(parent: QWidget, offered: Path) -> str:
    path, _ = QFileDialog.getSaveFileName(
        parent, tr("Save the report"), str(offered), "HTML (*.html)"
    )
    return path


def _ask_folder(parent: QWidget, root: Path) -> str:
    return QFileDialog.getExistingDirectory(parent, tr("Folder of sessions"), str(root))


def move_to_trash(folder: Path) -> bool:
    """Whether the system's trash took the folder."""
    return QFile(str(folder)).moveToTrash()


@dataclass(slots=True)
class LibraryQuestions:
    """Dialogs by what they ask for, and the trash; "" or None where the user cancels."""

    confirm: Callable[[QWidget, str, str], bool] = _confirm
    save: Callable[[QWidget, Path], str] = _ask_save
    folder: Callable[[QWidget, Path], str] = _ask_folder
    trash: Callable[[Path], bool] = move_to_trash
    details: Callable[[QWidget, Sequence[Entry]], dict[str, str] | None] = ask_details
    groups: Callable[[QWidget, Sequence[Entry]], tuple[GroupChoice, GroupChoice] | None] = (
        ask_groups
    )
