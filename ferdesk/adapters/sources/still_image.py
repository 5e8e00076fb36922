"""A picture file as a source of one frame, read by OpenCV and turned as its EXIF data says."""

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ferdesk.adapters.sources.limits import check_file, too_large
from ferdesk.core.types import Frame, SourceEvent, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.messages import translatable

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MOST_PAGES = 10_000


class StillImage:
    """Still picture as a source: one frame at ``t_s`` 0, then the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._image: NDArray[np.uint8] | None = None
        self._events: list[SourceEvent] = []

    def open(self) -> SourceInfo:
        """Read the whole picture.

        Raises:
            SourceError: missing, empty, no regular file, too large, or not a picture.
        """
        import cv2

        check_file(self._path)
        try:
            content = np.fromfile(self._path, dtype=np.uint8)
        except OSError as error:
            raise SourceError(
                translatable("{path} cannot be read: {why}.", path=self._path, why=error.strerror)
            ) from error
        try:
            picture = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
        except cv2.error as error:
            if "CV_IO_MAX_IMAGE" in str(error):
                raise too_large(self._path) from error
            picture = None
        if picture is None:
            raise SourceError(
                translatable(
                    "{path} is not a picture that can be read, or is cut off.", path=self._path
                )
            )
        image = np.ascontiguousarray(picture, dtype=np.uint8)
        self._image = image
        if (count := num_pictures(content.tobytes())) > 1:
            self._events.append(left_out(self._path.name, count))
        height, width = image.shape[:2]
        return SourceInfo("still", self._path.stem, self._path.name, width, height)

    def read(self) -> Frame | None:
        image, self._image = self._image, None
        return None if image is None else Frame(image, 0, 0.0, time.monotonic())

    def take_events(self) -> list[SourceEvent]:
        """That the file holds more pictures than the one that is read; told once."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        self._image = None


def left_out(shown: str, count: int) -> SourceEvent:
    """The event that a file holds ``count`` pictures."""
    text = translatable(
        "{path} holds {count} pictures; only the first is analysed.", path=shown, count=count
    )
    return SourceEvent("pictures_left_out", text, 0.0)


def num_pictures(content: bytes) -> int:
    """Pictures in a TIFF, WebP or PNG file as its header tells; 1 where none tells."""
    if content[:4] in (b"II*\0", b"MM\0*"):
        return _num_pages(content, "<" if content[:2] == b"II" else ">")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return max(1, sum(name == b"ANMF" for name in _webp_chunks(content)))
    if content[:4] == b"\x89PNG" and (at := content[: 1 << 16].find(b"acTL")) > 0:
        return max(1, int.from_bytes(content[at + 4 : at + 8], "big"))
    return 1


def _num_pages(content: bytes, order: str) -> int:
    seen: set[int] = set()
    at = 4
    while at + 4 <= len(content) and len(seen) < _MOST_PAGES:
        (start,) = struct.unpack_from(f"{order}I", content, at)
        if start in seen or not 8 <= start <= len(content) - 2:
            break
        seen.add(start)
        (num_entries,) = struct.unpack_from(f"{order}H", content, start)
        at = start + 2 + 12 * num_entries
    return max(1, len(seen))


def _webp_chunks(content: bytes) -> Iterator[bytes]:
    at = 12
    while at + 8 <= len(content):
        yield content[at : at + 4]
        (length,) = struct.unpack_from("<I", content, at + 4)
        at += 8 + length + length % 2
