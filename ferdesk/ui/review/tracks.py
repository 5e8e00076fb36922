"""Edits of tracks: which one is selected, and naming, merging, splitting and excluding it."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ferdesk.sessions.review import Segment, Track
from ferdesk.ui.kit.face_names import LONGEST_NAME
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.review.edits import Edits
from ferdesk.ui.review.player import Player
from ferdesk.ui.review.questions import Questions


class TrackEditor(QObject):
    """Editor of the selected track; every change is one step of ``edits``."""

    selected = Signal(object)
    """The id of a track, or None."""
    told = Signal(object)
    """A ``Notice``."""

    def __init__(self, edits: Edits, player: Player, ask: Questions, parent: QWidget) -> None:
        super().__init__(parent)
        self._edits, self._player, self._ask, self._parent = edits, player, ask, parent
        self.track_id: int | None = None

    @property
    def track(self) -> Track | None:
        """The selected track."""
        return next((one for one in self._tracks if one.id == self.track_id), None)

    def is_selected(self) -> bool:
        return self.track is not None

    def can_merge(self) -> bool:
        return self.track is not None and len(self._tracks) > 1

    def can_split(self) -> bool:
        player = self._player
        inside = player.starts_at_s < player.position_s < player.ends_at_s
        return self.track_id is not None and inside

    def can_reset(self) -> bool:
        """Whether the track is other than one whole recorded face under its own number."""
        track = self.track
        return track is not None and track.segments != (Segment(track.id),)

    def select(self, track_id: int | None) -> None:
        self.track_id = track_id
        self.selected.emit(track_id)

    def select_next(self) -> None:
        self._step(1)

    def select_previous(self) -> None:
        self._step(-1)

    def keep_valid(self) -> None:
        """Select the first track where the selected one is gone."""
        ids = [track.id for track in self._tracks]
        if self.track_id not in ids:
            self.track_id = ids[0] if ids else None

    def rename(self) -> None:
        if (track := self.track) is not None:
            title = tr("Name of face #{id}").format(id=track.id)
            name = self._ask.text(
                self._parent, title, tr("Name (leave empty to clear):"), track.name
            )
            if name is not None:
                tidy = " ".join(name.split())[:LONGEST_NAME]
                self._edits.do(tr("Name"), self._edits.review.named(track.id, tidy))

    def merge_with(self, other_id: int) -> None:
        """Make one track of the selected one and the other."""
        if self.track_id is not None:
            self._edits.do(tr("Merge"), self._edits.review.merged(self.track_id, other_id))

    def merge_all(self, track_ids: Sequence[int]) -> None:
        """Make one track of several, which keeps the number of the selected one."""
        others = [one for one in track_ids if one != self.track_id]
        if self.track_id is not None and others:
            self._edits.do(tr("Merge"), self._edits.review.merged_with_all(self.track_id, others))

    def split(self) -> None:
        if self.track_id is not None:
            before = self._edits.review
            after = before.split(self.track_id, self._player.position_s)
            if after == before:
                text = tr("The face has no data on one side of the cursor; nothing was split.")
                self.told.emit(Notice(text, stays=False))
            self._edits.do(tr("Split"), after)

    def toggle_excluded(self) -> None:
        if (track := self.track) is not None:
            text = tr("Include") if track.excluded else tr("Exclude")
            self._edits.do(text, self._edits.review.excluding(track.id, not track.excluded))

    def reset(self) -> None:
        """Undo merges and splits of the selected track."""
        if (track := self.track) is not None:
            self._edits.do(tr("Reset edits"), self._edits.review.restored(track.id))

    @property
    def _tracks(self) -> tuple[Track, ...]:
        return self._edits.review.tracks

    def _step(self, by: int) -> None:
        ids = [track.id for track in self._tracks]
        if ids:
            here = ids.index(self.track_id) if self.track_id in ids else -max(by, 0)
            self.select(ids[(here + by) % len(ids)])
