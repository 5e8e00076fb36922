"""Reports and exports on disk: free names, and files that are written whole."""

import codecs
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.paths import file_name_of
from ferdesk.replace_file import replace_file
from ferdesk.sessions.export import faces_csv
from ferdesk.sessions.reader import Session, read_session
from ferdesk.sessions.report import Group, html_report
from ferdesk.sessions.report.pictures import PicturesOf, no_pictures
from ferdesk.sessions.review import Review
from ferdesk.sessions.schema import FACES_FILE
from ferdesk.version import VERSION

MOST_CHAPTERS = 24
"""A report of more sessions is one by condition and file: nobody reads that many chapters."""


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """A path in ``folder`` at which nothing lies yet: with -2, -3, ... where the first is taken."""
    path = folder / f"{stem}{suffix}"
    number = 2
    while path.exists():
        path = folder / f"{stem}-{number}{suffix}"
        number += 1
    return path


def file_stem(text: str) -> str:
    """``text`` as every file system takes it for a file's name, not too long."""
    return file_name_of(text) or "report"


def write_text(path: Path, text: str, *, for_spreadsheets: bool = False) -> None:
    """Replace a file whole, as UTF-8; makes its folder where that is missing.

    ``for_spreadsheets``: with a byte order mark, without which Excel reads a CSV in the code page
    of its system and shows names in other scripts wrongly.

    Raises:
        RecordingError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # half a surrogate pair, as odd file names give, has no bytes in UTF-8
        content = text.encode(errors="backslashreplace")
        replace_file(path, codecs.BOM_UTF8 + content if for_spreadsheets else content)
    except OSError as error:
        raise RecordingError(
            translatable("{path} cannot be written: {why}.", path=path, why=error.strerror or error)
        ) from error


def read_sessions(folders: Sequence[Path], left_out: Callable[[str], object]) -> list[Session]:
    """Sessions in ``folders`` that can be read; ``left_out`` is told of each other, in a sentence.

    Raises:
        RecordingError: none of them can be read; of a single one, why.
    """
    sessions = []
    for folder in folders:
        try:
            sessions.append(read_session(folder))
        except RecordingError as error:
            if len(folders) == 1:
                raise
            left_out(str(error))
    if folders and not sessions:
        raise RecordingError(translatable("None of the sessions can be read."))
    return sessions


def write_report(
    sessions: Sequence[Session],
    path: Path,
    *,
    groups: tuple[Group, Group] | None = None,
    reviews: Sequence[Review] | None = None,
    pictures_of: PicturesOf = no_pictures,
) -> None:
    """Write the report of ``sessions``; see ``html_report``.

    Raises:
        RecordingError: it cannot be written.
    """
    now = datetime.now(UTC)
    html = html_report(
        sessions, reviews=reviews, groups=groups, pictures_of=pictures_of, made=now, version=VERSION
    )
    write_text(path, html)


def write_archive_report(
    folders: Sequence[Path],
    path: Path,
    name: str,
    left_out: Callable[[str], object] | None = None,
) -> list[Path]:
    """Write the report of many sessions, without curves, and the table of their faces beside it.

    ``left_out`` is told, in a sentence, of each session that cannot be read.

    Returns:
        what was written, the report first.

    Raises:
        RecordingError: a session cannot be read, without ``left_out``; none can; or a file cannot
            be written.
    """
    # the tables of one session's report have no need of these
    from ferdesk.sessions.archive_figures import faces_csv, figures_of
    from ferdesk.sessions.report.archive_page import archive_report

    files = list(figures_of(folders, left_out))
    if folders and not files:
        raise RecordingError(translatable("None of the sessions can be read."))
    faces = path.with_name(f"{path.stem}-faces.csv")
    write_text(path, archive_report(name, files, made=datetime.now(UTC), version=VERSION))
    write_text(faces, faces_csv(files))
    return [path, faces]


def write_faces_table(folder: Path) -> Path:
    """Write the table of faces of a session of pictures into its folder.

    Raises:
        RecordingError: it cannot be read or written.
    """
    path = folder / FACES_FILE
    write_text(path, faces_csv([read_session(folder)]))
    return path
