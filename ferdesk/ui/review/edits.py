"""Edits of a review: each can be undone, and each is saved at once, beside the window."""

import threading
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from ferdesk.sessions.review import Review
from ferdesk.sessions.review_merge import save_changes
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.review.opened_session import OpenedSession, stamp_of

_MOST_KEPT = 500


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What another program did to the review since this one read or wrote it.

    ``aside`` is where its version is kept, if both changed the same tracks.
    """

    changed: bool = False
    aside: Path | None = None


class Saver:
    """Writer of one session's newest review; called from any thread, one at a time writes."""

    def __init__(self, opened: OpenedSession) -> None:
        self._session, self._stamp = opened.session, opened.stamp
        self._base = opened.review
        self._lock = threading.Lock()
        self._newest: Review | None = None
        self._writing = False

    def put(self, review: Review) -> bool:
        """This is to be saved; True where somebody has to call ``write`` for it."""
        with self._lock:
            self._newest = review
            start = not self._writing
            self._writing = True
            return start

    @property
    def idle(self) -> bool:
        """Whether all that was put is written, or has failed."""
        with self._lock:
            return not self._writing

    def write(self) -> Meanwhile:
        """Write until there is nothing newer.

        Raises:
            RecordingError: it cannot be written.
        """
        meanwhile = Meanwhile()
        while True:
            with self._lock:
                review, self._newest = self._newest, None
                if review is None:
                    self._writing = False
                    return meanwhile
            try:
                folder = self._session.folder
                changed = stamp_of(folder) not in (None, self._stamp)
                _, aside = save_changes(self._session, self._base, review)
                self._base, self._stamp = review, stamp_of(folder)
                meanwhile = Meanwhile(changed or meanwhile.changed, aside or meanwhile.aside)
            except BaseException:
                with self._lock:
                    self._writing = False
                raise


class Edits(QObject):
    """Review as it is now, with the undo and redo history."""

    changed = Signal()
    """The review is another, or what can be undone."""
    saving = Signal(str)
    """``saved``, ``saving``, or ``failed``."""
    told = Signal(object)
    """A ``Notice``."""

    def __init__(self, tasks: TaskRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self.review = Review()
        self._past: list[tuple[str, Review]] = []
        self._future: list[tuple[str, Review]] = []
        self._saver: Saver | None = None
        self._failed = False

    @property
    def undo_text(self) -> str:
        """What would be undone, empty for nothing."""
        return self._past[-1][0] if self._past else ""

    @property
    def redo_text(self) -> str:
        return self._future[-1][0] if self._future else ""

    def can_undo(self) -> bool:
        return bool(self._past)

    def can_redo(self) -> bool:
        return bool(self._future)

    def begin(self, opened: OpenedSession) -> None:
        """Begin with a session's review."""
        self.review = opened.review
        self._saver = Saver(opened)
        self._past.clear()
        self._future.clear()
        self._failed = False
        self.saving.emit("saved")
        self.changed.emit()

    def end(self) -> None:
        """Leave the session; what is not saved yet is saved, or the user hears of it."""
        if self._failed:
            self._save()
        self._saver = None
        self.review = Review()

    def do(self, text: str, review: Review) -> None:
        """Take ``review`` from now on; ``text`` names what the user did."""
        if review == self.review or self._saver is None:
            return
        self._past.append((text, self.review))
        del self._past[:-_MOST_KEPT]
        self._future.clear()
        self._take(review)

    def undo(self) -> None:
        self._back(self._past, self._future)

    def redo(self) -> None:
        self._back(self._future, self._past)

    def _back(self, from_: list[tuple[str, Review]], to: list[tuple[str, Review]]) -> None:
        if from_:
            text, review = from_.pop()
            to.append((text, self.review))
            self._take(review)

    def _take(self, review: Review) -> None:
        self.review = review
        self._save()
        self.changed.emit()

    def _save(self) -> None:
        saver = self._saver
        assert saver is not None
        self._failed = False
        self.saving.emit("saving")
        if saver.put(self.review):
            self._tasks.run(
                saver.write,
                lambda meanwhile: self._saved(saver, meanwhile),
                lambda message: self._not_saved(saver, message),
            )

    def _saved(self, saver: Saver, meanwhile: Meanwhile) -> None:
        # what was told just now may be an older saving, with a newer one already under way
        if saver is self._saver and not self._failed and saver.idle:
            self.saving.emit("saved")
        if meanwhile.aside is not None:
            text = tr(
                "Another program changed the same faces of this session meanwhile. Yours are "
                "saved, its version is kept in {path}."
            )
            self.told.emit(Notice(text.format(path=meanwhile.aside), "warning"))
        elif meanwhile.changed:
            text = tr(
                "Another program changed this session's review meanwhile. Its changes are kept "
                "beside yours; open the session again to see them."
            )
            self.told.emit(Notice(text, "warning"))

    def _not_saved(self, saver: Saver, message: str) -> None:
        if saver is self._saver:
            self._failed = True
            self.saving.emit("failed")
        self.told.emit(Notice(message, "error"))
