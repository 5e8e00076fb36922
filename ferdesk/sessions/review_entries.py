"""Entries of ``review.json`` as values; one that cannot be used costs itself and a sentence."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, SupportsFloat, SupportsInt, TypeVar

from ferdesk.messages import translatable
from ferdesk.sessions.reader import Marker
from ferdesk.sessions.review_tracks import (
    MOST_ID,
    Annotation,
    Comment,
    Segment,
    Track,
    free_id,
)
from ferdesk.sessions.schema import REVIEW_FILE

_T = TypeVar("_T")


def tracks_for(tracks: Sequence[Track], face_ids: Sequence[int]) -> tuple[Track, ...]:
    """The tracks of the file, and one for each face that none of them holds."""
    held = {segment.face_id for track in tracks for segment in track.segments}
    own = {track.id for track in tracks}
    taken = {*own, *face_ids}
    rest = []
    for face_id in face_ids:
        if face_id in held:
            continue
        track_id = face_id
        if face_id in own:
            track_id = free_id(taken)
            taken.add(track_id)
        rest.append(Track(track_id, (Segment(face_id),)))
    return tuple(sorted((*tracks, *rest), key=lambda track: track.id))


def read_tracks(entries: object, face_ids: set[int], warnings: list[str]) -> list[Track]:
    tracks: list[Track] = []
    held: list[Segment] = []
    for track in read_each(entries, _read_track, "track", warnings):
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


def overlapping(tracks: Sequence[Track]) -> bool:
    """Whether rows of a face belong to two of ``tracks``."""
    segments = [(track.id, segment) for track in tracks for segment in track.segments]
    segments.sort(key=lambda entry: (entry[1].face_id, entry[1].from_s))
    return any(
        one_id != other_id and _overlap(one, other)
        for (one_id, one), (other_id, other) in pairwise(segments)
    )


def _overlap(one: Segment, other: Segment) -> bool:
    return one.face_id == other.face_id and one.from_s < other.to_s and other.from_s < one.to_s


def read_each(
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
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            warnings.append(
                translatable(
                    "A {kind} of {file} cannot be read: {entry!r}.",
                    kind=kind,
                    file=REVIEW_FILE,
                    entry=entry,
                )
            )
    return found


def _read_track(entry: dict[str, Any]) -> Track:
    segments = tuple(
        Segment(
            _id(segment["face_id"]),
            -math.inf if segment.get("from_s") is None else _seconds(segment["from_s"]),
            math.inf if segment.get("to_s") is None else _seconds(segment["to_s"]),
        )
        for segment in entry["pieces"]
    )
    name, excluded = str(entry.get("name", "")), bool(entry.get("excluded"))
    return Track(_id(entry["id"]), segments, name, excluded)


def read_comment(entry: dict[str, Any]) -> Comment:
    track = None if entry.get("lane") is None else _id(entry["lane"])
    return Comment(_seconds(entry["t_s"]), str(entry["text"]), track)


def read_marker(entry: dict[str, Any]) -> Marker:
    return Marker(_seconds(entry["t_s"]), str(entry["label"]), str(entry.get("origin", "review")))


def read_annotation(entry: dict[str, Any]) -> Annotation:
    track = None if entry.get("lane") is None else _id(entry["lane"])
    from_s, to_s = _seconds(entry["from_s"]), _seconds(entry["to_s"])
    if from_s >= to_s or not str(entry["label"]).strip():
        raise ValueError(entry)
    return Annotation(from_s, to_s, str(entry["label"]), track)


def _id(value: SupportsInt) -> int:
    """Raises ``ValueError`` or the like where it is no id that a face or track can have."""
    number = int(value)
    if not 0 < number <= MOST_ID:
        raise ValueError(value)
    return number


def _seconds(value: SupportsFloat) -> float:
    """Raises ``ValueError`` or the like where it is no moment."""
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError(value)
    return seconds
