"""Session files with odd values: each costs itself, never the list, the report or the window."""

import contextlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ferdesk.errors import RecordingError
from ferdesk.sessions.catalogue import entry_of, list_sessions, repair, search
from ferdesk.sessions.export import annotations_csv, changes_csv, faces_csv, rows_csv, summary_csv
from ferdesk.sessions.reader import Session, problems_of, read_session
from ferdesk.sessions.report import html_report
from ferdesk.sessions.review import load_review

Maker = Callable[..., Path]
ODD: list[Any] = [
    None, True, 0, -1, 1.5, 1e400, -1e400, float("nan"), 10**400, "", "<b>x</b>", "\ud800", [], {},
    [None], [[]], [{}], [1], ["x"], {"x": None}, [{"t_s": "x", "label": {}}],
    [{"t_s": 1e308, "label": None}], {"kind": []}, {"name": {}, "location": []}, {"width": "x"},
    {"width": 1e400, "height": -3}, {"kind": "video"},
]  # fmt: skip
KEYS = [
    "schema", "program", "model", "provider", "provider_reason", "device", "source", "picture",
    "settings", "started_utc", "film_started_utc", "ended_utc", "frames_seen", "frames_analysed",
    "frames_dropped", "frames_lost", "rows", "starts_at_s", "length_s", "num_faces", "video",
    "markers", "events", "baselines", "pictures", "complete", "subject", "group", "notes",
]  # fmt: skip


def use(folder: Path) -> None:
    """All that is done with a session's files without a window."""
    entry = entry_of(folder)
    search([entry], "x")
    assert entry.started_utc is None or f"{entry.started_utc.astimezone():%Y-%m-%d %H:%M}"
    session = read_session(folder)
    properties = (name for name in dir(Session) if not name.startswith("_"))
    for name in properties:
        if not callable(getattr(type(session), name, None)):
            getattr(session, name)
    problems_of(session)
    load_review(session)
    html_report([session], made=datetime.now(UTC), version="1")
    for layout in ("openface", "pyfeat"):
        rows_csv(session, layout)
    for table in (annotations_csv, changes_csv, faces_csv, summary_csv):
        table([session])


@pytest.mark.parametrize("key", KEYS)
def test_an_odd_value_costs_itself(make_session: Maker, key: str) -> None:
    folder = make_session([[(1, "happy")], [(1, "sad")]], complete=False)
    path = folder / "session.json"
    good = json.loads(path.read_text("utf-8"))
    for odd in ODD:
        path.write_text(json.dumps({**good, key: odd}), "utf-8")
        use(folder)
        list_sessions(folder.parent)
        repair(folder)
        use(folder)


@pytest.mark.parametrize("last_s", ["1e9", "1e15", "1e300", "-1e300", "-5"])
def test_a_last_row_with_an_absurd_time_keeps_nobody_busy(make_session: Maker, last_s: str) -> None:
    folder = make_session([[(1, "happy")]] * 3)
    path = folder / "results.csv"
    lines = path.read_text().splitlines(keepends=True)
    parts = lines[-1].split(",")
    lines[-1] = ",".join([parts[0], last_s, *parts[2:]])
    path.write_text("".join(lines))
    began_s = time.process_time()
    # refused by some of the uses, which is right too
    with contextlib.suppress(RecordingError):
        use(folder)
    assert time.process_time() - began_s < 3


def test_a_field_of_any_length_is_no_traceback(make_session: Maker) -> None:
    long = "x" * 200_000
    folder = make_session([[(1, "happy")]] * 3, markers=[(0.15, long)])
    use(folder)
    session = read_session(folder)
    assert session.table.markers[0][1] == long
    assert session.rows[2]["marker"] == long
