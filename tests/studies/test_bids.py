"""A study as BIDS: names, one clock, and what the public validator says of it."""

import csv
import gzip
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ferdesk.errors import RecordingError
from ferdesk.studies.bids import SAMPLING_HZ, safe_labels, write_bids
from ferdesk.studies.results import read_study_sessions
from tests.helpers.study_sessions import LAST_S, STEP_S, TRIALS, button, scale, trial, write_run


def read_tsv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def read_json(path: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return table


def samples_of(path: Path) -> list[list[str]]:
    text = gzip.decompress(path.read_bytes()).decode()
    return [line.split("\t") for line in text.splitlines()]


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """Two participants, whose codes BIDS does not take."""
    trials = (*TRIALS[:2], trial(2, "oak", None, None, condition="wood", status="skipped"))
    folders = [
        write_run(
            tmp_path, "P-1", group="late", happy=lambda t_s: 0.2 if t_s < 4 else 0.7,
            sees=lambda t_s: not 2.0 <= t_s < 3.0, trials=trials, name="a",
            answers=[scale(6), button("Yes", 0.875)],
        ),
        write_run(tmp_path, "p_1", group="early", choice="all", name="b"),
    ]  # fmt: skip
    out = tmp_path / "bids"
    write_bids(read_study_sessions(folders), out, version="9.9")
    return out


def test_codes_become_labels_that_bids_and_every_disk_keep_apart() -> None:
    assert safe_labels(["P-1", "p_1", "p1", "李", "P-1", ""]) == {
        "P-1": "P1", "p_1": "p1x2", "p1": "p1x3", "李": "participant", "": "participantx2",
    }  # fmt: skip


def test_participants_keep_their_code_condition_and_fields(data_set: Path) -> None:
    assert read_tsv(data_set / "participants.tsv") == [
        {"participant_id": "sub-P1", "code": "P-1", "group": "late", "age": "31"},
        {"participant_id": "sub-p1x2", "code": "p_1", "group": "early", "age": "31"},
    ]
    assert set(read_json(data_set / "participants.json")) == {"code", "group", "age"}


def test_trials_are_events_and_answers_behaviour(data_set: Path) -> None:
    folder = data_set / "sub-P1" / "beh"
    baseline, lake = read_tsv(folder / "sub-P1_task-Waterandwood_events.tsv")
    assert (baseline["trial_type"], baseline["onset"], baseline["duration"]) == (
        "baseline", "0.5", "2",
    )  # fmt: skip
    assert {key: lake[key] for key in ("onset", "duration", "stimulus", "condition")} == {
        "onset": "3.1", "duration": "2", "stimulus": "lake", "condition": "water",
    }  # fmt: skip
    assert (lake["onset_method"], lake["onset_error"], lake["note"]) == (
        "frameSwapped", "0.0167", "n/a",
    )  # fmt: skip
    sidecar = read_json(folder / "sub-P1_task-Waterandwood_events.json")
    assert sidecar["StimulusPresentation"]["NotShown"] == ["2 oak: skipped"]
    assert set(lake) <= set(sidecar) | {"onset", "duration"}
    calm, known = read_tsv(folder / "sub-P1_task-Waterandwood_beh.tsv")
    assert (calm["response"], calm["response_value"], calm["response_time"], calm["time"]) == (
        "6", "6", "0.75", "5.5",
    )  # fmt: skip
    assert (known["response"], known["response_value"]) == ("Yes", "n/a")


def test_traces_are_on_one_clock_with_gaps_where_nobody_was_seen(data_set: Path) -> None:
    stem = data_set / "sub-P1" / "beh" / "sub-P1_task-Waterandwood_physio"
    sidecar = read_json(stem.with_suffix(".json"))
    assert (sidecar["SamplingFrequency"], sidecar["StartTime"]) == (SAMPLING_HZ, 0.0)
    assert "m_jawOpen" not in sidecar["Columns"]
    samples = samples_of(Path(f"{stem}.tsv.gz"))
    assert {len(one) for one in samples} == {len(sidecar["Columns"])}
    # to the last row, at 8.88 s
    assert len(samples) == round((LAST_S - STEP_S) * SAMPLING_HZ) - 1
    happy = [one[sidecar["Columns"].index("p_happy")] for one in samples]
    at = {t_s: happy[int(t_s * SAMPLING_HZ)] for t_s in (1.0, 2.5, 3.5, 4.5)}
    assert at == {1.0: "0.2", 2.5: "n/a", 3.5: "0.2", 4.5: "0.7"}
    other = data_set / "sub-p1x2" / "beh" / "sub-p1x2_task-Waterandwood_physio.json"
    assert "m_jawOpen" in read_json(other)["Columns"]


def test_several_sessions_of_a_participant_are_runs(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path, "P1", trials=TRIALS[:2], name="a"),
        write_run(tmp_path, "P1", trials=TRIALS[2:], name="b", study={"resumed_from": 2}),
    ]
    out = tmp_path / "bids"
    write_bids(read_study_sessions(folders), out, version="9.9")
    names = [path.name for path in sorted((out / "sub-P1" / "beh").glob("*_events.tsv"))]
    assert names == [
        "sub-P1_task-Waterandwood_run-1_events.tsv", "sub-P1_task-Waterandwood_run-2_events.tsv",
    ]  # fmt: skip


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    runs = read_study_sessions([write_run(tmp_path / "data", "P1")])
    with pytest.raises(RecordingError, match="is not empty; choose another folder"):
        write_bids(runs, tmp_path, version="9.9")


def test_a_folder_that_cannot_be_looked_into_is_one_sentence(tmp_path: Path) -> None:
    runs = read_study_sessions([write_run(tmp_path / "data", "P1")])
    with pytest.raises(RecordingError, match=r"cannot be (read|written): "):
        write_bids(runs, tmp_path / ("long" * 100), version="9.9")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_public_validator_finds_no_error(data_set: Path) -> None:
    """``npm install -g bids-validator`` (1.15); it needs no network of its own."""
    program = shutil.which("bids-validator")
    if program is None:
        pytest.skip("needs bids-validator of npm on the path")
    done = subprocess.run(
        [program, str(data_set), "--json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]
    assert [issue["reason"] for issue in issues["errors"]] == []
    # a study file names no authors, and the second participant gave no answers
    assert {issue["key"] for issue in issues["warnings"]} <= {
        "NO_AUTHORS", "INCONSISTENT_SUBJECTS",
    }  # fmt: skip
