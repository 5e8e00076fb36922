"""Atomic file replacement: written to a temporary file, forced to the disk, moved into place.

A crash or a full disk leaves the old file or the new one, never half of one. The temporary file has
a random name and is created exclusively, so that nobody who knows its name can lay a link there.
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ferdesk.messages import translatable

TEMPORARY_FILES = ".ferdesk-*.tmp"
"""What a program that was killed while it wrote may leave beside its files."""
WAIT_S = 1.0
"""How long virus scanners and synchronised folders are waited for that hold a file."""
_FIRST_WAIT_S = 0.01
_LONGEST_WAIT_S = 0.2
_HELD_BY_ANOTHER = (errno.EACCES, errno.EPERM, errno.EBUSY, errno.EEXIST)


def replace_file(
    path: Path,
    content: bytes | str,
    *,
    wait_s: float = WAIT_S,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Write ``content`` (text as UTF-8) to ``path``; see ``replacing``.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    with replacing(path, wait_s=wait_s, sleep=sleep) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def replacing(
    path: Path, *, wait_s: float = WAIT_S, sleep: Callable[[float], object] = time.sleep
) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of ``path`` when the block ends without an error.

    ``file.name`` is the temporary file's path as a string, for writers that want a path.

    Args:
        path: the target; its folder exists.
        wait_s: how long to try again while another program holds the target.
        sleep: waits between two tries.

    Raises:
        OSError: it cannot be written, or ``path`` is a link or no regular file; what was there
            before is still there, and no temporary file is left.
    """
    _refuse_unless_regular(path)
    temporary = path.with_name(TEMPORARY_FILES.replace("*", os.urandom(8).hex()))
    # "x" creates exclusively: it fails on whatever is there, a link too
    with temporary.open("x+b") as file:
        try:
            yield file
            if not file.closed:
                file.flush()
                os.fsync(file.fileno())
                file.close()
            _move(temporary, path, wait_s, sleep)
        except BaseException:
            with contextlib.suppress(OSError):  # what is buffered may find no room once more
                file.close()
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def _refuse_unless_regular(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise OSError(
            errno.ELOOP,
            translatable("it is a symbolic link; delete the link or choose another name"),
            str(path),
        )
    if not stat.S_ISREG(mode):
        raise OSError(
            errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL,
            translatable("it is not a regular file; choose another name"),
            str(path),
        )


def _move(temporary: Path, path: Path, wait_s: float, sleep: Callable[[float], object]) -> None:
    """Rename, again and again with growing pauses while another program holds ``path``."""
    waited_s, pause_s = 0.0, _FIRST_WAIT_S
    while True:
        try:
            temporary.replace(path)
            return
        except OSError as error:
            if error.errno not in _HELD_BY_ANOTHER or waited_s + pause_s > wait_s:
                raise
        sleep(pause_s)
        waited_s += pause_s
        pause_s = min(2 * pause_s, _LONGEST_WAIT_S)
