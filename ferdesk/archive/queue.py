"""Queue of the window: the same work as ``analyze`` on files, in the user's order and pace."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ferdesk.adapters.sources.probe import length_s
from ferdesk.archive.claims import Claims
from ferdesk.archive.crew import PausableCrew, WorkerSetup
from ferdesk.archive.finished import Wanted, hash_of_model
from ferdesk.archive.plan import Item, Plan, Planner, Todo
from ferdesk.archive.processes import ProcessCrew, has_room_for_another, num_cores
from ferdesk.archive.work import Settlement, Shift
from ferdesk.batch import Outcome
from ferdesk.core.detection.networks import DetectorChoice
from ferdesk.errors import FerdeskError
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.factory.models import bundled_models, find_model
from ferdesk.factory.sources import PictureFiles, expand_folders, picture_files
from ferdesk.messages import translatable
from ferdesk.runtime.analysis_queue import (
    AnalysisQueue,
    QueuedFile,
    QueueEntry,
    QueueFound,
    QueueOptions,
)
from ferdesk.settings import Provider

log = logging.getLogger(__name__)

_PLANNED_AT_ONCE = 20
"""Entries that are looked at between two events: renamed files of hours are read through."""


def find_files(places: Sequence[Path]) -> QueueFound:
    """The videos and pictures at ``places``, of folders with all below them.

    Pictures of one folder are one session; a subfolder's name is the condition of what is in it.
    """
    files: list[QueuedFile] = []
    problems: list[str] = []
    for place in places:
        try:
            if not _is_there(place):
                raise FerdeskError(
                    translatable("There is no file {path}; check the path.", path=place)
                )
            names = expand_folders([str(place)], fail=problems.append, recursive=True)
        except FerdeskError as error:
            problems.append(str(error))
            continue
        together, others = picture_files(names)
        files += [_queued_pictures(one, place) for one in together]
        files += [_queued(Path(name), place) for name in others]
    return QueueFound(tuple(files), tuple(problems))


def _is_there(place: Path) -> bool:
    """Whether there is such a file.

    Raises:
        FerdeskError: that cannot be seen.
    """
    try:
        return place.exists()
    except OSError as error:
        raise FerdeskError(
            translatable("{path} cannot be read: {why}.", path=place, why=error.strerror or error)
        ) from error


def _queued(path: Path, place: Path) -> QueuedFile:
    size_bytes = 0
    with contextlib.suppress(OSError):
        size_bytes = path.stat().st_size
    return QueuedFile(path, (), size_bytes, length_s(path), _condition(path.parent, place))


def _queued_pictures(pictures: PictureFiles, place: Path) -> QueuedFile:
    size_bytes = 0
    for path in pictures.paths:
        with contextlib.suppress(OSError):
            size_bytes += path.stat().st_size
    return QueuedFile(
        pictures.folder, pictures.paths, size_bytes, float(len(pictures.paths)),
        _condition(pictures.folder, place),
    )  # fmt: skip


def _condition(folder: Path, place: Path) -> str:
    with contextlib.suppress(ValueError):
        inside = folder.relative_to(place).as_posix()
        return "" if inside == "." else inside
    return ""


def work_on_queue(
    queue: AnalysisQueue,
    options: QueueOptions,
    model: str | None,
    provider: Provider,
    detector: DetectorChoice = "ferdesk",
    *,
    allowed: Callable[[], int | None],
    stop_requested: Callable[[], bool],
    make_crew: Callable[[WorkerSetup, int], PausableCrew] | None = None,
) -> None:
    """Analyse what waits in ``queue``, also what is put there meanwhile, until nothing does.

    Args:
        queue: whose entries say how it goes.
        options: where sessions go, and what is analysed.
        model: a bundled model's name or a path; by default ``analyze``'s.
        provider: the device to run it on.
        detector: who finds faces.
        allowed: how many files may be in work now, None for as many as the machine bears; the
            workers of the others rest after the frame in work.
        stop_requested: whether to close what is in work; it waits again, for another start.
        make_crew: worker processes unless a test has its own.

    Raises:
        FerdeskError: the model or the folder cannot be used, or no worker can begin.
    """
    path = find_model(model)
    wanted = replace(options_of(options), detector=detector)
    chosen = Wanted(hash_of_model(path), wanted.settings())
    name = str(path.absolute()) if path not in bundled_models() else model
    setup = WorkerSetup(name, provider, options.out.absolute(), wanted.table())
    num_workers = min(max(len(queue.waiting()), 1), num_cores())
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        planner = Planner(options.out, chosen, redo=options.redo)
    except OSError as error:
        raise FerdeskError(
            translatable(
                "The folder {path} cannot be used: {why}. Choose another one for the results.",
                path=options.out,
                why=error.strerror or error,
            )
        ) from error
    make_crew = make_crew or _background_crew
    with contextlib.closing(Claims(options.out)) as claims:
        work = _QueueWork(
            queue, planner, make_crew(setup, num_workers), claims,
            Settlement(Plan(options.out, ()), chosen),
        )  # fmt: skip
        work.run(allowed, stop_requested)


def options_of(options: QueueOptions) -> AnalysisOptions:
    """A queue's options as ``analyze`` has them."""
    return AnalysisOptions(
        options.out,
        every=1 if options.rate_fps else options.every,
        rate_fps=options.rate_fps,
        measures=options.measures,
        labels_from=options.labels_from,
    )


def _background_crew(setup: WorkerSetup, num_workers: int) -> ProcessCrew:
    return ProcessCrew(setup, num_workers, in_background=True)


class _QueueWork:
    """Work on a queue: plans what waits, gives it out, and lets workers rest."""

    def __init__(
        self,
        queue: AnalysisQueue,
        planner: Planner,
        crew: PausableCrew,
        claims: Claims,
        settlement: Settlement,
    ) -> None:
        self._queue, self._planner, self._crew = queue, planner, crew
        self._settlement = settlement
        report = _QueueReport(queue, planner, lambda: self._shift.stopping)
        self._shift = Shift(crew, settlement, claims, report)
        self._planned: dict[int, Item] = {}
        self._free: list[int] = []
        self._resting: set[int] = set()

    def run(self, allowed: Callable[[], int | None], stop_requested: Callable[[], bool]) -> None:
        shift = self._shift
        try:
            while True:
                if stop_requested() and not shift.stopping:
                    shift.stop()
                waiting = [] if shift.stopping else self._plan(self._queue.waiting())
                if not waiting and not shift.in_work:
                    break
                if not shift.stopping:
                    self._share_out(waiting, allowed())
                free = shift.next_event()
                # one that died at rest is ready twice
                if free is not None and free not in (*self._free, *shift.in_work):
                    self._free.append(free)
                for item in shift.again:
                    # its entry waits again, with what the lost worker has left
                    self._planned[item.number] = item
                    self._queue.end(item.number, "waiting")
                shift.again.clear()
        finally:
            self._crew.close()
            self._queue.put_back()

    def _plan(self, waiting: Sequence[QueueEntry]) -> list[QueueEntry]:
        """What of ``waiting`` is not done already; that is skipped at once."""
        new = [entry for entry in waiting if entry.number not in self._planned]
        for entry in new[:_PLANNED_AT_ONCE]:
            file = entry.file
            source: str | PictureFiles = str(file.path)
            if file.pictures:
                source = PictureFiles(file.path.name or "pictures", file.pictures)
            labels = {"condition": file.condition} if file.condition else {}
            item = self._planner.item(entry.number, source, labels)
            if item.todo is not Todo.DONE:
                self._planned[entry.number] = item
            elif self._queue.take(entry.number):
                self._settlement.tidy_after(item)
                self._queue.end(entry.number, "skipped", item.done)
        unseen = {entry.number for entry in new[_PLANNED_AT_ONCE:]}
        return [e for e in waiting if e.number in self._planned or e.number in unseen]

    def _share_out(self, waiting: Sequence[QueueEntry], allowed: int | None) -> None:
        """Give out what there is room for; the first workers go on, those beyond it rest."""
        busy = sorted(self._shift.in_work)
        most = len(busy) + len(waiting) if allowed is None else allowed
        for place, worker in enumerate(busy):
            if place >= most and worker not in self._resting:
                self._crew.pause(worker)
                self._resting.add(worker)
            elif place < most and worker in self._resting:
                self._crew.resume(worker)
                self._resting.discard(worker)
        self._resting.intersection_update(busy)
        ready = [entry for entry in waiting if entry.number in self._planned]
        for entry in ready:
            if len(self._shift.in_work) >= most:
                return
            if not self._free:
                self._begin_another(most)
                return
            if self._queue.take(entry.number):
                item = self._planned.pop(entry.number)
                if self._shift.give(self._free[0], item):
                    del self._free[0]

    def _begin_another(self, most: int) -> None:
        num = self._crew.num_begun
        # one that is being loaded is neither free nor in work
        loading = num - len(self._free) - len(self._shift.in_work)
        if loading <= 0 and num < most and has_room_for_another(num):
            self._crew.begin()


class _QueueReport:
    """Report of the work to the entries of the queue."""

    def __init__(
        self, queue: AnalysisQueue, planner: Planner, stopping: Callable[[], bool]
    ) -> None:
        self._queue, self._planner, self._stopping = queue, planner, stopping

    def ready(self, worker: int, device: str) -> None:
        log.info("worker %d of the queue uses the %s", worker, device)

    def began(self, worker: int, item: Item) -> None:
        """The entry was taken, and says so."""

    def advanced(self, worker: int, item: Item, done_s: float, num_frames: int) -> None:
        self._queue.advance(item.number, done_s, num_frames)

    def told(self, item: Item, text: str, *, bad: bool) -> None:
        log.log(logging.WARNING if bad else logging.INFO, text)
        if bad:
            self._queue.warn(item.number, text)

    def finished(self, worker: int, item: Item, outcome: Outcome, num_frames: int) -> None:
        self._queue.advance(item.number, item.length_s, num_frames)
        if outcome.folder is not None:
            self._planner.renew(outcome.folder)
        if outcome.whole:
            self._queue.end(item.number, "done", outcome.folder)
        elif self._stopping():
            # what is written of it gives its place to the next start's
            self._queue.end(item.number, "waiting")
        else:
            self._queue.end(item.number, "failed", outcome.folder, outcome.problem)

    def elsewhere(self, item: Item) -> None:
        text = translatable(
            "Another program is analysing {path} or has just finished it; try again later to open "
            "its session.",
            path=item.name,
        )
        self._queue.end(item.number, "skipped", None, text)
