"""Queue of files to analyse: their order and states, for the window and for the work on them.

Both sides have a thread of their own; each call is short and leaves the queue whole.
"""

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ferdesk.core.labels import LABELS_FROM, LabelsFrom
from ferdesk.core.measures.values import MeasuresChoice

QueueState = Literal["waiting", "running", "done", "skipped", "failed"]
"""``skipped``: a session holds it already, or another program is at work on it."""

LEAST_WORK_S = 0.05
"""What a picture counts beside videos, whose lengths are known."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """Options of a queue: where its sessions go, and what is analysed and measured."""

    out: Path
    labels_from: LabelsFrom = LABELS_FROM
    measures: MeasuresChoice = "off"
    every: int = 1
    """Every n-th frame is analysed."""
    rate_fps: float | None = None
    """Frames a second, in place of ``every``."""
    redo: bool = False
    """Analyse again what is done."""


@dataclass(frozen=True, slots=True)
class QueuedFile:
    """File to analyse; of several ``pictures`` that are one session, ``path`` is their folder."""

    path: Path
    pictures: tuple[Path, ...] = ()
    size_bytes: int = 0
    length_s: float = 0.0
    """0 where it is not known; of pictures their number."""
    condition: str = ""

    @property
    def work_s(self) -> float:
        """Its share of the work, in seconds of video."""
        return max(self.length_s, LEAST_WORK_S)


@dataclass(frozen=True, slots=True)
class QueueFound:
    """What was found where the user pointed, and a sentence for each place without anything."""

    files: tuple[QueuedFile, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """Entry of the queue: a file, how far it is, and what became of it."""

    number: int
    file: QueuedFile
    state: QueueState = "waiting"
    done_s: float = 0.0
    num_frames: int = 0
    folder: Path | None = None
    """Its session, once there is one."""
    problem: str = ""
    """Why it failed or was skipped, or the last warning."""

    @property
    def is_open(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def share(self) -> float:
        """How much of it is analysed, in [0, 1]."""
        if self.state == "waiting":
            return 0.0
        return min(self.done_s / self.file.work_s, 1.0) if self.state == "running" else 1.0


class AnalysisQueue:
    """Queue of files; entries are called by their numbers, which are never used again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[QueueEntry] = []
        self._next_number = 1
        self._frames = 0
        self.version = 0
        """Another number after each change."""

    @property
    def entries(self) -> tuple[QueueEntry, ...]:
        with self._lock:
            return tuple(self._entries)

    @property
    def frames_analysed(self) -> int:
        """Frames since the program began, of all files together."""
        with self._lock:
            return self._frames

    # ---- the window's side

    def add(self, files: Iterable[QueuedFile]) -> int:
        """Put files at the end; those that were done or failed wait again. Returns how many."""
        num = 0
        with self._lock:
            places = {
                (entry.file.path, entry.file.pictures): i for i, entry in enumerate(self._entries)
            }
            for file in files:
                place = places.get((file.path, file.pictures))
                if place is None:
                    places[file.path, file.pictures] = len(self._entries)
                    self._entries.append(QueueEntry(self._next_number, file))
                    self._next_number += 1
                elif not self._entries[place].is_open:
                    self._entries[place] = QueueEntry(self._entries[place].number, file)
                else:
                    continue
                num += 1
            self.version += 1
        return num

    def remove(self, numbers: Collection[int]) -> None:
        """Take out entries; what is being analysed stays."""
        numbers = set(numbers)
        with self._lock:
            self._entries = [
                entry
                for entry in self._entries
                if entry.number not in numbers or entry.state == "running"
            ]
            self.version += 1

    def move(self, numbers: Collection[int], by: int) -> None:
        """Move entries one place up (``by`` -1) or down (1), as one block each."""
        numbers = set(numbers)
        with self._lock:
            order = self._entries if by < 0 else self._entries[::-1]
            for i in range(1, len(order)):
                if order[i].number in numbers and order[i - 1].number not in numbers:
                    order[i - 1], order[i] = order[i], order[i - 1]
            self._entries = order if by < 0 else order[::-1]
            self.version += 1

    def retry(self, numbers: Collection[int]) -> None:
        """Let entries that failed or were skipped wait again."""

        def again(entry: QueueEntry) -> QueueEntry:
            ended = entry.state in ("failed", "skipped")
            return QueueEntry(entry.number, entry.file) if ended else entry

        self._change(again, numbers)

    def clear_ended(self) -> None:
        """Take out what is done, skipped or failed."""
        with self._lock:
            self._entries = [entry for entry in self._entries if entry.is_open]
            self.version += 1

    # ---- the side of the work

    def waiting(self) -> list[QueueEntry]:
        """What is to be analysed next, in order."""
        with self._lock:
            return [entry for entry in self._entries if entry.state == "waiting"]

    def take(self, number: int) -> bool:
        """Begin with an entry; False where it no longer waits."""
        with self._lock:
            for i, entry in enumerate(self._entries):
                if entry.number == number and entry.state == "waiting":
                    self._entries[i] = replace(entry, state="running")
                    self.version += 1
                    return True
        return False

    def advance(self, number: int, done_s: float, num_frames: int) -> None:
        """An entry is analysed up to ``done_s``."""

        def advanced(entry: QueueEntry) -> QueueEntry:
            # it may have been begun anew
            self._frames += max(0, num_frames - entry.num_frames)
            return replace(entry, done_s=done_s, num_frames=num_frames)

        self._change(advanced, [number])

    def warn(self, number: int, text: str) -> None:
        """Keep what is said of an entry; the first that fails it stands."""
        self._change(lambda entry: replace(entry, problem=entry.problem or text), [number])

    def end(
        self, number: int, state: QueueState, folder: Path | None = None, problem: str = ""
    ) -> None:
        """What became of an entry; one that waits again begins anew."""

        def ended(entry: QueueEntry) -> QueueEntry:
            if state == "waiting":
                return QueueEntry(entry.number, entry.file)
            return replace(entry, state=state, folder=folder, problem=problem or entry.problem)

        self._change(ended, [number])

    def put_back(self) -> None:
        """Whatever is still being analysed waits again: the work has ended."""
        self._change(
            lambda entry: QueueEntry(entry.number, entry.file),
            [entry.number for entry in self.entries if entry.state == "running"],
        )

    def _change(self, change: Callable[[QueueEntry], QueueEntry], numbers: Collection[int]) -> None:
        numbers = set(numbers)
        with self._lock:
            self._entries = [
                change(entry) if entry.number in numbers else entry for entry in self._entries
            ]
            self.version += 1
