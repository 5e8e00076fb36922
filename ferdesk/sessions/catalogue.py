"""Catalogue of the sessions in a folder, read from their ``session.json`` alone; and repair."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ferdesk.core.locations import shown_source
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions.comparability import model_text
from ferdesk.sessions.files import RESERVE_FILE, is_being_written, write_json
from ferdesk.sessions.reader import Session, kind_of, parse_utc, read_about
from ferdesk.sessions.schema import (
    COLUMNS,
    PICTURES_FOLDER,
    RESULTS_FILE,
    REVIEW_FILE,
    SESSION_FILE,
    VIDEO_FILE,
    utc_text,
)
from ferdesk.sessions.table import read_table

_MOST = 2**53
_EARLY_ENDS = ("stopped", "source_error")
_LONGEST_S = 1e9
"""Thirty years: a length beyond is damage."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Entry of the catalogue; None where a value is not known without reading every row.

    ``state``: ``complete``; ``incomplete``, a killed program left it; ``recording``, one is writing
    it now; ``unreadable``, with the reason in ``problem``. ``size_bytes`` is of all its files,
    ``markers`` are recorded and added ones. ``title`` is the name that the user gave, if any,
    ``study`` that of the study in which it was recorded. ``in_part``: it ended before its source
    did.
    """

    folder: Path
    state: str
    started_utc: datetime | None = None
    length_s: float | None = None
    source: str = ""
    source_kind: str = ""
    num_faces: int | None = None
    num_rows: int | None = None
    markers: tuple[str, ...] = ()
    has_video: bool = False
    has_review: bool = False
    model: str = ""
    size_bytes: int = 0
    problem: str = ""
    title: str = ""
    participant: str = ""
    condition: str = ""
    notes: str = ""
    study: str = ""
    in_part: bool = False

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def of_pictures(self) -> bool:
        """Whether its frames are pictures, which have no time."""
        return self.source_kind in ("still", "pictures")

    @property
    def complete(self) -> bool:
        return self.state == "complete"


def list_sessions(root: Path) -> list[Entry]:
    """The sessions in ``root``, newest first, those without a date last; also unreadable ones.

    Raises:
        RecordingError: ``root`` cannot be read; a folder that is not there has no sessions.
    """
    try:
        with os.scandir(root) as items:
            folders = [Path(item.path) for item in items if item.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RecordingError(
            translatable("{path} cannot be read: {why}.", path=root, why=error.strerror or error)
        ) from error
    entries = [
        entry_of(folder)
        for folder in folders
        if (folder / SESSION_FILE).exists() or (folder / RESULTS_FILE).exists()
    ]
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(entries, key=lambda e: (e.started_utc or oldest, e.name), reverse=True)


def entry_of(folder: Path) -> Entry:
    """What a list shows of one session; reads no rows."""
    size_bytes = _size(folder)
    try:
        about = read_about(folder)
        if not (folder / RESULTS_FILE).is_file():
            raise RecordingError(
                translatable(
                    "{path} is not a session: it lacks {file}.",
                    path=folder,
                    file=RESULTS_FILE,
                )
            )
    except RecordingError as error:
        return Entry(folder, "unreadable", size_bytes=size_bytes, problem=str(error))
    complete = bool(about.get("complete"))
    writing = not complete and is_being_written(folder)
    started = parse_utc(about.get("started_utc"))
    source = _table(about.get("source"))
    return Entry(
        folder=folder,
        state="complete" if complete else "recording" if writing else "incomplete",
        started_utc=started,
        length_s=_length_s(about, folder),
        source=shown_source(source),
        source_kind=str(source.get("kind") or ""),
        num_faces=_whole(about.get("num_faces")),
        num_rows=_whole(about.get("rows")),
        markers=(*_labels(about), *_labels(_review_of(folder))),
        has_video=(folder / VIDEO_FILE).is_file() or (folder / PICTURES_FOLDER).is_dir(),
        has_review=(folder / REVIEW_FILE).is_file(),
        model=model_text(about),
        size_bytes=size_bytes,
        title=described(about, "name"),
        participant=described(about, "participant"),
        condition=described(about, "condition"),
        notes=described(about, "notes"),
        study=described(_table(about.get("study")), "name"),
        in_part=_ended_early(about),
    )


def _ended_early(about: Mapping[str, Any]) -> bool:
    """Whether an analysis was stopped, or its source broke off."""
    events = about.get("events")
    return any(
        isinstance(one, dict) and one.get("event") in _EARLY_ENDS
        for one in (events if isinstance(events, list) else ())
    )


def search(entries: Iterable[Entry], text: str) -> list[Entry]:
    """Entries that match every word of ``text``.

    Looked at are name, participant, condition, source, date, marker, model and state.
    """
    words = text.casefold().split()
    return [entry for entry in entries if all(word in _searchable(entry) for word in words)]


DESCRIBED_BY = ("name", "participant", "condition", "notes")
"""What the user says of a session; texts in ``session.json``, where they say anything."""


def described(about: Mapping[str, Any], key: str) -> str:
    """One of DESCRIBED_BY in the content of a ``session.json``."""
    value = about.get(key)
    return (
        " ".join(value.split()) if isinstance(value, str) and key != "notes" else str(value or "")
    )


def describe(folder: Path, texts: Mapping[str, str]) -> None:
    """Put what the user says of a session into its ``session.json``; an empty text takes it away.

    Nothing else in it changes. ``texts`` are some of DESCRIBED_BY.

    Raises:
        RecordingError: it is being recorded right now, or cannot be read or written.
    """
    if is_being_written(folder):
        raise RecordingError(
            translatable(
                "{path} is being recorded right now; stop the recording first.", path=folder
            )
        )
    about = read_about(folder)
    for key in DESCRIBED_BY:
        if key in texts:
            about[key] = texts[key].strip()
            if not about[key]:
                del about[key]
    try:
        write_json(folder / SESSION_FILE, about)
    except OSError as error:
        raise RecordingError(
            translatable("{path} cannot be written: {why}.", path=folder / SESSION_FILE,
                         why=error.strerror or error)
        ) from error  # fmt: skip


def repair(folder: Path) -> Entry:
    """Close a session that was cut off: half a last line goes, and the counts become true.

    Whole rows are left as they are. A session that is complete is left alone.

    Raises:
        RecordingError: it is no session, is being recorded right now, or cannot be written.
    """
    before = entry_of(folder)
    if before.state == "complete":
        return before
    if before.state == "recording" or is_being_written(folder):
        raise RecordingError(
            translatable(
                "{path} is being recorded right now; stop the recording first.", path=folder
            )
        )
    about = _about_or_new(folder)
    try:
        _check_ours(folder / RESULTS_FILE)
        cut = _cut_half_line(folder / RESULTS_FILE)
        (folder / RESERVE_FILE).unlink(missing_ok=True)
        session = Session(folder, about, read_table(folder / RESULTS_FILE))
        write_json(folder / SESSION_FILE, _closed(session, about, cut))
    except OSError as error:
        raise RecordingError(
            translatable(
                "{path} cannot be repaired: {why}.", path=folder, why=error.strerror or error
            )
        ) from error
    return replace(entry_of(folder), problem="")


def find_sessions(
    paths: Sequence[Path], left_out: Callable[[str], object] | None = None
) -> list[Path]:
    """Session folders among ``paths``, and in those that are folders of sessions.

    Args:
        paths: of sessions, or of folders of sessions.
        left_out: told, in a sentence, of each session in a folder that cannot be read.

    Raises:
        RecordingError: there is none in one of the paths.
    """
    found: list[Path] = []
    for path in paths:
        if (path / RESULTS_FILE).exists() or (path / SESSION_FILE).exists():
            found.append(path)
            continue
        inside = []
        for entry in list_sessions(path):
            if entry.state != "unreadable":
                inside.append(entry.folder)
            elif left_out is not None:
                left_out(entry.problem)
        if not inside:
            raise RecordingError(
                translatable("{path} is not a session and contains none.", path=path)
            )
        found += sorted(inside)
    return found


def _about_or_new(folder: Path) -> dict[str, Any]:
    """``session.json``, or where it was lost, the least that makes the rows a session."""
    try:
        return read_about(folder)
    except RecordingError:
        if not (folder / RESULTS_FILE).is_file():
            raise
        return {"schema": 1, "source": {}, "model": {}, "markers": [], "events": []}


def _closed(session: Session, about: dict[str, Any], cut_bytes: int) -> dict[str, Any]:
    table = session.table
    started = parse_utc(about.get("started_utc"))
    ended = None if started is None else started + timedelta(seconds=session.length_s)
    events, markers = about.get("events"), about.get("markers")
    note = "The program ended without closing this session; it was closed afterwards."
    if cut_bytes:
        note += f" A last line of {cut_bytes} bytes that was not whole was cut."
    event = {"t_s": round(session.ends_at_s, 6), "event": "repaired", "text": note}
    return {
        **about,
        "ended_utc": None if ended is None else utc_text(ended),
        # frames that were seen and not analysed are known up to the last time they were noted
        "frames_seen": max(_whole(about.get("frames_seen")) or 0, table.num_frames()),
        "frames_analysed": table.num_frames(),
        "frames_dropped": _whole(about.get("frames_dropped")) or 0,
        "rows": len(table),
        "starts_at_s": round(session.starts_at_s, 6),
        "length_s": round(session.length_s, 6),
        "num_faces": len(table.face_ids()),
        "markers": markers if isinstance(markers, list) else [],
        "events": [*(events if isinstance(events, list) else ()), event],
        "complete": True,
    }


def _check_ours(path: Path) -> None:
    """Before anything is cut: a file of that name may be another program's, or a link to one.

    Raises:
        RecordingError: it is no regular file, or has other columns.
    """
    is_ours = path.is_file() and not path.is_symlink()
    if is_ours:
        with path.open("rb") as file:
            header = file.readline(65_536).decode("utf-8-sig", "replace").strip()
        is_ours = tuple(header.split(","))[: len(COLUMNS)] == COLUMNS
    if not is_ours:
        raise RecordingError(
            translatable(
                "{path} is not a session's table; it is left as it is.",
                path=path,
            )
        )


def _cut_half_line(path: Path) -> int:
    """Cut what follows the last line end; returns how many bytes that was."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        at = end
        while at > 0:
            start = max(0, at - 65_536)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                whole = start + found + 1
                if whole < end:
                    file.truncate(whole)
                    os.fsync(file.fileno())
                return end - whole
            at = start
    return 0


def _length_s(about: dict[str, Any], folder: Path) -> float | None:
    """Seconds since the recording's start; None where they cannot be known."""
    # before ``starts_at_s`` was noted, the length of a film's recording was its last row's time
    starts_at_s = 0.0
    if "starts_at_s" not in about and kind_of(about) == "video":
        starts_at_s = _row_time(folder, first=True) or 0.0
    length = about.get("length_s")
    if isinstance(length, int | float) and not isinstance(length, bool):
        # no float holds every whole number that a file may
        in_range = -_LONGEST_S <= length <= 2 * _LONGEST_S
        return _as_length(length - starts_at_s) if in_range else None
    # an older or a cut session
    last_s = _row_time(folder, first=False)
    return None if last_s is None else _as_length(last_s - starts_at_s)


def _as_length(value: float) -> float | None:
    return float(value) if 0 <= value <= _LONGEST_S else None


def _row_time(folder: Path, *, first: bool) -> float | None:
    """The time in the first or in the last whole line; 0 where there is no row."""
    try:
        with (folder / RESULTS_FILE).open("rb") as file:
            if not first:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            lines = file.read(8192).split(b"\n")[1:-1]
        return float(lines[0 if first else -1].split(b",")[1]) if lines else 0.0
    except (OSError, ValueError, IndexError):
        return None


def _labels(table: dict[str, Any]) -> tuple[str, ...]:
    """The labels of the markers in the content of ``session.json`` or ``review.json``."""
    markers = table.get("markers")
    return tuple(
        str(marker.get("label", ""))
        for marker in (markers if isinstance(markers, list) else ())
        if isinstance(marker, dict)
    )


def _review_of(folder: Path) -> dict[str, Any]:
    """The content of ``review.json``; nothing where there is none that can be read."""
    try:
        return _table(json.loads((folder / REVIEW_FILE).read_text("utf-8")))
    except (OSError, ValueError, RecursionError):
        return {}


def _searchable(entry: Entry) -> str:
    date = "" if entry.started_utc is None else entry.started_utc.astimezone().isoformat(" ")
    parts = (
        entry.name, entry.title, entry.participant, entry.condition, entry.source,
        entry.source_kind, entry.model, entry.state, entry.study, date,
    )  # fmt: skip
    return " ".join((*parts, *entry.markers)).casefold()


def _size(folder: Path) -> int:
    total = 0
    try:
        with os.scandir(folder) as items:
            for item in items:
                with contextlib.suppress(OSError):  # it went meanwhile
                    if item.is_file(follow_symlinks=False):
                        total += item.stat(follow_symlinks=False).st_size
    except OSError:
        return total
    return total


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MOST else None
