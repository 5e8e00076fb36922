"""Questions of the queue page: which files, which folder, whether to stop. Tests put their own."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from ferdesk.core.file_types import dialog_pattern
from ferdesk.ui.kit.language import tr


def ask_files(parent: QWidget, folder: str) -> list[str]:
    """Ask for videos and pictures, beginning in ``folder``."""
    media, every = tr("Videos and images"), tr("All files")
    kinds = f"{media} ({dialog_pattern()});;{every} (*)"
    paths, _ = QFileDialog.getOpenFileNames(parent, tr("Files to analyse"), folder, kinds)
    return list(paths)


def ask_folder(parent: QWidget, folder: str) -> str:
    """Ask for a folder whose files are analysed; empty for none."""
    return QFileDialog.getExistingDirectory(parent, tr("Folder to analyse"), folder)


def ask_out(parent: QWidget, folder: str) -> str:
    """Ask where results go; empty for no change."""
    return QFileDialog.getExistingDirectory(parent, tr("Results folder"), folder)


def ask_stop(parent: QWidget) -> bool:
    """Ask whether the files in work may be given up."""
    return _ask(
        parent,
        tr("Stop the analysis?"),
        tr("Finished sessions are kept. Files in work are begun anew with the next start."),
        tr("Stop"),
        tr("Continue"),
    )


def ask_quit(parent: QWidget) -> bool:
    """Ask whether a queue that is at work may be ended by closing the window."""
    return _ask(
        parent,
        tr("Files are being analysed."),
        tr("Quitting stops it. Finished sessions are kept, and the queue goes on where it was."),
        tr("Stop and quit"),
        tr("Continue"),
    )


def _ask(parent: QWidget, question: str, text: str, yes: str, no: str) -> bool:
    box = QMessageBox(QMessageBox.Icon.Question, "ferdesk", question, parent=parent)
    box.setInformativeText(text)
    stop = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    go_on = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(go_on)
    box.setEscapeButton(go_on)
    box.exec()
    stops = box.clickedButton() is stop
    box.deleteLater()
    return stops


@dataclass(frozen=True, slots=True)
class QueueQuestions:
    """Questions: what the queue page asks with."""

    files: Callable[[QWidget, str], list[str]] = ask_files
    folder: Callable[[QWidget, str], str] = ask_folder
    out: Callable[[QWidget, str], str] = ask_out
    stop: Callable[[QWidget], bool] = ask_stop
    quit: Callable[[QWidget], bool] = ask_quit
