"""Small video files whose pictures spell their own number, and what may happen to such files."""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from numpy.typing import NDArray

WIDTH, HEIGHT = 96, 64
RATE = 30


def numbered(number: int) -> NDArray[np.uint8]:
    """[HEIGHT, WIDTH, 3] uint8: a moving bar, and stripes that spell ``number`` in 7 bits."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    for bit in range(7):
        image[:40, 12 * bit : 12 * bit + 12] = 235 if number >> bit & 1 else 20
    image[44:, number % 80 : number % 80 + 16] = 220
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    width = image.shape[1] / 8
    middle = [image[8:32, round(width * (bit + 0.25)) : round(width * (bit + 0.75))].mean()
              for bit in range(7)]  # fmt: skip
    return sum(int(grey > 128) << bit for bit, grey in enumerate(middle))


def write_film(
    path: Path,
    num: int = 72,
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    form: str | None = None,
    pixel_aspect: Fraction | None = None,
    sound_s: float = 0.0,
    late_s: float = 0.0,
    size: tuple[int, int] | None = None,
) -> Path:
    """``num`` numbered pictures at RATE, with three B-frames between others where H.264 is used.

    ``sound_s`` seconds of silence lie beside them, and the pictures begin ``late_s`` after it.
    """
    x264 = {"bf": "3", "g": "24", "x264-params": "b-adapt=0:threads=1:scenecut=0"}
    with av.open(str(path), "w", format=form) as out:
        stream: Any = out.add_stream(codec, rate=RATE)
        stream.width, stream.height = size or (WIDTH, HEIGHT)
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.options = options or (x264 if codec == "libx264" else {})
        if codec != "libx264":
            stream.bit_rate = 4_000_000
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if sound_s:
            sound = out.add_stream("aac", rate=8000, layout="mono")
            silence = np.zeros((1, round(8000 * sound_s)), np.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, 0
            packets = [*sound.encode(frame), *sound.encode(None)]
        else:
            packets = []
        for number in range(num):
            picture = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
            picture = picture.reformat(stream.width, stream.height, stream.pix_fmt)
            picture.pts, picture.time_base = number + round(late_s * RATE), Fraction(1, RATE)
            packets += stream.encode(picture)
        packets += stream.encode(None)
        packets.sort(key=lambda packet: (packet.dts or 0) * float(packet.time_base))
        for packet in packets:
            out.mux(packet)
    return path


def remux(source: Path, target: Path, change: Callable[[int, bytes], bytes] | None = None) -> Path:
    """``source`` in the container that ``target`` names, each packet's bytes changed."""
    with av.open(str(source)) as film, av.open(str(target), "w") as out:
        stream = film.streams.video[0]
        copy = out.add_stream_from_template(stream)
        if target.suffix == ".avi":
            copy.time_base = Fraction(1, 2 * RATE)  # as FFmpeg writes it, with empty chunks
        packets = [packet for packet in film.demux(stream) if packet.dts is not None]
        if target.suffix == ".avi" and stream.codec_context.name == "h264":
            annex_b = BitStreamFilterContext("h264_mp4toannexb", stream, copy)
            packets = [one for packet in packets for one in annex_b.filter(packet)]
        for number, packet in enumerate(packets):
            moved = av.Packet(bytes(packet) if change is None else change(number, bytes(packet)))
            moved.pts, moved.dts, moved.duration = packet.pts, packet.dts, packet.duration
            moved.time_base, moved.is_keyframe = packet.time_base, packet.is_keyframe
            moved.stream = copy
            out.mux(moved)
    return target


def with_packed_b_frames(source: Path, target: Path) -> Path:
    """An MPEG-4 film as DivX packs it into an AVI: a B-frame in one chunk with the later picture
    that it needs, then a chunk that says no more than "as before"."""
    as_before = b"\x00\x00\x01\xb6\x57\x7f\x00"
    with av.open(str(source)) as film, av.open(str(target), "w") as out:
        stream = film.streams.video[0]
        copy = out.add_stream_from_template(stream)
        copy.time_base = Fraction(1, RATE)
        head = bytes(stream.codec_context.extradata or b"") + b"\x00\x00\x01\xb2DivX503b1393p"
        packets = [packet for packet in film.demux(stream) if packet.dts is not None]
        chunks: list[tuple[bytes, bool]] = []
        for packet in packets:
            data = bytes(packet)
            is_b = data[data.index(b"\x00\x00\x01\xb6") + 4] >> 6 == 2
            if is_b:
                chunks[-1] = (chunks[-1][0] + data, chunks[-1][1])
                chunks.append((as_before, False))
            else:
                chunks.append((data, packet.is_keyframe))
        for number, (data, is_keyframe) in enumerate(chunks):
            chunk = av.Packet(data if number else head + data)
            chunk.pts = chunk.dts = number
            chunk.duration, chunk.time_base = 1, Fraction(1, RATE)
            chunk.is_keyframe, chunk.stream = is_keyframe, copy
            out.mux(chunk)
    return target


def with_zeroed(source: Path, target: Path, *numbers: int) -> Path:
    """``source`` with the bytes of these packets zeroed."""
    return remux(source, target, lambda n, data: bytes(len(data)) if n in numbers else data)


def with_dropped_end(source: Path, target: Path, num: int) -> Path:
    """An AVI with ``num`` empty chunks behind its pictures, as capture programs write them."""
    data = source.read_bytes()
    start = data.index(b"movi") - 8
    size = struct.unpack_from("<I", data, start + 4)[0]
    end = start + 8 + size
    index_size = struct.unpack_from("<I", data, end + 4)[0]
    index = data[end + 8 : end + 8 + index_size]
    index += b"".join(b"00dc" + struct.pack("<III", 0, size + 8 * n, 0) for n in range(num))
    empty = (b"00dc" + bytes(4)) * num
    body = bytearray(data[: start + 4] + struct.pack("<I", size + len(empty)))
    body += data[start + 8 : end] + empty + b"idx1" + struct.pack("<I", len(index)) + index
    for at in (body.index(b"avih") + 24, body.index(b"strh") + 40):
        struct.pack_into("<I", body, at, struct.unpack_from("<I", body, at)[0] + num)
    struct.pack_into("<I", body, 4, len(body) - 8)
    target.write_bytes(body)
    return target


def with_matrix(path: Path, matrix: Sequence[int]) -> Path:
    """An MP4 or MOV shown by ``matrix``: a, b, c and d of x' = ax + cy, y' = bx + dy.

    Written into the track's header, as PyAV before 18 cannot set it.
    """
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    a, b, c, d = (65536 * value for value in matrix)
    struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path
