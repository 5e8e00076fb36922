"""Live page: the picture among its docks, the toolbar above and the status line below."""

import contextlib
import math
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ferdesk.core.baseline import NEUTRAL_S
from ferdesk.core.types import CameraFormat, FrameResult
from ferdesk.runtime.status import State, Status
from ferdesk.settings import Settings, VideoChoice
from ferdesk.ui.kit.actions import ActionSpec, ActionTable
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.selection import Selection
from ferdesk.ui.kit.settings_store import SettingsStore, changed_fields
from ferdesk.ui.kit.video_view import VideoView
from ferdesk.ui.live.dialogs import Dialogs
from ferdesk.ui.live.dock_area import DockArea
from ferdesk.ui.live.faces_panel import FacesPanel
from ferdesk.ui.live.file_actions import FileActions
from ferdesk.ui.live.heatmap_panel import HeatmapPanel
from ferdesk.ui.live.layout_actions import LayoutActions
from ferdesk.ui.live.live_actions import LiveActions
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.marker_keys import MarkerKeys
from ferdesk.ui.live.measuring import Measuring
from ferdesk.ui.live.model_actions import ModelActions
from ferdesk.ui.live.recording_actions import RecordingActions
from ferdesk.ui.live.recording_menu import RecordingMenu
from ferdesk.ui.live.recording_state import RecordingState
from ferdesk.ui.live.snapshot import Done, Failed, Snapshots, nothing
from ferdesk.ui.live.source_actions import SourceActions
from ferdesk.ui.live.statistics import StatsPanel
from ferdesk.ui.live.status_line import StatusLine, clock_text
from ferdesk.ui.live.toolbar import Toolbar
from ferdesk.ui.live.view_states import view_state

_LAID_OUT_MS = 60
_OVER = (State.LOST, State.FAILED)
"""The last values are no longer those of what the source shows."""


class LivePage(QWidget):
    """Live page: shows what ``live`` reports and asks it for what the user wants."""

    notified = Signal(object)
    """A ``Notice``."""
    title_changed = Signal(str)
    """The source and, while one runs, the recording's time: for the window's title."""

    def __init__(
        self,
        live: Live,
        store: SettingsStore,
        actions: ActionTable,
        *,
        dialogs: Dialogs | None = None,
        pictures_folder: Path | None = None,
        corrections_folder: Path | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """``actions`` gets the page's own; those that it has already may stand in the toolbar."""
        super().__init__(parent)
        self.live, self.store, self.action_table = live, store, actions
        self._dialogs = dialogs or Dialogs()
        self._selection = Selection()
        self._status = Status()
        self.recording_state = RecordingState()
        self.view = VideoView(self)
        self.faces = FacesPanel(self)
        self.heatmap = HeatmapPanel(self)
        self.measuring = Measuring(live, store, self.view, self)
        self.heatmap.add_row(self.measuring.row)
        self.faces.add_row(self.measuring.box)
        self.status_line = StatusLine(self)
        self.stats = StatsPanel(self, num_not_shown=lambda: live.bridge.num_skipped)
        self.snapshots = Snapshots(
            self.view, live.chores, live.services.find_faces, pictures_folder, self
        )
        self.models = ModelActions(live, store, self.status_line, self)
        self.sources = SourceActions(live, store, actions, self._dialogs, self)
        self.files = FileActions(live, actions, self)
        self.recordings = RecordingActions(live, store, actions, self._dialogs, self.files, self)
        actions.add(self, *self._specs())
        self.layout_actions = LayoutActions(self, store, actions)
        self.marker_keys = MarkerKeys(self, self.mark)
        menu = ("new_recording", "pause_recording", "marker", "markers", "lsl_markers", "review")
        beside = tuple(actions[name] for name in menu if name in actions)
        self.recording_menu = RecordingMenu(self, beside, self.choose_video, live.switch_stream)
        self.toolbar = Toolbar(
            actions,
            self.sources.button,
            self.sources.format_button,
            self.recording_menu,
            self,
        )
        self.dock_area = self._make_docks()
        self.layout_actions.place(self.toolbar, self.dock_area, self.status_line)
        self.live_actions = LiveActions(
            live,
            store,
            actions,
            view=self.view,
            faces=self.faces,
            dock_area=self.dock_area,
            corrections_folder=corrections_folder,
            parent=self,
        )
        self._lay_out()
        self._connect()
        self._apply(store.settings)
        self.dock_area.keep_default()
        self.dock_area.restore(store.settings.dock_state)
        self._clear()
        self._show_status(Status())

    # ---- recordings and markers

    def choose_video(self, choice: VideoChoice) -> None:
        """Whether the next recordings keep the picture; snapshots follow the same choice."""
        self.live.video = choice
        self.store.remember(record_video=choice)

    def snapshot(self, done: Done = nothing, failed: Failed = nothing) -> None:
        blurred = self.live.video == "anonymous"
        self.snapshots.save(blurred=blurred, done=done, failed=failed)

    def mark(self, label: str) -> None:
        self.live.mark(label)

    def set_marker(self) -> None:
        """Ask for a text; the marker gets the moment of the key, not that of the answer."""
        at_s, taken = self.live.now_s(), self.live.recordings.takes_marker()
        if taken and (label := self._dialogs.ask_marker(self).strip()) != "":
            self.live.mark(label, at_s)

    def name_markers(self) -> None:
        if (names := self._dialogs.ask_names(self, self.marker_keys.names)) is not None:
            self.marker_keys.set_names(names)
            self.store.remember(marker_names=self.marker_keys.as_setting())

    # ---- what is seen

    def set_mirrored(self) -> None:
        mirrored = self.action_table["mirror"].isChecked()
        self.view.set_mirrored(mirrored)
        self.store.remember(mirror=mirrored)

    def choose_face(self, face_id: int) -> None:
        self._selection.choose(face_id)
        if self.view.result is not None:
            self._show_faces(self.view.result)
            self.view.set_chosen(self._selection.face_id)
            self.live_actions.choose(self._selection.face_id)
            self.action_table.refresh()

    @property
    def chosen_id(self) -> int | None:
        """The face that the panels are about; it may be out of sight."""
        return self._selection.face_id

    def close_all(self) -> None:
        """For the end of the program: remember the docks, and end what runs."""
        self.live_actions.close()
        self.live.close()

    def _step(self, by: int) -> None:
        if self.view.result is not None:
            self._selection.step(self.view.result, by)
            if self._selection.face_id is not None:
                self.choose_face(self._selection.face_id)

    def _show_faces(self, result: FrameResult) -> int | None:
        chosen = self._selection.update(result)
        self.faces.show_faces(result.faces, chosen, self._selection.face_id)
        return self._selection.face_id

    @Slot(str)
    def _source_started(self, _name: str) -> None:
        self._clear()
        self.stats.restart()

    @Slot()
    def _clear(self) -> None:
        """Nothing of the source that was left stays on the screen."""
        self.view.clear()
        self.faces.forget()
        self._selection.forget()
        self.live_actions.clear()
        self.measuring.clear()
        self.action_table.refresh()

    # ---- what live reports

    @Slot(object)
    def _show_result(self, result: FrameResult) -> None:
        self.snapshots.add(result)
        chosen = self._show_faces(result)
        self.view.show_result(result, chosen, self.live.prepared)
        if self._status.state in _OVER:
            self.faces.age()  # the last pictures were still being analysed
        self._show_state()
        self.live_actions.take(result, chosen)
        self.measuring.take(result, chosen)
        self.stats.meter.add_result(result)
        self.action_table.refresh()

    @Slot(object)
    def _show_status(self, status: Status) -> None:
        self._status = status
        self.status_line.show_status(status)
        self.stats.show_status(status)
        self.live_actions.show_status(status)
        self.sources.show_status(status)
        self.files.show_status(status)
        if status.state in _OVER:
            self.faces.age()
        if status.model is not None:
            wanted = status.post_processing.labels_from
            self.heatmap.set_places(status.model.maps_of(wanted))
        self._show_state()
        self._show_recording(self.recording_state)
        self.layout_actions.show_urgent(
            self.recording_state.active or self.status_line.sends or status.state in _OVER
        )

    @Slot(object)
    def _show_recording(self, recording: RecordingState) -> None:
        self.recording_state = recording
        self.status_line.show_recording(recording)
        self.recordings.show_state(recording)
        self.files.show_status(self._status)
        self._show_state()
        self.action_table.refresh()
        elapsed = clock_text(recording.elapsed_s)
        parts = (f"● {elapsed}" if recording.active else "", self.sources.button.title)
        self.title_changed.emit(" · ".join(part for part in parts if part))

    def _show_state(self) -> None:
        num_faces = len(self.view.result.faces) if self.view.result is not None else 0
        state = view_state(self._status, self.sources.button.title, num_faces)
        if self.recording_state.counting_down:
            seconds = math.ceil(self.recording_state.begins_in_s)
            note = tr("Recording starts in {seconds} s").format(seconds=seconds)
            state = replace(state, note=note)
        elif (calibrated := self.live_actions.calibration.face_id) is not None:
            left_s = NEUTRAL_S * (1 - self.live_actions.calibration.share)
            note = tr("Face #{id}: keep a neutral face for {seconds} s")
            state = replace(state, note=note.format(id=calibrated, seconds=math.ceil(left_s)))
        self.view.set_state(state)

    # ---- settings

    @Slot(object, object)
    def _use_settings(self, before: Settings, settings: Settings) -> None:
        """Act on what a dialog or a file has changed."""
        changed = changed_fields(before, settings)
        self._apply(settings)
        if "dock_state" in changed:
            self.dock_area.restore(settings.dock_state)
        self.models.use_settings(changed, settings)
        if "last_source" in changed:
            self.sources.start_usual()
        elif changed & {"camera_size", "camera_rate"}:
            self.sources.restart()

    def _apply(self, settings: Settings) -> None:
        self.live.set_post_processing(
            replace(
                self.live.post_processing.with_labels_from(settings.labels_from),
                smoothing_tau_s=settings.smoothing_tau_s,
                confidence_threshold=settings.uncertain_below,
                smallest_face_px=settings.smallest_face_px,
                measures=settings.measures,
            )
        )
        self.view.set_overlays(boxes=settings.show_boxes, labels=settings.show_labels)
        self.action_table["mirror"].setChecked(settings.mirror)
        self.view.set_mirrored(settings.mirror)
        self.models.apply(settings)
        self.live.video = settings.record_video
        self.recording_menu.show_video(settings.record_video)
        self.marker_keys.set_names(settings.marker_names.split(";"))
        self.action_table["panel"].setChecked(settings.side_panel)
        shown = settings.side_panel and not self.window().isFullScreen()
        if shown != self.dock_area.docks_shown:
            self.dock_area.show_docks(shown)
        self.faces.bars.reduced_motion = settings.reduced_motion
        self.live_actions.same_faces.offers = settings.offer_same_face
        asked = self.live.camera_format
        with contextlib.suppress(ValueError):
            # a size that is none, by hand in the file, leaves it to the camera
            asked = CameraFormat.of(settings.camera_size, settings.camera_rate)
        self.sources.ask_of_cameras(asked)
        self.heatmap.choose(
            on=settings.heatmap,
            name=settings.map_name,
            opacity=settings.heat_opacity,
            label=settings.cam_label,
            colours=settings.heat_colours,
            in_oval=settings.heat_in_oval,
        )
        self._show_heatmap()
        self.measuring.apply(settings)

    def _heatmap_changed(self) -> None:
        self._show_heatmap()
        self.store.remember(
            heatmap=self.heatmap.switch.isChecked(),
            map_name=self.heatmap.map_name,
            cam_label=self.heatmap.label.currentData() or "",
            heat_opacity=self.heatmap.opacity.value() / 100,
        )

    def _show_heatmap(self) -> None:
        self.view.set_heatmap(self.heatmap.choice, self.heatmap.places)
        self.recordings.heatmap = self.heatmap.choice
        with QSignalBlocker(self.action_table["heatmap"]):
            self.action_table["heatmap"].setChecked(self.heatmap.switch.isChecked())

    # ---- how it is put together

    def _specs(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "snapshot",
                mark("Snapshot"),
                self.snapshot,
                "S Ctrl+S",
                "camera",
                mark("Save snapshot"),
                enabled_when=lambda: self.view.result is not None,
            ),
            ActionSpec(
                "heatmap",
                mark("Show heatmap"),
                self.heatmap.switch.toggle,
                "H",
                "flame",
                checkable=True,
                short=mark("Heatmap"),
            ),
            ActionSpec(
                "mirror",
                mark("Mirror"),
                self.set_mirrored,
                "Ctrl+M",
                "flip-vertical-2",
                mark("Mirror the preview"),
                checkable=True,
            ),
            ActionSpec(
                "zoom_in",
                mark("Zoom in"),
                lambda: self.view.zooming.step(1),
                "Ctrl++ Ctrl+=",
                "zoom-in",
                mark("Zoom the picture in (wheel)"),
                enabled_when=lambda: self.view.result is not None,
            ),
            ActionSpec(
                "zoom_out",
                mark("Zoom out"),
                lambda: self.view.zooming.step(-1),
                "Ctrl+-",
                "zoom-out",
                mark("Zoom the picture out (wheel)"),
                enabled_when=lambda: self.view.result is not None,
            ),
            ActionSpec(
                "zoom_whole",
                mark("Whole picture"),
                self.view.zooming.reset,
                "Ctrl+0",
                tip=mark("Show the whole picture"),
                enabled_when=lambda: self.view.result is not None,
            ),
            ActionSpec("next", mark("Next face"), lambda: self._step(1), "]"),
            ActionSpec("previous", mark("Previous face"), lambda: self._step(-1), "["),
            ActionSpec(
                "marker",
                mark("Marker…"),
                self.set_marker,
                "M",
                "flag",
                mark("Add a marker with a text"),
            ),
            ActionSpec("markers", mark("Marker names…"), self.name_markers, "Ctrl+Shift+M", "tag"),
        )

    def _make_docks(self) -> DockArea:
        # a file's bar belongs to its picture
        centre = QWidget(self)
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self.files.bar)
        area = DockArea(centre, self)
        area.add_dock("faces", tr("Faces"), self.faces)
        area.add_dock("heat", tr("Heatmap"), self.heatmap)
        self.measuring.add_dock(area)
        left = Qt.DockWidgetArea.LeftDockWidgetArea
        area.add_dock("stats", tr("Statistics"), self.stats, left, shown=False)
        return area

    def _lay_out(self) -> None:
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.toolbar)
        self._column.addWidget(self.dock_area, 1)
        self._column.addWidget(self.status_line)
        self.status_line.add_button(self.action_table["stats"])

    def _connect(self) -> None:
        live = self.live
        live.bridge.prepare = self.view.draw_ahead
        live.result.connect(self._show_result)
        live.status.connect(self._show_status)
        live.recording.connect(self._show_recording)
        live.source.connect(self._source_started)
        live.streaming.connect(self.recording_menu.show_streams)
        live.streaming.connect(self.status_line.show_streams)
        self.status_line.stream_stopped.connect(lambda kind: live.switch_stream(kind, False))
        live.told.connect(self.notified)
        for part in (
            self.sources,
            self.models,
            self.snapshots,
            self.live_actions,
            self.files,
            self.recordings,
        ):
            part.notified.connect(self.notified)
        self.sources.stopped.connect(self._clear)
        self.live_actions.model_wanted.connect(self.models.choose)
        self.store.replaced.connect(self._use_settings)
        self.view.face_clicked.connect(self.choose_face)
        self.view.painted.connect(lambda result: self.stats.meter.add_painted(result))
        self.view.double_clicked.connect(self.action_table["full"].trigger)
        self.faces.chosen.connect(self.choose_face)
        self.faces.named.connect(self.view.setFocus)
        self.faces.list.grew.connect(
            lambda: QTimer.singleShot(_LAID_OUT_MS, self, lambda: self.dock_area.give_room("faces"))
        )
        self.heatmap.changed.connect(self._heatmap_changed)
