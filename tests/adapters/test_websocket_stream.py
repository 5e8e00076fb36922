"""The WebSocket with real clients: one that reads, one that never does, and some that must not."""

import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ferdesk.core.labels import LABELS
from ferdesk.errors import StreamError
from tests.adapters.test_recording_faults import wait_for
from tests.adapters.test_session_writer import result
from tests.helpers.results import FACE, OTHER, make_result, named_values

pytest.importorskip("websockets")

from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from ferdesk.adapters.outputs import websocket_stream
from ferdesk.adapters.outputs.websocket_stream import WebSocketStream


@pytest.fixture
def stream() -> Iterator[WebSocketStream]:
    stream = WebSocketStream(port=0, origins=["http://localhost:8000", "http://localhost:9000/"])
    yield stream
    stream.close()


def client(stream: WebSocketStream) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{stream.port}/?token={stream.token}")


def test_a_client_gets_frames_and_markers_as_the_docs_say(stream: WebSocketStream) -> None:
    with client(stream) as reader:
        hello = json.loads(reader.recv(timeout=10))
        assert hello == {"type": "hello", "schema": 1, "labels": list(LABELS)}
        now_s, now = time.monotonic(), datetime.now(UTC)
        stream.put(make_result(FACE, OTHER, captured_s=now_s - 4.0))
        stream.mark("film A", now_s - 2.0)
        frame, marker = json.loads(reader.recv(timeout=10)), json.loads(reader.recv(timeout=10))
    assert frame["type"] == "frame"
    assert frame["frame"] == 7
    assert [face["face_id"] for face in frame["faces"]] == [3, 5]
    for said, face in zip(frame["faces"], (FACE, OTHER), strict=True):
        wanted = named_values(face)
        assert [said[name] for name in ("x", "y", "width", "height")] == [
            wanted[name] for name in ("x", "y", "width", "height")
        ]
        assert said["uncertain"] is face.low_confidence
        assert said["p"] == {label: wanted[f"p_{label}"] for label in LABELS}
        assert said["s"] == {label: wanted[f"s_{label}"] for label in LABELS}
        assert (said["yaw_deg"], said["pitch_deg"]) == (face.yaw_deg, face.pitch_deg)
    assert list(frame["faces"][0]["s"]) == list(LABELS)
    assert (marker["type"], marker["label"]) == ("marker", "film A")
    assert frame["t_s"] == 0.25
    # both are dated by when they happened
    for message, age_s in ((frame, 4.0), (marker, 2.0)):
        at = datetime.fromisoformat(message["time_utc"])
        assert message["time_utc"].endswith("Z")
        assert (at - now).total_seconds() == pytest.approx(-age_s, abs=0.9)


@pytest.mark.parametrize(
    ("query", "headers", "origin", "status"),
    [
        ("", {}, None, 401),
        ("?token=wrong", {}, None, 401),
        ("?token={}", {}, Origin("http://evil.example"), 403),
        ("", {"Authorization": "Bearer wrong"}, None, 401),
        ("", {"Authorization": "Bearer w\u00f6rd"}, None, 401),
        ("/[?token={}", {}, None, 401),
    ],
)
def test_who_has_no_token_or_a_foreign_origin_is_refused(
    stream: WebSocketStream,
    query: str,
    headers: dict[str, str],
    origin: Origin | None,
    status: int,
) -> None:
    address = f"ws://127.0.0.1:{stream.port}/{query.format(stream.token)}"
    with pytest.raises(InvalidStatus) as refused:
        connect(address, additional_headers=headers, origin=origin)
    assert refused.value.response.status_code == status


def test_a_client_too_many_is_refused_until_another_goes(
    stream: WebSocketStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as docs/streams.md says
    assert websocket_stream._MAX_CLIENTS == 16
    monkeypatch.setattr(websocket_stream, "_MAX_CLIENTS", 1)
    with client(stream) as first:
        first.recv(timeout=10)
        with pytest.raises(InvalidStatus) as refused:
            client(stream)
        assert refused.value.response.status_code == 503
    wait_for(lambda: stream.num_clients == 0)
    with client(stream) as next_one:
        next_one.recv(timeout=10)


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://localhost:9000"])
def test_a_named_origin_and_a_bearer_token_are_taken(stream: WebSocketStream, origin: str) -> None:
    headers = {"Authorization": f"Bearer {stream.token}"}
    address = f"ws://127.0.0.1:{stream.port}/"
    with connect(address, additional_headers=headers, origin=Origin(origin)) as reader:
        assert json.loads(reader.recv(timeout=10))["type"] == "hello"


def test_it_listens_on_this_machine_only(stream: WebSocketStream) -> None:
    assert stream._server is not None
    assert {s.getsockname()[0] for s in stream._server.sockets} == {"127.0.0.1"}


def raw_client(stream: WebSocketStream) -> socket.socket:
    """A client that says hello and then never reads."""
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect(("127.0.0.1", stream.port))
    lazy.sendall(
        f"GET /?token={stream.token} HTTP/1.1\r\nHost: 127.0.0.1:{stream.port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    return lazy


def test_a_client_that_never_reads_holds_nobody_up_and_is_closed(
    stream: WebSocketStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_stream, "_SEND_WITHIN_S", 1.0)
    lazy = raw_client(stream)
    wait_for(lambda: stream.num_clients == 1)
    (held,) = stream._clients
    frames: list[int] = []
    with client(stream) as reader:

        def read() -> None:
            for message in reader:
                frames.append(json.loads(message).get("frame", -1))
                if frames[-1] == 99_999:
                    return

        reading = threading.Thread(target=read)
        reading.start()
        one = result(0, num_faces=8)
        batches = itertools.count(1)

        def closed_while_more_comes() -> bool:
            # the system's own buffers take megabytes before a send has to wait
            for _ in range(50):
                stream.put(one)
            number = next(batches)
            stream.put(result(number))
            assert len(held.messages) <= 64
            # who reads has read all of it, also where a busy machine lets it read seldom
            wait_for(lambda: frames[-1:] == [number])
            return held not in stream._clients

        wait_for(closed_while_more_comes)
        stream.put(result(99_999))
        reading.join(10)
    # the other client goes on
    assert frames[-1] == 99_999
    lazy.close()


def test_a_slow_client_is_told_how_much_it_lost(stream: WebSocketStream) -> None:
    with client(stream) as reader:
        reader.recv(timeout=10)
        blocked, go_on = threading.Event(), threading.Event()

        def block() -> None:
            blocked.set()
            go_on.wait(20)

        # the server's loop stands still, so that messages pile up
        stream._loop.call_soon_threadsafe(block)
        blocked.wait(20)
        for index in range(200):
            stream.put(result(index))
        go_on.set()
        lost = json.loads(reader.recv(timeout=10))
        first = json.loads(reader.recv(timeout=10))
        for _ in range(63):
            reader.recv(timeout=10)
    assert lost["type"] == "lost"
    assert first["frame"] == lost["messages"] == 200 - 64


def test_a_taken_port_is_one_sentence(stream: WebSocketStream) -> None:
    with pytest.raises(StreamError, match="choose another with --stream-port"):
        WebSocketStream(port=stream.port)


def test_closing_ends_the_thread_and_every_connection() -> None:
    stream = WebSocketStream(port=0)
    with client(stream) as reader:
        reader.recv(timeout=10)
        stream.close()
        assert not stream._thread.is_alive()
        stream.put(result(1))  # late results are no error
