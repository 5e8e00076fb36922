"""Queue page: files and folders that are analysed in the background, and how far they are."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.labels import LabelsFrom
from ferdesk.runtime.analysis_queue import QueueEntry
from ferdesk.runtime.ports import Services
from ferdesk.sessions.outputs import free_path
from ferdesk.ui.kit.actions import ActionTable, button_of
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.scrolls import ColumnScroll, RowScroll
from ferdesk.ui.kit.tab_order import order_tabs
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.recording_state import RecordingState
from ferdesk.ui.live.status_line import clock_text
from ferdesk.ui.queue.options_panel import OptionsPanel
from ferdesk.ui.queue.queue_actions import queue_actions
from ferdesk.ui.queue.queue_model import QueueModel, name_of
from ferdesk.ui.queue.queue_questions import QueueQuestions
from ferdesk.ui.queue.queue_runner import QueueRunner
from ferdesk.ui.queue.queue_table import queue_table
from ferdesk.ui.review.elided_label import ElidedLabel
from ferdesk.ui.review.library_work import MadeReport, report_of_all
from ferdesk.ui.review.outputs import left_out_notice, report_notice
from ferdesk.ui.review.times import length_text

_TOP = ("files", "folder", "remove", "up", "down", "clear")
_ICON_ONLY = ("up", "down")
_RUN = ("start", "pause", "stop")
_BELOW = ("open", "show", "retry", "copy", "report")
_OPTIONS_PX = 31 * GRID


class QueuePage(QWidget):
    """Page of the queue; ``runner`` does the work."""

    left = Signal()
    """The user wants the live page."""
    review_wanted = Signal(object)
    """The folder of a session that the user wants to look at."""
    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        runner: QueueRunner,
        services: Services,
        tasks: TaskRunner,
        parent: QWidget | None = None,
        *,
        ask: QueueQuestions | None = None,
    ) -> None:
        super().__init__(parent)
        self.runner, self.ask = runner, ask or QueueQuestions()
        self._services, self._tasks = services, tasks
        self._folder = ""
        self.actions_by_name = ActionTable()
        self.actions_by_name.add(self, *queue_actions(self))
        self.model = QueueModel(self)
        self.table = queue_table(self, self.model)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._selection_changed())
        self.table.doubleClicked.connect(lambda _: self.open())
        self.options = OptionsPanel(runner.options, self.ask.out, self)
        self.options.changed.connect(runner.set_options)
        self.title = QLabel(tr("Analyse files"), self)
        self.title.setProperty("role", "heading")
        self.recording = QLabel(self)
        self.recording.setProperty("role", "red")
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(GRID)
        self.progress.setAccessibleName(tr("Progress of the queue"))
        self.status = ElidedLabel(self)
        self.status.setAccessibleName(tr("Progress of the queue"))
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.about.setAccessibleName(tr("Message"))
        self._lay_out()
        runner.changed.connect(self._show)
        runner.notified.connect(self.told)
        self._show()

    @property
    def page_actions(self) -> list[QAction]:
        return self.actions()

    @property
    def selected(self) -> list[QueueEntry]:
        """The selected entries, from top to bottom."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        entries = self.model.entries
        return [entries[row] for row in rows if row < len(entries)]

    def show_recording(self, state: RecordingState) -> None:
        """Show that a recording goes on behind this page."""
        self.recording.setText(f"● {clock_text(state.elapsed_s)}" if state.active else "")

    def begin(self, labels_from: LabelsFrom | None = None) -> None:
        """The page is shown; a study that locks its model has fixed ``labels_from``."""
        self.options.fix_labels(labels_from)
        self._show()
        (self.table if self.model.rowCount() else self._buttons["files"]).setFocus()

    # ---- actions

    def leave(self) -> None:
        self.left.emit()

    def add(self, places: Sequence[Path]) -> None:
        """Queue files and folders."""
        if places:
            self.runner.add(places)

    def add_files(self) -> None:
        names = self.ask.files(self, self._folder)
        if names:
            self._folder = str(Path(names[0]).parent)
            self.add([Path(name) for name in names])

    def add_folder(self) -> None:
        if (name := self.ask.folder(self, self._folder)) != "":
            self._folder = name
            self.add([Path(name)])

    def remove(self) -> None:
        self._act(self.runner.queue.remove)

    def move_up(self) -> None:
        self._act(partial(self.runner.queue.move, by=-1))

    def move_down(self) -> None:
        self._act(partial(self.runner.queue.move, by=1))

    def retry(self) -> None:
        self._act(self.runner.queue.retry)

    def clear_ended(self) -> None:
        self.runner.queue.clear_ended()
        self.runner.refresh()

    def start(self) -> None:
        self.runner.set_options(self.options.options)
        self.runner.start()

    def pause(self) -> None:
        self.runner.pause()

    def stop(self) -> None:
        if self.can_stop() and self.ask.stop(self):
            self.runner.stop()

    def open(self) -> None:
        if self.can_open():
            self.review_wanted.emit(self.selected[0].folder)

    def show_files(self) -> None:
        folders = [entry.folder for entry in self.selected if entry.folder is not None]
        place = folders[0] if folders else self.options.options.out
        if not place.is_dir() or not open_folder(place):
            text = tr("The folder {path} is not there yet.").format(path=place)
            self.told.emit(Notice(text, stays=False))

    def copy(self) -> None:
        """Put the messages into the clipboard: of the selection, else of all."""
        of = [entry for entry in self.selected if entry.problem] or self._with_message()
        lines = [f"{entry.file.path}: {translated(entry.problem)}" for entry in of]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def report(self) -> None:
        folders = self._sessions()
        path = free_path(folders[0].parent, "report", ".html")
        self.told.emit(Notice(tr("Creating the report…"), topic="report"))
        self._tasks.run(
            partial(report_of_all, folders, path, self._services),
            self._reported,
            lambda message: self.told.emit(Notice(translated(message), "error", topic="report")),
        )

    def _reported(self, made: MadeReport) -> None:
        self.told.emit(report_notice(made.path))
        if made.left_out:
            self.told.emit(left_out_notice(made.left_out))

    def can_remove(self) -> bool:
        return any(entry.state != "running" for entry in self.selected)

    def can_move(self) -> bool:
        return any(entry.state == "waiting" for entry in self.selected)

    def can_clear(self) -> bool:
        return any(not entry.is_open for entry in self.model.entries)

    def can_start(self) -> bool:
        runner = self.runner
        if runner.running:
            return runner.paused and not runner.stopping
        return any(entry.state == "waiting" for entry in self.model.entries)

    def can_pause(self) -> bool:
        runner = self.runner
        return runner.running and not (runner.paused or runner.stopping)

    def can_stop(self) -> bool:
        return self.runner.running and not self.runner.stopping

    def can_retry(self) -> bool:
        return any(entry.state in ("failed", "skipped") for entry in self.selected)

    def can_open(self) -> bool:
        selected = self.selected
        return len(selected) == 1 and not selected[0].is_open and selected[0].folder is not None

    def can_copy(self) -> bool:
        return bool(self._with_message())

    def can_report(self) -> bool:
        return bool(self._sessions())

    def _with_message(self) -> list[QueueEntry]:
        return [entry for entry in self.model.entries if entry.problem]

    def _sessions(self) -> list[Path]:
        done = [entry for entry in self.model.entries if entry.state in ("done", "skipped")]
        return list(dict.fromkeys(entry.folder for entry in done if entry.folder is not None))

    def _act(self, does: Callable[[list[int]], object]) -> None:
        does([entry.number for entry in self.selected])
        self.runner.refresh()

    # ---- what is shown

    @Slot()
    def _show(self) -> None:
        runner = self.runner
        kept = {entry.number for entry in self.selected}
        resting = runner.paused or runner.rests
        if self.model.set_entries(runner.entries, resting=resting):
            self._select(kept)
        self.stack.setCurrentIndex(0 if self.model.rowCount() else 1)
        self.options.set_locked(runner.running)
        start = self.actions_by_name["start"]
        start.setText(tr("Go on") if runner.running and runner.paused else tr("Start"))
        self._buttons["start"].setVisible(not runner.running or runner.paused)
        self._buttons["pause"].setVisible(runner.running and not runner.paused)
        self._buttons["stop"].setVisible(runner.running)
        self.progress.setValue(round(1000 * runner.progress.share))
        self.progress.setVisible(runner.running or runner.progress.num_ended > 0)
        self.status.setText(status_text(runner))
        self._selection_changed()

    def _select(self, numbers: set[int]) -> None:
        model = self.table.selectionModel()
        flags = QItemSelectionModel.SelectionFlag
        for row, entry in enumerate(self.model.entries):
            if entry.number in numbers:
                index = self.model.index(row, 0)
                model.select(index, flags.Select | flags.Rows)
                model.setCurrentIndex(index, flags.NoUpdate)

    def _selection_changed(self) -> None:
        self.actions_by_name.refresh()
        selected = self.selected
        text = ""
        if len(selected) == 1 and selected[0].problem:
            text = f"{name_of(selected[0])}: {translated(selected[0].problem)}"
        if text != self.about.text():
            self.about.setText(text)
        self.about.setVisible(bool(text))

    # ---- how it is put together

    def _lay_out(self) -> None:
        self._buttons = {
            name: button_of(self.actions_by_name[name], self, with_text=name not in _ICON_ONLY)
            for name in ("live", *_TOP, *_RUN, *_BELOW)
        }
        self._buttons["start"].setObjectName("run")
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(self._buttons["live"])
        head.addSpacing(GRID)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.recording)
        for name in _RUN:
            head.addWidget(self._buttons[name])
        tools = RowScroll([self._buttons[name] for name in _TOP], self)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.table)
        self.stack.addWidget(self._empty())
        files = QVBoxLayout()
        files.setSpacing(GRID)
        files.addWidget(tools)
        files.addWidget(self.stack, 1)
        scroll = ColumnScroll(self.options, self)
        scroll.setFixedWidth(_OPTIONS_PX)
        middle = QHBoxLayout()
        middle.setSpacing(2 * GRID)
        middle.addLayout(files, 1)
        middle.addWidget(scroll)
        below = RowScroll([self._buttons[name] for name in _BELOW], self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addLayout(middle, 1)
        layout.addWidget(self.about)
        layout.addWidget(self.progress)
        layout.addWidget(self.status)
        layout.addWidget(below)
        order_tabs(self)

    def _empty(self) -> QWidget:
        empty = QWidget(self)
        column = QVBoxLayout(empty)
        title = QLabel(tr("No files yet"), self)
        title.setProperty("role", "heading")
        text = QLabel(
            tr(
                "Drop videos, pictures or folders here, or press Add files; each becomes a session "
                "that you open in Review."
            ),
            self,
        )
        text.setProperty("role", "muted")
        column.addStretch(1)
        for label in (title, text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addStretch(2)
        return empty


def status_text(runner: QueueRunner) -> str:
    """How many files are done, how fast it goes, and why it rests."""
    progress = runner.progress
    parts = [tr("looking for files…")] if runner.num_searches else []
    if not progress.num:
        return "".join(parts)
    of_all = tr("{done} of 1 file") if progress.num == 1 else tr("{done} of {all} files")
    parts.append(of_all.format(done=progress.num_ended, all=progress.num))
    if failed := progress.counts.get("failed", 0):
        parts.append(tr("%n failed", "", failed))
    if runner.stopping:
        parts.append(tr("stopping; the files in work are being closed"))
    elif runner.paused:
        parts.append(tr("paused"))
    elif runner.rests:
        parts.append(tr("waiting for the live picture to leave time; stop it to go on at once"))
    elif runner.running:
        if progress.rate_fps > 0:
            parts.append(tr("{rate:.0f} pictures/s").format(rate=progress.rate_fps))
        if progress.left_s is not None:
            parts.append(tr("{time} left").format(time=length_text(progress.left_s)))
    return "  ·  ".join(parts)
