"""Tables beside the picture: the tracks of a session, and its markers and comments."""

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.annotation import percent
from ferdesk.sessions.reader import Marker
from ferdesk.sessions.review import Annotation, Track
from ferdesk.ui.kit.actions import button_of
from ferdesk.ui.kit.language import label_text, tr
from ferdesk.ui.kit.plain_text import plain, without_mnemonics
from ferdesk.ui.kit.theme import GRID, colours
from ferdesk.ui.review.opened_session import Value
from ferdesk.ui.review.strips import Note, text_of
from ferdesk.ui.review.times import SessionClock, length_text

_ROW_PX = 3 * GRID + 4


class _Panel(QWidget):
    """Panel of a heading, a table, and buttons below it."""

    def __init__(
        self, title: str, columns: Sequence[str], stretched: int, parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        heading = QLabel(title, self)
        heading.setProperty("role", "heading")
        self.table = QTableWidget(0, len(columns), self)
        self.table.setAccessibleName(title)
        self.table.setHorizontalHeaderLabels(list(columns))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        # two whole rows: of half a row nobody knows what stands in it
        frame_px = 2 * self.table.frameWidth()
        self.table.setMinimumHeight(header.sizeHint().height() + 2 * _ROW_PX + frame_px)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._buttons = QGridLayout()
        self._buttons.setSpacing(2)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(2 * GRID, 0, 2 * GRID, GRID // 2)
        self._column.setSpacing(GRID // 2)
        self._column.addWidget(heading)
        self._column.addWidget(self.table, 1)
        self._column.addLayout(self._buttons)

    def add_buttons(self, actions: Sequence[QAction], a_row: int) -> list[QToolButton]:
        """Put a button for each below the table; the buttons."""
        buttons = [button_of(action, self) for action in actions]
        for number, button in enumerate(buttons):
            button.setStyleSheet("padding: 3px 6px;")
            self._buttons.addWidget(
                button,
                number // a_row,
                number % a_row,
                Qt.AlignmentFlag.AlignLeft,
            )
        self._buttons.setColumnStretch(a_row, 1)
        return buttons

    def _select(self, row: int) -> None:
        with QSignalBlocker(self.table), QSignalBlocker(self.table.selectionModel()):
            self.table.clearSelection()
            if row >= 0:
                item = self.table.item(row, 0)
                if item is not None:
                    self.table.scrollToItem(item)
                self.table.setCurrentCell(
                    row,
                    0,
                    QItemSelectionModel.SelectionFlag.ClearAndSelect
                    | QItemSelectionModel.SelectionFlag.Rows,
                )
        self.table.viewport().update()

    def _cell(self, row: int, column: int, text: str) -> QTableWidgetItem:
        item = self.table.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.table.setItem(row, column, item)
        if item.text() != text:
            item.setText(text)
        return item


class TracksPanel(_Panel):
    """Table of the tracks: each one's label at the cursor, and how long it was seen."""

    chosen = Signal(int)
    merge_wanted = Signal(int)
    """The selected track is to be merged with this."""
    merge_all_wanted = Signal(object)
    """Tracks of which one is to be made: a list of ids."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Faces"), (tr("Face"), tr("Shows"), tr("Seen")), 1, parent)
        self._ids: list[int] = []
        self._chosen_id: int | None = None
        self._tracks: Sequence[Track] = ()
        self.merge_button: QToolButton | None = None
        """Where the menu of the others opens."""
        self.merge_menu = QMenu(self)
        self.merge_menu.aboutToShow.connect(self._fill_merge_menu)
        # several are selected to be merged
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.itemSelectionChanged.connect(self._tell)

    @property
    def selected_ids(self) -> list[int]:
        """The tracks whose rows are selected, from top to bottom."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self._ids[row] for row in rows if row < len(self._ids)]

    def show_tracks(
        self,
        tracks: Sequence[Track],
        seen_s: Mapping[int, float],
        chosen: int | None,
        *,
        of_pictures: bool = False,
    ) -> None:
        """``seen_s`` by the track's id; ``of_pictures``: it is a number of pictures."""
        self._tracks, self._ids, self._chosen_id = tracks, [track.id for track in tracks], chosen
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(tracks))
            for row, track in enumerate(tracks):
                item = self._cell(row, 0, face_title(track))
                font = item.font()
                font.setStrikeOut(track.excluded)
                item.setFont(font)
                tip = tr("excluded from statistics") if track.excluded else ""
                item.setToolTip(tip)
                seen = seen_s[track.id]
                self._cell(row, 2, f"{seen:.0f}" if of_pictures else length_text(seen))
        self._select(self._ids.index(chosen) if chosen in self._ids else -1)

    def visible_tracks(self, tracks: Sequence[Track]) -> Sequence[Track]:
        """Those whose rows can be seen: a crowd is not looked up with every frame."""
        first = max(self.table.rowAt(0), 0)
        return tracks[first : first + self.table.height() // _ROW_PX + 2]

    def show_values(self, values: Mapping[int, Value | None]) -> None:
        """Labels of tracks at the cursor; None for one that is not visible there."""
        for row, track_id in enumerate(self._ids):
            if track_id not in values:
                continue
            value = values[track_id]
            text = tr("not visible")
            if value is not None:
                text = f"{label_text(value.label)} {percent(value.share)}"
                if value.low_confidence:
                    text = tr("Low confidence: {label}").format(label=text)
            item = self._cell(row, 1, text)
            item.setForeground(QColor(colours().muted if value is None else colours().text))

    def choose(self, track_id: int | None) -> None:
        self._chosen_id = track_id
        if track_id in self.selected_ids:
            return  # among several, which stay selected
        self._select(self._ids.index(track_id) if track_id in self._ids else -1)

    def merge(self) -> None:
        """Merge what is selected; of one alone, ask what with."""
        if len(self.selected_ids) > 1:
            self.merge_all_wanted.emit(self.selected_ids)
        else:
            self.open_merge_menu()

    def open_merge_menu(self) -> None:
        if self.merge_button is not None:
            corner = self.merge_button.rect().bottomLeft()
            self.merge_menu.popup(self.merge_button.mapToGlobal(corner))

    def _fill_merge_menu(self) -> None:
        self.merge_menu.clear()
        for track in self._tracks:
            if track.id != self._chosen_id:
                text = tr("with {face}").format(face=without_mnemonics(face_title(track)))
                action = self.merge_menu.addAction(text)
                action.triggered.connect(partial(self._merge, track.id))

    def _merge(self, track_id: int, checked: bool = False) -> None:
        self.merge_wanted.emit(track_id)

    def _tell(self) -> None:
        row = self.table.currentRow()
        if 0 <= row < len(self._ids):
            self.chosen.emit(self._ids[row])


class NotesPanel(_Panel):
    """Table of markers and comments, by time."""

    chosen = Signal(object)
    """A ``Marker`` or ``Comment``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("Markers, comments, annotations"), (tr("Time"), tr("Text"), tr("Kind")), 1, parent
        )
        self._notes: list[Note] = []
        self.clock = SessionClock()
        self.hint = QLabel(self)
        self.hint.setProperty("role", "muted")
        self.hint.setWordWrap(True)
        self._column.addWidget(self.hint)
        self.table.itemSelectionChanged.connect(self._tell)

    def show_notes(
        self, notes: Sequence[Note], chosen: Note | None, titles: Mapping[int, str]
    ) -> None:
        """``titles``: the names of the tracks that comments are about."""
        self._notes = list(notes)
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(notes))
            for row, note in enumerate(notes):
                self._cell(row, 0, self.clock.moment(note.t_s))
                self._cell(row, 1, text_of(note)).setToolTip(plain(text_of(note)))
                self._cell(row, 2, _kind(note, titles))
        self.choose(chosen)

    def choose(self, note: Note | None) -> None:
        self._select(self._notes.index(note) if note in self._notes else -1)

    def _tell(self) -> None:
        row = self.table.currentRow()
        if self.table.selectedItems() and 0 <= row < len(self._notes):
            self.chosen.emit(self._notes[row])


def face_title(track: Track) -> str:
    """``#3`` and the track's name, if any."""
    return f"#{track.id} {track.name}".rstrip()


def _kind(note: Note, titles: Mapping[int, str]) -> str:
    if isinstance(note, Marker):
        return {"recorded": tr("recorded"), "review": tr("added")}.get(note.origin, note.origin)
    about = titles.get(note.track, "") if note.track is not None else ""
    if isinstance(note, Annotation):
        return tr("annotation of {face}").format(face=about) if about else tr("annotation")
    return tr("comment on {face}").format(face=about) if about else tr("comment")
