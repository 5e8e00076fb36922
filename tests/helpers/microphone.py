"""A microphone that hears what a test gives it."""

import math
from collections.abc import Callable

import numpy as np

from ferdesk.core.sound_track import SoundBlock

RATE = 16_000
STARTED_S = 1000.0
"""The session's ``t_s`` 0 on the monotonic clock."""


class FakeMicrophone:
    """Hears what the test gives it, at the moments that the test says."""

    name, rate_hz = "Fake microphone", RATE

    def __init__(self) -> None:
        self.take: Callable[[SoundBlock], None] = lambda _: None
        self.lost: Callable[[], None] = lambda: None
        self.closed = 0

    def start(self, take: Callable[[SoundBlock], None], lost: Callable[[], None]) -> None:
        self.take, self.lost = take, lost

    def close(self) -> None:
        self.closed += 1

    def hear(self, begin_s: float, end_s: float, tone_from_s: float, block_s: float = 0.02) -> None:
        """Silence, and a tone of 1 kHz from ``tone_from_s`` on; times are ``t_s``."""
        for k in range(round((end_s - begin_s) / block_s)):
            t_s = begin_s + k * block_s + np.arange(round(block_s * RATE)) / RATE
            tone = 12_000 * np.sin(2 * math.pi * 1000 * t_s) * (t_s >= tone_from_s)
            self.take(SoundBlock(tone.astype(np.int16), STARTED_S + begin_s + k * block_s))
