"""``ferdesk analyze`` on files: the plan, its workers, and the report of their progress."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import IO

from ferdesk.adapters.sources.probe import length_s
from ferdesk.archive.claims import Claims
from ferdesk.archive.crew import Crew, WorkerSetup
from ferdesk.archive.finished import Wanted, hash_of_model
from ferdesk.archive.plan import Item, Plan, is_file, make_plan
from ferdesk.archive.processes import ProcessCrew, jobs_of_this_machine
from ferdesk.archive.work import Report, Results, Settlement, work_inline, work_through
from ferdesk.batch import Outcome, analyze_one, exit_code
from ferdesk.cli.labels import read_labels
from ferdesk.cli.progress import (
    JsonReport,
    TerminalReport,
    plan_text,
    progress_bars,
    write_event,
)
from ferdesk.cli.terminal import own_stdout, terminal
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import ModelInfo
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, FerdeskError, SourceError
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.factory.models import bundled_models, find_model, model_info, open_pipeline
from ferdesk.factory.sources import PictureFiles, expand_folders, picture_files, shown_name
from ferdesk.sessions.catalogue import describe, described
from ferdesk.sessions.reader import read_about
from ferdesk.settings import Provider
from ferdesk.text_output import write

log = logging.getLogger(__name__)

_MOST_SHOWN = 64
"""Workers of a cluster that have a line each at a terminal."""


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """Options of ``analyze`` that concern many files."""

    jobs: int | None = None
    redo: bool = False
    dry_run: bool = False
    match: str = ""
    recursive: bool = False
    labels: Path | None = None
    as_json: bool = False
    cluster: str = ""
    separate: bool = False
    """A session for each picture, and not for the pictures of each folder."""


def analyze_archive(
    sources: Sequence[str],
    options: AnalysisOptions,
    archive: ArchiveOptions,
    model: str | None,
    provider: Provider,
    stop_requested: Callable[[], bool],
) -> int:
    """Analyse what of the sources is not done yet, and return the exit code.

    Raises:
        FerdeskError: nothing can begin: the model or the table of labels cannot be used.
    """
    if not archive.as_json:
        return _analyze_archive(sources, options, archive, model, provider, stop_requested)
    with own_stdout() as stream:
        try:
            return _analyze_archive(
                sources, options, archive, model, provider, stop_requested, stream
            )
        except FerdeskError as error:
            write_event(stream, "error", source=None, text=str(error))
            raise


def _analyze_archive(
    sources: Sequence[str],
    options: AnalysisOptions,
    archive: ArchiveOptions,
    model: str | None,
    provider: Provider,
    stop_requested: Callable[[], bool],
    stream: IO[str] | None = None,
) -> int:
    """The same; ``stream`` is where lines of JSON go in place of words for people."""
    names, num_unusable = _names_of(sources, archive, stream)
    if not names:
        return EXIT_UNUSABLE
    path = find_model(model)
    wanted = Wanted(hash_of_model(path), options.settings())
    together: list[PictureFiles] = []
    if not archive.separate:
        together, names = picture_files(names)
    labels = _labels_of([*together, *names], sources, archive)
    plan = make_plan(
        [*together, *names], options.out, wanted,
        redo=archive.redo, labels=labels, length_of=length_s,
    )  # fmt: skip
    as_json = None if stream is None else JsonReport(plan, stream)
    if archive.dry_run:
        if as_json is not None:
            as_json.would_do()
        else:
            write(plan_text(plan))
        return EXIT_PARTIAL if num_unusable else EXIT_OK
    settlement = Settlement(plan, wanted)
    settlement.tidy()
    if archive.labels is not None:
        _label_anew(plan, as_json)
    num_done = len(plan.items) - len(plan.open_items)
    if num_done and not archive.as_json:
        terminal.console.print(
            f"{num_done} of {len(plan.items)} are done already; --redo analyses them again.",
            markup=False,
        )
    if not plan.open_items:
        if as_json is not None:
            as_json.end(Results())
        return EXIT_PARTIAL if num_unusable else EXIT_OK
    jobs = _jobs_for(plan, options, archive)
    with contextlib.closing(Claims(options.out)) as claims, _report(plan, as_json, jobs) as report:
        if jobs > 1:
            if path not in bundled_models():  # those know both answers
                _tell_missing_answer(model_info(path), options)
            # a bundled model by its name: elsewhere it lies elsewhere
            is_own = model is not None and path not in bundled_models()
            crew = _crew(
                WorkerSetup(
                    str(path.absolute()) if is_own else model,
                    provider, options.out.absolute(), options.table(),
                ),
                archive, jobs,
            )  # fmt: skip
            results = work_through(plan, crew, settlement, claims, report, stop_requested)
        else:
            opened = open_pipeline(model, provider, thorough=True, detector=options.detector)
            with contextlib.closing(opened) as pipeline:
                _tell_missing_answer(pipeline.classifier.info, options)
                device = pipeline.classifier.device
                if device.fell_back:
                    terminal.console.print(f"Using the CPU: {device.reason}.", markup=False)

                def analyze_item(item: Item) -> tuple[Outcome, int]:
                    return _analyze_here(item, pipeline, options, report, stop_requested)

                results = work_inline(
                    plan, analyze_item, settlement, claims, report, stop_requested
                )
        report.end(results)
    return _exit_code(plan, results, num_unusable)


def _tell_missing_answer(model: ModelInfo, options: AnalysisOptions) -> None:
    """Tell where a model from before there were people's votes cannot answer what is asked."""
    if model.has_votes or (options.labels_from == "fer2013" and not options.both_labels):
        return
    empty = "; the columns of the other answer stay empty" if options.both_labels else ""
    terminal.console.print(
        f"The model {model.name} knows no people's votes, so labels are FER2013's{empty}.",
        markup=False,
    )


def _label_anew(plan: Plan, as_json: JsonReport | None) -> None:
    """Give the sessions of what is done what the table of labels says by now."""
    for item in plan.items:
        if item.done is None:
            continue
        try:
            about = read_about(item.done)
            new = {
                name: text
                for name, text in item.labels.items()
                if text and described(about, name) != " ".join(text.split())
            }
            if not new:
                continue
            describe(item.done, new)
        except FerdeskError as error:
            terminal.warn(f"Error: {error}")
            continue
        text = f"{item.done}: {', '.join(f'{name} {said}' for name, said in new.items())}"
        if as_json is None:
            terminal.console.print(text)
        else:
            as_json.told(item, text, bad=False)


def _analyze_here(
    item: Item,
    pipeline: Pipeline,
    options: AnalysisOptions,
    report: Report,
    stop_requested: Callable[[], bool],
) -> tuple[Outcome, int]:
    num_frames = 0

    def advance(_name: str, done_s: float) -> None:
        nonlocal num_frames
        num_frames += 1
        report.advanced(0, item, done_s, num_frames)

    outcome = analyze_one(
        item.source, pipeline, replace(options, folder_name=item.folder_name, labels=item.labels),
        tell=lambda text: report.told(item, text, bad=False),
        warn=lambda text: report.told(item, text, bad=True),
        advance=advance, stop_requested=stop_requested,
    )  # fmt: skip
    return outcome, num_frames


def _names_of(
    sources: Sequence[str], archive: ArchiveOptions, stream: IO[str] | None
) -> tuple[list[str], int]:
    """The sources with folders replaced by their files, and how many could not be used."""
    names: dict[str, str] = {}
    num_unusable = 0

    def fail(source: str, text: str) -> None:
        nonlocal num_unusable
        terminal.warn(f"Error: {text}")
        if stream is not None:
            write_event(stream, "error", source=shown_name(source), text=text)
        num_unusable += 1

    for source in sources:
        try:
            found = _found_at(source, archive, partial(fail, source))
        except FerdeskError as error:
            fail(source, str(error))
            continue
        for name in found:
            # a file that is named twice, also by two ways to write its path, is one
            names.setdefault(str(Path(name).absolute()) if is_file(name) else name, name)
    return list(names.values()), num_unusable


def _found_at(source: str, archive: ArchiveOptions, fail: Callable[[str], object]) -> list[str]:
    """The files of a folder that match, or the source itself; ``fail`` as ``expand_folders``.

    Raises:
        SourceError: there are none.
    """
    found = expand_folders([source], tell=terminal.warn, fail=fail, recursive=archive.recursive)
    if not archive.match or found == [source]:
        return found
    # cameras write CLIP.MP4 where people write *.mp4
    pattern = archive.match.lower()
    matching = [name for name in found if fnmatchcase(Path(name).name.lower(), pattern)]
    if not matching:
        raise SourceError(f"Nothing in {source} is called like {archive.match}.")
    return matching


def _jobs_for(plan: Plan, options: AnalysisOptions, archive: ArchiveOptions) -> int:
    """How many workers: streams and live sources have one clock, and so one process."""
    one = options.streams or not all(is_file(item.name) for item in plan.open_items)
    if one:
        if archive.jobs is not None and archive.jobs > 1:
            terminal.warn("One job is used: streams, cameras and the demo are not shared out.")
        return 1
    if archive.cluster:
        return _MOST_SHOWN
    if archive.jobs is not None:
        return min(archive.jobs, len(plan.open_items))
    return jobs_of_this_machine(
        len(plan.open_items), sum(item.size_bytes for item in plan.open_items)
    )


def _crew(setup: WorkerSetup, archive: ArchiveOptions, jobs: int) -> Crew:
    if archive.cluster:
        from ferdesk.archive.cluster import RayCrew

        return RayCrew(setup, archive.cluster, archive.jobs)
    return ProcessCrew(setup, jobs)


@contextlib.contextmanager
def _report(
    plan: Plan, as_json: JsonReport | None, jobs: int
) -> Iterator[TerminalReport | JsonReport]:
    if as_json is not None:
        yield as_json
        return
    known = len(plan.open_items) > 1 or plan.open_items[0].length_s > 0
    with progress_bars(with_bar=known) as progress:
        yield TerminalReport(plan, progress, jobs)


def _exit_code(plan: Plan, results: Results, num_unusable: int) -> int:
    num_wanted = len(plan.open_items) - len(results.elsewhere)
    code = exit_code(list(results.outcomes.values()), num_wanted)
    if code == EXIT_UNUSABLE and len(plan.open_items) < len(plan.items):
        return EXIT_PARTIAL
    return EXIT_PARTIAL if num_unusable and code == EXIT_OK else code


def _labels_of(
    names: Sequence[str | PictureFiles], sources: Sequence[str], archive: ArchiveOptions
) -> dict[str, dict[str, str]]:
    """Participant and condition of each source: its subfolder is the condition, a table says else.

    Raises:
        DataError: the table cannot be used.
    """
    table = None if archive.labels is None else read_labels(archive.labels)
    labels: dict[str, dict[str, str]] = {}
    paths = [
        str(path)
        for name in names
        for path in ([name.folder, *name.paths] if isinstance(name, PictureFiles) else [Path(name)])
    ]
    rows = {} if table is None else table.match(paths, terminal.warn)
    for name in names:
        if isinstance(name, PictureFiles):
            each = [_said_of(str(path), path.parent, rows, sources, archive) for path in name.paths]
            shared = {
                key: text
                for key, text in each[0].items()
                if all(one.get(key) == text for one in each)
            }
            labels[str(name.folder)] = {**shared, **rows.get(str(name.folder), {})}
        else:
            labels[name] = _said_of(name, Path(name).parent, rows, sources, archive)
    return labels


def _said_of(
    name: str,
    folder: Path,
    rows: Mapping[str, Mapping[str, str]],
    sources: Sequence[str],
    archive: ArchiveOptions,
) -> dict[str, str]:
    labels: dict[str, str] = {}
    for source in sources if archive.recursive else ():
        with contextlib.suppress(ValueError):
            inside = folder.relative_to(source).as_posix()
            if inside != ".":
                labels["condition"] = inside
    return {**labels, **rows.get(str(Path(name)), {})}
