"""Decoder of one video stream: its pictures in order; damaged packets are skipped and counted."""

import logging
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from ferdesk.core.types import Frame

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

log = logging.getLogger(__name__)

_MOST_DAMAGED = 100
"""So many damaged packets without a picture between them, and the rest is given up."""


def close_decoding(frames: Generator[Frame] | None, container: "InputContainer | None") -> None:
    """Close what gives frames, then its file, unless another thread is in it."""
    try:
        if frames is not None:
            frames.close()
    except ValueError:
        return  # another thread is reading; its decoder must not be closed under it
    if container is not None:
        container.close()


class PictureDecoder:
    """Decoder of a stream's pictures. ``take_missing`` tells of damage right before a picture."""

    def __init__(self, container: "InputContainer", stream: "VideoStream") -> None:
        self._container, self._stream = container, stream
        self._num_missing = self._num_in_a_row = 0
        self._last_ticks: int | None = None
        self._newest_ticks: int | None = None
        self.num_damaged = 0
        """Packets that could not be decoded."""
        self.broken: Exception | None = None
        """Why reading ended before the file's end; None where it did not."""
        self.ends_torn = False
        """Whether the last packet is not whole."""

    def take_missing(self) -> int:
        """Damaged packets since the last call."""
        num_missing, self._num_missing = self._num_missing, 0
        return num_missing

    def pictures(self, stop_requested: Callable[[], bool]) -> Iterator["av.VideoFrame"]:
        """The pictures, to the end or until ``stop_requested``."""
        for packet in self._packets():
            if stop_requested():
                return
            last = packet.dts is None and not packet.size
            if not packet.size and not last:
                continue  # an empty packet would end the decoder
            if not last:
                self.ends_torn = packet.is_corrupt
                self._newest_ticks = max(_ticks(packet) or 0, self._newest_ticks or 0)
            try:
                pictures = packet.decode()
            except self._errors() as error:
                if isinstance(error, EOFError):
                    break
                self._note_damage(error)
                if last:
                    yield from self._tail(num_noted=1)
                if self._num_in_a_row > _MOST_DAMAGED:
                    self.broken = error
                    return
                continue
            for picture in pictures:
                self._num_in_a_row = 0
                self._last_ticks = _ticks(picture)
                yield picture
            # of damage that several threads meet after the last packet, nobody is told
            if (
                last
                and self._last_ticks is not None
                and self._last_ticks < (self._newest_ticks or 0)
            ):
                yield from self._tail(num_noted=0)

    def _packets(self) -> "Iterator[Any]":
        """All packets; after a read that failed, those that can be read behind it."""
        num_failed = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, EOFError):
                return
            except self._errors() as error:
                num_failed += 1
                if num_failed > 10 or not _is_damage(error):
                    self.broken = error
                    return
                self._note_damage(error)
                packets = self._container.demux(self._stream)
                continue
            num_failed = 0
            yield packet

    def _tail(self, num_noted: int) -> Iterator["av.VideoFrame"]:
        """The last pictures once more, one by one: those behind the damage were lost with it.

        Of the damage ``num_noted`` packets are counted already.
        """
        import av

        stream, after = self._stream, self._last_ticks
        if after is None:
            return
        context: Any = av.CodecContext.create(stream.codec_context.name, "r")
        if stream.codec_context.extradata:
            context.extradata = stream.codec_context.extradata
        context.thread_count = 1
        try:
            self._container.seek(after, stream=stream, backward=True)
            packets = list(self._container.demux(stream))
        except self._errors() as error:
            log.info("the last pictures cannot be read again: %s", error)
            return
        num_damaged = 0
        for packet in packets:
            try:
                decoded: list[Any] = context.decode(packet if packet.size else None)
            except self._errors() as error:
                if (_ticks(packet) or 0) > after:
                    num_damaged += 1
                    if num_damaged > num_noted:
                        self._note_damage(error)
                continue
            for picture in decoded:
                ticks = _ticks(picture)
                if ticks is not None and ticks > after:
                    after = ticks
                    yield picture

    def _note_damage(self, error: Exception) -> None:
        log.info("a damaged packet: %s", error)
        self.num_damaged += 1
        self._num_missing += 1
        self._num_in_a_row += 1

    @staticmethod
    def _errors() -> tuple[type[Exception], ...]:
        import av

        return (av.error.FFmpegError, OSError)


def _is_damage(error: Exception) -> bool:
    import av

    return isinstance(error, av.error.InvalidDataError)


def _ticks(picture: "av.VideoFrame | Packet[Any]") -> int | None:
    return picture.dts if picture.pts is None else picture.pts
