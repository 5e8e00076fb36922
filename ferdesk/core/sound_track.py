"""Sound track: blocks of a microphone on the session's clock, without gaps and without drift."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_OFFSET_S = 0.1
"""Blocks that are further off than this follow a gap, or overlap: silence, or a cut."""
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

    def add(self, block: SoundBlock) -> NDArray[np.int16]:
        """[m] what comes next: silence for a gap before the block, then the block.

        What was heard before the origin, or is there already, is left out. A microphone's clock
        runs a little faster or slower than the computer's: blocks are stretched or shortened as
        far as nobody hears it.
        """
        samples = block.samples
        at = round((block.captured_s - self._origin_s) * self._rate)
        if at + len(samples) <= 0:
            return samples[:0]
        if at < 0 and self.num_samples == 0:
            samples, at = samples[-at:], 0
        off = at - self.num_samples
        if self.num_samples == 0 or abs(off) > LONGEST_OFFSET_S * self._rate:
            self._offset = 0.0
            silence = np.zeros(max(0, off), np.int16)
            found = np.concatenate([silence, samples[max(0, -off) :]])
        else:
            self._offset += (off - self._offset) / _AVERAGED_BLOCKS
            found = self._stretched(samples)
        self.num_samples += len(found)
        return found

    def _stretched(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        if abs(self._offset) < _LEAST_DRIFT_S * self._rate or len(samples) < 2:
            return samples
        most = max(1, int(_MOST_STRETCH * len(samples)))
        more = int(np.clip(round(self._offset), -most, most))
        self._offset -= more
        places = np.linspace(0, len(samples) - 1, len(samples) + more)
        stretched = np.interp(places, np.arange(len(samples)), samples.astype(np.float64))
        return np.round(stretched).astype(np.int16)
