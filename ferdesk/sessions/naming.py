"""Names and joins of faces made while recording, put into the session's review."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import Review
from ferdesk.sessions.review_merge import edit_review


def name_faces(
    folder: Path, names: Mapping[int, str], joined: Sequence[tuple[int, int]] = ()
) -> None:
    """Give ``names`` (by face id) to the tracks of the session; faces that it has not are left out.

    ``joined`` are pairs of ids that are one person, the later one first: they become one track with
    the earlier id. The rows stay as they were written.

    Raises:
        RecordingError: the folder is no session, or its review cannot be written.
    """

    def with_names(review: Review) -> Review:
        here = {track.id for track in review.tracks}
        for face_id, name in names.items():
            if face_id in here and name:
                review = review.named(face_id, name)
        for people in same_people(joined):
            first, *others = [face_id for face_id in people if face_id in here] or [0]
            for other in others:
                review = review.merged(first, other)
        return review

    edit_review(read_session(folder), with_names)


def same_people(joined: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Ids of each person, the earliest first, from pairs of ids with the later one first."""
    people: list[list[int]] = []
    for later, earlier in joined:
        known = next((person for person in people if earlier in person), None)
        if known is None:
            people.append([earlier, later])
        else:
            known.append(later)
    return people
