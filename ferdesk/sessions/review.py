"""Review of a session, added afterwards: names, merges, splits, comments, markers.

It lies in ``review.json`` beside the recording, which itself is never changed. A ``Review`` is a
value: each change gives a new one, so that undoing is keeping the old.
"""

import contextlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions.files import write_json
from ferdesk.sessions.reader import Marker, Session
from ferdesk.sessions.schema import REVIEW_FILE
from ferdesk.sessions.table import Table

SCHEMA = 1
_T = TypeVar("_T")
_OWN_KEYS = frozenset({"schema", "lanes", "comments", "markers", "notes"})


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
class Review:
    """Tracks by id, comments and markers by time; ``warnings`` are for the user, and not saved."""

    tracks: tuple[Track, ...] = ()
    comments: tuple[Comment, ...] = ()
    markers: tuple[Marker, ...] = ()
    notes: str = ""
    warnings: tuple[str, ...] = ()
    unknown: dict[str, Any] = field(default_factory=dict)
    """Keys of a newer program, kept as they are."""

    def track(self, track_id: int) -> Track:
        """The track of that id.

        Raises:
            KeyError: there is none.
        """
        for track in self.tracks:
            if track.id == track_id:
                return track
        raise KeyError(track_id)

    def shown_tracks(self) -> tuple[Track, ...]:
        """Tracks that are not excluded."""
        return tuple(track for track in self.tracks if not track.excluded)

    def named(self, track_id: int, name: str) -> "Review":
        return self._with(replace(self.track(track_id), name=" ".join(name.split())))

    def excluding(self, track_id: int, excluded: bool = True) -> "Review":
        """Leave the track out of summaries and reports, or take it in again."""
        return self._with(replace(self.track(track_id), excluded=excluded))

    def merged(self, track_id: int, other_id: int) -> "Review":
        """One track of two; the first keeps its id, and its name if it has one."""
        if track_id == other_id:
            return self
        one, other = self.track(track_id), self.track(other_id)
        merged = replace(
            one, segments=_sorted((*one.segments, *other.segments)), name=one.name or other.name
        )
        return self._with(merged, without=other_id)

    def split(self, track_id: int, at_s: float) -> "Review":
        """Two tracks of one: what is before ``at_s`` keeps id and name, the rest gets a new id.

        Where one side would be empty, nothing changes.
        """
        track = self.track(track_id)
        before = [replace(p, to_s=min(p.to_s, at_s)) for p in track.segments]
        after = [replace(p, from_s=max(p.from_s, at_s)) for p in track.segments]
        before = [p for p in before if p.from_s < p.to_s]
        after = [p for p in after if p.from_s < p.to_s]
        if not before or not after:
            return self
        ids = [one.id for one in self.tracks]
        ids += [segment.face_id for one in self.tracks for segment in one.segments]
        rest = Track(max(ids) + 1, _sorted(after), excluded=track.excluded)
        return self._with(replace(track, segments=_sorted(before)))._with(rest)

    def restored(self, track_id: int) -> "Review":
        """Each face of the track is a track of its own again, as it was recorded."""
        faces = {segment.face_id for segment in self.track(track_id).segments}
        kept = []
        for track in self.tracks:
            segments = tuple(segment for segment in track.segments if segment.face_id not in faces)
            if segments:
                kept.append(replace(track, segments=segments))
        taken = {track.id for track in kept}
        free = max([*taken, *faces], default=0)
        for face_id in sorted(faces):
            track_number = face_id
            if face_id in taken:
                free += 1
                track_number = free
            kept.append(Track(track_number, (Segment(face_id),)))
        return replace(self, tracks=tuple(sorted(kept, key=lambda track: track.id)))

    def with_comment(self, comment: Comment) -> "Review":
        ordered = sorted((*self.comments, comment), key=lambda one: one.t_s)
        return replace(self, comments=tuple(ordered))

    def without_comment(self, comment: Comment) -> "Review":
        return replace(self, comments=tuple(one for one in self.comments if one != comment))

    def with_markers(self, *markers: Marker) -> "Review":
        """More markers; one that is there already is not added twice."""
        new = [marker for marker in markers if marker not in self.markers]
        ordered = sorted((*self.markers, *new), key=lambda one: one.t_s)
        return replace(self, markers=tuple(ordered))

    def without_marker(self, marker: Marker) -> "Review":
        """Take back a marker that was added afterwards; recorded ones stay."""
        return replace(self, markers=tuple(one for one in self.markers if one != marker))

    def all_markers(self, session: Session) -> tuple[Marker, ...]:
        """Recorded and added ones in time's order."""
        return tuple(sorted((*session.markers, *self.markers), key=lambda one: one.t_s))

    def _with(self, track: Track, *, without: int | None = None) -> "Review":
        others = [one for one in self.tracks if one.id not in (track.id, without)]
        comments = self.comments
        if without is not None:
            comments = tuple(
                replace(one, track=track.id) if one.track == without else one for one in comments
            )
        tracks = tuple(sorted((*others, track), key=lambda one: one.id))
        return replace(self, tracks=tracks, comments=comments)


def load_review(session: Session) -> Review:
    """The session's review; without a file, one track for each recorded face.

    What cannot be used in the file costs its own entry and a sentence in ``warnings``.
    """
    path = session.folder / REVIEW_FILE
    face_ids = session.face_ids()
    try:
        table = json.loads(path.read_text("utf-8"))
        if not isinstance(table, dict):
            raise TypeError("it is not a JSON object")
    except FileNotFoundError:
        return Review(_tracks_for((), face_ids))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        warning = translatable(
            "{path} cannot be read ({why}); it is kept as {kept} when you save.",
            path=path,
            why=error,
            kept=_bad(path).name,
        )
        return Review(_tracks_for((), face_ids), warnings=(warning,), unknown={"": None})
    warnings: list[str] = []
    tracks = _read_tracks(table.get("lanes"), set(face_ids), warnings)
    return Review(
        _tracks_for(tracks, face_ids),
        tuple(_each(table.get("comments"), _comment, "comment", warnings)),
        tuple(_each(table.get("markers"), _marker, "marker", warnings)),
        str(table.get("notes") or ""),
        tuple(warnings),
        {key: value for key, value in table.items() if key not in _OWN_KEYS},
    )


def save_review(review: Review, folder: Path) -> None:
    """Write ``review.json``; a file that could not be read is kept beside it.

    Raises:
        RecordingError: the folder cannot be written; what was saved before is still there.
    """
    path = folder / REVIEW_FILE
    try:
        # asked of the file: the first of several savings has put the bad one aside already
        if "" in review.unknown and not _is_table(path):
            with contextlib.suppress(FileNotFoundError):
                path.replace(_bad(path))
        write_json(path, _as_table(review))
    except OSError as error:
        raise RecordingError(
            translatable(
                "The review cannot be saved in {path}: {why}. What was saved before "
                "is still there.",
                path=folder,
                why=error.strerror or error,
            )
        ) from error


def _is_table(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text("utf-8")), dict)
    except (OSError, ValueError, RecursionError):
        return False


def _bad(path: Path) -> Path:
    return path.with_name(path.name + ".bad")


def _as_table(review: Review) -> dict[str, Any]:
    changed = [track for track in review.tracks if track != Track(track.id, (Segment(track.id),))]
    return {
        **{key: value for key, value in review.unknown.items() if key},
        "schema": SCHEMA,
        "lanes": [
            {
                "id": track.id,
                "name": track.name,
                "excluded": track.excluded,
                "pieces": [
                    {"face_id": p.face_id, "from_s": _finite(p.from_s), "to_s": _finite(p.to_s)}
                    for p in track.segments
                ],
            }
            for track in changed
        ],
        "comments": [{"t_s": c.t_s, "text": c.text, "lane": c.track} for c in review.comments],
        "markers": [{"t_s": m.t_s, "label": m.label, "origin": m.origin} for m in review.markers],
        "notes": review.notes,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _sorted(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Segments in order, those that touch joined again."""
    joined: list[Segment] = []
    for segment in sorted(segments, key=lambda p: (p.face_id, p.from_s)):
        if joined and joined[-1].face_id == segment.face_id and joined[-1].to_s >= segment.from_s:
            joined[-1] = replace(joined[-1], to_s=max(joined[-1].to_s, segment.to_s))
        else:
            joined.append(segment)
    return tuple(joined)


def _tracks_for(tracks: Sequence[Track], face_ids: Sequence[int]) -> tuple[Track, ...]:
    """The tracks of the file, and one for each face that none of them holds."""
    held = {segment.face_id for track in tracks for segment in track.segments}
    taken = {track.id for track in tracks}
    rest = []
    free = max([*taken, *face_ids], default=0)
    for face_id in face_ids:
        if face_id in held:
            continue
        track_id = face_id
        if face_id in taken:
            free += 1
            track_id = free
        rest.append(Track(track_id, (Segment(face_id),)))
    return tuple(sorted((*tracks, *rest), key=lambda track: track.id))


def _read_tracks(entries: object, face_ids: set[int], warnings: list[str]) -> list[Track]:
    tracks: list[Track] = []
    held: list[Segment] = []
    for track in _each(entries, _track, "track", warnings):
        segments = tuple(segment for segment in track.segments if segment.face_id in face_ids)
        overlaps = any(_overlap(segment, other) for segment in segments for other in held)
        if not segments or overlaps or track.id in {one.id for one in tracks}:
            why = (
                translatable("its rows belong to another")
                if overlaps
                else translatable("its faces are not in the session")
            )
            warnings.append(
                translatable(
                    "The track {id} of {file} is left out: {why}.",
                    id=track.id,
                    file=REVIEW_FILE,
                    why=why,
                )
            )
            continue
        held += segments
        tracks.append(replace(track, segments=segments))
    return tracks


def _overlap(one: Segment, other: Segment) -> bool:
    return one.face_id == other.face_id and one.from_s < other.to_s and other.from_s < one.to_s


def _each(
    entries: object, read: Callable[[dict[str, Any]], _T], kind: str, warnings: list[str]
) -> list[_T]:
    found: list[_T] = []
    if entries is not None and not isinstance(entries, list):
        warnings.append(
            translatable(
                "The {kind}s of {file} cannot be read; they are left out.",
                kind=kind,
                file=REVIEW_FILE,
            )
        )
        return []
    for entry in entries or ():
        try:
            found.append(read(entry))
        except (KeyError, TypeError, ValueError, AttributeError):
            warnings.append(
                translatable(
                    "A {kind} of {file} cannot be read: {entry!r}.",
                    kind=kind,
                    file=REVIEW_FILE,
                    entry=entry,
                )
            )
    return found


def _track(entry: dict[str, Any]) -> Track:
    segments = tuple(
        Segment(
            int(segment["face_id"]),
            -math.inf if segment.get("from_s") is None else float(segment["from_s"]),
            math.inf if segment.get("to_s") is None else float(segment["to_s"]),
        )
        for segment in entry["pieces"]
    )
    return Track(
        int(entry["id"]), segments, str(entry.get("name", "")), bool(entry.get("excluded"))
    )


def _comment(entry: dict[str, Any]) -> Comment:
    track = entry.get("lane")
    return Comment(float(entry["t_s"]), str(entry["text"]), None if track is None else int(track))


def _marker(entry: dict[str, Any]) -> Marker:
    return Marker(float(entry["t_s"]), str(entry["label"]), str(entry.get("origin", "review")))
