"""Session opened for review: its rows, its review, and which rows belong to which moment."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box, Square
from ferdesk.core.labels import LABELS
from ferdesk.core.locations import shown_source
from ferdesk.core.types import Expression, FaceResult
from ferdesk.sessions.reader import Session, parse_utc, read_session
from ferdesk.sessions.review import Review, Segment, Track, load_review
from ferdesk.sessions.schema import REVIEW_FILE
from ferdesk.sessions.summaries import row_weights
from ferdesk.ui.kit.language import tr
from ferdesk.ui.review.downsampling import TrackLines
from ferdesk.ui.review.times import SessionClock, date_text, length_text

_ANY_SQUARE = Square(0.0, 0.0, 1.0)
"""Rows do not say what the network saw; nothing here paints its maps."""


TracksOfFace = dict[int, list[tuple[Segment, int]]]


@dataclass(frozen=True, slots=True)
class Value:
    """Label of a face at a moment; ``share`` is its probability, 0 to 1."""

    label: str
    share: float
    low_confidence: bool


@dataclass(frozen=True, eq=False)
class OpenedSession:
    """Session with its review as it was on the disk; ``stamp`` is what the file there looked like.

    All times are ``t_s`` of the rows, from ``starts_at_s`` to ``ends_at_s``. ``clock`` tells them
    as users see them: since the recording's start.
    """

    session: Session
    review: Review
    stamp: tuple[int, int] | None
    _lines: dict[tuple[Segment, ...], TrackLines] = field(default_factory=dict)
    _seen: dict[tuple[Segment, ...], float] = field(default_factory=dict)
    _last: list[tuple[Review, TracksOfFace]] = field(default_factory=list)

    def lines_of(self, track: Track) -> TrackLines:
        """What is drawn of a track; made once for the same segments."""
        if track.segments not in self._lines:
            rows = self._rows_of(track)
            hold_s = 1.0 if self.session.of_pictures else 0.0
            self._lines[track.segments] = TrackLines(
                self.session.table, rows, self.step_s, hold_s=hold_s
            )
        return self._lines[track.segments]

    def _rows_of(self, track: Track) -> NDArray[np.int64]:
        first = track.segments[0]
        if track.segments == (Segment(first.face_id),):
            # in a crowd, looking through all rows for each face would take seconds
            return self._rows_by_face.get(first.face_id, np.zeros(0, np.int64))
        return track.rows(self.session.table)

    @cached_property
    def _rows_by_face(self) -> dict[int, NDArray[np.int64]]:
        face_id = np.asarray(self.session.table.face_id)
        order = np.argsort(face_id, kind="stable")
        ids, starts = np.unique(face_id[order], return_index=True)
        parts = np.split(order, starts[1:])
        return {int(one): part for one, part in zip(ids, parts, strict=True)}

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.review.warnings

    @property
    def facts(self) -> str:
        """Dates, length and source, to stand beside the session's name."""
        session = self.session
        recorded = date_text(parse_utc(session.about.get("started_utc")))
        filmed = date_text(session.started_utc) if session.kind == "video" else ""
        parts = (
            recorded,
            tr("filmed {date}").format(date=filmed) if filmed not in ("", recorded) else "",
            self.length_words,
            shown_source(session.about.get("source")),
            "" if session.complete else tr("incomplete"),
        )
        return "  ·  ".join(filter(None, parts))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """[frames + 1] each analysed frame's first row, and the number of rows."""
        return np.append(self.session.table.frame_starts(), len(self.session.table))

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """[frames] when each analysed frame was taken, in seconds of the session."""
        return np.asarray(self.session.table.t_s[self.starts[:-1]])

    @cached_property
    def step_s(self) -> float:
        """The usual time between two analysed frames."""
        step_s = float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0
        return step_s if step_s > 0 else 1 / 30

    @property
    def starts_at_s(self) -> float:
        """The recording's start: 0 but for a film, whose recording begins somewhere in it."""
        return self.session.starts_at_s

    @property
    def ends_at_s(self) -> float:
        """The last row's time."""
        return self.session.ends_at_s

    @property
    def video_starts_at_s(self) -> float:
        """The ``t_s`` of the recorded video's first picture; in the video file it stands at 0."""
        return self.session.video_starts_at_s

    @property
    def length_s(self) -> float:
        """From the recording's start to the last row."""
        return self.session.length_s

    @property
    def length_words(self) -> str:
        """The length; of pictures, which have none, how many there are."""
        if self.session.of_pictures:
            return tr("%n pictures", "", len(self.times))
        return length_text(self.length_s)

    @property
    def shown_s(self) -> tuple[float, float]:
        """What the timeline shows at most: at least a step, also of a still."""
        # the last picture stands as long as the others
        ends_at_s = self.ends_at_s + (1.0 if self.session.of_pictures else 0.0)
        return self.starts_at_s, max(ends_at_s, self.starts_at_s + self.step_s)

    @property
    def clock(self) -> SessionClock:
        return SessionClock(self.starts_at_s)

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the source's picture, or of what holds all boxes."""
        return self.session.picture_size

    def size_at(self, frame: int) -> tuple[int, int]:
        """Width and height of the picture of an analysed frame."""
        rows = len(self.session.table)
        return self.session.picture_size_of(int(self.starts[frame])) if rows else self.picture_size

    def picture_name(self, frame: int) -> str:
        """The file of an analysed frame in a session of pictures; empty in any other."""
        return self._picture_names.get(int(self.session.table.frame[self.starts[frame]]), "")

    @cached_property
    def _picture_names(self) -> dict[int, str]:
        return {one.frame: one.file for one in self.session.pictures}

    def frame_at(self, t_s: float) -> int:
        """The analysed frame that is shown at ``t_s``; 0 before the first."""
        return max(int(np.searchsorted(self.times, t_s + 1e-6)) - 1, 0)

    def faces_at(self, frame: int, review: Review) -> tuple[FaceResult, ...]:
        """The faces of an analysed frame by ``review``'s tracks, without excluded ones."""
        table = self.session.table
        tracks = self._tracks_of_faces(review)
        surest: dict[int, int] = {}
        for row in range(int(self.starts[frame]), int(self.starts[frame + 1])):
            t_s = float(table.t_s[row])
            for segment, track_id in tracks.get(int(table.face_id[row]), ()):
                if segment.from_s <= t_s < segment.to_s:
                    best = surest.get(track_id)
                    if best is None or table.detection[row] >= table.detection[best]:
                        surest[track_id] = row
        return tuple(self._face(track_id, row) for track_id, row in surest.items())

    def _tracks_of_faces(self, review: Review) -> TracksOfFace:
        """By recorded face, its segments and the tracks that hold them; made once a review."""
        if not self._last or self._last[0][0] is not review:
            found: TracksOfFace = {}
            for track in review.shown_tracks():
                for segment in track.segments:
                    found.setdefault(segment.face_id, []).append((segment, track.id))
            self._last[:] = [(review, found)]
        return self._last[0][1]

    def value_at(self, track: Track, t_s: float, *, smoothed: bool) -> Value | None:
        """Label of the track at ``t_s``, None where it is not visible."""
        row = self.lines_of(track).row_at(t_s)
        if row is None:
            return None
        table = self.session.table
        values = (table.smoothed if smoothed else table.raw)[row]
        best = int(np.argmax(values))
        return Value(LABELS[best], float(values[best]), bool(table.uncertain[row]))

    def seen_s(self, track: Track) -> float:
        """How long the track was seen, as the summaries count it."""
        if track.segments not in self._seen:
            self._seen[track.segments] = float(self._durations[self.lines_of(track).rows].sum())
        return self._seen[track.segments]

    def longest_track(self, review: Review) -> Track | None:
        """The track that is looked at first: of those not excluded, the one seen longest."""
        return max(review.shown_tracks(), key=self.seen_s, default=None)

    @cached_property
    def _durations(self) -> NDArray[np.float64]:
        return row_weights(self.session)

    def scaled(
        self, faces: tuple[FaceResult, ...], size: tuple[int, int], width: int, height: int
    ) -> tuple[FaceResult, ...]:
        """The faces' boxes on a picture of another size than ``size``, the source's."""
        across, down = width / size[0], height / size[1]
        # a video has even sides: a row or column is cut off then, and nothing is scaled
        if abs(width - size[0]) <= 1 and abs(height - size[1]) <= 1:
            return faces
        return tuple(
            replace(
                face,
                box=Box(
                    face.box.x * across,
                    face.box.y * down,
                    face.box.width * across,
                    face.box.height * down,
                ),
            )
            for face in faces
        )

    def _face(self, track_id: int, row: int) -> FaceResult:
        table = self.session.table
        return FaceResult(
            face_id=track_id,
            box=Box(*(float(value) for value in table.box[row])),
            square=_ANY_SQUARE,
            detection_score=float(table.detection[row]),
            expression=Expression(np.array(table.raw[row])),
            smoothed=np.array(table.smoothed[row]),
            low_confidence=bool(table.uncertain[row]),
            roll_deg=float(table.roll_deg[row]),
            sharpness=float(table.sharpness[row]),
            brightness=float(table.brightness[row]),
            reason="unclear" if table.uncertain[row] else "",
        )


def open_session(folder: Path, progress: Callable[[float], object]) -> OpenedSession:
    """Read a session and all that its first picture needs; on a worker thread.

    Raises:
        RecordingError: it cannot be read.
    """
    session = read_session(folder, progress=progress)
    stamp = stamp_of(folder)  # before the review: what is written in between is noticed later
    opened = OpenedSession(session, load_review(session), stamp)
    for track in opened.review.tracks:
        opened.seen_s(track)
    if (longest := opened.longest_track(opened.review)) is not None:
        opened.lines_of(longest).prepare(smoothed=True)
    return opened


def stamp_of(folder: Path) -> tuple[int, int] | None:
    """Time and size of ``review.json``, which tell of others' changes; None without a file."""
    try:
        state = (folder / REVIEW_FILE).stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
