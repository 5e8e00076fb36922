"""Column cache: arrays of a table kept beside its file, so that it is read as text only once.

The cache may come with a session from anywhere. Names, types and places of the columns therefore
come from the program alone and are checked against the cache's size; each column has a checksum. A
cache that differs in anything is deleted, and the text is read.
"""

import contextlib
import json
import logging
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.replace_file import replacing

log = logging.getLogger(__name__)

FORMAT = 3
_HEAD_BYTES = 65_536
_ALIGN_BYTES = 64

Layout = Mapping[str, np.dtype[Any]]
"""The columns in the file's order; a column of several values has them in its type."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a cache holds: the columns, and the table's markers as JSON had them."""

    columns: dict[str, NDArray[Any]]
    markers: object


def is_current(cache: Path, state: os.stat_result) -> bool:
    """Whether ``cache`` was made of a file with the size and date of ``state``."""
    try:
        with cache.open("rb") as file:
            return bool(_head(file)["fingerprint"] == _fingerprint(state))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False


def load(cache: Path, state: os.stat_result, layout: Layout) -> Kept | None:
    """The columns that ``save`` kept of the file with ``state``; None where there are none.

    A cache of another file, of another format, or with any damage is deleted.
    """
    try:
        with cache.open("rb") as file:
            return _load(file, state, layout)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        log.warning("%s is of no use and is deleted: %s", cache, error)
        with contextlib.suppress(OSError):
            cache.unlink()
        return None


def _load(file: IO[bytes], state: os.stat_result, layout: Layout) -> Kept:
    about = _head(file)
    if about["fingerprint"] != _fingerprint(state):
        raise ValueError("it was made of another file, or of this one before it changed")
    if about["columns"] != list(layout):
        raise ValueError("it has other columns")
    num_rows = about["rows"]
    if not isinstance(num_rows, int) or isinstance(num_rows, bool) or num_rows < 0:
        raise ValueError("it has no number of rows")
    size = os.fstat(file.fileno()).st_size
    if size != _HEAD_BYTES + sum(_room(num_rows * kind.itemsize) for kind in layout.values()):
        raise ValueError(f"{size} bytes are not those of {num_rows} rows")
    if _checksum(about["markers"]) != about["checksums"]["markers"]:
        raise ValueError("its markers are damaged")
    columns = {}
    for name, kind in layout.items():
        content = bytearray(num_rows * kind.itemsize)
        file.readinto(content)  # type: ignore[attr-defined]
        if zlib.crc32(content) != about["checksums"][name]:
            raise ValueError(f"the column {name} is damaged")
        columns[name] = np.frombuffer(content, kind)
        columns[name].setflags(write=False)
        file.seek(_room(len(content)) - len(content), os.SEEK_CUR)
    return Kept(columns, about["markers"])


def save(
    cache: Path,
    state: os.stat_result,
    layout: Layout,
    columns: Mapping[str, NDArray[Any]],
    markers: object,
) -> None:
    """Keep ``columns`` beside the file with ``state``, where the folder can be written."""
    raw = {name: np.ascontiguousarray(columns[name]).tobytes() for name in layout}
    about = {
        "fingerprint": _fingerprint(state),
        "rows": len(next(iter(columns.values()))),
        "columns": list(layout),
        "checksums": {
            "markers": _checksum(markers),
            **{name: zlib.crc32(content) for name, content in raw.items()},
        },
        "markers": markers,
    }
    head = json.dumps(about).encode()
    if len(head) > _HEAD_BYTES:
        return  # hundreds of markers; the table is read from its text
    try:
        with replacing(cache, wait_s=0) as file:
            file.write(head.ljust(_HEAD_BYTES))
            for content in raw.values():
                file.write(content.ljust(_room(len(content)), b"\0"))
    except OSError as error:
        log.info("the columns are not kept in %s: %s", cache, error)


def _head(file: IO[bytes]) -> dict[str, Any]:
    about = json.loads(file.read(_HEAD_BYTES))
    if not isinstance(about, dict):
        raise TypeError("its head is no table")
    return about


def _checksum(markers: object) -> int:
    return zlib.crc32(json.dumps(markers).encode())


def _room(num_bytes: int) -> int:
    return -(-num_bytes // _ALIGN_BYTES) * _ALIGN_BYTES


def _fingerprint(state: os.stat_result) -> dict[str, int]:
    return {"format": FORMAT, "bytes": state.st_size, "modified_ns": state.st_mtime_ns}
