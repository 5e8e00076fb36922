"""``ferdesk analyze`` on files: the plan, its workers, and the report of their progress."""

import contextlib
import csv
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from ferdesk.adapters.sources.probe import length_s
from ferdesk.archive.claims import Claims
from ferdesk.archive.crew import Crew, WorkerSetup
from ferdesk.archive.finished import Wanted, hash_of_model
from ferdesk.archive.plan import Item, Plan, is_file, make_plan
from ferdesk.archive.processes import ProcessCrew, jobs_of_this_machine
from ferdesk.archive.work import Report, Results, Settlement, work_inline, work_through
from ferdesk.batch import Outcome, analyze_one, exit_code
from ferdesk.cli.progress import JsonReport, TerminalReport, plan_text, progress_bars
from ferdesk.cli.terminal import own_stdout, terminal
from ferdesk.core.pipeline import Pipeline
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, DataError, FerdeskError
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.factory.models import bundled_models, find_model, open_pipeline
from ferdesk.factory.sources import PictureFiles, expand_folders, picture_files
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
    names, num_unusable = _names_of(sources, archive)
    if not names:
        return EXIT_UNUSABLE
    path = find_model(model)
    wanted = Wanted(hash_of_model(path), options.settings())
    labels = _labels_of(names, sources, archive)
    together: list[PictureFiles] = []
    if not archive.separate:
        together, names = picture_files(names)
        labels |= {str(one.folder): _label_of_all(one, labels) for one in together}
    plan = make_plan(
        [*together, *names], options.out, wanted,
        redo=archive.redo, labels=labels, length_of=length_s,
    )  # fmt: skip
    if archive.dry_run:
        write(plan_text(plan))
        return EXIT_PARTIAL if num_unusable else EXIT_OK
    settlement = Settlement(plan, wanted)
    settlement.tidy()
    num_done = len(plan.items) - len(plan.open_items)
    if num_done and not archive.as_json:
        terminal.console.print(
            f"{num_done} of {len(plan.items)} are done already; --redo analyses them again.",
            markup=False,
        )
    if not plan.open_items:
        return EXIT_PARTIAL if num_unusable else EXIT_OK
    jobs = _jobs_for(plan, options, archive)
    with contextlib.closing(Claims(options.out)) as claims, _report(plan, archive, jobs) as report:
        if jobs > 1:
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


def _names_of(sources: Sequence[str], archive: ArchiveOptions) -> tuple[list[str], int]:
    """The sources with folders replaced by their files, and how many could not be used."""
    names: list[str] = []
    num_unusable = 0
    for source in sources:
        try:
            found = expand_folders([source], tell=terminal.warn, recursive=archive.recursive)
        except FerdeskError as error:
            terminal.warn(f"Error: {error}")
            num_unusable += 1
            continue
        if archive.match:
            found = [name for name in found if fnmatch(Path(name).name, archive.match)]
            if not found:
                terminal.warn(f"Error: nothing in {source} is called like {archive.match}.")
                num_unusable += 1
        names += found
    return list(dict.fromkeys(names)), num_unusable


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
    plan: Plan, archive: ArchiveOptions, jobs: int
) -> Iterator[TerminalReport | JsonReport]:
    if archive.as_json:
        with own_stdout() as stream:
            yield JsonReport(plan, stream)
        return
    with progress_bars(several=len(plan.open_items) > 1) as progress:
        yield TerminalReport(plan, progress, jobs)


def _exit_code(plan: Plan, results: Results, num_unusable: int) -> int:
    num_wanted = len(plan.open_items) - len(results.elsewhere)
    code = exit_code(list(results.outcomes.values()), num_wanted)
    if code == EXIT_UNUSABLE and len(plan.open_items) < len(plan.items):
        return EXIT_PARTIAL
    return EXIT_PARTIAL if num_unusable and code == EXIT_OK else code


def _labels_of(
    names: Sequence[str], sources: Sequence[str], archive: ArchiveOptions
) -> dict[str, dict[str, str]]:
    """Participant and condition of each file: its subfolder is the condition, a table may say else.

    Raises:
        DataError: the table cannot be used.
    """
    labels: dict[str, dict[str, str]] = {}
    if archive.recursive:
        for name in names:
            for source in sources:
                with contextlib.suppress(ValueError):
                    inside = Path(name).relative_to(source).parent.as_posix()
                    if inside != ".":
                        labels[name] = {"condition": inside}
    if archive.labels is not None:
        table = read_labels(archive.labels)
        for name in names:
            row = table.pop(Path(name).as_posix(), None) or table.pop(Path(name).name, None)
            if row is not None:
                labels[name] = {**labels.get(name, {}), **row}
        for other in table:
            terminal.warn(f"{archive.labels}: {other} is none of the files that are analysed.")
    return labels


def _label_of_all(
    pictures: PictureFiles, labels: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Participant and condition of a picture set, as far as all of its pictures share them."""
    each = [labels.get(str(path), {}) for path in pictures.paths]
    return {
        name: text for name, text in each[0].items() if all(one.get(name) == text for one in each)
    }


def read_labels(path: Path) -> dict[str, dict[str, str]]:
    """Participant and condition by file name, from a CSV with the columns file and one of these.

    Raises:
        DataError: it cannot be read, or lacks the columns.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DataError(f"{path} cannot be read: {why}.") from error
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter))
    columns = {str(name).strip().lower(): name for name in (rows[0] if rows else ())}
    known = [name for name in ("participant", "condition") if name in columns]
    if "file" not in columns or not known:
        raise DataError(
            f"{path} is no table of labels; its first line must name the columns file, and "
            f"participant or condition."
        )
    labels: dict[str, dict[str, str]] = {}
    for row in rows:
        file = Path(str(row[columns["file"]] or "").strip()).as_posix()
        labels[file] = {name: str(row[columns[name]] or "").strip() for name in known}
    return labels
