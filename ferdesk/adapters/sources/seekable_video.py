"""Seekable video: the frame of any moment, in any order, decoded by PyAV."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.sources.picture_time import trust_decoder_times
from ferdesk.errors import SourceError
from ferdesk.messages import translatable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

_TOLERANCE_S = 0.0005
"""Times of rows have microseconds, those of the video its own ticks."""
_FORWARD_S = 2.0
"""Decoding on is quicker than seeking to a moment that is not further ahead than this."""


class SeekableVideo:
    """Seekable video file. Used by one thread, which also closes it."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` and decode its first frame.

        Raises:
            SourceError: it is missing, damaged, or no video.
        """
        import av

        self._path = path
        self._errors = (av.error.FFmpegError, OSError, ValueError)
        try:
            # absolute, or FFmpeg takes what stands before a colon for a protocol
            self._container: InputContainer = av.open(str(path.absolute()))
        except self._errors as error:
            raise SourceError(
                translatable("The video {path} cannot be opened; is it damaged?", path=path.name)
            ) from error
        try:
            streams = self._container.streams.video
            if not streams:
                raise SourceError(
                    translatable("The video {path} has no picture in it.", path=path.name)
                )
            trust_decoder_times(self._container)
            self._stream: VideoStream = streams[0]
            self._stream.thread_type = "AUTO"
            self._decoded: Iterator[av.VideoFrame] = iter(())
            self._now: av.VideoFrame | None = None
            self._next: av.VideoFrame | None = None
            self._seek(0.0)
            if self._next is None:
                raise SourceError(
                    translatable("No picture of the video {path} can be decoded.", path=path.name)
                )
        except BaseException:
            self._container.close()
            raise

    def picture_at(self, t_s: float) -> tuple[NDArray[np.uint8], float] | None:
        """Frame at ``t_s`` [H, W, 3] uint8 RGB, the last one that began by then, and its own time.

        None before the first frame.

        Raises:
            SourceError: the video cannot be decoded there.
        """
        if not self._holds(t_s):
            ahead = self._time(self._now) if self._now is not None else -np.inf
            if not 0 <= t_s - ahead <= _FORWARD_S:
                self._seek(t_s)
            while self._next is not None and self._time(self._next) <= t_s + _TOLERANCE_S:
                self._now, self._next = self._next, self._decode()
        if self._now is None or self._time(self._now) > t_s + _TOLERANCE_S:
            return None
        image = np.ascontiguousarray(self._now.to_ndarray(format="rgb24"), dtype=np.uint8)
        return image, self._time(self._now)

    def close(self) -> None:
        """Close the file; it can be moved or deleted then."""
        self._now = self._next = None
        self._decoded = iter(())
        with contextlib.suppress(Exception):
            self._container.close()

    def _holds(self, t_s: float) -> bool:
        """Whether the frame that was decoded last is the one of ``t_s``."""
        if self._now is None or self._time(self._now) > t_s + _TOLERANCE_S:
            return False
        return self._next is None or self._time(self._next) > t_s + _TOLERANCE_S

    def _seek(self, t_s: float) -> None:
        """Seek to a key frame at or before ``t_s``; in a file that was cut off, further back."""
        base = self._stream.time_base
        assert base is not None
        for back_s in (0.0, 5.0, t_s):
            at = max(0, int((t_s - back_s + _TOLERANCE_S) / base))
            try:
                self._container.seek(at, stream=self._stream, backward=True)
            except self._errors as error:
                raise SourceError(
                    translatable(
                        "The video {path} cannot be read at {seconds:.1f} s; is it damaged?",
                        path=self._path.name,
                        seconds=t_s,
                    )
                ) from error
            self._decoded = self._container.decode(self._stream)
            self._now, self._next = None, self._decode()
            if self._next is not None and self._time(self._next) <= t_s + _TOLERANCE_S:
                return

    def _decode(self) -> "av.VideoFrame | None":
        try:
            return next(self._decoded, None)
        except EOFError:
            return None
        except self._errors as error:
            raise SourceError(
                translatable(
                    "The video {path} cannot be decoded any further; is it damaged?",
                    path=self._path.name,
                )
            ) from error

    def _time(self, picture: "av.VideoFrame") -> float:
        # PyAV gives None where the file has no time, whatever its types say
        return float(picture.time or 0.0)
