"""Names that were given while recording are in the review of the session."""

from collections.abc import Callable
from pathlib import Path

from ferdesk.sessions.naming import name_faces
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review


def test_faces_that_were_recorded_are_named_and_others_left_out(
    make_session: Callable[..., Path],
) -> None:
    folder = make_session([[(1, "happy"), (2, "sad")]] * 3)
    name_faces(folder, {2: "Bo", 7: "nobody", 1: ""})
    review = load_review(read_session(folder))
    assert [(track.id, track.name) for track in review.tracks] == [(1, ""), (2, "Bo")]


def test_a_session_without_named_faces_gets_no_review(make_session: Callable[..., Path]) -> None:
    folder = make_session([[(1, "happy")]])
    name_faces(folder, {7: "nobody"})
    assert not (folder / "review.json").exists()
