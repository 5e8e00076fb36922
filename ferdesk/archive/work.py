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
from ferdesk.archive.finished import FinishedWork, Wanted
from ferdesk.archive.plan import Item, Plan, Todo
from ferdesk.batch import Outcome
from ferdesk.errors import FerdeskError
from ferdesk.replace_file import TEMPORARY_FILES
from ferdesk.sessions.files import RESERVE_FILE
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

    def __init__(self, plan: Plan, wanted: Wanted, *, redo: bool = False) -> None:
        self._plan, self._wanted, self._redo = plan, wanted, redo

    def done_meanwhile(self, item: Item) -> bool:
        """Whether another program has finished this file since the plan was made."""
        if not item.folder_name or self._redo:
            return False
        now = FinishedWork(self._plan.out, self._wanted, stem=item.folder_name)
        return any(held.whole for held in item.held_by(now))

    def left_by(self, item: Item) -> Item:
        """The item with what a worker that died has left of it."""
        left = self._plan.out / item.folder_name
        if not item.folder_name or not (left / SESSION_FILE).is_file():
            return item
        return replace(item, stale=(*item.stale, left))

    def tidy(self) -> None:
        """Remove what interrupted analyses left of files that are done by now."""
        for item in self._plan.items:
            if item.todo is Todo.DONE:
                for folder in item.stale:
                    _remove(folder)

    def settle(self, item: Item, outcome: Outcome) -> Outcome:
        """Put a whole new session in the place of what was interrupted; returns where it is."""
        if outcome.folder is None or not outcome.whole:
            return outcome
        gone = [folder for folder in item.stale if folder != outcome.folder and _remove(folder)]
        if not gone:
            return outcome
        # its first name, without the number that was needed beside the other
        try:
            outcome.folder.rename(gone[0])
        except OSError:
            return outcome
        return replace(outcome, folder=gone[0])


def _remove(folder: Path) -> bool:
    """Remove an interrupted session, but nothing in it that we did not write."""
    ours = (
        RESULTS_FILE, SESSION_FILE, VIDEO_FILE, RESERVE_FILE, CACHE_FILE,
        PICTURES_FOLDER, FACES_FILE,
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
    in_work: dict[int, Item] = {}
    items = {item.number: item for item in plan.items}
    tries: dict[int, int] = {}
    outcomes: dict[int, Outcome] = {}
    elsewhere: list[Item] = []
    stopping = False

    def give_next(worker: int) -> None:
        while waiting:
            item = waiting.popleft()
            if not claims.take(item):
                elsewhere.append(item)
                report.elsewhere(item)
                continue
            if settlement.done_meanwhile(item) and item.todo is not Todo.DONE:
                claims.give_back(item)
                elsewhere.append(item)
                report.elsewhere(item)
                continue
            in_work[worker] = item
            report.began(worker, item)
            crew.give(worker, item)
            return

    def end(worker: int, item: Item, outcome: Outcome, num_frames: int) -> None:
        outcome = settlement.settle(item, outcome)
        claims.give_back(item)
        outcomes[item.number] = outcome
        report.finished(worker, item, outcome, num_frames)

    crew.start()
    try:
        while waiting or in_work:
            if stop_requested() and not stopping:
                stopping = True
                waiting.clear()
                crew.stop()
            match crew.next_event(_WAIT_S):
                case Ready(worker, device):
                    report.ready(worker, device)
                    give_next(worker)
                case Advanced(worker, number, done_s, num_frames):
                    report.advanced(worker, items[number], done_s, num_frames)
                case Told(_, number, text, bad):
                    report.told(items[number], text, bad=bad)
                case Finished(worker, _, outcome, num_frames) if worker in in_work:
                    end(worker, in_work.pop(worker), outcome, num_frames)
                    give_next(worker)
                case Died(worker, reason) if worker in in_work:
                    item = settlement.left_by(in_work.pop(worker))
                    tries[item.number] = tries.get(item.number, 0) + 1
                    if tries[item.number] < _MOST_TRIES and not stopping:
                        claims.give_back(item)
                        waiting.appendleft(item)
                        items[item.number] = item
                    else:
                        problem = f"{item.name} could not be analysed: {reason}."
                        report.told(item, problem, bad=True)
                        end(worker, item, Outcome(None, whole=False, problem=problem), 0)
                case Unusable(reason):
                    raise FerdeskError(reason)
                case _:
                    pass
    finally:
        crew.close()
    return Results(outcomes, tuple(elsewhere))
