"""Measuring, live: whose measures come first, what is drawn, and the chosen face's numbers."""

from dataclasses import replace

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from ferdesk.core.measures.drawing import LandmarksShown
from ferdesk.core.types import FrameResult
from ferdesk.settings import Settings
from ferdesk.ui.kit.landmarks import LANDMARKS_TITLES
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.kit.video_view import VideoView
from ferdesk.ui.live.dock_area import DockArea
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.measures_box import MeasuresBox
from ferdesk.ui.live.measures_timeline import MeasuresTimeline


class LandmarksRow(QWidget):
    """Landmarks row: a label and the choice of what is drawn."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = QComboBox(self)
        self.choice.setMinimumHeight(4 * GRID)
        self.choice.setAccessibleName(tr("Landmarks"))
        for name, title in LANDMARKS_TITLES.items():
            self.choice.addItem(tr(title), name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(QLabel(tr("Landmarks"), self))
        row.addWidget(self.choice, 1)
        self.choice.currentIndexChanged.connect(
            lambda _: self.chosen.emit(self.choice.currentData())
        )

    def show_choice(self, shown: LandmarksShown, *, measured: bool) -> None:
        """``measured`` is whether there are any landmarks; no signal is sent."""
        with QSignalBlocker(self.choice):
            self.choice.setCurrentIndex(self.choice.findData(shown))
        self.choice.setEnabled(measured)
        off = tr("Switch on Face measurements in the settings first.")
        self.setToolTip("" if measured else off)


class Measuring(QObject):
    """Measuring: is given each result with the id of the chosen face."""

    def __init__(self, live: Live, store: SettingsStore, view: VideoView, parent: QWidget) -> None:
        super().__init__(parent)
        self._live, self._store, self._view = live, store, view
        self.row = LandmarksRow(parent)
        self.box = MeasuresBox(parent)
        self.timeline = MeasuresTimeline(parent)
        self.row.chosen.connect(self._choose)

    def add_dock(self, area: DockArea) -> None:
        """A panel for the timeline, which waits in the View menu."""
        below = Qt.DockWidgetArea.BottomDockWidgetArea
        title = tr("Measures over time")
        area.add_dock("measures", title, self.timeline, below, shown=False, scrolls=False)

    def take(self, result: FrameResult, face_id: int | None) -> None:
        """The chosen face is shown, and measured first where there is no time for all."""
        face = next((one for one in result.faces if one.face_id == face_id), None)
        self.box.show_face(face, result.frame.t_s)
        self.timeline.take(result, face_id)
        self._put_first(face_id or 0)

    def clear(self) -> None:
        """Another source has other faces."""
        self.box.show_face(None, 0.0)
        self.timeline.clear()
        self._put_first(0)

    def apply(self, settings: Settings) -> None:
        """Act on the settings."""
        shown = settings.landmarks_shown
        self.row.show_choice(shown, measured=settings.measures != "off")
        self._view.set_landmarks(shown)

    def _put_first(self, face_id: int) -> None:
        post_processing = self._live.post_processing
        if face_id != post_processing.chosen_face:
            self._live.set_post_processing(replace(post_processing, chosen_face=face_id))

    @Slot(str)
    def _choose(self, shown: LandmarksShown) -> None:
        self._view.set_landmarks(shown)
        self._store.remember(landmarks_shown=shown)
