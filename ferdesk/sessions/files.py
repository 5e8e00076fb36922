"""Files that a crash leaves whole, and the mark of a session that is still being written."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import IO, Any

from ferdesk.sessions.schema import RESULTS_FILE

RESERVE_FILE = ".reserve"
"""Room that a recorder keeps for the last ``session.json`` on a full disk."""
_LOCKED_BYTE = 1 << 62
"""Far behind any file's end: Windows' locks keep others from reading what they cover."""


def write_json(path: Path, table: dict[str, Any]) -> None:
    """Write aside, force to the disk, move into place.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    aside = path.with_name(path.name + ".tmp")
    try:
        with aside.open("w", encoding="utf-8") as file:
            json.dump(table, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def mark_as_written(results: IO[bytes]) -> None:
    """Hold a lock on ``results.csv`` until it is closed; the system drops it with the process."""
    with contextlib.suppress(OSError):
        _lock(results)


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
