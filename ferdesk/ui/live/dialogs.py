"""Dialogs of the live page: what it asks the user for, each replaceable by a function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from ferdesk.core.file_types import dialog_pattern
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.ui.kit.language import tr
from ferdesk.ui.live.marker_keys import ask_marker_names, ask_marker_text
from ferdesk.ui.live.recording_sheet import SheetAnswer, ask_recording


def ask_file(parent: QWidget) -> str:
    """Ask for a video or image file; empty for none."""
    media, every = tr("Videos and images"), tr("All files")
    kinds = f"{media} ({dialog_pattern()});;{every} (*)"
    path, _ = QFileDialog.getOpenFileName(parent, tr("Open video or image"), "", kinds)
    return path


def ask_address(parent: QWidget) -> str:
    """Ask for a stream's address; empty for none."""
    text, accepted = QInputDialog.getText(
        parent, tr("Open network stream"), tr("Stream address, for example rtsp://host/path:")
    )
    return text if accepted else ""


@dataclass(frozen=True, slots=True)
class Dialogs:
    """Dialogs: what the live page asks with."""

    ask_file: Callable[[QWidget], str] = ask_file
    ask_address: Callable[[QWidget], str] = ask_address
    ask_marker: Callable[[QWidget], str] = ask_marker_text
    ask_recording: Callable[[QWidget, RecordingOptions, bool, bool], SheetAnswer | None] = (
        ask_recording
    )
    ask_names: Callable[[QWidget, Sequence[str]], Sequence[str] | None] = ask_marker_names
