"""A picture's time is its own, whatever holds it; damage and jumps cost neither time nor rest."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from ferdesk.adapters.sources.picture_time import PictureClock
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.types import Frame, SourceEvent, SourceInfo
from ferdesk.errors import SourceError
from tests.helpers.videos import (
    RATE,
    number_of,
    remux,
    with_dropped_end,
    with_packed_b_frames,
    with_zeroed,
    write_film,
)


def read(path: Path) -> tuple[SourceInfo, list[Frame], list[SourceEvent]]:
    source = VideoFile(str(path))
    info = source.open()
    frames = list(iter(source.read, None))
    source.close()
    return info, frames, source.take_events()


def assert_steps(frames: list[Frame], first_s: float = 0.0, count: int = 72) -> None:
    """``count`` pictures in their order, one step each."""
    assert [number_of(frame.image) for frame in frames] == list(range(count))
    expected = [first_s + number / RATE for number in range(count)]
    assert [frame.t_s for frame in frames] == pytest.approx(expected, abs=0.0015)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "flv", "mov"])
def test_b_frames_come_at_their_times_in_every_container(tmp_path: Path, suffix: str) -> None:
    info, frames, events = read(write_film(tmp_path / f"b.{suffix}"))
    assert_steps(frames)
    assert info.rate_fps == pytest.approx(RATE)
    assert events == []


def test_b_frames_that_share_a_chunk_come_at_their_times(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", codec="mpeg4", options={"bf": "1", "g": "12"})
    packed = with_packed_b_frames(film, tmp_path / "packed.avi")
    assert b"DivX503b1393p" in packed.read_bytes()
    _, frames, events = read(packed)
    assert_steps(frames)
    assert events == []


def test_an_avi_that_counts_empty_chunks_keeps_the_pictures_times(
    film: Path, tmp_path: Path
) -> None:
    info, frames, events = read(remux(film, tmp_path / "copy.avi"))
    assert_steps(frames)
    assert info.rate_fps == pytest.approx(RATE)
    assert events == []


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_pictures_that_begin_after_the_sound_have_the_containers_time(
    tmp_path: Path, suffix: str
) -> None:
    _, frames, _ = read(write_film(tmp_path / f"late.{suffix}", sound_s=4.0, late_s=1.5))
    first_s = frames[0].t_s
    assert first_s == pytest.approx(1.5, abs=0.13)  # the sound begins with its encoder's delay
    assert_steps(frames, first_s)


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [("raw.h264", "libx264", "h264"), ("raw.m2v", "mpeg2video", "mpeg2video")],
)
def test_a_raw_stream_has_its_own_rate_and_says_that_it_has_no_times(
    tmp_path: Path, name: str, codec: str, form: str
) -> None:
    info, frames, events = read(write_film(tmp_path / name, codec=codec, form=form))
    assert_steps(frames)
    assert info.rate_fps == RATE
    assert [(event.kind, event.t_s) for event in events] == [("no_times", 0.0)]
    assert "30 pictures a second" in events[0].text


@pytest.mark.parametrize(
    ("offsets_s", "num_jumps"), [((0, 0), 1), ((3600, 0), 1), ((0, 3600), 1), ((0, 0, 0), 2)]
)
def test_joined_transport_streams_go_on_by_one_step_and_say_so(
    tmp_path: Path, offsets_s: tuple[int, ...], num_jumps: int
) -> None:
    parts = []
    for number, offset_s in enumerate(offsets_s):
        part = write_film(tmp_path / f"{number}.ts", 30, late_s=offset_s)
        parts.append(part.read_bytes())
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(parts))
    _, frames, events = read(joined)
    count = 30 * len(parts)
    assert [number_of(frame.image) for frame in frames] == [n % 30 for n in range(count)]
    times = [frame.t_s for frame in frames]
    assert times == pytest.approx([n / RATE for n in range(count)], abs=0.002)
    assert [event.kind for event in events] == ["time_jumped"] * num_jumps
    assert events[0].t_s == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("damaged", [20, 70])
@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_a_damaged_packet_costs_its_picture_alone_and_is_told(
    tmp_path: Path, suffix: str, damaged: int
) -> None:
    if suffix == "mp4":
        whole = write_film(tmp_path / "whole.mp4", options={"preset": "ultrafast", "g": "30"})
    else:
        whole = write_film(tmp_path / "whole.avi", codec="mjpeg")
    _, frames, events = read(with_zeroed(whole, tmp_path / f"damaged.{suffix}", damaged))
    left = [number for number in range(72) if number != damaged]
    assert [round(frame.t_s * RATE, 2) for frame in frames] == left
    assert [frame.index for frame in frames] == list(range(71))
    assert [event.kind for event in events] == ["pictures_damaged"]
    assert "left out: 1, " in events[0].text
    assert events[0].t_s == pytest.approx(damaged / RATE, abs=0.1)


def test_a_file_of_nothing_but_damage_is_given_up_in_the_end(tmp_path: Path) -> None:
    whole = write_film(tmp_path / "whole.avi", 250, codec="mjpeg")
    damaged = with_zeroed(whole, tmp_path / "damaged.avi", *range(20, 250))
    source = VideoFile(str(damaged))
    source.open()
    with pytest.raises(SourceError, match="breaks off after 0"):
        list(iter(source.read, None))
    source.close()
    assert [event.kind for event in source.take_events()] == ["pictures_damaged"]


def test_an_avi_that_ends_in_dropped_frames_is_whole(tmp_path: Path) -> None:
    short = write_film(tmp_path / "short.avi", 30, codec="mjpeg")
    _, frames, events = read(with_dropped_end(short, tmp_path / "dropped.avi", 18))
    assert_steps(frames, count=30)
    assert events == []


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv"])
@pytest.mark.parametrize("num_left_out", [400, 4000])
def test_a_file_that_was_really_cut_says_so_however_little_is_missing(
    tmp_path: Path, suffix: str, num_left_out: int
) -> None:
    path = write_film(tmp_path / f"a.{suffix}", codec="mpeg4")
    if suffix == "mp4":
        path = _faststart(path)
    else:
        # behind the pictures lies an index
        content = path.read_bytes()
        path.write_bytes(content[: max(content.rfind(b"idx1"), content.rfind(b"\x1c\x53\xbb\x6b"))])
    path.write_bytes(path.read_bytes()[:-num_left_out])
    source = VideoFile(str(path))
    source.open()
    frames: list[Frame] = []
    with pytest.raises(SourceError, match="breaks off after"):
        frames.extend(iter(source.read, None))
    source.close()
    assert 30 < len(frames) < 72


def _faststart(path: Path) -> Path:
    import av

    target = path.with_name("fast.mp4")
    with (
        av.open(str(path)) as film,
        av.open(str(target), "w", options={"movflags": "faststart"}) as out,
    ):
        stream = film.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in film.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
    return target


class Picture:
    """What a clock asks of a decoded picture."""

    def __init__(self, pts: int | None, dts: int | None = None) -> None:
        self.pts, self.dts = pts, dts
        self.time_base, self.duration = Fraction(1, 100), 4


class Container:
    """What a clock asks of a container and its stream."""

    def __init__(self, name: str, start_time: int | None = 0) -> None:
        self.format, self.start_time = self, start_time
        self.name = name
        self.time_base = Fraction(1, 100)
        self.average_rate = self.guessed_rate = Fraction(25)


@pytest.mark.parametrize(
    ("name", "pictures", "expected_s", "num_jumps"),
    [
        # one picture has another's time: that of decoding is right
        ("mov", [(0, 0), (4, 4), (8, 8), (-10, 12), (16, 16)], [0, 0.04, 0.08, 0.12, 0.16], 0),
        # two change places: the time stands still, and goes on as it was
        ("mov", [(0, None), (8, None), (4, None), (12, None)], [0, 0.08, 0.08, 0.12], 0),
        # a clock that is set back
        (
            "mov",
            [(0, 0), (4, 4), (8, 8), (-500, -500), (-496, -496)],
            [0, 0.04, 0.08, 0.12, 0.16],
            1,
        ),
        # a long wait is one in a film, and a leap where films were joined
        ("mov", [(0, 0), (4, 4), (2004, 2004)], [0, 0.04, 20.04], 0),
        ("mpegts", [(0, 0), (4, 4), (2004, 2004)], [0, 0.04, 0.08], 1),
        # a picture without a time comes one step after the one before
        ("mov", [(0, 0), (4, 4), (None, None), (12, 12)], [0, 0.04, 0.08, 0.12], 0),
    ],
)
def test_a_clock_never_falls_and_loses_nothing(
    name: str,
    pictures: list[tuple[int | None, int | None]],
    expected_s: list[float],
    num_jumps: int,
) -> None:
    container: Any = Container(name)
    clock = PictureClock(container, container, "film")
    times = [clock.time_of(Picture(*stamps)) for stamps in pictures]  # type: ignore[arg-type]
    assert times == pytest.approx(expected_s)
    assert [event.kind for event in clock.take_events()] == ["time_jumped"] * num_jumps


def test_a_time_that_falls_yields_to_decoding_also_where_the_files_clock_began_late() -> None:
    container: Any = Container("mov", None)
    clock = PictureClock(container, container, "film")
    stamps = [(1000, 1000), (1004, 1004), (1008, 1008), (500, 1012), (1016, 1016)]
    times = [clock.time_of(Picture(*one)) for one in stamps]  # type: ignore[arg-type]
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert (clock.base_s, clock.take_events()) == (10.0, [])
    # one whose decoding lies before the last picture too means a clock that was set back
    for stamps_back in [(1096, 1096), (500, 1090)]:
        clock.time_of(Picture(*stamps_back))  # type: ignore[arg-type]
    assert [event.kind for event in clock.take_events()] == ["time_jumped"]
