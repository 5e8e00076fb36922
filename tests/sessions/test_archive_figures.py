"""Figures of many sessions: by condition, file and face, one session at a time."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.labels import LABELS
from ferdesk.errors import RecordingError
from ferdesk.sessions.archive_figures import ROWS_VIEW, by_condition, faces_csv, figures_of
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.report.archive_page import archive_report
from ferdesk.sessions.summaries import profile
from tests.helpers.sessions import write_two_faces

MADE = datetime(2026, 5, 6, 7, 8, tzinfo=UTC)


def archive(root: Path, *conditions: str) -> list[Path]:
    folders = []
    for number, condition in enumerate(conditions):
        folder = root / f"clip{number}"
        write_two_faces(folder)
        about = json.loads((folder / "session.json").read_text())
        about |= {"condition": condition, "participant": f"p{number // 2}"}
        (folder / "session.json").write_text(json.dumps(about))
        folders.append(folder)
    return folders


def test_a_condition_is_the_mean_over_its_sessions_each_counting_once(tmp_path: Path) -> None:
    folders = archive(tmp_path, "sad", "funny", "sad", "")
    files = list(figures_of(folders))
    figures = by_condition(files)
    assert [(one.name, one.num_sessions) for one in figures] == [
        ("no condition", 1), ("funny", 1), ("sad", 2),
    ]  # fmt: skip
    expected = profile(read_session(folders[0]))
    np.testing.assert_allclose(figures[2].mean, expected.mean)
    assert figures[2].num_participants == 2
    assert figures[2].low is None


def test_ten_sessions_have_an_interval_and_it_is_the_same_each_time(tmp_path: Path) -> None:
    files = list(figures_of(archive(tmp_path, *["sad"] * 10)))
    (one,), (again,) = by_condition(files), by_condition(files)
    assert one.low is not None
    assert one.high is not None
    assert again.low is not None
    np.testing.assert_array_equal(one.low, again.low)
    assert np.all(one.low <= one.mean + 1e-9)
    assert np.all(one.mean <= one.high + 1e-9)


def test_the_table_has_a_line_for_each_face_with_its_labels(tmp_path: Path) -> None:
    folders = archive(tmp_path, "=cmd", "funny")
    rows = list(csv.DictReader(io.StringIO(faces_csv(figures_of(folders)))))
    assert [(row["session"], row["face"]) for row in rows] == [
        ("clip0", "#4"), ("clip0", "#9"), ("clip1", "#4"), ("clip1", "#9"),
    ]  # fmt: skip
    assert [row["condition"] for row in rows] == ["'=cmd", "'=cmd", "funny", "funny"]
    for row in rows:
        assert sum(float(row[f"mean_{label}"]) for label in LABELS) == pytest.approx(1, abs=2e-3)
    assert rows[0]["mean_happy"] != rows[1]["mean_happy"]


def test_the_page_names_what_is_not_whole_and_other_models(tmp_path: Path) -> None:
    folders = archive(tmp_path, "sad & <b>bold</b>", "funny")
    about = json.loads((folders[1] / "session.json").read_text())
    about |= {"complete": False}
    about["model"] = {**about["model"], "name": "other", "version": "9"}
    (folders[1] / "session.json").write_text(json.dumps(about))
    page = archive_report("Study", list(figures_of(folders)), made=MADE, version="1.2")
    assert "sad &amp; &lt;b&gt;bold&lt;/b&gt;" in page
    assert "1 session is not complete (clip1); ferdesk analyze does it again." in page
    assert "2 models" in page
    assert "Content-Security-Policy" in page


def test_the_view_of_all_rows_has_every_session(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    archive(tmp_path, "sad", "funny", "sad")
    view = ROWS_VIEW.replace("'*/results.csv'", f"'{tmp_path}/*/results.csv'")
    duckdb.execute(view)
    found = duckdb.sql("select session, count(*) from archive group by session order by session")
    expected = len(read_session(tmp_path / "clip0").rows)
    assert found.fetchall() == [(f"clip{i}", expected) for i in range(3)]


def test_a_session_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    folders = archive(tmp_path, "sad")
    (folders[0] / "session.json").write_text("{")
    with pytest.raises(RecordingError):
        list(figures_of(folders))
