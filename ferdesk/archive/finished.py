"""Finished work of an archive: which files its sessions already hold, told by ``session.json``.

There is no ledger that could disagree with the folders: the sessions themselves are the state.
"""

import hashlib
import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferdesk.errors import FerdeskError
from ferdesk.factory.sources import PictureFiles
from ferdesk.sessions.files import is_being_written
from ferdesk.sessions.reader import read_about
from ferdesk.sessions.schema import REVIEW_FILE, SESSION_FILE
from ferdesk.sessions.source_content import content_of, stamp_of

log = logging.getLogger(__name__)

_NOT_WHOLE = frozenset(
    {
        *("stopped", "source_error", "source_changed", "error", "repaired"),
        *("recording_stopped", "rows_lost", "video_stopped"),
    }
)
"""Events of a session that does not hold all of its file: it is analysed again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What makes two analyses of a file alike: the model's hash and the settings."""

    model_sha256: str
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Held:
    """Session that an archive holds: what it is of, and whether it is whole.

    ``replaceable``: an interrupted one that nobody writes and nobody has reviewed, so that a new
    analysis takes its place.
    """

    folder: Path
    file_name: str
    sha256: str
    size_bytes: int
    modified_ns: int
    whole: bool
    replaceable: bool


def hash_of_model(path: Path) -> str:
    """SHA-256 of a model's file, as ``session.json`` has it.

    Raises:
        FerdeskError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise FerdeskError(
            f"The model {path} cannot be read: {error.strerror}; ferdesk models lists the bundled "
            f"ones."
        ) from error


class FinishedWork:
    """Finished work of the archive in ``out``: read once, then asked for each file."""

    def __init__(self, out: Path, wanted: Wanted, *, folders: Iterable[Path] | None = None) -> None:
        """Read the sessions in ``out``, or of those only the ones in ``folders``."""
        self._wanted = wanted
        self._by_size: dict[int, list[Held]] = defaultdict(list)
        self.num_sessions = 0
        if folders is None:
            folders = sorted(about.parent for about in out.glob(f"*/{SESSION_FILE}"))
        for folder in folders:
            self.note(folder)

    def note(self, folder: Path) -> Held | None:
        """Take a session folder into account; None where it is of something else."""
        about = _about(folder)
        if about is None:
            return None
        self.num_sessions += 1
        held = _held(folder, about, self._wanted)
        if held is not None:
            self._by_size[held.size_bytes].append(held)
        return held

    def renew(self, folder: Path) -> None:
        """Look at a session folder again that was written, or written anew, since."""
        for size_bytes, helds in self._by_size.items():
            self._by_size[size_bytes] = [held for held in helds if held.folder != folder]
        self.note(folder)

    def of(self, path: Path) -> list[Held]:
        """The sessions of this file's content with the wanted model and settings.

        Name, size and time of the last change are compared before the content is: an archive of
        hours is not read through to learn that nothing is to be done.
        """
        try:
            size_bytes, modified_ns = stamp_of(path)
        except OSError:
            return []
        likely = self._by_size.get(size_bytes, [])
        stamp = modified_ns, path.name
        same = [held for held in likely if (held.modified_ns, held.file_name) == stamp]
        if likely and not same:
            try:
                sha256 = content_of(path).sha256
            except FerdeskError:
                return []
            same = [held for held in likely if held.sha256 == sha256]
        return same

    def of_pictures(self, pictures: PictureFiles) -> list[Held]:
        """The sessions of these pictures with the wanted model and settings."""
        content = pictures.content()
        likely = self._by_size.get(content.size_bytes, [])
        return [held for held in likely if held.sha256 == content.sha256]


def folders_named(out: Path, stem: str) -> list[Path]:
    """The folders in ``out`` that a session called ``stem`` may have got: with a number or not."""
    name = re.compile(re.escape(stem) + r"(-\d+)*")
    try:
        return sorted(out / entry.name for entry in os.scandir(out) if name.fullmatch(entry.name))
    except OSError:
        return []


def held_in(folder: Path, wanted: Wanted) -> Held | None:
    """The session in ``folder``, None where it is of something else."""
    about = _about(folder)
    return None if about is None else _held(folder, about, wanted)


def _about(folder: Path) -> Mapping[str, Any] | None:
    try:
        return read_about(folder)
    except FerdeskError as error:
        log.info("not counted as done: %s", error)
        return None


def _held(folder: Path, about: Mapping[str, Any], wanted: Wanted) -> Held | None:
    source, model, settings = (_table(about.get(key)) for key in ("source", "model", "settings"))
    sha256, size_bytes = source.get("sha256"), source.get("size_bytes")
    modified_ns = source.get("modified_ns")
    if not isinstance(sha256, str) or not isinstance(size_bytes, int):
        return None
    if model.get("sha256") != wanted.model_sha256 or not _alike(settings, model, wanted):
        return None
    whole = about.get("complete") is True and not _NOT_WHOLE & set(_kinds(about.get("events")))
    replaceable = not (whole or (folder / REVIEW_FILE).exists() or is_being_written(folder))
    return Held(
        folder,
        Path(str(source.get("location"))).name,
        sha256,
        size_bytes,
        modified_ns if isinstance(modified_ns, int) else 0,
        whole,
        replaceable,
    )


def _alike(settings: Mapping[str, Any], model: Mapping[str, Any], wanted: Wanted) -> bool:
    """Whether a session's settings are the wanted ones, as far as its model can follow them."""
    if settings.get("labels_from") == "fer2013" and "votes_accuracy" not in model:
        # a model that knows no votes takes FER2013's labels, whatever is wanted
        return settings == {**wanted.settings, "labels_from": "fer2013"}
    return settings == wanted.settings


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _kinds(events: object) -> Iterable[str]:
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict):
            yield str(event.get("event"))
