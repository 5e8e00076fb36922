"""Clip reader: decodes a stimulus on a thread of its own, some pictures ahead of time."""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage

from ferdesk.errors import FerdeskError
from ferdesk.runtime.ports import Clip
from ferdesk.ui.studies.canvas import fitted

log = logging.getLogger(__name__)

_MOST_AHEAD = 12
_MOST_BYTES = 128_000_000
"""What pictures ahead of time may take: five of 4K, twelve of full HD."""
_LOOK_S = 0.1
_AT_LEAST_EVERY_S = 0.2
"""A picture of so much of a film is kept even where the decoder never comes up with the time."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipPicture:
    """Picture of a clip, of the screen's size, and its seconds since the first."""

    image: QImage
    t_s: float


class ClipReader:
    """Reader of one clip on a thread that decodes and scales; ``peek`` and ``take`` never wait."""

    def __init__(self, open_clip: Callable[[], Clip], room: QSize) -> None:
        """``room`` is the screen's size in its own pixels."""
        self._open_clip, self._room = open_clip, room
        most = max(3, min(_MOST_AHEAD, _MOST_BYTES // max(1, 4 * room.width() * room.height())))
        self._pictures: queue.Queue[ClipPicture] = queue.Queue(most)
        self._next: ClipPicture | None = None
        self._closed = threading.Event()
        self._ended = threading.Event()
        self._problem = ""
        self._from_s = 0.0
        self.num_skipped = 0
        """Pictures that were too late before they were ready."""
        self._thread = threading.Thread(target=self._run, name="ferdesk-stimulus", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why it broke off, in a sentence; what was decoded before is still there."""
        return self._problem

    def peek(self) -> ClipPicture | None:
        """The next picture, if it is decoded already."""
        if self._next is None:
            try:
                self._next = self._pictures.get_nowait()
            except queue.Empty:
                return None
        return self._next

    def take(self) -> ClipPicture | None:
        """The next picture, if it is decoded already; the one behind it is the next then."""
        picture = self.peek()
        self._next = None
        return picture

    def skip_before(self, t_s: float) -> None:
        """Pictures before ``t_s`` are of no use any more: the decoder is behind."""
        self._from_s = t_s

    @property
    def ended(self) -> bool:
        """Whether there is no picture any more, and none will come."""
        return self._ended.is_set() and self.peek() is None

    @property
    def ready(self) -> bool:
        """Whether the first picture is decoded, or none will come."""
        return self.peek() is not None or self._ended.is_set()

    def close(self) -> None:
        """Let the thread end, which closes the file; it does not wait for it.

        Pictures that were decoded ahead are let go: they are large, and nobody takes them now.
        """
        self._closed.set()
        self._empty()

    def join(self, timeout_s: float = 5.0) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        clip: Clip | None = None
        kept_s = 0.0
        try:
            clip = self._open_clip()
            while not self._closed.is_set() and (found := clip.read()) is not None:
                if found[1] < self._from_s and found[1] < kept_s + _AT_LEAST_EVERY_S:
                    self.num_skipped += 1
                    continue
                kept_s = found[1]
                self._put(ClipPicture(fitted(image_of(found[0]), self._room), found[1]))
        except FerdeskError as error:
            self._problem = str(error)
        except Exception as error:
            log.exception("a stimulus ended")
            self._problem = str(error)
        finally:
            self._ended.set()
            if self._closed.is_set():
                self._empty()  # one may have been put in between
            if clip is not None:
                clip.close()

    def _empty(self) -> None:
        self._next = None
        with contextlib.suppress(queue.Empty):
            while True:
                self._pictures.get_nowait()

    def _put(self, picture: ClipPicture) -> None:
        while not self._closed.is_set():
            try:
                self._pictures.put(picture, timeout=_LOOK_S)
            except queue.Full:
                continue
            return


def image_of(pixels: NDArray[np.uint8]) -> QImage:
    """A copy of [H, W, 3] uint8 RGB as Qt paints it fastest."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.convertToFormat(QImage.Format.Format_RGB32)
