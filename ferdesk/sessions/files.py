"""JSON files of a session, and the lock that marks a session as being recorded."""

import contextlib
import errno
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ferdesk.messages import translatable
from ferdesk.replace_file import WAIT_S, replace_file
from ferdesk.sessions.schema import RESULTS_FILE

log = logging.getLogger(__name__)

RESERVE_FILE = ".reserve"
"""Room that a recorder keeps for the last ``session.json`` on a full disk."""
_SHORT_WAIT_S = 0.1
LOCK_WAIT_S = 10.0
"""How long another program is waited for that is about to write the same small file."""
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


def mark_as_written(results: IO[bytes]) -> bool:
    """Hold a lock on ``results.csv`` until it is closed; the system drops it with the process.

    False where another program looks at it just now: to be tried again. True also where there are
    no locks.
    """
    return _taken(results)


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


@contextlib.contextmanager
def locked(path: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold the lock that ``path`` stands for, among all programs and threads; it is made for that.

    Where the drive knows no locks, nothing is held.

    Raises:
        OSError: the file cannot be made, or another program holds it for longer than ``wait_s``.
    """
    deadline_s = time.monotonic() + wait_s
    while True:
        with path.open("ab", buffering=0) as file:
            # whoever held it before has removed it, and another one may be there by now
            if _taken(file) and os.fstat(file.fileno()).st_nlink > 0:
                try:
                    yield
                    return
                finally:
                    # Windows removes no file that is open, and keeps it
                    with contextlib.suppress(OSError):
                        path.unlink()
        if time.monotonic() > deadline_s:
            why = translatable("another program holds it")
            raise BlockingIOError(errno.EAGAIN, why, str(path))
        time.sleep(0.01)


def _taken(file: IO[bytes]) -> bool:
    try:
        take_lock(file)
    except BlockingIOError:
        return False
    except PermissionError:
        return sys.platform != "win32"
    except OSError:
        log.info("no locks at %s", file.name)
    return True


def take_lock(file: IO[bytes], *, shared: bool = False) -> None:
    """Lock an open file until it is closed; ``shared`` with others who only look.

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

        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(file.fileno(), kind | fcntl.LOCK_NB)
