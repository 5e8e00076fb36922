"""Progress of ``analyze`` at a terminal: it fits, and its end says what is left."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from ferdesk.archive.plan import Item, Plan, Todo
from ferdesk.archive.work import Results
from ferdesk.batch import Outcome
from ferdesk.cli import progress
from ferdesk.cli.progress import TerminalReport, progress_bars
from ferdesk.cli.terminal import terminal

LONG = "/data/interviews/2026/a very long name of an interview with person 17, camera left.mp4"


def plan_of(*names: str) -> Plan:
    items = [Item(i, name, Todo.NEW, f"film{i}", 100, 60.0) for i, name in enumerate(names)]
    return Plan(Path("out"), tuple(items))


@pytest.fixture
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    width, is_terminal = request.param
    console = Console(file=stream, width=width, height=20, force_terminal=is_terminal)
    monkeypatch.setattr(type(terminal), "console", property(lambda _: console))
    return stream


def lines_of(text: str) -> list[str]:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)  # colours
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "\n", text)
    return [line for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize("screen", [(60, True), (80, True), (140, True)], indirect=True)
def test_bar_time_left_and_each_workers_file_fit_the_terminal(screen: io.StringIO) -> None:
    plan = plan_of(LONG, "b.mp4", "\u9762\u63a5" * 40 + ".mp4")
    with progress_bars(with_bar=True) as bars:
        report = TerminalReport(plan, bars, 2)
        report.began(0, plan.items[0])
        report.began(1, plan.items[2])
        report.advanced(0, plan.items[0], 12.34, 300)
        report.advanced(1, plan.items[2], 6.0, 100)
        bars.refresh()
    lines = lines_of(screen.getvalue())
    assert any("0 of 3 files" in line and "\u2501" in line and ":" in line for line in lines)
    (first,) = {line for line in lines if line.endswith("left.mp4  12.3 of 60.0 s")}
    (third,) = {line for line in lines if line.endswith(".mp4  6.0 of 60.0 s")}
    width = bars.console.width
    assert all(progress_width(line) <= width for line in lines)
    assert ("\u2026" in first) == (width < 120)
    assert "\u2026" in third or width > 120


def progress_width(line: str) -> int:
    from rich.cells import cell_len

    return cell_len(line.rstrip())


@pytest.mark.parametrize("screen", [(80, False)], indirect=True)
def test_a_log_gets_a_line_for_each_file_and_what_is_left(screen: io.StringIO) -> None:
    plan = plan_of("a.mp4", "b.mp4", "c.mp4", "d.mp4")
    with progress_bars(with_bar=True) as bars:
        report = TerminalReport(plan, bars, 1)
        for item, whole in zip(plan.items, (True, False), strict=False):
            report.began(0, item)
            report.advanced(0, item, 1.0, 30)
            outcome = Outcome(Path("out") / item.folder_name, whole, "" if whole else "It is cut.")
            report.finished(0, item, outcome, 60)
        outcomes = {0: Outcome(Path("a"), whole=True), 1: Outcome(Path("b"), False, "It is cut.")}
        report.end(Results(outcomes, (plan.items[2],)))
    assert screen.getvalue().splitlines() == [
        "[1/4] a.mp4: out/film0",
        "[2/4] b.mp4: out/film1",
        "1 of 4 were not analysed whole:",
        "  b.mp4: It is cut.",
        "1 of 4 were not begun; the same command goes on with what is left.",
    ]


@pytest.mark.parametrize("most", [1, 2, 5, 20])
def test_a_name_is_cut_in_its_middle_whatever_its_characters(most: int) -> None:
    from rich.cells import cell_len

    for name in ("abcdefghij" * 5, "\u9762\u63a5" * 9, "", "x"):
        cut = progress._cut(name, most)
        assert cell_len(cut) <= max(most, 3)
        assert cut == name or "\u2026" in cut
