"""Dialogs of the live page: what it asks the user for, each replaceable by a function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from ferdesk.core.file_types import dialog_pattern
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.text_question import ask_text
from ferdesk.ui.live.marker_keys import ask_marker_names, ask_marker_text
from ferdesk.ui.live.recording_sheet import SheetAnswer, ask_recording


def ask_file(parent: QWidget, folder: str = "") -> str:
    """Ask for a video or image file, beginning in ``folder``; empty for none."""
    media, every = tr("Videos and images"), tr("All files")
    kinds = f"{media} ({dialog_pattern()});;{every} (*)"
    path, _ = QFileDialog.getOpenFileName(parent, tr("Open video or image"), folder, kinds)
    return path


def ask_folder(parent: QWidget, folder: str = "") -> str:
    """Ask for a folder of pictures, beginning in ``folder``; empty for none."""
    return QFileDialog.getExistingDirectory(parent, tr("Open folder of pictures"), folder)


def ask_address(parent: QWidget) -> str:
    """Ask for a stream's address; empty for none."""
    question = tr("Stream address, for example rtsp://host/path:")
    return ask_text(parent, tr("Open network stream"), question) or ""


def ask_quit(parent: QWidget) -> bool:
    """Ask whether a recording that runs may be ended by closing the window."""
    box = QMessageBox(
        QMessageBox.Icon.Question, "ferdesk", tr("A recording is running."), parent=parent
    )
    box.setInformativeText(tr("Quitting stops it. What is recorded so far is kept."))
    stop = box.addButton(tr("Stop recording and quit"), QMessageBox.ButtonRole.AcceptRole)
    go_on = box.addButton(tr("Continue recording"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(go_on)
    box.setEscapeButton(go_on)
    box.exec()
    quits = box.clickedButton() is stop
    box.deleteLater()
    return quits


@dataclass(frozen=True, slots=True)
class Dialogs:
    """Dialogs: what the live page asks with."""

    ask_file: Callable[[QWidget, str], str] = ask_file
    ask_folder: Callable[[QWidget, str], str] = ask_folder
    ask_address: Callable[[QWidget], str] = ask_address
    ask_marker: Callable[[QWidget], str] = ask_marker_text
    ask_recording: Callable[
        [QWidget, RecordingOptions, bool, bool, Callable[[], Sequence[str]], bool],
        SheetAnswer | None,
    ] = ask_recording
    ask_names: Callable[[QWidget, Sequence[str]], Sequence[str] | None] = ask_marker_names
    ask_quit: Callable[[QWidget], bool] = ask_quit
