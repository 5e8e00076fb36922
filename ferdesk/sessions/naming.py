"""Face names given while recording, put into the session's review."""

from collections.abc import Mapping
from pathlib import Path

from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import Review
from ferdesk.sessions.review_merge import edit_review


def name_faces(folder: Path, names: Mapping[int, str]) -> None:
    """Give ``names`` (by face id) to the tracks of the session; faces that it has not are left out.

    Raises:
        RecordingError: the folder is no session, or its review cannot be written.
    """

    def with_names(review: Review) -> Review:
        here = {track.id for track in review.tracks}
        for face_id, name in names.items():
            if face_id in here and name:
                review = review.named(face_id, name)
        return review

    edit_review(read_session(folder), with_names)
