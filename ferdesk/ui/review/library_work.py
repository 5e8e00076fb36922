"""Work of the library beside the window: reports, exports, repair, trash, columns."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ferdesk.errors import FerdeskError, RecordingError
from ferdesk.messages import translatable
from ferdesk.runtime.ports import Services
from ferdesk.runtime.priority import give_way
from ferdesk.sessions import catalogue
from ferdesk.sessions.catalogue import Entry
from ferdesk.sessions.outputs import (
    MOST_CHAPTERS,
    read_sessions,
    write_archive_report,
    write_report,
)
from ferdesk.sessions.reader import Session, read_session
from ferdesk.sessions.report import Group
from ferdesk.sessions.schema import RESULTS_FILE
from ferdesk.sessions.table import CACHE_FROM_ROWS, is_kept, read_table
from ferdesk.ui.review.exports import export
from ferdesk.ui.review.groups_dialog import GroupChoice

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MadeReport:
    """Report at ``path``, and a sentence for each session that could not be read."""

    path: Path
    left_out: tuple[str, ...] = ()


def make_report(
    folders: Sequence[Path],
    path: Path,
    services: Services,
    groups: tuple[GroupChoice, GroupChoice] | None = None,
) -> MadeReport:
    """Write a report of the sessions that can be read; ``groups`` of them are compared.

    Raises:
        RecordingError: none can be read, none of a group, or the report cannot be written.
    """
    left_out: list[str] = []
    sessions = read_sessions(folders, left_out.append)
    compared = None
    if groups is not None:
        first, second = (_group_of(group, sessions) for group in groups)
        compared = first, second
    write_report(sessions, path, groups=compared, pictures_of=services.session_pictures)
    return MadeReport(path, tuple(left_out))


def _group_of(choice: GroupChoice, sessions: Sequence[Session]) -> Group:
    of_group = tuple(session for session in sessions if session.folder in choice.folders)
    if not of_group:
        raise RecordingError(
            translatable("None of the sessions of {name} can be read.", name=choice.name)
        )
    return Group(choice.name, of_group)


def report_of_all(folders: Sequence[Path], path: Path, services: Services) -> MadeReport:
    """Write one report of these sessions: a chapter each, or, of many, by condition and file.

    Raises:
        RecordingError: none can be read, or the report cannot be written.
    """
    if len(folders) <= MOST_CHAPTERS:
        return make_report(folders, path, services)
    left_out: list[str] = []
    write_archive_report(folders, path, path.parent.name or "Archive", left_out.append)
    return MadeReport(path, tuple(left_out))


def describe_all(folders: Sequence[Path], texts: Mapping[str, str]) -> None:
    """Keep what the user says of sessions.

    Raises:
        RecordingError: one is being recorded, or cannot be written.
    """
    for folder in folders:
        catalogue.describe(folder, texts)


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
