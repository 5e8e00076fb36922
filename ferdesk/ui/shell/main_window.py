"""Main window: its pages, notices, title and closing."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSize, Slot
from PySide6.QtGui import QAction, QCloseEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget

from ferdesk.settings import Settings
from ferdesk.ui.kit.actions import ActionSpec, ActionTable
from ferdesk.ui.kit.language import mark
from ferdesk.ui.kit.notices import Notices
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.kit.shortcuts import ShortcutsSheet
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.dialogs import Dialogs
from ferdesk.ui.live.live_page import LivePage
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.preferences.preferences import Preferences

if TYPE_CHECKING:
    from ferdesk.ui.review.page import ReviewPage

PROGRAM = "ferdesk"


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
    ) -> None:
        """``settings_path`` None keeps the settings nowhere."""
        super().__init__()
        self.live = live
        live.setParent(self)
        self.store = SettingsStore(settings, settings_path, self)
        self.actions_by_name = ActionTable()
        self.notices = Notices(self)
        self.keys_sheet: ShortcutsSheet | None = None
        self.review: ReviewPage | None = None
        self.actions_by_name.add(self, *self._specs())
        self.live_page = LivePage(
            live,
            self.store,
            self.actions_by_name,
            dialogs=dialogs,
            pictures_folder=pictures_folder,
            corrections_folder=corrections_folder,
            parent=self,
        )
        self.preferences = Preferences(self.store, live, self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.live_page)
        self.setCentralWidget(self.pages)
        self.live_page.place_notices(self.notices)
        for part in (self.store, self.live_page, self.preferences):
            part.notified.connect(self.notices.show_notice)
        self.live_page.title_changed.connect(self._show_title)
        live.review_wanted.connect(self.show_review)
        self.store.changed.connect(self._name_markers)
        self._show_title("")
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
        return [*self.live_page.actions(), *self.actions()]

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
        self.live_page.leave_full()
        self.pages.setCurrentWidget(review)
        review.place_notices(self.notices)
        self.actions_by_name["review"].setChecked(True)
        review.begin(place)

    def show_live(self) -> None:
        """Back to the picture; what is reviewed stays open."""
        if self.review is not None:
            self.review.session.player.pause()
        self.pages.setCurrentWidget(self.live_page)
        self.live_page.place_notices(self.notices)
        self.actions_by_name["review"].setChecked(False)
        self.live_page.view.setFocus()
        if not self.live.source_name:
            self.live_page.sources.start_usual()

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.isFullScreen():
            geometry = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
            self.store.remember(window_geometry=geometry)
        self.store.remember(dock_state=self.live_page.dock_area.state())
        self.store.save()
        # gone from the screen first: a recording's last rows may take a moment
        self.hide()
        if self.review is not None:
            self.review.close_all()
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
            ActionSpec("settings", mark("Settings…"), self.choose_settings, "Ctrl+,", "settings"),
            ActionSpec("keys", mark("Keyboard shortcuts"), self.show_keys, "F1", "keyboard"),
        )

    def _make_review(self) -> "ReviewPage":
        # imported here: the plots take a good part of a second, which a start has not
        from ferdesk.ui.review.page import ReviewPage

        review = ReviewPage(self.live.services, self.live.chores, parent=self)
        review.told.connect(self.notices.show_notice)
        review.left.connect(self.show_live)
        review.session.set_marker_names(self.live_page.marker_keys.names)
        self.live.recording.connect(review.show_recording)
        self.pages.addWidget(review)
        return review

    @Slot(object)
    def _name_markers(self, _settings: Settings) -> None:
        if self.review is not None:
            self.review.session.set_marker_names(self.live_page.marker_keys.names)

    @Slot(str)
    def _show_title(self, title: str) -> None:
        self.setWindowTitle(f"{title} · {PROGRAM}" if title else PROGRAM)

    def _restore_geometry(self) -> None:
        self.resize(QSize(160 * GRID, 95 * GRID).boundedTo(self.screen().availableSize()))
        if kept := self.store.settings.window_geometry:
            self.restoreGeometry(QByteArray.fromBase64(kept.encode("ascii", "ignore")))
