"""What the live page can do besides showing: names, baseline, timeline, corrections.

Each tool is a file of its own; here they are tied to the window, its keys and its docks.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QKeySequence

from ferdesk.core.types import FrameResult
from ferdesk.ui.language import tr

if TYPE_CHECKING:
    from ferdesk.ui.main_window import MainWindow


class LiveTools(QObject):
    """Hears of each result after the window has shown it."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._result: FrameResult | None = None
        window.actions_by_name["full"].setShortcuts([QKeySequence("F"), QKeySequence("F11")])
        window.actions_by_name["snapshot"].setShortcuts([QKeySequence("S"), QKeySequence("Ctrl+S")])
        self.name = self.add_action(
            "name", tr("Name the face"), "N", window.faces.edit_name, tr("Name the chosen face")
        )
        window.faces.names.changed.connect(self._show_names)
        window.live.result.connect(self.take)

    def add_action(
        self, name: str, text: str, key: str, does: Callable[[], None], tip: str
    ) -> QAction:
        """An action of the window like those of its own table."""
        window = self._window
        action = QAction(text, window)
        action.setShortcut(QKeySequence(key))
        action.setAutoRepeat(False)
        native = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{tip} ({native})")
        action.setWhatsThis(tip)
        action.triggered.connect(partial(_ignore_checked, does))
        window.addAction(action)
        window.actions_by_name[name] = action
        return action

    @Slot(object)
    def take(self, result: FrameResult) -> None:
        self._result = result

    def clear(self) -> None:
        """The source is left: its faces, and what was said of them, are of no use any more."""
        self._result = None
        self._window.faces.names.forget()

    @Slot()
    def _show_names(self) -> None:
        names = dict(self._window.faces.names.by_id)
        self._window.view.set_names(names)
        self._window.live.names = names


def _ignore_checked(does: Callable[[], None], checked: bool = False) -> None:
    does()
