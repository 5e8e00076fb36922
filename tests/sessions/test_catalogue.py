"""The list of sessions, the search in it, and the repair of those that were cut off."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ferdesk.errors import RecordingError
from ferdesk.sessions.catalogue import entry_of, find_sessions, list_sessions, repair, search
from ferdesk.sessions.files import mark_as_written
from ferdesk.sessions.markers import outside, read_markers
from ferdesk.sessions.reader import problems_of, read_session

Maker = Callable[..., Path]


def test_the_list_tells_each_session_newest_first(make_session: Maker, tmp_path: Path) -> None:
    make_session([[(1, "happy")]] * 5, name="old", markers=[(0.1, "film A")], num_faces=1)
    make_session([[]] * 3, name="new", started_utc="2026-05-01T00:00:00Z", complete=False)
    (tmp_path / "notes").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "session.json").write_text("{")
    new, old, broken = list_sessions(tmp_path)
    assert (new.name, new.state) == ("new", "incomplete")
    assert new.length_s == pytest.approx(0.2)
    assert (old.name, old.state, old.source) == ("old", "complete", "camera:0")
    assert (old.num_faces, old.markers) == (1, ("film A",))
    assert old.length_s == pytest.approx(0.4)
    assert broken.state == "unreadable"
    assert "cannot be read" in broken.problem
    assert list_sessions(tmp_path / "gone") == []


def test_markers_that_were_added_afterwards_are_listed_and_found(make_session: Maker) -> None:
    folder = make_session([[(1, "happy")]] * 5, markers=[(0.1, "film A")])
    review = folder / "review.json"
    review.write_text(json.dumps({"markers": [{"t_s": 0.2, "label": "laughs"}, 7]}))
    assert entry_of(folder).markers == ("film A", "laughs")
    assert search([entry_of(folder)], "laughs")
    review.write_text("{")
    assert entry_of(folder).markers == ("film A",)


def test_every_word_of_a_search_must_stand_in_an_entry(make_session: Maker, tmp_path: Path) -> None:
    make_session([[]], name="pilot-1", markers=[(0.0, "Film A")])
    make_session([[]], name="pilot-2", complete=False)
    entries = list_sessions(tmp_path)
    assert [e.name for e in search(entries, "film PILOT")] == ["pilot-1"]
    assert [e.name for e in search(entries, "incomplete")] == ["pilot-2"]
    assert len(search(entries, "  2026-03 ")) == 2
    assert search(entries, "pilot nobody") == []


def test_a_cut_session_is_closed_and_its_whole_rows_stay(make_session: Maker) -> None:
    folder = make_session([[(1, "happy"), (2, "sad")]] * 5, complete=False, rows=0)
    path = folder / "results.csv"
    whole = path.read_bytes()
    path.write_bytes(whole + b"5,0.500000,,1,10.5,2")
    entry = repair(folder)
    assert (entry.state, entry.num_rows, entry.num_faces) == ("complete", 10, 2)
    assert path.read_bytes() == whole
    session = read_session(folder)
    assert problems_of(session) == []
    assert session.about["events"][-1]["event"] == "repaired"
    assert "20 bytes" in session.about["events"][-1]["text"]
    assert session.about["ended_utc"] == "2026-03-04T05:06:07.400000Z"
    again = (folder / "session.json").read_bytes()
    assert repair(folder).complete
    assert (folder / "session.json").read_bytes() == again


def test_a_session_that_lost_its_json_is_made_one_again(make_session: Maker) -> None:
    folder = make_session([[(1, "happy")]] * 5)
    (folder / "session.json").unlink()
    assert entry_of(folder).state == "unreadable"
    assert repair(folder).complete
    assert problems_of(read_session(folder)) == []


def test_a_session_that_is_being_recorded_is_not_repaired(make_session: Maker) -> None:
    folder = make_session([[(1, "happy")]] * 5, complete=False)
    with (folder / "results.csv").open("r+b") as file:
        mark_as_written(file)
        assert entry_of(folder).state == "recording"
        with pytest.raises(RecordingError, match="being recorded right now"):
            repair(folder)
    assert entry_of(folder).state == "incomplete"


def test_folders_of_sessions_are_searched_and_others_refused(
    make_session: Maker, tmp_path: Path
) -> None:
    one, two = make_session([[]], name="a"), make_session([[]], name="b")
    assert find_sessions([tmp_path]) == [one, two]
    assert find_sessions([two, one]) == [two, one]
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match="not a session and has none"):
        find_sessions([tmp_path / "empty"])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("time,label\n0.5,go\n1,stop\n", [(0.5, "go"), (1.0, "stop")]),
        ("1.5,go\n", [(1.5, "go")]),
        ("label;onset\nb;1,5\na;0,25\n\n", [(0.25, "a"), (1.5, "b")]),
        ("onset_ms\ttrial_type\n1500\tface; happy\n", [(1.5, "face, happy")]),
        ("time_utc,label\n2026-03-04T05:06:08.25Z,go\n", [(1.25, "go")]),
        ("\ufefftime,label\n2026-03-04T06:06:08+01:00,go\n", [(1.0, "go")]),
    ],
)
def test_marker_files_of_stimulus_programs_are_read(
    make_session: Maker, tmp_path: Path, text: str, wanted: list[tuple[float, str]]
) -> None:
    session = read_session(make_session([[]] * 5))
    path = tmp_path / "markers.csv"
    path.write_text(text, "utf-8")
    markers = read_markers(path, session)
    assert [(m.t_s, m.label) for m in markers] == wanted
    assert {m.origin for m in markers} == {"markers.csv"}
    assert read_markers(path, session, offset_s=2.0)[0].t_s == wanted[0][0] + 2
    assert [m.t_s for m in outside(markers, session)] == [m.t_s for m in markers if m.t_s > 0.4]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no lines"),
        ("time,label\n1,go\nsoon,stop\n", "Line 3"),
        ("time,label\n2026-03-04T05:06:08,go\n", "with its zone"),
        ("time,label\n1\n", "lacks a time or a label"),
        ("time,label\nnan,go\n", "is no time"),
    ],
)
def test_a_marker_file_that_cannot_be_used_is_one_sentence(
    make_session: Maker, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "markers.csv"
    path.write_text(text)
    with pytest.raises(RecordingError, match=words):
        read_markers(path, read_session(make_session([[]])))
    assert json.loads((tmp_path / "s" / "session.json").read_text())["markers"] == []
