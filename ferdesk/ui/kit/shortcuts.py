"""Shortcuts sheet: the keys of the actions themselves, as F1 shows them."""

import math
from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ferdesk.ui.kit.actions import KEYS_TEXT
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID

_WIDEST_PX = 36 * GRID


class ShortcutsSheet(QDialog):
    """Shortcuts sheet: a window of its own that blocks nothing; Escape closes it."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget | None = None) -> None:
        """Shows each of ``actions`` that has a text and a key, with its ``whatsThis`` if any."""
        super().__init__(parent)
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.entries = [entry for action in actions if (entry := key_entry(action))]
        room = self.screen().availableSize() * 0.9
        inside = self._table(2)
        # two columns: with one the sheet would not fit on a small screen; large type wants one
        if inside.sizeHint().width() + 12 * GRID > room.width():
            inside = self._table(1)
        heading = QLabel(tr("Keyboard shortcuts"), self)
        heading.setProperty("role", "heading")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4 * GRID, 3 * GRID, 4 * GRID, 3 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(heading)
        scroll = QScrollArea(self)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        layout.addWidget(scroll, 1)
        for text in (
            tr("Tab moves between the controls, Space presses them, Escape leaves full screen."),
            tr(
                "Low confidence: no label is clearly ahead. Faces that are too small, turned away, "
                "tilted, badly lit or blurred get no label. The settings hold the limits."
            ),
        ):
            note = QLabel(text, self)
            note.setWordWrap(True)
            note.setProperty("role", "muted")
            layout.addWidget(note)
        # all of it without scrolling, where the screen is large enough
        around = self.sizeHint() - scroll.sizeHint()
        bar = 3 * GRID
        wanted = inside.sizeHint() + QSize(around.width() + bar, around.height() + bar)
        self.resize(wanted.boundedTo(room))

    def _table(self, num_columns: int) -> QWidget:
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 2 * GRID, 0)
        grid.setHorizontalSpacing(3 * GRID)
        grid.setVerticalSpacing(GRID // 2)
        for column in range(num_columns):
            grid.setColumnStretch(2 * column + 1, 1)
        num_rows = math.ceil(len(self.entries) / num_columns)
        for i, (key, text) in enumerate(self.entries):
            row, column = i % num_rows, 2 * (i // num_rows)
            cap = QLabel(key, inside)
            cap.setProperty("role", "key")
            grid.addWidget(cap, row, column, Qt.AlignmentFlag.AlignRight)
            words = QLabel(text, inside)
            # a long one goes on in a second line: it must not widen the sheet beyond the screen
            words.setWordWrap(True)
            wide = words.fontMetrics().horizontalAdvance(text) + GRID
            words.setMinimumWidth(min(wide, _WIDEST_PX))
            grid.addWidget(words, row, column + 1)
        return inside


def key_entry(action: QAction) -> tuple[str, str] | None:
    """The key as this system writes it, and what it does; None where there is nothing to tell."""
    native = [key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()]
    keys = action.property(KEYS_TEXT) or ", ".join(native)
    text = action.whatsThis() or action.text()
    return (keys, text) if keys and text else None
