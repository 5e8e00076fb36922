"""Folders opened in the desktop's own file manager."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices


def open_folder(folder: Path) -> bool:
    """Show ``folder`` to the user; False where the desktop has nothing that does."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
