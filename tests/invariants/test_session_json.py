"""Invariants of ``session.json``: what is saved is read back, and no content ends a reader."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ferdesk.errors import RecordingError
from ferdesk.sessions.catalogue import entry_of, list_sessions, repair, search
from ferdesk.sessions.export import changes_csv, summary_csv
from ferdesk.sessions.files import write_json
from ferdesk.sessions.reader import Session, problems_of, read_about, read_session
from ferdesk.sessions.report import html_report
from ferdesk.sessions.schema import RESULTS_FILE, SESSION_FILE
from tests.helpers.strategies import (
    JSON_VALUES,
    ODD_TEXTS,
    check_sentence,
    damaged,
    fresh_folder,
)
from tests.invariants.test_rows import MADE
from tests.sessions.conftest import SessionMaker

FRAMES = [[(1, "happy"), (2, "sad?")]] * 3 + [[], [(2, "fear")]]
KEYS = (
    "schema", "program", "model", "provider", "source", "picture", "settings", "started_utc",
    "ended_utc", "film_started_utc", "frames_seen", "frames_analysed", "frames_dropped", "rows",
    "length_s", "num_faces", "video", "markers", "events", "baselines", "complete", "new key",
)  # fmt: skip
MARKERS = st.lists(
    st.dictionaries(st.sampled_from(["t_s", "label", "event", "text"]), JSON_VALUES, max_size=3),
    max_size=3,
)


def use_everything(session: Session) -> None:
    problems_of(session)
    _ = (session.markers, session.started_utc, session.length_s, session.video, session.complete)
    assert html_report([session], made=MADE, version="0").startswith("<!")
    summary_csv([session])
    changes_csv([session])


@given(st.dictionaries(st.sampled_from(KEYS), st.one_of(JSON_VALUES, MARKERS), max_size=4))
def test_whatever_stands_in_it_the_rows_are_listed_opened_reported_and_repaired(
    about: dict[str, Any],
) -> None:
    with fresh_folder() as root:
        folder = SessionMaker(root)(FRAMES)
        before = json.loads((folder / SESSION_FILE).read_text("utf-8"))
        (folder / SESSION_FILE).write_text(json.dumps({**before, **about}), "utf-8")
        rows = (folder / RESULTS_FILE).read_bytes()
        (entry,) = search(list_sessions(root), "")
        assert entry.state != "unreadable"
        use_everything(read_session(folder))
        assert repair(folder).complete
        use_everything(read_session(folder))
        assert (folder / RESULTS_FILE).read_bytes() == rows


@given(st.data())
def test_a_damaged_one_is_one_sentence_and_one_entry_of_the_list(data: st.DataObject) -> None:
    with fresh_folder() as root:
        maker = SessionMaker(root)
        maker(FRAMES, name="good")
        folder = maker(FRAMES)
        path = folder / SESSION_FILE
        path.write_bytes(data.draw(damaged(path.read_bytes())))
        assert {entry.name for entry in list_sessions(root)} == {"good", "s"}
        try:
            session = read_session(folder)
        except RecordingError as error:
            check_sentence(error, entry_of(folder).problem)
        else:
            use_everything(session)
        assert repair(folder).complete


@given(st.dictionaries(ODD_TEXTS, JSON_VALUES, max_size=4))
def test_what_is_saved_is_read_back(table: dict[str, Any]) -> None:
    with fresh_folder() as folder:
        write_json(folder / SESSION_FILE, table)
        # NaN is not equal to itself, and its text is
        assert json.dumps(read_about(folder)) == json.dumps(table)
        assert [path.name for path in folder.iterdir()] == [SESSION_FILE]
