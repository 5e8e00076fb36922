"""JSON files of a session, and the lock that marks a session as being recorded."""

import errno
import json
import logging
import sys
from pathlib import Path
from typing import IO, Any

from ferdesk.file_lock import take_lock, try_lock
from ferdesk.messages import translatable
from ferdesk.replace_file import WAIT_S, replace_file
from ferdesk.sessions.schema import RESULTS_FILE

log = logging.getLogger(__name__)

RESERVE_FILE = ".reserve"
"""Room that a recorder keeps for the last ``session.json`` on a full disk."""
_SHORT_WAIT_S = 0.1


def write_json(path: Path, table: dict[str, Any], *, wait_s: float = WAIT_S) -> None:
    """Replace ``path`` by ``table`` as JSON; another program's lock is waited for ``wait_s``.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    text = json.dumps(table, indent=2, ensure_ascii=False) + "\n"
    # half a surrogate pair, as odd file names give, becomes the escape that JSON has for it
    replace_file(path, text.encode(errors="backslashreplace"), wait_s=wait_s)


class JsonFile:
    """JSON file that is written again and again, and may be held by another program meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._late_since_s: float | None = None
        self.problem = ""
        """Why it could not be written the last time."""

    def write(self, table: dict[str, Any], *, wait_s: float = WAIT_S) -> None:
        """Raises ``OSError`` where it cannot be written."""
        write_json(self._path, table, wait_s=wait_s)

    def try_to_write(self, table: dict[str, Any], now_s: float) -> float | None:
        """Write it, without much waiting; returns for how long that has failed, None if it has not.

        ``now_s`` is on any clock that never goes back.
        """
        try:
            self.write(table, wait_s=_SHORT_WAIT_S)
        except OSError as error:
            log.info("%s cannot be written now: %s", self._path, error)
            self.problem = error.strerror or str(error)
            if self._late_since_s is None:
                self._late_since_s = now_s
            return now_s - self._late_since_s
        self._late_since_s = None
        return None


def reason_of(error: Exception) -> str:
    """Why a file cannot be written, in a few words for people."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return translatable("the disk is full")
    return getattr(error, "strerror", None) or str(error)


def mark_as_written(results: IO[bytes]) -> bool:
    """Hold a lock on ``results.csv`` until it is closed; the system drops it with the process.

    False where another program looks at it just now: to be tried again. True also where there are
    no locks.
    """
    return try_lock(results)


def is_being_written(folder: Path) -> bool:
    """Whether a running program records into ``folder``; False where locks are unknown."""
    try:
        with (folder / RESULTS_FILE).open("r+b", buffering=0) as file:
            try:
                # shared: programs that look do not take each other for one that writes
                take_lock(file, shared=True)
            except BlockingIOError:
                return True
            except PermissionError:
                return sys.platform == "win32"
    except OSError:
        return False
    return False
