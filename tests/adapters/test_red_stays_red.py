"""A red picture stays red on its way in, and keeps its sides, its width and its height."""

import http.server
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ferdesk.adapters.sources.camera import Camera
from ferdesk.adapters.sources.demo import DemoSource, visible_people
from ferdesk.adapters.sources.network_stream import NetworkStream
from ferdesk.adapters.sources.seekable_video import SeekableVideo
from ferdesk.adapters.sources.still_image import StillImage
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.types import Frame, SourceInfo
from tests.adapters.mjpeg_server import MjpegServer, part
from tests.helpers.pictures import (
    HEIGHT,
    WIDTH,
    assert_red_and_blue,
    red_and_blue,
    write_picture,
    write_video,
)

Picture = NDArray[np.uint8]
Size = tuple[int, int]


class Source(Protocol):
    def open(self) -> SourceInfo: ...
    def read(self) -> Frame | None: ...
    def close(self) -> None: ...


def read_from(source: Source) -> tuple[Picture, Size]:
    info = source.open()
    frame = source.read()
    source.close()
    assert frame is not None
    return frame.image, (info.width, info.height)


def from_still(folder: Path, suffix: str) -> tuple[Picture, Size]:
    return read_from(StillImage(write_picture(folder / f"picture{suffix}", red_and_blue())))


def from_video(folder: Path, suffix: str) -> tuple[Picture, Size]:
    return read_from(VideoFile(str(write_video(folder / f"video{suffix}", red_and_blue()))))


def from_turned_video(folder: Path) -> tuple[Picture, Size]:
    # stored lying on its left side, with the turn that rights it
    lying = np.ascontiguousarray(np.rot90(red_and_blue()))
    return read_from(VideoFile(str(write_video(folder / "phone.mp4", lying, turned=True))))


def from_seekable_video(folder: Path) -> tuple[Picture, Size]:
    video = SeekableVideo(write_video(folder / "video.mp4", red_and_blue()))
    at = video.picture_at(0.1)
    video.close()
    assert at is not None
    return at[0], (WIDTH, HEIGHT)


def from_network_stream(folder: Path) -> tuple[Picture, Size]:
    content = part(write_picture(folder / "frame.jpg", red_and_blue()).read_bytes())
    server = MjpegServer()
    try:
        stream = NetworkStream(server.address())
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read_from, stream)
            server.wait_for_clients()
            # so small a picture is recognised only after a few of them
            server.send(*[content] * 10)
            return reading.result(10)
    finally:
        server.close()


def from_turned_file_on_a_server(folder: Path) -> tuple[Picture, Size]:
    lying = np.ascontiguousarray(np.rot90(red_and_blue()))
    write_video(folder / "phone.mp4", lying, turned=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            port = server.server_address[1]
            return read_from(NetworkStream(f"http://127.0.0.1:{port}/phone.mp4"))
        finally:
            server.shutdown()
            thread.join(10)


def from_camera(folder: Path) -> tuple[Picture, Size]:
    class Capture:
        """``cv2.VideoCapture`` of a camera that sees the picture; OpenCV's order is BGR."""

        def __init__(self, index: int) -> None: ...

        def isOpened(self) -> bool:
            return True

        def read(self) -> tuple[bool, Picture]:
            return True, red_and_blue()[:, :, ::-1].copy()

        def get(self, propId: int) -> float:
            return 30.0

        def release(self) -> None: ...

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cv2, "VideoCapture", Capture)
        patch.setattr(Camera, "_check_device", lambda camera, device: None)
        return read_from(Camera(0))


SOURCES: dict[str, Callable[[Path], tuple[Picture, Size]]] = {
    "png": lambda folder: from_still(folder, ".png"),
    "jpg": lambda folder: from_still(folder, ".jpg"),
    "mp4": lambda folder: from_video(folder, ".mp4"),
    "mkv": lambda folder: from_video(folder, ".mkv"),
    "turned mp4": from_turned_video,
    "seekable video": from_seekable_video,
    "network stream": from_network_stream,
    "turned file on a server": from_turned_file_on_a_server,
    "camera": from_camera,
}


@pytest.mark.parametrize("name", list(SOURCES))
def test_a_red_picture_stays_red_from_every_source(name: str, tmp_path: Path) -> None:
    image, size = SOURCES[name](tmp_path)
    assert size == (WIDTH, HEIGHT)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert_red_and_blue(image)


def demo_at(t_s: float) -> Picture:
    source = DemoSource(duration_s=20.0, paced=False)
    info = source.open()
    source._next_index = round(t_s * 30)
    frame = source.read()
    source.close()
    assert frame is not None
    assert frame.image.shape == (info.height, info.width, 3) == (720, 1280, 3)
    return frame.image


def test_the_demos_warm_corner_is_red_and_its_cold_one_blue() -> None:
    empty = demo_at(19.2)
    red, _, blue = empty[600:680, 1140:1220].reshape(-1, 3).mean(axis=0)
    assert red > blue + 10
    red, _, blue = empty[40:120, 50:130].reshape(-1, 3).mean(axis=0)
    assert blue > red + 10


@pytest.mark.parametrize("t_s", [3.0, 13.0])
def test_the_demos_people_have_warm_skin_where_they_are(t_s: float) -> None:
    image = demo_at(t_s)
    (box,) = visible_people(t_s).values()
    x, y = (round(middle) for middle in box.center)
    red, _, blue = image[y - 20 : y + 20, x - 20 : x + 20].reshape(-1, 3).mean(axis=0)
    assert red > blue + 10
