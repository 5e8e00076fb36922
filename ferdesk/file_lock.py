"""Locks on files, among programs and threads; the system drops them with the process."""

import contextlib
import errno
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ferdesk.messages import translatable

log = logging.getLogger(__name__)

LOCK_WAIT_S = 10.0
"""How long another program is waited for that is about to write the same small file."""
_LOCKED_BYTE = 1 << 62
"""Far behind any file's end: Windows' locks keep others from reading what they cover."""


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
            if try_lock(file) and os.fstat(file.fileno()).st_nlink > 0:
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


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed; False where another holds it.

    True also where there are no locks.
    """
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
