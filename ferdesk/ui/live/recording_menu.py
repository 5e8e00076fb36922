"""Recording menu, beside Record: what else is kept, markers, and streams to other programs."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from ferdesk.core.video_format import VideoQuality
from ferdesk.settings import VideoChoice
from ferdesk.ui.kit.language import mark, tr

VIDEOS: tuple[tuple[VideoChoice, str], ...] = (
    ("off", mark("No video")),
    ("clean", mark("Original video")),
    ("overlay", mark("Video with boxes and labels")),
    ("anonymous", mark("Video with faces blurred")),
)
QUALITY_TITLES: dict[VideoQuality, str] = {
    "low": mark("Low quality"),
    "normal": mark("Normal quality"),
    "high": mark("High quality"),
}
STREAMS = {"lsl": mark("Stream over LSL"), "websocket": mark("Stream over WebSocket")}


class RecordingMenu(QMenu):
    """Recording menu: calls back with what the user chooses."""

    def __init__(
        self,
        parent: QWidget,
        markers: tuple[QAction, ...],
        choose_video: Callable[[VideoChoice], None],
        switch_stream: Callable[[str, bool], None],
    ) -> None:
        super().__init__(parent)
        self._switch_stream = switch_stream
        self.videos: dict[str, QAction] = {}
        self.streams: dict[str, QAction] = {}
        group = QActionGroup(self)
        for name, title in VIDEOS:
            action = self.addAction(tr(title))
            action.setCheckable(True)
            action.triggered.connect(partial(_without_state, partial(choose_video, name)))
            group.addAction(action)
            self.videos[name] = action
        self.videos["anonymous"].setToolTip(
            tr(
                "Covers every face that “ferdesk analyze” would find in each picture. Faces that "
                "no search finds, clothes and places stay visible: look before you publish."
            )
        )
        self.addSeparator()
        self.addActions(list(markers))
        self.addSeparator()
        for kind, title in STREAMS.items():
            action = self.addAction(tr(title))
            action.setCheckable(True)
            action.triggered.connect(partial(self._switch, kind))
            self.streams[kind] = action
        self.setToolTipsVisible(True)

    def _switch(self, kind: str, checked: bool = False) -> None:
        # asked of the action: PySide does not hand its state to every kind of callable
        self._switch_stream(kind, self.streams[kind].isChecked())

    def show_video(self, choice: str) -> None:
        self.videos[choice].setChecked(True)

    @Slot(object)
    def show_streams(self, open_kinds: frozenset[str]) -> None:
        for kind, action in self.streams.items():
            action.setChecked(kind in open_kinds)


def _without_state(does: Callable[[], None], checked: bool = False) -> None:
    does()
