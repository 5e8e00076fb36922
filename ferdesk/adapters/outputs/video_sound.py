"""Sound of a recorded video: a microphone's blocks, encoded beside the pictures by PyAV."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.sound_track import SoundBlock, SoundTrack
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.runtime.sound_port import Microphone

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

log = logging.getLogger(__name__)

ANONYMOUS_SOUND = translatable(
    "A video with faces blurred has no sound, as a voice tells who speaks; choose another kind of "
    "video, or switch the sound off."
)
_ENCODERS = ("aac", "libopus")
"""FFmpeg's own encoder, whose files every player takes; else that of Opus (BSD)."""
_BIT_RATE = 96_000
_LONGEST_SILENCE_S = 5.0
"""A microphone gives a block of silence, too; one that gives none for longer is gone."""
_MOST_WAITING_BLOCKS = 3000
"""A minute of sound that waits for a picture, a disk or an encoder; what is older is silence."""


class VideoSound:
    """Sound of one video. Blocks come on the microphone's thread, all else is the writer's."""

    def __init__(self, microphone: Microphone, clock: Callable[[], float] = time.monotonic) -> None:
        """Listen from now on; the microphone is closed where that fails.

        Raises:
            RecordingError: it gives no sound after all, or no encoder takes its rate.
        """
        try:
            self._encoder, self._padding = _encoder_for(microphone)
        except RecordingError:
            microphone.close()
            raise
        self._microphone, self._clock = microphone, clock
        self._heard_s = clock()
        self._waiting: deque[SoundBlock] = deque(maxlen=_MOST_WAITING_BLOCKS)
        self._track: SoundTrack | None = None
        self._stream: AudioStream | None = None
        self._written = 0
        self._codec = ""
        self._problem = ""
        self._paused = self._stopped = False
        self._lock = threading.Lock()
        microphone.start(self._take, self._lost)

    @property
    def problem(self) -> str:
        """Why it has ended before the video, in a sentence; empty while it goes on."""
        if self._clock() - self._heard_s > _LONGEST_SILENCE_S and not self._stopped:
            # not every system says that a device was unplugged
            self._lost()
        with self._lock:
            return self._problem

    def about(self) -> dict[str, object]:
        """What ``session.json`` says of it; ``length_s`` is that of the sound in the video."""
        with self._lock:
            return {
                "device": self._microphone.name,
                "codec": self._codec,
                "rate_hz": self._microphone.rate_hz,
                "length_s": 0.0 if self._track is None else round(self._track.ends_at_s, 6),
                "ended_early": bool(self._problem),
            }

    def add_to(self, container: "OutputContainer") -> None:
        """Add the stream to a file of which nothing is written yet."""
        from av.audio.stream import AudioStream

        rate_hz = self._microphone.rate_hz
        stream = container.add_stream(self._encoder, rate=rate_hz, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = _BIT_RATE
        stream.codec_context.time_base = Fraction(1, rate_hz)
        stream.codec_context.open()
        self._stream = stream
        with self._lock:
            self._codec = self._encoder

    def begin(self, captured_s: float) -> None:
        """The first picture was taken then, on the monotonic clock: here the file begins."""
        with self._lock:
            self._track = SoundTrack(captured_s, self._microphone.rate_hz)

    def write_to(self, container: "OutputContainer", *, ends: bool = False) -> None:
        """Encode what has come; to the end of the stream where it ``ends``."""
        if self._stream is None or self._track is None:
            return
        while True:
            try:
                block = self._waiting.popleft()
            except IndexError:
                break
            for samples in self._track.add(block):
                self._encode(container, samples)
        if ends:
            for packet in self._stream.encode(None):
                container.mux(packet)

    def set_paused(self, paused: bool) -> None:
        """Leave out what is heard from now on, or take it in again; a pause is silence."""
        self._paused = paused

    def stop(self) -> None:
        """Close the microphone; what has come is still written."""
        self._stopped = True
        self._microphone.close()

    def _encode(self, container: "OutputContainer", samples: NDArray[np.int16]) -> None:
        import av

        assert self._stream is not None
        # encoders put a stretch of their own before the first sample, and a file in fragments does
        # not say so: sound that is as long makes room for it, and all that follows is in time
        skipped = min(len(samples), max(0, self._padding - self._written))
        samples, self._written = samples[skipped:], self._written + skipped
        if len(samples) == 0:
            return
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = self._microphone.rate_hz
        frame.time_base = Fraction(1, self._microphone.rate_hz)
        frame.pts = self._written
        self._written += len(samples)
        for packet in self._stream.encode(frame):
            container.mux(packet)

    def _take(self, block: SoundBlock) -> None:
        """On the microphone's thread."""
        self._heard_s = self._clock()
        # one that was told to be gone stays so
        if not self._paused and not self._problem:
            self._waiting.append(block)

    def _lost(self) -> None:
        with self._lock:
            if self._problem:
                return
            log.warning("the microphone %s is gone", self._microphone.name)
            self._problem = translatable(
                "The microphone {name} is gone; the video goes on without sound.",
                name=self._microphone.name,
            )


def _encoder_for(microphone: Microphone) -> tuple[str, int]:
    """The first encoder that takes the microphone's rate, tried by itself, and its padding.

    In the file of a video it would leave a stream behind that nothing is written to.
    """
    import av

    for name in _ENCODERS:
        with contextlib.suppress(av.error.FFmpegError, ValueError, OSError):
            return name, _padding(name, microphone.rate_hz)
    raise RecordingError(
        translatable(
            "No sound can be written: no encoder takes the {rate} Hz of the microphone {name}; "
            "choose another, or record without sound.",
            rate=microphone.rate_hz,
            name=microphone.name,
        )
    )


def _padding(codec: str, rate_hz: int) -> int:
    """Samples that the encoder puts before the first one."""
    import av
    from av.audio.codeccontext import AudioCodecContext

    encoder = AudioCodecContext.create(codec, "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout = rate_hz, "mono"
    encoder.format = (encoder.codec.audio_formats or [av.AudioFormat("fltp")])[0]
    encoder.time_base = Fraction(1, rate_hz)
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 8192), np.int16), format="s16", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), 0
    first = next(iter(encoder.encode(frame)), None)
    return 0 if first is None or first.pts is None else max(0, -first.pts)
