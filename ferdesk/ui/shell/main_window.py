"""The window: actions as a table, the picture among its docks, and words for every state."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSignalBlocker, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QImage, QKeySequence
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.anonymize import Recent
from ferdesk.core.locations import has_credentials
from ferdesk.core.types import CameraFormat, FrameResult
from ferdesk.errors import FerdeskError
from ferdesk.paths import sessions_folder
from ferdesk.runtime.engine import State, Status
from ferdesk.runtime.ports import SourceChoice
from ferdesk.settings import Settings, VideoChoice, save_settings
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.icons import ACTION_ICONS, give_icon
from ferdesk.ui.kit.language import mark, tr, translated
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.notices import Notices
from ferdesk.ui.kit.selection import Selection
from ferdesk.ui.kit.shortcuts import ShortcutsSheet
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.kit.video_view import VideoView, ViewState
from ferdesk.ui.live.dock_area import Stage
from ferdesk.ui.live.faces_panel import FacesPanel
from ferdesk.ui.live.format_button import FormatButton
from ferdesk.ui.live.heatmap_panel import HeatPanel
from ferdesk.ui.live.live_actions import LiveTools
from ferdesk.ui.live.live_run import DEMO, Live, RecordingState, best_camera, source_title
from ferdesk.ui.live.marker_keys import MarkerKeys, ask_marker_names, ask_marker_text
from ferdesk.ui.live.recording_menu import RecordingMenu
from ferdesk.ui.live.statistics import StatsPanel
from ferdesk.ui.live.status_line import StatusLine, clock_text
from ferdesk.ui.preferences.preferences import Preferences, changed_fields

if TYPE_CHECKING:
    from ferdesk.ui.review.page import ReviewPage

log = logging.getLogger(__name__)

PROGRAM = "ferdesk"
_SAVE_AFTER_MS = 500
_SLOW_OPENING_S = 3.0
_FILES = "*.mp4 *.mov *.mkv *.avi *.webm *.m4v *.gif *.jpg *.jpeg *.png *.bmp"
_OVER = (State.LOST, State.ENDED, State.FAILED)


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One thing the user can do: what it is called, its key, and the method that does it."""

    name: str
    text: str
    key: str
    does: str
    checkable: bool = False
    tip: str = ""


ACTIONS = (
    ActionSpec("run", mark("Start"), "F5", "toggle_run", True, mark("Start or stop the source")),
    ActionSpec(
        "record", mark("Record"), "R", "toggle_recording", True, mark("Record the results to CSV")
    ),
    ActionSpec(
        "snapshot",
        mark("Snapshot"),
        "S",
        "snapshot",
        False,
        mark("Save the picture as it is shown"),
    ),
    ActionSpec(
        "heatmap",
        mark("Heatmap"),
        "H",
        "toggle_heatmap",
        True,
        mark("Paint the map over the faces"),
    ),
    ActionSpec(
        "mirror",
        mark("Mirror"),
        "Ctrl+M",
        "set_mirrored",
        True,
        mark("Show the picture as a mirror"),
    ),
    ActionSpec(
        "panel", mark("Panels"), "F9", "show_panels", True, mark("What stands around the picture")
    ),
    ActionSpec(
        "full", mark("Full screen"), "F", "show_full", True, mark("Nothing but the picture")
    ),
    ActionSpec(
        "stats",
        mark("Statistics"),
        "F8",
        "show_stats",
        True,
        mark("Rates, times and drops"),
    ),
    ActionSpec("next", mark("Next face"), "]", "next_face"),
    ActionSpec("previous", mark("Previous face"), "[", "previous_face"),
    ActionSpec(
        "marker",
        mark("Marker…"),
        "M",
        "set_marker",
        False,
        mark("Set a marker with a text of its own"),
    ),
    ActionSpec("markers", mark("Marker names…"), "Ctrl+Shift+M", "name_markers"),
    ActionSpec("file", mark("Open file…"), "Ctrl+O", "open_file"),
    ActionSpec("address", mark("Open address…"), "Ctrl+L", "open_address"),
    ActionSpec("source", mark("Choose a source…"), "F4", "choose_from_menu"),
    ActionSpec(
        "review",
        mark("Review"),
        "F7",
        "toggle_review",
        True,
        mark("Look at recorded sessions, or come back"),
    ),
    ActionSpec("settings", mark("Settings…"), "Ctrl+,", "choose_settings"),
    ActionSpec("keys", mark("Keyboard"), "F1", "show_keys", False, mark("All keys")),
)
_BAR = (
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
_SMALL = ("mirror", "panel", "full", "keys", "settings")
"""These show their icon alone; their names stand in the tooltip."""
_EVERYWHERE = ("review", "settings", "keys")
"""These work on every page of the window, the others where the live page is seen."""


class MainWindow(QMainWindow):
    """Shows what ``live`` tells and asks it for what the user wants; decides nothing else."""

    settings_changed = Signal(object)
    """The ``Settings`` as they are now."""

    def __init__(
        self,
        live: Live,
        settings: Settings,
        *,
        settings_path: Path | None = None,
        pictures_folder: Path | None = None,
        corrections_folder: Path | None = None,
        ask_file: Callable[[QWidget], str] | None = None,
        ask_address: Callable[[QWidget], str] | None = None,
        ask_marker: Callable[[QWidget], str] | None = None,
        ask_names: Callable[[QWidget, Sequence[str]], Sequence[str] | None] | None = None,
    ) -> None:
        """``settings_path`` None keeps the settings nowhere; the ``ask_`` ones return "" for no."""
        super().__init__()
        self.live = live
        live.setParent(self)
        self.settings = settings
        self._settings_path = settings_path
        self._pictures_folder = pictures_folder
        self._ask_file = ask_file or _ask_file
        self._ask_address = ask_address or _ask_address
        self._ask_marker = ask_marker or ask_marker_text
        self._ask_names = ask_names or ask_marker_names
        self._selection = Selection()
        self._status = Status()
        self._recording = RecordingState()
        self.cameras: tuple[SourceChoice, ...] = ()
        self._keys: ShortcutsSheet | None = None
        self.live_page = QWidget(self)
        self.review: ReviewPage | None = None
        self._saver = QTimer(self, singleShot=True, interval=_SAVE_AFTER_MS)
        self._saver.timeout.connect(self._save)

        self.view = VideoView(self)
        self.faces = FacesPanel(self)
        self.heat = HeatPanel(self)
        self.actions_by_name: dict[str, QAction] = {}
        self.notices = Notices(self)
        self.status_line = StatusLine(self)
        self.stats = StatsPanel(self, num_not_shown=lambda: live.bridge.num_skipped)
        self._make_actions()
        self.marker_keys = MarkerKeys(self.live_page, self.mark)
        self.source_button = self._make_source_button()
        self.format_button = FormatButton(self)
        self._recent = Recent()
        self._bar = self._make_bar()
        self.stage = self._make_stage()
        self._lay_out()
        self._connect()
        self.tools = LiveTools(self, corrections_folder)
        self.preferences = Preferences(self)
        self._apply(settings)
        self._arrange(settings)
        self._clear()
        self._show_status(Status())

    # ---- what the actions do

    def start(self, name: str, *, fallback: str = "") -> None:
        """Begin with a source; see ``Live.start``."""
        self._clear()
        self.stats.restart()
        self.live.start(name, fallback=fallback)

    def choose_source(self, name: str) -> None:
        """The user wants this source, now and the next time."""
        if not has_credentials(name):
            self._remember(last_source=name)
        self.start(name)

    def choose_format(self, asked: CameraFormat) -> None:
        """The user wants this of cameras; one that runs is opened again."""
        self.live.camera_format = asked
        self.format_button.show_asked(asked)
        size = f"{asked.width}x{asked.height}" if asked.width else ""
        self._remember(camera_size=size, camera_rate=asked.rate_fps)
        if self.live.running:
            self.start(self.live.source_name)

    def choose_model(self, name: str) -> None:
        """The user wants this model, now and the next time; empty lets the speed decide."""
        self.live.stop_recording()
        self.live.use_model(name)
        self.status_line.offer_models(self.live.models, name)
        self._remember(model=name)

    def choose_from_menu(self) -> None:
        self.source_button.setFocus()
        self.source_button.showMenu()

    def choose_settings(self, tab: int | None = None) -> None:
        self.preferences.show(tab)

    def change_settings(self, settings: Settings) -> None:
        """Use ``settings`` from now on: what differs acts at once and is remembered."""
        before, self.settings = self.settings, settings
        changed = changed_fields(before, settings)
        self._apply(settings)
        if "dock_state" in changed:
            self.stage.restore(settings.dock_state)
        if "model" in changed:
            self.live.use_model(settings.model)
            self.status_line.offer_models(self.live.models, settings.model)
        if "provider" in changed:
            self.live.use_device(settings.provider)
        if "last_source" in changed:
            self.start_usual()
        elif changed & {"camera_size", "camera_rate"} and self.live.running:
            self.start(self.live.source_name)
        self._remember()

    def start_usual(self) -> None:
        """Start what was chosen last, else the best camera; the demo where there is none."""
        if self.settings.last_source:
            self.start(self.settings.last_source, fallback=DEMO.name)
        else:
            self.live.find_cameras(self._start_best)

    def _source_choice(self) -> Choice:
        return Choice(self.actions_by_name["source"].text(), self.choose_from_menu)

    def _start_best(self, cameras: Sequence[SourceChoice]) -> None:
        if (name := best_camera(cameras)) != "":
            self.start(name, fallback=DEMO.name)
        else:
            self.start(DEMO.name)
            text = tr("No camera was found. Showing the demo instead.")
            self.notices.show_notice(Notice(text, choices=(self._source_choice(),)))

    def toggle_run(self) -> None:
        if self.live.running:
            self.live.stop()
            self._clear()
        else:
            self.start(self.live.source_name or DEMO.name)

    def toggle_recording(self) -> None:
        if self._recording.active:
            self.live.stop_recording()
        else:
            self.live.start_recording()
        self._show_recording(self._recording)

    def toggle_heatmap(self) -> None:
        self.heat.switch.toggle()

    def set_mirrored(self) -> None:
        mirrored = self.actions_by_name["mirror"].isChecked()
        self.view.set_mirrored(mirrored)
        self._remember(mirror=mirrored)

    def show_panels(self) -> None:
        shown = self.actions_by_name["panel"].isChecked()
        self.stage.show_docks(shown)
        self._remember(side_panel=shown)

    def show_stats(self) -> None:
        shown = self.actions_by_name["stats"].isChecked()
        if shown and not self.stage.docks_shown:
            self.actions_by_name["panel"].trigger()
        self.stage.docks["stats"].setVisible(shown)

    def show_full(self) -> None:
        full = self.actions_by_name["full"].isChecked()
        self._bar.setVisible(not full)
        self.stage.show_docks(not full and self.settings.side_panel)
        # toggled, so that a maximised window is one again afterwards
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def leave_full(self) -> None:
        if self.actions_by_name["full"].isChecked():
            self.actions_by_name["full"].trigger()

    def next_face(self) -> None:
        self._step(1)

    def previous_face(self) -> None:
        self._step(-1)

    def choose_face(self, face_id: int) -> None:
        self._selection.choose(face_id)
        if self.view.result is not None:
            self._show_faces(self.view.result)
            self.view.set_chosen(self._selection.face_id)

    def open_file(self) -> None:
        if name := self._ask_file(self):
            self.choose_source(name)

    def open_address(self) -> None:
        if name := self._ask_address(self).strip():
            self.choose_source(name)

    def snapshot(self) -> None:
        if self.view.result is None:
            return
        folder = self._pictures_folder or sessions_folder() / "snapshots"
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        path = folder / f"{stamp}.png"
        picture = self.view.snapshot()
        if self.live.video == "anonymous":
            # as the video would show it: without what is painted, and nobody to be recognised
            covered = self._recent.covered(self.view.result)
            height, width = covered.shape[:2]
            form = QImage.Format.Format_RGB888
            picture = QImage(covered.tobytes(), width, height, 3 * width, form).copy()
        self.live.chores.run(
            partial(_save_picture, picture, path),
            self._tell_saved,
            lambda message: self.notices.show_notice(Notice(message, "error")),
        )

    def _tell_saved(self, path: Path) -> None:
        show = Choice(tr("Open folder"), partial(open_folder, path.parent))
        text = tr("Saved {path}.").format(path=path)
        self.notices.show_notice(Notice(text, stays=False, choices=(show,)))

    def choose_video(self, choice: VideoChoice) -> None:
        """Whether the next recordings keep the picture; snapshots follow the same choice."""
        self.live.video = choice
        self._remember(record_video=choice)

    def mark(self, label: str) -> None:
        self.live.mark(label)

    def set_marker(self) -> None:
        """Ask for a text; the marker gets the moment of the key, not that of the answer."""
        at_s = self.live.now_s()
        if (label := self._ask_marker(self).strip()) != "":
            self.live.mark(label, at_s)

    def name_markers(self) -> None:
        if (names := self._ask_names(self, self.marker_keys.names)) is not None:
            self.marker_keys.set_names(names)
            if self.review is not None:
                self.review.session.set_marker_names(self.marker_keys.names)
            self._remember(marker_names=self.marker_keys.as_setting())

    def show_keys(self) -> None:
        """The keys of the page that is shown, and those that work everywhere."""
        if self._keys is not None:
            self._keys.close()
            self._keys.deleteLater()
        self._keys = ShortcutsSheet(self.page_actions(), self)
        self._keys.show()
        self._keys.raise_()

    def page_actions(self) -> list[QAction]:
        """What can be done now: on the page that is shown, and everywhere."""
        if self.review is not None and self.pages.currentWidget() is self.review:
            return [*self.review.page_actions, *self.actions()]
        return [*self.live_page.actions(), *self.actions()]

    def toggle_review(self) -> None:
        if self.actions_by_name["review"].isChecked():
            self.show_review()
        else:
            self.show_live()

    def show_review(self, place: Path | None = None) -> None:
        """Show recorded sessions: those of a folder, or one that is a session itself."""
        # imported here: the plots take a good part of a second, which a start has not
        from ferdesk.ui.review.page import ReviewPage

        review = self.review
        if review is None:
            review = self.review = ReviewPage(self.live.services, self.live.chores, parent=self)
            review.told.connect(self.notices.show_notice)
            review.left.connect(self.show_live)
            review.session.set_marker_names(self.marker_keys.names)
            self.live.recording.connect(review.show_recording)
            self.pages.addWidget(review)
        self.leave_full()
        self.pages.setCurrentWidget(review)
        review.place_notices(self.notices)
        self.actions_by_name["review"].setChecked(True)
        review.begin(place)

    def show_live(self) -> None:
        """Back to the picture; what is reviewed stays open."""
        if self.review is not None:
            self.review.session.player.pause()
        self.pages.setCurrentWidget(self.live_page)
        self._place_notices()
        self.actions_by_name["review"].setChecked(False)
        self.view.setFocus()
        if not self.live.source_name:
            self.start_usual()

    # ---- what live tells

    @Slot(object)
    def _show_result(self, result: FrameResult) -> None:
        self._recent.add(result)
        chosen = self._show_faces(result)
        self.view.show_result(result, chosen, self.live.prepared)
        if self._status.state in _OVER:
            self.faces.age()  # the last pictures were still being analysed
        self.actions_by_name["snapshot"].setEnabled(True)
        self._show_state()

    @Slot(object)
    def _show_status(self, status: Status) -> None:
        self._status = status
        self.status_line.show_status(status)
        self.stats.show_status(status)
        running = self.live.running
        run = self.actions_by_name["run"]
        run.setChecked(running)
        opening = status.state is State.OPENING
        run.setText(tr("Cancel") if opening else tr("Stop") if running else tr("Start"))
        give_icon(run, "square" if running else "play", "text" if running else "accent_text")
        self.format_button.show_given(status.source)
        if status.state in _OVER:
            self.faces.age()
        if status.model is not None:
            self.heat.set_places(status.model.maps)
        self._show_state()
        self._show_recording(self._recording)

    @Slot(object)
    def _show_recording(self, recording: RecordingState) -> None:
        self._recording = recording
        self.status_line.show_recording(recording)
        record = self.actions_by_name["record"]
        record.setChecked(recording.active)
        elapsed = clock_text(recording.elapsed_s)
        record.setText(elapsed if recording.active else tr("Record"))
        give_icon(record, "circle-dot", "red" if recording.active else "text")
        ready = self._status.state is State.RUNNING and not recording.changing
        record.setEnabled(recording.active or ready)
        parts = (f"● {elapsed}" if recording.active else "", self._title(), PROGRAM)
        self.setWindowTitle(" · ".join(part for part in parts if part))

    @Slot(str)
    def _show_source(self, name: str) -> None:
        title = self._title()
        metrics = self.source_button.fontMetrics()
        short = metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, 28 * GRID)
        self.source_button.setText(f"{short}  ▾")
        self.source_button.setToolTip(title)
        for action in self.source_button.menu().actions():
            action.setChecked(action.data() == name)

    @Slot(object)
    def _show_cameras(self, cameras: tuple[SourceChoice, ...]) -> None:
        self.cameras = cameras
        self._fill_sources()
        if self.live.source_name:
            self._show_source(self.live.source_name)

    def _show_faces(self, result: FrameResult) -> int | None:
        chosen = self._selection.update(result)
        self.faces.show_faces(result.faces, chosen, self._selection.face_id)
        return self._selection.face_id

    def _show_state(self) -> None:
        num_faces = len(self.view.result.faces) if self.view.result is not None else 0
        self.view.set_state(view_state(self._status, self._title(), num_faces))

    def _title(self) -> str:
        """The source's name for people, as the camera itself says it where it does."""
        name = self.live.source_name
        titles = {choice.name: choice.title for choice in self.cameras}
        return titles.get(name, source_title(name))

    def _clear(self) -> None:
        """Nothing of the source that was left stays on the screen."""
        self.view.clear()
        self.faces.clear()
        self._selection.forget()
        self.tools.clear()
        self.actions_by_name["snapshot"].setEnabled(False)

    def _step(self, by: int) -> None:
        if self.view.result is not None:
            self._selection.step(self.view.result, by)
            if self._selection.face_id is not None:
                self.choose_face(self._selection.face_id)

    # ---- settings

    def _apply(self, settings: Settings) -> None:
        self.live.set_post_processing(
            replace(
                self.live.post_processing,
                smoothing_tau_s=settings.smoothing_tau_s,
                confidence_threshold=settings.uncertain_below,
                smallest_face_px=settings.smallest_face_px,
            )
        )
        self.view.set_overlays(boxes=settings.show_boxes, labels=settings.show_labels)
        self.actions_by_name["mirror"].setChecked(settings.mirror)
        self.view.set_mirrored(settings.mirror)
        self.status_line.offer_models(self.live.models, self.live.wanted_model)
        self.live.video = settings.record_video
        self.recording_menu.show_video(settings.record_video)
        self.marker_keys.set_names(settings.marker_names.split(";"))
        self.actions_by_name["panel"].setChecked(settings.side_panel)
        self.stage.show_docks(settings.side_panel and not self.isFullScreen())
        self.faces.bars.reduced_motion = settings.reduced_motion
        with contextlib.suppress(ValueError):
            # a size that is none, by hand in the file, leaves it to the camera
            self.live.camera_format = CameraFormat.of(settings.camera_size, settings.camera_rate)
        self.format_button.show_asked(self.live.camera_format)
        self.heat.choose(
            on=settings.heatmap,
            name=settings.map_name,
            opacity=settings.heat_opacity,
            label=settings.cam_label,
        )
        self._show_heat()

    def _arrange(self, settings: Settings) -> None:
        self.stage.restore(settings.dock_state)
        self.resize(QSize(160 * GRID, 95 * GRID).boundedTo(self.screen().availableSize()))
        if settings.window_geometry:
            geometry = QByteArray.fromBase64(settings.window_geometry.encode("ascii", "ignore"))
            self.restoreGeometry(geometry)

    def _heat_changed(self) -> None:
        self._show_heat()
        self._remember(
            heatmap=self.heat.switch.isChecked(),
            map_name=self.heat.map_name,
            cam_label=self.heat.label.currentData() or "",
            heat_opacity=self.heat.opacity.value() / 100,
        )

    def _show_heat(self) -> None:
        self.view.set_heat(self.heat.choice, self.heat.places)
        with QSignalBlocker(self.actions_by_name["heatmap"]):
            self.actions_by_name["heatmap"].setChecked(self.heat.switch.isChecked())

    @property
    def chosen_id(self) -> int | None:
        """The face that the panels are about; it may be out of sight."""
        return self._selection.face_id

    def remember(self, **changes: object) -> None:
        """Keep these settings, changed by a tool of the live page."""
        self._remember(**changes)

    def _remember(self, **changes: object) -> None:
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        self._saver.start()
        self.settings_changed.emit(self.settings)

    def _save(self) -> None:
        if self._settings_path is None:
            return
        try:
            save_settings(self.settings, self._settings_path)
        except OSError as error:
            log.warning("the settings cannot be saved: %s", error)
            self.notices.show_notice(
                Notice(
                    tr("The settings cannot be saved to {path}: {why}").format(
                        path=self._settings_path, why=error
                    ),
                    "warning",
                )
            )

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.isFullScreen():
            geometry = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
            self._remember(window_geometry=geometry)
        self._remember(dock_state=self.stage.state())
        self._saver.stop()
        self._save()
        # gone from the screen first: a recording's last rows may take a moment
        self.hide()
        if self.review is not None:
            self.review.close_all()
        self.tools.close()
        self.live.close()
        super().closeEvent(event)

    # ---- how it is put together

    def _make_actions(self) -> None:
        actions = self.actions_by_name
        for spec in ACTIONS:
            action = QAction(tr(spec.text), self)
            action.setShortcut(QKeySequence(spec.key))
            action.setCheckable(spec.checkable)
            native = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            action.setToolTip(f"{tr(spec.tip or spec.text)} ({native})")
            # triggered, not toggled: what the program sets itself must not come back as a wish
            does: Callable[[], None] = getattr(self, spec.does)
            action.triggered.connect(partial(_ignore_checked, does))
            action.setWhatsThis(tr(spec.tip or spec.text))
            if spec.name in ACTION_ICONS:
                give_icon(action, ACTION_ICONS[spec.name])
            # a key works while what its action belongs to is on the screen
            (self if spec.name in _EVERYWHERE else self.live_page).addAction(action)
            actions[spec.name] = action
        escape = QAction(self)
        escape.setShortcut(QKeySequence(Qt.Key.Key_Escape))
        escape.triggered.connect(self.leave_full)
        self.live_page.addAction(escape)

    def _make_source_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("source")
        button.setText(tr("Source") + "  ▾")
        button.setAccessibleName(tr("Source"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMinimumWidth(20 * GRID)
        button.setMenu(QMenu(button))
        self._source_group = QActionGroup(self)
        return button

    def _fill_sources(self) -> None:
        menu = self.source_button.menu()
        menu.clear()
        self._source_group.deleteLater()
        self._source_group = QActionGroup(self)
        if not self.cameras:
            menu.addAction(tr("No camera found")).setEnabled(False)
        for choice in (*self.cameras, DEMO):
            action = menu.addAction(tr(choice.title))
            action.setData(choice.name)
            action.setCheckable(True)
            action.setChecked(choice.name == self.live.source_name)
            action.triggered.connect(
                partial(_ignore_checked, partial(self.choose_source, choice.name))
            )
            self._source_group.addAction(action)
        menu.addSeparator()
        menu.addAction(self.actions_by_name["file"])
        menu.addAction(self.actions_by_name["address"])
        menu.addSeparator()
        menu.addAction(tr("Look for cameras"), self.live.list_cameras)

    def _make_bar(self) -> QWidget:
        bar = QWidget(self)
        row = QHBoxLayout(bar)
        row.setContentsMargins(GRID, GRID, GRID, GRID)
        row.setSpacing(GRID)
        row.addWidget(self.source_button)
        row.addWidget(self.format_button)
        named = self.actions_by_name
        self.recording_menu = RecordingMenu(
            self,
            (named["marker"], named["markers"], named["review"]),
            self.choose_video,
            self.live.switch_stream,
        )
        for name in _BAR:
            if not name:
                row.addStretch(1)
                continue
            button = QToolButton(bar)
            button.setObjectName(name)
            button.setDefaultAction(self.actions_by_name[name])
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if name in _SMALL:
                button.setAccessibleName(button.defaultAction().text())
            else:
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            row.addWidget(button)
            if name in ("run", "record"):
                # wide enough for its longest words, so that nothing beside it moves
                widest = button.fontMetrics().horizontalAdvance("00:00:00")
                button.setMinimumWidth(widest + 7 * GRID)
            if name == "record":
                button.setMenu(self.recording_menu)
                button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        return bar

    def _make_stage(self) -> Stage:
        stage = Stage(self.view, self)
        stage.add_dock("faces", tr("Faces"), self.faces)
        stage.add_dock("heat", tr("Heatmap"), self.heat)
        left = Qt.DockWidgetArea.LeftDockWidgetArea
        stats = stage.add_dock("stats", tr("Statistics"), self.stats, left, shown=False)
        # closed by its own cross, it is no longer ticked either
        stats.toggleViewAction().toggled.connect(self.actions_by_name["stats"].setChecked)
        return stage

    def _lay_out(self) -> None:
        column = QVBoxLayout(self.live_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._bar)
        column.addWidget(self.stage, 1)
        column.addWidget(self.status_line)
        self._place_notices()
        self.status_line.add_button(self.actions_by_name["stats"])
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.live_page)
        self.setCentralWidget(self.pages)

    def _place_notices(self) -> None:
        """Notices stand above the picture while the live page is shown."""
        column = self.live_page.layout()
        assert isinstance(column, QVBoxLayout)
        column.insertWidget(1, self.notices)

    def _connect(self) -> None:
        self.live.bridge.prepare = self.view.draw_ahead
        self.live.result.connect(self._show_result)
        self.live.status.connect(self._show_status)
        self.live.recording.connect(self._show_recording)
        self.live.source.connect(self._show_source)
        self.live.cameras.connect(self._show_cameras)
        self.live.choice_wanted.connect(self.choose_from_menu)
        self.live.streaming.connect(self.recording_menu.show_streams)
        self.live.told.connect(self.notices.show_notice)
        self.live.review_wanted.connect(self.show_review)
        self.view.face_clicked.connect(self.choose_face)
        self.status_line.model_chosen.connect(self.choose_model)
        self.live.result.connect(lambda result: self.stats.meter.add_result(result))
        self.view.painted.connect(lambda result: self.stats.meter.add_painted(result))
        self.view.double_clicked.connect(self.actions_by_name["full"].trigger)
        self.faces.chosen.connect(self.choose_face)
        self.heat.changed.connect(self._heat_changed)
        self.format_button.chosen.connect(self.choose_format)
        self._fill_sources()


def view_state(status: Status, title: str, num_faces: int) -> ViewState:
    """What the picture says about the engine's state, in words for people."""
    match status.state:
        case State.IDLE:
            return ViewState(tr("Stopped"), tr("Press Start (F5), or choose another source."))
        case State.OPENING:
            waited = (
                tr("No picture for {time:.0f} s yet; waiting for it.").format(time=status.silent_s)
                if status.silent_s >= _SLOW_OPENING_S
                else tr("The source and the network are being made ready.")
            )
            return ViewState(tr("Opening {source}").format(source=title), waited)
        case State.LOST:
            return ViewState(
                tr("No picture for {time:.0f} s").format(time=status.silent_s),
                tr("{source} gives nothing any more; {what}").format(
                    source=title, what=_lost_text(status)
                ),
                dimmed=True,
            )
        case State.ENDED:
            return ViewState(
                tr("{source} has ended").format(source=title),
                tr("Press Start (F5) to begin again."),
                dimmed=True,
            )
        case State.FAILED:
            return ViewState(
                tr("{source} does not run").format(source=title),
                translated(status.message),
                dimmed=True,
            )
        case State.RUNNING:
            return ViewState(note="" if num_faces else tr("No face in the picture"))


def _lost_text(status: Status) -> str:
    if status.num_attempts > 1 and status.trouble:
        return tr("trying again. {why}").format(why=translated(status.trouble))
    if status.source is not None and status.source.kind == "camera":
        return tr("waiting for it. Is its cable in? Does another program use it?")
    return tr("waiting for it. Is the network there?")


def _ignore_checked(does: Callable[[], None], checked: bool = False) -> None:
    """Qt tells whether an action is checked; those who care ask the action."""
    does()


def _save_picture(picture: QImage, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FerdeskError(
            tr("The folder {path} cannot be made: {why}.").format(path=path.parent, why=error)
        ) from error
    if not picture.save(str(path)):
        raise FerdeskError(
            tr("The picture cannot be saved to {path}. Is the disk full?").format(path=path)
        )
    return path


def _ask_file(parent: QWidget) -> str:
    media, every = tr("Videos and pictures"), tr("All files")
    kinds = f"{media} ({_FILES});;{every} (*)"
    path, _ = QFileDialog.getOpenFileName(parent, tr("Open a video or picture"), "", kinds)
    return path


def _ask_address(parent: QWidget) -> str:
    text, accepted = QInputDialog.getText(
        parent, tr("Open an address"), tr("Address of a stream, for example rtsp://host/path:")
    )
    return text if accepted else ""
