"""Queue runner: begins, pauses and ends the work on the queue, and keeps what is unfinished."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from ferdesk.runtime.analysis_queue import AnalysisQueue, QueueEntry, QueueFound, QueueOptions
from ferdesk.runtime.ports import Services
from ferdesk.runtime.queue_file import KeptQueue, load_queue, save_queue
from ferdesk.runtime.queue_pace import QueuePace
from ferdesk.runtime.queue_progress import ProgressMeter, QueueProgress
from ferdesk.runtime.status import Status
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.task_runner import TaskRunner

TICK_MS = 200
SAVE_AFTER_MS = 500
SAVE_AGAIN_MS = 10_000
"""After a try that failed: one waits up to a second for whoever holds the file (``WAIT_S`` of
``replace_file``), in which the window stands still, so a tenth of the time at the most."""
_TOPIC = "queue"
_KEPT_TOPIC = "queue kept"


class QueueRunner(QObject):
    """Queue runner: the queue, its options and the work on it; no widget."""

    changed = Signal()
    """The queue, its progress or what it does is another."""
    notified = Signal(object)
    """A ``Notice``."""
    finished = Signal()
    """The work has ended by itself."""

    def __init__(
        self,
        services: Services,
        tasks: TaskRunner,
        status: Callable[[], Status],
        parent: QObject | None = None,
        *,
        usual: QueueOptions | None = None,
        path: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read what was kept.

        ``status`` is the engine's, ``usual`` what holds before the user has chosen, and ``path``
        the file that keeps the queue, None for nowhere.
        """
        super().__init__(parent)
        self.queue = AnalysisQueue()
        self._services, self._tasks, self._status = services, tasks, status
        self._path, self._clock = path, clock
        kept = load_queue(path) if path is not None else None
        self._kept = kept
        usual = usual or QueueOptions(services.sessions_folder())
        self.options = (kept and kept.options) or usual
        self.num_searches = 0
        """How many folders are being looked through."""
        if kept is not None and kept.files:
            self.queue.add(kept.files)
        self.running = self.paused = self.stopping = False
        self.progress = QueueProgress({})
        self._saved = -1
        self._not_kept = False
        """The last try to keep the queue failed, and the user was told."""
        self._allowed: int | None = 0
        self._pace = QueuePace()
        self._meter = ProgressMeter()
        self._stop = threading.Event()
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self.refresh)
        self._save_timer = QTimer(self, singleShot=True)
        self._save_timer.timeout.connect(self.save)
        self.refresh()
        self._saved = self.queue.version

    @property
    def entries(self) -> tuple[QueueEntry, ...]:
        return self.queue.entries

    @property
    def num_unfinished(self) -> int:
        return sum(entry.is_open for entry in self.entries)

    @property
    def rests(self) -> bool:
        """Whether the queue waits for the live picture."""
        return self.running and not self.paused and self._pace.rests

    def add(self, places: Sequence[Path]) -> None:
        """Queue what is at these places, once it is found."""

        def then(found: QueueFound) -> None:
            self.num_searches -= 1
            self.queue.add(found.files)
            for problem in found.problems:
                self.notified.emit(Notice(translated(problem), "warning"))
            self.refresh()

        def failed(message: str) -> None:
            self.num_searches -= 1
            self._tell_error(message)
            self.refresh()

        self.num_searches += 1
        self.refresh()
        self._tasks.run(partial(self._services.find_files, tuple(places)), then, failed)

    def set_options(self, options: QueueOptions) -> None:
        """What the next start analyses, and where its sessions go."""
        self.options = options
        self._save_timer.start(SAVE_AFTER_MS)

    def start(self) -> None:
        """Analyse what waits, or go on after a pause."""
        self.paused = False
        if not self.running and self.queue.waiting():
            self.running, self.stopping = True, False
            self._stop.clear()
            self._pace, self._allowed = QueuePace(), 0
            self._meter.restart()
            self._timer.start()
            work = partial(
                self._services.work_on_queue,
                self.queue,
                self.options,
                allowed=lambda: self._allowed,
                stop_requested=self._stop.is_set,
            )
            self._tasks.run(work, lambda _: self._ended(), self._failed)
        self.refresh()

    def pause(self) -> None:
        """Let the files in work rest after the frame in work."""
        self.paused = True
        self.refresh()

    def stop(self) -> None:
        """Close what is in work; it waits for another start, and what is finished stays."""
        if self.running:
            self.stopping = True
            self._stop.set()
            self.refresh()

    def refresh(self) -> None:
        """Read the queue, and say how much may be in work beside the live picture."""
        now_s = self._clock()
        if self.running:
            allowed = self._pace.allow(self._status(), now_s)
            self._allowed = 0 if self.paused else allowed
        entries = self.entries
        at_work = self.running and not self.paused and not self._pace.rests
        self.progress = self._meter.read(
            entries, self.queue.frames_analysed, now_s, at_work=at_work
        )
        if self.queue.version != self._saved and not self._save_timer.isActive():
            self._save_timer.start(SAVE_AFTER_MS)
        self.changed.emit()

    def save(self) -> None:
        """Keep what is unfinished, for the next start; where that fails it is tried again."""
        self._save_timer.stop()
        self._saved = self.queue.version
        kept = KeptQueue(self.options, tuple(entry.file for entry in self.entries if entry.is_open))
        # how far a file is changes several times a second, and nothing of what is kept
        if self._path is None or kept == self._kept:
            return
        if why := save_queue(self._path, self.options, kept.files):
            self._save_timer.start(SAVE_AGAIN_MS)
            if not self._not_kept:
                text = tr("The queue cannot be kept for the next start: {why}. It is tried again.")
                text = text.format(why=translated(why))
                self.notified.emit(Notice(text, "warning", topic=_KEPT_TOPIC))
        else:
            self._kept = kept
            if self._not_kept:
                text = tr("The queue is kept for the next start again.")
                self.notified.emit(Notice(text, stays=False, topic=_KEPT_TOPIC))
        self._not_kept = bool(why)

    def close(self) -> None:
        """For the end of the program: the work ends in its own time, and closes its sessions."""
        self.stop()
        self._timer.stop()
        if self._save_timer.isActive() or self.queue.version != self._saved:
            self.save()
        self._save_timer.stop()

    def _ended(self) -> None:
        stopped = self._leave()
        counts = self.progress.counts
        failed = counts.get("failed", 0)
        if stopped:
            text = tr("Analysis stopped; finished sessions are kept.")
            self.notified.emit(Notice(text, stays=False, topic=_TOPIC))
            return
        if failed:
            text = tr("The queue has ended; %n files could not be analysed.", "", failed)
            self.notified.emit(Notice(text, "warning", topic=_TOPIC))
        else:
            text = tr("The queue has ended; all files are analysed.")
            self.notified.emit(Notice(text, topic=_TOPIC))
        self.finished.emit()

    def _failed(self, message: str) -> None:
        self._leave()
        self._tell_error(message)

    def _leave(self) -> bool:
        """The work is over; returns whether it was stopped."""
        stopped, self.stopping = self.stopping, False
        self.running = self.paused = False
        self._timer.stop()
        self._pace = QueuePace()
        self.refresh()
        return stopped

    def _tell_error(self, message: str) -> None:
        self.notified.emit(Notice(translated(message), "error"))
