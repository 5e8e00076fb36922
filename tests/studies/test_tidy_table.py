"""The tidy table of a study: each value stands in its column, in CSV and in Parquet."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from ferdesk.adapters.outputs.parquet_export import write_tidy_parquet
from ferdesk.core.labels import LABELS
from ferdesk.errors import RecordingError
from ferdesk.studies.results import read_study_sessions
from ferdesk.studies.tidy_table import tidy_columns, tidy_part, write_tidy_csv
from tests.helpers.results import named_values
from tests.helpers.study_sessions import TRIALS, seen_face, trial, write_run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_each_value_stands_in_its_column(tmp_path: Path) -> None:
    trials = [trial(1, "lake", 3.1, 5.1, condition="water")]
    folder = write_run(
        tmp_path, "P1", group="late", choice="all", trials=trials, happy=lambda _: 0.8,
        sees=lambda t_s: t_s > 3.3,
    )  # fmt: skip
    path = tmp_path / "rows.csv"
    write_tidy_csv(read_study_sessions([folder]), path)
    rows = rows_of(path)
    assert [row["t_s"] for row in rows[:4]] == ["3.120000", "3.200000", "3.280000", "3.360000"]
    assert len(rows) == 25
    seen = rows[3]
    assert {name: seen[name] for name in list(seen)[:12]} == {
        "participant": "P1",
        "condition": "late",
        "session": "run-P1",
        "trial": "1",
        "stimulus": "lake",
        "kind": "image",
        "phase": "stimulus",
        "stimulus_condition": "water",
        "status": "shown",
        "since_onset_s": "0.260000",
        "t_s": "3.360000",
        "frame": "42",
    }
    # a frame without the face has the trial's columns, and nothing of a face
    empty = rows[0]
    assert empty["stimulus"] == "lake"
    assert not any(empty[name] for name in list(empty)[12:])
    face = seen_face(0.8)
    wanted = named_values(replace(face, face_id=3)) | {
        "face_id": 1, "label": "happy", "confidence": 0.4, "uncertain": 0, "reason": "",
    }  # fmt: skip
    del wanted["valence"]
    for name, value in wanted.items():
        if isinstance(value, str):
            assert seen[name] == value, name
        else:
            assert float(seen[name]) == pytest.approx(value, abs=1e-6), name
    assert {name: seen[f"p_{name}"] for name in LABELS} != {
        name: seen[f"s_{name}"] for name in LABELS
    }


def test_parquet_has_the_same_rows_with_nulls(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path, "P1", happy=lambda _: 0.2, sees=lambda t_s: t_s > 1),
        write_run(tmp_path, "P2", happy=lambda _: 0.6, choice="all"),
    ]
    runs = read_study_sessions(folders)
    write_tidy_csv(runs, tmp_path / "rows.csv")
    write_tidy_parquet(runs, tmp_path / "rows.parquet")
    rows = rows_of(tmp_path / "rows.csv")
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
    assert table.column_names == list(rows[0]) == [one.name for one in tidy_columns(runs)]
    for column in tidy_columns(runs):
        values = table[column.name].to_pylist()
        for row, value in zip(rows, values, strict=True):
            text = row[column.name]
            if value is None:
                assert text == ""
            elif column.kind == "text":
                assert text == value
            else:
                assert float(text) == pytest.approx(float(value), abs=1e-6), column.name
    # the first participant's blinks were not measured
    blinks = np.array(table["blink_left_s"].to_pylist(), object)
    assert (blinks[np.array(table["participant"].to_pylist()) == "P1"] == None).all()  # noqa: E711


def test_a_parquet_file_that_fails_in_the_middle_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = read_study_sessions([write_run(tmp_path, "P1"), write_run(tmp_path, "P2")])
    out = tmp_path / "out"
    out.mkdir()
    path = out / "rows.parquet"
    path.write_bytes(b"before")
    made = iter([tidy_part(runs[0], tidy_columns(runs))])

    def fails(*_: object) -> object:
        for part in made:
            return part
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ferdesk.adapters.outputs.parquet_export.tidy_part", fails)
    with pytest.raises(RecordingError, match="No space left"):
        write_tidy_parquet(runs, path)
    assert [one.name for one in out.iterdir()] == ["rows.parquet"]
    assert path.read_bytes() == b"before"


def test_a_session_without_a_trial_adds_no_row(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path, "P1", trials=[trial(1, "lake", None, None, status="skipped")]),
        write_run(tmp_path, "P2", trials=TRIALS[1:2]),
    ]
    path = tmp_path / "rows.csv"
    write_tidy_csv(read_study_sessions(folders), path)
    assert {row["participant"] for row in rows_of(path)} == {"P2"}


def test_a_code_that_a_spreadsheet_would_run_is_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    folder = write_run(tmp_path, "=1+1", name="a")
    write_tidy_csv(read_study_sessions([folder]), path)
    assert rows_of(path)[0]["participant"] == "'=1+1"
