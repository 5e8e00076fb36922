"""Video files, decoded by PyAV with exact presentation times."""

import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ferdesk.adapters.sources.cut_off import is_cut_off
from ferdesk.adapters.sources.limits import MOST_PIXELS, check_file, limit_pixels, too_large
from ferdesk.adapters.sources.picture_decoder import PictureDecoder, close_decoding
from ferdesk.adapters.sources.picture_stream import (
    is_still,
    is_tiled,
    num_of_its_size,
    picture_stream,
    read_tiled,
)
from ferdesk.adapters.sources.picture_time import (
    WITHOUT_PROMISE,
    PictureClock,
    file_start_s,
    rate_of,
    trust_decoder_times,
)
from ferdesk.adapters.sources.still_image import left_out
from ferdesk.adapters.sources.upright import Upright
from ferdesk.core.locations import shown_location
from ferdesk.core.types import Frame, SourceEvent, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.messages import translatable

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

_Item = TypeVar("_Item")
_CLOCK_TIME = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
_DECODING_THREADS = 4
"""The same on every machine: what FFmpeg puts in the place of damaged pictures depends on it. 1080p
takes 71 MB so, with one thread 54, and 150 with the 16 that FFmpeg takes by itself on 16 cores."""
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
        self._events: list[SourceEvent] = []
        self._first_clock: PictureClock | None = None

    def open(self) -> SourceInfo:
        """Open the container and decode its first frame, so that a later read can be trusted.

        Raises:
            SourceError: missing, empty, not a video, or nothing in it can be decoded.
        """
        check_file(Path(self._location))
        self._container = self._open_container()
        if self._container.format.name == "tty":
            # FFmpeg paints text files as pictures of letters
            raise SourceError(self._cannot_open())
        stream = picture_stream(self._container)
        if stream is None and is_tiled(self._container):
            return self._open_tiled()
        if stream is None:
            raise SourceError(
                translatable("{path} has no picture in it; give a video.", path=self._shown)
            )
        if max(stream.width, 1) * max(stream.height, 1) > MOST_PIXELS:
            raise too_large(self._shown)
        self._first_clock = PictureClock(self._container, stream, self._shown)
        decoder = self._decoder(stream)
        frames = self._decode(self._container, stream, decoder, self._first_clock)
        first = next(frames, None)
        if first is None:
            raise SourceError(
                translatable(
                    "No picture of {path} can be decoded; it is damaged.", path=self._shown
                )
            )
        self._frames = self._pace(_chain(first, frames))
        still = is_still(self._container, stream)
        if still and (count := num_of_its_size(self._container, stream)) > 1:
            self._events.append(left_out(self._shown, count))
        height, width = first.image.shape[:2]
        return SourceInfo(
            kind="still" if still else "video",
            name=self._name,
            location=self._shown,
            width=width,
            height=height,
            rate_fps=None if still else rate_of(self._container, stream),
            starts_utc=_creation_time(self._container),
        )

    def _open_tiled(self) -> SourceInfo:
        image = read_tiled(Path(self._location))
        if image is None:
            raise SourceError(
                translatable(
                    "{path} is stored in tiles, which are not read; save it as a JPEG or PNG.",
                    path=self._shown,
                )
            )
        self._frames = self._pace(iter((Frame(image, 0, 0.0, self._clock()),)))
        height, width = image.shape[:2]
        return SourceInfo("still", self._name, self._shown, width, height)

    def read(self) -> Frame | None:
        """The next frame, or None at the end.

        Raises:
            SourceError: the file was cut off, or the stream broke; frames so far were whole.
        """
        return None if self._frames is None else next(self._frames, None)

    @property
    def length_s(self) -> float:
        """When the last frame ends, as the file promises; 0 where it promises nothing."""
        container, clock = self._container, self._first_clock
        stream = None if container is None else picture_stream(container)
        if container is None or stream is None or clock is None:
            return 0.0
        promised_s = _promised_end_s(container, stream, clock)
        return promised_s or max(0.0, float(container.duration or 0) / 1_000_000)

    def seek(self, t_s: float) -> None:
        """Let the next ``read`` give the frame at ``t_s``, and go on from there; only to be read by
        the thread that calls this.

        Where the file's own times do not lead there, it is decoded from its beginning.

        Raises:
            SourceError: the file cannot be opened again.
        """
        if self._container is None or self._first_clock is None:
            return
        if self._frames is not None:
            self._frames.close()
        frames = self._sought(max(0.0, t_s)) or self._from_the_start(max(0.0, t_s))
        self._frames = self._pace(frames)

    def close(self) -> None:
        self._closed.set()
        close_decoding(self._frames, self._container)

    def _cannot_open(self) -> str:
        return translatable(
            "{path} is not a video or picture that can be read, or is damaged.", path=self._shown
        )

    def take_events(self) -> list[SourceEvent]:
        """What the file does not keep (damage, jumps of its clock), since the last call."""
        events, self._events = self._events, []
        return events

    def _open_container(self) -> "InputContainer":
        import av

        try:
            # absolute, or FFmpeg takes what stands before a colon for a protocol
            container = av.open(str(Path(self._location).absolute()))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise SourceError(self._cannot_open()) from error
        return container

    def _decoder(self, stream: "VideoStream") -> PictureDecoder:
        assert self._container is not None
        trust_decoder_times(self._container)
        limit_pixels(stream, MOST_PIXELS)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _DECODING_THREADS
        return PictureDecoder(self._container, stream)

    def _sought(self, t_s: float) -> Generator[Frame] | None:
        """Frames from ``t_s`` on by the file's own times; None where they do not lead there."""
        import av

        container, first = self._container, self._first_clock
        stream = None if container is None else picture_stream(container)
        if container is None or first is None or stream is None or not stream.time_base:
            return None
        if first.jumped or first.t_s is None:
            return None
        for back_s in (0.0, 5.0):
            ticks = max(0, int((t_s - back_s + first.base_s) / stream.time_base))
            try:
                container.seek(ticks, stream=stream, backward=True)
                decoder = PictureDecoder(container, stream)
                pictures = decoder.pictures(self._closed.is_set)
                picture = next(pictures, None)
            except (av.error.FFmpegError, OSError, ValueError):
                return None
            clock = PictureClock(container, stream, self._shown)
            if picture is None or not clock.resume(picture, first.base_s):
                return None
            if clock.t_s is not None and clock.t_s <= t_s + clock.usual_step_s / 2:
                index = max(0, round(clock.t_s / clock.usual_step_s))
                rest = _chain(picture, pictures)
                return self._decode(
                    container, stream, decoder, clock, rest, from_s=t_s, from_index=index
                )
        return None

    def _from_the_start(self, t_s: float) -> Generator[Frame]:
        if self._container is not None:
            self._container.close()
        container = self._container = self._open_container()
        stream = picture_stream(container)
        if stream is None:
            raise SourceError(self._cannot_open())
        decoder, clock = self._decoder(stream), PictureClock(container, stream, self._shown)
        return self._decode(container, stream, decoder, clock, from_s=t_s)

    def _decode(
        self,
        container: "InputContainer",
        stream: "VideoStream",
        decoder: PictureDecoder,
        clock: PictureClock,
        pictures: "Iterator[av.VideoFrame] | None" = None,
        *,
        from_s: float = 0.0,
        from_index: int = 0,
    ) -> Generator[Frame]:
        upright = Upright(stream)
        lasts_s = damaged_s = 0.0
        pictures = decoder.pictures(self._closed.is_set) if pictures is None else pictures
        for index, picture in enumerate(pictures, from_index):
            num_missing = decoder.take_missing()
            if num_missing and num_missing == decoder.num_damaged:
                damaged_s = 0.0 if clock.t_s is None else clock.t_s + lasts_s
            t_s, lasts_s = clock.time_of(picture, num_missing=num_missing), clock.lasts_s(picture)
            self._events += clock.take_events()
            if t_s < from_s - clock.usual_step_s / 2:
                continue
            yield Frame(upright.image(picture), index, t_s, self._clock())
        if self._closed.is_set() or clock.t_s is None:
            return
        if decoder.num_damaged:
            if decoder.take_missing() == decoder.num_damaged:
                damaged_s = clock.t_s + lasts_s
            self._events.append(self._damage(decoder.num_damaged, damaged_s))
        end_s = clock.t_s + lasts_s
        missing_s = _promised_end_s(container, stream, clock) - end_s
        if self._is_cut(decoder, missing_s, clock.usual_step_s):
            raise SourceError(self._breaks_off(end_s, missing_s)) from decoder.broken

    def _is_cut(self, decoder: PictureDecoder, missing_s: float, step_s: float) -> bool:
        """Whether pictures are missing at the file's end, other than damaged ones."""
        assert self._container is not None
        if decoder.broken is not None:
            return True
        name = self._container.format.name
        cut = is_cut_off(Path(self._location), name)
        if cut is False and name == "avi":
            return False  # its header counts dropped frames at the end, which have no picture
        missing_s -= decoder.num_damaged * step_s
        if cut or (decoder.ends_torn and name not in WITHOUT_PROMISE):
            return missing_s > step_s / 2 or decoder.ends_torn
        return missing_s > max(_MISSING_END_S, 2 * step_s)

    def _breaks_off(self, end_s: float, missing_s: float) -> str:
        if missing_s > 0:
            return translatable(
                "{path} breaks off after {seconds:.2f} s of {whole:.2f} s; what came before "
                "is kept.",
                path=self._shown,
                seconds=end_s,
                whole=missing_s + end_s,
            )
        return translatable(
            "{path} breaks off after {seconds:.2f} s; what came before is kept.",
            path=self._shown,
            seconds=end_s,
        )

    def _damage(self, num_damaged: int, first_s: float) -> SourceEvent:
        text = translatable(
            "Damaged pictures of {path} were left out: {count}, the first at {seconds:.2f} s.",
            count=num_damaged,
            path=self._shown,
            seconds=first_s,
        )
        return SourceEvent("pictures_damaged", text, first_s)

    def _pace(self, frames: Iterator[Frame]) -> Generator[Frame]:
        began_s = self._clock()
        for frame in frames:
            if self._paced and self._closed.wait(max(0.0, began_s + frame.t_s - self._clock())):
                return
            yield Frame(frame.image, frame.index, frame.t_s, self._clock())


def _chain(first: _Item, rest: Iterator[_Item]) -> Iterator[_Item]:
    yield first
    yield from rest


def _promised_end_s(
    container: "InputContainer", stream: "VideoStream", clock: PictureClock
) -> float:
    """When the picture should end, in the times of its frames; 0 where the file promises nothing.

    A file without a start has no times at all, and its length is a guess.
    """
    unknown = file_start_s(container) is None or clock.jumped
    if unknown or container.format.name in WITHOUT_PROMISE:
        return 0.0
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        # FFmpeg shortens an AVI's duration to what is there; its header keeps the number of frames
        return float(stream.frames / stream.average_rate)
    if stream.duration is not None and stream.time_base is not None:
        end_s = float(((stream.start_time or 0) + stream.duration) * stream.time_base)
        return end_s - clock.base_s
    if match := _CLOCK_TIME.fullmatch(stream.metadata.get("DURATION", "")):
        # Matroska writes each stream's end as a tag
        hours, minutes, seconds = match.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - clock.base_s
    if container.duration is not None and len(container.streams) == 1:
        return (container.start_time + container.duration) / 1_000_000 - clock.base_s
    return 0.0


def _creation_time(container: "InputContainer") -> datetime | None:
    """When the film began, as far as the file tells, to the second."""
    text = container.metadata.get("creation_time")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment.year <= 1980:
        return None  # cameras without a clock write the epoch
    length_us: Any = container.duration
    if "com.android.version" in container.metadata and length_us:
        # Android writes the moment at which it closed the file
        moment -= timedelta(microseconds=length_us)
    return moment
