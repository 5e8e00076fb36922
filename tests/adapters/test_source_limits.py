"""Sources that would take minutes, gigabytes or for ever are refused in one sentence."""

import os
import socket
import struct
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from ferdesk.adapters.sources import limits, network_stream, video_file
from ferdesk.adapters.sources.network_stream import NetworkStream
from ferdesk.adapters.sources.still_image import StillImage
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.errors import SourceError
from tests.adapters.mjpeg_server import MjpegServer, jpeg, part, serving


def huge_png(width: int, height: int) -> bytes:
    """A file of some bytes whose header promises so many pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")


def test_a_still_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(huge_png(30_000, 30_000))
    with pytest.raises(SourceError, match="more than 220 million pixels"):
        StillImage(path).open()
    # of this one the header alone is no reason
    path.write_bytes(huge_png(16_000, 13_000))
    with pytest.raises(SourceError, match="not a picture that can be read"):
        StillImage(path).open()


def write_film(path: Path, width: int, height: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(3):
            image = np.full((height, width, 3), 40 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_film_of_too_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(tmp_path / "film.mkv", 64, 48)
    monkeypatch.setattr(video_file, "MOST_PIXELS", 64 * 48)
    source = VideoFile(str(path))
    source.open()
    source.close()
    monkeypatch.setattr(video_file, "MOST_PIXELS", 64 * 48 - 1)
    source = VideoFile(str(path))
    with pytest.raises(SourceError, match="make it smaller first"):
        source.open()
    source.close()


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    yield from serving()


def test_a_network_cameras_picture_of_too_many_pixels_is_left_out(
    camera: MjpegServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_stream, "MOST_LIVE_PIXELS", 200 * 160)
    with ThreadPoolExecutor(1) as pool:
        source = NetworkStream(camera.address())
        opening = pool.submit(source.open)
        camera.wait_for_clients()
        camera.send(*[part(jpeg(64, 48))] * 4)
        opening.result(20)
        sizes = {frame.image.shape[1] for _ in range(2) if (frame := source.read())}
        camera.send(part(jpeg(1600, 1200)), *[part(jpeg(80, 60))] * 4)
        while 80 not in sizes:
            frame = source.read()
            assert frame is not None
            sizes.add(frame.image.shape[1])
        assert sizes == {64, 80}
        source.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("name", ["a.png", "a.mp4"])
def test_pipes_sockets_and_devices_are_refused_at_once(tmp_path: Path, name: str) -> None:
    source = StillImage if name.endswith("png") else lambda path: VideoFile(str(path))
    pipe = tmp_path / name
    os.mkfifo(pipe)
    with pytest.raises(SourceError, match="is no regular file but a pipe, socket or device"):
        source(pipe).open()
    pipe.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(pipe))
        with pytest.raises(SourceError, match="no regular file"):
            source(pipe).open()
    pipe.unlink()
    pipe.symlink_to("/dev/zero")
    with pytest.raises(SourceError, match="no regular file"):
        source(pipe).open()


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        limits.check_file(Path("a\0b.png"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such measure of memory on Windows")
def test_a_network_camera_cannot_fill_the_memory_with_one_picture() -> None:
    code = """
        import os, resource, sys, threading
        from tests.adapters.mjpeg_server import MjpegServer, jpeg, part
        from ferdesk.adapters.sources.network_stream import NetworkStream
        from ferdesk.errors import SourceError

        server = MjpegServer()
        opened = threading.Event()

        def feed():
            server.wait_for_clients()
            server.send(*[part(jpeg())] * 4)
            opened.wait(20)
            server.send(part(b"").replace(b"Length: 0", b"Length: 1500000000")[:-2])
            for _ in range(1430):
                server.send(bytes(1 << 20))

        threading.Thread(target=feed, daemon=True).start()
        source = NetworkStream(server.address())
        source.open()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        opened.set()
        try:
            while source.read() is not None:
                pass
        except SourceError as error:
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print((after - before) >> 10, flush=True)
        os._exit(0)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60,
        cwd=Path(__file__).parents[2], check=True,
    )  # fmt: skip
    assert int(done.stdout) < 400, done.stdout
