"""View of an opened session: its parts, how they are laid out, and how they tell each other."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from ferdesk.runtime.ports import Services
from ferdesk.sessions.review import Review
from ferdesk.ui.kit.actions import ActionTable, button_of
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.scrolls import ColumnScroll
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.kit.video_view import VideoView
from ferdesk.ui.live.marker_keys import NUM_KEYS
from ferdesk.ui.review.annotating import AnnotationEditor
from ferdesk.ui.review.edits import Edits
from ferdesk.ui.review.export_menu import export_button
from ferdesk.ui.review.notes import NoteEditor
from ferdesk.ui.review.opened_session import OpenedSession
from ferdesk.ui.review.outputs import SessionOutputs
from ferdesk.ui.review.panels import NotesPanel, TracksPanel
from ferdesk.ui.review.player import Player
from ferdesk.ui.review.questions import Questions
from ferdesk.ui.review.session_actions import (
    NOTE_BUTTONS,
    TRACK_BUTTONS,
    PlaybackKeys,
    marker_keys,
    session_actions,
    show_texts,
)
from ferdesk.ui.review.session_picture import SessionPicture
from ferdesk.ui.review.strips import Note
from ferdesk.ui.review.timeline import SessionTimeline
from ferdesk.ui.review.tracks import TrackEditor
from ferdesk.ui.review.transport import Transport

_SAVING = {
    "saved": mark("Saved"),
    "saving": mark("Saving…"),
    "failed": mark("Not saved"),
}


class SessionView(QWidget):
    """View of one ``OpenedSession`` at a time. The recording never changes; edits go to its review.

    All positions are ``t_s`` of the session's rows; users see them since the recording's start.
    """

    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        services: Services,
        tasks: TaskRunner,
        parent: QWidget | None = None,
        *,
        ask: Questions | None = None,
    ) -> None:
        super().__init__(parent)
        self._services = services
        self.ask = ask or Questions()
        self.marker_names: tuple[str, ...] = tuple(str(i + 1) for i in range(NUM_KEYS))
        self.opened: OpenedSession | None = None
        self.player = Player(self)
        self.edits = Edits(tasks, self)
        self.track_editor = TrackEditor(self.edits, self.player, self.ask, self)
        self.annotating = AnnotationEditor(
            self.edits, self.player, self.track_editor, self.ask, self
        )
        self.note_editor = NoteEditor(
            self.edits, self.player, self.track_editor, self.annotating, self.ask, self
        )
        self.outputs = SessionOutputs(services, tasks, self.edits, self)
        self.view = VideoView(self)
        self.view.setAccessibleName(tr("Recorded picture"))
        self.view.setMinimumSize(24 * GRID, 18 * GRID)
        self.view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.picture = SessionPicture(self.view, self.player, self.edits, self.track_editor)
        self.timeline = SessionTimeline(self)
        self.faces = TracksPanel(self)
        self.notes = NotesPanel(self)
        self.transport = Transport(self.player, self)
        self.saved = QLabel(self)
        words = [self.saved.fontMetrics().horizontalAdvance(tr(text)) for text in _SAVING.values()]
        self.saved.setMinimumWidth(max(words) + GRID)
        self.tools = QWidget(self)
        self.actions_by_name = ActionTable()
        self.actions_by_name.add(self, *session_actions(self), *marker_keys(self))
        self._lay_out()
        self._connect()
        self.setEnabled(False)

    @property
    def review(self) -> Review:
        return self.edits.review

    @property
    def folder(self) -> Path | None:
        """Of the session that is open."""
        return None if self.opened is None else self.opened.session.folder

    @property
    def track_id(self) -> int | None:
        """The selected track."""
        return self.track_editor.track_id

    def show_session(self, opened: OpenedSession) -> None:
        """Open a session that was read."""
        self.leave()
        self.opened = opened
        self.setEnabled(True)
        self.picture.begin(opened)
        longest = opened.longest_track(opened.review)
        self.track_editor.track_id = None if longest is None else longest.id
        self.note_editor.begin(opened)
        self.annotating.begin(opened)
        self.outputs.begin(opened)
        self.notes.clock = opened.clock
        self.transport.show_session(opened.clock, opened.length_s, opened.session.sound_device)
        self.edits.begin(opened)
        self.timeline.show_session(opened, self.review, self.track_id)
        self.player.load(
            opened.times,
            (opened.starts_at_s, opened.ends_at_s),
            opened.session.film,
            self._services.open_film,
            opened.video_starts_at_s,
        )
        self.timeline.setFocus()

    def leave(self) -> None:
        """Close the session; what is not saved yet is being saved."""
        self.player.unload()
        self.edits.end()
        self.opened = None
        self.note_editor.begin(None)
        self.annotating.begin(None)
        self.outputs.begin(None)
        self.setEnabled(False)
        self.timeline.clear()
        self.picture.end()

    def set_marker_names(self, names: tuple[str, ...]) -> None:
        """The markers of the keys 1 to 9."""
        self.marker_names = names

    def add_numbered_marker(self, index: int) -> None:
        """Add the marker of a key at the cursor."""
        self.note_editor.add_marker(self.marker_names[index], self.player.position_s)

    def go_to(self, t_s: float) -> None:
        """Go to a moment, and have it in sight."""
        self.player.seek(t_s)
        at_s = self.player.position_s
        from_s, to_s = self.timeline.range_s
        if not from_s <= at_s <= to_s:
            half_s = (to_s - from_s) / 2
            self.timeline.set_range(at_s - half_s, at_s + half_s)

    def open_export_menu(self) -> None:
        self.export_button.showMenu()

    # ---- one part tells the others

    @Slot(float)
    def _show_position(self, t_s: float) -> None:
        self.timeline.set_cursor(t_s, follow=self.player.playing)
        self.transport.show_position(t_s)
        self.picture.move_to(t_s)
        self._show_values()
        self.actions_by_name["split"].setEnabled(self.track_editor.can_split())

    @Slot(object)
    def _show_track(self, track_id: int | None) -> None:
        self.timeline.choose_track(track_id)
        self.faces.choose(track_id)
        if track_id is not None:
            self.view.set_chosen(track_id)
        self._show_state()

    @Slot(object)
    def _show_note(self, note: Note | None) -> None:
        self.timeline.choose_note(note)
        self.notes.choose(note)
        self._show_state()

    @Slot(object)
    def _note_clicked(self, note: Note | None) -> None:
        """Select a marker or comment, and go there."""
        self.note_editor.select(note)
        if note is not None:
            self.player.seek(note.t_s)

    @Slot(float)
    def _go_to_typed(self, t_s: float) -> None:
        self.timeline.setFocus()
        self.go_to(t_s)

    @Slot()
    def _show_review(self) -> None:
        opened, review = self.opened, self.review
        if opened is None:
            return
        self.track_editor.keep_valid()
        self.note_editor.keep_valid()
        track_id, note = self.track_id, self.note_editor.note
        self.timeline.show_review(review, track_id)
        self.timeline.choose_note(note)
        seen = {track.id: opened.seen_s(track) for track in review.tracks}
        self.faces.show_tracks(
            review.tracks, seen, track_id, of_pictures=opened.session.of_pictures
        )
        titles = {track.id: track.title for track in review.tracks}
        self.notes.show_notes(self.note_editor.all_notes(), note, titles)
        self._show_values()
        self.picture.show_again()
        self._show_state()

    def _show_values(self) -> None:
        """Each track's label at the position."""
        opened = self.opened
        if opened is not None:
            t_s = self.player.position_s
            self.faces.show_values(
                {
                    track.id: opened.value_at(track, t_s, smoothed=self.timeline.smoothed)
                    for track in self.faces.visible_tracks(self.review.tracks)
                }
            )

    def _show_state(self) -> None:
        self.actions_by_name.refresh()
        show_texts(self, self.actions_by_name)
        note = self.note_editor.note
        fixed = note is not None and not self.note_editor.changeable(note)
        self.notes.hint.setText(
            tr("Recorded markers cannot be changed; add another beside them.") if fixed else ""
        )

    @Slot(str)
    def _show_saving(self, state: str) -> None:
        self.saved.setText(tr(_SAVING[state]))
        self.saved.setProperty("role", "red" if state == "failed" else "muted")
        self.saved.style().unpolish(self.saved)
        self.saved.style().polish(self.saved)

    # ---- how it is put together

    def _connect(self) -> None:
        self.player.moved.connect(self._show_position)
        self.player.shown.connect(self.picture.show_still)
        self.edits.changed.connect(self._show_review)
        self.edits.saving.connect(self._show_saving)
        self.track_editor.selected.connect(self._show_track)
        self.note_editor.selected.connect(self._show_note)
        self.note_editor.go_wanted.connect(self.go_to)
        self.annotating.added.connect(self.note_editor.select)
        self.annotating.begun_changed.connect(
            lambda: self.timeline.set_begun(self.annotating.begun_s)
        )
        self.timeline.range_marked.connect(self.annotating.annotate)
        for part in (
            self.edits, self.track_editor, self.note_editor, self.annotating, self.outputs,
            self.transport,
        ):  # fmt: skip
            part.told.connect(self.told)
        self.transport.time_typed.connect(self._go_to_typed)
        self.timeline.seek_wanted.connect(self.player.seek)
        self.timeline.smoothed_changed.connect(self._show_values)
        self.timeline.note_chosen.connect(self._note_clicked)
        self.notes.chosen.connect(self._note_clicked)
        for chosen in (self.timeline.track_chosen, self.view.face_clicked, self.faces.chosen):
            chosen.connect(self.track_editor.select)
        self.faces.merge_wanted.connect(self.track_editor.merge_with)
        self.faces.merge_all_wanted.connect(self.track_editor.merge_all)
        keys = PlaybackKeys(self, self)
        for widget in (self.view, self.timeline, self.timeline.tracks):
            widget.installEventFilter(keys)

    def _lay_out(self) -> None:
        named = self.actions_by_name
        buttons = self.faces.add_buttons([named[name] for name in TRACK_BUTTONS], 3)
        self.faces.merge_button = buttons[TRACK_BUTTONS.index("merge")]
        self.notes.add_buttons([named[name] for name in NOTE_BUTTONS], 4)
        self.transport.lay_out(named, self.timeline.smoothing)
        side = QSplitter(Qt.Orientation.Vertical, self)
        for panel in (self.faces, self.notes):
            side.addWidget(panel)
        side.setChildrenCollapsible(False)
        side.setSizes([2 * GRID, 3 * GRID])
        upper = QSplitter(Qt.Orientation.Horizontal, self)
        upper.addWidget(self.view)
        upper.addWidget(ColumnScroll(side, self))
        upper.setStretchFactor(0, 1)
        upper.setSizes([100 * GRID, 48 * GRID])
        below = QWidget(self)
        column = QVBoxLayout(below)
        column.setContentsMargins(0, GRID // 2, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(self.transport)
        column.addWidget(self.timeline, 1)
        whole = QSplitter(Qt.Orientation.Vertical, self)
        whole.addWidget(upper)
        whole.addWidget(below)
        whole.setChildrenCollapsible(False)
        whole.setStretchFactor(0, 3)
        whole.setStretchFactor(1, 2)
        whole.setSizes([46 * GRID, 38 * GRID])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, GRID, 0, 0)
        layout.addWidget(whole)
        row = QHBoxLayout(self.tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for name in ("undo", "redo"):
            row.addWidget(button_of(named[name], self.tools, with_text=False))
        row.addSpacing(GRID)
        row.addWidget(button_of(named["report"], self.tools))
        self.export_button = export_button(self.tools, self.outputs.export_as)
        row.addWidget(self.export_button)
        row.addWidget(button_of(named["folder"], self.tools, with_text=False))
