"""Work on a plan: each open file is given to a worker once, and what is done is settled."""

import contextlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol

from ferdesk.archive.claims import Claims
from ferdesk.archive.crew import Advanced, Crew, Died, Finished, Ready, Told, Unusable
from ferdesk.archive.finished import FinishedWork, Held, Wanted, folders_named, held_in
from ferdesk.archive.plan import Item, Plan, Todo
from ferdesk.batch import Outcome
from ferdesk.errors import FerdeskError
from ferdesk.replace_file import TEMPORARY_FILES
from ferdesk.sessions.files import RESERVE_FILE
from ferdesk.sessions.landmarks_file import LANDMARKS_FILE
from ferdesk.sessions.schema import (
    FACES_FILE,
    PICTURES_FOLDER,
    RESULTS_FILE,
    SESSION_FILE,
    VIDEO_FILE,
)
from ferdesk.sessions.table import CACHE_FILE

_WAIT_S = 0.1
_MOST_TRIES = 2
"""A file whose worker dies is tried once more: it may have been killed for another's memory."""


class Report(Protocol):
    """Report of the work as it goes; all calls come from one thread."""

    def ready(self, worker: int, device: str) -> None: ...

    def began(self, worker: int, item: Item) -> None: ...

    def advanced(self, worker: int, item: Item, done_s: float, num_frames: int) -> None: ...

    def told(self, item: Item, text: str, *, bad: bool) -> None: ...

    def finished(self, worker: int, item: Item, outcome: Outcome, num_frames: int) -> None: ...

    def elsewhere(self, item: Item) -> None:
        """Another program works on this file."""


@dataclass(frozen=True, slots=True)
class Results:
    """Results of a start: what became of each open item; ``elsewhere`` are another program's."""

    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    elsewhere: tuple[Item, ...] = ()


class Settlement:
    """Settlement of finished files: the new session takes the place of interrupted ones."""

    def __init__(self, plan: Plan, wanted: Wanted) -> None:
        self._plan, self._wanted = plan, wanted
        self._ours: set[Path] = set()
        """Sessions of this program: two files of ours that are alike are both analysed."""

    def done_meanwhile(self, item: Item) -> bool:
        """Whether another program has finished this file since the plan was made."""
        old = {*item.known, *self._ours}
        return any(held.whole and held.folder not in old for held in self._held_now(item))

    def _held_now(self, item: Item) -> list[Held]:
        """The sessions of an item where one may have been written since the plan was made.

        Those that were being written by then are among them, and the item's own name has a number
        beside them; an interrupted one gives its name to what takes its place.
        """
        if not item.folder_name:
            return []
        out = self._plan.out
        folders = folders_named(out, item.stem or item.folder_name)
        stale = [folder for folder in item.stale if folder not in folders]
        return item.held_by(FinishedWork(out, self._wanted, folders=[*folders, *stale]))

    def left_by(self, item: Item) -> Item:
        """The item with what a worker that died has left of it."""
        # its own alone: another program may have begun a session of that name of another file
        left = [held.folder for held in self._held_now(item) if held.replaceable]
        return replace(item, stale=tuple(dict.fromkeys((*item.stale, *left))))

    def tidy(self) -> None:
        """Remove what interrupted analyses left of files that are done by now."""
        for item in self._plan.items:
            self.tidy_after(item)

    def tidy_after(self, item: Item) -> None:
        """Remove what interrupted analyses left of an item, where it is done by now."""
        if item.todo is Todo.DONE:
            for folder in filter(self._is_interrupted, item.stale):
                _remove(folder)

    def settle(self, item: Item, outcome: Outcome) -> Outcome:
        """Put a whole new session in the place of what was interrupted; returns where it is."""
        outcome = self._placed(item, outcome)
        if outcome.folder is None:
            return outcome
        # as the user wrote it, where a worker had to know it from the root on
        folder = self._plan.out / outcome.folder.name
        self._ours.add(folder)
        return replace(outcome, folder=folder)

    def _placed(self, item: Item, outcome: Outcome) -> Outcome:
        if outcome.folder is None or not outcome.whole:
            return outcome
        gone = [
            folder
            for folder in item.stale
            if folder != outcome.folder and self._is_interrupted(folder) and _remove(folder)
        ]
        if not gone:
            return outcome
        # its first name, without the number that was needed beside the other
        try:
            outcome.folder.rename(gone[0])
        except OSError:
            return outcome
        return replace(outcome, folder=gone[0])

    def _is_interrupted(self, folder: Path) -> bool:
        """Whether a session is so still: hours may have passed since it was looked at."""
        held = held_in(folder, self._wanted)
        return held is not None and held.replaceable


def _remove(folder: Path) -> bool:
    """Remove an interrupted session, but nothing in it that we did not write."""
    ours = (
        RESULTS_FILE, SESSION_FILE, VIDEO_FILE, RESERVE_FILE, CACHE_FILE,
        PICTURES_FOLDER, FACES_FILE, LANDMARKS_FILE,
    )  # fmt: skip
    with contextlib.suppress(OSError):
        names = [entry.name for entry in os.scandir(folder)]
        if all(name in ours or fnmatch(name, TEMPORARY_FILES) for name in names):
            shutil.rmtree(folder)
            return True
    return False


def work_inline(
    plan: Plan,
    analyze_item: Callable[[Item], tuple[Outcome, int]],
    settlement: Settlement,
    claims: Claims,
    report: Report,
    stop_requested: Callable[[], bool],
) -> Results:
    """Analyse each open item in this process, in the plan's order.

    ``analyze_item`` returns the outcome and how many frames were read.
    """
    outcomes: dict[int, Outcome] = {}
    elsewhere: list[Item] = []
    for item in plan.open_items:
        if stop_requested():
            break
        if not claims.take(item) or settlement.done_meanwhile(item):
            claims.give_back(item)
            elsewhere.append(item)
            report.elsewhere(item)
            continue
        report.began(0, item)
        outcome, num_frames = analyze_item(item)
        outcome = settlement.settle(item, outcome)
        claims.give_back(item)
        outcomes[item.number] = outcome
        report.finished(0, item, outcome, num_frames)
    return Results(outcomes, tuple(elsewhere))


class Shift:
    """Shift of a crew: gives it items, and settles what becomes of them."""

    def __init__(self, crew: Crew, settlement: Settlement, claims: Claims, report: Report) -> None:
        self._crew, self._settlement = crew, settlement
        self._claims, self._report = claims, report
        self._items: dict[int, Item] = {}
        self._tries: dict[int, int] = {}
        self.in_work: dict[int, Item] = {}
        """By their workers."""
        self.again: list[Item] = []
        """Items whose worker died: to be given out once more."""
        self.outcomes: dict[int, Outcome] = {}
        self.elsewhere: list[Item] = []
        self.stopping = False

    def give(self, worker: int, item: Item) -> bool:
        """Let a worker analyse an item; False where another program has it, or has done it."""
        if not self._claims.take(item) or self._settlement.done_meanwhile(item):
            self._claims.give_back(item)
            self.elsewhere.append(item)
            self._report.elsewhere(item)
            return False
        self.in_work[worker] = self._items[item.number] = item
        self._report.began(worker, item)
        self._crew.give(worker, item)
        return True

    def stop(self) -> None:
        """Let the crew close what it is writing; nothing is tried again."""
        self.stopping = True
        self._crew.stop()

    def next_event(self) -> int | None:
        """Wait a moment for what happens next; returns a worker that waits for work now.

        Raises:
            FerdeskError: no worker can begin.
        """
        match self._crew.next_event(_WAIT_S):
            case Ready(worker, device):
                self._report.ready(worker, device)
                return worker
            case Advanced(worker, number, done_s, num_frames):
                self._report.advanced(worker, self._items[number], done_s, num_frames)
            case Told(_, number, text, bad):
                self._report.told(self._items[number], text, bad=bad)
            case Finished(worker, _, outcome, num_frames) if worker in self.in_work:
                self._end(worker, outcome, num_frames)
                return worker
            case Died(worker, reason) if worker in self.in_work:
                self._lost(worker, reason)
            case Unusable(reason):
                raise FerdeskError(reason)
            case _:
                pass
        return None

    def _end(self, worker: int, outcome: Outcome, num_frames: int) -> None:
        item = self.in_work.pop(worker)
        outcome = self._settlement.settle(item, outcome)
        self._claims.give_back(item)
        self.outcomes[item.number] = outcome
        self._report.finished(worker, item, outcome, num_frames)

    def _lost(self, worker: int, reason: str) -> None:
        item = self.in_work[worker] = self._settlement.left_by(self.in_work[worker])
        tries = self._tries[item.number] = self._tries.get(item.number, 0) + 1
        if tries < _MOST_TRIES and not self.stopping:
            del self.in_work[worker]
            self._claims.give_back(item)
            self.again.append(item)
            return
        problem = f"{item.name} could not be analysed: {reason}."
        self._report.told(item, problem, bad=True)
        self._end(worker, Outcome(None, whole=False, problem=problem), 0)


def work_through(
    plan: Plan,
    crew: Crew,
    settlement: Settlement,
    claims: Claims,
    report: Report,
    stop_requested: Callable[[], bool],
) -> Results:
    """Give each open item to a worker of ``crew``, the longest first, until all are done.

    Raises:
        FerdeskError: no worker can begin.
    """
    waiting = deque(plan.longest_first())
    free: deque[int] = deque()
    shift = Shift(crew, settlement, claims, report)
    crew.start()
    try:
        while waiting or shift.in_work:
            if stop_requested() and not shift.stopping:
                waiting.clear()
                shift.stop()
            worker = shift.next_event()
            waiting.extendleft(shift.again)
            shift.again.clear()
            # one that has died is ready twice
            if worker is not None and worker not in (*free, *shift.in_work):
                free.append(worker)
            while free and waiting:
                if shift.give(free[0], waiting.popleft()):
                    free.popleft()
    finally:
        crew.close()
    return Results(shift.outcomes, tuple(shift.elsewhere))
