"""Live actions: names, neutral baseline, timeline and corrections of the chosen face.

Each is a file of its own; here they are tied to the live page's actions, panels and docks.
"""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QPushButton, QWidget

from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.paths import models_folder
from ferdesk.runtime.status import Status
from ferdesk.ui.kit.actions import ActionSpec, ActionTable
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.kit.tab_order import order_tabs
from ferdesk.ui.kit.video_view import VideoView
from ferdesk.ui.learning.corrections import Seen
from ferdesk.ui.learning.corrections_panel import CorrectionsPanel
from ferdesk.ui.learning.learning import LabelMenu, Learning
from ferdesk.ui.live.dock_area import DockArea
from ferdesk.ui.live.faces_panel import FacesPanel
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.neutral_baseline import BaselineRow, Calibration
from ferdesk.ui.live.same_face import SameFaces
from ferdesk.ui.live.timeline import Timeline


class LiveActions(QObject):
    """Live actions: is given each result after the page has shown it."""

    notified = Signal(object)
    """A ``Notice``."""
    model_wanted = Signal(str)
    """The path of a model that was trained here and is to be used."""

    def __init__(
        self,
        live: Live,
        store: SettingsStore,
        actions: ActionTable,
        *,
        view: VideoView,
        faces: FacesPanel,
        dock_area: DockArea,
        corrections_folder: Path | None = None,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._live, self._store = live, store
        self._view, self._faces, self._dock_area = view, faces, dock_area
        self._result: FrameResult | None = None
        self._face_id: int | None = None
        self._status = Status()
        self._pointed: Seen | None = None
        self.calibration = Calibration(live, self)
        self.baseline_row = BaselineRow(faces)
        faces.add_row(self.baseline_row)
        self.timeline = Timeline(parent)
        self.same_faces = SameFaces(live, faces, self.timeline, self)
        self.corrections = CorrectionsPanel(parent)
        self.learning = Learning(live.chores, self.corrections, corrections_folder)
        self.learning.start_from = self._model_file
        self.label_menu = LabelMenu(parent, self.correct)
        self._add_docks()
        actions.add(parent, *self._specs())
        button = QPushButton(tr("Add training example…"), faces)
        give_icon(button, "pencil")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setToolTip(actions["correct"].toolTip())
        button.clicked.connect(actions["correct"].trigger)
        actions["correct"].enabledChanged.connect(button.setEnabled)
        self.correct_button = button
        faces.add_row(button)
        panels = (dock_area.docks[name] for name in ("faces", "heat", "timeline"))
        order_tabs(*(panel.widget() for panel in panels))
        self._connect()
        self.timeline.set_span(store.settings.timeline_s)

    def toggle_baseline(self) -> None:
        """Begin for the chosen face, leave off, or undo, whichever makes sense now."""
        face_id = self._face_id
        if self.calibration.face_id is not None:
            self.calibration.cancel()
        elif face_id is not None and self.calibration.baseline_of(face_id) is not None:
            self.calibration.undo(face_id)
        elif face_id is not None and self._live.running:
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

    def take(self, result: FrameResult, face_id: int | None) -> None:
        """Show what belongs to the chosen face in ``result``."""
        self._result, self._face_id = result, face_id
        self.calibration.take(result)
        self.timeline.take(result, face_id)
        self.same_faces.take(result)
        self._show_baseline()

    def choose(self, face_id: int | None) -> None:
        """The user has chosen this face; of a picture or a film that waits no result follows."""
        self._face_id = face_id
        self.timeline.choose(face_id)
        self._show_baseline()

    def show_status(self, status: Status) -> None:
        self._status = status

    def clear(self) -> None:
        """The source is left: its faces, and their names and baselines, are of no use any more."""
        self._result = None
        self._face_id = None
        self._pointed = None
        self.calibration.cancel()
        self.timeline.clear()
        self.same_faces.clear()
        self._show_baseline()
        self._faces.names.forget()

    def close(self) -> None:
        """For the end of the program: a training that runs ends too."""
        self.label_menu.close()
        self.learning.close()

    def _specs(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "name",
                mark("Name face"),
                self._faces.edit_name,
                "N",
                "tag",
                mark("Name the selected face"),
                repeats=False,
            ),
            ActionSpec(
                "baseline",
                mark("Baseline"),
                self.toggle_baseline,
                "B",
                "crosshair",
                mark("Record or undo the selected face's neutral baseline"),
                repeats=False,
            ),
            ActionSpec(
                "timeline",
                mark("Timeline"),
                partial(self._toggle_dock, "timeline"),
                "T",
                "chart-line",
                mark("Show or hide the timeline"),
                repeats=False,
            ),
            ActionSpec(
                "pause",
                mark("Pause"),
                self.timeline.pause.toggle,
                "P",
                tip=mark("Pause the timeline"),
                repeats=False,
            ),
            ActionSpec(
                "correct",
                mark("Add training example…"),
                self.ask_label,
                "C",
                "pencil",
                mark("Save the selected face as a training example (then 1-7)"),
                repeats=False,
                enabled_when=lambda: self._chosen() is not None,
            ),
            ActionSpec(
                "corrections",
                mark("Training examples"),
                partial(self._toggle_dock, "corrections"),
                "Ctrl+Shift+C",
                "graduation-cap",
                mark("Show or hide the saved training examples"),
                repeats=False,
            ),
        )

    def _add_docks(self) -> None:
        below = Qt.DockWidgetArea.BottomDockWidgetArea
        area = self._dock_area
        timeline = area.add_dock("timeline", tr("Timeline"), self.timeline, below, scrolls=False)
        # side by side two charts would not fit a small screen
        area.tabifyDockWidget(timeline, area.docks["measures"])
        dock = area.add_dock("corrections", tr("Training examples"), self.corrections, shown=False)
        # behind the heatmap's controls: side by side they would leave the faces no room
        area.tabifyDockWidget(area.docks["heat"], dock)
        dock.visibilityChanged.connect(self._corrections_seen)

    def _connect(self) -> None:
        self._faces.names.changed.connect(self._show_names)
        for part in (self.learning, self.calibration):
            part.notified.connect(self.notified)
        self.learning.model_made.connect(lambda path: self.model_wanted.emit(str(path)))
        self.timeline.span_changed.connect(self._remember_span)
        self.baseline_row.pressed.connect(self.toggle_baseline)
        self.calibration.changed.connect(self._show_baseline)
        self._live.marked.connect(self.timeline.mark)

    def _chosen(self) -> FaceResult | None:
        """The chosen face, where it is in the newest result."""
        faces = () if self._result is None else self._result.faces
        return next((face for face in faces if face.face_id == self._face_id), None)

    def _seen(self) -> Seen | None:
        face = self._chosen()
        if self._result is None or face is None:
            return None
        source = self._status.source
        name = f"{source.kind}:{source.name}" if source is not None else ""
        return Seen(self._result.frame, face, name, self._status.model)

    def _beside(self, face: FaceResult) -> QPoint:
        """The lower left corner of ``face`` on the screen."""
        transform = self._view.view_transform()
        corner = QPoint() if transform is None else transform.rect(face.box).bottomLeft().toPoint()
        return self._view.mapToGlobal(corner)

    def _model_file(self) -> Path | None:
        """The file of the model that runs, in full precision: training begins with it."""
        wanted = self._live.wanted_model
        name = self._status.model.name if self._status.model is not None else wanted
        for path in (Path(wanted), models_folder() / f"{name.removesuffix('-int8')}.onnx"):
            if path.suffix == ".onnx" and path.is_file():
                return path
        return None

    @Slot(bool)
    def _corrections_seen(self, visible: bool) -> None:
        if visible:
            self.learning.refresh()

    def _toggle_dock(self, name: str) -> None:
        dock = self._dock_area.docks[name]
        dock.setVisible(not dock.isVisible())
        if dock.isVisible():
            dock.raise_()

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
        self._store.remember(timeline_s=seconds)

    @Slot()
    def _show_names(self) -> None:
        names = dict(self._faces.names.by_id)
        self._view.set_names(names)
        self._live.names = names
