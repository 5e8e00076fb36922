"""Video files, decoded by PyAV with exact presentation times."""

import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ferdesk.core.locations import shown_location
from ferdesk.core.types import Frame, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.messages import translatable

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

_CLOCK_TIME = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
_MISSING_END_S = 0.5
"""A file whose last frame ends earlier than it promises by more than this was cut off."""


class VideoFile:
    """Video file as a source: its frames in presentation order, upright.

    A ``paced`` file gives each frame when it is due, as a player does. ``close`` may be called
    from another thread and ends a wait.
    """

    def __init__(
        self, location: str, *, paced: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._location = location
        self._name = Path(location).stem
        self._shown = shown_location(location)
        self._paced = paced
        self._clock = clock
        self._closed = threading.Event()
        self._container: InputContainer | None = None
        self._frames: Generator[Frame] | None = None

    def open(self) -> SourceInfo:
        """Open the container and decode its first frame, so that a later read can be trusted.

        Raises:
            SourceError: missing, empty, not a video, or nothing in it can be decoded.
        """
        import av

        self._check_file()
        try:
            # absolute, or FFmpeg takes what stands before a colon for a protocol
            self._container = av.open(str(Path(self._location).absolute()))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise SourceError(self._cannot_open()) from error
        if self._container.format.name == "tty":
            # FFmpeg paints text files as pictures of letters
            raise SourceError(self._cannot_open())
        streams = self._container.streams.video
        if not streams:
            raise SourceError(
                translatable("{path} has no picture in it; give a video.", path=self._shown)
            )
        stream = streams[0]
        stream.thread_type = "AUTO"
        frames = self._decode(self._container, stream)
        first = next(frames, None)
        if first is None:
            raise SourceError(
                translatable(
                    "No picture of {path} can be decoded; it is damaged.", path=self._shown
                )
            )
        self._frames = self._pace(_chain(first, frames))
        height, width = first.image.shape[:2]
        return SourceInfo(
            kind="video",
            name=self._name,
            location=self._shown,
            width=width,
            height=height,
            rate_fps=float(stream.average_rate) if stream.average_rate else None,
            starts_utc=_creation_time(self._container),
        )

    def read(self) -> Frame | None:
        """The next frame, or None at the end.

        Raises:
            SourceError: the file was cut off, or the stream broke; frames so far were whole.
        """
        return None if self._frames is None else next(self._frames, None)

    def close(self) -> None:
        self._closed.set()
        try:
            if self._frames is not None:
                self._frames.close()
        except ValueError:
            return  # another thread is reading; its decoder must not be closed under it
        if self._container is not None:
            self._container.close()

    def _check_file(self) -> None:
        path = Path(self._location)
        try:
            if path.is_dir():
                raise SourceError(
                    translatable("{path} is a folder; give a video or picture file.", path=path)
                )
            if path.stat().st_size == 0:
                raise SourceError(
                    translatable("{path} is empty; give a picture or a video.", path=path)
                )
        except FileNotFoundError as error:
            raise SourceError(
                translatable("There is no file {path}; check the path.", path=path)
            ) from error
        except OSError as error:
            raise SourceError(
                translatable("{path} cannot be read: {why}.", path=path, why=error.strerror)
            ) from error

    def _cannot_open(self) -> str:
        return translatable(
            "{path} is not a video or picture that can be read, or is damaged.", path=self._shown
        )

    def _decode(self, container: "InputContainer", stream: "VideoStream") -> Generator[Frame]:
        import av

        start_s, time_s, index, step_s = None, 0.0, 0, 1 / float(stream.average_rate or 30)
        lasts_s = step_s
        broken: Exception | None = None
        decoded = container.decode(stream)
        while not self._closed.is_set():
            try:
                picture = next(decoded)
            except StopIteration:
                break
            except (av.error.FFmpegError, OSError) as error:
                broken = error
                break
            time_s = index * step_s if picture.pts is None else picture.time
            start_s = time_s if start_s is None else start_s
            tick_s = picture.time_base or 0
            lasts_s = float(picture.duration * tick_s) if picture.duration else step_s
            yield Frame(_upright(picture), index, time_s - start_s, self._clock())
            index += 1
        if self._closed.is_set() or start_s is None:
            return
        end_s = time_s + lasts_s
        missing_s = _promised_end_s(container, stream) - end_s
        if broken is not None or missing_s > max(_MISSING_END_S, 2 * step_s):
            length_s = end_s - start_s
            broke = (
                translatable(
                    "{path} breaks off after {seconds:.2f} s of {whole:.2f} s; what came before "
                    "is kept.",
                    path=self._shown,
                    seconds=length_s,
                    whole=missing_s + length_s,
                )
                if missing_s > 0
                else translatable(
                    "{path} breaks off after {seconds:.2f} s; what came before is kept.",
                    path=self._shown,
                    seconds=length_s,
                )
            )
            raise SourceError(broke) from broken

    def _pace(self, frames: Iterator[Frame]) -> Generator[Frame]:
        began_s = self._clock()
        for frame in frames:
            if self._paced and self._closed.wait(max(0.0, began_s + frame.t_s - self._clock())):
                return
            yield Frame(frame.image, frame.index, frame.t_s, self._clock())


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _upright(picture: "av.VideoFrame") -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = picture.to_ndarray(format="rgb24")
    quarter_turns = round(picture.rotation / 90) % 4
    # the display matrix turns counter-clockwise, as rot90 does
    return np.ascontiguousarray(np.rot90(image, quarter_turns), dtype=np.uint8)


def _promised_end_s(container: "InputContainer", stream: "VideoStream") -> float:
    """When the picture should end, on the file's own clock; 0 where the file promises nothing."""
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        # FFmpeg shortens an AVI's duration to what is there; its header keeps the number of frames
        return float(stream.frames / stream.average_rate)
    if stream.duration is not None and stream.time_base is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    if match := _CLOCK_TIME.fullmatch(stream.metadata.get("DURATION", "")):
        # Matroska writes each stream's end as a tag
        hours, minutes, seconds = match.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    if container.duration is not None and len(container.streams) == 1:
        return ((container.start_time or 0) + container.duration) / 1_000_000
    return 0.0


def _creation_time(container: "InputContainer") -> datetime | None:
    text = container.metadata.get("creation_time")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    # cameras without a clock write the epoch
    return moment if moment.year > 1980 else None
