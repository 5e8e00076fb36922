"""Queue page in the window: made when it is first wanted, and asked before the window closes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from ferdesk.core.labels import LabelsFrom
from ferdesk.runtime.analysis_queue import QueueOptions
from ferdesk.runtime.queue_file import QueueHold, load_queue
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.live.live_run import Live

if TYPE_CHECKING:
    from ferdesk.ui.queue.page import QueuePage
    from ferdesk.ui.queue.queue_questions import QueueQuestions

_TOPIC = "queue"
_FILE = "queue.json"


class Queueing(QObject):
    """Owner of the queue page; ``page`` is None until the user wants it."""

    made = Signal(object)
    """The ``QueuePage``, once."""
    wanted = Signal()
    """The user wants to see the page."""
    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        live: Live,
        store: SettingsStore,
        parent: QObject,
        *,
        ask: "QueueQuestions | None" = None,
    ) -> None:
        super().__init__(parent)
        self._live, self._store, self._ask = live, store, ask
        # beside the settings; a window that keeps none keeps no queue either
        self._path = None if store.path is None else store.path.with_name(_FILE)
        self._hold: QueueHold | None = None
        self.page: QueuePage | None = None

    @property
    def running(self) -> bool:
        """Whether files are being analysed."""
        return self.page is not None and self.page.runner.running

    @property
    def fixed_labels(self) -> LabelsFrom | None:
        """Where a study that locks its model takes labels from."""
        settings = self._store.settings
        return settings.labels_from if settings.lock_model else None

    def opened(self) -> "QueuePage":
        """The page, made now where it was not yet."""
        if self.page is None:
            # imported here, as it takes time that a start has not
            from ferdesk.ui.queue.page import QueuePage
            from ferdesk.ui.queue.queue_runner import QueueRunner

            live, settings = self._live, self._store.settings
            path = self._held_path()
            folder = settings.recording_folder or live.services.sessions_folder()
            runner = QueueRunner(
                live.services, live.chores, live.status_now, self,
                usual=QueueOptions(Path(folder), settings.labels_from), path=path,
            )  # fmt: skip
            self.page = QueuePage(runner, live.services, live.chores, ask=self._ask)
            live.recording.connect(self.page.show_recording)
            self.page.told.connect(self._tell)
            self.made.emit(self.page)
            if path != self._path:
                text = tr(
                    "Another window keeps its queue; the queue of this one is not kept for the "
                    "next start."
                )
                self.told.emit(Notice(text, topic=_TOPIC))
        return self.page

    def _held_path(self) -> Path | None:
        """The file that keeps this window's queue; None where there is none, or another has it."""
        if self._path is None:
            return None
        self._hold = QueueHold(self._path)
        return self._path if self._hold.held else None

    def offer_kept(self) -> None:
        """Tell where the last queue was not finished."""
        if self._path is None:
            return
        # what another window is at work on is not left over
        hold = QueueHold(self._path)
        num = len(load_queue(self._path).files) if hold.held else 0
        hold.release()
        if num:
            text = tr("%n files of the last queue are not analysed yet.", "", num)
            self._tell(Notice(text, topic=_TOPIC))

    @Slot(object)
    def _tell(self, notice: Notice) -> None:
        """What concerns the whole queue leads to its page, from wherever the user is."""
        shown = self.page is not None and self.page.isVisible()
        if notice.topic == _TOPIC and not shown:
            show = Choice(tr("Show queue"), self.wanted.emit)
            notice = replace(notice, choices=(*notice.choices, show))
        self.told.emit(notice)

    def add(self, places: Sequence[Path]) -> None:
        self.opened().add(places)

    def may_close(self) -> bool:
        """Ask where files are being analysed; what is finished stays either way."""
        page = self.page
        return page is None or not self.running or page.ask.quit(page.window())

    def close(self) -> None:
        if self.page is not None:
            self.page.runner.close()
        if self._hold is not None:
            self._hold.release()
