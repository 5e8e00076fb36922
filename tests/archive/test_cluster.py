"""Work on a cluster: the same rows, from machines that see the archive and others that do not."""

import csv
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ferdesk.archive import cluster
from ferdesk.archive.crew import Finished, WorkerSetup
from ferdesk.archive.plan import Item, Todo
from ferdesk.archive.processes import event_of, task_of
from ferdesk.errors import FerdeskError
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.factory.models import bundled_models
from ferdesk.ray_cluster import connect
from ferdesk.sessions.reader import problems_of, read_session
from tests.helpers.videos import write_film

ROOT = Path(__file__).parents[2]
needs_model = pytest.mark.skipif(not bundled_models(), reason="no expression model ships")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        return [{**row, "latency_ms": ""} for row in csv.DictReader(file)]


@needs_model
@pytest.mark.timeout(120)
@pytest.mark.parametrize("shared", [True, False])
def test_a_session_arrives_whether_the_machine_sees_the_archive_or_not(
    tmp_path: Path, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_PIECE_BYTES", 100)
    film = tmp_path / "film.mp4"
    write_film(film, 4)
    out = tmp_path / "out"
    out.mkdir()
    if shared:
        (out / "token").touch()
    worker = cluster.NodeWorker(
        WorkerSetup(None, "cpu", out, AnalysisOptions(out).table()), "token"
    )
    assert worker.open() == {"said": "ready", "device": "CPU"}
    item = Item(7, str(film), Todo.NEW, "film", labels={"participant": "p03"})
    thread = threading.Thread(target=worker.analyze, args=(task_of(item),))
    thread.start()
    incoming = cluster._Incoming(out)
    finished: Finished | None = None
    pieces = 0
    while finished is None:
        for message in worker.messages():
            if message["said"] == "piece":
                assert len(message["data"]) <= 100
                pieces += 1
                incoming.take(message)
            elif isinstance(event := event_of(0, message), Finished):
                finished = incoming.settle(event, item)
    thread.join()
    assert (pieces > 0) is not shared
    assert finished.outcome.folder == out / "film"
    assert finished.outcome.whole
    session = read_session(out / "film")
    assert problems_of(session) == []
    assert len(session.rows) == 4
    assert session.about["participant"] == "p03"
    left = {path.name for path in out.iterdir()} - {"film", "token", ".ferdesk"}
    assert left == set()


def test_a_machine_that_is_lost_leaves_nothing_half(tmp_path: Path) -> None:
    incoming = cluster._Incoming(tmp_path)
    incoming.take({"said": "piece", "number": 1, "file": "../results.csv", "data": b"frame"})
    assert not (tmp_path / "results.csv").exists()
    assert len(list((tmp_path / ".ferdesk").iterdir())) == 1
    incoming.forget()
    assert list((tmp_path / ".ferdesk").iterdir()) == []


def test_a_file_on_which_a_machine_fails_is_told_and_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    setup = WorkerSetup(None, "cpu", tmp_path, AnalysisOptions(tmp_path).table())
    worker = cluster.NodeWorker(setup, "token")
    worker._pipeline = object()  # type: ignore[assignment]
    monkeypatch.setattr(cluster, "analyze_task", fail)
    item = Item(7, "film.mp4", Todo.NEW, "film")
    worker.analyze(task_of(item))
    (message,) = worker.messages()
    event = event_of(0, message)
    assert isinstance(event, Finished)
    assert event.outcome.problem == "film.mp4 could not be analysed: the disk is full."
    incoming = cluster._Incoming(tmp_path)
    incoming.take({"said": "piece", "number": 7, "file": "results.csv", "data": b"frame"})
    assert incoming.settle(event, item) == event
    assert [path.name for path in tmp_path.iterdir()] == [".ferdesk"]
    assert list((tmp_path / ".ferdesk").iterdir()) == []


def test_without_ray_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(FerdeskError, match=r"ferdesk\[cluster\]"):
        connect("auto")


# ---- with Ray itself


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def analyze(*arguments: str | Path, **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "ferdesk", "analyze", *map(str, arguments)],
        env=environment(**more), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def sources(folder: Path, *numbers: int) -> Path:
    folder.mkdir()
    for number in numbers:
        write_film(folder / f"film{number}.mp4", number)
    return folder


@pytest.fixture
def two_nodes() -> Any:
    pytest.importorskip("ray", reason="ferdesk[cluster] is not installed")
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", PYTHONPATH=str(ROOT))
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        yield made, made.add_node(num_cpus=1)
    finally:
        made.shutdown()  # type: ignore[no-untyped-call, unused-ignore]


@needs_model
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cluster_of_two_loses_one_and_finishes_with_the_same_rows(
    two_nodes: Any, tmp_path: Path
) -> None:
    made, second = two_nodes
    numbers = range(60, 72)
    folder = sources(tmp_path / "in", *numbers)
    with analyze(folder, "--out", tmp_path / "one", "--jobs", "1") as one:
        assert one.wait(300) == 0, one.communicate()
    with analyze(folder, "--out", tmp_path / "many", "--cluster", made.address, "--json") as work:
        workers: set[int] = set()
        found: dict[str, Path] = {}
        assert work.stdout is not None
        num_finished = 0
        for line in work.stdout:
            assert line.startswith("{"), line
            event = json.loads(line)
            if event["event"] == "began":
                workers.add(event["worker"])
            if event["event"] == "finished":
                num_finished += 1
                found[Path(event["source"]).stem] = Path(event["folder"])
            if len(workers) == 2 and num_finished == 3 and second is not None:
                made.remove_node(second, allow_graceful=False)
                second = None
        assert work.wait(60) == 0, work.communicate()
    assert second is None, "both nodes had no work at once"
    for number in numbers:
        name = f"film{number}"
        assert rows(found[name]) == rows(tmp_path / "one" / name)
        assert problems_of(read_session(found[name])) == []
    # what the lost machine may have written on is gone with the next start
    with analyze(folder, "--out", tmp_path / "many") as again:
        assert again.wait(60) == 0, again.communicate()
    assert {path for path in (tmp_path / "many").iterdir() if path.name[0] != "."} == {
        *found.values()
    }


@needs_model
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_cluster_of_this_machine_connects_to_nobody(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ferdesk[cluster] is not installed")
    trace = tmp_path / "trace.txt"
    folder = sources(tmp_path / "in", 3, 4)
    silencers = {"CI", "RAY_USAGE_STATS_ENABLED", "https_proxy", "HTTPS_PROXY"}
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace),
         sys.executable, "-m", "ferdesk", "analyze", str(folder), "--cluster", "auto",
         "--out", str(tmp_path / "out")],
        env={name: value for name, value in environment().items() if name not in silencers},
        capture_output=True, text=True, timeout=290, check=False,
    )  # fmt: skip
    if "ptrace" in done.stderr:
        pytest.skip("this machine does not allow strace")
    assert done.returncode == 0, done.stderr
    time.sleep(0.5)
    lines = [line for line in trace.read_text(errors="replace").splitlines() if "sin" in line]
    # Ray's way to learn its own address: a datagram socket is given a peer, and sends nothing
    asks_kernel = "connect(", 'sin_port=htons(53), sin_addr=inet_addr("8.8.8.8")}, 16) = 0'
    lines = [line for line in lines if not all(part in line for part in asks_kernel)]
    here = {one.address for found in psutil.net_if_addrs().values() for one in found}
    named = (*here, "::1", "0.0.0.0")
    own = [f'"{address}"' for name in named for address in (name, f"::ffff:{name}")]
    assert [line for line in lines if not any(one in line for one in own)] == []
