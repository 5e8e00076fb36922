"""The work on a plan: each file once, a worker's death costs one try, nothing finished is lost."""

import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from ferdesk.archive.claims import Claims
from ferdesk.archive.crew import Advanced, Died, Event, Finished, Ready, Told, Unusable
from ferdesk.archive.finished import Wanted
from ferdesk.archive.plan import Item, Plan, Todo, make_plan
from ferdesk.archive.work import Results, Settlement, work_inline, work_through
from ferdesk.batch import Outcome
from ferdesk.errors import FerdeskError
from ferdesk.file_lock import try_lock
from ferdesk.sessions.landmarks_file import LANDMARKS_FILE
from ferdesk.sessions.source_content import content_of

WANTED = Wanted("m0del", {})


@dataclass
class Log:
    """Report that keeps what it is told."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def ready(self, worker: int, device: str) -> None:
        self.lines.append(("ready", device))

    def began(self, worker: int, item: Item) -> None:
        self.lines.append(("began", item.name))

    def advanced(self, worker: int, item: Item, done_s: float, num_frames: int) -> None:
        self.lines.append(("advanced", f"{item.name} {done_s} {num_frames}"))

    def told(self, item: Item, text: str, *, bad: bool) -> None:
        self.lines.append(("bad" if bad else "told", text))

    def finished(self, worker: int, item: Item, outcome: Outcome, num_frames: int) -> None:
        self.lines.append(("finished", item.name))

    def elsewhere(self, item: Item) -> None:
        self.lines.append(("elsewhere", item.name))

    def of(self, kind: str) -> list[str]:
        return [text for one, text in self.lines if one == kind]


class Crew:
    """Crew of workers that do at once what ``act`` says of a file."""

    def __init__(self, num_workers: int, act: Callable[[int, Item], list[Event]]) -> None:
        self._num_workers, self._act = num_workers, act
        self._events: deque[Event] = deque()
        self.stopped = self.closed = False

    def start(self) -> None:
        self._events.extend(Ready(worker, "CPU") for worker in range(self._num_workers))

    def give(self, worker: int, item: Item) -> None:
        self._events.extend(self._act(worker, item))

    def next_event(self, wait_s: float) -> Event | None:
        event = self._events.popleft() if self._events else None
        if isinstance(event, Died):
            self._events.append(Ready(event.worker, "CPU"))
        return event

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


def plan_of(out: Path, *lengths: float) -> Plan:
    items = [
        Item(i, f"film{i}.mp4", Todo.NEW, f"film{i}", size_bytes=100 + i, length_s=length)
        for i, length in enumerate(lengths)
    ]
    return Plan(out, tuple(items))


def good(worker: int, item: Item) -> list[Event]:
    outcome = Outcome(Path("out") / item.folder_name, whole=True)
    return [
        Advanced(worker, item.number, 1.5, 45),
        Told(worker, item.number, f"{item.name} has a clock", bad=False),
        Finished(worker, item.number, outcome, 60),
    ]


def session_of(film: Path, folder: Path, *, whole: bool) -> Path:
    """A session of ``film`` in ``folder``, whole or as a killed worker leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    source = {"location": str(film), **content_of(film).table()}
    about = {"source": source, "model": {"sha256": "m0del"}, "settings": {}, "complete": whole}
    (folder / "session.json").write_text(json.dumps(about))
    (folder / "results.csv").touch()
    return folder


def run(
    plan: Plan,
    crew: Crew,
    log: Log,
    *,
    claims: Claims | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Results:
    settlement = Settlement(plan, WANTED)
    return work_through(plan, crew, settlement, claims or Claims(plan.out), log, stop)


def test_every_file_is_done_once_and_the_longest_is_begun_first(tmp_path: Path) -> None:
    log, crew = Log(), Crew(2, good)
    results = run(plan_of(tmp_path, 1.0, 30.0, 2.0), crew, log)
    assert {number for number, one in results.outcomes.items() if one.whole} == {0, 1, 2}
    assert log.of("began") == ["film1.mp4", "film2.mp4", "film0.mp4"]
    assert log.of("advanced")[0] == "film1.mp4 1.5 45"
    assert crew.closed


def test_a_file_whose_worker_dies_is_tried_once_more(tmp_path: Path) -> None:
    tries: dict[int, int] = {}

    def act(worker: int, item: Item) -> list[Event]:
        tries[item.number] = tries.get(item.number, 0) + 1
        if item.number == 1 and tries[1] == 1:
            return [Died(worker, "signal 9")]
        return good(worker, item)

    log = Log()
    results = run(plan_of(tmp_path, 1.0, 30.0, 2.0), Crew(2, act), log)
    assert all(outcome.whole for outcome in results.outcomes.values())
    assert tries == {0: 1, 1: 2, 2: 1}
    assert log.of("bad") == []


def test_a_file_that_comes_back_is_given_to_a_worker_that_has_nothing_to_do(
    tmp_path: Path,
) -> None:
    class Lonely(Crew):
        """None takes the place of a worker that died."""

        num_silent = 0

        def next_event(self, wait_s: float) -> Event | None:
            self.num_silent = 0 if self._events else self.num_silent + 1
            assert self.num_silent < 5, "the file waits for ever"
            return self._events.popleft() if self._events else None

        def give(self, worker: int, item: Item) -> None:
            first = [Died(worker, "signal 9")] if worker == 1 else good(worker, item)
            # the one that dies does so once the other has nothing to do any more
            self._events.extend(first)

    results = run(plan_of(tmp_path, 9.0, 1.0), Lonely(2, good), Log())
    assert [results.outcomes[number].whole for number in range(2)] == [True, True]


def test_a_file_that_kills_its_workers_is_reported_and_stops_nobody(tmp_path: Path) -> None:
    def act(worker: int, item: Item) -> list[Event]:
        return [Died(worker, "signal 11")] if item.number == 0 else good(worker, item)

    log = Log()
    results = run(plan_of(tmp_path, 9.0, 1.0, 2.0), Crew(1, act), log)
    assert [results.outcomes[i].whole for i in range(3)] == [False, True, True]
    assert results.outcomes[0].problem == "film0.mp4 could not be analysed: signal 11."
    assert log.of("bad") == ["film0.mp4 could not be analysed: signal 11."]


def test_what_a_dead_worker_left_gives_its_place_to_the_second_try(tmp_path: Path) -> None:
    film, out = tmp_path / "film0.mp4", tmp_path / "out"
    film.write_bytes(b"pictures")
    tries = 0

    def act(worker: int, item: Item) -> list[Event]:
        nonlocal tries
        tries += 1
        folder = session_of(film, out / ("film0" if tries == 1 else "film0-2"), whole=tries == 2)
        (folder / "results.csv").write_text(f"try {tries}")
        if tries == 1:
            return [Died(worker, "signal 9")]
        return [Finished(worker, item.number, Outcome(folder, whole=True), 60)]

    item = Item(0, str(film), Todo.NEW, "film0", size_bytes=8)
    results = run(Plan(out, (item,)), Crew(1, act), Log())
    assert results.outcomes[0].folder == out / "film0"
    assert (out / "film0" / "results.csv").read_text() == "try 2"
    assert sorted(path.name for path in out.glob("film*")) == ["film0"]


@pytest.mark.parametrize("whole", [False, True])
def test_after_a_workers_death_no_session_of_another_file_is_removed(
    tmp_path: Path, whole: bool
) -> None:
    ours, others, out = tmp_path / "a" / "film.mp4", tmp_path / "b" / "film.mp4", tmp_path / "out"
    for film in (ours, others):
        film.parent.mkdir()
        film.write_bytes(film.parent.name.encode())
    # another program took the name that was planned here
    of_others = session_of(others, out / "film", whole=whole)
    tries = 0

    def act(worker: int, item: Item) -> list[Event]:
        nonlocal tries
        tries += 1
        if tries == 1:
            return [Died(worker, "signal 9")]
        folder = session_of(ours, out / "film-2", whole=True)
        return [Finished(worker, item.number, Outcome(folder, whole=True), 60)]

    item = Item(0, str(ours), Todo.NEW, "film", size_bytes=1)
    results = run(Plan(out, (item,)), Crew(1, act), Log())
    assert results.outcomes[0].folder == out / "film-2"
    assert json.loads((of_others / "session.json").read_text())["source"]["location"] == str(others)


def test_what_was_interrupted_and_is_whole_by_now_is_not_removed(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"pictures")
    old = session_of(film, tmp_path / "film", whole=False)
    new = session_of(film, tmp_path / "film-2", whole=True)
    item = Item(0, str(film), Todo.AGAIN, "film-2", size_bytes=8, stale=(old,))
    settlement = Settlement(Plan(tmp_path, (item,)), WANTED)
    session_of(film, old, whole=True)  # another program has settled it meanwhile
    assert settlement.settle(item, Outcome(new, whole=True)).folder == new
    assert old.is_dir()
    session_of(film, old, whole=False)
    assert settlement.settle(item, Outcome(new, whole=True)).folder == old


def test_files_of_ours_that_are_alike_by_name_and_size_are_all_analysed(tmp_path: Path) -> None:
    items = [
        Item(i, f"{folder}/film.mp4", Todo.NEW, f"film-{folder}", size_bytes=100)
        for i, folder in enumerate("ab")
    ]
    ours, other = Claims(tmp_path), Claims(tmp_path)
    assert all(ours.take(item) for item in items)
    ours.give_back(items[0])
    assert not other.take(items[1])  # the second is still in work
    ours.give_back(items[1])
    assert other.take(items[1])
    other.close()


def test_a_claim_that_is_given_back_is_never_held_by_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = Item(0, "film.mp4", Todo.NEW, "film", size_bytes=100)
    ours, other, third = (Claims(tmp_path) for _ in range(3))
    assert ours.take(item)
    unlink = Path.unlink
    taken: list[bool] = []

    def unlink_later(path: Path, *, missing_ok: bool = False) -> None:
        monkeypatch.setattr(Path, "unlink", unlink)
        taken.append(other.take(item))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink_later)
    ours.give_back(item)
    assert taken == [False] or not third.take(item)

    assert ours.take(item)

    def lock_later(file: IO[bytes]) -> bool:
        # it has opened what the other removes before it holds it
        monkeypatch.setattr("ferdesk.archive.claims.try_lock", try_lock)
        ours.give_back(item)
        return try_lock(file)

    monkeypatch.setattr("ferdesk.archive.claims.try_lock", lock_later)
    assert other.take(item)
    assert not third.take(item)
    other.close()


def test_a_claim_is_held_where_the_folder_for_it_goes_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = Item(0, "film.mp4", Todo.NEW, "film", size_bytes=100)
    ours, other = Claims(tmp_path), Claims(tmp_path)
    mkdir = Path.mkdir

    def made_and_gone(path: Path, *args: object, **more: object) -> None:
        mkdir(path, parents=True, exist_ok=True)
        monkeypatch.setattr(Path, "mkdir", mkdir)
        path.rmdir()

    monkeypatch.setattr(Path, "mkdir", made_and_gone)
    assert ours.take(item)
    assert not other.take(item)
    ours.close()


def test_an_interrupted_session_with_landmarks_gives_its_place(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"pictures")
    old = session_of(film, tmp_path / "film", whole=False)
    (old / LANDMARKS_FILE).write_bytes(b"")
    new = session_of(film, tmp_path / "film-2", whole=True)
    item = Item(0, str(film), Todo.AGAIN, "film-2", size_bytes=8, stale=(old,))
    settlement = Settlement(Plan(tmp_path, (item,)), WANTED)
    assert settlement.settle(item, Outcome(new, whole=True)).folder == old


def test_an_interrupted_session_with_a_users_file_in_it_is_never_removed(tmp_path: Path) -> None:
    old, new = tmp_path / "film0", tmp_path / "film0-2"
    for folder in (old, new):
        folder.mkdir()
        (folder / "results.csv").write_text(folder.name)
    (old / "my notes.txt").write_text("keep")
    item = Item(0, "film0.mp4", Todo.AGAIN, "film0-2", stale=(old,))
    settlement = Settlement(Plan(tmp_path, (item,)), WANTED)
    assert settlement.settle(item, Outcome(new, whole=True)).folder == new
    assert (old / "my notes.txt").read_text() == "keep"
    assert (old / "results.csv").read_text() == "film0"


def test_a_new_session_that_is_not_whole_replaces_nothing(tmp_path: Path) -> None:
    old = tmp_path / "film0"
    old.mkdir()
    item = Item(0, "film0.mp4", Todo.AGAIN, "film0-2", stale=(old,))
    outcome = Outcome(tmp_path / "film0-2", whole=False, problem="stopped")
    assert Settlement(Plan(tmp_path, (item,)), WANTED).settle(item, outcome) == outcome
    assert old.is_dir()


def test_what_another_program_works_on_is_left_to_it(tmp_path: Path) -> None:
    plan, log = plan_of(tmp_path, 1.0, 30.0), Log()
    other = Claims(tmp_path)
    assert other.take(plan.items[1])
    results = run(plan, Crew(1, good), log)
    assert [item.number for item in results.elsewhere] == [1]
    assert log.of("began") == ["film0.mp4"]
    other.close()
    with contextlib.closing(Claims(tmp_path)) as free:
        assert free.take(plan.items[1])


def test_what_another_program_finished_meanwhile_is_not_done_again(tmp_path: Path) -> None:
    film = tmp_path / "film0.mp4"
    film.write_bytes(b"pictures")
    item = Item(0, str(film), Todo.NEW, "film0", size_bytes=8)
    about = film.stat()
    folder = tmp_path / "out" / "film0"
    folder.mkdir(parents=True)
    source = {
        "location": str(film), "sha256": "", "size_bytes": 8, "modified_ns": about.st_mtime_ns,
    }  # fmt: skip
    text = {"source": source, "model": {"sha256": "m0del"}, "settings": {}, "complete": True}
    (folder / "session.json").write_text(json.dumps(text))
    log = Log()
    results = run(Plan(tmp_path / "out", (item,)), Crew(1, good), log)
    assert (results.outcomes, log.of("elsewhere")) == ({}, [str(film)])


@pytest.mark.parametrize("redo", [False, True])
def test_what_another_program_was_at_work_on_when_the_plan_was_made_is_not_done_again(
    tmp_path: Path, redo: bool
) -> None:
    film, out = tmp_path / "film.mp4", tmp_path / "out"
    film.write_bytes(b"pictures")
    if redo:
        session_of(film, out / "film-4", whole=True)
    session_of(film, out / "film", whole=False)
    with (out / "film" / "results.csv").open("ab") as rows:
        assert try_lock(rows)  # as its writer does
        plan = make_plan([str(film)], out, WANTED, redo=redo)
    assert plan.open_items[0].folder_name == "film-2"
    session_of(film, out / "film", whole=True)
    log = Log()
    results = run(plan, Crew(1, good), log)
    assert (results.outcomes, log.of("elsewhere")) == ({}, [str(film)])


def test_an_interrupted_session_that_another_program_made_whole_is_not_done_again(
    tmp_path: Path,
) -> None:
    film, out = tmp_path / "new name.mp4", tmp_path / "out"
    film.write_bytes(b"pictures")
    session_of(film, out / "old name", whole=False)
    plan = make_plan([str(film)], out, WANTED)
    # its new session has got the place of the interrupted one
    session_of(film, out / "old name", whole=True)
    assert run(plan, Crew(1, good), Log()).elsewhere == tuple(plan.items)


def test_two_files_of_ours_with_the_same_content_are_both_analysed(tmp_path: Path) -> None:
    films = [tmp_path / name / "film.mp4" for name in ("a", "b")]
    for film in films:
        film.parent.mkdir()
        film.write_bytes(b"pictures")
    out = tmp_path / "out"

    def act(worker: int, item: Item) -> list[Event]:
        folder = session_of(Path(item.name), out / item.folder_name, whole=True)
        return [Finished(worker, item.number, Outcome(folder, whole=True), 60)]

    plan = make_plan([str(film) for film in films], out, WANTED)
    results = run(plan, Crew(1, act), Log())
    assert [one.folder for one in results.outcomes.values()] == [out / "film", out / "film-2"]


def test_a_stop_ends_with_the_files_in_work(tmp_path: Path) -> None:
    log = Log()
    crew = Crew(1, lambda worker, item: [])
    real_next = crew.next_event

    def next_event(wait_s: float) -> Event | None:
        if crew.stopped:
            outcome = Outcome(tmp_path / "film1", whole=False, problem="stopped")
            return Finished(0, 1, outcome, 7)
        return real_next(wait_s)

    crew.next_event = next_event  # type: ignore[method-assign]
    results = run(plan_of(tmp_path, 1.0, 30.0), crew, log, stop=lambda: bool(log.of("began")))
    assert results.outcomes == {1: Outcome(tmp_path / "film1", whole=False, problem="stopped")}
    assert log.of("began") == ["film1.mp4"]


def test_workers_that_cannot_begin_end_the_work_with_their_sentence(tmp_path: Path) -> None:
    crew = Crew(1, good)
    crew.start = lambda: crew._events.append(Unusable("The model is broken."))  # type: ignore[method-assign]
    with pytest.raises(FerdeskError, match="The model is broken"):
        run(plan_of(tmp_path, 1.0), crew, Log())
    assert crew.closed


def test_in_one_process_the_files_are_done_in_the_plans_order(tmp_path: Path) -> None:
    log = Log()
    plan = plan_of(tmp_path, 1.0, 30.0)

    def analyze_item(item: Item) -> tuple[Outcome, int]:
        return Outcome(tmp_path / item.folder_name, whole=True), 5

    with_claims = Claims(tmp_path)
    results = work_inline(
        plan, analyze_item, Settlement(plan, WANTED), with_claims, log, lambda: False
    )
    with_claims.close()
    assert log.of("began") == ["film0.mp4", "film1.mp4"]
    assert set(results.outcomes) == {0, 1}
    assert not (tmp_path / ".ferdesk").exists()
