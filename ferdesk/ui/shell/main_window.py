"""Main window: its pages, notices, title and closing."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QRect, QSize, Qt, Slot
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QMainWindow, QStackedWidget

from ferdesk.core.locations import is_url
from ferdesk.settings import Settings
from ferdesk.ui.kit.actions import ActionSpec, ActionTable
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.notices import Notices
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.kit.shortcuts import ShortcutsSheet
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.dialogs import Dialogs
from ferdesk.ui.live.live_page import LivePage
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.status_line import device_text
from ferdesk.ui.preferences.preferences import Preferences
from ferdesk.ui.shell.drops import dropped_sources, is_session
from ferdesk.ui.shell.marker_input import MarkerInput
from ferdesk.ui.shell.menus import Menus
from ferdesk.ui.shell.queueing import Queueing
from ferdesk.ui.shell.remote_control import RemoteControl
from ferdesk.version import VERSION

if TYPE_CHECKING:
    from ferdesk.ui.queue.page import QueuePage
    from ferdesk.ui.queue.queue_questions import QueueQuestions
    from ferdesk.ui.review.page import ReviewPage
    from ferdesk.ui.studies.study_actions import StudyActions

PROGRAM = "ferdesk"


_FRAME = QSize(2 * GRID, 5 * GRID)
"""What a window manager draws around; known only once the window is on the screen."""


def first_size(room: QRect, frame: QSize) -> QSize:
    """The size of a first window, without its frame, that lies within ``room`` with it.

    Four fifths of a large screen, up to what a picture and its panels can use.
    """
    wanted = (room.size() * 0.8).boundedTo(QSize(200 * GRID, 120 * GRID))
    wanted = wanted.expandedTo(QSize(160 * GRID, 95 * GRID))
    return wanted.boundedTo(room.size() - frame)


class MainWindow(QMainWindow):
    """Main window: holds the live page, the review page and what serves both."""

    def __init__(
        self,
        live: Live,
        settings: Settings,
        *,
        settings_path: Path | None = None,
        pictures_folder: Path | None = None,
        corrections_folder: Path | None = None,
        dialogs: Dialogs | None = None,
        queue_questions: "QueueQuestions | None" = None,
    ) -> None:
        """``settings_path`` None keeps the settings and the queue nowhere."""
        super().__init__()
        self.live = live
        live.setParent(self)
        self.store = SettingsStore(settings, settings_path, self)
        self.actions_by_name = ActionTable()
        self.notices = Notices(self)
        self.keys_sheet: ShortcutsSheet | None = None
        self._dialogs = dialogs or Dialogs()
        self._help: dict[str, QDialog] = {}
        self._ends_quietly = False
        self._live_title = self._review_title = ""
        self.facts: Callable[[], Mapping[str, str]] = dict
        """What runs at this moment, for a report of a problem."""
        self.review: ReviewPage | None = None
        self.studies: StudyActions | None = None
        self.actions_by_name.add(self, *self._specs())
        self.live_page = LivePage(
            live,
            self.store,
            self.actions_by_name,
            dialogs=self._dialogs,
            pictures_folder=pictures_folder,
            corrections_folder=corrections_folder,
            parent=self,
        )
        self.preferences = Preferences(self.store, live, self)
        self.remote_control = RemoteControl(live, self.live_page, self.store, self)
        self.queueing = Queueing(live, self.store, self, ask=queue_questions)
        self.queueing.told.connect(self.notices.show_notice)
        self.queueing.wanted.connect(self.show_queue)
        self.queueing.made.connect(self._take_queue)
        self.marker_input = MarkerInput(live, self.live_page.status_line, self.store, self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.live_page)
        self.setCentralWidget(self.pages)
        self.menus = Menus(self, self.actions_by_name, self.live_page.sources.choose)
        self.menus.recent.aboutToShow.connect(self._show_recent)
        self.notices.follow(self.live_page.view)
        self.notices.brief.connect(self._flash)
        self.setAcceptDrops(True)
        for part in (
            self.store,
            self.live_page,
            self.preferences,
            self.remote_control,
            self.marker_input,
        ):
            part.notified.connect(self.notices.show_notice)
        self.live_page.title_changed.connect(self._show_title)
        live.review_wanted.connect(self.show_review)
        self.marker_input.wish()
        self.store.changed.connect(self._name_markers)
        self._show_title("")
        self._fill_menus()
        self._restore_geometry()

    def choose_settings(self, tab: int | None = None) -> None:
        self.preferences.show(tab)

    def show_keys(self) -> None:
        """The keys of the page that is shown, and those that work everywhere."""
        if self.keys_sheet is not None:
            self.keys_sheet.close()
            self.keys_sheet.deleteLater()
        self.keys_sheet = ShortcutsSheet(self.page_actions(), self)
        self.keys_sheet.show()
        self.keys_sheet.raise_()

    def page_actions(self) -> list[QAction]:
        """What can be done now: on the page that is shown, and everywhere."""
        if self.review is not None and self.pages.currentWidget() is self.review:
            return [*self.review.page_actions, *self.actions()]
        if self.shows_queue:
            return [*self.queueing.opened().page_actions, *self.actions()]
        return [*self.live_page.actions(), *self.actions()]

    @property
    def shows_queue(self) -> bool:
        return self.pages.currentWidget() is self.queueing.page

    def toggle_review(self) -> None:
        if self.actions_by_name["review"].isChecked():
            self.show_review()
        else:
            self.show_live()

    def show_review(self, place: Path | None = None) -> None:
        """Show recorded sessions: those of a folder, or one that is a session itself."""
        review = self.review
        if review is None:
            review = self.review = self._make_review()
        self.live_page.layout_actions.leave_full()
        self.pages.setCurrentWidget(review)
        self._place_notices(review)
        self.actions_by_name["review"].setChecked(True)
        review.begin(place)
        self._fill_menus()

    def show_queue(self) -> None:
        """Show the files that are analysed in the background."""
        page = self.queueing.opened()
        self.live_page.layout_actions.leave_full()
        if self.review is not None:
            self.review.session.player.pause()
        self.pages.setCurrentWidget(page)
        self.notices.follow(page)
        self.actions_by_name["review"].setChecked(False)
        page.begin(self.queueing.fixed_labels)
        self._fill_menus()

    def queue_files(self, places: Sequence[Path]) -> None:
        """Put files and folders into the queue, and show it."""
        self.queueing.add(places)
        self.show_queue()

    def show_live(self) -> None:
        """Back to the picture; what is reviewed stays open."""
        if self.review is not None:
            self.review.session.player.pause()
        self.pages.setCurrentWidget(self.live_page)
        self.notices.follow(self.live_page.view)
        self.actions_by_name["review"].setChecked(False)
        self._fill_menus()
        self.live_page.view.setFocus()
        if not self.live.source_name:
            self.live_page.sources.start_usual()

    def run_study(self, folder: Path | None = None) -> None:
        """Ask which study is to be run, beginning with that of ``folder``."""
        if self.studies is None:
            self.studies = self._make_studies()
        self.studies.ask(folder)

    def show_guide(self) -> None:
        # imported here, as the other two: none of them is wanted at a start
        from ferdesk.ui.shell.help import Guide

        self._show_help("guide", Guide)

    def show_problem(self) -> None:
        from ferdesk.ui.shell.help import ProblemReport

        facts = {"version": VERSION, **self.facts()}
        text = "\n".join(f"{name}: {value}" for name, value in facts.items())
        self._show_help("problem", lambda parent: ProblemReport(text, parent))

    def show_about(self) -> None:
        from ferdesk.ui.shell.help import About

        status = self.live.status_now()
        model = "" if status.model is None else f"{status.model.name} {status.model.version}"
        device = "" if status.device is None else device_text(status.device)
        running = [(tr("Device"), device), (tr("Model"), model)]
        known = [(name, value) for name, value in running if value]
        self._show_help("about", lambda parent: About(known, parent))

    def _show_help(self, name: str, make: Callable[[QMainWindow], QDialog]) -> None:
        if (old := self._help.pop(name, None)) is not None:
            old.close()
            old.deleteLater()
        dialog = self._help[name] = make(self)
        dialog.show()
        dialog.raise_()

    def end(self) -> None:
        """Close without a question: the program ends, or is built anew."""
        self._ends_quietly = True
        self.close()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            # nothing but the picture; where the menus are the system's they stay
            self.menuBar().setVisible(not self.isFullScreen())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_sources(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        sources = dropped_sources(event.mimeData())
        if not sources:
            return
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        first = sources[0]
        files = [Path(name) for name in sources if not (is_url(name) or is_session(name))]
        if self.shows_queue and files:
            self.queueing.add(files)
            return
        if is_session(first):
            self.show_review(Path(first))
            return
        if self.pages.currentWidget() is not self.live_page:
            self.show_live()
        self.live_page.sources.choose(first)
        if len(sources) > 1:
            text = tr("Only the first of %n files is opened.", "", len(sources))
            queue = Choice(tr("Analyse all of them"), partial(self.queue_files, files))
            choices = (queue,) if len(files) > 1 else ()
            self.notices.show_notice(Notice(text, stays=bool(choices), choices=choices))

    def closeEvent(self, event: QCloseEvent) -> None:
        asks = self.live.recording_active and self.isVisible() and not self._ends_quietly
        quits = not asks or self._dialogs.ask_quit(self)
        if quits and self.isVisible() and not self._ends_quietly:
            quits = self.queueing.may_close()
        if not quits:
            event.ignore()
            return
        if not self.isFullScreen():
            geometry = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
            self.store.remember(window_geometry=geometry)
        self.store.remember(dock_state=self.live_page.dock_area.state())
        self.store.save()
        # gone from the screen first: a recording's last rows may take a moment
        self.hide()
        if self.studies is not None:
            self.studies.close()
        if self.review is not None:
            self.review.close_all()
        self.queueing.close()
        self.live_page.close_all()
        super().closeEvent(event)

    def _specs(self) -> tuple[ActionSpec, ...]:
        """What can be done on every page."""
        return (
            ActionSpec(
                "review",
                mark("Review"),
                self.toggle_review,
                "F7",
                "library",
                mark("Review recordings"),
                checkable=True,
            ),
            ActionSpec(
                "analyse",
                mark("Analyse files…"),
                self.show_queue,
                "F6",
                "list",
                mark("Analyse files and folders in the background, one after the other"),
            ),
            ActionSpec(
                "study",
                mark("Run a study…"),
                self.run_study,
                "",
                "monitor",
                mark("Show stimuli to a participant while the camera is recorded"),
            ),
            ActionSpec(
                "lsl_markers",
                mark("Markers from LSL…"),
                lambda: self.marker_input.choose(),
                tip=mark("Take the markers of another program's stream into recordings"),
            ),
            ActionSpec("settings", mark("Settings…"), self.choose_settings, "Ctrl+,", "settings"),
            ActionSpec("keys", mark("Keyboard shortcuts"), self.show_keys, "F1", "keyboard"),
            ActionSpec("guide", mark("Guide"), self.show_guide, "", "circle-help"),
            ActionSpec("problem", mark("Report a problem…"), self.show_problem, "", "bug"),
            ActionSpec("about", mark("About ferdesk"), self.show_about, "", "info"),
            ActionSpec("quit", mark("Quit"), self.close, "Ctrl+Q", "x"),
        )

    def _make_studies(self) -> "StudyActions":
        # imported here: few starts have a participant
        from ferdesk.ui.studies.study_actions import StudyActions

        page = self.live_page
        studies = StudyActions(
            self.live, page.recordings.usual_options, page.live_actions, page.view, self
        )
        studies.notified.connect(self.notices.show_notice)
        return studies

    def _make_review(self) -> "ReviewPage":
        # imported here: the plots take a good part of a second, which a start has not
        from ferdesk.ui.review.page import ReviewPage

        review = ReviewPage(self.live.services, self.live.chores, parent=self)
        review.told.connect(self.notices.show_notice)
        review.left.connect(self.show_live)
        review.opened.connect(self.notices.settle)
        review.where_changed.connect(self._show_review_title)
        self._review_title = review.title.text()
        review.session.set_marker_names(self.live_page.marker_keys.names)
        self.live.recording.connect(review.show_recording)
        # the keys of the part that is hidden would be at work in the menu, beside the other's
        review.stack.currentChanged.connect(lambda _: self._fill_menus())
        review.stack.currentChanged.connect(lambda _: self._place_notices(review))
        self.pages.addWidget(review)
        return review

    def _place_notices(self, review: "ReviewPage") -> None:
        if self.pages.currentWidget() is review:
            self.notices.follow(review.notice_place)

    @Slot(object)
    def _take_queue(self, page: "QueuePage") -> None:
        page.left.connect(self.show_live)
        page.review_wanted.connect(self.show_review)
        self.pages.addWidget(page)

    @Slot(object)
    def _name_markers(self, _settings: Settings) -> None:
        if self.review is not None:
            self.review.session.set_marker_names(self.live_page.marker_keys.names)

    @Slot()
    def _fill_menus(self) -> None:
        self._name_window()
        if self.review is not None and self.pages.currentWidget() is self.review:
            self.menus.fill_review(self.page_actions_of_review())
        elif self.shows_queue:
            self.menus.fill_queue(self.queueing.opened().page_actions)
        else:
            docks = self.live_page.dock_area.docks
            panels = [(dock.toggleViewAction(), name) for name, dock in docks.items()]
            self.menus.fill_live(panels, self.live_page.recording_menu.actions())
        self._show_recent()

    def page_actions_of_review(self) -> list[QAction]:
        """What the part of the review page that is shown can do."""
        return [] if self.review is None else self.review.page_actions

    @Slot()
    def _show_recent(self) -> None:
        self.menus.show_recent(self.store.settings.recent_files)

    @Slot(str)
    def _flash(self, text: str) -> None:
        """A short notice: in the status line, where the page that is shown has one."""
        if self.live_page.status_line.isVisible():
            self.live_page.status_line.flash(text)
        else:
            self.notices.show_notice(Notice(text, stays=False))

    @Slot(str)
    def _show_title(self, title: str) -> None:
        self._live_title = title
        self._name_window()

    @Slot(str)
    def _show_review_title(self, title: str) -> None:
        self._review_title = title
        self._name_window()

    def _name_window(self) -> None:
        """Two windows are told apart by what each shows; a recording's time goes before it."""
        title = self._live_title
        elsewhere = ""
        if self.review is not None and self.pages.currentWidget() is self.review:
            elsewhere = self._review_title
        elif self.shows_queue:
            elsewhere = self.queueing.opened().title.text()
        if elsewhere:
            recording = title.partition(" · ")[0] if title.startswith("●") else ""
            title = " · ".join(part for part in (recording, elsewhere) if part)
        self.setWindowTitle(f"{title} · {PROGRAM}" if title else PROGRAM)

    def _restore_geometry(self) -> None:
        self.resize(first_size(self.screen().availableGeometry(), _FRAME))
        if kept := self.store.settings.window_geometry:
            self.restoreGeometry(QByteArray.fromBase64(kept.encode("ascii", "ignore")))
