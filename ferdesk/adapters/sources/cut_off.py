"""Check whether a file was cut off: does a container's outermost part reach beyond the file?"""

from pathlib import Path
from typing import BinaryIO

_SEGMENT = 0x18538067


def is_cut_off(path: Path, format_name: str) -> bool | None:
    """Whether the file is shorter than its container says; None where that says nothing."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if format_name == "avi":
                return _riff(file, size)
            if format_name.startswith("mov"):
                return _boxes(file, size)
            if format_name.startswith("matroska"):
                return _segment(file, size)
    except OSError:
        pass
    return None


def _riff(file: BinaryIO, size: int) -> bool | None:
    """AVI: one or more RIFF chunks; a size of 0 was never filled in."""
    at = 0
    while at + 12 <= size:
        file.seek(at)
        head = file.read(8)
        if head[:4] != b"RIFF":
            break
        length = int.from_bytes(head[4:], "little")
        if length in (0, 0xFFFFFFFF):
            return None
        at += 8 + length + length % 2
    # a byte of padding is left out by some programs
    return None if at == 0 else at > size + 1


def _boxes(file: BinaryIO, size: int) -> bool | None:
    """MP4 and its kin: the boxes that hold the pictures."""
    at, found = 0, None
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:
            return found  # to the file's end, wherever that is
        if length < 8:
            break
        if head[4:8] == b"mdat":
            found = at + length > size
            if found:
                return True
        at += length
    return found


def _segment(file: BinaryIO, size: int) -> bool | None:
    """Matroska: its segment, if it tells a length."""
    for _ in range(2):
        element = _number(file, keep_marker=True)
        length = _number(file, keep_marker=False)
        if element is None or length is None:
            return None
        if element == _SEGMENT:
            return file.tell() + length > size
        file.seek(length, 1)
    return None


def _number(file: BinaryIO, *, keep_marker: bool) -> int | None:
    """A number of EBML; None where all its bits are set, which means unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    num_bytes = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(num_bytes - 1), "big")
    if keep_marker:
        return value
    value &= (1 << 7 * num_bytes) - 1
    return None if value == (1 << 7 * num_bytes) - 1 else value
