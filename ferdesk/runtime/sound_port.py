"""Sound port: a microphone as recordings need it; ``ferdesk.adapters.sources`` has the real one."""

from collections.abc import Callable
from typing import Protocol

from ferdesk.core.sound_track import SoundBlock


class Microphone(Protocol):
    """Microphone that is open: one channel of 16 bits."""

    @property
    def name(self) -> str:
        """Its name, as the system gives it."""
        ...

    @property
    def rate_hz(self) -> int:
        """Samples a second."""
        ...

    def start(self, take: Callable[[SoundBlock], None], lost: Callable[[], None]) -> None:
        """Give blocks to ``take`` from now on, and call ``lost`` once where it vanishes.

        Both are called on the microphone's own thread and return at once.

        Raises:
            RecordingError: it gives no sound after all; it is closed then.
        """
        ...

    def close(self) -> None:
        """Give no more blocks and free the device; may be called twice."""
        ...
