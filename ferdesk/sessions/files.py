"""JSON files of a session, and the lock that marks a session as being recorded."""

import json
import os
import sys
import time
from pathlib import Path
from typing import IO, Any

from ferdesk.replace_file import WAIT_S, replace_file
from ferdesk.sessions.schema import RESULTS_FILE

RESERVE_FILE = ".reserve"
"""Room that a recorder keeps for the last ``session.json`` on a full disk."""
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


def mark_as_written(results: IO[bytes]) -> None:
    """Hold a lock on ``results.csv`` until it is closed; the system drops it with the process."""
    for _ in range(20):
        try:
            _lock(results)
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
                _lock(file)
            except BlockingIOError:
                return True
            except PermissionError:
                return sys.platform == "win32"
    except OSError:
        return False
    return False


def _lock(file: IO[bytes]) -> None:
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
