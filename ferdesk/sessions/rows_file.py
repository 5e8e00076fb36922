"""Rows file: ``results.csv`` while it is recorded, in whole lines and marked as in use."""

import contextlib
import errno
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ferdesk.messages import translatable
from ferdesk.sessions.files import RESERVE_FILE, mark_as_written
from ferdesk.sessions.schema import HEADER, RESULTS_FILE

log = logging.getLogger(__name__)

_RESERVE_BYTES = 65_536
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class FrameRows:
    """Rows of one analysed frame on their way to the disk."""

    text: str
    frame: int
    t_s: float
    face_ids: tuple[int, ...]
    landmarks: bytes = b""


class RowsFile:
    """The rows of one recording; a reserve of room is kept for the last ``session.json``."""

    def __init__(self, folder: Path, header: str = HEADER) -> None:
        """Raises ``OSError`` where there is one already, or none can be made."""
        self._folder = folder
        self._file: IO[bytes] = (folder / RESULTS_FILE).open("x+b", buffering=0)
        try:
            self._marked = mark_as_written(self._file)
            self._file.write(header.encode())
            self._header = header.encode()
            self._whole_bytes = len(self._header)
            self._place = _Place(self._file, folder / RESULTS_FILE)
            (folder / RESERVE_FILE).write_bytes(bytes(_RESERVE_BYTES))
        except OSError:
            self._file.close()
            raise

    def cut_by_others(self) -> int:
        """Bytes that another program has cut off since the last call; what comes goes on behind.

        Raises:
            OSError: it cannot be read or written.
        """
        # read, and not asked for its size, which some network drives tell late
        self._file.seek(self._whole_bytes - 1)
        if self._file.read(1) == b"\n":
            return 0
        before, at = self._whole_bytes, self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, at - _LONGEST_LINE))
        tail = self._file.read(_LONGEST_LINE)
        self._whole_bytes = max(0, at - len(tail) + tail.rfind(b"\n") + 1)
        self._file.truncate(self._whole_bytes)
        self._file.seek(self._whole_bytes)
        if self._whole_bytes < len(self._header):
            self._file.seek(0)
            self._file.truncate(0)
            self._file.write(self._header)
            self._whole_bytes = len(self._header)
        return max(1, before - at)

    def append(self, texts: Sequence[str], count: Callable[[int], object]) -> None:
        """Write rows and force them to the disk.

        Args:
            texts: of whole lines each.
            count: is told how many of them are whole in the file, also where writing fails.

        Raises:
            OSError: they cannot be written.
        """
        contents = [text.encode() for text in texts]
        content = b"".join(contents)
        written = 0
        try:
            while written < len(content):
                written += self._file.write(content[written:])
            os.fsync(self._file.fileno())
        finally:
            whole = 0
            for one in contents:
                if len(one) > written:
                    break
                written -= len(one)
                self._whole_bytes += len(one)
                whole += 1
            count(whole)

    def check(self) -> None:
        """Raises ``FileNotFoundError`` where the file is not at its place any more."""
        self._place.check()
        # who lists sessions may have held the lock for a moment at the start
        self._marked = self._marked or mark_as_written(self._file)

    def cut_to_whole_lines(self) -> None:
        """After a failure: what was written of a line that is not whole goes."""
        try:
            self._file.truncate(self._whole_bytes)
        except OSError:
            log.warning("the last line in %s may be cut off", self._folder, exc_info=True)

    def close(self) -> None:
        """Raises ``OSError`` where the system tells only now that it could not write."""
        self._file.close()

    def give_up_reserve(self) -> None:
        with contextlib.suppress(OSError):
            (self._folder / RESERVE_FILE).unlink(missing_ok=True)


class _Place:
    """Where the file stands: one that was deleted can be written on for hours, unseen.

    Inode numbers count only where looks at the start agree: network drives may give another number
    at each look.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self._path = file, path
        looks = [look for _ in range(2) for look in (path.stat(), os.fstat(file.fileno()))]
        self._has_inodes = len({look.st_ino for look in looks}) == 1 and looks[0].st_ino != 0
        self._has_links = all(look.st_nlink > 0 for look in looks)

    def check(self) -> None:
        ours = os.fstat(self._file.fileno())
        try:
            there = self._path.stat()
        except FileNotFoundError:
            raise _gone(translatable("the folder is gone")) from None
        except OSError:
            return  # a drive that does not answer now; writing says it where that lasts
        if self._has_links and ours.st_nlink == 0:
            raise _gone(translatable("the file was deleted"))
        # a number may change on a drive that is connected again; another file has another size
        if self._has_inodes and there.st_ino != ours.st_ino and there.st_size != ours.st_size:
            raise _gone(translatable("another file has taken its place"))


def _gone(reason: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, reason)
