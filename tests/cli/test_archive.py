"""``ferdesk analyze`` on many files: one plan, any number of jobs, and nothing done twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, EXIT_USAGE
from ferdesk.factory.models import bundled_models
from ferdesk.sessions.reader import problems_of, read_session
from tests.helpers.videos import write_film

pytestmark = [
    pytest.mark.skipif(not bundled_models(), reason="no expression model ships in this checkout"),
    pytest.mark.timeout(180),
]

ROOT = Path(__file__).parents[2]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "ferdesk", "analyze", *map(str, arguments)]


def analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=170, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def films(folder: Path, *numbers: int) -> Path:
    """Films of 3 frames and more, each another."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        write_film(folder / f"film{number}.mp4", 2 + number)
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    session = read_session(folder)
    assert problems_of(session) == []
    return [{**row, "latency_ms": ""} for row in session.rows]


def events(done: "subprocess.CompletedProcess[str]", kind: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in lines if line["event"] == kind]


def kinds(done: "subprocess.CompletedProcess[str]") -> list[str]:
    found = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    return [kind for kind in found if kind not in ("advanced", "ready")]


def test_two_jobs_write_the_same_rows_as_one_and_a_second_start_does_nothing(
    tmp_path: Path,
) -> None:
    source = films(tmp_path / "in", 1, 2, 3)
    one = analyze(source, "--out", tmp_path / "one", "--jobs", "1")
    two = analyze(source, "--out", tmp_path / "two", "--jobs", "2", "--json")
    assert (one.returncode, two.returncode) == (EXIT_OK, EXIT_OK), one.stderr + two.stderr
    for number in (1, 2, 3):
        name = f"film{number}"
        assert rows(tmp_path / "one" / name) == rows(tmp_path / "two" / name)
        assert len(rows(tmp_path / "one" / name)) == 2 + number
    assert len(events(two, "finished")) == 3
    assert {event["worker"] for event in events(two, "ready")} == {0, 1}
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["film1", "film2", "film3"]

    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("*")}
    again = analyze(source, "--out", tmp_path / "two", "--jobs", "2")
    assert again.returncode == EXIT_OK
    assert "3 of 3 are done already" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("*")} == stamps


def test_a_film_that_is_added_is_all_that_a_second_start_does(tmp_path: Path) -> None:
    source = films(tmp_path / "in", 1)
    assert analyze(source, "--out", tmp_path / "out").returncode == EXIT_OK
    films(source, 2)
    (source / "broken.mp4").write_bytes(b"no film")
    dry = analyze(source, "--out", tmp_path / "out", "--dry-run")
    assert dry.stdout.splitlines()[-1] == "2 of 3 to do, 1 done"
    done = analyze(source, "--out", tmp_path / "out", "--json")
    assert done.returncode == EXIT_PARTIAL
    assert [Path(str(event["source"])).name for event in events(done, "began")] == [
        "broken.mp4",
        "film2.mp4",
    ]
    (error,) = events(done, "error")
    assert "broken.mp4" in str(error["text"])
    assert (tmp_path / "out" / "film2" / "results.csv").exists()


def test_subfolders_and_a_table_label_the_sessions(tmp_path: Path) -> None:
    films(tmp_path / "in" / "sad", 1)
    films(tmp_path / "in" / "funny", 2)
    (tmp_path / "who.csv").write_text("file,participant\nfilm2.mp4,p07\nfilm9.mp4,p09\n")
    done = analyze(
        tmp_path / "in", "--recursive", "--labels", tmp_path / "who.csv", "--out", tmp_path / "out"
    )
    assert done.returncode == EXIT_OK, done.stderr
    assert "film9.mp4 is none of the files" in done.stderr
    about = {
        name: json.loads((tmp_path / "out" / name / "session.json").read_text())
        for name in ("film1", "film2")
    }
    assert [about[name].get("condition") for name in about] == ["sad", "funny"]
    assert [about[name].get("participant") for name in about] == [None, "p07"]

    # the table was mended: what is done is not analysed again for that
    (tmp_path / "who.csv").write_text("file,participant\nfilm2.mp4,p08\nsad/film1.mp4,p01\n")
    rows = (tmp_path / "out" / "film2" / "results.csv").stat().st_mtime_ns
    again = analyze(
        tmp_path / "in", "--recursive", "--labels", tmp_path / "who.csv", "--out", tmp_path / "out"
    )
    assert again.returncode == EXIT_OK, again.stderr
    assert f"{tmp_path / 'out' / 'film2'}: participant p08" in again.stderr
    for name, participant, condition in (("film1", "p01", "sad"), ("film2", "p08", "funny")):
        about = json.loads((tmp_path / "out" / name / "session.json").read_text())
        assert (about["participant"], about["condition"]) == (participant, condition)
    assert (tmp_path / "out" / "film2" / "results.csv").stat().st_mtime_ns == rows


def test_only_what_matches_and_only_a_part_of_it(tmp_path: Path) -> None:
    source = films(tmp_path / "in", 1, 28)
    done = analyze(
        source, "--match", "*28*", "--clip", "00:00.2-00:00.6", "--rate", "10",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == EXIT_OK, done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["film28"]
    times = [round(float(row["t_s"]), 1) for row in rows(tmp_path / "out" / "film28")]
    assert times == [0.2, 0.3, 0.4, 0.5]


def test_a_pattern_holds_for_folders_in_either_case_and_a_file_comes_once(tmp_path: Path) -> None:
    source = films(tmp_path / "in", 1, 2)
    (source / "film2.mp4").rename(source / "FILM2.MP4")
    (source / "film3.mov").write_bytes(b"")
    alone = films(tmp_path / "other", 4) / "film4.mp4"
    done = analyze(
        source, f"{source}/.", alone, source / "film1.mp4", "--match", "*2.mp4",
        "--out", tmp_path / "out", "--dry-run",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
    names = [Path(line.split()[-1]).name for line in done.stdout.splitlines()[:-1]]
    assert names == ["FILM2.MP4", "film4.mp4", "film1.mp4"]


def test_every_line_for_programs_is_json_also_where_nothing_is_to_be_done(tmp_path: Path) -> None:
    source, out = films(tmp_path / "in", 1), tmp_path / "out"
    dry = analyze(source, "--out", out, "--json", "--dry-run")
    assert kinds(dry) == ["plan", "todo"]
    assert events(dry, "todo") == [
        {"event": "todo", "source": f"{source}/film1.mp4", "again": False}
    ]
    first = analyze(source, tmp_path / "nowhere", "--out", out, "--json", "--clip", "5-6")
    assert first.returncode == EXIT_PARTIAL
    assert kinds(first)[0] == "plan"
    assert "--clip" in str(events(first, "note")[0]["text"])
    ended = {"event": "end", "whole": 1, "failed": 1, "elsewhere": 0, "left": 0}
    assert events(first, "end") == [ended]
    (tmp_path / "empty").mkdir()
    nothing = analyze(source, tmp_path / "empty", "--out", out, "--json", "--clip", "5-6")
    assert nothing.returncode == EXIT_PARTIAL
    assert kinds(nothing) == ["error", "plan", "done", "end"]
    assert events(nothing, "done")[0]["folder"] == str(out / "film1")
    wrong = analyze(source, "--out", out, "--json", "--labels", tmp_path / "none.csv")
    assert (wrong.returncode, kinds(wrong)) == (EXIT_UNUSABLE, ["error"])


def test_frames_cannot_be_chosen_in_two_ways(tmp_path: Path) -> None:
    source = films(tmp_path / "in", 1)
    done = analyze(source, "--every", "2", "--rate", "10", "--out", tmp_path / "out")
    assert done.returncode == EXIT_USAGE
    assert "--every and --rate" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_killed_workers_and_a_killed_parent_cost_nothing_that_was_finished(tmp_path: Path) -> None:
    source = films(tmp_path / "in", *range(40, 52))
    out = tmp_path / "out"
    parent = subprocess.Popen(
        command(source, "--out", out, "--jobs", "2"), env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(lambda: len(finished(out)) >= 2)
    workers = children_of(parent.pid)
    os.kill(workers[0], signal.SIGKILL)
    wait_for(lambda: len(finished(out)) >= 4)
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    before = {path: path.stat().st_mtime_ns for path in finished(out)}
    again = analyze(source, "--out", out, "--jobs", "2")
    assert again.returncode == EXIT_OK, again.stderr
    assert len(finished(out)) == 12
    assert {path: path.stat().st_mtime_ns for path in before} == before
    for path in finished(out):
        assert problems_of(read_session(path.parent)) == []


def finished(out: Path) -> list[Path]:
    whole = []
    for path in out.glob("*/session.json"):
        about = json.loads(path.read_text())
        if about["complete"] and not about["events"]:
            whole.append(path)
    return whole


def children_of(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children()]


def wait_for(condition: "object", timeout_s: float = 60.0) -> None:
    assert callable(condition)
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.05)
