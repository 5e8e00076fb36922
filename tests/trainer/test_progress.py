"""What a training shows: a table on a terminal, a line now and then elsewhere."""

import dataclasses
import io
import signal
from types import SimpleNamespace

import pytest
from rich.console import Console

from trainer.cli.progress import Display, as_clock, stop_signals
from trainer.training.progress import Progress

STATE = Progress(
    epoch=1.5, step=15, num_steps=30, loss=1.25, learning_rate=0.01, images_per_s=800.0,
    public_accuracy=0.5, best_accuracy=0.625, num_epochs=3,
)  # fmt: skip


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands where the test puts it."""
    now = [0.0]
    monkeypatch.setattr("trainer.cli.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def _console(terminal: bool) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=terminal, width=100, highlight=False), text


def test_without_a_terminal_a_line_comes_now_and_then_and_at_the_end(clock: list[float]) -> None:
    console, text = _console(terminal=False)
    with Display(console) as display:
        for second in range(61):
            clock[0] = float(second)
            display.show(dataclasses.replace(STATE, step=15 + second // 10))
        display.show(dataclasses.replace(STATE, step=30, epoch=3.0))
    lines = text.getvalue().splitlines()
    assert len(lines) == 4  # at 0, 30 and 60 seconds, and the last step
    assert lines[1] == (
        "epoch 1.5 of 3, loss 1.2500, rate 0.01, 800 images/s, PublicTest 0.5000, best 0.6250, "
        "2:00 left"
    )


def test_a_terminal_gets_a_table_with_the_epochs_and_the_time_left(clock: list[float]) -> None:
    console, text = _console(terminal=True)
    with Display(console) as display:
        display.show(dataclasses.replace(STATE, step=10, epoch=1.0, epoch_ended=True))
        clock[0] = 60.0
        display.show(dataclasses.replace(STATE, step=20, epoch=2.0, phase="plain layer"))
    shown = text.getvalue()
    for words in ("epoch", "images/s", "PublicTest", "left", "0.6250", "plain layer: 2.0", "1:00"):
        assert words in shown
    assert "quiet" not in shown


def test_the_other_processes_of_a_group_say_nothing() -> None:
    console, text = _console(terminal=True)
    with Display(console, silent=True) as display:
        display.show(STATE)
        display.notice("a sentence")
    assert text.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (75, "1:15"), (4000, "1:06:40"), (-1, "0:00")]
)
def test_times_are_shown_as_a_clock_shows_them(seconds: float, text: str) -> None:
    assert as_clock(seconds) == text


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="terminals hang up on Unix alone")
def test_a_terminal_that_closes_stops_a_run_unless_that_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with stop_signals() as stopped:
            signal.raise_signal(signal.SIGHUP)
            assert stopped()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with stop_signals() as stopped:
            signal.raise_signal(signal.SIGHUP)
            assert not stopped()
    finally:
        signal.signal(signal.SIGHUP, before)
