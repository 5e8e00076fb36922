"""Runs on a cluster: each a process on one of its machines, with its share of a GPU or of cores.

The same as ``parallel_runs``, and with the same results: ``ferdesk-train fit`` in a folder that all
machines see, resumed where it was. A run whose machine is lost is begun again on another.
"""

import contextlib
import math
import os
import platform
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferdesk.ray_cluster import connect
from trainer.training.parallel_runs import Job, Outcome, Overview, command_of, last_row, last_words

_POLL_S = 0.2
_ASK_S = 1.0
_GRACE_S = 120.0
"""Seconds that a run may take to save when all are to stop."""
_MOST_STARTS = 3
"""A run whose machines are lost so often is given up."""
LOST = -1
"""Exit code of a run whose machines were lost."""


@dataclass(frozen=True, slots=True)
class Share:
    """Share of the cluster that a run has."""

    gpus: float = 0.0
    cpus: int = 1


class NodeRun:
    """Run on a machine of the cluster; Ray calls its methods on several threads."""

    def __init__(self, command: Sequence[str], folder: str, place: str) -> None:
        """``place`` is where the command was given, to which its paths are relative."""
        if not Path(folder).is_dir():
            raise FileNotFoundError(
                f"{folder} is not there on {platform.node()}; runs lie in a folder that all "
                f"machines share"
            )
        with (Path(folder) / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command], stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                cwd=place if Path(place).is_dir() else None,
            )  # fmt: skip

    def code(self) -> int | None:
        """The exit code, None after a second in which it went on."""
        try:
            return self._process.wait(_ASK_S)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Let it save and end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Cluster:
    """Cluster of machines; one that ``address`` does not name is begun here."""

    def __init__(self, address: str) -> None:
        """Connect.

        Raises:
            FerdeskError: Ray is not installed, or no cluster answers at the address.
        """
        self._ray = connect(address)

    def share(self, at_once: int | None) -> tuple[int, Share]:
        """How many runs go on at a time, and what each has.

        As many as wanted; by default one a GPU, and one a machine where there is none.
        """
        has = self._ray.cluster_resources()
        gpus, cpus = float(has.get("GPU", 0.0)), float(has.get("CPU", 1.0))
        machines = sum(node["Alive"] for node in self._ray.nodes())
        num = at_once or int(gpus) or max(1, machines)
        # a run lies on one GPU, so that each holds a whole number of them
        share = 1 / math.ceil(num / gpus) if gpus else 0.0
        return num, Share(share, max(1, int(cpus / max(num, machines))))

    def run_many(
        self,
        jobs: Sequence[Job],
        at_once: int,
        *,
        share: Share = Share(),
        report: Callable[[Overview], None] = lambda _: None,
        stop_requested: Callable[[], bool] = lambda: False,
        program: Sequence[str] = ("-m", "trainer"),
    ) -> list[Outcome]:
        """Run ``jobs`` as ``parallel_runs.run_many`` does, on the machines of the cluster.

        ``program`` is what each machine's Python is given before ``fit`` and its arguments.
        """
        return _Runs(self._ray, share, program, stop_requested).run(jobs, at_once, report)

    def close(self) -> None:
        self._ray.shutdown()


class _Runs:
    """Runs of one call, by what Ray promises of each."""

    def __init__(
        self,
        ray: Any,  # noqa: ANN401 (Ray's module has no types)
        share: Share,
        program: Sequence[str],
        stop_requested: Callable[[], bool],
    ) -> None:
        self._ray, self._program, self._stop_requested = ray, program, stop_requested
        self._run_class = ray.remote(NodeRun).options(
            num_gpus=share.gpus, num_cpus=share.cpus, max_concurrency=3
        )
        self._running: dict[Any, tuple[Job, Any]] = {}
        self._starts: dict[Path, int] = {}

    def run(
        self, jobs: Sequence[Job], at_once: int, report: Callable[[Overview], None]
    ) -> list[Outcome]:
        waiting = deque(jobs)
        overview = Overview()
        stopping_s: float | None = None
        try:
            while self._running or (waiting and stopping_s is None):
                if self._stop_requested() and stopping_s is None:
                    stopping_s = time.monotonic()
                    self._tell("stop")
                while waiting and len(self._running) < at_once and stopping_s is None:
                    self._start(waiting.popleft())
                for ended in self._heard():
                    lost = ended.code == LOST and stopping_s is None
                    if lost and self._starts[ended.job.folder] < _MOST_STARTS:
                        waiting.appendleft(ended.job)
                    else:
                        overview.ended.append(ended)
                if stopping_s is not None and time.monotonic() - stopping_s > _GRACE_S:
                    self._tell("kill")
                overview.waiting = len(waiting)
                folders = [job.folder for job, _ in self._running.values()]
                overview.running = {folder: last_row(folder) for folder in folders}
                report(overview)
        finally:
            self._tell("kill")
            for _, run in self._running.values():
                with contextlib.suppress(Exception):
                    self._ray.kill(run)
        return overview.ended

    def _start(self, job: Job) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        self._starts[job.folder] = self._starts.get(job.folder, 0) + 1
        absolute = Job(job.folder.absolute(), job.arguments, job.device)
        command = command_of(absolute, self._program)
        run = self._run_class.remote(command, str(absolute.folder), os.getcwd())  # noqa: PTH109
        self._running[run.code.remote()] = job, run

    def _heard(self) -> list[Outcome]:
        """The runs that have ended."""
        if not self._running:
            return []
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_POLL_S)
        ended = []
        for promise in ready:
            job, run = self._running.pop(promise)
            try:
                code = self._ray.get(promise)
            except self._ray.exceptions.RayError as error:
                # of Ray's report, which names all that it tried, the last line says why
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                ended.append(Outcome(job, LOST, lines[-1] if lines else "its machine was lost"))
                continue
            if code is None:
                self._running[run.code.remote()] = job, run
            else:
                ended.append(Outcome(job, code, last_words(job)))
                self._ray.kill(run)
        return ended

    def _tell(self, word: str) -> None:
        for _, run in self._running.values():
            getattr(run, word).remote()
