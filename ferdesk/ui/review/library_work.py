"""Work of the library beside the window: reports, exports, repair, trash, columns."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ferdesk.errors import FerdeskError, RecordingError
from ferdesk.runtime.ports import Services
from ferdesk.runtime.priority import give_way
from ferdesk.sessions import catalogue
from ferdesk.sessions.catalogue import Entry
from ferdesk.sessions.outputs import write_report
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.report import Group
from ferdesk.sessions.schema import RESULTS_FILE
from ferdesk.sessions.table import CACHE_FROM_ROWS, is_kept, read_table
from ferdesk.ui.review.exports import export

log = logging.getLogger(__name__)


def make_report(folders: Sequence[Path], path: Path, services: Services, *, compare: bool) -> Path:
    """Write a report of these sessions; ``compare`` sets the first against the second.

    Raises:
        RecordingError: one cannot be read, or the report cannot be written.
    """
    sessions = [read_session(folder) for folder in folders]
    groups = None
    if compare:
        first, second = sessions
        groups = (Group(first.name, (first,)), Group(second.name, (second,)))
    write_report(sessions, path, groups=groups, pictures_of=services.session_pictures)
    return path


def export_all(kind: str, folders: Sequence[Path], services: Services) -> list[Path]:
    """Write one of the export formats into each session's folder; the first file of each.

    Raises:
        RecordingError: one cannot be read or written.
    """
    return [export(kind, read_session(folder), None, services)[0] for folder in folders]


def repair_all(folders: Sequence[Path]) -> list[str]:
    """Repair interrupted sessions; a message for each that cannot be repaired."""
    failed = []
    for folder in folders:
        try:
            catalogue.repair(folder)
        except FerdeskError as error:
            failed.append(str(error))
    return failed


def throw_away(folders: Sequence[Path], trash: Callable[[Path], bool]) -> list[Path]:
    """Move sessions to the trash; those that it does not take."""
    return [folder for folder in folders if not trash(folder)]


def without_columns(entries: Iterable[Entry]) -> list[Path]:
    """Long sessions, whose columns are worth keeping beside their rows."""
    return [
        entry.folder
        for entry in entries
        if entry.state in ("complete", "incomplete") and (entry.num_rows or 0) >= CACHE_FROM_ROWS
    ]


def make_columns(folders: Sequence[Path], stop: threading.Event) -> None:
    """Make the columns of sessions that lack them, until ``stop``, so that they open at once."""

    def go_on(_share: float) -> None:
        if stop.is_set():
            raise RecordingError("It is not needed now.")

    give_way()
    for folder in folders:
        path = folder / RESULTS_FILE
        if stop.is_set():
            return
        if not is_kept(path):
            try:
                read_table(path, progress=go_on)
            except FerdeskError as error:
                log.info("no columns are made for %s: %s", folder, error)
