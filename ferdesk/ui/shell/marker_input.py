"""Marker input: the choice of an LSL stream whose markers become ours, and the sign that it is on.

The network is looked at only while the dialog is open, or a stream is chosen.
"""

from collections.abc import Sequence

from PySide6.QtCore import QObject, QSize, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ferdesk.runtime.marker_streams import MarkerStreamInfo, MarkerStreamState, query_of
from ferdesk.runtime.ports import Services
from ferdesk.settings import Settings
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.status_line import StatusLine

_SIGN = "lsl_markers"


class MarkerInput(QObject):
    """Marker input of one window; the stream stands in the settings."""

    notified = Signal(object)
    """A ``Notice``."""

    def __init__(
        self, live: Live, status_line: StatusLine, store: SettingsStore, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._live, self._line, self._store, self._window = live, status_line, store, parent
        self._wished = ""
        self.dialog: MarkerStreamsDialog | None = None
        self._told_lost = False
        live.marker_streams.changed.connect(self._show_state)
        live.marker_streams.notified.connect(self.notified)
        status_line.sign_pressed.connect(self._sign_pressed)
        store.changed.connect(self._apply)

    def wish(self, text: str = "") -> None:
        """Begin, with another stream than the settings' where one is given, this time."""
        self._wished = text
        self._apply(self._store.settings)

    def choose(self) -> None:
        """Open the dialog that lists the streams."""
        if self.dialog is None:
            self.dialog = MarkerStreamsDialog(self._live.services, self._live.chores, self._window)
            self.dialog.chosen.connect(self._choose)
        self.dialog.show_current(self._wished or self._store.settings.lsl_markers)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.search()

    @Slot(str)
    def _choose(self, text: str) -> None:
        self._wished = ""
        self._store.remember(lsl_markers=text)

    @Slot(object)
    def _apply(self, settings: Settings) -> None:
        self._live.marker_streams.follow(self._wished or settings.lsl_markers)

    @Slot(str)
    def _sign_pressed(self, name: str) -> None:
        if name == _SIGN:
            self._choose("")

    @Slot(object)
    def _show_state(self, state: MarkerStreamState | None) -> None:
        if state is None:
            self._line.show_sign(_SIGN, "")
            return
        name = "…" if state.info is None else state.info.name
        said = {
            "searching": tr("The LSL stream is searched for."),
            "following": tr("Markers are taken from the LSL stream {stream}."),
            "lost": tr("The LSL stream {stream} has ended; it is waited for."),
        }[state.state].format(stream=name)
        tip = said + " " + tr("Click to take no more.")
        # the stream's name would hold the window wide: it stands in the tooltip
        text = tr("LSL markers")
        self._line.show_sign(_SIGN, text if state.state == "following" else f"{text} ?", tip)
        if state.state == "lost":
            self.notified.emit(Notice(said, "warning", topic=_SIGN))
        elif self._told_lost:
            self.notified.emit(Notice(said, stays=False, topic=_SIGN))
        self._told_lost = state.state == "lost"


class MarkerStreamsDialog(QDialog):
    """Marker streams dialog: lists what the network answers, without waiting for it."""

    chosen = Signal(str)
    """The query of the stream that is to be followed; empty for none."""

    def __init__(self, services: Services, tasks: TaskRunner, parent: QWidget) -> None:
        super().__init__(parent)
        self._services, self._tasks = services, tasks
        self._streams: tuple[MarkerStreamInfo, ...] = ()
        self._searching = False
        self.setWindowTitle(tr("Markers from LSL"))
        self.list = QTreeWidget(self)
        self.list.setAccessibleName(tr("Streams with markers"))
        self.list.setHeaderLabels([tr("Name"), tr("Type"), tr("Computer"), tr("Source id")])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAlternatingRowColors(True)
        self.list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.list.currentItemChanged.connect(lambda *_: self._enable())
        self.list.itemDoubleClicked.connect(lambda *_: self._use())
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        self.said.setProperty("role", "muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.use = buttons.addButton(tr("Use stream"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.use.setDefault(True)
        self.none = QPushButton(tr("No stream"), self)
        self.none.setAutoDefault(False)
        buttons.addButton(self.none, QDialogButtonBox.ButtonRole.ActionRole)
        self.again = QPushButton(tr("Search again"), self)
        give_icon(self.again, "rotate-ccw")
        self.again.setAutoDefault(False)
        buttons.addButton(self.again, QDialogButtonBox.ButtonRole.ActionRole)
        self.use.clicked.connect(self._use)
        self.none.clicked.connect(self._use_none)
        self.again.clicked.connect(self.search)
        buttons.rejected.connect(self.reject)
        hint = QLabel(
            tr(
                "Text or whole-number streams of other programs on this network. Their markers go "
                "into recordings at the moments that the programs gave them."
            ),
            self,
        )
        hint.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(hint)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.said)
        layout.addWidget(buttons)
        self.resize(76 * GRID, 44 * GRID)
        self._enable()

    def show_current(self, text: str) -> None:
        """Which stream is followed now; empty for none."""
        self.none.setEnabled(text != "")

    @Slot()
    def search(self) -> None:
        """Look at the network, on another thread."""
        if self._searching:
            return
        self._searching = True
        self.said.setText(tr("Searching…"))
        self._enable()
        self._tasks.run(self._services.marker_streams, self._show, self._failed)

    def _show(self, streams: Sequence[MarkerStreamInfo]) -> None:
        self._searching = False
        self._streams = tuple(streams)
        self.list.clear()
        items = [
            QTreeWidgetItem([one.name, one.kind, one.host, one.source_id]) for one in self._streams
        ]
        for item in items:
            item.setSizeHint(0, QSize(0, 4 * GRID))
        self.list.addTopLevelItems(items)
        if items:
            self.list.setCurrentItem(items[0])
            self.said.setText(tr("%n streams found.", "", len(self._streams)))
        else:
            self.said.setText(tr("No stream was found. Is the other program sending?"))
        self._enable()

    def _failed(self, message: str) -> None:
        self._searching = False
        self.said.setText(translated(message))
        self._enable()

    def _enable(self) -> None:
        self.again.setEnabled(not self._searching)
        self.use.setEnabled(self.list.currentItem() is not None)

    def _use(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            index = self.list.indexOfTopLevelItem(item)
            self.chosen.emit(str(query_of(self._streams[index], self._streams)))
            self.accept()

    def _use_none(self) -> None:
        self.chosen.emit("")
        self.accept()
