"""Progress display of a training: a live table on a terminal, occasional lines elsewhere."""

import contextlib
import signal
import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from trainer.training.progress import Progress

ROWS = 8
"""Epochs that the table shows."""
LINE_EVERY_S = 30.0
"""Without a terminal, at most a line so often."""


class Display:
    """Display of a run's progress on ``console``.

    Args:
        console: on standard error.
        watched: what the accuracy is called, e.g. PublicTest.
        silent: say nothing at all; for all processes of a group but the first.
    """

    def __init__(self, console: Console, watched: str = "PublicTest", silent: bool = False) -> None:
        self.console, self.watched, self.silent = console, watched, silent
        self._epochs: deque[Progress] = deque(maxlen=ROWS)
        self._state: Progress | None = None
        self._first: tuple[float, int] | None = None
        self._line_s = -LINE_EVERY_S
        self._live: Live | None = None
        if console.is_terminal and not silent:
            self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4)

    def __enter__(self) -> "Display":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def notice(self, sentence: str) -> None:
        """Print a sentence above the table."""
        if not self.silent:
            self.console.print(sentence, soft_wrap=True)

    def show(self, state: Progress) -> None:
        """Show the newest progress of the run."""
        if self.silent:
            return
        now_s = time.monotonic()
        if self._first is None or state.step < self._first[1]:
            self._first = (now_s, state.step)  # of this phase
        self._state = state
        if state.epoch_ended:
            self._epochs.append(state)
        if self._live is not None:
            return
        due = now_s - self._line_s >= LINE_EVERY_S
        if state.step == state.num_steps or due:
            self._line_s = now_s
            self.console.print(self._line(state), soft_wrap=True)

    def _line(self, state: Progress) -> str:
        return (
            f"{_phase(state)}epoch {state.epoch:.1f} of {state.num_epochs}, "
            f"loss {state.loss:.4f}, "
            f"rate {state.learning_rate:.3g}, {state.images_per_s:.0f} images/s, "
            f"{self.watched} {_share(state.public_accuracy)}, best {_share(state.best_accuracy)}, "
            f"{self.time_left(state)} left"
        )

    def time_left(self, state: Progress) -> str:
        """Time left by the speed since this process started, compiling and evaluating included."""
        if self._first is None or state.step <= self._first[1]:
            return "?"
        first_s, first_step = self._first
        per_step = (time.monotonic() - first_s) / (state.step - first_step)
        return as_clock(per_step * (state.num_steps - state.step))

    def _render(self) -> RenderableType:
        table = Table("epoch", "loss", "rate", "images/s", self.watched, "best", "left", box=None)
        for column in table.columns:
            column.justify = "right"
        state = self._state
        if state is None:
            return Group(table, "getting ready")
        for row in [*self._epochs, *([] if state.epoch_ended else [state])]:
            table.add_row(
                f"{_phase(row)}{row.epoch:.1f}", f"{row.loss:.4f}", f"{row.learning_rate:.3g}",
                f"{row.images_per_s:.0f}", _share(row.public_accuracy), _share(row.best_accuracy),
                self.time_left(state) if row is state else "",
            )  # fmt: skip
        bar = ProgressBar(total=state.num_steps, completed=state.step, width=60)
        return Group(table, bar)


def _phase(state: Progress) -> str:
    return "" if state.phase == "training" else f"{state.phase}: "


def _share(accuracy: float | None) -> str:
    return "-" if accuracy is None else f"{accuracy:.4f}"


def as_clock(seconds: float) -> str:
    """Clock time from seconds: 75 -> 1:15, 4000 -> 1:06:40."""
    minutes, second = divmod(round(max(seconds, 0)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


class StopFlag:
    """Stop flag that a signal sets and the training loop reads after each step."""

    def __init__(self) -> None:
        self._set = False

    def set(self, *_: object) -> None:
        """Set the flag; a signal handler."""
        self._set = True

    def __call__(self) -> bool:
        return self._set


@contextlib.contextmanager
def stop_signals() -> Iterator[StopFlag]:
    """Stop flag for Ctrl-C, SIGTERM and a closed terminal."""
    flag = StopFlag()
    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:  # nohup ignores it
        numbers.append(hang_up)
    before = {number: signal.signal(number, flag.set) for number in numbers}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
