"""Invariants of the WebSocket: strict JSON for any face, and no client's words hurt another."""

import contextlib
import json
import socket
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferdesk.core.labels import LABELS
from ferdesk.core.types import FaceResult
from tests.adapters.test_recording_faults import wait_for
from tests.helpers.results import FACE, make_result
from tests.helpers.strategies import LABEL_TEXTS, faces

pytest.importorskip("websockets")

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ferdesk.adapters.outputs.websocket_stream import WebSocketStream, frame_message


def strict(text: str) -> dict[str, object]:
    """JSON as other languages read it: no NaN, no Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    message: dict[str, object] = json.loads(text, parse_constant=refuse)
    return message


def close_to(value: object, wanted: float) -> bool:
    """Six significant places."""
    return value == pytest.approx(wanted, rel=6e-6, abs=1e-44)


@given(st.lists(st.integers(1, 2**31 - 1).flatmap(faces), max_size=3), st.floats(0, 1e6))
def test_every_message_is_strict_json_with_each_faces_values(
    shown: list[FaceResult], t_s: float
) -> None:
    message = strict(json.dumps(frame_message(make_result(*shown, t_s=t_s))))
    assert message["t_s"] == round(t_s, 6)
    said = message["faces"]
    assert isinstance(said, list)
    for one, face in zip(said, shown, strict=True):
        assert one["face_id"] == face.face_id
        assert one["uncertain"] is face.low_confidence
        assert close_to(one["x"], float(np.float32(face.box.x)))
        assert close_to(one["pitch_deg"], face.pitch_deg)
        for index, label in enumerate(LABELS):
            assert close_to(one["p"][label], float(face.expression.probabilities[index]))
            assert close_to(one["s"][label], float(face.smoothed[index]))


@pytest.fixture(scope="module")
def stream() -> Iterator[WebSocketStream]:
    stream = WebSocketStream(port=0)
    yield stream
    stream.close()


def good_client_gets(stream: WebSocketStream, label: str) -> None:
    with connect(f"ws://127.0.0.1:{stream.port}/?token={stream.token}") as reader:
        reader.recv(timeout=10)
        stream.put(make_result(FACE))
        stream.mark(label)
        frame, marker = strict(str(reader.recv(10))), strict(str(reader.recv(10)))
    assert frame["type"] == "frame"
    assert marker["label"] == label


HEADERS = st.sampled_from(
    [b"Upgrade: websocket", b"Connection: Upgrade", b"Origin: null", b"Authorization: Bearer x",
     b"Authorization: Bearer \xff", b"Content-Length: 99999", b"X: " + b"a" * 200]
)  # fmt: skip
HANDSHAKE = [
    b"Host: 127.0.0.1",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
]
"""All that a client needs, but for the token."""
REQUESTS = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda path, more: b"\r\n".join(
            [b"GET /" + path + b" HTTP/1.1", *HANDSHAKE, *more, b"\r\n"]
        ),
        st.sampled_from([b"", b"?token=", b"?token=%ff", b"?token=x&token=y", b"?TOKEN=x"]),
        st.lists(HEADERS, max_size=1),
    ),
    st.builds(
        lambda method, path, headers: (
            b"\r\n".join([method + b" /" + path + b" HTTP/1.1", *headers]) + b"\r\n\r\n"
        ),
        st.sampled_from([b"GET", b"POST", b"G\0T"]),
        st.one_of(st.binary(max_size=20), st.sampled_from([b"?token=", b"?token=%ff", b"?%"])),
        st.lists(HEADERS, max_size=8),
    ),
)


@given(st.lists(REQUESTS, min_size=1, max_size=4), LABEL_TEXTS)
def test_whatever_others_ask_is_refused_and_a_good_client_is_served(
    stream: WebSocketStream, requests: list[bytes], label: str
) -> None:
    for request in requests:
        with socket.create_connection(("127.0.0.1", stream.port), timeout=10) as other:
            other.sendall(request)
            other.shutdown(socket.SHUT_WR)
            try:
                answer = other.recv(65_536)
            except ConnectionResetError:
                answer = b""
            assert not answer.startswith(b"HTTP/1.1 101")
    good_client_gets(stream, label)


@given(
    st.lists(st.one_of(st.binary(max_size=1500), st.text(max_size=300)), min_size=1, max_size=4),
    LABEL_TEXTS,
)
def test_whatever_a_client_says_is_ignored_or_ends_its_connection_alone(
    stream: WebSocketStream, said: list[bytes | str], label: str
) -> None:
    with connect(f"ws://127.0.0.1:{stream.port}/?token={stream.token}") as talker:
        # more than 1024 bytes end the connection
        with contextlib.suppress(ConnectionClosed):
            for message in said:
                talker.send(message)
        good_client_gets(stream, label)
    wait_for(lambda: stream.num_clients == 0)
