"""Presentation times of decoded pictures: one definition for files, streams and recorded videos.

A picture's time is its best-effort presentation time minus the start of the container, as players
count, and it never falls. Where a clock is set back, or leaps as in joined transport streams, the
time goes on by one usual step and the jump is kept as an event.
"""

from typing import TYPE_CHECKING, Any

from ferdesk.core.types import SourceEvent
from ferdesk.messages import translatable

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

WITHOUT_PROMISE = frozenset({"mpegts", "mpeg", "hls", "rtsp", "rtp", "sdp"})
"""Formats whose length is only estimated, and whose clock may leap where films were joined."""
_RAW = frozenset({"h264", "hevc", "vvc", "mpegvideo", "m4v", "mjpeg", "mjpeg_2000", "vc1", "h263"})
"""Formats that hold nothing but pictures; FFmpeg makes up times for some of them."""
_LEAP_S = 10.0
_USUAL_RATE = 30.0
_MOST_JUMPS = 100
_ROUNDING_S = 0.002
_LONGEST_STEP_S = 1.0


def trust_decoder_times(container: "InputContainer") -> None:
    """Turn off PyAV's "generate missing times": its guess counts in the order of storage."""
    from av.container.core import Flags

    container.flags &= ~int(Flags.gen_pts.value)  # type: ignore[call-overload]


def file_start_s(container: "InputContainer") -> float | None:
    """When the first of the file's streams begins on its own clock; None where it has no times."""
    start: Any = container.start_time  # PyAV's types know no None
    return None if start is None else start / 1_000_000


def rate_of(container: "InputContainer", stream: "VideoStream") -> float | None:
    """Pictures a second; None where unknown.

    The average that a container tells counts ticks in DV and in AVI with empty chunks, and is a
    default in a raw stream; what FFmpeg guesses from the pictures is right there.
    """
    average, guessed = float(stream.average_rate or 0), float(stream.guessed_rate or 0)
    if guessed and (file_start_s(container) is None or average > 1.5 * guessed):
        return guessed
    return average or guessed or None


class PictureClock:
    """Clock of the pictures of one stream; asked for each picture once, in their order."""

    def __init__(self, container: "InputContainer", stream: "VideoStream", shown: str) -> None:
        """``shown`` names the file or stream in the events' sentences."""
        self._shown = shown
        self._rate = rate_of(container, stream) or _USUAL_RATE
        self._tick_s = float(stream.time_base or 0)
        self._file_start_s = file_start_s(container)
        self._leaps = container.format.name in WITHOUT_PROMISE
        self._without_times = container.format.name in _RAW
        self._step_s = 0.0
        self._by_dts: bool | None = None
        self._num_jumps = 0
        self.base_s = 0.0
        """What the file's own clock says at time 0."""
        self.t_s: float | None = None
        """Time of the last picture; None before the first one."""
        self._events: list[SourceEvent] = []

    @property
    def jumped(self) -> bool:
        return self._num_jumps > 0

    def take_events(self) -> list[SourceEvent]:
        """What happened to the time since the last call."""
        events, self._events = self._events, []
        return events

    @property
    def usual_step_s(self) -> float:
        """The last step seen from one picture to the next, else the rate's."""
        return self._step_s or 1 / self._rate

    def lasts_s(self, picture: "av.VideoFrame") -> float:
        """How long ``picture`` is to be seen."""
        own_s = float(picture.duration or 0) * float(picture.time_base or self._tick_s)
        return own_s or self.usual_step_s

    def time_of(self, picture: "av.VideoFrame", *, num_missing: int = 0) -> float:
        """Seconds since the container's start.

        ``num_missing`` pictures before this one were lost, which counts where none has a time.
        """
        stamp = self._stamp(picture)
        before_s = self.t_s
        if before_s is None:
            t_s = self._first(picture, stamp)
        elif stamp is None:
            step_s = self._step_s or self.lasts_s(picture)
            t_s = before_s + step_s * (1 + num_missing)
        else:
            t_s = self._next(self._best_effort(picture, stamp, before_s), before_s)
        self.t_s = t_s
        return t_s

    def resume(self, picture: "av.VideoFrame", base_s: float) -> bool:
        """Go on at ``picture`` behind a seek; ``base_s`` is that of the clock that began the file.

        Returns:
            whether the picture has a time; without one nobody knows where it belongs.
        """
        stamp = self._stamp(picture)
        if stamp is None or self._without_times:
            return False
        self.base_s = base_s
        self.t_s = stamp * self._seconds_per_tick(picture) - base_s
        return True

    def _seconds_per_tick(self, picture: "av.VideoFrame") -> float:
        return float(picture.time_base or self._tick_s)

    def _stamp(self, picture: "av.VideoFrame") -> int | None:
        """The presentation time in ticks; that of decoding where the file stores no other."""
        if self._by_dts is None:
            self._by_dts = picture.pts is None and picture.dts is not None
        return picture.dts if self._by_dts else picture.pts

    def _first(self, picture: "av.VideoFrame", stamp: int | None) -> float:
        if stamp is None or self._without_times:
            text = translatable(
                "{path} holds no times; {rate:g} pictures a second are assumed.",
                path=self._shown,
                rate=self._rate if not picture.duration else round(1 / self.lasts_s(picture), 3),
            )
            self._events.append(SourceEvent("no_times", text, 0.0))
        if stamp is None:
            return 0.0
        own_s = stamp * self._seconds_per_tick(picture)
        self.base_s = own_s
        if self._by_dts or self._file_start_s is None:
            return 0.0  # a time of decoding begins with the decoder's delay
        late_s = own_s - self._file_start_s
        if late_s < _ROUNDING_S or (self._leaps and late_s > _LEAP_S):
            return 0.0
        self.base_s = self._file_start_s
        return late_s

    def _best_effort(self, picture: "av.VideoFrame", stamp: int, before_s: float) -> float:
        """Seconds on the file's clock; a single time that falls yields to that of decoding."""
        tick_s = self._seconds_per_tick(picture)
        own_s = stamp * tick_s
        if own_s - self.base_s < before_s and picture.dts is not None:
            decoded_s = picture.dts * tick_s
            if 0 <= decoded_s - self.base_s - before_s <= _LONGEST_STEP_S:
                return decoded_s
        return own_s

    def _next(self, own_s: float, before_s: float) -> float:
        t_s = own_s - self.base_s
        step_s = t_s - before_s
        back = step_s < -max(0.1, 2.5 * self.usual_step_s)
        if back or (self._leaps and step_s > _LEAP_S):
            self._jump(step_s, before_s)
            t_s = before_s + self.usual_step_s
            self.base_s = own_s - t_s
        elif step_s < 0:
            return before_s  # pictures that change places; the clock itself goes on
        elif 0 < step_s <= _LONGEST_STEP_S:
            self._step_s = step_s
        return t_s

    def _jump(self, step_s: float, before_s: float) -> None:
        self._num_jumps += 1
        if self._num_jumps > _MOST_JUMPS:
            return
        text = translatable(
            "After {seconds:.2f} s the clock of {path} jumps by {step:+.2f} s; the time goes on "
            "by one usual step.",
            seconds=before_s,
            path=self._shown,
            step=step_s,
        )
        self._events.append(SourceEvent("time_jumped", text, before_s + self.usual_step_s))
