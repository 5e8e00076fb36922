"""Cluster of machines: one actor of Ray a core, or a GPU, as the workers of an archive.

The files must lie where each machine sees them. Sessions are written by the workers where they see
the archive's folder too, else they are sent back in pieces.
"""

import contextlib
import logging
import shutil
import tempfile
import threading
import uuid
from dataclasses import replace
from pathlib import Path
from queue import Empty, Queue, SimpleQueue
from typing import TYPE_CHECKING, Any

from ferdesk.archive.crew import Died, Event, Finished, Unusable, WorkerSetup
from ferdesk.archive.plan import Item
from ferdesk.archive.processes import event_of, task_of
from ferdesk.archive.worker import Task, analyze_task, finished
from ferdesk.batch import Outcome
from ferdesk.errors import FerdeskError
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.factory.recordings import new_folder
from ferdesk.paths import THREADS_VARIABLE
from ferdesk.ray_cluster import connect_or_begin
from ferdesk.sessions.schema import SESSION_FILE

if TYPE_CHECKING:
    from ferdesk.core.pipeline import Pipeline

log = logging.getLogger(__name__)

_PIECE_BYTES = 4_000_000
_MOST_WAITING = 64
"""Messages that a worker keeps for a driver that is slow: 250 MB of pieces at most."""
_ASK_EVERY_S = 0.5
_END_WITHIN_S = 20.0
_MOST_DEATHS = 3

Message = dict[str, Any]


class NodeWorker:
    """Worker on a machine of the cluster: keeps its models, and its messages until they are asked.

    Ray calls its methods on several threads.
    """

    def __init__(self, setup: WorkerSetup, token: str) -> None:
        self._setup, self._token = setup, token
        self._messages: Queue[Message] = Queue(_MOST_WAITING)
        self._stopping = threading.Event()
        self._pipeline: Pipeline | None = None

    def open(self) -> Message:
        """Load the models; returns ``ready``, or ``unusable`` with the sentence."""
        from ferdesk.factory.models import open_pipeline

        try:
            options = AnalysisOptions.of_table(Path(), self._setup.options)
            self._pipeline = open_pipeline(
                self._setup.model, self._setup.provider, thorough=True, detector=options.detector
            )
        except FerdeskError as error:
            return {"said": "unusable", "text": str(error)}
        return {"said": "ready", "device": self._pipeline.classifier.device.provider}

    def messages(self) -> list[Message]:
        """What was said since the last call; waits a moment for the first."""
        found: list[Message] = []
        with contextlib.suppress(Empty):
            found.append(self._messages.get(timeout=_ASK_EVERY_S))
            while len(found) < _MOST_WAITING // 8:
                found.append(self._messages.get_nowait())
        return found

    def stop(self) -> None:
        self._stopping.set()

    def analyze(self, task: Task) -> None:
        try:
            self._analyze(task)
        except Exception as error:
            # nobody asks for what this returns: an error that is not said would be waited for
            log.exception("the analysis of %s ended", task.name)
            problem = f"{task.name} could not be analysed: {error}."
            self._put(finished(task, Outcome(None, whole=False, problem=problem), 0))

    def _analyze(self, task: Task) -> None:
        assert self._pipeline is not None
        out = Path(self._setup.out)
        if (out / self._token).exists():
            options = AnalysisOptions.of_table(out, self._setup.options)
            analyze_task(task, self._pipeline, options, self._put, self._stopping.is_set)
            return
        folder = Path(tempfile.mkdtemp(prefix="ferdesk-"))
        try:
            options = AnalysisOptions.of_table(folder, self._setup.options)
            last: list[Message] = []

            def put(message: Message) -> None:
                # the end is said once everything has been sent
                (last.append if message["said"] == "finished" else self._put)(message)

            outcome = analyze_task(task, self._pipeline, options, put, self._stopping.is_set)
            if outcome.folder is not None:
                self._send(task, outcome.folder)
            self._put(last[0])
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _put(self, message: Message) -> None:
        self._messages.put(message)

    def _send(self, task: Task, folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            with path.open("rb") as file:
                while True:
                    data = file.read(_PIECE_BYTES)
                    self._put(
                        {"said": "piece", "number": task.number, "file": path.name, "data": data}
                    )
                    if len(data) < _PIECE_BYTES:
                        break


class RayCrew:
    """Workers on a cluster; where a machine is lost, its work goes on on the others."""

    def __init__(self, setup: WorkerSetup, address: str, most_workers: int | None) -> None:
        """Connect to the cluster, or begin one on this machine where ``auto`` finds none.

        Raises:
            FerdeskError: Ray is not installed, or no cluster answers at the address.
        """
        environment = {THREADS_VARIABLE: "1", "OPENBLAS_NUM_THREADS": "1"}
        self._ray, begun = connect_or_begin(address, environment)
        resources = self._ray.cluster_resources()
        kind = "GPU" if setup.provider == "cuda" else "CPU"
        self.num_workers = max(1, int(resources.get(kind, 1)))
        if most_workers is not None:
            self.num_workers = min(self.num_workers, most_workers)
        needs: dict[str, Any] = {"num_gpus": 1} if kind == "GPU" else {"num_cpus": 1}
        if not begun:
            # an agent makes it before a worker begins, which those of our own need not wait for
            needs["runtime_env"] = {"env_vars": environment}
        self._setup = replace(setup, out=setup.out.absolute())
        self._token = f".ferdesk/cluster-{uuid.uuid4().hex}"
        self._worker_class = self._ray.remote(NodeWorker).options(**needs, max_concurrency=4)
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._actors: dict[int, Any] = {}
        self._items: dict[int, Item] = {}
        self._deaths = 0
        """Of workers that had no file yet, one after the other."""
        self._had_file: set[int] = set()
        self._closing = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        token = self._setup.out / self._token
        token.parent.mkdir(parents=True, exist_ok=True)
        token.touch()
        for worker in range(self.num_workers):
            self._begin(worker)

    def give(self, worker: int, item: Item) -> None:
        self._items[item.number] = item
        self._had_file.add(worker)
        self._actors[worker].analyze.remote(task_of(item))

    def next_event(self, wait_s: float) -> Event | None:
        try:
            event = self._events.get(timeout=wait_s)
        except Empty:
            return None
        if isinstance(event, Died) and not self._closing:
            # a file has few tries, but workers that end before they have one might end for ever
            self._deaths = 0 if event.worker in self._had_file else self._deaths + 1
            if self._deaths > _MOST_DEATHS * self.num_workers:
                return Unusable(f"The cluster's workers end again and again: {event.reason}.")
            self._begin(event.worker)
        return event

    def stop(self) -> None:
        for actor in self._actors.values():
            actor.stop.remote()

    def close(self) -> None:
        self._closing = True
        for actor in self._actors.values():
            with contextlib.suppress(Exception):
                self._ray.kill(actor)
        for thread in self._threads:
            thread.join(_END_WITHIN_S / len(self._threads))
        with contextlib.suppress(OSError):
            (self._setup.out / self._token).unlink()
        self._ray.shutdown()

    def _begin(self, worker: int) -> None:
        actor = self._worker_class.remote(self._setup, self._token)
        self._actors[worker] = actor
        self._had_file.discard(worker)
        thread = threading.Thread(
            target=self._hear, args=(worker, actor), name=f"ferdesk-node-{worker}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _hear(self, worker: int, actor: Any) -> None:  # noqa: ANN401 (Ray's classes have no types)
        incoming = _Incoming(self._setup.out)
        try:
            self._events.put(event_of(worker, self._ray.get(actor.open.remote())))
            while not self._closing:
                for message in self._ray.get(actor.messages.remote()):
                    if message["said"] == "piece":
                        incoming.take(message)
                        continue
                    event = event_of(worker, message)
                    if isinstance(event, Finished):
                        event = incoming.settle(event, self._items[event.number])
                    self._events.put(event)
        except Exception as error:  # noqa: BLE001 (whatever ends a worker is told as its death)
            incoming.forget()
            if not self._closing:
                self._events.put(Died(worker, _reason(error)))


class _Incoming:
    """Sessions on their way from a machine that does not see the archive's folder."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._folder: Path | None = None

    def take(self, message: Message) -> None:
        if self._folder is None:
            place = self._out / ".ferdesk"
            place.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="incoming-", dir=place))
        # a name, never a path: what comes from elsewhere stays in its folder
        with (self._folder / Path(message["file"]).name).open("ab") as file:
            file.write(message["data"])

    def settle(self, event: Finished, item: Item) -> Finished:
        """Put the session where it belongs, its ``session.json`` last."""
        if self._folder is None:
            return event
        if event.outcome.folder is None:
            self.forget()  # what came of it is not all
            return event
        folder = new_folder(self._out, item.folder_name)
        for path in sorted(self._folder.iterdir(), key=lambda path: path.name == SESSION_FILE):
            path.rename(folder / path.name)
        self._folder.rmdir()
        self._folder = None
        return replace(event, outcome=replace(event.outcome, folder=folder))

    def forget(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _reason(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"its worker on the cluster ended ({text or type(error).__name__})"
