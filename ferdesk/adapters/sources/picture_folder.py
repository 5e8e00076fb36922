"""Folder of pictures as a source that is stepped through, for the window."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ferdesk.core.types import Frame, SourceEvent, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.messages import translatable
from ferdesk.runtime.playback import PlaybackStatus
from ferdesk.runtime.reconnect import FrameSource, events_of


class PictureFolder:
    """Picture folder as a source: it gives a picture and waits to be moved to another.

    ``position_s`` and ``length_s`` of its playback count pictures. Each picture is a stretch of
    its own: no face goes on from one to the next. One that cannot be read is told and left out.
    """

    def __init__(
        self,
        folder: Path,
        pictures: Sequence[Path],
        open_picture: Callable[[Path], FrameSource],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``pictures`` are those of ``folder``, in order, one at least."""
        self._folder, self._pictures, self._open_picture = folder, tuple(pictures), open_picture
        self._clock = clock
        self._asked = threading.Condition()
        self._wanted: int | None = 0
        self._closed = self._backwards = False
        self._events: list[SourceEvent] = []
        self._status = PlaybackStatus(0.0, float(len(self._pictures)), paused=True, stepped=True)
        self._first: tuple[int, Frame] | None = None

    def open(self) -> SourceInfo:
        """Read the first picture that can be read; those before it are told.

        Raises:
            SourceError: none can be read; the sentence is that of the first.
        """
        for number in range(len(self._pictures)):
            if (frame := self._readable(number)) is not None:
                break
        else:
            raise SourceError(self._events[0].text)
        self._wanted, self._first = number, (number, frame)
        height, width = frame.image.shape[:2]
        return SourceInfo("still", self._folder.name, self._folder.name, width, height)

    def read(self) -> Frame | None:
        """The picture that was asked for; None once it is closed."""
        while True:
            with self._asked:
                self._asked.wait_for(lambda: self._closed or self._wanted is not None)
                if self._closed:
                    return None
                wanted, self._wanted = self._wanted or 0, None
            # its name never stands over another picture: one that is broken is passed by
            for number in self._from(wanted):
                frame = self._readable(number)
                if frame is not None:
                    stretch = self._show(number)
                    return replace(frame, captured_s=self._clock(), stretch=stretch)
                if self._left():
                    return None

    def close(self) -> None:
        with self._asked:
            self._closed = True
            self._asked.notify_all()

    def take_events(self) -> list[SourceEvent]:
        """What pictures could not be read, since the last call."""
        events, self._events = self._events, []
        return events

    def playback(self) -> PlaybackStatus:
        return self._status

    def set_paused(self, paused: bool) -> None:
        """Pictures do not play."""

    def set_loops(self, loops: bool) -> None:
        with self._asked:
            self._status = replace(self._status, loops=loops)

    def seek(self, t_s: float) -> None:
        with self._asked:
            self._backwards = False
            self._wanted = min(max(round(t_s), 0), len(self._pictures) - 1)
            self._asked.notify_all()

    def step(self, by: int) -> None:
        """At either end it goes on from the other, where it loops."""
        with self._asked:
            at = round(self._status.position_s) if self._wanted is None else self._wanted
            number, num = at + by, len(self._pictures)
            self._backwards = by < 0
            self._wanted = number % num if self._status.loops else min(max(number, 0), num - 1)
            self._asked.notify_all()

    def _show(self, number: int) -> int:
        """Say which picture is given; returns its stretch."""
        with self._asked:
            status = self._status = replace(
                self._status,
                position_s=float(number),
                name=self._pictures[number].name,
                stretch=self._status.stretch + 1,
            )
        return status.stretch

    def _left(self) -> bool:
        """Whether somebody has closed it meanwhile."""
        with self._asked:
            return self._closed

    def _from(self, wanted: int) -> list[int]:
        """Numbers to try: the picture, those behind it on the way, and the one that is shown."""
        with self._asked:
            shown, backwards = round(self._status.position_s), self._backwards
            num, loops = len(self._pictures), self._status.loops
        way = range(wanted, -1, -1) if backwards else range(wanted, num)
        again = (range(num - 1, wanted, -1) if backwards else range(wanted)) if loops else ()
        return [*way, *again, shown]

    def _readable(self, number: int) -> Frame | None:
        """A picture; one that cannot be read is None, and told."""
        first, self._first = self._first, None
        if first is not None and first[0] == number:
            return first[1]
        try:
            return self._picture(number)
        except SourceError as error:
            self._events.append(SourceEvent("pictures_damaged", str(error), float(number)))
            return None

    def _picture(self, number: int) -> Frame:
        source = self._open_picture(self._pictures[number])
        try:
            source.open()
            frame = source.read()
            self._events += events_of(source)
        finally:
            source.close()
        if frame is None:
            raise SourceError(
                translatable(
                    "No picture of {path} can be decoded; it is damaged.",
                    path=self._pictures[number].name,
                )
            )
        return replace(frame, index=number, t_s=float(number))
