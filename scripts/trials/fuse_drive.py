"""FUSE drive that mirrors a folder and has a fault of real drives: FOLDER MOUNTPOINT FAULT.

``busy``: the 2nd to 6th rename onto a session.json is refused, as virus scanners and synchronised
folders do while they hold a file. ``inodes``: a file has another inode number at each look and
cannot be mapped into memory, as on network drives. By mfusepy and the system's libfuse.
"""

import errno
import itertools
import os
import sys
from typing import Any

from mfusepy import FUSE, FuseOSError, Operations

_STAT = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")
_ROOM = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag",
         "f_frsize", "f_namemax")  # fmt: skip


class Drive(Operations):  # type: ignore[misc]
    """Everything goes to the folder; the faults are in ``getattr`` and ``rename``."""

    use_ns = False

    def __init__(self, folder: str, fault: str) -> None:
        self._folder, self._fault = folder, fault
        self._inodes = itertools.count(1000)
        self._num_moves = 0

    def _place(self, path: str) -> str:
        return self._folder + path

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        try:
            found = os.lstat(self._place(path))
        except OSError as error:
            raise FuseOSError(error.errno) from error
        values = {name: getattr(found, name) for name in _STAT}
        return values | {"st_ino": next(self._inodes)} if self._fault == "inodes" else values

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *os.listdir(self._place(path))]

    def rename(self, old: str, new: str) -> None:
        if new.endswith("session.json"):
            self._num_moves += 1
            if self._fault == "busy" and 2 <= self._num_moves <= 6:
                sys.stdout.write("refused\n")
                sys.stdout.flush()
                raise FuseOSError(errno.EACCES)
        os.rename(self._place(old), self._place(new))

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return os.open(self._place(path), os.O_RDWR | os.O_CREAT, mode)

    def open(self, path: str, flags: int) -> int:
        return os.open(self._place(path), flags & ~os.O_EXCL)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        os.truncate(self._place(path), length)

    def flush(self, path: str, fh: int) -> None:
        pass

    def release(self, path: str, fh: int) -> None:
        os.close(fh)

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        os.fsync(fh)

    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(self._place(path), mode)

    def rmdir(self, path: str) -> None:
        os.rmdir(self._place(path))

    def unlink(self, path: str) -> None:
        os.unlink(self._place(path))

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(self._place(path), mode)

    def utimens(self, path: str, times: tuple[float, float] | None = None) -> None:
        os.utime(self._place(path), times)

    def statfs(self, path: str) -> dict[str, int]:
        room = os.statvfs(self._place(path))
        return {name: getattr(room, name) for name in _ROOM}


if __name__ == "__main__":
    folder, mountpoint, fault = sys.argv[1:]
    special = {"use_ino": True, "direct_io": True} if fault == "inodes" else {}
    FUSE(Drive(folder, fault), mountpoint, foreground=True, nothreads=True, attr_timeout=0,
         entry_timeout=0, **special)  # fmt: skip
