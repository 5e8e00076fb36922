"""Crew of workers: what a scheduler asks of them and hears from them, on one machine or many."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ferdesk.archive.plan import Item
from ferdesk.batch import Outcome
from ferdesk.settings import Provider


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has its models loaded and waits for work."""

    worker: int
    device: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """A worker has analysed its file up to ``done_s``; ``num_frames`` of it so far."""

    worker: int
    number: int
    done_s: float
    num_frames: int


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence on a file; ``bad`` where something is wrong with it."""

    worker: int
    number: int
    text: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """A worker is done with a file and waits for the next."""

    worker: int
    number: int
    outcome: Outcome
    num_frames: int


@dataclass(frozen=True, slots=True)
class Died:
    """A worker ended in the middle, without a word; another takes its place."""

    worker: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """No worker can begin, as where the model is broken."""

    reason: str


Event = Ready | Advanced | Told | Finished | Died | Unusable


class Crew(Protocol):
    """Crew of workers, each of which analyses one file at a time."""

    def start(self) -> None: ...

    def give(self, worker: int, item: Item) -> None:
        """Give a worker that is ready its next file."""

    def next_event(self, wait_s: float) -> Event | None:
        """What happened next, None where nothing did within ``wait_s``."""

    def stop(self) -> None:
        """Ask all to close what they are writing properly."""

    def close(self) -> None:
        """End all workers; those that do not answer are killed."""


class PausableCrew(Crew, Protocol):
    """Crew whose workers are begun one by one, and can rest in the middle of a file."""

    @property
    def num_begun(self) -> int:
        """How many workers there are."""

    def begin(self) -> None:
        """Begin one more worker."""

    def pause(self, worker: int) -> None:
        """Let a worker rest after the frame in work; it keeps what it has open."""

    def resume(self, worker: int) -> None:
        """Let a worker that rests go on."""


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker needs before its first file."""

    model: str | None
    provider: Provider
    out: Path
    options: dict[str, object]
