"""Annotating: a range is marked on the timeline or with a key at each end, and gets a label."""

from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ferdesk.core.labels import LABELS
from ferdesk.sessions.markers import clean_label
from ferdesk.sessions.review import Annotation
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.review.edits import Edits
from ferdesk.ui.review.opened_session import OpenedSession
from ferdesk.ui.review.player import Player
from ferdesk.ui.review.questions import Questions
from ferdesk.ui.review.tracks import TrackEditor

_TOPIC = "annotation"


class AnnotationEditor(QObject):
    """Editor of annotations; ``begun_s`` is where a range begins whose end is not there yet."""

    begun_changed = Signal()
    added = Signal(object)
    """An ``Annotation``."""
    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self, edits: Edits, player: Player, tracks: TrackEditor, ask: Questions, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._edits, self._player, self._tracks = edits, player, tracks
        self._ask, self._parent = ask, parent
        self._opened: OpenedSession | None = None
        self.begun_s: float | None = None

    def begin(self, opened: OpenedSession | None) -> None:
        """Annotate this session from now on, or none."""
        self._opened = opened
        self._set_begun(None)

    def can_annotate(self) -> bool:
        return self._tracks.track is not None

    def mark_end(self) -> None:
        """Begin a range at the cursor, or end the one that was begun; at the same place, forget it.

        The end includes the frame at the cursor.
        """
        at_s = self._player.position_s
        if self._opened is None or not self.can_annotate():
            return
        begun_s = self.begun_s
        if begun_s is None:
            self._set_begun(at_s)
            text = tr("Annotation begins at {time}; move to its end and press A again.")
            text = text.format(time=self._opened.clock.moment(at_s))
            self.told.emit(Notice(text, stays=False, topic=_TOPIC))
            return
        self._set_begun(None)
        if at_s != begun_s:
            self.annotate(min(begun_s, at_s), max(begun_s, at_s) + self._opened.step_s / 2)

    def forget(self) -> bool:
        """Give up the range that was begun; returns whether there was one."""
        begun = self.begun_s is not None
        self._set_begun(None)
        if begun:
            self.told.emit(Notice(tr("The annotation was given up."), stays=False, topic=_TOPIC))
        return begun

    def annotate(self, from_s: float, to_s: float) -> None:
        """Ask for the label of a range of the selected track, and add it."""
        opened, track = self._opened, self._tracks.track
        if opened is None or track is None or not from_s < to_s:
            return
        label = self.ask_label("")
        if label:
            annotation = Annotation(round(from_s, 6), round(to_s, 6), label, track.id)
            self._edits.do(tr("Annotation"), self._edits.review.with_annotation(annotation))
            self.added.emit(annotation)

    def ask_label(self, before: str) -> str:
        """A label or a text of the user's; empty where there is none."""
        answer = self._ask.label(self._parent)
        if answer == "":  # none of the labels
            answer = self._ask.text(self._parent, tr("Annotation"), tr("What do you see?"), before)
        return clean_label(answer or "")

    def relabelled(self, annotation: Annotation) -> Annotation:
        """The annotation with the label that the user gives now, or as it was."""
        label = self.ask_label("" if annotation.label in LABELS else annotation.label)
        return replace(annotation, label=label) if label else annotation

    def _set_begun(self, at_s: float | None) -> None:
        if at_s != self.begun_s:
            self.begun_s = at_s
            self.begun_changed.emit()
