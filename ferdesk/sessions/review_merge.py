"""Review written by several programs: what each changed is brought into what lies on the disk.

Reading, merging and writing happen under one lock, and the merge is three-way by entry: what this
program changed since it read or wrote the review is applied to what is there now.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ferdesk.file_lock import locked
from ferdesk.replace_file import replace_file
from ferdesk.sessions.outputs import free_path
from ferdesk.sessions.reader import Session
from ferdesk.sessions.review import (
    Review,
    Track,
    joined_notes,
    load_review,
    not_saved,
    put_aside,
    save_review,
)
from ferdesk.sessions.review_entries import overlapping
from ferdesk.sessions.schema import REVIEW_FILE

LOCK_FILE = ".review.lock"
_CONFLICT_STEM = "review-conflict"
_T = TypeVar("_T")


def edit_review(session: Session, change: Callable[[Review], Review]) -> tuple[Review, Review]:
    """Change the session's review as it is now; no other program writes meanwhile.

    Returns:
        the review before and after; nothing is written where both are equal.

    Raises:
        RecordingError: the folder cannot be written, or another program holds the review.
    """
    try:
        with locked(session.folder / LOCK_FILE):
            before = load_review(session)
            after = change(before)
            if after != before:
                _write(after, session.folder)
            return before, after
    except OSError as error:
        raise not_saved(session.folder, error.strerror or error) from error


def save_changes(session: Session, base: Review, mine: Review) -> tuple[Review, Path | None]:
    """Bring what ``mine`` changed since ``base`` into the review on the disk.

    Args:
        session: the session.
        base: what this program read or wrote last.
        mine: what it wants.

    Returns:
        the review that is on the disk now, and where the other program's version is kept if both
        changed the same tracks.

    Raises:
        RecordingError: the folder cannot be written, or another program holds the review.
    """
    aside = None

    def change(theirs: Review) -> Review:
        nonlocal aside
        merged, conflict = rebased(base, mine, theirs)
        if conflict:
            aside = free_path(session.folder, _CONFLICT_STEM, Path(REVIEW_FILE).suffix)
            replace_file(aside, (session.folder / REVIEW_FILE).read_bytes())
        return merged

    _, after = edit_review(session, change)
    return after, aside


def _write(review: Review, folder: Path) -> None:
    others = put_aside(folder)
    save_review(review, folder)
    # what they add is in the review now
    for other in others:
        other.unlink(missing_ok=True)


def rebased(base: Review, mine: Review, theirs: Review) -> tuple[Review, bool]:
    """Three-way merge: the changes from ``base`` to ``mine`` applied to ``theirs``.

    Returns:
        the merged review, and whether both changed the same tracks in ways that exclude each
        other; then they are as in ``mine``.
    """
    tracks, conflict = _tracks(base, mine, theirs)
    ids = {track.id for track in tracks}
    comments = _entries(base.comments, mine.comments, theirs.comments)
    annotations = _entries(base.annotations, mine.annotations, theirs.annotations)
    return (
        Review(
            tracks,
            # of a track that is gone: it stays, as a remark on all
            tuple(
                sorted(
                    (one if one.track in ids else replace(one, track=None) for one in comments),
                    key=lambda one: one.t_s,
                )
            ),
            tuple(
                sorted(
                    _entries(base.markers, mine.markers, theirs.markers), key=lambda one: one.t_s
                )
            ),
            _notes(base.notes, mine.notes, theirs.notes),
            unknown=theirs.unknown | mine.unknown,
            annotations=tuple(
                sorted(
                    (one if one.track in ids else replace(one, track=None) for one in annotations),
                    key=lambda one: (one.from_s, one.to_s),
                )
            ),
        ),
        conflict,
    )


def _entries(base: Sequence[_T], mine: Sequence[_T], theirs: Sequence[_T]) -> list[_T]:
    """Theirs without those that were taken back here, and those that were added here."""
    kept = [one for one in theirs if one in mine or one not in base]
    return kept + [one for one in mine if one not in base and one not in kept]


def _notes(base: str, mine: str, theirs: str) -> str:
    if mine == base:
        return theirs
    if theirs == base:
        return mine
    # both stand there since an earlier saving: ours is changed in its place
    framed, ours = f"\n\n{theirs}\n\n", f"\n\n{base}\n\n"
    if base and ours in framed:
        return framed.replace(ours, f"\n\n{mine}\n\n", 1)[2:-2]
    return joined_notes(mine, theirs)


def _tracks(base: Review, mine: Review, theirs: Review) -> tuple[tuple[Track, ...], bool]:
    of_base, of_mine, of_theirs = (
        {track.id: track for track in review.tracks} for review in (base, mine, theirs)
    )
    merged: dict[int, Track] = {}
    conflict = False
    for number in sorted({*of_base, *of_mine, *of_theirs}):
        track, clash = _track(of_base.get(number), of_mine.get(number), of_theirs.get(number))
        conflict |= clash
        if track is not None:
            merged[number] = track
    # both may have changed tracks of which the rows now belong to two, or to none
    if conflict or overlapping(list(merged.values())) or _faces(merged) != _faces(of_mine):
        return mine.tracks, True
    return tuple(merged.values()), False


def _faces(tracks: dict[int, Track]) -> set[int]:
    return {segment.face_id for track in tracks.values() for segment in track.segments}


def _track(
    base: Track | None, mine: Track | None, theirs: Track | None
) -> tuple[Track | None, bool]:
    """One track of three, None where it is gone, and whether both changed its rows."""
    if mine in (base, theirs):
        return theirs, False
    if theirs == base:
        return mine, False
    if base is None or mine is None or theirs is None:
        return mine, True
    if mine.segments != base.segments and theirs.segments != base.segments:
        return mine, mine.segments != theirs.segments
    return (
        Track(
            base.id,
            theirs.segments if mine.segments == base.segments else mine.segments,
            theirs.name if mine.name == base.name else mine.name,
            theirs.excluded if mine.excluded == base.excluded else mine.excluded,
        ),
        False,
    )
