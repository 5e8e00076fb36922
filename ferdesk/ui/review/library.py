"""The library: every session of a folder in a table, searched, sorted, opened and looked after."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QFile,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QStackedWidget,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.errors import FerdeskError, RecordingError
from ferdesk.runtime.ports import Services
from ferdesk.runtime.priority import give_way
from ferdesk.sessions import catalogue
from ferdesk.sessions.catalogue import Entry
from ferdesk.sessions.outputs import free_path, write_report
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.report import Group
from ferdesk.sessions.schema import RESULTS_FILE
from ferdesk.sessions.table import CACHE_FROM_ROWS, is_kept, read_table
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import mark, tr, translated
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID, colours
from ferdesk.ui.review.actions import Spec, button_of, ignore_checked, make_action
from ferdesk.ui.review.exports import EXPORTS, export
from ferdesk.ui.review.times import length_text

log = logging.getLogger(__name__)

COLUMNS = (
    mark("Began"),
    mark("Session"),
    mark("Length"),
    mark("Source"),
    mark("Faces"),
    mark("Markers"),
    mark("Video"),
    mark("Size"),
    mark("State"),
)
STATES = {
    "complete": mark("complete"),
    "incomplete": mark("incomplete"),
    "recording": mark("being recorded"),
    "unreadable": mark("damaged"),
}
_RIGHT = (2, 4, 5, 7)
_STATE = len(COLUMNS) - 1
ACTIONS = {
    "open": Spec(mark("Open"), "Return Enter", "film", mark("Open the selected session")),
    "report": Spec(
        mark("Report"), "Ctrl+R", "file-text", mark("Make a report of what is selected")
    ),
    "compare": Spec(
        mark("Compare"), "Ctrl+K", "chart-line", mark("Compare the two selected sessions")
    ),
    "repair": Spec(
        mark("Repair"), "Ctrl+Shift+R", "check", mark("Close sessions that were cut off")
    ),
    "folder": Spec(mark("Open folder"), "Ctrl+D", "folder-open", mark("Show the session's files")),
    "delete": Spec(mark("Delete…"), "Del", "trash-2", mark("Move what is selected to the trash")),
    "refresh": Spec(mark("Refresh"), "F5", "refresh-cw", mark("Read the list again")),
    "search": Spec(mark("Search"), "Ctrl+F", "search", mark("Search the sessions")),
    "root": Spec(
        mark("Another folder…"), "Ctrl+O", "library", mark("Show another folder's sessions")
    ),
}
_BUTTONS = ("open", "report", "compare", "repair", "folder", "delete")


class EntriesModel(QAbstractTableModel):
    """The rows of the table, in the order that was chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []
        self._column, self._order = 0, Qt.SortOrder.DescendingOrder

    def show_entries(self, entries: Sequence[Entry]) -> None:
        self.beginResetModel()
        self.entries = self._sorted(entries)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return tr(COLUMNS[section])
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(entry, index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                translated(entry.problem)
                or ", ".join(filter(None, entry.markers))
                or str(entry.folder)
            )
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == _STATE:
            return QColor(_state_colour(entry))
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._column, self._order = column, order
        self.layoutAboutToBeChanged.emit()
        folders = {e.folder: e for e in self.entries}
        before = [(i, self.entries[i.row()].folder) for i in self.persistentIndexList()]
        self.entries = self._sorted(folders.values())
        rows = {entry.folder: row for row, entry in enumerate(self.entries)}
        for index, folder in before:
            self.changePersistentIndex(index, self.index(rows[folder], index.column()))
        self.layoutChanged.emit()

    def _sorted(self, entries: Iterable[Entry]) -> list[Entry]:
        back = self._order is Qt.SortOrder.DescendingOrder
        valued = [(_value(e, self._column), e) for e in sorted(entries, key=lambda e: e.name)]
        # what is not known stands last either way
        known = [pair for pair in valued if pair[0] is not None]
        known.sort(key=lambda pair: pair[0], reverse=back)
        return [e for _, e in known] + [e for value, e in valued if value is None]


class Library(QWidget):
    """Shows ``root``'s sessions; what takes time is done by ``chores``."""

    open_wanted = Signal(object)
    """The folder of a session."""
    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        services: Services,
        chores: TaskRunner,
        root: Path,
        parent: QWidget | None = None,
        *,
        confirm: Callable[[QWidget, str, str], bool] | None = None,
        ask_save: Callable[[QWidget, Path], str] | None = None,
        ask_folder: Callable[[QWidget, Path], str] | None = None,
        trash: Callable[[Path], bool] | None = None,
    ) -> None:
        super().__init__(parent)
        self.root = root
        self._services, self._chores = services, chores
        self._confirm = confirm or _confirm
        self._ask_save = ask_save or _ask_save
        self._ask_folder = ask_folder or _ask_folder
        self._trash = trash or _move_to_trash
        self._entries: list[Entry] = []
        self._reading = 0
        self._read = False
        self._keep: set[Path] = set()
        self._ripening: threading.Event | None = None
        self.actions_by_name: dict[str, QAction] = {
            name: make_action(self, spec, getattr(self, f"_{name}"))
            for name, spec in ACTIONS.items()
        }
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Search by name, source, date, marker, state"))
        self.search.setAccessibleName(tr("Search the sessions"))
        self.search.setClearButtonEnabled(True)
        for clear in self.search.findChildren(QToolButton):
            clear.setAccessibleName(tr("Clear the search"))
        self.search.textChanged.connect(self._show_entries)
        self.model = EntriesModel(self)
        self.table = self._make_table()
        self.place = QLabel(self)
        self.place.setProperty("role", "muted")
        self.place.setTextFormat(Qt.TextFormat.PlainText)
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.empty_title = QLabel(self)
        self.empty_title.setProperty("role", "heading")
        self.empty_text = QLabel(self)
        self.empty_text.setProperty("role", "muted")
        for label in (self.empty_title, self.empty_text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out()
        self._selection_changed()

    @property
    def selected(self) -> list[Entry]:
        """The selected sessions, from top to bottom."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.model.entries[row] for row in rows]

    def set_root(self, root: Path) -> None:
        """Show another folder's sessions."""
        self.root = root
        self._entries = []
        self._read = False
        self.refresh()

    def refresh(self) -> None:
        """Read the list anew, beside the window."""
        self._reading += 1
        self._show_entries()
        self._chores.run(
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
        if self._ripening is not None:
            self._ripening.set()
            self._ripening = None

    # ---- what the actions do

    def _open(self) -> None:
        chosen = self.selected
        if len(chosen) == 1 and chosen[0].state != "unreadable":
            self.open_wanted.emit(chosen[0].folder)

    def _refresh(self) -> None:
        self.refresh()

    def _search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _root(self) -> None:
        if (name := self._ask_folder(self, self.root)) != "":
            self.set_root(Path(name))

    def _folder(self) -> None:
        open_folder(self.selected[0].folder if self.selected else self.root)

    def _report(self) -> None:
        folders = [entry.folder for entry in self.selected if entry.state != "unreadable"]
        if len(folders) == 1:
            self._make_report(folders, folders[0] / "report.html", compare=False)
        elif folders:
            offered = free_path(self.root, "report", ".html")
            if (name := self._ask_save(self, offered)) != "":
                self._make_report(folders, Path(name), compare=False)

    def _compare(self) -> None:
        folders = [entry.folder for entry in self.selected if entry.state != "unreadable"]
        if len(folders) == 2:
            offered = free_path(
                self.root, "-".join(("compare", *(f.name for f in folders))), ".html"
            )
            if (name := self._ask_save(self, offered)) != "":
                self._make_report(folders, Path(name), compare=True)

    def _make_report(self, folders: Sequence[Path], path: Path, *, compare: bool) -> None:
        def work() -> Path:
            sessions = [read_session(folder) for folder in folders]
            groups = None
            if compare:
                first, second = sessions
                groups = (Group(first.name, (first,)), Group(second.name, (second,)))
            write_report(sessions, path, groups=groups)
            return path

        self._tell(tr("Making the report…"))
        self._chores.run(work, self._tell_report, self._tell_error)

    def _export(self, kind: str) -> None:
        folders = [entry.folder for entry in self.selected if entry.state != "unreadable"]
        self._tell(tr("Exporting…"))
        self._chores.run(
            lambda: [export(kind, read_session(f), None, self._services)[0] for f in folders],
            self._tell_exported,
            self._tell_error,
        )

    def _repair(self) -> None:
        folders = [e.folder for e in self.selected if e.state in ("incomplete", "unreadable")]

        def work() -> list[str]:
            failed = []
            for folder in folders:
                try:
                    catalogue.repair(folder)
                except FerdeskError as error:
                    failed.append(str(error))
            return failed

        def then(failed: list[str]) -> None:
            for message in failed:
                self._tell_error(message)
            if num := len(folders) - len(failed):
                self._tell(tr("%n sessions are closed properly now.", "", num))
            self._keep = set(folders)
            self.refresh()

        self._chores.run(work, then, self._tell_error)

    def _delete(self) -> None:
        entries = [entry for entry in self.selected if entry.state != "recording"]
        if not entries:
            return
        title = tr("Move %n sessions to the trash?", "", len(entries))
        size = _size_text(sum(entry.size_bytes for entry in entries))
        names = "\n".join(entry.name for entry in entries[:8])
        more = "\n…" if len(entries) > 8 else ""
        text = tr("{names}\n\n{size} with rows, video and review. The trash keeps them.").format(
            names=names + more, size=size
        )
        if not self._confirm(self, title, text):
            return

        def work() -> list[Path]:
            return [entry.folder for entry in entries if not self._trash(entry.folder)]

        def then(left: list[Path]) -> None:
            for folder in left:
                show = Choice(tr("Open folder"), partial(open_folder, folder.parent))
                said = tr(
                    "The trash of this system does not take {folder}; nothing of it was deleted. "
                    "Delete it in the file manager if you are sure."
                )
                self.told.emit(Notice(said.format(folder=folder), "error", choices=(show,)))
            if num := len(entries) - len(left):
                self._tell(tr("%n sessions are in the trash.", "", num))
            self.refresh()

        self._chores.run(work, then, self._tell_error)

    # ---- what became of it

    def _listed(self, number: int, entries: list[Entry]) -> None:
        if number != self._reading:
            return
        first, self._read = not self._read, True
        self._entries = entries
        kept = self._keep or {entry.folder for entry in self.selected}
        self._keep = set()
        self._show_entries()
        self.select(sorted(kept))
        if not self.selected and self.model.entries:
            self.select([self.model.entries[0].folder])
        focus = QApplication.focusWidget()
        if first and not self.search.text() and focus is not None and self.isAncestorOf(focus):
            # while the list was read there was nothing else to take the keys
            self.table.setFocus()
        self._ripen()

    def _not_listed(self, number: int, message: str) -> None:
        if number == self._reading:
            self._entries, self._read = [], True
            self._show_entries()
            self._tell_error(message)

    def _ripen(self) -> None:
        """Make the columns of long sessions that lack them, so that they open at once later."""
        self.rest()
        folders = [
            entry.folder
            for entry in self._entries
            if entry.state in ("complete", "incomplete")
            and (entry.num_rows or 0) >= CACHE_FROM_ROWS
        ]
        if not folders:
            return
        stop = self._ripening = threading.Event()

        def go_on(_share: float) -> None:
            if stop.is_set():
                raise RecordingError("It is not needed now.")

        def work() -> None:
            give_way()
            for folder in folders:
                path = folder / RESULTS_FILE
                if stop.is_set():
                    return
                if not is_kept(path):
                    try:
                        read_table(path, progress=go_on, num_threads=1)
                    except FerdeskError as error:
                        log.info("no columns are made for %s: %s", folder, error)

        self._chores.run(work, lambda _: None, lambda _: None)

    def _show_entries(self) -> None:
        kept = {entry.folder for entry in self.selected}
        found = catalogue.search(self._entries, self.search.text())
        self.model.show_entries(found)
        self.select(sorted(kept))
        if len(found) == len(self._entries):
            count = tr("%n sessions", "", len(found))
        else:
            count = tr("{shown} of {all} sessions").format(shown=len(found), all=len(self._entries))
        self.place.setText(f"{self.root}  ·  {count}" if self._read else str(self.root))
        self.stack.setCurrentIndex(0 if found else 1)
        if not found:
            self._show_empty()
        self._selection_changed()

    def _show_empty(self) -> None:
        if not self._read:
            title, text = tr("Reading the sessions…"), ""
        elif self._entries:
            title = tr("No session fits")
            text = tr("Each word must stand in its name, source, date, marker or state.")
        else:
            title = tr("No session yet")
            text = tr(
                "Press Record (R) on the live page, or run ferdesk analyze; sessions in {folder} "
                "are listed here."
            ).format(folder=self.root)
        self.empty_title.setText(title)
        self.empty_text.setText(text)

    def _selection_changed(self) -> None:
        chosen = self.selected
        usable = [entry for entry in chosen if entry.state != "unreadable"]
        named = self.actions_by_name
        named["open"].setEnabled(len(chosen) == 1 and len(usable) == 1)
        named["report"].setEnabled(bool(usable))
        named["compare"].setEnabled(len(chosen) == 2 and len(usable) == 2)
        named["repair"].setEnabled(any(e.state in ("incomplete", "unreadable") for e in chosen))
        named["delete"].setEnabled(any(entry.state != "recording" for entry in chosen))
        self.export_button.setEnabled(bool(usable))
        self.about.setText(_about(chosen[0]) if len(chosen) == 1 else "")

    def _tell(self, text: str) -> None:
        self.told.emit(Notice(text, stays=False))

    def _tell_error(self, message: str) -> None:
        self.told.emit(Notice(message, "error"))

    def _tell_report(self, path: Path) -> None:
        text = tr("The report is in {path}.").format(path=path)
        self.told.emit(Notice(text, file=path))
        self._keep = {entry.folder for entry in self.selected}

    def _tell_exported(self, paths: list[Path]) -> None:
        show = Choice(tr("Open folder"), partial(open_folder, paths[0].parent))
        text = tr("Exported to {path}.").format(path=", ".join(map(str, paths)))
        self.told.emit(Notice(text, stays=False, choices=(show,)))

    # ---- how it is put together

    def _make_table(self) -> QTableView:
        table = QTableView(self)
        table.setModel(self.model)
        table.setAccessibleName(tr("Sessions"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(4 * GRID)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(9 * GRID)
        header.setHighlightSections(False)
        header.setSortIndicator(0, Qt.SortOrder.DescendingOrder)
        table.setSortingEnabled(True)
        table.selectionModel().selectionChanged.connect(lambda *_: self._selection_changed())
        table.doubleClicked.connect(lambda _: self._open())
        return table

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GRID)
        top.addWidget(self.search, 1)
        for name in ("refresh", "root"):
            top.addWidget(button_of(self.actions_by_name[name], self))
        bottom = QHBoxLayout()
        bottom.setSpacing(GRID // 2)
        for name in _BUTTONS:
            bottom.addWidget(button_of(self.actions_by_name[name], self))
            if name == "report":
                bottom.addWidget(self._make_export_button())
            if name == "repair":
                bottom.addStretch(1)
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
        layout.addLayout(bottom)

    def _make_export_button(self) -> QToolButton:
        self.export_button = export_button(self, self._export)
        return self.export_button


def export_button(parent: QWidget, does: Callable[[str], None]) -> QToolButton:
    """A button with a menu of the formats that sessions are exported to."""
    button = QToolButton(parent)
    button.setText(tr("Export") + "  ▾")
    button.setAccessibleName(tr("Export"))
    give_icon(button, "download")
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    menu = QMenu(button)
    for kind, title in EXPORTS.items():
        menu.addAction(tr(title)).triggered.connect(partial(ignore_checked, partial(does, kind)))
    button.setMenu(menu)
    return button


def _text(entry: Entry, column: int) -> str:
    began = entry.started_utc
    match column:
        case 0:
            return "" if began is None else f"{began.astimezone():%Y-%m-%d %H:%M}"
        case 1:
            return entry.name
        case 2:
            return "" if entry.length_s is None else length_text(entry.length_s)
        case 3:
            return entry.source
        case 4:
            return "" if entry.num_faces is None else str(entry.num_faces)
        case 5:
            return str(len(entry.markers) or "")
        case 6:
            return tr("yes") if entry.has_video else ""
        case 7:
            return _size_text(entry.size_bytes)
        case _:
            reviewed = tr("reviewed") if entry.has_review else ""
            return " · ".join(filter(None, (tr(STATES[entry.state]), reviewed)))


def _value(entry: Entry, column: int) -> Any:  # noqa: ANN401 (columns differ)
    """What a column is sorted by."""
    return (
        entry.started_utc,
        entry.name.casefold(),
        entry.length_s,
        entry.source.casefold(),
        entry.num_faces,
        len(entry.markers),
        entry.has_video,
        entry.size_bytes,
        list(STATES).index(entry.state),
    )[column]


def _about(entry: Entry) -> str:
    """What one selected session says besides its row."""
    if entry.state == "unreadable":
        return translated(entry.problem)
    if entry.state == "incomplete":
        return tr("It was cut off. Repair makes its counts true; no row changes.")
    if entry.state == "recording":
        return tr("A running program records into this session.")
    markers = ", ".join(dict.fromkeys(filter(None, entry.markers)))
    parts = (
        tr("Model {name}").format(name=entry.model) if entry.model else "",
        tr("{count:,} rows").format(count=entry.num_rows) if entry.num_rows is not None else "",
        tr("Markers: {labels}").format(labels=markers) if markers else "",
    )
    return "  ·  ".join(filter(None, parts))


def _state_colour(entry: Entry) -> str:
    theme = colours()
    return {"complete": theme.muted, "unreadable": theme.red}.get(entry.state, theme.amber)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _size_text(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 999.5e6 else f"{size / 1e9:,.1f} GB"


def _move_to_trash(folder: Path) -> bool:
    return QFile(str(folder)).moveToTrash()


def _confirm(parent: QWidget, title: str, text: str) -> bool:
    box = QMessageBox(QMessageBox.Icon.Question, title, title, parent=parent)
    box.setInformativeText(text)
    yes = box.addButton(tr("Move to the trash"), QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    box.exec()
    return box.clickedButton() is yes


def _ask_save(parent: QWidget, offered: Path) -> str:
    path, _ = QFileDialog.getSaveFileName(
        parent, tr("Save the report"), str(offered), "HTML (*.html)"
    )
    return path


def _ask_folder(parent: QWidget, root: Path) -> str:
    return QFileDialog.getExistingDirectory(parent, tr("A folder of sessions"), str(root))
