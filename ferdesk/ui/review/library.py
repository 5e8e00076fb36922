"""Library page: the sessions of a folder in a table, with everything that is done with them."""

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.runtime.ports import Services
from ferdesk.sessions import catalogue
from ferdesk.sessions.catalogue import Entry
from ferdesk.sessions.outputs import file_stem, free_path
from ferdesk.ui.kit.actions import ActionTable, button_of
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.scrolls import RowScroll
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.review import library_work
from ferdesk.ui.review.elided_label import ElidedLabel
from ferdesk.ui.review.export_menu import export_button
from ferdesk.ui.review.groups_dialog import GroupChoice, pair_of
from ferdesk.ui.review.library_actions import library_actions
from ferdesk.ui.review.library_model import LibraryModel, about_text, size_text
from ferdesk.ui.review.library_questions import LibraryQuestions
from ferdesk.ui.review.library_table import sessions_table
from ferdesk.ui.review.outputs import export_notice, left_out_notice, report_notice
from ferdesk.ui.review.session_filters import SessionFilters
from ferdesk.ui.review.study_menu import StudyButton

_BUTTONS = ("open", "report", "compare", "describe", "repair", "folder", "delete")


class Library(QWidget):
    """Page of ``root``'s sessions; what takes time is done by ``tasks``."""

    open_wanted = Signal(object)
    """The folder of a session."""
    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        services: Services,
        tasks: TaskRunner,
        root: Path,
        parent: QWidget | None = None,
        *,
        ask: LibraryQuestions | None = None,
    ) -> None:
        super().__init__(parent)
        self.root = root
        self.ask = ask or LibraryQuestions()
        self._services, self._tasks = services, tasks
        self._reading = 0
        self._read = False
        self._keep: set[Path] = set()
        self._making_columns: threading.Event | None = None
        self.actions_by_name = ActionTable()
        self.actions_by_name.add(self, *library_actions(self))
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(
            tr("Search by name, participant, condition, source, date, marker, model, status")
        )
        self.search.setAccessibleName(tr("Search sessions"))
        self.search.setClearButtonEnabled(True)
        for clear in self.search.findChildren(QToolButton):
            clear.setAccessibleName(tr("Clear the search"))
        self.search.textChanged.connect(self._search_changed)
        self.model = LibraryModel(self)
        self.filters = SessionFilters(self)
        self.filters.changed.connect(lambda: self._search_changed(self.search.text()))
        self.table = sessions_table(self, self.model)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._selection_changed())
        self.table.doubleClicked.connect(lambda _: self.open())
        self.place = ElidedLabel(self)
        self.place.setProperty("role", "muted")
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.empty_title = QLabel(self)
        self.empty_title.setProperty("role", "heading")
        self.empty_text = QLabel(self)
        self.empty_text.setProperty("role", "muted")
        for label in (self.empty_title, self.empty_text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
        for label in (self.place, self.about, self.empty_title, self.empty_text):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out()
        self._selection_changed()

    @property
    def selected(self) -> list[Entry]:
        """The selected sessions, from top to bottom."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        entries = self.model.entries
        return [entries[row] for row in rows]

    def set_root(self, root: Path) -> None:
        """Show another folder's sessions."""
        self.root = root
        self._read = False
        self.model.set_entries(())
        self.refresh()

    def refresh(self) -> None:
        """Read the list anew, beside the window."""
        self._reading += 1
        self._show_counts()
        self._tasks.run(
            partial(catalogue.list_sessions, self.root),
            partial(self._listed, self._reading),
            partial(self._not_listed, self._reading),
        )

    def select(self, folders: Sequence[Path]) -> None:
        """Select these sessions, as far as they are shown."""
        model = self.table.selectionModel()
        model.clearSelection()
        flags = QItemSelectionModel.SelectionFlag
        for row, entry in enumerate(self.model.entries):
            if entry.folder in folders:
                index = self.model.index(row, 0)
                model.select(index, flags.Select | flags.Rows)
                model.setCurrentIndex(index, flags.NoUpdate)
                self.table.scrollTo(index)

    def rest(self) -> None:
        """Leave off what is done in idle time: a session is opened, or the program ends."""
        if self._making_columns is not None:
            self._making_columns.set()
            self._making_columns = None

    # ---- actions

    def can_open(self) -> bool:
        return len(self.selected) == 1 and self.can_use()

    def can_use(self) -> bool:
        return bool(self._readable())

    def can_compare(self) -> bool:
        return len(self._readable()) >= 2

    def can_describe(self) -> bool:
        """Whether details of what is selected can be changed."""
        return bool(self.selected) and all(
            entry.state in ("complete", "incomplete") for entry in self.selected
        )

    def can_repair(self) -> bool:
        return any(entry.state in ("incomplete", "unreadable") for entry in self.selected)

    def can_delete(self) -> bool:
        return any(entry.state != "recording" for entry in self.selected)

    def open(self) -> None:
        if self.can_open():
            self.open_wanted.emit(self.selected[0].folder)

    def begin_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def end_search(self) -> None:
        """Show all sessions again, with the keys at the table."""
        self.search.clear()
        self.table.setFocus()

    def ask_root(self) -> None:
        if (name := self.ask.folder(self, self.root)) != "":
            self.set_root(Path(name))

    def show_files(self) -> None:
        open_folder(self.selected[0].folder if self.selected else self.root)

    def _readable(self) -> list[Path]:
        return [entry.folder for entry in self.selected if entry.state != "unreadable"]

    def report(self) -> None:
        folders = self._readable()
        if len(folders) == 1:
            self._make_report(folders, folders[0] / "report.html")
        elif folders:
            offered = free_path(self.root, "report", ".html")
            if (name := self.ask.save(self, offered)) != "":
                self._make_report(folders, Path(name))

    def compare(self) -> None:
        entries = [entry for entry in self.selected if entry.state != "unreadable"]
        if not self.can_compare():
            return
        if len(entries) == 2:
            groups = pair_of(entries[0], entries[1])
        elif (chosen := self.ask.groups(self, entries)) is not None:
            groups = chosen
        else:
            return
        stem = file_stem("-".join(("compare", *(group.name for group in groups))))
        if (name := self.ask.save(self, free_path(self.root, stem, ".html"))) != "":
            folders = [folder for group in groups for folder in group.folders]
            self._make_report(folders, Path(name), groups)

    def describe(self) -> None:
        """Ask for name, participant, condition and notes of what is selected, and keep them."""
        entries = self.selected
        if not self.can_describe() or not (texts := self.ask.details(self, entries)):
            return
        folders = [entry.folder for entry in entries]

        def then(_: object) -> None:
            self._keep = set(folders)
            self.refresh()

        self._tasks.run(partial(library_work.describe_all, folders, texts), then, self._tell_error)

    def _make_report(
        self,
        folders: Sequence[Path],
        path: Path,
        groups: tuple[GroupChoice, GroupChoice] | None = None,
    ) -> None:
        self._tell(tr("Creating the report…"))
        work = partial(library_work.make_report, folders, path, self._services, groups)
        self._tasks.run(work, self._reported, self._tell_error)

    def _export(self, kind: str) -> None:
        self._tell(tr("Exporting…"))
        work = partial(library_work.export_all, kind, self._readable(), self._services)
        self._tasks.run(work, self._exported, self._tell_error)

    def repair(self) -> None:
        folders = [e.folder for e in self.selected if e.state in ("incomplete", "unreadable")]

        def then(failed: list[str]) -> None:
            for message in failed:
                self._tell_error(message)
            if num := len(folders) - len(failed):
                self._tell(tr("%n sessions repaired.", "", num))
            self._keep = set(folders)
            self.refresh()

        self._tasks.run(partial(library_work.repair_all, folders), then, self._tell_error)

    def delete(self) -> None:
        entries = [entry for entry in self.selected if entry.state != "recording"]
        if not entries:
            return
        title = tr("Move %n sessions to the trash?", "", len(entries))
        names = "\n".join(entry.name for entry in entries[:8])
        more = "\n…" if len(entries) > 8 else ""
        text = tr("{names}\n\n{size} of data, videos and reviews. They stay in the trash.").format(
            names=names + more, size=size_text(sum(entry.size_bytes for entry in entries))
        )
        if not self.ask.confirm(self, title, text):
            return

        def then(left: list[Path]) -> None:
            for folder in left:
                self._not_thrown_away(folder)
            if num := len(entries) - len(left):
                self._tell(tr("%n sessions moved to the trash.", "", num))
            self.refresh()

        folders = [entry.folder for entry in entries]
        work = partial(library_work.throw_away, folders, self.ask.trash)
        self._tasks.run(work, then, self._tell_error)

    def _not_thrown_away(self, folder: Path) -> None:
        show = Choice(tr("Open folder"), partial(open_folder, folder.parent))
        text = tr(
            "The system's trash did not accept {folder}; nothing was deleted. "
            "Delete it in the file manager if you are sure."
        )
        self.told.emit(Notice(text.format(folder=folder), "error", choices=(show,)))

    # ---- results

    def _listed(self, number: int, entries: list[Entry]) -> None:
        if number != self._reading:
            return
        first, self._read = not self._read, True
        kept = self._keep or {entry.folder for entry in self.selected}
        self._keep = set()
        self.model.set_entries(entries)
        self.filters.show_for(entries)
        self.model.search(self.search.text(), self.filters.fits, self.filters.group)
        self.select(sorted(kept))
        self._show_counts()
        if not self.selected and self.model.entries:
            self.select([self.model.entries[0].folder])
        focus = QApplication.focusWidget()
        if first and not self.search.text() and focus is not None and self.isAncestorOf(focus):
            # while the list was read there was nothing else to take the keys
            self.table.setFocus()
        self.table.fit_columns()
        self._make_columns(entries)

    def _not_listed(self, number: int, message: str) -> None:
        if number == self._reading:
            self._read = True
            self.model.set_entries(())
            self._show_counts()
            self._tell_error(message)

    def _make_columns(self, entries: Sequence[Entry]) -> None:
        """Prepare long sessions in idle time, so that they open at once later."""
        self.rest()
        if folders := library_work.without_columns(entries):
            stop = self._making_columns = threading.Event()
            work = partial(library_work.make_columns, folders, stop)
            self._tasks.run(work, lambda _: None, lambda _: None)

    def _search_changed(self, text: str) -> None:
        kept = {entry.folder for entry in self.selected}
        self.model.search(text, self.filters.fits, self.filters.group)
        self.select(sorted(kept))
        self._show_counts()

    def _show_counts(self) -> None:
        shown, num_all = self.model.rowCount(), self.model.num_all
        if shown == num_all:
            count = tr("%n sessions", "", shown)
        else:
            of_all = tr("{shown} of 1 session") if num_all == 1 else tr("{shown} of {all} sessions")
            count = of_all.format(shown=shown, all=num_all)
        self.place.setText(f"{self.root}  ·  {count}" if self._read else str(self.root))
        self.stack.setCurrentIndex(0 if shown else 1)
        if not shown:
            self._show_empty()
        self._selection_changed()

    def _show_empty(self) -> None:
        if not self._read:
            title, text = tr("Reading sessions…"), ""
        elif self.model.num_all:
            title, text = tr("No matching sessions"), tr("Try fewer words.")
        else:
            title = tr("No sessions yet")
            text = tr(
                "Press Record (R) on the live page, or run ferdesk analyze; sessions in {folder} "
                "are listed here."
            ).format(folder=self.root)
        self.empty_title.setText(title)
        self.empty_text.setText(text)

    def _selection_changed(self) -> None:
        self.actions_by_name.refresh()
        self.export_button.setEnabled(self.can_use())
        self.study_button.show_for(self.selected)
        self.about.setText(about_text(self.selected))

    def _tell(self, text: str) -> None:
        self.told.emit(Notice(text, stays=False))

    def _tell_error(self, message: str) -> None:
        self.told.emit(Notice(message, "error"))

    def _reported(self, made: library_work.MadeReport) -> None:
        self.told.emit(report_notice(made.path))
        if made.left_out:
            self.told.emit(left_out_notice(made.left_out))

    def _exported(self, paths: list[Path]) -> None:
        self.told.emit(export_notice(paths))

    # ---- how it is put together

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GRID)
        top.addWidget(self.search, 1)
        top.addWidget(self.filters)
        for name in ("refresh", "root"):
            top.addWidget(button_of(self.actions_by_name[name], self))
        self.export_button = export_button(self, self._export)
        self.study_button = StudyButton(self._services, self._tasks, lambda: self.root, self)
        self.study_button.told.connect(self.told)
        buttons: list[QWidget] = []
        for name in _BUTTONS:
            buttons.append(button_of(self.actions_by_name[name], self))
            if name == "report":
                buttons += [self.export_button, self.study_button]
        bottom = RowScroll(buttons, self, stretch_after=_BUTTONS.index("repair") + 1)
        empty = QWidget(self)
        column = QVBoxLayout(empty)
        column.addStretch(1)
        column.addWidget(self.empty_title)
        column.addWidget(self.empty_text)
        column.addStretch(2)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.table)
        self.stack.addWidget(empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(top)
        layout.addWidget(self.place)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.about)
        layout.addWidget(bottom)
