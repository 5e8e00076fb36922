"""What the live page can do besides showing: names, baseline, timeline, corrections.

Each tool is a file of its own; here they are tied to the window, its keys and its docks.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QPushButton

from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.paths import models_folder
from ferdesk.runtime.engine import Status
from ferdesk.ui.kit.icons import ACTION_ICONS, give_icon
from ferdesk.ui.kit.language import tr
from ferdesk.ui.learning.corrections import Seen
from ferdesk.ui.learning.corrections_panel import CorrectionsPanel
from ferdesk.ui.learning.learning import LabelMenu, Learning
from ferdesk.ui.live.neutral_baseline import BaselineRow, Calibration
from ferdesk.ui.live.timeline import Timeline

if TYPE_CHECKING:
    from ferdesk.ui.shell.main_window import MainWindow


class LiveTools(QObject):
    """Hears of each result after the window has shown it."""

    def __init__(self, window: "MainWindow", corrections_folder: Path | None = None) -> None:
        super().__init__(window)
        self._window = window
        self._result: FrameResult | None = None
        self._face_id: int | None = None
        self._status = Status()
        window.live.status.connect(self._keep_status)
        window.actions_by_name["full"].setShortcuts([QKeySequence("F"), QKeySequence("F11")])
        window.actions_by_name["snapshot"].setShortcuts([QKeySequence("S"), QKeySequence("Ctrl+S")])
        self.calibration = Calibration(window.live, self)
        self.baseline_row = BaselineRow(window.faces)
        window.faces.add_row(self.baseline_row)
        self.timeline = Timeline(window)
        below = Qt.DockWidgetArea.BottomDockWidgetArea
        window.stage.add_dock("timeline", tr("Timeline"), self.timeline, below, scrolls=False)
        self.corrections = CorrectionsPanel(window)
        self.learning = Learning(window.live.chores, self.corrections, corrections_folder)
        self.learning.start_from = self._model_file
        dock = window.stage.add_dock(
            "corrections", tr("Corrections"), self.corrections, shown=False
        )
        # behind the heatmap's controls: side by side they would leave the faces no room
        window.stage.tabifyDockWidget(window.stage.docks["heat"], dock)
        dock.visibilityChanged.connect(self._corrections_seen)
        self.label_menu = LabelMenu(window, self.correct)
        self._pointed: Seen | None = None
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
            "timeline",
            tr("Timeline"),
            "T",
            partial(self._toggle_dock, "timeline"),
            tr("Show or hide the timeline"),
        )
        self.add_action(
            "pause", tr("Pause"), "P", self.timeline.pause.toggle, tr("Hold the timeline still")
        )
        self.correct_action = self.add_action(
            "correct",
            tr("Correct…"),
            "C",
            self.ask_label,
            tr("Say what the chosen face shows, then 1 to 7"),
        )
        self.add_action(
            "corrections",
            tr("Corrections"),
            "Ctrl+Shift+C",
            partial(self._toggle_dock, "corrections"),
            tr("Show or hide the stored faces"),
        )
        button = QPushButton(tr("Correct…"), window.faces)
        give_icon(button, ACTION_ICONS["correct"])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setToolTip(self.correct_action.toolTip())
        button.clicked.connect(self.correct_action.trigger)
        self.correct_button = button
        window.faces.add_row(button)
        self.learning.told.connect(window.notices.show_notice)
        self.learning.model_made.connect(self._use_model)
        self.timeline.set_span(window.settings.timeline_s)
        self.timeline.span_changed.connect(self._remember_span)
        self.baseline_row.pressed.connect(self.toggle_baseline)
        self.calibration.changed.connect(self._show_baseline)
        self.calibration.told.connect(window.notices.show_notice)
        window.live.result.connect(self.take)
        window.live.marked.connect(self.timeline.mark)

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
        if name in ACTION_ICONS:
            give_icon(action, ACTION_ICONS[name])
        window.live_page.addAction(action)
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

    def ask_label(self) -> None:
        """Ask what the chosen face shows; it is stored as it is at this moment."""
        self._pointed = self._seen()
        if self._pointed is not None:
            self.label_menu.open_at(self._beside(self._pointed.face))

    def correct(self, label: str) -> None:
        """The face that was pointed at, else the chosen one, shows ``label``."""
        seen, self._pointed = self._pointed or self._seen(), None
        if seen is not None:
            self.learning.store(seen, label)

    def close(self) -> None:
        """For the end of the program: a training that runs ends too."""
        self.label_menu.close()
        self.learning.close()

    def _seen(self) -> Seen | None:
        result = self._result
        if result is None:
            return None
        for face in result.faces:
            if face.face_id == self._face_id:
                source = self._status.source
                name = f"{source.kind}:{source.name}" if source is not None else ""
                return Seen(result.frame, face, name, self._status.model)
        return None

    def _beside(self, face: FaceResult) -> QPoint:
        """The lower left corner of ``face`` on the screen."""
        view = self._window.view
        placement = view.placement()
        corner = QPoint() if placement is None else placement.rect(face.box).bottomLeft().toPoint()
        return view.mapToGlobal(corner)

    @Slot(object)
    def _keep_status(self, status: Status) -> None:
        self._status = status

    def _model_file(self) -> Path | None:
        """The file of the model that runs, in full precision: training begins with it."""
        wanted = self._window.live.wanted_model
        name = self._status.model.name if self._status.model is not None else wanted
        for path in (Path(wanted), models_folder() / f"{name.removesuffix('-int8')}.onnx"):
            if path.suffix == ".onnx" and path.is_file():
                return path
        return None

    @Slot(object)
    def _use_model(self, path: Path) -> None:
        self._window.choose_model(str(path))

    @Slot(bool)
    def _corrections_seen(self, visible: bool) -> None:
        if visible:
            self.learning.refresh()

    def _toggle_dock(self, name: str) -> None:
        dock = self._window.stage.docks[name]
        dock.setVisible(not dock.isVisible())
        if dock.isVisible():
            dock.raise_()

    @Slot(object)
    def take(self, result: FrameResult) -> None:
        self._result = result
        self._face_id = self._window.chosen_id
        self.calibration.take(result)
        chosen_is_seen = any(face.face_id == self._face_id for face in result.faces)
        self.correct_action.setEnabled(chosen_is_seen)
        self.correct_button.setEnabled(chosen_is_seen)
        self.timeline.take(result, self._face_id)
        self._show_baseline()

    def clear(self) -> None:
        """The source is left: its faces, and what was said of them, are of no use any more."""
        self._result = None
        self._face_id = None
        self._pointed = None
        self.correct_action.setEnabled(False)
        self.correct_button.setEnabled(False)
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
