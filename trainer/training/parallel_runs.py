"""Parallel runs: each a process of its own with its own folder, resumable together.

A network as small as the paper's, at its batch of 64, leaves much of a large GPU idle; several
runs fill it. On one GPU start NVIDIA's MPS first (docs/training.md), or they take turns.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

_POLL_S = 0.2
_GRACE_S = 120.0
"""Seconds that a run may take to save when all are to stop."""


@dataclass(frozen=True, slots=True)
class Job:
    """Job: the ``arguments`` of ``ferdesk-train fit`` without ``--out`` and ``--resume``."""

    folder: Path
    arguments: tuple[str, ...]
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a job: its exit ``code``, and the last line of its output."""

    job: Job
    code: int
    last_words: str = ""

    @property
    def done(self) -> bool:
        """Whether the job succeeded."""
        return self.code == 0


class RunMany(Protocol):
    """What runs jobs, ``at_once`` at a time: ``run_many``, or the same on a cluster."""

    def __call__(
        self,
        jobs: Sequence[Job],
        at_once: int,
        *,
        report: "Callable[[Overview], None]",
        stop_requested: Callable[[], bool],
    ) -> "list[Outcome]": ...


@dataclass(slots=True)
class Overview:
    """Overview of all jobs, for display."""

    waiting: int = 0
    running: dict[Path, dict[str, object]] = field(default_factory=dict)
    """By folder, the newest row of its log; empty before its first epoch."""
    ended: list[Outcome] = field(default_factory=list)


def run_many(
    jobs: Sequence[Job],
    at_once: int,
    *,
    report: Callable[[Overview], None] = lambda _: None,
    stop_requested: Callable[[], bool] = lambda: False,
    program: Sequence[str] = (sys.executable, "-m", "trainer"),
) -> list[Outcome]:
    """Run ``jobs``, ``at_once`` at a time, in their order; a failure does not stop the others.

    Each job's output goes to ``output.txt`` in its folder. A job resumes where it was stopped and
    returns at once where it is done, so that calling this again finishes the rest.

    Args:
        jobs: with different folders.
        at_once: processes at a time, at least 1.
        report: called a few times a second.
        stop_requested: True makes every run save and end; those not begun stay so.
        program: what ``fit`` and its arguments are given to.

    Returns:
        the jobs that ran, in the order in which they ended.
    """
    waiting = deque(jobs)
    running: list[tuple[Job, subprocess.Popen[bytes]]] = []
    overview = Overview()
    stopping_s: float | None = None
    try:
        while running or (waiting and stopping_s is None):
            if stop_requested() and stopping_s is None:
                stopping_s = time.monotonic()
                for _, process in running:
                    process.send_signal(signal.SIGTERM)
            while waiting and len(running) < at_once and stopping_s is None:
                job = waiting.popleft()
                running.append((job, _started(job, program, at_once)))
            for job, process in list(running):
                if process.poll() is not None:
                    running.remove((job, process))
                    overview.ended.append(Outcome(job, process.returncode, last_words(job)))
                elif stopping_s is not None and time.monotonic() - stopping_s > _GRACE_S:
                    process.kill()
            overview.waiting = len(waiting)
            overview.running = {job.folder: last_row(job.folder) for job, _ in running}
            report(overview)
            if running:
                time.sleep(_POLL_S)
    finally:
        for _, process in running:  # an error here must not leave them alone
            process.kill()
            process.wait()
    return overview.ended


def command_of(job: Job, program: Sequence[str]) -> list[str]:
    """What is run for a job: it goes on where it was, and returns at once where it is done."""
    return [
        *program, "fit", *job.arguments, "--out", str(job.folder), "--resume", "--device",
        job.device,
    ]  # fmt: skip


def environment_of(at_once: int) -> dict[str, str]:
    """Environment of one of ``at_once`` runs: each compiles with its share of the cores."""
    share = max(1, (os.cpu_count() or 1) // max(1, at_once))
    return {"TORCHINDUCTOR_COMPILE_THREADS": str(share), **os.environ}


def _started(job: Job, program: Sequence[str], at_once: int) -> subprocess.Popen[bytes]:
    job.folder.mkdir(parents=True, exist_ok=True)
    command = command_of(job, program)
    with (job.folder / "output.txt").open("ab") as output:
        # before a terminal a session of its own: Ctrl-C reaches it once, through us; elsewhere it
        # ends with us, where all of a command is killed at its time limit
        return subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            env=environment_of(at_once),
            start_new_session=sys.stdin is not None and sys.stdin.isatty(),
        )  # fmt: skip


def last_row(folder: Path) -> dict[str, object]:
    """Newest row of a run's log, empty where there is none."""
    try:
        lines = (folder / "log.jsonl").read_text("utf-8").splitlines()
        row = json.loads(lines[-1])
    except (OSError, ValueError, IndexError):
        return {}
    return row if isinstance(row, dict) else {}


def last_words(job: Job) -> str:
    """The last line of a run's output, empty where there is none."""
    try:
        lines = (job.folder / "output.txt").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line.strip()), "")


def devices_of(device: str, num_gpus: int) -> list[str]:
    """Devices that jobs are assigned to in turn: all GPUs for ``auto``, else that one."""
    if device == "auto" and num_gpus > 1:
        return [f"cuda:{number}" for number in range(num_gpus)]
    return [device]
