"""Runs on a cluster: as beside each other on one machine, also where a machine is lost."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainer.cli import crew
from trainer.training import cluster_runs, parallel_runs
from trainer.training.cluster_runs import Cluster, Share
from trainer.training.parallel_runs import Job, Overview

ROOT = Path(__file__).parents[2]

# a program that takes fit's arguments: it logs a row, and waits for a file, or fails
PROGRAM = """
import json, os, pathlib, signal, sys, time
arguments = sys.argv[1:]
folder = pathlib.Path(arguments[arguments.index("--out") + 1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
(folder / "log.jsonl").write_text(json.dumps({"epoch": 1}) + "\\n")
print(os.getcwd(), arguments, flush=True)
if "fail" in arguments:
    sys.exit("Error: no luck.")
while "wait" in arguments and not (folder.parent / "go").exists():
    time.sleep(0.01)
"""
FAKE = ("-c", PROGRAM)


class FakeError(Exception):
    """What Ray raises where a machine is lost."""


class FakeActor:
    def __init__(self, run: cluster_runs.NodeRun) -> None:
        self.run, self.lost = run, False

    def __getattr__(self, name: str) -> Any:
        def remote() -> Callable[[], object]:
            if name != "code":
                getattr(self.run, name)()

            def promise() -> object:
                if self.lost:
                    self.run.kill()
                    raise FakeError("many lines\n  The node of this actor died.")
                return getattr(self.run, name)()

            return promise

        return SimpleNamespace(remote=remote)


class FakeRay:
    """Ray whose machines are this one."""

    exceptions = SimpleNamespace(RayError=FakeError)

    def __init__(self, **resources: float) -> None:
        self.resources = resources
        self.options: dict[str, object] = {}
        self.actors: list[FakeActor] = []
        self.commands: list[list[str]] = []

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def nodes(self) -> list[dict[str, object]]:
        return [{"Alive": True}, {"Alive": False}, {"Alive": True}]

    def remote(self, kind: type) -> Any:
        def begin(command: list[str], folder: str, place: str) -> FakeActor:
            self.commands.append(command)
            self.actors.append(FakeActor(kind(command, folder, place)))
            return self.actors[-1]

        def options(**options: object) -> Any:
            self.options = options
            return SimpleNamespace(remote=begin)

        return SimpleNamespace(options=options)

    def wait(self, promises: list[Any], *, num_returns: int, timeout: float) -> Any:
        time.sleep(0.01)
        first = promises.pop(0)
        return [first], promises

    def get(self, promise: Callable[[], object]) -> object:
        return promise()

    def kill(self, actor: FakeActor) -> None:
        actor.run.kill()

    def shutdown(self) -> None:
        pass


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    ray = FakeRay(CPU=12.0)
    monkeypatch.setattr(cluster_runs, "connect", lambda _address: ray)
    monkeypatch.setattr(cluster_runs, "_ASK_S", 0.01)
    return ray


def test_jobs_run_as_beside_each_other_with_their_share(tmp_path: Path, ray: FakeRay) -> None:
    jobs = [Job(tmp_path / str(number), ("wait", f"seed={number}"), "cpu") for number in range(3)]
    jobs.append(Job(tmp_path / "bad", ("fail",)))
    most = 0

    def watch(overview: Overview) -> None:
        nonlocal most
        most = max(most, len(overview.running))
        if sum(bool(row) for row in overview.running.values()) == 2:
            (tmp_path / "go").touch()

    cluster = Cluster("auto")
    ended = cluster.run_many(jobs, 2, share=Share(0.25, 3), report=watch, program=FAKE)
    assert most == 2
    assert {(one.job.folder.name, one.code) for one in ended} == {
        ("0", 0), ("1", 0), ("2", 0), ("bad", 1),
    }  # fmt: skip
    assert [one.last_words for one in ended if not one.done] == ["Error: no luck."]
    assert (ray.options["num_gpus"], ray.options["num_cpus"]) == (0.25, 3)
    # word for word what run_many gives to a process here
    assert ray.commands == [parallel_runs.command_of(job, FAKE) for job in jobs]
    assert str(Path.cwd()) in (tmp_path / "2" / "output.txt").read_text()


def test_a_run_whose_machine_is_lost_is_begun_again_and_given_up_after_three(
    tmp_path: Path, ray: FakeRay
) -> None:
    def lose(name: str) -> Callable[[Overview], None]:
        def watch(overview: Overview) -> None:
            if name == "once" and len(ray.actors) > 1:
                (tmp_path / "go").touch()
            elif overview.running and any(overview.running.values()):
                ray.actors[-1].lost = True

        return watch

    cluster = Cluster("auto")
    (outcome,) = cluster.run_many(
        [Job(tmp_path / "once", ("wait",))], 1, report=lose("once"), program=FAKE
    )
    assert (outcome.code, len(ray.actors)) == (0, 2)
    (tmp_path / "go").unlink()
    ray.actors.clear()
    (outcome,) = cluster.run_many(
        [Job(tmp_path / "ever", ("wait",))], 1, report=lose("ever"), program=FAKE
    )
    assert (outcome.code, len(ray.actors)) == (cluster_runs.LOST, 3)
    assert outcome.last_words == "The node of this actor died."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_a_stop_asks_each_run_to_save_and_starts_no_other(tmp_path: Path, ray: FakeRay) -> None:
    jobs = [Job(tmp_path / str(number), ("wait",)) for number in range(3)]
    begun = False

    def watch(overview: Overview) -> None:
        nonlocal begun
        begun = begun or sum(bool(row) for row in overview.running.values()) == 2

    ended = Cluster("auto").run_many(
        jobs, 2, report=watch, stop_requested=lambda: begun, program=FAKE
    )
    assert [outcome.code for outcome in ended] == [1, 1]
    assert not (tmp_path / "2").exists()


@pytest.mark.parametrize(
    ("resources", "at_once", "wanted"),
    [
        ({"CPU": 12.0}, None, (2, Share(0.0, 6))),
        ({"CPU": 12.0}, 5, (5, Share(0.0, 2))),
        ({"CPU": 12.0, "GPU": 3.0}, None, (3, Share(1.0, 4))),
        ({"CPU": 12.0, "GPU": 2.0}, 6, (6, Share(1 / 3, 2))),
        ({"CPU": 2.0, "GPU": 2.0}, 3, (3, Share(0.5, 1))),
    ],
)
def test_a_run_has_its_share_of_gpus_and_cores(
    ray: FakeRay, resources: dict[str, float], at_once: int | None, wanted: tuple[int, Share]
) -> None:
    ray.resources = resources
    assert Cluster("auto").share(at_once) == wanted


def test_the_options_choose_the_crew(ray: FakeRay) -> None:
    with crew.crew_of("cpu", 1, "") as none:
        assert none is None
    with crew.crew_of("cpu", 3, "") as here:
        assert here is not None
        assert (here.at_once, here.run_many) == (3, parallel_runs.run_many)
    with crew.crew_of("auto", 1, "auto") as there:
        assert there is not None
        assert (there.at_once, list(there.devices)) == (2, ["auto"])
        assert there.job(5, Path("runs/a"), ["--x"]) == Job(Path("runs/a"), ("--x",), "auto")


def test_a_folder_that_a_machine_does_not_see_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="share"):
        cluster_runs.NodeRun([], str(tmp_path / "elsewhere"), str(tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_real_cluster_of_two_loses_one_and_finishes(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ferdesk[cluster] is not installed")
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", PYTHONPATH=str(ROOT))
    from ray.cluster_utils import Cluster as LocalCluster

    made = LocalCluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    second: Any = made.add_node(num_cpus=1)
    joined = Cluster(made.address)
    try:
        jobs = [Job(tmp_path / str(number), ("wait",)) for number in range(3)]

        def watch(overview: Overview) -> None:
            nonlocal second
            if second is not None and sum(map(bool, overview.running.values())) == 2:
                made.remove_node(second, allow_graceful=False)
                second = None
            elif second is None and sum(map(bool, overview.running.values())) == 2:
                (tmp_path / "go").touch()

        num, share = joined.share(None)
        assert (num, share) == (2, Share(0.0, 1))
        ended = joined.run_many(jobs, num, share=share, report=watch, program=FAKE)
        assert second is None
        assert sorted((one.job.folder.name, one.code) for one in ended) == [
            ("0", 0), ("1", 0), ("2", 0),
        ]  # fmt: skip
    finally:
        joined.close()
        made.shutdown()  # type: ignore[no-untyped-call, unused-ignore]
