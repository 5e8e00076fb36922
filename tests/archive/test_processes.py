"""Worker processes: what dies is replaced, and no file waits for a worker that is not there."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ferdesk.archive import processes
from ferdesk.archive.claims import Claims
from ferdesk.archive.crew import Died, Event, Finished, Ready, Unusable, WorkerSetup
from ferdesk.archive.finished import Wanted
from ferdesk.archive.plan import Item, Plan, Todo
from ferdesk.archive.processes import ProcessCrew
from ferdesk.archive.work import Settlement, work_through
from tests.archive.test_work import Log

if TYPE_CHECKING:
    from subprocess import Popen

WORKER = """
import json, sys
sys.stdin.readline()
print(json.dumps({"said": "ready", "device": "CPU"}), flush=True)
for line in sys.stdin:
    task = json.loads(line)
    if task["do"] == "stop" or task["name"].startswith("bad"):
        sys.exit(3)
    end = {"said": "finished", "number": task["number"], "folder": task["folder_name"],
           "whole": True, "problem": "", "num_frames": 7}
    print(json.dumps(end), flush=True)
"""


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkerSetup:
    command = [sys.executable, "-S", "-c", WORKER]
    monkeypatch.setattr(processes, "program_command", lambda: command)
    return WorkerSetup(None, "cpu", tmp_path, {})


def next_event(crew: ProcessCrew) -> Event:
    for _ in range(100):
        event = crew.next_event(0.1)
        if event is not None:
            return event
    raise AssertionError("nothing happens")


def kill(process: "Popen[str]") -> None:
    process.kill()
    process.wait()


def test_files_that_kill_their_workers_cost_the_others_nothing(
    tmp_path: Path, setup: WorkerSetup
) -> None:
    names = ["bad1", "bad2", "bad3", "bad4", "good"]
    items = [Item(i, name, Todo.NEW, name, length_s=9.0 - i) for i, name in enumerate(names)]
    plan = Plan(tmp_path, tuple(items))
    settlement = Settlement(plan, Wanted("m0del", {}))
    crew = ProcessCrew(setup, 1)
    results = work_through(plan, crew, settlement, Claims(tmp_path), Log(), lambda: False)
    assert [results.outcomes[i].whole for i in range(5)] == [False] * 4 + [True]


def test_a_worker_that_died_too_often_without_a_file_is_begun_again_with_its_next(
    setup: WorkerSetup,
) -> None:
    crew = ProcessCrew(setup, 2)
    crew.start()
    try:
        first = [next_event(crew), next_event(crew)]
        assert first in (
            [Ready(0, "CPU"), Ready(1, "CPU")],
            [Ready(1, "CPU"), Ready(0, "CPU")],
        )
        deaths = 0
        while crew._processes[0].poll() is None:
            kill(crew._processes[0])
            while not isinstance(next_event(crew), Died):
                pass
            deaths += 1
        assert deaths == 7
        crew.give(0, Item(5, "film.mp4", Todo.NEW, "film"))
        events = [next_event(crew), next_event(crew)]
        assert events[0] == Ready(0, "CPU")
        assert isinstance(events[1], Finished)
        assert events[1].number == 5
    finally:
        crew.close()


def test_a_worker_that_dies_as_it_is_given_a_file_is_replaced_once(setup: WorkerSetup) -> None:
    crew = ProcessCrew(setup, 1)
    crew.start()
    try:
        assert next_event(crew) == Ready(0, "CPU")
        kill(crew._processes[0])
        # its death is not heard of yet
        crew.give(0, Item(5, "film.mp4", Todo.NEW, "film"))
        process = crew._processes[0]
        events: list[Event] = []
        while not any(isinstance(event, Finished) for event in events):
            events.append(next_event(crew))
        assert not any(isinstance(event, Died) for event in events)
        assert crew._processes[0] is process
    finally:
        crew.close()


def test_workers_that_never_begin_end_the_work_with_the_reason(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        processes, "program_command", lambda: [sys.executable, "-S", "-c", "raise SystemExit(4)"]
    )
    crew = ProcessCrew(setup, 1)
    crew.start()
    try:
        events = [next_event(crew) for _ in range(5)]
        assert [type(event) for event in events] == [Died] * 4 + [Unusable]
        assert events[4] == Unusable(
            "The workers end again and again: its worker process ended with code 4."
        )
    finally:
        crew.close()
