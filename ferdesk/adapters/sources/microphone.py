"""Microphone, by sounddevice (PortAudio), an extra: ``pip install 'ferdesk[sound]'``.

PyAV could open microphones too, but the ALSA library within its Linux packages looks for the
system's configuration where no system has it, and finds no default microphone.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ferdesk.core.sound_track import SoundBlock
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable

log = logging.getLogger(__name__)

DEFAULT_MICROPHONE = "default"
"""The name under which the system's own choice is asked for."""
_BLOCK_S = 0.02


def list_microphones() -> list[str]:
    """Names of the microphones that there are, the system's choice first; none without the extra.

    May take a second; to be called on a worker thread.
    """
    try:
        sounddevice = _library()
        devices = sounddevice.query_devices()
    except Exception:
        # PortAudio reports by its own errors, and by OSError where its library is missing
        log.info("no microphone can be listed", exc_info=True)
        return []
    names = [str(one["name"]) for one in devices if one["max_input_channels"] > 0]
    return [DEFAULT_MICROPHONE, *dict.fromkeys(names)] if names else []


def _library() -> Any:  # noqa: ANN401 - a module without types
    import sounddevice

    return sounddevice


class SystemMicrophone:
    """Microphone of the system, opened by its name."""

    def __init__(self, name: str) -> None:
        """Open the microphone of that name, or the system's choice; nothing is heard yet.

        Raises:
            RecordingError: sounddevice is not installed, or there is no such microphone.
        """
        try:
            self._sounddevice = _library()
        except (ImportError, OSError) as error:
            raise RecordingError(
                translatable(
                    "Sound needs sounddevice and PortAudio: pip install 'ferdesk[sound]', on Linux "
                    "also the system's libportaudio2. Or record without sound."
                )
            ) from error
        device = None if name == DEFAULT_MICROPHONE else name
        try:
            found = self._sounddevice.query_devices(device, "input")
            self._name, self._rate = str(found["name"]), round(float(found["default_samplerate"]))
            self._stream = self._sounddevice.InputStream(
                samplerate=self._rate,
                blocksize=round(_BLOCK_S * self._rate),
                device=device,
                channels=1,
                dtype="int16",
                callback=self._heard,
                finished_callback=self._finished,
            )
        except Exception as error:
            # PortAudioError, and ValueError for a name that nothing or too much has
            raise _not_opened(name, error) from error
        self._take: Callable[[SoundBlock], None] = lambda _: None
        self._lost: Callable[[], None] = lambda: None
        self._closing = threading.Event()

    @property
    def name(self) -> str:
        return self._name

    @property
    def rate_hz(self) -> int:
        return self._rate

    def start(self, take: Callable[[SoundBlock], None], lost: Callable[[], None]) -> None:
        """Give blocks to ``take``; see ``ferdesk.runtime.sound_port``.

        Raises:
            RecordingError: the device refuses, as one that another program holds; it is closed.
        """
        self._take, self._lost = take, lost
        try:
            self._stream.start()
        except Exception as error:
            self.close()
            raise _not_opened(self._name, error) from error

    def close(self) -> None:
        """Free the device."""
        self._closing.set()
        with contextlib.suppress(Exception):
            self._stream.close()

    def _heard(self, data: Any, frames: int, times: Any, _status: object) -> None:  # noqa: ANN401
        """PortAudio's thread: its times are of a clock of its own, of which the age is taken."""
        age_s = times.currentTime - times.inputBufferAdcTime
        if not 0 < age_s < 1:  # some systems do not tell
            age_s = frames / self._rate + float(self._stream.latency)
        self._take(SoundBlock(np.array(data[:, 0], np.int16), time.monotonic() - age_s))

    def _finished(self) -> None:
        if not self._closing.is_set():
            self._lost()


def _not_opened(name: str, error: Exception) -> RecordingError:
    return RecordingError(
        translatable(
            "The microphone {name} cannot be opened ({why}); choose another, or record without "
            "sound.",
            name=name,
            why=error,
        )
    )
