"""Played video: paused, moved, stepped through, repeated; its times stay those of the file."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ferdesk.adapters.sources.played_video import PlayedVideo
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.types import Frame
from ferdesk.runtime.playback import Playback
from tests.helpers.videos import RATE, number_of, write_film

NUM = 72


@pytest.fixture(params=["late.mkv", "film.mp4", "film.avi", "film.h264"])
def film(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """With B-frames; one begins late behind its sound, one holds no times at all."""
    late_s, sound_s = (0.4, 3.0) if request.param.startswith("late") else (0.0, 0.0)
    return write_film(tmp_path / request.param, NUM, late_s=late_s, sound_s=sound_s)


@pytest.fixture
def played(film: Path) -> Iterator[PlayedVideo]:
    source = PlayedVideo(str(film))
    source.open()
    yield source
    source.close()


def frames_of(path: Path) -> list[Frame]:
    source = VideoFile(str(path))
    source.open()
    found = []
    while (frame := source.read()) is not None:
        found.append(frame)
    source.close()
    return found


def read(source: PlayedVideo) -> Frame:
    frame = source.read()
    assert frame is not None
    return frame


def test_it_can_be_asked_what_playback_can(played: PlayedVideo) -> None:
    assert isinstance(played, Playback)


@pytest.mark.parametrize("wanted", [50, 3, 71, 24, 0])
def test_a_seek_gives_the_frame_of_that_moment_with_the_time_it_always_has(
    film: Path, played: PlayedVideo, wanted: int
) -> None:
    frames = frames_of(film)
    read(played)
    played.seek(frames[wanted].t_s)
    frame = read(played)
    assert number_of(frame.image) == wanted
    assert frame.t_s == pytest.approx(frames[wanted].t_s, abs=1e-6)
    assert frame.index == wanted or film.name == "late.mkv"
    if wanted < 71:
        following = read(played)
        assert number_of(following.image) == wanted + 1
        assert following.t_s == pytest.approx(frames[wanted + 1].t_s, abs=1e-6)
        assert following.stretch == frame.stretch


def test_frames_behind_a_seek_belong_to_another_stretch(played: PlayedVideo) -> None:
    first = read(played)
    assert read(played).stretch == first.stretch
    played.seek(1.0)
    assert read(played).stretch != first.stretch


def test_a_paused_film_gives_nothing_until_it_is_stepped_or_goes_on(played: PlayedVideo) -> None:
    first = number_of(read(played).image)
    played.set_paused(True)
    given: list[int] = []
    reader = threading.Thread(target=lambda: given.append(number_of(read(played).image)))
    reader.start()
    reader.join(0.15)
    assert given == []
    played.step(1)
    reader.join(5)
    assert given == [first + 1]
    played.step(-1)
    assert number_of(read(played).image) == first
    assert played.playback().paused
    played.set_paused(False)
    assert number_of(read(played).image) == first + 1


def test_after_a_pause_it_goes_on_at_its_own_pace(tmp_path: Path) -> None:
    source = PlayedVideo(str(write_film(tmp_path / "film.mp4", 12)))
    source.open()
    read(source)
    source.set_paused(True)
    time.sleep(0.5)
    began_s = time.monotonic()
    source.set_paused(False)
    for _ in range(6):
        read(source)
    # not all at once, as if they were late by the pause
    assert time.monotonic() - began_s >= 5 / RATE - 0.02
    source.close()


class AskedInBetween(PlayedVideo):
    """Is asked to go on by another thread, once it has looked when its film began."""

    asks = False

    @property
    def _began_s(self) -> float | None:
        began_s = self._kept_began_s
        if self.asks and began_s is not None:
            self.asks = False
            asking = threading.Thread(target=self.set_paused, args=(False,))
            asking.start()
            asking.join(0.05)  # it has to wait where a lock holds
        return began_s

    @_began_s.setter
    def _began_s(self, began_s: float | None) -> None:
        self._kept_began_s = began_s


def test_who_asks_while_it_looks_when_a_frame_is_due_does_not_break_it(tmp_path: Path) -> None:
    source = AskedInBetween(str(write_film(tmp_path / "film.mp4", 6)))
    source.open()
    for number in range(6):
        assert number_of(read(source).image) == number
        source.asks = True
    source.close()


def test_at_the_end_it_waits_and_can_be_moved_back(tmp_path: Path) -> None:
    source = PlayedVideo(str(write_film(tmp_path / "film.mp4", 6)))
    source.open()
    numbers: list[int] = []

    def play() -> None:
        while (frame := source.read()) is not None:
            numbers.append(number_of(frame.image))

    player = threading.Thread(target=play)
    player.start()
    wait_until(lambda: source.playback().at_end)
    assert numbers == [0, 1, 2, 3, 4, 5]
    assert source.playback().length_s == pytest.approx(6 / RATE, abs=0.01)
    source.step(-1)
    wait_until(lambda: len(numbers) == 7)
    assert numbers[-1] == 4
    assert not source.playback().at_end
    source.step(1)
    wait_until(lambda: len(numbers) == 8)
    source.set_paused(False)
    wait_until(lambda: source.playback().at_end)
    source.set_paused(False)  # at the end: from the beginning
    wait_until(lambda: source.playback().at_end and len(numbers) > 8)
    assert numbers[8:] == [0, 1, 2, 3, 4, 5]
    source.close()
    player.join(5)
    assert not player.is_alive()


def test_a_film_that_loops_begins_again_in_another_stretch(tmp_path: Path) -> None:
    source = PlayedVideo(str(write_film(tmp_path / "film.mp4", 4)))
    source.open()
    source.set_loops(True)
    frames = [read(source) for _ in range(10)]
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert [frame.stretch for frame in frames] == [0] * 4 + [1] * 4 + [2] * 2
    source.close()


def test_a_read_that_waits_ends_with_close(played: PlayedVideo) -> None:
    read(played)
    played.set_paused(True)
    ends: list[Frame | None] = []
    reader = threading.Thread(target=lambda: ends.append(played.read()))
    reader.start()
    time.sleep(0.05)
    played.close()
    reader.join(5)
    assert ends == [None]


def wait_until(done: "object", timeout_s: float = 10.0) -> None:
    assert callable(done)
    deadline_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
