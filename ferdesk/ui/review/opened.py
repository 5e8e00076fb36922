"""A session read for review: its rows, its review, and which rows belong to which moment."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box, Square
from ferdesk.core.labels import LABELS
from ferdesk.core.types import Expression, FaceResult
from ferdesk.sessions.reader import Session, read_session
from ferdesk.sessions.review import Review, Segment, Track, load_review
from ferdesk.sessions.schema import REVIEW_FILE
from ferdesk.sessions.summaries import row_durations
from ferdesk.ui.kit.language import tr
from ferdesk.ui.review.downsampling import LaneLines
from ferdesk.ui.review.times import length_text

_ANY_SQUARE = Square(0.0, 0.0, 1.0)
"""Rows do not say what the network saw; nothing here paints its maps."""


LanesOfFace = dict[int, list[tuple[Segment, int]]]


@dataclass(frozen=True, slots=True)
class Value:
    """What a face shows at a moment; ``share`` is the label's probability, 0 to 1."""

    label: str
    share: float
    unsure: bool


@dataclass(frozen=True, eq=False)
class Opened:
    """``review`` is as it was on the disk, ``stamp`` what the file there looked like (or None)."""

    session: Session
    review: Review
    stamp: tuple[int, int] | None
    _lines: dict[tuple[Segment, ...], LaneLines] = field(default_factory=dict)
    _seen: dict[tuple[Segment, ...], float] = field(default_factory=dict)
    _last: list[tuple[Review, LanesOfFace]] = field(default_factory=list)

    def lines_of(self, lane: Track) -> LaneLines:
        """What is drawn of a lane; made once for the same pieces."""
        if lane.segments not in self._lines:
            rows = self._rows_of(lane)
            self._lines[lane.segments] = LaneLines(self.session.table, rows, self.step_s)
        return self._lines[lane.segments]

    def _rows_of(self, lane: Track) -> NDArray[np.int64]:
        first = lane.segments[0]
        if lane.segments == (Segment(first.face_id),):
            # in a crowd, looking through all rows for each face would take seconds
            return self._rows_by_face.get(first.face_id, np.zeros(0, np.int64))
        return lane.rows(self.session.table)

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
        """What stands beside the session's name."""
        session = self.session
        started = session.started_utc
        source = session.about.get("source")
        where = source.get("location") or source.get("name") if isinstance(source, dict) else ""
        parts = (
            f"{started.astimezone():%Y-%m-%d %H:%M}" if started else "",
            length_text(session.length_s),
            str(where or ""),
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
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 1 / 30

    @property
    def length_s(self) -> float:
        """What the timeline shows: at least a step, also of a still."""
        return max(self.session.length_s, self.step_s)

    @cached_property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the source's picture, or of what holds all boxes."""
        picture = self.session.about.get("picture")
        try:
            width, height = int(picture["width"]), int(picture["height"])  # type: ignore[index]
        except (TypeError, KeyError, ValueError):
            width = height = 0
        if not (16 <= width <= 16384 and 16 <= height <= 16384):
            table = self.session.table
            box = table.box[table.face_id > 0]
            far = (box[:, :2] + box[:, 2:]).max(axis=0, initial=64)
            width, height = (int(np.clip(side, 64, 16384)) for side in far)
        return width, height

    def frame_at(self, t_s: float) -> int:
        """The analysed frame that is shown at ``t_s``; 0 before the first."""
        return max(int(np.searchsorted(self.times, t_s + 1e-6)) - 1, 0)

    def faces_at(self, frame: int, review: Review) -> tuple[FaceResult, ...]:
        """The faces of an analysed frame by ``review``'s lanes, without excluded ones."""
        table = self.session.table
        lanes = self._lanes_of_faces(review)
        surest: dict[int, int] = {}
        for row in range(int(self.starts[frame]), int(self.starts[frame + 1])):
            t_s = float(table.t_s[row])
            for piece, lane_id in lanes.get(int(table.face_id[row]), ()):
                if piece.from_s <= t_s < piece.to_s:
                    best = surest.get(lane_id)
                    if best is None or table.detection[row] >= table.detection[best]:
                        surest[lane_id] = row
        return tuple(self._face(lane_id, row) for lane_id, row in surest.items())

    def _lanes_of_faces(self, review: Review) -> LanesOfFace:
        """By recorded face, the pieces of it and the lanes that hold them; made once a review."""
        if not self._last or self._last[0][0] is not review:
            found: LanesOfFace = {}
            for lane in review.shown_tracks():
                for piece in lane.segments:
                    found.setdefault(piece.face_id, []).append((piece, lane.id))
            self._last[:] = [(review, found)]
        return self._last[0][1]

    def value_at(self, lane: Track, t_s: float, *, smoothed: bool) -> Value | None:
        """What the lane shows at ``t_s``, None where it is not in sight."""
        row = self.lines_of(lane).row_at(t_s)
        if row is None:
            return None
        table = self.session.table
        values = (table.smoothed if smoothed else table.raw)[row]
        best = int(np.argmax(values))
        return Value(LABELS[best], float(values[best]), bool(table.uncertain[row]))

    def seen_s(self, lane: Track) -> float:
        """How long the lane was seen, as the summaries count it."""
        if lane.segments not in self._seen:
            self._seen[lane.segments] = float(self._durations[self.lines_of(lane).rows].sum())
        return self._seen[lane.segments]

    def longest_lane(self, review: Review) -> Track | None:
        """The lane that is looked at first: of those not excluded, the one seen longest."""
        return max(review.shown_tracks(), key=self.seen_s, default=None)

    @cached_property
    def _durations(self) -> NDArray[np.float64]:
        return row_durations(self.session.table)

    @property
    def video_mode(self) -> str:
        """``clean``, ``overlay`` or ``anonymous``, empty where it is not said."""
        video = self.session.about.get("video")
        return str(video.get("mode") or "") if isinstance(video, dict) else ""

    def scaled(
        self, faces: tuple[FaceResult, ...], width: int, height: int
    ) -> tuple[FaceResult, ...]:
        """The faces' boxes on a picture of another size than the source's."""
        across, down = width / self.picture_size[0], height / self.picture_size[1]
        # a video has even sides: a row or column is cut off then, and nothing is scaled
        if abs(width - self.picture_size[0]) <= 1 and abs(height - self.picture_size[1]) <= 1:
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

    def _face(self, lane_id: int, row: int) -> FaceResult:
        table = self.session.table
        return FaceResult(
            face_id=lane_id,
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


def open_session(folder: Path, progress: Callable[[float], object]) -> Opened:
    """Read a session and all that its first picture needs; on a worker thread.

    Raises:
        RecordingError: it cannot be read.
    """
    session = read_session(folder, progress=progress)
    stamp = stamp_of(folder)  # before the review: what is written in between is noticed later
    opened = Opened(session, load_review(session), stamp)
    for lane in opened.review.tracks:
        opened.seen_s(lane)
    if (longest := opened.longest_lane(opened.review)) is not None:
        opened.lines_of(longest).prepare(smoothed=True)
    return opened


def stamp_of(folder: Path) -> tuple[int, int] | None:
    """What tells that ``review.json`` was changed by somebody else; None where there is none."""
    try:
        state = (folder / REVIEW_FILE).stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
