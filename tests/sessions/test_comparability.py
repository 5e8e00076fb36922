"""What makes two sessions hard to compare: here who found the faces, and whose labels they are."""

import json
from pathlib import Path

from ferdesk.sessions.comparability import differences
from ferdesk.sessions.reader import Session, read_session
from ferdesk.sessions.schema import SESSION_FILE
from tests.helpers.outputs import write_session
from tests.helpers.results import FACE, make_result


def session(folder: Path, settings: dict[str, object]) -> Session:
    folder.mkdir()
    write_session(make_result(FACE), folder)
    about = {"schema": 1, "complete": True, "settings": settings}
    (folder / SESSION_FILE).write_text(json.dumps(about), "utf-8")
    return read_session(folder)


def test_another_detector_is_told_also_where_a_session_names_none(tmp_path: Path) -> None:
    own, other = session(tmp_path / "a", {}), session(tmp_path / "b", {"detector": "mediapipe"})
    (told,) = differences([own, other])
    assert "face detector" in told
    assert "mediapipe" in told
    assert differences([own, session(tmp_path / "c", {})]) == []


def test_labels_of_different_answers_are_told_once(tmp_path: Path) -> None:
    votes = session(tmp_path / "a", {"labels_from": "votes"})
    (told,) = differences([votes, session(tmp_path / "b", {"labels_from": "fer2013"})])
    assert "different answers" in told
