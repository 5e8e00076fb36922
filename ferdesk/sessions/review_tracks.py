"""Tracks and comments of a review: what a reviewer takes for one face each, and remarks."""

import itertools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ferdesk.sessions.table import Table

MOST_ID = 2**31 - 1
"""The largest id of a face or track that the rows, and the window, can hold."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Segment of a track: the rows of one recorded face with ``from_s <= t_s < to_s``."""

    face_id: int
    from_s: float = -math.inf
    to_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Track:
    """Track of one face as reviewed: a recorded face, several merged, or a part of one.

    An unchanged face is a track with its own id and one whole segment. In ``review.json`` a track
    is called lane, and a segment piece.
    """

    id: int
    segments: tuple[Segment, ...]
    name: str = ""
    excluded: bool = False

    @property
    def title(self) -> str:
        return self.name or f"#{self.id}"

    def rows(self, table: Table) -> NDArray[np.int64]:
        """The track's rows in ``table``, ascending, one a frame.

        Where merged faces were seen in the same frame, the higher detection score counts.
        """
        chosen = np.zeros(len(table), bool)
        for segment in self.segments:
            part = table.face_id == segment.face_id
            if math.isfinite(segment.from_s):
                part &= table.t_s >= segment.from_s
            if math.isfinite(segment.to_s):
                part &= table.t_s < segment.to_s
            chosen |= part
        rows = np.flatnonzero(chosen)
        if len(self.segments) > 1:
            best_last = rows[np.lexsort((table.detection[rows], table.frame[rows]))]
            frames = table.frame[best_last]
            last_of_frame = np.append(np.diff(frames) != 0, True)[: len(rows)]
            rows = np.sort(best_last[last_of_frame])
        return rows


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark at a moment, on one track or (None) on all."""

    t_s: float
    text: str
    track: int | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """Annotation: what a person sees from ``from_s`` to ``to_s``, of one track or (None) of all.

    ``label`` is one of LABELS, which the model's can be held against, or any other text.
    """

    from_s: float
    to_s: float
    label: str
    track: int | None = None

    @property
    def t_s(self) -> float:
        """Where it begins."""
        return self.from_s


def free_id(taken: Collection[int]) -> int:
    """An id for one more track: the one after the largest, or a gap where there is no larger."""
    if (after := max(taken, default=0) + 1) <= MOST_ID:
        return after
    return next(number for number in itertools.count(1) if number not in taken)


def joined_segments(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Segments in order, those that touch joined again."""
    joined: list[Segment] = []
    for segment in sorted(segments, key=lambda p: (p.face_id, p.from_s)):
        if joined and joined[-1].face_id == segment.face_id and joined[-1].to_s >= segment.from_s:
            joined[-1] = replace(joined[-1], to_s=max(joined[-1].to_s, segment.to_s))
        else:
            joined.append(segment)
    return tuple(joined)
