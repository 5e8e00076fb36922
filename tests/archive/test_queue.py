"""The queue of the window: the plan of the command, in the user's order, with workers that rest."""

import io
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import psutil
import pytest

from ferdesk.archive.claims import Claims
from ferdesk.archive.crew import (
    Advanced,
    Died,
    Event,
    Finished,
    Ready,
    Told,
    Unusable,
    WorkerSetup,
)
from ferdesk.archive.finished import hash_of_model
from ferdesk.archive.plan import Item, Todo
from ferdesk.archive.processes import ProcessCrew
from ferdesk.archive.queue import find_files, options_of, work_on_queue
from ferdesk.archive.worker import _listen, serve
from ferdesk.batch import Outcome
from ferdesk.errors import FerdeskError
from ferdesk.factory.models import bundled_models, find_model
from ferdesk.runtime.analysis_queue import AnalysisQueue, QueuedFile, QueueOptions
from ferdesk.sessions.source_content import content_of
from tests.helpers.videos import write_film

pytestmark = pytest.mark.skipif(not bundled_models(), reason="no expression model ships")


class Crew:
    """Crew that does what ``act`` says of a file, a step for each time it is asked."""

    def __init__(self, act: Callable[[int, Item], Iterable[Event]]) -> None:
        self._act = act
        self._events: deque[Event] = deque()
        self._work: dict[int, deque[Event]] = {}
        self.setup: WorkerSetup | None = None
        self.num_begun = 0
        self.given: list[str] = []
        self.log: list[str] = []
        self.resting: set[int] = set()
        self.most_at_work = 0

    def __call__(self, setup: WorkerSetup, num_workers: int) -> "Crew":
        self.setup = setup
        return self

    def start(self) -> None:
        raise AssertionError("the workers of a queue are begun one by one")

    def begin(self) -> None:
        self._events.append(Ready(self.num_begun, "CPU"))
        self.num_begun += 1

    def give(self, worker: int, item: Item) -> None:
        assert worker not in self._work, "two files at once"
        self.given.append(Path(item.name).name)
        self._work[worker] = deque(self._act(worker, item))

    def pause(self, worker: int) -> None:
        self.log.append(f"pause {worker}")
        self.resting.add(worker)

    def resume(self, worker: int) -> None:
        self.log.append(f"resume {worker}")
        self.resting.remove(worker)

    def next_event(self, wait_s: float) -> Event | None:
        if self._events:
            return self._events.popleft()
        awake = [worker for worker in self._work if worker not in self.resting]
        self.most_at_work = max(self.most_at_work, len(awake))
        for worker in awake:
            event = self._work[worker].popleft()
            if isinstance(event, Finished | Died):
                del self._work[worker]
            if isinstance(event, Died):
                self._events.append(Ready(worker, "CPU"))
            return event
        return None

    def stop(self) -> None:
        self.log.append("stop")
        self.resting.clear()
        for worker, events in self._work.items():
            last = events[-1]
            assert isinstance(last, Finished)
            cut = Outcome(last.outcome.folder, whole=False, problem="It was stopped.")
            self._work[worker] = deque([Finished(worker, last.number, cut, 10)])

    def close(self) -> None:
        self.log.append("close")


def good(worker: int, item: Item) -> list[Event]:
    return [
        Advanced(worker, item.number, 1.5, 45),
        Finished(worker, item.number, Outcome(Path(item.folder_name), whole=True), 60),
    ]


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [folder / f"film{i}.mp4" for i in range(1, 5)]
    for i, path in enumerate(paths):
        path.write_bytes(b"pictures" * (i + 1))
    return paths


@pytest.fixture
def options(tmp_path: Path) -> QueueOptions:
    return QueueOptions(tmp_path / "out")


def queue_of(paths: Iterable[Path]) -> AnalysisQueue:
    queue = AnalysisQueue()
    queue.add(QueuedFile(path, (), path.stat().st_size, 2.0, "sad") for path in paths)
    return queue


def work(
    queue: AnalysisQueue,
    options: QueueOptions,
    crew: Crew,
    allowed: Callable[[], int | None] = lambda: 1,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    work_on_queue(queue, options, None, "cpu", allowed=allowed, stop_requested=stop, make_crew=crew)


def states(queue: AnalysisQueue) -> list[str]:
    return [entry.state for entry in queue.entries]


def done_session(options: QueueOptions, path: Path) -> Path:
    """The session.json that an analysis of ``path`` leaves."""
    folder = options.out / path.stem
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "source": {"location": str(path), **content_of(path).table()},
        "model": {"sha256": hash_of_model(find_model(None))},
        "settings": json.loads(json.dumps(options_of(options).settings())),
        "events": [],
        "complete": True,
    }
    (folder / "session.json").write_text(json.dumps(about))
    (folder / "results.csv").touch()
    return folder


def test_files_are_analysed_in_the_users_order_with_its_options(
    films: list[Path], tmp_path: Path
) -> None:
    options = QueueOptions(tmp_path / "out", "fer2013", "pose", every=3)
    queue, crew = queue_of(films), Crew(good)
    queue.move([4], -1)
    work(queue, options, crew)
    assert crew.given == ["film1.mp4", "film2.mp4", "film4.mp4", "film3.mp4"]
    assert states(queue) == ["done"] * 4
    assert [entry.num_frames for entry in queue.entries] == [60] * 4
    assert crew.setup is not None
    table = crew.setup.options
    assert (table["labels_from"], table["measures"], table["every"]) == ("fer2013", "pose", 3)
    assert crew.log == ["close"]


def test_the_folder_of_a_file_is_its_condition(films: list[Path], options: QueueOptions) -> None:
    labels = []

    def act(worker: int, item: Item) -> list[Event]:
        labels.append(dict(item.labels))
        return good(worker, item)

    work(queue_of(films[:1]), options, Crew(act))
    assert labels == [{"condition": "sad"}]


def test_what_is_done_already_is_skipped_and_opens(
    films: list[Path], options: QueueOptions
) -> None:
    crew = Crew(good)
    folder = done_session(options, films[1])
    queue = queue_of(films)
    work(queue, options, crew)
    assert states(queue) == ["done", "skipped", "done", "done"]
    assert queue.entries[1].folder == folder
    assert "film2.mp4" not in crew.given
    # put there once more, it is skipped once more
    queue.add([queue.entries[1].file])
    work(queue, options, crew)
    assert states(queue)[1] == "skipped"


def test_what_is_finished_in_this_run_is_known_to_it(
    films: list[Path], options: QueueOptions
) -> None:
    queue = queue_of(films[:2])
    again = False

    def act(worker: int, item: Item) -> list[Event]:
        nonlocal again
        if item.name.endswith("film1.mp4"):
            folder = done_session(options, films[0])
            outcome = Outcome(folder, whole=True)
            return [Finished(worker, item.number, outcome, 9)]
        if not again:
            again = True
            queue.add([queue.entries[0].file])
        return good(worker, item)

    crew = Crew(act)
    work(queue, options, crew)
    assert crew.given == ["film1.mp4", "film2.mp4"]
    assert states(queue) == ["skipped", "done"]
    assert (options.out / "film1" / "session.json").exists()


def test_files_that_come_go_and_move_meanwhile_are_heeded(
    films: list[Path], options: QueueOptions
) -> None:
    queue = queue_of(films[:3])

    def act(worker: int, item: Item) -> list[Event]:
        if item.name.endswith("film1.mp4"):
            queue.remove([2])
            queue.add([QueuedFile(films[3], (), 32, 2.0)])
            queue.move([4], -1)
        return good(worker, item)

    crew = Crew(act)
    work(queue, options, crew)
    assert crew.given == ["film1.mp4", "film4.mp4", "film3.mp4"]


def test_workers_rest_where_fewer_are_allowed_and_then_go_on(
    films: list[Path], options: QueueOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferdesk.archive.queue.has_room_for_another", lambda num: num < 2)
    wanted: list[int | None] = [*[2] * 6, *[1] * 2, *[0] * 3]

    def allowed() -> int | None:
        return wanted.pop(0) if wanted else None

    def act(worker: int, item: Item) -> list[Event]:
        return [*[Advanced(worker, item.number, 0.1, 1)] * 9, *good(worker, item)]

    queue, crew = queue_of(films), Crew(act)
    work(queue, options, crew, allowed)
    assert crew.log[:4] == ["pause 1", "pause 0", "resume 0", "resume 1"]
    assert crew.most_at_work == 2
    assert states(queue) == ["done"] * 4


def test_nothing_is_begun_while_nothing_is_allowed(
    films: list[Path], options: QueueOptions
) -> None:
    asked = 0

    def allowed() -> int:
        nonlocal asked
        asked += 1
        return 0

    queue, crew = queue_of(films), Crew(good)
    work(queue, options, crew, allowed, stop=lambda: asked > 5)
    assert (crew.num_begun, states(queue)) == (0, ["waiting"] * 4)


def test_what_is_stopped_waits_for_the_next_start(films: list[Path], options: QueueOptions) -> None:
    queue, crew = queue_of(films), Crew(good)
    work(queue, options, crew, stop=lambda: len(crew.given) == 2)
    assert states(queue) == ["done", "waiting", "waiting", "waiting"]
    assert crew.log == ["stop", "close"]


def test_a_file_that_fails_or_kills_its_workers_stops_nobody(
    films: list[Path], options: QueueOptions
) -> None:
    def act(worker: int, item: Item) -> list[Event]:
        if item.name.endswith("film1.mp4"):
            return [Died(worker, "signal 9")]
        if item.name.endswith("film2.mp4"):
            outcome = Outcome(None, whole=False, problem="film2.mp4 is no video.")
            return [Finished(worker, item.number, outcome, 0)]
        if item.name.endswith("film3.mp4"):
            return [Told(worker, item.number, "A picture is damaged.", True), *good(worker, item)]
        return good(worker, item)

    queue, crew = queue_of(films), Crew(act)
    work(queue, options, crew)
    assert crew.given[:2] == ["film1.mp4", "film1.mp4"]
    assert states(queue) == ["failed", "failed", "done", "done"]
    assert "film1.mp4 could not be analysed: signal 9." in queue.entries[0].problem
    assert queue.entries[1].problem == "film2.mp4 is no video."
    assert queue.entries[2].problem == "A picture is damaged."


def test_a_file_whose_worker_died_once_is_analysed_after_all(
    films: list[Path], options: QueueOptions
) -> None:
    deaths = [Died(0, "signal 9")]

    def act(worker: int, item: Item) -> list[Event]:
        return [deaths.pop()] if deaths else good(worker, item)

    queue, crew = queue_of(films[:2]), Crew(act)
    work(queue, options, crew)
    assert crew.given == ["film1.mp4", "film1.mp4", "film2.mp4"]
    assert states(queue) == ["done", "done"]


def test_what_another_program_has_is_left_to_it(films: list[Path], options: QueueOptions) -> None:
    other = Claims(options.out)
    item = Item(1, str(films[0]), Todo.NEW, "film1", films[0].stat().st_size)
    assert other.take(item)
    queue, crew = queue_of(films[:2]), Crew(good)
    work(queue, options, crew)
    other.close()
    assert states(queue) == ["skipped", "done"]
    assert "Another program" in queue.entries[0].problem
    assert crew.given == ["film2.mp4"]


def test_where_no_worker_can_begin_the_reason_is_told_and_all_waits(
    films: list[Path], options: QueueOptions
) -> None:
    queue = queue_of(films[:2])
    with pytest.raises(FerdeskError, match="broken"):
        work(queue, options, Crew(lambda *_: [Unusable("The model is broken.")]))
    assert states(queue) == ["waiting", "waiting"]


def test_a_folder_that_is_a_file_is_told(films: list[Path]) -> None:
    with pytest.raises(FerdeskError, match="Choose another one"):
        work(queue_of(films[:1]), QueueOptions(films[0]), Crew(good))


def test_folders_are_searched_and_what_is_not_found_is_told(tmp_path: Path) -> None:
    (tmp_path / "in" / "b" / "c").mkdir(parents=True)
    write_film(tmp_path / "in" / "sad.mp4", 15)
    (tmp_path / "in" / "b" / "c" / "talk.mp4").write_bytes(b"no film")
    for name in ("1.png", "2.png"):
        (tmp_path / "in" / "b" / name).write_bytes(b"picture")
    (tmp_path / "in" / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    found = find_files([tmp_path / "in", tmp_path / "empty", tmp_path / "none.mp4"])
    shown = {
        (file.path.name, len(file.pictures), file.length_s, file.condition) for file in found.files
    }
    assert shown == {("sad.mp4", 0, 0.5, ""), ("talk.mp4", 0, 0.0, "b/c"), ("b", 2, 2.0, "b")}
    assert ["empty" in found.problems[0], "none.mp4" in found.problems[1]] == [True, True]


def test_a_worker_at_rest_hears_that_its_parent_is_gone() -> None:
    stopping, working = threading.Event(), threading.Event()
    working.set()
    seen = []

    def lines() -> Iterator[str]:
        for word in ("pause", "resume", "pause"):
            yield json.dumps({"do": word})
            seen.append(working.is_set())

    _listen(lines(), SimpleQueue(), stopping, working)  # type: ignore[arg-type]
    assert seen == [False, True, False]
    assert stopping.is_set()
    assert working.is_set()


@pytest.mark.timeout(180)
def test_real_workers_rest_at_low_priority_and_finish(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    paths = [write_film(tmp_path / "in" / f"film{n}.mp4", n) for n in (24, 3)]
    queue = queue_of(paths)
    crews: list[ProcessCrew] = []
    told: list[int] = []
    niceness: list[int] = []

    def make_crew(setup: WorkerSetup, num: int) -> ProcessCrew:
        crews.append(ProcessCrew(setup, num, in_background=True))
        return crews[0]

    def allowed() -> int:
        first = queue.entries[0]
        rested = len(told) >= 15 and len(set(told[-15:])) == 1
        if first.state != "running" or first.num_frames == 0 or rested:
            return 1
        # it rests until nothing has come of it for a second and a half
        told.append(first.num_frames)
        niceness.append(psutil.Process(crews[0]._processes[0].pid).nice())
        return 0

    work_on_queue(
        queue, QueueOptions(tmp_path / "out"), None, "cpu",
        allowed=allowed, stop_requested=lambda: False, make_crew=make_crew,
    )  # fmt: skip
    assert states(queue) == ["done", "done"]
    assert [entry.num_frames for entry in queue.entries] == [24, 3]
    assert told[-15:] == [told[-1]] * 15
    assert told[-1] < 24
    assert niceness[0] == 19 or psutil.WINDOWS
    for n in (24, 3):
        rows = (tmp_path / "out" / f"film{n}" / "results.csv").read_text().splitlines()
        assert len(rows) == n + 1


def test_a_place_that_cannot_be_seen_is_told_and_the_others_are_found(
    films: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = Path.exists

    def seen(path: Path) -> bool:
        if path == films[0]:
            raise PermissionError(13, "Permission denied")
        return exists(path)

    monkeypatch.setattr(Path, "exists", seen)
    found = find_files(films[:2])
    assert [file.path for file in found.files] == [films[1]]
    assert found.problems == (f"{films[0]} cannot be read: Permission denied.",)


def test_a_task_that_comes_with_the_stop_is_answered(
    options: QueueOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Loaded:
        classifier = SimpleNamespace(device=SimpleNamespace(provider="cpu"))

        def close(self) -> None:
            pass

    monkeypatch.setattr("ferdesk.factory.models.open_pipeline", lambda *_, **__: Loaded())
    setup = {"model": None, "provider": "cpu", "out": str(options.out)}
    task = {"do": "analyze", "number": 7, "name": "a.mp4", "folder_name": "a", "labels": {}}
    messages = ({**setup, "options": options_of(options).table()}, task, {"do": "stop"})
    said: list[dict[str, object]] = []

    def send(message: dict[str, object]) -> None:
        said.append(message)
        for thread in threading.enumerate():
            if thread.name == "ferdesk-tasks":
                thread.join(10)  # all was heard before the first task is taken

    assert serve(io.StringIO("".join(json.dumps(one) + "\n" for one in messages)), send) == 0
    assert [one["said"] for one in said] == ["ready", "finished"]
    assert (said[1]["number"], said[1]["folder"], said[1]["whole"]) == (7, None, False)
