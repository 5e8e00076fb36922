"""Worker processes on this machine, one a job."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

import psutil

from ferdesk.archive.crew import (
    Advanced,
    Died,
    Event,
    Finished,
    Ready,
    Told,
    Unusable,
    WorkerSetup,
)
from ferdesk.archive.plan import Item
from ferdesk.archive.worker import Task
from ferdesk.batch import Outcome
from ferdesk.paths import THREADS_VARIABLE, WORKER_COMMAND, program_command
from ferdesk.runtime.priority import let_give_way

_WORKER_BYTES = 450_000_000
"""Room for one worker: it needs 350 MB at 1080p."""
_WORTH_IT_BYTES = 20_000_000
"""Less than this is done before a second process has its models loaded."""
_END_WITHIN_S = 20.0
_MOST_DEATHS = 3


def jobs_of_this_machine(num_files: int, size_bytes: int) -> int:
    """How many workers serve an archive best here: one a core, if there is memory and work."""
    if num_files < 2 or size_bytes < _WORTH_IT_BYTES:
        return 1
    room = int(psutil.virtual_memory().available // _WORKER_BYTES)
    return max(1, min(num_files, num_cores(), room))


def has_room_for_another(num_workers: int) -> bool:
    """Whether this machine bears one worker more than those that there are."""
    if num_workers == 0:
        return True
    room = psutil.virtual_memory().available >= _WORKER_BYTES
    return bool(room) and num_workers < num_cores()


def num_cores() -> int:
    """The cores that this process may use, which on a cluster are not all."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def event_of(worker: int, message: dict[str, Any]) -> Event:
    """A worker's message as an event."""
    said = message["said"]
    if said == "ready":
        return Ready(worker, message["device"])
    if said == "advanced":
        return Advanced(worker, message["number"], message["done_s"], message["num_frames"])
    if said == "told":
        return Told(worker, message["number"], message["text"], message["bad"])
    if said == "unusable":
        return Unusable(message["text"])
    folder = message["folder"]
    outcome = Outcome(
        None if folder is None else Path(folder), message["whole"], message["problem"]
    )
    return Finished(worker, message["number"], outcome, message["num_frames"])


def task_of(item: Item) -> Task:
    pictures = () if item.pictures is None else item.pictures.paths
    return Task(
        item.number,
        item.name,
        item.folder_name,
        dict(item.labels),
        [str(path) for path in pictures],
    )


class ProcessCrew:
    """Worker processes with a pipe each; one that dies is replaced.

    Where they end again and again before they have a file, each is replaced with its next one.

    Those ``in_background`` take what other programs leave of the processor.
    """

    def __init__(
        self, setup: WorkerSetup, num_workers: int, *, in_background: bool = False
    ) -> None:
        self._setup = setup
        self._in_background = in_background
        self._num_workers = num_workers
        self._threads = max(1, num_cores() // num_workers)
        self._events: SimpleQueue[tuple[subprocess.Popen[str] | None, Event]] = SimpleQueue()
        """Each with the process that it is of."""
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._deaths = 0
        """Of processes that had no file yet, one after the other."""
        self._had_file: set[int] = set()
        self._stopping = False

    def start(self) -> None:
        for _ in range(self._num_workers):
            self.begin()

    @property
    def num_begun(self) -> int:
        return len(self._processes)

    def begin(self) -> None:
        self._begin(len(self._processes))

    def pause(self, worker: int) -> None:
        self._write(worker, {"do": "pause"})

    def resume(self, worker: int) -> None:
        self._write(worker, {"do": "resume"})

    def give(self, worker: int, item: Item) -> None:
        if self._processes[worker].poll() is not None:
            self._begin(worker)
        self._had_file.add(worker)
        self._write(worker, {"do": "analyze", **asdict(task_of(item))})

    def next_event(self, wait_s: float) -> Event | None:
        try:
            process, event = self._events.get(timeout=wait_s)
        except Empty:
            return None
        if isinstance(event, Died):
            if process is not self._processes[event.worker]:
                return None  # another has taken its place already
            if not self._stopping:
                self._replace(event)
        return event

    def _replace(self, died: Died) -> None:
        # a file has few tries, but processes that end before they have one might end for ever
        self._deaths = 0 if died.worker in self._had_file else self._deaths + 1
        if self._deaths <= _MOST_DEATHS * self._num_workers:
            self._begin(died.worker)
        elif all(process.poll() is not None for process in self._processes.values()):
            unusable = Unusable(f"The workers end again and again: {died.reason}.")
            self._events.put((None, unusable))

    def stop(self) -> None:
        self._stopping = True
        for worker in self._processes:
            self._write(worker, {"do": "stop"})

    def close(self) -> None:
        self._stopping = True
        for worker in self._processes:
            self._end_lines(worker)
        for process in self._processes.values():
            try:
                process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _begin(self, worker: int) -> None:
        self._end_lines(worker)
        self._had_file.discard(worker)
        process = subprocess.Popen(
            [*program_command(), WORKER_COMMAND],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1,
            # a window may have been started without one
            stderr=None if sys.stderr is not None else subprocess.DEVNULL,
            env={**os.environ, THREADS_VARIABLE: str(self._threads)},
        )  # fmt: skip
        if self._in_background:
            # at once, as each of its threads begins with what the one before has
            let_give_way(process.pid)
        self._processes[worker] = process
        setup = {**asdict(self._setup), "out": str(self._setup.out)}
        self._write(worker, setup)
        assert process.stdout is not None
        threading.Thread(
            target=self._hear, args=(worker, process, process.stdout),
            name=f"ferdesk-worker-{worker}", daemon=True,
        ).start()  # fmt: skip

    def _end_lines(self, worker: int) -> None:
        """Tell a worker no more; one that died leaves its pipe behind."""
        process = self._processes.get(worker)
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _write(self, worker: int, message: dict[str, object]) -> None:
        stdin = self._processes[worker].stdin
        # one that has died is heard of by the end of its answers
        with contextlib.suppress(OSError, ValueError):
            if stdin is not None:
                stdin.write(json.dumps(message) + "\n")
                stdin.flush()

    def _hear(self, worker: int, process: "subprocess.Popen[str]", answers: IO[str]) -> None:
        unusable = False
        with answers:
            for line in answers:
                with contextlib.suppress(ValueError, KeyError):
                    event = event_of(worker, json.loads(line))
                    unusable |= isinstance(event, Unusable)
                    self._events.put((process, event))
        code = process.wait()
        if not unusable and (code != 0 or not self._stopping):
            self._events.put((process, Died(worker, _reason(code))))


def _reason(code: int) -> str:
    if code < 0:
        return f"its worker process was ended by signal {-code}"
    return f"its worker process ended with code {code}"
