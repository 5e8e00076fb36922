"""Network cameras and streams through FFmpeg: MJPEG over HTTP, RTSP, and what else it knows."""

import logging
import threading
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from ferdesk.adapters.sources.limits import MOST_LIVE_PIXELS, limit_blocks, limit_pixels
from ferdesk.adapters.sources.picture_decoder import PictureDecoder, close_decoding
from ferdesk.adapters.sources.picture_stream import picture_stream
from ferdesk.adapters.sources.picture_time import PictureClock, trust_decoder_times
from ferdesk.adapters.sources.upright import Upright
from ferdesk.core.locations import address_fault, host_of, shown_location
from ferdesk.core.types import Frame, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.messages import translatable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 5.0
_OPTIONS = {"flags": "low_delay"}
# what arrives while it opens is dropped, and through TCP nothing arrives torn
_RTSP_OPTIONS = {**_OPTIONS, "fflags": "nobuffer", "rtsp_transport": "tcp"}


class NetworkStream:
    """Network stream as a source: its frames as they come, without broken ones.

    ``open`` and ``read`` wait for the network, ten and five seconds at most. A stream that promises
    a length ends like a file; any other end is a loss and raises ``SourceError``. Neither the user
    nor the password in an address is ever part of a message or of what ``open`` returns.
    """

    def __init__(
        self,
        address: str,
        *,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._shown = shown_location(address)
        self._timeouts_s = (open_timeout_s, read_timeout_s)
        self._clock = clock
        self._closed = threading.Event()
        self._container: InputContainer | None = None
        self._frames: Generator[Frame] | None = None
        self._first: Frame | None = None

    def open(self) -> SourceInfo:
        """Connect, and decode the first frame.

        Raises:
            SourceError: nothing answers, it wants a password, or it gives no picture.
        """
        import av

        if fault := address_fault(self._address):
            raise SourceError(
                translatable(
                    "{path} is no address that can be opened: {why}.", path=self._shown, why=fault
                )
            )
        limit_blocks()
        options = _RTSP_OPTIONS if self._address.lower().startswith("rtsp") else _OPTIONS
        try:
            container = av.open(self._address, timeout=self._timeouts_s, options=options)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            # not "from error": its text holds the whole address
            raise SourceError(self._cannot_open(error)) from None
        self._container = container
        trust_decoder_times(container)
        stream = picture_stream(container)
        if stream is None:
            raise SourceError(
                translatable(
                    "{path} has no picture in it; give a camera's address.", path=self._shown
                )
            )
        # threads that each hold a picture would delay every one
        stream.thread_type = "SLICE"
        if stream.codec_context.name == "mjpeg":
            # half a JPEG is no picture; without this its missing half comes as a grey field
            stream.codec_context.options = {"err_detect": "explode"}
        limit_pixels(stream, MOST_LIVE_PIXELS)
        opened_s = self._clock()
        self._frames = self._decode(container, stream, opened_s, finite=_is_finite(container))
        first = next(self._frames, None)
        if first is None:
            raise SourceError(
                translatable("{path} gives no picture that can be decoded.", path=self._shown)
            )
        self._first = first
        height, width = first.image.shape[:2]
        rate = stream.average_rate
        return SourceInfo(
            kind="stream",
            name=host_of(self._address),
            location=self._shown,
            width=width,
            height=height,
            rate_fps=float(rate) if rate else None,
        )

    def read(self) -> Frame | None:
        """Next frame; None at the end of a stream that has one.

        Raises:
            SourceError: the stream broke off.
        """
        if self._frames is None:
            return None
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._frames, None)

    def close(self) -> None:
        """Close the stream; from another thread, this ends its wait for a frame."""
        self._closed.set()
        close_decoding(self._frames, self._container)

    def _decode(
        self, container: "InputContainer", stream: "VideoStream", opened_s: float, *, finite: bool
    ) -> Generator[Frame]:
        decoder = PictureDecoder(container, stream)
        clock, upright = PictureClock(container, stream, self._shown), Upright(stream)
        first_s: float | None = None
        for index, picture in enumerate(decoder.pictures(self._closed.is_set)):
            t_s = clock.time_of(picture)
            first_s = t_s if first_s is None else first_s
            # a file on a server comes faster than it is to be seen
            due_s = opened_s + t_s - first_s if finite else 0.0
            self._closed.wait(max(0.0, due_s - self._clock()))
            captured_s = self._clock()
            yield Frame(upright.image(picture), index, captured_s - opened_s, captured_s)
        if decoder.broken is not None:
            log.info("%s broke off: %s", self._shown, type(decoder.broken).__name__)
        if not self._closed.is_set() and (not finite or decoder.broken is not None):
            raise SourceError(translatable("{path} gives no picture any more.", path=self._shown))

    def _cannot_open(self, error: Exception) -> str:
        import av

        log.info("%s cannot be opened: %s", self._shown, type(error).__name__)
        if isinstance(error, av.error.HTTPUnauthorizedError):
            return translatable(
                "{path} asks for a user and a password, or refuses those given; "
                "write them before the host: http://user:password@host/path.",
                path=self._shown,
            )
        if isinstance(error, av.error.HTTPForbiddenError):
            return translatable(
                "{path} may not be seen by this user; ask who runs the camera.", path=self._shown
            )
        if isinstance(error, av.error.HTTPNotFoundError):
            return translatable(
                "{path} is not there; check the path of the address.", path=self._shown
            )
        if isinstance(error, ConnectionRefusedError):
            return translatable(
                "Nothing listens at {path}; is the camera on, and the port right?", path=self._shown
            )
        if isinstance(error, TimeoutError | av.error.ExitError):
            return translatable(
                "{path} does not answer within {seconds:.0f} s; is it on?",
                path=self._shown,
                seconds=self._timeouts_s[0],
            )
        return translatable(
            "No video received from {path}; check the address and the network.",
            path=self._shown,
        )


def _is_finite(container: "InputContainer") -> bool:
    """Whether the stream has a duration, as a file on a server does."""
    return container.duration is not None and container.duration > 0
