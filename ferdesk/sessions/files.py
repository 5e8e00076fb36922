"""JSON files of a session, and the lock that marks a session as being recorded."""

import errno
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import IO, Any

from ferdesk.messages import translatable
from ferdesk.replace_file import WAIT_S, replace_file
from ferdesk.sessions.schema import RESULTS_FILE

log = logging.getLogger(__name__)

RESERVE_FILE = ".reserve"
"""Room that a recorder keeps for the last ``session.json`` on a full disk."""
_SHORT_WAIT_S = 0.1
_LOCKED_BYTE = 1 << 62
"""Far behind any file's end: Windows' locks keep others from reading what they cover."""


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


def mark_as_written(results: IO[bytes]) -> None:
    """Hold a lock on ``results.csv`` until it is closed; the system drops it with the process."""
    for _ in range(20):
        try:
            take_lock(results)
        except BlockingIOError:
            time.sleep(0.005)  # whoever lists sessions takes the lock for a moment
        except OSError:
            return
        else:
            return


def is_being_written(folder: Path) -> bool:
    """Whether a running program records into ``folder``; False where locks are unknown."""
    try:
        with (folder / RESULTS_FILE).open("r+b", buffering=0) as file:
            try:
                take_lock(file)
            except BlockingIOError:
                return True
            except PermissionError:
                return sys.platform == "win32"
    except OSError:
        return False
    return False


def take_lock(file: IO[bytes]) -> None:
    """Lock an open file until it is closed.

    Raises:
        BlockingIOError: another holds it; ``PermissionError`` on Windows.
        OSError: there are no locks here.
    """
    if sys.platform == "win32":
        import msvcrt

        file.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(0, os.SEEK_END)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
