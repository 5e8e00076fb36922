"""Returning faces: whether someone who came looks like one who was here before; only ever offered.

A person who was away for more than a second gets a new id. Here the newcomer's appearance is
compared with that of those who left, and where one of them stands out it is offered to the user to
take both for one. Nothing is assumed, nothing is kept beyond the source, and nothing leaves memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ferdesk.core.tracking.appearance import Embedding, appearance_embeddings
from ferdesk.core.types import FaceResult, FrameResult

# measured by benchmarks/same_face.py; docs/troubleshooting.md has the figures
MIN_SIMILARITY = 0.90
MIN_LEAD = 0.04
"""Over the next most similar of those who left."""
GONE_AFTER_S = 1.5
_EVERY_S = 0.3
_FEWEST_NEW = 4
"""Views of a newcomer before anything is said of him."""
_LATEST_S = 6.0
"""A newcomer who resembled nobody for so long stays a newcomer."""
_MOST_VIEWS = 32
_MOST_FACES = 32


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Resemblance of a newcomer to a face that left: their ids, and how similar, up to 1."""

    face_id: int
    earlier_id: int
    similarity: float


@dataclass(slots=True)
class _Seen:
    began_s: float
    last_s: float
    noted_s: float = -np.inf
    views: list[Embedding] = field(default_factory=list)
    settled: bool = False
    """Nothing more is to be offered for it."""


class ReturningFaces:
    """Returning faces of one source: takes every result, and sometimes offers a resemblance."""

    def __init__(self) -> None:
        self._faces: dict[int, _Seen] = {}

    def clear(self) -> None:
        """Another source, other people."""
        self._faces.clear()

    def take(self, result: FrameResult) -> Resemblance | None:
        """Look at a result; a resemblance where there is one to be offered, once a newcomer."""
        now_s = result.frame.captured_s
        due = []
        for face in result.faces:
            seen = self._faces.get(face.face_id)
            if seen is None:
                seen = self._faces[face.face_id] = _Seen(now_s, now_s)
                # the first one of a source cannot have been here before
                seen.settled = len(self._faces) == 1
            seen.last_s = now_s
            if now_s - seen.noted_s >= _EVERY_S and shows_much(face):
                due.append((face, seen))
        self._look(result, due, now_s)
        self._make_room()
        for face in result.faces:
            offered = self._offer(face.face_id, now_s)
            if offered is not None:
                return offered
        return None

    def settle(self, face_id: int) -> None:
        """Offer nothing more for this face."""
        if face_id in self._faces:
            self._faces[face_id].settled = True

    def join(self, face_id: int, earlier_id: int) -> None:
        """Both are one: the newcomer has from now on what is known of the earlier face."""
        earlier = self._faces.pop(earlier_id, None)
        seen = self._faces.get(face_id)
        if seen is not None and earlier is not None:
            seen.views = [*earlier.views, *seen.views][-_MOST_VIEWS:]
            seen.settled = True

    def _look(
        self, result: FrameResult, due: Sequence[tuple[FaceResult, _Seen]], now_s: float
    ) -> None:
        views = appearance_embeddings(result.frame.image, [face.box for face, _ in due])
        for (_, seen), view in zip(due, views, strict=True):
            seen.noted_s = now_s
            seen.views.append(view)
            if len(seen.views) > _MOST_VIEWS:
                # every other old one goes: the first views stay among them
                half = _MOST_VIEWS // 2
                seen.views = [*seen.views[:half:2], *seen.views[half:]]

    def _offer(self, face_id: int, now_s: float) -> Resemblance | None:
        newcomer = self._faces[face_id]
        if newcomer.settled or len(newcomer.views) < _FEWEST_NEW:
            return None
        if now_s - newcomer.began_s > _LATEST_S:
            newcomer.settled = True
            return None
        gone = [
            (similarity(newcomer.views, seen.views), other_id)
            for other_id, seen in self._faces.items()
            if other_id != face_id and seen.views
            # who was in sight together are two
            and seen.last_s < newcomer.began_s and now_s - seen.last_s > GONE_AFTER_S
        ]  # fmt: skip
        if not gone:
            return None
        gone.sort(reverse=True)
        best, earlier_id = gone[0]
        lead = best - gone[1][0] if len(gone) > 1 else np.inf
        if best < MIN_SIMILARITY or lead < MIN_LEAD:
            return None
        newcomer.settled = True
        return Resemblance(face_id, earlier_id, best)

    def _make_room(self) -> None:
        while len(self._faces) > _MOST_FACES:
            del self._faces[min(self._faces, key=lambda one: self._faces[one].last_s)]


def shows_much(face: FaceResult) -> bool:
    """Whether the face is seen well enough to be recognised by its appearance."""
    return face.reason in ("", "unclear", "small", "tilted")


def similarity(views: Sequence[Embedding], others: Sequence[Embedding]) -> float:
    """Mean over ``views`` of the cosine similarity to the most similar of ``others``."""
    table = np.stack(views) @ np.stack(others).T
    return float(table.max(axis=1).mean())
