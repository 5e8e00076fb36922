"""Sound track: blocks of a microphone on the session's clock, without gaps and without drift."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_OFFSET_S = 0.1
"""Blocks that are further off than this follow a gap, or overlap: silence, or a cut."""
_MOST_SAMPLES = 100_000
"""Silence comes in pieces of this many: a gap of hours has no array of its own."""
_AVERAGED_BLOCKS = 50
"""Blocks come with some milliseconds of jitter; what is left of their mean is drift."""
_LEAST_DRIFT_S = 0.004
_MOST_STRETCH = 0.005
"""No ear notices a block that is longer or shorter by half a per cent."""


@dataclass(frozen=True, slots=True, eq=False)
class SoundBlock:
    """Sound block: ``samples`` [n] int16, the first of them heard at ``captured_s``.

    ``captured_s`` is on the monotonic clock, as frames have it.
    """

    samples: NDArray[np.int16]
    captured_s: float


class SoundTrack:
    """Sound track of one recording, which begins at ``origin_s`` on the monotonic clock.

    Sample k of what ``add`` gives, all together, was heard ``k / rate_hz`` seconds after it.
    """

    def __init__(self, origin_s: float, rate_hz: int) -> None:
        self._origin_s, self._rate = origin_s, rate_hz
        self._offset = 0.0
        self.num_samples = 0
        """Samples that ``add`` gave so far."""

    @property
    def ends_at_s(self) -> float:
        """The end of the track in seconds since its origin."""
        return self.num_samples / self._rate

    def add(self, block: SoundBlock) -> Iterator[NDArray[np.int16]]:
        """What comes next, in pieces [m]: silence for a gap before the block, then the block.

        What was heard before the origin, or is there already, is left out. A microphone's clock
        runs a little faster or slower than the computer's: blocks are stretched or shortened as
        far as nobody hears it.
        """
        samples = block.samples
        at = round((block.captured_s - self._origin_s) * self._rate)
        if at + len(samples) <= 0:
            return
        if at < 0 and self.num_samples == 0:
            samples, at = samples[-at:], 0
        off = at - self.num_samples
        if self.num_samples == 0 or abs(off) > LONGEST_OFFSET_S * self._rate:
            self._offset = 0.0
            for start in range(0, off, _MOST_SAMPLES):
                yield self._counted(np.zeros(min(_MOST_SAMPLES, off - start), np.int16))
            samples = samples[max(0, -off) :]
        else:
            self._offset += (off - self._offset) / _AVERAGED_BLOCKS
            samples = self._stretched(samples)
        yield self._counted(samples)

    def _counted(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        self.num_samples += len(samples)
        return samples

    def _stretched(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        if abs(self._offset) < _LEAST_DRIFT_S * self._rate or len(samples) < 2:
            return samples
        most = max(1, int(_MOST_STRETCH * len(samples)))
        more = int(np.clip(round(self._offset), -most, most))
        self._offset -= more
        places = np.linspace(0, len(samples) - 1, len(samples) + more)
        stretched = np.interp(places, np.arange(len(samples)), samples.astype(np.float64))
        return np.round(stretched).astype(np.int16)
