"""The system's microphone through sounddevice, of which a stand-in has the signatures."""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ferdesk.adapters.sources import microphone as module
from ferdesk.adapters.sources.microphone import SystemMicrophone, list_microphones
from ferdesk.core.sound_track import SoundBlock
from ferdesk.errors import RecordingError

DEVICES = [
    {"name": "Speakers", "max_input_channels": 0, "default_samplerate": 48_000.0},
    {"name": "Desk", "max_input_channels": 2, "default_samplerate": 44_100.0},
    {"name": "Headset", "max_input_channels": 1, "default_samplerate": 16_000.0},
]


class Stream:
    latency = 0.03

    def __init__(self, **asked: Any) -> None:
        self.asked, self.state = asked, "open"

    def start(self) -> None:
        self.state = "started"

    def close(self) -> None:
        self.state = "closed"
        self.asked["finished_callback"]()


class Library:
    """sounddevice, as far as it is used."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []

    def query_devices(self, device: str | None = None, kind: str | None = None) -> Any:
        if kind is None:
            return DEVICES
        found = [
            one for one in DEVICES if device in (None, one["name"]) and one["max_input_channels"]
        ]
        if not found:
            raise ValueError(f"No input device matching {device!r}")
        return found[0]

    def InputStream(self, **asked: Any) -> Stream:
        self.streams.append(Stream(**asked))
        return self.streams[-1]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library()
    monkeypatch.setattr(module, "_library", lambda: library)
    return library


def started(name: str) -> tuple[SystemMicrophone, list[SoundBlock], list[str]]:
    microphone = SystemMicrophone(name)
    heard: list[SoundBlock] = []
    lost: list[str] = []
    microphone.start(heard.append, lambda: lost.append("lost"))
    return microphone, heard, lost


def test_microphones_are_listed_with_the_systems_choice_first(library: Library) -> None:
    assert list_microphones() == ["default", "Desk", "Headset"]


def test_one_is_opened_by_its_name_with_its_own_rate(library: Library) -> None:
    microphone, _, _ = started("Headset")
    assert (microphone.name, microphone.rate_hz) == ("Headset", 16_000)
    asked = library.streams[0].asked
    assert (asked["device"], asked["samplerate"], asked["channels"]) == ("Headset", 16_000, 1)
    default, _, _ = started("default")
    assert (default.name, library.streams[1].asked["device"]) == ("Desk", None)


@pytest.mark.parametrize(("adc_s", "age_s"), [(77.955, 0.045), (0.0, 0.02 + 0.03)])
def test_a_block_has_the_moment_at_which_it_was_heard(
    library: Library, adc_s: float, age_s: float
) -> None:
    _, heard, _ = started("Headset")
    hear = library.streams[0].asked["callback"]
    data = np.arange(320, dtype=np.int16)[:, None]
    before_s = time.monotonic()
    # PortAudio's clock stands at 78 s; one that does not tell when gives 0
    hear(data, 320, SimpleNamespace(currentTime=78.0, inputBufferAdcTime=adc_s), None)
    after_s = time.monotonic()
    data[:] = 0
    assert heard[0].samples.tolist() == list(range(320))
    assert before_s - age_s - 1e-6 <= heard[0].captured_s <= after_s - age_s + 1e-6


def test_a_microphone_that_vanishes_says_so_and_one_that_is_closed_does_not(
    library: Library,
) -> None:
    _, _, lost = started("Desk")
    library.streams[0].asked["finished_callback"]()
    assert lost == ["lost"]
    microphone, _, lost = started("Desk")
    microphone.close()
    microphone.close()
    assert library.streams[1].state == "closed"
    assert lost == []


def test_a_microphone_that_is_not_there_is_one_sentence(library: Library) -> None:
    with pytest.raises(RecordingError, match=r"The microphone Gone cannot be opened \(No input"):
        SystemMicrophone("Gone")


def test_a_microphone_that_another_program_holds_is_one_sentence_and_closed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Stream) -> None:
        raise RuntimeError("Device unavailable [PaErrorCode -9985]")

    monkeypatch.setattr(Stream, "start", refused)
    lost: list[str] = []
    microphone = SystemMicrophone("Desk")
    with pytest.raises(RecordingError, match=r"The microphone Desk cannot be opened \(Device un"):
        microphone.start(lambda _: None, lambda: lost.append("lost"))
    assert library.streams[0].state == "closed"
    assert lost == []


@pytest.mark.parametrize("error", [ImportError("no sounddevice"), OSError("no PortAudio")])
def test_without_the_library_there_is_no_microphone_and_one_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def missing() -> Any:
        raise error

    monkeypatch.setattr(module, "_library", missing)
    assert list_microphones() == []
    with pytest.raises(RecordingError, match="Sound needs sounddevice and PortAudio"):
        SystemMicrophone("default")
