"""Pictures come as players show them: turned, mirrored, with square pixels, of the right stream."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from numpy.typing import NDArray

from ferdesk.adapters.sources.still_image import StillImage
from ferdesk.adapters.sources.upright import Upright, shown_size
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.types import Frame, SourceEvent, SourceInfo
from ferdesk.errors import SourceError
from tests.helpers.videos import HEIGHT, WIDTH, number_of, with_matrix, write_film

COLOURS = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "W": (255, 255, 255)}


def quarters(names: str = "RGBW") -> NDArray[np.uint8]:
    """[HEIGHT, WIDTH, 3]: a colour in each quarter, from the upper left in reading order."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for number, name in enumerate(names):
        row, column = divmod(number, 2)
        image[row * HEIGHT // 2 :, column * WIDTH // 2 :][: HEIGHT // 2, : WIDTH // 2] = COLOURS[
            name
        ]
    return image


def names_of(image: NDArray[np.uint8]) -> str:
    height, width = image.shape[:2]
    points = [(y, x) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    by_colour: dict[tuple[int, ...], str] = {colour: name for name, colour in COLOURS.items()}
    return "".join(
        by_colour[tuple(255 * int(value > 128) for value in image[point])] for point in points
    )


def write_quarters(path: Path, matrix: tuple[int, ...] | None = None, num: int = 3) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for _ in range(num):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(quarters(), format="rgb24")))
        out.mux(stream.encode(None))
    return path if matrix is None else with_matrix(path, matrix)


def read(path: Path) -> tuple[SourceInfo, list[Frame], list[SourceEvent]]:
    source = VideoFile(str(path))
    info = source.open()
    frames = list(iter(source.read, None))
    source.close()
    return info, frames, source.take_events()


EIGHT = [
    ((1, 0, 0, 1), "RGBW"),
    ((-1, 0, 0, 1), "GRWB"),
    ((-1, 0, 0, -1), "WBGR"),
    ((1, 0, 0, -1), "BWRG"),
    ((0, 1, 1, 0), "RBGW"),
    ((0, 1, -1, 0), "BRWG"),
    ((0, -1, -1, 0), "WGBR"),
    ((0, -1, 1, 0), "GWRB"),
]
"""As ``ffmpeg -autorotate`` shows them."""


@pytest.mark.parametrize(("matrix", "shown"), EIGHT)
def test_a_video_comes_turned_and_mirrored_as_its_matrix_says(
    tmp_path: Path, matrix: tuple[int, ...], shown: str
) -> None:
    info, frames, _ = read(write_quarters(tmp_path / "a.mp4", matrix))
    assert [names_of(frame.image) for frame in frames] == [shown] * 3
    sides = (WIDTH, HEIGHT) if matrix[0] else (HEIGHT, WIDTH)
    assert (info.width, info.height) == sides


class Picture:
    """A picture whose side data PyAV cannot show, as that of some HEIC files."""

    width, height = WIDTH, HEIGHT

    def __init__(self, rotation: int) -> None:
        self.rotation = rotation

    @property
    def side_data(self) -> object:
        raise ValueError("31 is not a valid Type")

    def to_ndarray(self, **_options: str) -> NDArray[np.uint8]:
        return quarters()


class Stream:
    sample_aspect_ratio: Fraction | None = None

    @property
    def codec_context(self) -> "Stream":
        return self


@pytest.mark.parametrize(
    ("rotation", "shown"),
    [
        *((0, "RGBW"), (-90, "BRWG"), (90, "GWRB"), (180, "WBGR")),
        *((-180, "WBGR"), (270, "BRWG"), (89, "GWRB")),
    ],
)
def test_where_side_data_cannot_be_read_the_turn_still_counts(rotation: int, shown: str) -> None:
    stream: Any = Stream()
    picture: Any = Picture(rotation)
    assert names_of(Upright(stream).image(picture)) == shown


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_an_h264_orientation_message_holds_until_the_next(tmp_path: Path, suffix: str) -> None:
    plain, turned = write_quarters(tmp_path / "plain.mp4", num=12), tmp_path / f"turned.{suffix}"
    with av.open(str(plain)) as film, av.open(str(turned), "w") as out:
        stream = film.streams.video[0]
        copy = out.add_stream_from_template(stream)
        insert = BitStreamFilterContext(
            "h264_metadata=display_orientation=insert:rotate=90", stream, copy
        )
        packets = [packet for packet in film.demux(stream) if packet.dts is not None]
        for changed in [one for packet in [*packets, None] for one in insert.filter(packet)]:
            changed.stream = copy
            out.mux(changed)
    _, frames, _ = read(turned)
    assert [names_of(frame.image) for frame in frames] == ["GWRB"] * 12


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (Fraction(4, 3), (WIDTH * 4 // 3, HEIGHT)),
        (Fraction(2), (WIDTH * 2, HEIGHT)),
        (Fraction(8, 9), (WIDTH, HEIGHT * 9 // 8)),
        (Fraction(1), (WIDTH, HEIGHT)),
        (None, (WIDTH, HEIGHT)),
    ],
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_pixels_come_square(
    tmp_path: Path, aspect: Fraction | None, size: tuple[int, int], suffix: str
) -> None:
    info, frames, _ = read(write_film(tmp_path / f"a.{suffix}", 12, pixel_aspect=aspect))
    assert (info.width, info.height) == size
    assert [frame.image.shape[1::-1] for frame in frames] == [size] * 12
    assert number_of(frames[2].image) == 2


def test_a_pixel_aspect_that_cannot_be_is_none() -> None:
    stream: Any = Stream()
    for impossible in (Fraction(0), Fraction(100), Fraction(1, 100)):
        stream.sample_aspect_ratio = impossible
        picture: Any = Picture(0)
        assert Upright(stream).image(picture).shape == (HEIGHT, WIDTH, 3)
    assert shown_size(1440, 1080, Fraction(4, 3)) == (1920, 1080)


def test_a_size_and_pixels_that_change_midway_are_followed(tmp_path: Path) -> None:
    wide = write_film(tmp_path / "a.ts", 6, pixel_aspect=Fraction(4, 3))
    square = write_film(tmp_path / "b.ts", 6, size=(128, 96), late_s=0.2)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(wide.read_bytes() + square.read_bytes())
    _, frames, _ = read(joined)
    sizes = [frame.image.shape[1::-1] for frame in frames]
    assert sizes == [(WIDTH * 4 // 3, HEIGHT)] * 6 + [(128, 96)] * 6
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 4, 5] * 2


def with_two_tracks(path: Path, default: int) -> Path:
    """A film of two pictures, black and white; the numbered one is the default track."""
    from av.stream import Disposition

    with av.open(str(path), "w") as out:
        streams = []
        for number in range(2):
            stream: Any = out.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.disposition = Disposition.default.value if number == default else 0
            streams.append(stream)
        for number, stream in enumerate(streams):
            image = np.full((48, 64, 3), 220 * number, np.uint8)
            for _ in range(3):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("default", [0, 1])
def test_the_default_track_is_the_picture(tmp_path: Path, default: int) -> None:
    _, frames, _ = read(with_two_tracks(tmp_path / "a.mkv", default))
    assert len(frames) == 3
    assert frames[0].image.mean() == pytest.approx(220 * default, abs=8)


@pytest.mark.parametrize("suffix", ["m4a", "mp3"])
def test_sound_with_cover_art_has_no_picture(tmp_path: Path, suffix: str) -> None:
    from av.stream import Disposition

    path = tmp_path / f"song.{suffix}"
    with av.open(str(path), "w", format="mp4" if suffix == "m4a" else None) as out:
        codec, form = ("aac", "fltp") if suffix == "m4a" else ("libmp3lame", "s16p")
        sound: Any = out.add_stream(codec, rate=44100, layout="mono")
        cover: Any = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 96, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic.value
        silence = np.zeros((1, 44100), np.float32 if form == "fltp" else np.int16)
        frame = av.AudioFrame.from_ndarray(silence, format=form, layout="mono")
        frame.sample_rate = 44100
        out.mux([*sound.encode(frame), *sound.encode(None)])
        image = av.VideoFrame.from_ndarray(quarters(), format="rgb24")
        out.mux([*cover.encode(image), *cover.encode(None)])
    source = VideoFile(str(path))
    with pytest.raises(SourceError, match="has no picture in it"):
        source.open()
    source.close()


def test_an_avif_is_a_still(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    cv2.imwrite(str(path), cv2.cvtColor(quarters(), cv2.COLOR_RGB2BGR))
    info, frames, events = read(path)
    assert (info.kind, info.rate_fps, info.width, info.height) == ("still", None, WIDTH, HEIGHT)
    assert [(names_of(frame.image), frame.t_s) for frame in frames] == [("RGBW", 0.0)]
    assert events == []


def test_a_picture_in_tiles_is_read_whole_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "grid.avif"
    path.write_bytes(grid_of([40, 100, 160, 220]))
    info, frames, _ = read(path)
    assert (info.kind, info.width, info.height) == ("still", 2 * WIDTH, 2 * HEIGHT)
    assert len(frames) == 1
    centres = [(y, x) for y in (32, 96) for x in (48, 144)]
    assert [int(frames[0].image[at].mean()) for at in centres] == pytest.approx(
        [40, 100, 160, 220], abs=4
    )
    # one that is to be turned, or whose tiles OpenCV cannot read, is refused and not guessed
    turned = tmp_path / "turned.avif"
    turned.write_bytes(grid_of([40, 100, 160, 220], turned=True))
    source = VideoFile(str(turned))
    with pytest.raises(SourceError, match=r"turned\.avif is stored in tiles"):
        source.open()
    source.close()


@pytest.mark.parametrize("name", ["many.tif", "moving.webp", "moving.png"])
def test_a_still_with_several_pictures_says_that_it_reads_the_first(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    pictures = [cv2.cvtColor(quarters(names), cv2.COLOR_RGB2BGR) for names in ("RGBW", "WBGR")]
    if path.suffix == ".tif":
        cv2.imwritemulti(str(path), pictures)
    else:
        animation = cv2.Animation()
        animation.frames, animation.durations = pictures, [100, 100]
        assert cv2.imwriteanimation(str(path), animation)
    source = StillImage(path)
    source.open()
    frame = source.read()
    assert frame is not None
    assert names_of(frame.image) == "RGBW"
    assert [event.kind for event in source.take_events()] == ["pictures_left_out"]
    assert source.take_events() == []


def test_a_still_with_one_picture_says_nothing(tmp_path: Path) -> None:
    for suffix in ("tif", "webp", "png", "jpg", "bmp"):
        path = tmp_path / f"one.{suffix}"
        cv2.imwrite(str(path), quarters())
        source = StillImage(path)
        source.open()
        assert source.take_events() == []


def _box(name: bytes, body: bytes, version: int | None = None, flags: int = 0) -> bytes:
    head = b"" if version is None else (version << 24 | flags).to_bytes(4, "big")
    return (8 + len(head) + len(body)).to_bytes(4, "big") + name + head + body


def _boxes(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found[data[at + 4 : at + 8]] = data[at : at + size]
        at += size
    return found


def grid_of(greys: list[int], *, turned: bool = False) -> bytes:
    """An AVIF of two by two tiles, WIDTH x HEIGHT each, as phones and large encoders store them."""
    tiles = []
    for grey in greys:
        image = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
        data = cv2.imencode(".avif", image, [cv2.IMWRITE_AVIF_QUALITY, 90])[1].tobytes()
        top = _boxes(data)
        inside = _boxes(_boxes(top[b"meta"][12:])[b"iprp"][8:])[b"ipco"][8:]
        tiles.append((top[b"mdat"][8:], _boxes(inside)[b"av1C"]))
    sizes = [(2 * WIDTH, 2 * HEIGHT), (WIDTH, HEIGHT)]
    grid = bytes([0, 0, 1, 1]) + b"".join(side.to_bytes(2, "big") for side in sizes[0])
    contents = [grid, *(coded for coded, _ in tiles)]
    ispe = b"".join(
        _box(b"ispe", b"".join(side.to_bytes(4, "big") for side in size), 0) for size in sizes
    )
    properties = ispe + _box(b"pixi", bytes([3, 8, 8, 8]), 0) + tiles[0][1]
    first = bytes([0, 1, 2, 1, 3])
    if turned:
        properties += _box(b"irot", bytes([1]))
        first = bytes([0, 1, 3, 1, 3, 0x80 | 5])
    links = (5).to_bytes(4, "big") + first
    links += b"".join(bytes([0, item, 3, 2, 3, 0x80 | 4]) for item in range(2, 6))
    infe = b"".join(
        _box(b"infe", bytes([0, item, 0, 0]) + name + b"\0", 2, int(item > 1))
        for item, name in enumerate([b"grid", *[b"av01"] * 4], 1)
    )
    dimg = _box(b"iref", _box(b"dimg", bytes([0, 1, 0, 4, 0, 2, 0, 3, 0, 4, 0, 5])), 0)
    ftyp = _box(b"ftyp", b"avif" + bytes(4) + b"avifmif1miaf")

    def meta(start: int) -> bytes:
        places = b""
        for item, content in enumerate(contents, 1):
            places += bytes([0, item, 0, 0, 0, 1]) + start.to_bytes(4, "big")
            places += len(content).to_bytes(4, "big")
            start += len(content)
        body = _box(b"hdlr", bytes(4) + b"pict" + bytes(13), 0) + _box(b"pitm", bytes([0, 1]), 0)
        body += _box(b"iloc", bytes([0x44, 0, 0, 5]) + places, 0)
        body += _box(b"iinf", bytes([0, 5]) + infe, 0) + dimg
        body += _box(b"iprp", _box(b"ipco", properties) + _box(b"ipma", links, 0))
        return _box(b"meta", body, 0)

    head = ftyp + meta(len(ftyp) + len(meta(0)) + 8)
    return head + _box(b"mdat", b"".join(contents))
