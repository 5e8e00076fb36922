"""``ferdesk sessions`` and ``ferdesk report``: manage recordings, export and report them."""

import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import ferdesk
from ferdesk.cli.options import Command, CommandGroup, JsonOption
from ferdesk.cli.terminal import console_on
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, FerdeskError, RecordingError
from ferdesk.messages import counted
from ferdesk.paths import sessions_folder
from ferdesk.sessions import catalogue
from ferdesk.sessions.export import (
    annotations_csv,
    changes_csv,
    check_layout,
    faces_csv,
    rows_csv,
    summary_csv,
)
from ferdesk.sessions.marker_columns import Unit, Wanted
from ferdesk.sessions.markers import outside, read_markers
from ferdesk.sessions.outputs import (
    MOST_CHAPTERS,
    free_path,
    read_sessions,
    write_archive_report,
    write_text,
)
from ferdesk.sessions.reader import Session, read_session
from ferdesk.sessions.report import Group, group_names, html_report
from ferdesk.sessions.review import load_review
from ferdesk.sessions.review_merge import edit_review
from ferdesk.text_output import write

if TYPE_CHECKING:
    from rich.table import Table

sessions = typer.Typer(
    cls=CommandGroup,
    help="Manage recordings.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

FolderArgument = Annotated[
    Path | None, typer.Argument(help="Folder of sessions (default: the user's).")
]


@sessions.command("list", cls=Command)
def list_(
    folder: FolderArgument = None,
    find: Annotated[str, typer.Option(help="Filter: all words must match.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List the sessions in a folder, newest first."""
    root = folder or sessions_folder()
    if folder is not None and not folder.is_dir():
        raise RecordingError(f"There is no folder {folder}; check the path.")
    entries = catalogue.search(catalogue.list_sessions(root), find)
    if as_json:
        sys.stdout.write(json.dumps([_plain(entry) for entry in entries], indent=2) + "\n")
        return
    if not entries:
        among = " that matches" if find else ""
        write(f"There is no session{among} in {root}.\n")
        return
    console = console_on()
    console.print(_table_of(entries, console.width))
    cut = [entry.name for entry in entries if entry.state == "incomplete"]
    if cut:
        console.print(f"{len(cut)} incomplete; ferdesk sessions repair {root} closes them.")


_HEADS = ("session", "started", "length", "source", "faces", "markers", "video", "state")
_GIVE_WAY = ("video", "markers", "faces", "length", "source", "started")
"""Columns that are left out where there is no room for the names, in this order."""


def _table_of(entries: Sequence[catalogue.Entry], width: int) -> "Table":
    """Table of the entries whose names are whole: they are typed into the next command."""
    from rich.cells import cell_len
    from rich.table import Table

    rows = [_HEADS, *map(_row_of, entries)]
    widths = [max(cell_len(row[i]) for row in rows) + 3 for i in range(len(_HEADS))]
    shown = list(range(len(_HEADS)))
    for name in _GIVE_WAY:
        if sum(widths[i] for i in shown) < width:
            break
        shown.remove(_HEADS.index(name))
    table = Table(*(_HEADS[i] for i in shown))
    table.columns[0].overflow = "fold"
    for row in rows[1:]:
        table.add_row(*(row[i] for i in shown))
    return table


def _row_of(entry: catalogue.Entry) -> tuple[str, ...]:
    began = entry.started_utc.astimezone() if entry.started_utc else None
    return (
        entry.name,
        f"{began:%Y-%m-%d %H:%M}" if began else "",
        "" if entry.length_s is None else _clock(entry.length_s),
        entry.source,
        "" if entry.num_faces is None else str(entry.num_faces),
        str(len(entry.markers) or ""),
        "yes" if entry.has_video else "",
        "in part" if entry.complete and entry.in_part else entry.state,
    )


@sessions.command(cls=Command)
def repair(
    folders: Annotated[list[Path], typer.Argument(help="Sessions, or folders of sessions.")],
) -> None:
    """Repair sessions interrupted by a crash; recorded rows stay unchanged."""
    targets: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise RecordingError(f"There is no folder {folder}; check the path.")
        inside = [] if _is_session(folder) else catalogue.list_sessions(folder)
        targets += [entry.folder for entry in inside if not entry.complete] or (
            [folder] if _is_session(folder) else []
        )
    if not targets:
        write("Every session is complete; nothing needs to be done.\n")
        return
    failed = 0
    for target in targets:
        try:
            before = catalogue.entry_of(target)
            after = catalogue.repair(target)
        except FerdeskError as error:
            failed += 1
            write(f"Error: {error}\n", sys.stderr)
            continue
        if before.complete:
            write(f"{target}: complete already\n")
        else:
            write(
                f"{target}: closed, {counted(after.num_rows or 0, 'row')}, "
                f"{_clock(after.length_s or 0)}\n"
            )
    if failed:
        raise typer.Exit(EXIT_UNUSABLE if failed == len(targets) else EXIT_PARTIAL)


@sessions.command(cls=Command)
def markers(
    folder: Annotated[Path, typer.Argument(help="The session.")],
    file: Annotated[Path, typer.Argument(help="CSV file of a stimulus program: time, label.")],
    offset: Annotated[float, typer.Option(help="Seconds to add to each time.")] = 0.0,
    time_column: Annotated[
        str, typer.Option(help="Column of times: its name, or its number from 1.")
    ] = "",
    label_column: Annotated[
        str, typer.Option(help="Column of labels: its name, or its number from 1.")
    ] = "",
    unit: Annotated[
        Unit | None, typer.Option(help="Unit of the times (default: as the file says).")
    ] = None,
    encoding: Annotated[
        str, typer.Option(help="Text encoding, such as cp1252 or gbk (default: UTF-8 or UTF-16).")
    ] = "",
) -> None:
    """Import markers from a stimulus program; the recording stays unchanged."""
    session = read_session(folder)
    wanted = Wanted(time_column.strip(), label_column.strip(), unit, encoding)
    found = read_markers(file, session, offset_s=offset, wanted=wanted)
    review, after = edit_review(session, lambda review: review.with_markers(*found))
    added = len(after.markers) - len(review.markers)
    write(f"{counted(added, 'marker')} added to {folder / 'review.json'}.\n")
    if strays := outside(found, session):
        sys.stderr.write(
            f"Warning: {len(strays)} of {len(found)} {'lies' if len(strays) == 1 else 'lie'} "
            f"outside the session's {_clock(session.length_s)}; is --offset right?\n"
        )


@sessions.command(cls=Command)
def export(
    folders: Annotated[list[Path], typer.Argument(help="Sessions, or folders of sessions.")],
    layout: Annotated[str, typer.Option(help="Format: openface, pyfeat or parquet.")],
    out: Annotated[Path | None, typer.Option(help="Folder (default: the session's own).")] = None,
) -> None:
    """Export in OpenFace, py-feat or Parquet format."""
    for session in _open(folders):
        where = out or session.folder
        stem = session.name if out else "results"
        if layout == "parquet":
            from ferdesk.adapters.outputs.parquet_export import write_parquet

            path = free_path(where, stem, ".parquet")
            write_parquet(session, path)
        else:
            text = rows_csv(session, check_layout(layout))
            path = free_path(where, f"{stem}-{layout}", ".csv")
            _write(path, text)
        write(f"{path}\n")


def report(
    folders: Annotated[list[Path], typer.Argument(help="Sessions, or folders of sessions.")],
    out: Annotated[
        Path | None, typer.Option(help="HTML file (default: report.html in the session).")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option("--against", help="Compare with these sessions (repeatable)."),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder of the picture files, where the session keeps no copies."),
    ] = None,
    archive: Annotated[
        bool,
        typer.Option("--archive", help="By condition and file, without curves (many sessions)."),
    ] = False,
    study: Annotated[
        bool | None,
        typer.Option(
            "--study/--no-study",
            help="By stimulus (default: where several sessions are of one study).",
        ),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Summary statistics as CSV too.")] = False,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Frame data as Parquet too (needs the extra parquet).")
    ] = False,
) -> None:
    """Make an HTML report of one or several sessions."""
    from ferdesk.factory.pictures import session_pictures

    left_out: list[str] = []
    found = _find(folders, left_out.append)
    if study or (study is None and not (archive or against) and _of_one_study(found)):
        from ferdesk.cli.study_report import report as study_report

        study_report(folders, out, csv=csv, parquet=parquet)
    for problem in left_out:
        _tell_left_out(problem)
    if archive or (len(found) > MOST_CHAPTERS and not against):
        whole = _report_archive(folders, found, out, parquet=parquet)
        raise typer.Exit(EXIT_OK if whole and not left_out else EXIT_PARTIAL)
    damaged: list[str] = []
    first = read_sessions(found, damaged.append)
    for problem in damaged:
        _tell_left_out(problem)
    second = _open(against) if against else []
    everything = [*first, *second]
    path = out or _default_report(everything)
    groups = None
    if second:
        names = group_names(first, second)
        groups = (Group(names[0], tuple(first)), Group(names[1], tuple(second)))
    html = html_report(
        everything,
        groups=groups,
        pictures_of=partial(session_pictures, originals=pictures),
        made=datetime.now(UTC),
        version=ferdesk.__version__,
    )
    _write(path, html)
    write(f"{path}\n")
    if csv:
        for name, text in (
            ("summary", summary_csv(everything)),
            ("changes", changes_csv(everything)),
            *_extra_tables(everything),
        ):
            beside = path.with_name(f"{path.stem}-{name}.csv")
            _write(beside, text, for_spreadsheets=True)
            write(f"{beside}\n")
    if parquet:
        from ferdesk.adapters.outputs.parquet_export import write_parquet

        for session in everything:
            beside = free_path(path.parent, f"{path.stem}-{session.name}", ".parquet")
            write_parquet(session, beside)
            write(f"{beside}\n")
    raise typer.Exit(EXIT_PARTIAL if left_out or damaged else EXIT_OK)


def _report_archive(
    folders: list[Path], found: list[Path], out: Path | None, *, parquet: bool
) -> bool:
    """The report of many sessions, its table of faces, and the view of all rows.

    Returns whether all of them could be read; the others are told.
    """
    from ferdesk.sessions.archive_figures import ROWS_VIEW

    damaged: list[str] = []

    def leave_out(problem: str) -> None:
        damaged.append(problem)
        _tell_left_out(problem)

    root = folders[0] if len(folders) == 1 else Path()
    path = out or free_path(root, "archive", ".html")
    written = write_archive_report(found, path, root.absolute().name or "Archive", leave_out)
    if len(folders) == 1:
        written.append(root / "archive.sql")
        _write(written[-1], ROWS_VIEW)
    for target in written:
        write(f"{target}\n")
    if parquet:
        rows = path.with_suffix(".parquet")
        _write_partitions(found, rows)
        write(f"{rows}\n")
    return not damaged


def _write_partitions(found: list[Path], rows: Path) -> None:
    """The rows of each session that can be read, and of no other as an earlier call had."""
    from ferdesk.adapters.outputs.parquet_export import write_parquet

    written = set()
    for folder in found:
        with contextlib.suppress(RecordingError):  # told with the report
            session = read_session(folder)
            path = rows / f"session={folder.name}" / "rows.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            known = {
                name: str(session.about.get(name) or "") for name in ("participant", "condition")
            }
            write_parquet(session, path, more={"session_name": session.name, **known})
            written.add(path)
    for path in rows.glob("session=*/rows.parquet"):
        if path not in written:
            path.unlink()
            with contextlib.suppress(OSError):  # where somebody keeps something else in it
                path.parent.rmdir()


def _tell_left_out(problem: str) -> None:
    sys.stderr.write(f"Warning: {problem} That session is left out.\n")


def _extra_tables(everything: list[Session]) -> list[tuple[str, str]]:
    """The tables that only some sessions have something for."""
    reviews = [load_review(session) for session in everything]
    tables = []
    if any(review.annotations for review in reviews):
        tables.append(("annotations", annotations_csv(everything, reviews)))
    if any(session.of_pictures for session in everything):
        tables.append(("faces", faces_csv(everything, reviews)))
    return tables


def _of_one_study(found: list[Path]) -> bool:
    """Whether several sessions are all of one study."""
    from ferdesk.studies.results import study_name

    names = set()
    for folder in found:
        with contextlib.suppress(RecordingError):  # one that is damaged decides nothing
            names.add(study_name(folder))
    return len(found) > 1 and len(names) == 1 and None not in names


def _open(folders: list[Path]) -> list[Session]:
    return [read_session(folder) for folder in _find(folders)]


def _find(folders: list[Path], left_out: Callable[[str], object] | None = None) -> list[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise RecordingError(f"There is no folder {folder}; check the path.")
    return catalogue.find_sessions(folders, left_out)


def _is_session(folder: Path) -> bool:
    return (folder / "results.csv").exists() or (folder / "session.json").exists()


def _default_report(opened: list[Session]) -> Path:
    if len(opened) == 1:
        return opened[0].folder / "report.html"
    return free_path(Path(), "report", ".html")


def _write(path: Path, text: str, *, for_spreadsheets: bool = False) -> None:
    try:
        write_text(path, text, for_spreadsheets=for_spreadsheets)
    except RecordingError as error:
        raise RecordingError(f"{error} Choose another with --out.") from error


def _plain(entry: catalogue.Entry) -> dict[str, object]:
    values = asdict(entry)
    values["folder"] = str(entry.folder)
    values["started_utc"] = entry.started_utc.isoformat() if entry.started_utc else None
    return values


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
