"""Progress of ``analyze``: for people at a terminal, for a log, and as lines of JSON."""

import json
import logging
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from ferdesk.archive.plan import Item, Plan, Todo
from ferdesk.archive.work import Results
from ferdesk.batch import Outcome
from ferdesk.cli.terminal import terminal
from ferdesk.factory.sources import shown_name
from ferdesk.messages import counted
from ferdesk.text_output import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

log = logging.getLogger(__name__)

_LEAST_S = 0.05
"""What a picture counts beside videos, whose lengths are known."""
_WIDE = 100
"""From so many columns on the bar has its usual length; else it takes what the words leave."""


def work_of(item: Item) -> float:
    """An item's share of the work, in seconds of video."""
    return max(item.length_s, _LEAST_S)


class TerminalReport:
    """Progress on standard error: bars at a terminal, else a line for each finished file."""

    def __init__(self, plan: Plan, progress: "Progress", num_workers: int) -> None:
        self._plan, self._progress = plan, progress
        self._num_open = len(plan.open_items)
        self._num_done = self._num_failed = 0
        self._frames = 0
        self._running: dict[int, int] = {}
        self._began_s = time.monotonic()
        self._total: TaskID = progress.add_task("", total=sum(map(work_of, plan.open_items)))
        self._lines = [progress.add_task("", total=None, visible=False) for _ in range(num_workers)]
        self._done_work = 0.0
        self._in_work: dict[int, float] = {}

    def ready(self, worker: int, device: str) -> None:
        """Nothing that a user needs to see."""

    def began(self, worker: int, item: Item) -> None:
        self._running[worker] = 0
        self._show_worker(worker, item)

    def advanced(self, worker: int, item: Item, done_s: float, num_frames: int) -> None:
        self._frames += num_frames - self._running.get(worker, 0)
        self._running[worker] = num_frames
        self._in_work[worker] = min(done_s, work_of(item))
        of = f" of {item.length_s:.1f}" if item.length_s > 0 else ""
        self._show_worker(worker, item, f"  {done_s:.1f}{of} s")
        self._show()

    def told(self, item: Item, text: str, *, bad: bool) -> None:
        if bad:
            log.warning(text)
        self._progress.console.print(f"Error: {text}" if bad else text)

    def finished(self, worker: int, item: Item, outcome: Outcome, num_frames: int) -> None:
        self._frames += num_frames - self._running.pop(worker, 0)
        self._in_work.pop(worker, None)
        self._done_work += work_of(item)
        self._num_done += 1
        self._num_failed += not outcome.whole
        if outcome.folder is not None:
            count = f"[{self._num_done}/{self._num_open}] " if self._num_open > 1 else ""
            text = f"{count}{shown_name(item.name)}: {outcome.folder}"
            self._progress.console.print(text)
        self._show_worker(worker, None)
        self._show()

    def elsewhere(self, item: Item) -> None:
        text = f"{shown_name(item.name)}: another program has taken it over."
        self._progress.console.print(text)

    def end(self, results: Results) -> None:
        """Say at the end what failed, as above it has long been scrolled away, and what is left."""
        failed = [
            (item, results.outcomes[item.number])
            for item in self._plan.open_items
            if item.number in results.outcomes and not results.outcomes[item.number].whole
        ]
        if self._num_open == 1:
            return
        console = self._progress.console
        if failed:
            console.print(f"{len(failed)} of {self._num_open} were not analysed whole:")
        for item, outcome in failed:
            console.print(f"  {shown_name(item.name)}: {outcome.problem}")
        if num_left := num_not_begun(self._plan, results):
            console.print(
                f"{num_left} of {self._num_open} were not begun; the same command goes on with "
                f"what is left."
            )

    def _show_worker(self, worker: int, item: Item | None, how_far: str = "") -> None:
        # a cluster may have more workers than a terminal has lines
        line = self._lines[worker % len(self._lines)]
        text = ""
        if item is not None:
            room = self._progress.console.width - len(how_far) - 4
            text = f"  {_cut(printable(shown_name(item.name)), room)}{how_far}"
        self._progress.update(line, description=text, visible=bool(text))

    def _show(self) -> None:
        elapsed_s = max(1e-3, time.monotonic() - self._began_s)
        failed = f", {self._num_failed} failed" if self._num_failed else ""
        text = (
            f"{self._num_done} of {counted(self._num_open, 'file')}{failed}, "
            f"{self._frames / elapsed_s:.0f} frames/s"
        )
        done = self._done_work + sum(self._in_work.values())
        self._progress.update(self._total, description=text, completed=done)


class JsonReport:
    """Progress for programs: a line of JSON on standard output for each thing that happens."""

    def __init__(self, plan: Plan, stream: IO[str]) -> None:
        self._plan, self._stream = plan, stream
        self._write("plan", **counts_of(plan))
        for item in plan.items:
            if item.todo is Todo.DONE:
                self._write("done", source=shown_name(item.name), folder=str(item.done))

    def would_do(self) -> None:
        """Name what a start would do, in place of doing it."""
        for item in self._plan.open_items:
            self._write("todo", source=shown_name(item.name), again=item.todo is Todo.AGAIN)

    def ready(self, worker: int, device: str) -> None:
        self._write("ready", worker=worker, device=device)

    def began(self, worker: int, item: Item) -> None:
        self._write("began", worker=worker, source=shown_name(item.name))

    def advanced(self, worker: int, item: Item, done_s: float, num_frames: int) -> None:
        self._write(
            "advanced", worker=worker, source=shown_name(item.name),
            done_s=round(done_s, 3), length_s=item.length_s or None, frames=num_frames,
        )  # fmt: skip

    def told(self, item: Item, text: str, *, bad: bool) -> None:
        self._write("error" if bad else "note", source=shown_name(item.name), text=text)

    def finished(self, worker: int, item: Item, outcome: Outcome, num_frames: int) -> None:
        self._write(
            "finished", worker=worker, source=shown_name(item.name),
            folder=None if outcome.folder is None else str(outcome.folder),
            whole=outcome.whole, problem=outcome.problem, frames=num_frames,
        )  # fmt: skip

    def elsewhere(self, item: Item) -> None:
        self._write("elsewhere", source=shown_name(item.name))

    def end(self, results: Results) -> None:
        whole = sum(outcome.whole for outcome in results.outcomes.values())
        self._write(
            "end", whole=whole, failed=len(results.outcomes) - whole,
            elsewhere=len(results.elsewhere), left=num_not_begun(self._plan, results),
        )  # fmt: skip

    def _write(self, event: str, **values: object) -> None:
        write_event(self._stream, event, **values)


def write_event(stream: IO[str], event: str, **values: object) -> None:
    """Write one line of JSON, at once."""
    stream.write(json.dumps({"event": event, **values}) + "\n")
    stream.flush()


def counts_of(plan: Plan) -> dict[str, int]:
    """How many sources are new, to be done again, and done."""
    return {todo.value: sum(item.todo is todo for item in plan.items) for todo in Todo}


def num_not_begun(plan: Plan, results: Results) -> int:
    """How many open items were left where they are, as after a Ctrl-C."""
    return len(plan.open_items) - len(results.outcomes) - len(results.elsewhere)


def plan_text(plan: Plan) -> str:
    """What would be done, a line for each source."""
    words = {Todo.NEW: "to do", Todo.AGAIN: "interrupted, to do again", Todo.DONE: "done"}
    lines = [
        f"{words[item.todo]:<24}  {shown_name(item.name)}"
        + (f"  {item.done}" if item.done is not None else "")
        for item in plan.items
    ]
    counts = counts_of(plan)
    lines.append(
        f"{counts['new'] + counts['again']} of {len(plan.items)} to do, {counts['done']} done"
    )
    return "\n".join(lines) + "\n"


def _cut(text: str, most: int) -> str:
    """``text`` in so many columns, without its middle: a series' files differ at their ends."""
    from rich.cells import cell_len, chop_cells

    if cell_len(text) <= most:
        return text
    head = chop_cells(text, max(1, most // 3))[0]
    tail = chop_cells(text[::-1], max(1, most - cell_len(head) - 1))[0][::-1]
    return f"{head}…{tail}"


@contextmanager
def progress_bars(*, with_bar: bool) -> "Iterator[Progress]":
    """A line for all, with a bar where the work is known, and one for each worker; at a terminal.

    Elsewhere only what is printed.
    """
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Lines(Progress):
        def get_renderables(self) -> "Iterable[RenderableType]":
            # a table each: the bar and the times keep their room, however long the names are
            for task in self.tasks[:1]:
                yield self.make_tasks_table([task])
            for task in self.tasks[1:]:
                if task.visible:
                    yield Text(task.description, no_wrap=True, overflow="ellipsis")

    columns: list[ProgressColumn] = [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
    ]
    console = terminal.console
    if with_bar:
        bar = BarColumn(40 if console.width >= _WIDE else None)
        columns += [bar, TimeRemainingColumn()]
    columns.append(TimeElapsedColumn())
    with Lines(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield progress
