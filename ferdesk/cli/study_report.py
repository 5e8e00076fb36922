"""``ferdesk study report`` and ``ferdesk study export``: what comes of a study's sessions."""

import contextlib
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import ferdesk
from ferdesk.cli.options import Command
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, RecordingError
from ferdesk.messages import counted
from ferdesk.sessions import catalogue
from ferdesk.sessions.outputs import free_path
from ferdesk.studies.outputs import stem_of, write_study_report
from ferdesk.studies.results import StudySession, read_study_sessions, study_name
from ferdesk.studies.tidy_table import write_tidy_csv
from ferdesk.text_output import write

FoldersArgument = Annotated[
    list[Path], typer.Argument(help="Sessions of a study, or folders of sessions.")
]


class StudyLayout(StrEnum):
    """Format of a study's export."""

    CSV = "csv"
    PARQUET = "parquet"
    BIDS = "bids"


def report(
    folders: FoldersArgument,
    out: Annotated[
        Path | None, typer.Option(help="HTML file (default: in the folder of sessions).")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="The tidy table as CSV too.")] = False,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="The same as Parquet (needs the extra parquet).")
    ] = False,
) -> None:
    """Report a study's sessions by stimulus and condition."""
    runs, code = _runs(folders)
    path = out or free_path(_root(folders), stem_of(runs[0].study.name), ".html")
    try:
        write_study_report(runs, path)
    except RecordingError as error:
        raise RecordingError(f"{error} Choose another with --out.") from error
    write(f"{path}\n")
    for wanted, layout in ((csv, StudyLayout.CSV), (parquet, StudyLayout.PARQUET)):
        if wanted:
            suffix = f".{layout}"
            beside = path.with_suffix(suffix) if out else free_path(path.parent, path.stem, suffix)
            _export(runs, layout, beside)
    raise typer.Exit(code)


def export(
    folders: FoldersArgument,
    layout: Annotated[
        StudyLayout,
        typer.Option(help="csv or parquet: one tidy table; bids: a folder in BIDS' layout."),
    ] = StudyLayout.CSV,
    out: Annotated[
        Path | None, typer.Option(help="File or folder (default: in the folder of sessions).")
    ] = None,
) -> None:
    """Export a study's sessions: rows with trials, as one table or as BIDS."""
    runs, code = _runs(folders)
    suffix = "-bids" if layout is StudyLayout.BIDS else f".{layout}"
    _export(runs, layout, out or free_path(_root(folders), stem_of(runs[0].study.name), suffix))
    raise typer.Exit(code)


def add_commands(study: typer.Typer) -> None:
    """Put both into the group ``ferdesk study``."""
    study.command(cls=Command)(report)
    study.command(cls=Command)(export)


def _export(runs: list[StudySession], layout: StudyLayout, path: Path) -> None:
    if layout is StudyLayout.BIDS:
        from ferdesk.studies.bids import write_bids

        write_bids(runs, path, version=ferdesk.__version__)
    elif layout is StudyLayout.PARQUET:
        from ferdesk.adapters.outputs.parquet_export import write_tidy_parquet

        write_tidy_parquet(runs, path)
    else:
        write_tidy_csv(runs, path)
    write(f"{path}\n")


def _runs(folders: list[Path]) -> tuple[list[StudySession], int]:
    """The sessions of a study in ``folders``, and the exit code.

    Others there are left out with a warning, damaged ones with an error.
    """
    for folder in folders:
        if not folder.is_dir():
            raise RecordingError(f"There is no folder {folder}; check the path.")
    problems: list[str] = []
    found = catalogue.find_sessions(folders, problems.append)
    of_study, others = [], []
    for folder in found:
        with contextlib.suppress(RecordingError):  # which is told when it is read
            if study_name(folder) is None:
                others.append(folder)
                continue
        of_study.append(folder)
    runs = read_study_sessions(of_study or found, problems.append)
    for problem in problems:
        sys.stderr.write(f"Error: {problem} That session is left out.\n")
    if others:
        sys.stderr.write(
            f"Warning: {len(others)} of {counted(len(found), 'session')} "
            f"{'is' if len(others) == 1 else 'are'} of no study.\n"
        )
    return runs, EXIT_PARTIAL if problems else EXIT_OK


def _root(folders: list[Path]) -> Path:
    """Where files are written: the one folder of sessions, or where the command was given."""
    alone = len(folders) == 1 and not (folders[0] / "session.json").exists()
    return folders[0] if alone else Path()
