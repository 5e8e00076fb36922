"""Network cameras, on a real server here that stalls, dies, returns and sends rubbish."""

import contextlib
import functools
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ferdesk.adapters.sources.network_stream import NetworkStream
from ferdesk.core.types import Frame, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.factory.sources import open_source
from ferdesk.runtime.reconnect import Reconnecting
from tests.adapters.mjpeg_server import MjpegServer, jpeg, part, serving
from tests.helpers.videos import number_of, write_film

GOOD = part(jpeg())


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    yield from serving()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def opened(
    server: MjpegServer, pool: ThreadPoolExecutor, stream: NetworkStream, *parts: bytes
) -> SourceInfo:
    """Open ``stream`` while the server sends ``parts``."""
    future = pool.submit(stream.open)
    server.wait_for_clients()
    server.send(*(parts or (GOOD, GOOD)))
    return future.result(10)


def read_all(stream: NetworkStream) -> list[Frame]:
    return list(iter(stream.read, None))


def test_pictures_arrive_upright_and_in_turn(server: MjpegServer, pool: ThreadPoolExecutor) -> None:
    stream = NetworkStream(server.address())
    info = opened(server, pool, stream, part(jpeg(grey=10)), part(jpeg(grey=200)), GOOD)
    assert (info.kind, info.name, info.width, info.height) == ("stream", "127.0.0.1", 64, 48)
    assert info.live
    dark, bright = stream.read(), stream.read()
    assert dark is not None
    assert bright is not None
    assert dark.image.mean() < 60 < 150 < bright.image.mean()
    assert (dark.index, bright.index) == (0, 1)
    assert bright.t_s >= dark.t_s
    stream.close()


def test_half_a_jpeg_is_left_out(server: MjpegServer, pool: ThreadPoolExecutor) -> None:
    stream = NetworkStream(server.address())
    half = jpeg(grey=10)[: len(jpeg(grey=10)) // 2]
    opened(server, pool, stream, GOOD, part(half), part(jpeg(grey=200)), GOOD)
    assert stream.read() is not None
    after = stream.read()
    assert after is not None
    assert after.image.mean() > 150
    stream.close()


def test_a_picture_of_another_size_comes_in_that_size(
    server: MjpegServer, pool: ThreadPoolExecutor
) -> None:
    stream = NetworkStream(server.address())
    opened(server, pool, stream, GOOD, part(jpeg(32, 24)), GOOD)
    shapes = [frame.image.shape for frame in (stream.read(), stream.read()) if frame]
    assert shapes == [(48, 64, 3), (24, 32, 3)]
    stream.close()


def test_rubbish_ends_the_connection_with_a_sentence(
    server: MjpegServer, pool: ThreadPoolExecutor
) -> None:
    stream = NetworkStream(server.address())
    opened(server, pool, stream, GOOD, GOOD, b"\0rubbish\r\n" * 500)
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:\d+/ gives no picture any more"):
        read_all(stream)
    stream.close()


def test_a_camera_that_dies_is_a_loss_and_no_end(
    server: MjpegServer, pool: ThreadPoolExecutor
) -> None:
    stream = NetworkStream(server.address())
    opened(server, pool, stream)
    server.hang_up()
    with pytest.raises(SourceError, match="gives no picture any more"):
        read_all(stream)
    stream.close()


def test_a_stalled_camera_is_given_up(server: MjpegServer, pool: ThreadPoolExecutor) -> None:
    stream = NetworkStream(server.address(), read_timeout_s=0.05)
    opened(server, pool, stream)
    with pytest.raises(SourceError, match="gives no picture any more"):
        read_all(stream)
    stream.close()


def test_a_password_is_used_and_told_to_nobody(
    server: MjpegServer, pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    stream = NetworkStream(server.address("/secret", "ana:s3cret@"))
    info = opened(server, pool, stream)
    assert info.location == server.address("/secret")
    stream.close()
    with pytest.raises(SourceError) as caught:
        NetworkStream(server.address("/secret", "ana:wr0ng@")).open()
    assert "asks for a user and a password" in str(caught.value)
    # nor by what would be printed with --debug
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    for secret in ("s3cret", "wr0ng", "ana"):
        assert secret not in str(info) + str(caught.value) + caplog.text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/gone", "is not there; check the path"),
        ("/page", "No video received from"),
        ("/silent", "does not answer within 0 s"),
    ],
)
def test_an_address_without_a_camera_is_a_sentence(
    server: MjpegServer, path: str, words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        NetworkStream(server.address(path), open_timeout_s=0.3).open()


def test_a_port_where_nobody_listens_is_a_sentence() -> None:
    server = MjpegServer()
    address = server.address()
    server.close()
    with pytest.raises(SourceError, match="Nothing listens at http://127"):
        NetworkStream(address).open()


@pytest.mark.parametrize("address", ["http://a:s3cret@host:port/", "http://", "rtsp://[::1/x"])
def test_what_is_no_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(SourceError, match="address") as caught:
        open_source(address)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(SourceError):
        NetworkStream(address).open()


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server that gives the files of ``folder``."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        thread = threading.Thread(target=files.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{files.server_address[1]}"
        files.shutdown()
        thread.join()


def test_a_file_on_a_server_ends_as_a_file_does(tmp_path: Path) -> None:
    write_film(tmp_path / "clip.mp4", 5)
    with served(tmp_path) as address:
        stream = NetworkStream(f"{address}/clip.mp4")
        stream.open()
        frames = read_all(stream)
        stream.close()
    assert len(frames) == 5


def test_a_recorded_stream_whose_clock_does_not_begin_at_0_opens_at_once(tmp_path: Path) -> None:
    write_film(tmp_path / "part.ts", 30, late_s=120.0)
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\npart.ts\n#EXT-X-ENDLIST\n"
    (tmp_path / "v.m3u8").write_text(playlist)
    began_s = time.monotonic()
    with served(tmp_path) as address:
        stream = NetworkStream(f"{address}/v.m3u8")
        stream.open()
        opened_s = time.monotonic() - began_s
        frames = read_all(stream)
        stream.close()
    assert opened_s < 10.0
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    assert frames[-1].t_s - frames[0].t_s == pytest.approx(29 / 30, abs=0.5)


class Clock:
    """Real time, and what the test adds to it."""

    def __init__(self) -> None:
        self.added_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.added_s


def wait_for(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not come true"
        threading.Event().wait(0.01)


def test_a_camera_that_stalls_dies_and_returns_is_followed_all_along() -> None:
    server = MjpegServer()
    clock = Clock()
    address = server.address(credentials="ana:s3cret@")
    source = Reconnecting(
        lambda: NetworkStream(address, read_timeout_s=0.3), name="127.0.0.1", clock=clock
    )
    frames: list[Frame] = []
    troubles: list[str] = []

    def read_on() -> None:
        for frame in iter(source.read, None):
            # asked where nothing else reads: a silence after it is the next trouble
            troubles.append(source.trouble)
            frames.append(frame)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(source.open)
        server.wait_for_clients()
        server.send(GOOD, GOOD)
        future.result(10)
        reader = threading.Thread(target=read_on)
        reader.start()
        wait_for(lambda: len(frames) >= 1)

        # it stalls: connected, and silent
        clock.added_s += 1.0
        wait_for(lambda: source.num_attempts == 1)
        clock.added_s += 5.0
        server.wait_for_clients(2)
        num = len(frames)
        server.send(GOOD, GOOD)
        wait_for(lambda: len(frames) > num)
        assert set(troubles) == {""}

        # it dies, and is away for a while
        server.close()
        wait_for(lambda: source.num_attempts >= 1)

        def refused() -> bool:
            clock.added_s += 1.0
            return "Nothing listens" in source.trouble

        wait_for(refused)
        assert "s3cret" not in source.trouble

        # it returns, with pictures of another size
        back = MjpegServer(server.port)

        def connected() -> bool:
            clock.added_s += 1.0
            return bool(back.clients)

        wait_for(connected)
        back.send(part(jpeg(32, 24)), part(jpeg(32, 24)))
        wait_for(lambda: frames[-1].image.shape == (24, 32, 3))
        indices = [frame.index for frame in frames]
        assert indices == sorted(set(indices))
        source.leave()
        reader.join(10)
        source.close()
        back.close()
