"""Review page: the library or an opened session, below one line that says where the user is."""

import logging
import threading
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ferdesk.errors import FerdeskError
from ferdesk.runtime.ports import Services
from ferdesk.sessions.schema import RESULTS_FILE, SESSION_FILE
from ferdesk.ui.kit.actions import ActionSpec, button_of, make_action
from ferdesk.ui.kit.gate import Gate
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.recording_state import RecordingState
from ferdesk.ui.live.status_line import clock_text
from ferdesk.ui.review.elided_label import ElidedLabel
from ferdesk.ui.review.library import Library
from ferdesk.ui.review.opened_session import OpenedSession, open_session
from ferdesk.ui.review.session_view import SessionView

log = logging.getLogger(__name__)

_FACTS_PX = 4 * GRID
"""The date, length and source beside a long title."""


class ReviewPage(QWidget):
    """Page that opens sessions beside the window; it holds one at a time."""

    left = Signal()
    """The user wants the live page."""
    told = Signal(object)
    """A ``Notice``."""
    opened = Signal(object)
    """The folder of the session that is shown now."""
    where_changed = Signal(str)
    """What is shown: the name of a session, or that it is the list of them."""
    _shown_share = Signal(object, float)

    def __init__(
        self,
        services: Services,
        tasks: TaskRunner,
        root: Path | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._gate = Gate(self)
        self._opening: threading.Event | None = None
        self.library = Library(services, tasks, root or services.sessions_folder(), self)
        self.session = SessionView(services, tasks, self)
        self.library.open_wanted.connect(self.open)
        for part in (self.library, self.session):
            part.told.connect(self.told)
        self._shown_share.connect(self._show_share, Qt.ConnectionType.QueuedConnection)
        back = ActionSpec(
            "live", mark("Live"), self.left.emit, "", "arrow-left", mark("Back to the live page")
        )
        self.back = make_action(self, back)
        up = ActionSpec(
            "sessions",
            mark("Sessions"),
            self.show_library,
            "Alt+Left",
            "library",
            mark("Back to the list of sessions"),
            keys_text="Escape, Alt+Left",
        )
        self.up = make_action(self.session, up)
        make_action(self, ActionSpec("leave", "", self._leave, "Escape"))
        self.title = ElidedLabel(self, least_px=8 * GRID)
        self.title.setProperty("role", "heading")
        self.facts = ElidedLabel(self, least_px=_FACTS_PX)
        self.facts.setProperty("role", "muted")
        self.recording = QLabel(self)
        self.recording.setProperty("role", "red")
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 100)
        self.progress.setAccessibleName(tr("Reading the session"))
        self.cancel = QPushButton(tr("Cancel"), self)
        self.cancel.clicked.connect(self.show_library)
        self._lay_out()
        self._part_changed()
        self._show_where(tr("Sessions"), "")

    @property
    def shows_session(self) -> bool:
        return self.stack.currentWidget() is self.session

    @property
    def notice_place(self) -> QWidget:
        """What notices may lie over: of a session the picture, as its tracks are worked on."""
        return self.session.view if self.shows_session else self

    @property
    def page_actions(self) -> list[QAction]:
        """What can be done on the part that is shown."""
        part = self.session if self.shows_session else self.library
        return [*self.actions(), *part.actions()]

    def begin(self, place: Path | None = None) -> None:
        """Show ``place``: a session, or a folder of them; else what was shown before."""
        if place is None:
            if self.stack.currentWidget() is self.library:
                self.library.refresh()
                self.library.table.setFocus()
            return
        if (place / SESSION_FILE).exists() or (place / RESULTS_FILE).exists():
            self.library.set_root(place.parent)
            self.open(place)
        else:
            self.library.set_root(place)
            self.show_library()

    @Slot()
    def show_library(self) -> None:
        """Leave the session, with all of it saved, and list what there is."""
        self._stop_opening()
        folder = self.session.folder
        self.session.leave()
        self.stack.setCurrentWidget(self.library)
        self._show_where(tr("Sessions"), "")
        self.library.refresh()
        if folder is not None:
            self.library.select([folder])
        self.library.table.setFocus()

    def _leave(self) -> None:
        """One step back: from a search, or a range that was begun, else from the session."""
        if self.stack.currentWidget() is self.library:
            self.library.end_search()
        elif not self.session.annotating.forget():
            self.show_library()

    @Slot(object)
    def open(self, folder: Path) -> None:
        """Open a session; a reading that was under way is given up."""
        self._stop_opening()
        self.library.rest()
        self.session.leave()
        stop = self._opening = threading.Event()
        self.progress.setValue(0)
        self.stack.setCurrentWidget(self._waiting)
        self._show_where(folder.name, tr("Reading…"))
        self.cancel.setFocus()

        def tell(share: float) -> None:
            if stop.is_set():
                raise FerdeskError("It is not wanted any more.")
            self._gate.let(lambda: self._shown_share.emit(stop, share))

        self._tasks.run(
            partial(open_session, folder, tell),
            partial(self._opened, stop),
            partial(self._not_opened, stop, folder),
        )

    def show_recording(self, state: RecordingState) -> None:
        """Show that a recording goes on behind this page."""
        self.recording.setText(f"● {clock_text(state.elapsed_s)}" if state.active else "")

    def close_all(self) -> None:
        """For the end of the program: save, and stop what runs."""
        self._stop_opening()
        self.library.rest()
        self.session.leave()
        self.session.player.join()

    def _stop_opening(self) -> None:
        if self._opening is not None:
            self._opening.set()
            self._opening = None

    def _opened(self, stop: threading.Event, opened: OpenedSession) -> None:
        if stop.is_set():
            return
        self._opening = None
        self.stack.setCurrentWidget(self.session)
        self._show_where(opened.session.title, opened.facts)
        self.session.show_session(opened)
        self.opened.emit(opened.session.folder)
        for warning in opened.warnings:
            self.told.emit(Notice(warning, "warning"))

    def _not_opened(self, stop: threading.Event, folder: Path, message: str) -> None:
        if stop.is_set():
            return
        self.show_library()
        self.told.emit(Notice(message, "error"))

    @Slot(object, float)
    def _show_share(self, stop: threading.Event, share: float) -> None:
        if not stop.is_set():
            self.progress.setValue(round(100 * share))

    def _show_where(self, title: str, facts: str) -> None:
        self.title.setText(title)
        self.where_changed.emit(title)
        self.facts.setText(facts)
        self.up_button.setVisible(self.stack.currentWidget() is not self.library)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(GRID, GRID, 2 * GRID, 0)
        top.setSpacing(GRID)
        self.back_button = button_of(self.back, self)
        self.up_button = button_of(self.up, self)
        top.addWidget(self.back_button)
        top.addWidget(self.up_button)
        top.addSpacing(GRID)
        top.addWidget(self.title)
        # what the name leaves: it has its room first
        self.facts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        top.addWidget(self.facts, 1)
        top.addWidget(self.recording)
        top.addWidget(self.session.saved)
        top.addWidget(self.session.tools)
        self._waiting = QWidget(self)
        inside = QVBoxLayout(self._waiting)
        inside.setSpacing(2 * GRID)
        inside.addStretch(1)
        self.progress.setFixedWidth(48 * GRID)
        note = QLabel(tr("A long session takes longer the first time."), self)
        note.setProperty("role", "muted")
        for widget in (self.progress, note, self.cancel):
            inside.addWidget(widget, 0, Qt.AlignmentFlag.AlignCenter)
        inside.addStretch(2)
        self.stack = QStackedWidget(self)
        for part in (self.library, self._waiting, self.session):
            self.stack.addWidget(part)
        self.stack.currentChanged.connect(self._part_changed)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(top)
        self._column.addWidget(self.stack, 1)

    def _part_changed(self) -> None:
        for widget in (self.session.saved, self.session.tools):
            widget.setVisible(self.shows_session)
