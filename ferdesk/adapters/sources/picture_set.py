"""Picture set: picture files as one source, a frame for each, in their order."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ferdesk.core.types import Frame, SourceEvent, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.messages import translatable
from ferdesk.runtime.reconnect import FrameSource, events_of


class PictureSet:
    """Picture files as a source: ``index`` is a file's number, from 0, and ``t_s`` the same.

    Pictures have no time; a second for each lets them be gone through like a film. A file that
    cannot be read is left out and told.
    """

    def __init__(
        self, name: str, paths: Sequence[Path], open_one: Callable[[str], FrameSource]
    ) -> None:
        self._name, self._paths, self._open_one = name, tuple(paths), open_one
        self._next = 0
        self._first: Frame | None = None
        self._events: list[SourceEvent] = []

    def open(self) -> SourceInfo:
        """Read up to the first picture.

        Raises:
            SourceError: none of the files can be read.
        """
        self._first = self._read_on()
        if self._first is None:
            raise SourceError(
                translatable("None of the pictures in {path} can be read.", path=self._name)
            )
        height, width = self._first.image.shape[:2]
        return SourceInfo("pictures", self._name, self._name, width, height)

    def read(self) -> Frame | None:
        frame, self._first = self._first or self._read_on(), None
        return frame

    def take_events(self) -> list[SourceEvent]:
        """Which files were left out, and what of the others is not read."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        self._next = len(self._paths)

    def _read_on(self) -> Frame | None:
        """The next picture that can be read."""
        while self._next < len(self._paths):
            number, self._next = self._next, self._next + 1
            path = self._paths[number]
            source = self._open_one(str(path))
            try:
                source.open()
                frame = source.read()
            except SourceError as error:
                # a session keeps no paths
                text = str(error).replace(str(path), path.name)
                self._events.append(SourceEvent("pictures_damaged", text, float(number)))
                continue
            finally:
                source.close()
            self._events += [replace(event, t_s=float(number)) for event in events_of(source)]
            if frame is not None:
                return replace(frame, index=number, t_s=float(number))
        return None
