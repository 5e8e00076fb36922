"""The list of sessions, the search in it, and the repair of those that were cut off."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ferdesk.errors import RecordingError
from ferdesk.sessions import catalogue
from ferdesk.sessions.catalogue import (
    Entry,
    entry_of,
    find_sessions,
    list_sessions,
    repair,
    search,
)
from ferdesk.sessions.files import mark_as_written
from ferdesk.sessions.markers import outside, read_markers
from ferdesk.sessions.reader import problems_of, read_session
from ferdesk.sessions.report import html_report

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


@pytest.mark.parametrize("kind", ["stopped", "source_error"])
def test_what_ended_before_its_source_is_known(make_session: Maker, kind: str) -> None:
    event = {"t_s": 0.5, "event": kind, "text": "It was stopped."}
    assert entry_of(make_session([[(1, "happy")]] * 9, name="part", events=[event])).in_part
    assert not entry_of(make_session([[(1, "happy")]] * 9, name="whole")).in_part


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
    with pytest.raises(RecordingError, match="not a session and contains none"):
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
        ("time,label\n1\n", "has no time or no label"),
        ("time,label\nnan,go\n", "is not a time"),
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


def test_every_figure_of_an_entry_is_the_sessions(make_session: Maker) -> None:
    folder = make_session(
        [[(1, "happy"), (4, "sad")], [], [(4, "sad")]],
        times=[0.25, 0.5, 1.125],
        markers=[(0.3, "b"), (0.9, "a")],
        num_faces=2,
        starts_at_s=0.25,
        length_s=0.875,
        source={"kind": "video", "name": "talk.mp4"},
        started_utc="2026-01-02T03:04:05.678901Z",
        model={"name": "full"},
    )
    (folder / "video.mp4").write_bytes(bytes(1234))
    entry = entry_of(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert entry == Entry(
        folder, "complete", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), 0.875, "talk.mp4",
        "video", 2, 4, ("b", "a"), True, False, "full", size,
    )  # fmt: skip


def test_a_repaired_session_has_the_counts_of_its_rows_and_keeps_the_rest(
    make_session: Maker,
) -> None:
    folder = make_session(
        [[(1, "happy"), (4, "sad")], [], [(4, "sad")], []],
        times=[0.25, 0.5, 1.125, 1.375],
        markers=[(0.9, "a")],
        complete=False,
        rows=1,
        frames_seen=9,
        frames_dropped=5,
        frames_analysed=1,
        events=[{"t_s": 0.5, "event": "camera_lost", "text": "gone"}],
        other="kept",
    )
    (folder / ".reserve").touch()
    repair(folder)
    about = read_session(folder).about
    counts = ("rows", "frames_analysed", "frames_seen", "frames_dropped", "num_faces", "length_s")
    assert [about[name] for name in counts] == [5, 4, 9, 5, 2, 1.375]
    assert about["ended_utc"] == "2026-03-04T05:06:08.375000Z"
    assert [(event["t_s"], event["event"]) for event in about["events"]] == [
        (0.5, "camera_lost"), (1.375, "repaired"),
    ]  # fmt: skip
    assert about["markers"] == [{"t_s": 0.9, "label": "a"}]
    assert about["other"] == "kept"
    assert not (folder / ".reserve").exists()
    assert "not whole" not in about["events"][-1]["text"]


@pytest.mark.parametrize("is_link", [True, False])
def test_repair_cuts_no_other_programs_table(
    make_session: Maker, tmp_path: Path, is_link: bool
) -> None:
    folder = make_session([[(1, "happy")]] * 3, complete=False)
    path, other = folder / "results.csv", tmp_path / "other.csv"
    precious = path.read_bytes() if is_link else b"a,b\n1,2\n3,4"
    other.write_bytes(precious + b"half")
    path.unlink()
    if is_link:
        path.symlink_to(other)
    else:
        path.write_bytes(precious + b"half")
    with pytest.raises(RecordingError, match="is not a session's table; it is left as it is"):
        repair(folder)
    assert path.read_bytes() == precious + b"half"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("started_utc", "0001-01-01T00:00:00+14:00"),
        ("started_utc", "9999-12-31T23:59:59-12:00"),
        ("started_utc", 17),
        ("length_s", 1e300),
        ("length_s", float("nan")),
        ("length_s", -5),
        ("length_s", True),
        ("num_faces", 10**400),
        ("num_faces", -1),
        ("rows", "many"),
        ("source", ["x"]),
        ("model", "fast"),
        ("markers", {"t_s": 1}),
        ("markers", [[1], None, {"t_s": "x", "label": 1}, {"t_s": float("inf"), "label": "x"}]),
        ("events", "none"),
        ("picture", 3),
    ],
)
def test_one_odd_session_is_listed_opened_and_reported_like_any_other(
    make_session: Maker, tmp_path: Path, key: str, value: object
) -> None:
    folder = make_session([[(1, "happy")]] * 3, name="odd")
    table = json.loads((folder / "session.json").read_text())
    (folder / "session.json").write_text(json.dumps({**table, key: value}))
    make_session([[]], name="good")
    entries = list_sessions(tmp_path)
    assert {entry.name for entry in entries} == {"odd", "good"}
    assert search(entries, "odd")
    odd = entry_of(folder)
    assert odd.length_s is None or 0 <= odd.length_s < 1e9
    assert odd.num_faces is None or 0 <= odd.num_faces < 2**63
    session = read_session(folder)
    assert session.markers == ()
    assert html_report([session], made=datetime(2026, 3, 5, tzinfo=UTC), version="1")
    table = json.loads((folder / "session.json").read_text())
    (folder / "session.json").write_text(json.dumps({**table, "complete": False}))
    assert repair(folder).complete


def test_the_session_knows_its_start_length_markers_and_faces(make_session: Maker) -> None:
    markers = [(1.1, "late"), (0.05, "early")]
    folder = make_session([[(2, "sad"), (5, "fear")], [], [(5, "fear")]], markers=markers,
                          times=[0.5, 0.75, 1.25])  # fmt: skip
    session = read_session(folder)
    assert session.length_s == 1.25
    assert session.started_utc == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert [(one.t_s, one.label) for one in session.markers] == [(0.05, "early"), (1.1, "late")]
    assert session.face_ids() == [2, 5]
    assert session.frames_with_faces() == [True, False, True]
    assert [row["face_id"] for row in session.faces()] == ["2", "5", "5"]
    assert (session.name, session.video) == ("s", None)
    (folder / "video.mp4").touch()
    assert session.video == folder / "video.mp4"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2,0.200000,", "0,0.200000,", "line 4: time runs backwards"),
        ("2,0.200000,", "2,0.050000,", "line 4: time runs backwards"),
        (",0.9,happy,0.76,", ",1.5,happy,0.76,", "detection out of range"),
        (",happy,0.76,", ",happy,0.75,", "label happy is not the largest"),
        (",happy,", ",sad,", "label sad is not the largest"),
    ],
)
def test_rows_that_break_the_contract_are_named(
    make_session: Maker, old: str, new: str, words: str
) -> None:
    folder = make_session([[(1, "happy")]] * 3, frames_analysed=3)
    assert problems_of(read_session(folder)) == []
    path = folder / "results.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    assert [one for one in problems_of(read_session(folder)) if words in one]


@pytest.mark.parametrize(
    ("content", "left", "cut"),
    [
        (b"a\nbc\n", b"a\nbc\n", 0),
        (b"a\nbc\nde", b"a\nbc\n", 2),
        (b"\nabc", b"\n", 3),
        (b"abc", b"abc", 0),
        (b"", b"", 0),
        # more than is looked at in one go, so that the last line end lies two looks back
        (b"ab\n" + b"x" * 140_000, b"ab\n", 140_000),
        (b"x" * 70_000 + b"\n" + b"y" * 65_536, b"x" * 70_000 + b"\n", 65_536),
    ],
)
def test_what_follows_the_last_line_end_is_cut(
    tmp_path: Path, content: bytes, left: bytes, cut: int
) -> None:
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    assert catalogue._cut_half_line(path) == cut
    assert path.read_bytes() == left


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0), (1, 1), (9_007_199_254_740_992, 9_007_199_254_740_992),
        (9_007_199_254_740_993, None), (-1, None), (True, None), (False, None), (1.0, None),
        ("1", None), (None, None),
    ],
)  # fmt: skip
def test_a_count_is_a_whole_number_that_can_be_one(value: object, number: int | None) -> None:
    assert catalogue._whole(value) == number


@pytest.mark.parametrize(
    ("noted", "length_s"),
    [
        (0, 0.0), (2.5, 2.5), (1e9, 1e9), (1.1e9, None), (-0.1, None),
        # what is no length is looked up in the rows: the last one is at 0.7 s
        (True, 0.7), ("2.5", 0.7), (None, 0.7),
    ],
)  # fmt: skip
def test_a_length_that_was_not_noted_is_that_of_the_last_whole_row(
    make_session: Maker, noted: object, length_s: float | None
) -> None:
    folder = make_session([[(1, "happy")]] * 8, length_s=noted)
    assert entry_of(folder).length_s == length_s
    with (folder / "results.csv").open("a") as file:
        file.write("8,0.8")
    assert entry_of(folder).length_s == length_s


@pytest.mark.parametrize("noted", [5.5, None])
def test_the_length_of_a_films_recording_counts_from_its_start_also_in_old_sessions(
    make_session: Maker, noted: float | None
) -> None:
    film = {"kind": "video", "name": "talk.mp4"}
    times = [4.25, 4.5, 5.5]
    old = make_session([[(1, "sad")]] * 3, times=times, source=film, length_s=noted, name="old")
    assert entry_of(old).length_s == 1.25
    assert read_session(old).length_s == 1.25
    new = make_session(
        [[(1, "sad")]] * 3, times=times, source=film, length_s=1.25, starts_at_s=4.25, name="new"
    )
    assert entry_of(new).length_s == 1.25
    camera = make_session([[(1, "sad")]] * 3, times=times, length_s=noted, name="camera")
    assert entry_of(camera).length_s == 5.5
    assert read_session(camera).length_s == 5.5


@pytest.mark.parametrize(("last_s", "length_s"), [("1e9", 1e9), ("2e9", None), ("-1", None)])
def test_a_damaged_last_time_is_no_length(
    make_session: Maker, last_s: str, length_s: float | None
) -> None:
    folder = make_session([[(1, "happy")]] * 90)
    with (folder / "results.csv").open("a") as file:
        file.write(f"90,{last_s},x\n")
    assert entry_of(folder).length_s == length_s


def test_the_size_of_a_session_is_that_of_its_files(make_session: Maker) -> None:
    folder = make_session([[(1, "happy")]])
    before = entry_of(folder).size_bytes
    assert before == sum(path.stat().st_size for path in folder.iterdir())
    (folder / "video.mp4").write_bytes(bytes(1234))
    (folder / "more").mkdir()
    assert entry_of(folder).size_bytes == before + 1234


def test_a_session_that_cannot_be_read_is_none_of_a_folders(
    make_session: Maker, tmp_path: Path
) -> None:
    good = [make_session([[(1, "happy")]], name=name) for name in ("b", "a")]
    bad = make_session([[(1, "happy")]], name="bad")
    (bad / "session.json").write_text("{")
    assert find_sessions([tmp_path]) == sorted(good)
