"""Edits of markers, comments and notes: adding, importing, changing, moving and deleting them."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ferdesk.errors import FerdeskError
from ferdesk.sessions.markers import clean_label, outside, read_markers
from ferdesk.sessions.reader import Marker
from ferdesk.sessions.review import Annotation, Comment, Review
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.review.annotating import AnnotationEditor
from ferdesk.ui.review.edits import Edits
from ferdesk.ui.review.opened_session import OpenedSession
from ferdesk.ui.review.player import Player
from ferdesk.ui.review.questions import Questions
from ferdesk.ui.review.strips import Note, text_of
from ferdesk.ui.review.times import SessionClock
from ferdesk.ui.review.tracks import TrackEditor

_SAME_MOMENT_S = 1e-6


class NoteEditor(QObject):
    """Editor of markers, comments and annotations; ``note`` is the selected one."""

    selected = Signal(object)
    """A ``Marker`` or ``Comment``, or None."""
    go_wanted = Signal(float)
    """That moment is to be seen."""
    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        edits: Edits,
        player: Player,
        tracks: TrackEditor,
        annotations: AnnotationEditor,
        ask: Questions,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._edits, self._player, self._tracks = edits, player, tracks
        self._annotations = annotations
        self._ask, self._parent = ask, parent
        self._opened: OpenedSession | None = None
        self.note: Note | None = None

    def begin(self, opened: OpenedSession | None) -> None:
        """Edit this session from now on, or none."""
        self._opened, self.note = opened, None

    def all_notes(self) -> list[Note]:
        """Markers and comments, recorded and added ones, by time."""
        if self._opened is None:
            return []
        review = self._edits.review
        notes: list[Note] = [
            *review.all_markers(self._opened.session), *review.comments, *review.annotations,
        ]  # fmt: skip
        return sorted(notes, key=lambda note: note.t_s)

    def changeable(self, note: Note) -> bool:
        """Whether it was added afterwards; what was recorded stays as it is."""
        return isinstance(note, Comment | Annotation) or note in self._edits.review.markers

    def can_change(self) -> bool:
        """Whether the selected one can be changed."""
        return self.note is not None and self.changeable(self.note)

    def select(self, note: Note | None) -> None:
        self.note = note
        self.selected.emit(note)

    def keep_valid(self) -> None:
        """Select nothing where the selected one is gone."""
        if self.note is not None and self.note not in self.all_notes():
            self.note = None

    def go_to_previous(self) -> None:
        here = self._player.position_s - _SAME_MOMENT_S
        if before := [note for note in self.all_notes() if note.t_s < here]:
            self._go_to(before[-1])

    def go_to_next(self) -> None:
        here = self._player.position_s + _SAME_MOMENT_S
        if after := [note for note in self.all_notes() if note.t_s > here]:
            self._go_to(after[0])

    def ask_marker(self) -> None:
        at_s = self._player.position_s
        label = self._ask.text(self._parent, tr("Marker"), self._at(at_s), "")
        if label is not None:
            self.add_marker(label, at_s)

    def add_marker(self, label: str, at_s: float) -> None:
        """Add a marker at ``at_s`` and select it."""
        if (label := clean_label(label)) != "":
            marker = Marker(round(at_s, 6), label, "review")
            self._edits.do(tr("Marker"), self._edits.review.with_markers(marker))
            self.select(marker)

    def ask_comment(self) -> None:
        """Add a comment on the selected track."""
        at_s = self._player.position_s
        text = self._ask.text(self._parent, tr("Comment"), self._at(at_s), "")
        if text is not None and text.strip():
            comment = Comment(round(at_s, 6), text.strip(), self._tracks.track_id)
            self._edits.do(tr("Comment"), self._edits.review.with_comment(comment))
            self.select(comment)

    def import_markers(self) -> None:
        """Add the markers of a stimulus program's file."""
        opened = self._opened
        if opened is None or (name := self._ask.file(self._parent)) == "":
            return
        try:
            found = read_markers(Path(name), opened.session)
        except FerdeskError as error:
            self.told.emit(Notice(translated(str(error)), "error"))
            return
        before = len(self._edits.review.markers)
        self._edits.do(tr("Import"), self._edits.review.with_markers(*found))
        text = tr("%n markers were added.", "", len(self._edits.review.markers) - before)
        if strays := len(outside(found, opened.session)):
            text += " " + tr("%n of the file's lie outside the session.", "", strays)
        self.told.emit(Notice(text, stays=False))

    def edit_session_notes(self) -> None:
        review = self._edits.review
        text = self._ask.notes(self._parent, tr("Session notes"), review.notes)
        if text is not None:
            self._edits.do(tr("Notes"), replace(review, notes=text.strip()))

    def edit(self) -> None:
        """Change the text of the selected one."""
        note = self.note
        if note is None or not self.changeable(note):
            return
        if isinstance(note, Annotation):
            if (other := self._annotations.relabelled(note)) != note:
                self._replace(note, other)
            return
        title = tr("Marker") if isinstance(note, Marker) else tr("Comment")
        text = self._ask.text(self._parent, title, self._at(note.t_s), text_of(note))
        if text is None or not text.strip():
            return
        if isinstance(note, Marker):
            self._replace(note, replace(note, label=clean_label(text)))
        else:
            self._replace(note, replace(note, text=text.strip()))

    def move_here(self) -> None:
        """Move the selected one to the cursor."""
        note, at_s = self.note, round(self._player.position_s, 6)
        if note is None or not self.changeable(note):
            return
        if isinstance(note, Annotation):
            to_s = round(at_s + note.to_s - note.from_s, 6)
            self._replace(note, replace(note, from_s=at_s, to_s=to_s))
        else:
            self._replace(note, replace(note, t_s=at_s))

    def delete(self) -> None:
        if self.note is not None and self.changeable(self.note):
            review, note = _without(self._edits.review, self.note), self.note
            self.note = None
            self._edits.do(tr("Delete “{text}”").format(text=text_of(note)), review)

    def _go_to(self, note: Note) -> None:
        self.select(note)
        self.go_wanted.emit(note.t_s)

    def _replace(self, note: Note, other: Note) -> None:
        review = _without(self._edits.review, note)
        if isinstance(other, Marker):
            review = review.with_markers(other)
        elif isinstance(other, Annotation):
            review = review.with_annotation(other)
        else:
            review = review.with_comment(other)
        self._edits.do(tr("Edit"), review)
        self.select(other)

    def _at(self, t_s: float) -> str:
        clock = SessionClock() if self._opened is None else self._opened.clock
        return tr("At {time}:").format(time=clock.moment(t_s))


def _without(review: Review, note: Note) -> Review:
    if isinstance(note, Marker):
        return review.without_marker(note)
    if isinstance(note, Annotation):
        return review.without_annotation(note)
    return review.without_comment(note)
