"""Review of a session, added afterwards: names, merges, splits, markers, comments, annotations.

It lies in ``review.json`` beside the recording, which itself is never changed. A ``Review`` is a
value: each change gives a new one, so that undoing is keeping the old.
"""

import contextlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions.files import write_json
from ferdesk.sessions.reader import Marker, Session
from ferdesk.sessions.review_entries import (
    read_annotation,
    read_comment,
    read_each,
    read_marker,
    read_tracks,
    tracks_for,
)
from ferdesk.sessions.review_tracks import (
    Annotation,
    Comment,
    Segment,
    Track,
    free_id,
    joined_segments,
)
from ferdesk.sessions.schema import REVIEW_FILE

__all__ = ["Annotation", "Comment", "Review", "Segment", "Track", "load_review", "save_review"]

SCHEMA = 1
_OWN_KEYS = frozenset({"schema", "lanes", "comments", "markers", "annotations", "notes"})


@dataclass(frozen=True, slots=True)
class Review:
    """Tracks by id, the others by time; ``warnings`` are for the user, and not saved."""

    tracks: tuple[Track, ...] = ()
    comments: tuple[Comment, ...] = ()
    markers: tuple[Marker, ...] = ()
    notes: str = ""
    warnings: tuple[str, ...] = ()
    unknown: dict[str, Any] = field(default_factory=dict)
    """Keys of a newer program, kept as they are."""
    annotations: tuple[Annotation, ...] = ()

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
            one,
            segments=joined_segments((*one.segments, *other.segments)),
            name=one.name or other.name,
        )
        return self._with(merged, without=other_id)

    def merged_with_all(self, track_id: int, others: Sequence[int]) -> "Review":
        """One track of several; the first keeps its id, and its name if it has one."""
        review = self
        for other_id in others:
            review = review.merged(track_id, other_id)
        return review

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
        rest = Track(free_id(ids), joined_segments(after), excluded=track.excluded)
        return self._with(replace(track, segments=joined_segments(before)))._with(rest)

    def restored(self, track_id: int) -> "Review":
        """Each face of the track is a track of its own again, as it was recorded."""
        faces = {segment.face_id for segment in self.track(track_id).segments}
        kept = []
        for track in self.tracks:
            segments = tuple(segment for segment in track.segments if segment.face_id not in faces)
            if segments:
                kept.append(replace(track, segments=segments))
        own = {track.id for track in kept}
        taken = own | faces
        for face_id in sorted(faces):
            track_number = face_id
            if face_id in own:
                track_number = free_id(taken)
                taken.add(track_number)
            kept.append(Track(track_number, (Segment(face_id),)))
        return replace(self, tracks=tuple(sorted(kept, key=lambda track: track.id)))

    def with_comment(self, comment: Comment) -> "Review":
        ordered = sorted((*self.comments, comment), key=lambda one: one.t_s)
        return replace(self, comments=tuple(ordered))

    def without_comment(self, comment: Comment) -> "Review":
        return replace(self, comments=tuple(one for one in self.comments if one != comment))

    def with_annotation(self, annotation: Annotation) -> "Review":
        ordered = sorted((*self.annotations, annotation), key=_place)
        return replace(self, annotations=tuple(ordered))

    def without_annotation(self, annotation: Annotation) -> "Review":
        return replace(
            self, annotations=tuple(one for one in self.annotations if one != annotation)
        )

    def annotations_of(self, track_id: int) -> tuple[Annotation, ...]:
        """Those of a track, and those of all."""
        return tuple(one for one in self.annotations if one.track in (track_id, None))

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
        comments, annotations = self.comments, self.annotations
        if without is not None:
            comments = tuple(
                replace(one, track=track.id) if one.track == without else one for one in comments
            )
            annotations = tuple(
                replace(one, track=track.id) if one.track == without else one for one in annotations
            )
        tracks = tuple(sorted((*others, track), key=lambda one: one.id))
        return replace(self, tracks=tracks, comments=comments, annotations=annotations)


def _place(annotation: Annotation) -> tuple[float, float]:
    return annotation.from_s, annotation.to_s


def load_review(session: Session) -> Review:
    """The session's review; without a file, one track for each recorded face.

    What cannot be used in the file costs its own entry and a sentence in ``warnings``. What earlier
    versions put aside is part of it, see ``put_aside``.
    """
    path = session.folder / REVIEW_FILE
    face_ids = session.face_ids()
    try:
        review = _read_review(path, face_ids)
    except FileNotFoundError:
        review = Review(tracks_for((), face_ids))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        warning = translatable(
            "{path} cannot be read ({why}); it is kept as {kept} when you save.",
            path=path,
            why=error,
            kept=_bad(path).name,
        )
        review = Review(tracks_for((), face_ids), warnings=(warning,))
    for other in put_aside(session.folder):
        with contextlib.suppress(OSError, ValueError, TypeError):
            review = _with_other(review, _read_review(other, face_ids))
    return review


def put_aside(folder: Path) -> list[Path]:
    """The reviews that versions before 0.1 put aside where two programs had saved one.

    What they add belongs to the review; once that is saved they are not needed any more. Damaged
    ones stay.
    """
    found = []
    for path in sorted(folder.glob(f"{Path(REVIEW_FILE).stem}-other*.json")):
        with contextlib.suppress(OSError):
            if not _is_damaged(path):
                found.append(path)
    return found


def _read_review(path: Path, face_ids: Sequence[int]) -> Review:
    """Raises ``OSError``, or ``ValueError`` or the like where it is no review."""
    table = json.loads(path.read_text("utf-8"))
    if not isinstance(table, dict):
        raise TypeError(translatable("it is not a JSON object"))
    warnings: list[str] = []
    tracks = read_tracks(table.get("lanes"), set(face_ids), warnings)
    annotations = read_each(table.get("annotations"), read_annotation, "annotation", warnings)
    return Review(
        tracks_for(tracks, face_ids),
        tuple(read_each(table.get("comments"), read_comment, "comment", warnings)),
        tuple(read_each(table.get("markers"), read_marker, "marker", warnings)),
        str(table.get("notes") or ""),
        tuple(warnings),
        {key: value for key, value in table.items() if key not in _OWN_KEYS},
        tuple(sorted(annotations, key=_place)),
    )


def _with_other(review: Review, other: Review) -> Review:
    """The review, and what only ``other`` has; where both say something, ``review`` counts."""
    changed = {track.id: track for track in other.tracks if _is_changed(track)}
    if not any(len(t.segments) > 1 or t.segments != (Segment(t.id),) for t in review.tracks):
        tracks = tuple(
            replace(
                track,
                name=one.name or track.name,
                excluded=one.excluded or track.excluded,
            )
            if (one := _by_id(review, track.id)) is not None
            else track
            for track in other.tracks
        )
        review = replace(review, tracks=tracks)
    else:
        for track in review.tracks:
            theirs = changed.get(track.id)
            if theirs is not None and theirs.segments == track.segments and not track.name:
                review = review.named(track.id, theirs.name)
    for comment in other.comments:
        if comment not in review.comments:
            review = review.with_comment(comment)
    for annotation in other.annotations:
        if annotation not in review.annotations:
            review = review.with_annotation(annotation)
    return replace(
        review.with_markers(*other.markers), notes=joined_notes(review.notes, other.notes)
    )


def joined_notes(one: str, other: str) -> str:
    """Both notes, one below the other; one of them where it holds the other."""
    if other.strip() in one:
        return one
    return other if one.strip() in other else f"{one.rstrip()}\n\n{other}"


def _by_id(review: Review, track_id: int) -> Track | None:
    return next((track for track in review.tracks if track.id == track_id), None)


def _is_changed(track: Track) -> bool:
    return track != Track(track.id, (Segment(track.id),))


def save_review(review: Review, folder: Path) -> None:
    """Write ``review.json`` as it is; a file that cannot be read is kept beside it.

    Other programs may write it at the same time: see ``review_merge``.

    Raises:
        RecordingError: the folder cannot be written; what was saved before is still there.
    """
    path = folder / REVIEW_FILE
    try:
        if _is_damaged(path):
            path.replace(_bad(path))
        write_json(path, _as_table(review))
    except OSError as error:
        raise not_saved(folder, error.strerror or error) from error


def not_saved(folder: Path, why: object) -> RecordingError:
    return RecordingError(
        translatable(
            "The review cannot be saved in {path}: {why}. What was saved before is still there.",
            path=folder,
            why=why,
        )
    )


def _is_damaged(path: Path) -> bool:
    try:
        return not isinstance(json.loads(path.read_text("utf-8")), dict)
    except FileNotFoundError:
        return False
    except (ValueError, RecursionError):
        return True


def _bad(path: Path) -> Path:
    return path.with_name(path.name + ".bad")


def _as_table(review: Review) -> dict[str, Any]:
    changed = [track for track in review.tracks if _is_changed(track)]
    return {
        **review.unknown,
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
        **({"annotations": [_annotation(one) for one in review.annotations]}
           if review.annotations else {}),
        "notes": review.notes,
    }  # fmt: skip


def _annotation(one: Annotation) -> dict[str, Any]:
    return {"from_s": one.from_s, "to_s": one.to_s, "label": one.label, "lane": one.track}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
