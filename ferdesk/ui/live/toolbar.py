"""Toolbar of the live page: source, camera format and the actions that people use most."""

from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from ferdesk.ui.kit.actions import ActionTable, button_of
from ferdesk.ui.kit.theme import GRID

_BUTTONS = (
    "run",
    "record",
    "snapshot",
    "",
    "heatmap",
    "mirror",
    "panel",
    "full",
    "review",
    "keys",
    "settings",
)
"""The names of the actions, in order; an empty one is a stretch."""
_ICON_ONLY = ("mirror", "panel", "full", "keys", "settings")


class Toolbar(QWidget):
    """Toolbar: a row of buttons; an action that the table lacks has none."""

    def __init__(
        self,
        actions: ActionTable,
        before: tuple[QWidget, ...],
        recording_menu: QMenu,
        parent: QWidget | None = None,
    ) -> None:
        """``before`` are the widgets that stand first."""
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, GRID, GRID, GRID)
        row.setSpacing(GRID)
        for widget in before:
            row.addWidget(widget)
        for name in _BUTTONS:
            if not name:
                row.addStretch(1)
            elif name in actions:
                button = button_of(actions[name], self, with_text=name not in _ICON_ONLY)
                row.addWidget(button)
                if name in ("run", "record"):
                    # wide enough for its longest words, so that nothing beside it moves
                    widest = button.fontMetrics().horizontalAdvance("00:00:00")
                    button.setMinimumWidth(widest + 7 * GRID)
                if name == "record":
                    button.setMenu(recording_menu)
                    button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
