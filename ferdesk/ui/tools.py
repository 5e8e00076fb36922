"""What the live page can do besides showing: names, baseline, timeline, corrections.

Each tool is a file of its own; here they are tied to the window, its keys and its docks.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QAction, QKeySequence

from ferdesk.core.types import FrameResult
from ferdesk.ui.calibration import BaselineRow, Calibration
from ferdesk.ui.language import tr
from ferdesk.ui.timeline import Timeline

if TYPE_CHECKING:
    from ferdesk.ui.main_window import MainWindow


class LiveTools(QObject):
    """Hears of each result after the window has shown it."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._result: FrameResult | None = None
        self._face_id: int | None = None
        window.actions_by_name["full"].setShortcuts([QKeySequence("F"), QKeySequence("F11")])
        window.actions_by_name["snapshot"].setShortcuts([QKeySequence("S"), QKeySequence("Ctrl+S")])
        self.calibration = Calibration(window.live, self)
        self.baseline_row = BaselineRow(window.faces)
        window.faces.add_row(self.baseline_row)
        self.timeline = Timeline(window)
        below = Qt.DockWidgetArea.BottomDockWidgetArea
        window.stage.add_dock("timeline", tr("Timeline"), self.timeline, below, scrolls=False)
        self.name = self.add_action(
            "name", tr("Name the face"), "N", window.faces.edit_name, tr("Name the chosen face")
        )
        window.faces.names.changed.connect(self._show_names)
        self.add_action(
            "baseline",
            tr("Baseline"),
            "B",
            self.toggle_baseline,
            tr("Take the chosen face's neutral baseline, or undo it"),
        )
        self.add_action(
            "timeline", tr("Timeline"), "T", self.toggle_timeline, tr("Show or hide the timeline")
        )
        self.add_action(
            "pause", tr("Pause"), "P", self.timeline.pause.toggle, tr("Hold the timeline still")
        )
        self.timeline.set_span(window.settings.timeline_s)
        self.timeline.span_changed.connect(self._remember_span)
        self.baseline_row.pressed.connect(self.toggle_baseline)
        self.calibration.changed.connect(self._show_baseline)
        self.calibration.told.connect(window.notices.show_notice)
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

    def toggle_baseline(self) -> None:
        """Begin for the chosen face, leave off, or undo, whichever makes sense now."""
        face_id = self._face_id
        if self.calibration.face_id is not None:
            self.calibration.cancel()
        elif face_id is not None and self.calibration.baseline_of(face_id) is not None:
            self.calibration.undo(face_id)
        elif face_id is not None and self._window.live.running:
            self.calibration.begin(face_id)

    def toggle_timeline(self) -> None:
        dock = self._window.stage.docks["timeline"]
        dock.setVisible(not dock.isVisible())

    @Slot(object)
    def take(self, result: FrameResult) -> None:
        self._result = result
        self._face_id = self._window.chosen_id
        self.calibration.take(result)
        self.timeline.take(result, self._face_id)
        self._show_baseline()

    def clear(self) -> None:
        """The source is left: its faces, and what was said of them, are of no use any more."""
        self._result = None
        self._face_id = None
        self.calibration.cancel()
        self.timeline.clear()
        self._show_baseline()
        self._window.faces.names.forget()

    @Slot()
    def _show_baseline(self) -> None:
        baseline = self.calibration.baseline_of(self._face_id)
        if self.calibration.face_id is not None:
            self.baseline_row.show_running(self.calibration.share)
        elif baseline is not None:
            self.baseline_row.show_on(baseline)
        else:
            self.baseline_row.show_off(self._face_id)

    @Slot(int)
    def _remember_span(self, seconds: int) -> None:
        self._window.remember(timeline_s=seconds)

    @Slot()
    def _show_names(self) -> None:
        names = dict(self._window.faces.names.by_id)
        self._window.view.set_names(names)
        self._window.live.names = names


def _ignore_checked(does: Callable[[], None], checked: bool = False) -> None:
    does()
