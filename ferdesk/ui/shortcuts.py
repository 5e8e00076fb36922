"""The sheet of keys that F1 shows, and the words that need explaining."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QVBoxLayout, QWidget

from ferdesk.ui.theme import GRID, titled

_UNSURE = (
    "Unsure: the strongest label has less than 40\u00a0%, leads by less than 10 points, "
    "or the face is smaller than 24 pixels."
)


class ShortcutsSheet(QDialog):
    """A window of its own that blocks nothing; Escape closes it."""

    def __init__(self, entries: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        """``entries``: what is done, and the key in Qt's portable notation."""
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        grid = QGridLayout()
        grid.setHorizontalSpacing(4 * GRID)
        grid.setVerticalSpacing(GRID)
        for row, (text, key) in enumerate(entries):
            native = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
            grid.addWidget(QLabel(native, self), row, 0, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(QLabel(text, self), row, 1)
        heading = QLabel("Keyboard", self)
        heading.setFont(titled(self))
        unsure = QLabel(_UNSURE, self)
        unsure.setWordWrap(True)
        unsure.setProperty("role", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4 * GRID, 3 * GRID, 4 * GRID, 3 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(heading)
        layout.addLayout(grid)
        layout.addWidget(unsure)
