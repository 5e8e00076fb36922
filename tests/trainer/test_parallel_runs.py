"""Several runs at a time: so many and no more, each in its folder, one failure stops no other."""

import os
import sys
from pathlib import Path

import pytest

from trainer.training.parallel_runs import Job, Overview, devices_of, environment_of, run_many

# a program that takes fit's arguments: it logs a row, and waits for a file, or fails
PROGRAM = """
import json, pathlib, signal, sys, time
arguments = sys.argv[1:]
folder = pathlib.Path(arguments[arguments.index("--out") + 1])
(folder / "log.jsonl").write_text(json.dumps({"epoch": 1}) + "\\n")
print("begun", arguments, flush=True)
if "fail" in arguments:
    sys.exit("Error: no luck.")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
while "wait" in arguments and not (folder.parent / "go").exists():
    time.sleep(0.01)
"""
FAKE = (sys.executable, "-c", PROGRAM)


def test_no_more_run_than_were_allowed_and_all_end(tmp_path: Path) -> None:
    jobs = [Job(tmp_path / str(number), ("wait",), "cpu") for number in range(4)]
    most = 0

    def watch(overview: Overview) -> None:
        nonlocal most
        most = max(most, len(overview.running))
        if sum(bool(row) for row in overview.running.values()) == 2:
            (tmp_path / "go").touch()

    ended = run_many(jobs, 2, report=watch, program=FAKE)
    assert most == 2
    assert sorted(outcome.job.folder.name for outcome in ended) == ["0", "1", "2", "3"]
    assert all(outcome.done for outcome in ended)
    said = (tmp_path / "3" / "output.txt").read_text()
    assert "'--resume', '--device', 'cpu'" in said


def test_a_run_that_fails_is_told_and_the_next_one_runs(tmp_path: Path) -> None:
    jobs = [Job(tmp_path / "bad", ("fail",)), Job(tmp_path / "good", ())]
    ended = run_many(jobs, 1, program=FAKE)
    assert [(outcome.code, outcome.done) for outcome in ended] == [(1, False), (0, True)]
    assert ended[0].last_words == "Error: no luck."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_a_stop_asks_each_run_to_save_and_starts_no_other(tmp_path: Path) -> None:
    jobs = [Job(tmp_path / str(number), ("wait",)) for number in range(3)]
    begun = False

    def watch(overview: Overview) -> None:
        nonlocal begun
        begun = begun or sum(bool(row) for row in overview.running.values()) == 2

    ended = run_many(jobs, 2, report=watch, stop_requested=lambda: begun, program=FAKE)
    assert [outcome.code for outcome in ended] == [1, 1]
    assert not (tmp_path / "2").exists()


def test_runs_share_the_cores_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "TORCHINDUCTOR_COMPILE_THREADS"
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert [environment_of(at_once)[name] for at_once in (1, 3, 40)] == ["16", "5", "1"]
    monkeypatch.setenv(name, "2")
    assert environment_of(3)[name] == "2"


def test_jobs_are_dealt_out_to_all_gpus() -> None:
    assert devices_of("auto", 2) == ["cuda:0", "cuda:1"]
    assert devices_of("auto", 1) == ["auto"]
    assert devices_of("cpu", 2) == ["cpu"]
