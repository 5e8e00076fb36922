"""WebSocket server on this machine, by the library websockets: results as JSON.

Each client has a short queue of its own, of which the oldest message goes when it is full. So a
slow client loses messages and hears how many, and one that never reads costs a fixed amount of
memory until it is closed.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from ferdesk.core.labels import LABELS
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.errors import StreamError
from ferdesk.messages import translatable
from ferdesk.sessions.fields import FACE_FIELDS

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
SCHEMA = 1
_MAX_WAITING = 64
_MAX_CLIENTS = 16
_SEND_WITHIN_S = 10.0
"""A client that takes nothing for so long is closed."""


@dataclass(slots=True, eq=False)
class _Client:
    """What waits for one client; used on the server's loop alone."""

    messages: deque[str] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    num_lost: int = 0

    def offer(self, message: str) -> None:
        if len(self.messages) >= _MAX_WAITING:
            self.messages.popleft()
            self.num_lost += 1
        self.messages.append(message)
        self.ready.set()


class WebSocketStream:
    """A server on 127.0.0.1 that needs a token, and takes web pages of named origins only."""

    def __init__(
        self, *, port: int = 8765, origins: Sequence[str] = (), token: str | None = None
    ) -> None:
        """Begin to listen.

        Args:
            port: 0 takes a free one.
            origins: of web pages that may connect, such as ``http://localhost:8000``; programs
                send none and need none.
            token: what clients must bring; by default a new one that nobody can guess.

        Raises:
            StreamError: the library is missing, or the port is taken.
        """
        try:
            from websockets.asyncio.server import serve
        except ImportError as error:
            raise StreamError(
                translatable(
                    "The WebSocket needs the library websockets: pip install 'ferdesk[streams]'."
                )
            ) from error
        self.token = token or secrets.token_urlsafe(24)
        self._origins = tuple(origins)
        self._clients: set[_Client] = set()
        self._loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self.port = port
        self._open_server = serve
        self._refused: list[OSError] = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ferdesk-stream-ws", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._refused:
            self._thread.join()
            reason = self._refused[0]
            raise StreamError(
                translatable(
                    "The WebSocket cannot listen on port {port} ({why}); choose "
                    "another with --stream-port.",
                    port=port,
                    why=reason.strerror,
                )
            ) from reason

    @property
    def address(self) -> str:
        return translatable(
            "WebSocket: ws://{host}:{port}/?token={token} (this machine only).",
            host=HOST,
            port=self.port,
            token=self.token,
        )

    @property
    def num_clients(self) -> int:
        return len(self._clients)

    def put(self, result: FrameResult) -> None:
        if self._clients:
            self._broadcast(frame_message(result))

    def mark(self, label: str, at_s: float | None = None) -> None:
        if self._clients:
            age_s = 0.0 if at_s is None else time.monotonic() - at_s
            moment = datetime.now(UTC) - timedelta(seconds=age_s)
            self._broadcast({"type": "marker", "time_utc": _utc(moment), "label": label})

    def close(self) -> None:
        """Close every connection and the port."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _broadcast(self, message: dict[str, object]) -> None:
        text = json.dumps(message, separators=(",", ":"))
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._offer, text)

    def _offer(self, text: str) -> None:
        for client in self._clients:
            client.offer(text)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception:
            log.exception("the WebSocket server ended")
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        try:
            server = await self._open_server(
                self._serve_client,
                HOST,
                self.port,
                process_request=self._check,
                # no Origin: a program; web pages always send theirs
                origins=[None, *self._origins],  # type: ignore[list-item]
                max_size=1024,
                write_limit=16_384,
                ping_interval=10,
                ping_timeout=10,
                close_timeout=1,
                compression=None,
                server_header=None,
                logger=logging.getLogger("websockets.ferdesk"),
            )
        except OSError as error:
            self._refused.append(error)
            return
        logging.getLogger("websockets.ferdesk").setLevel(logging.CRITICAL)
        self._server = server
        self.port = int(next(iter(server.sockets)).getsockname()[1])
        self._started.set()
        await self._stopping.wait()
        server.close()
        await server.wait_closed()

    def _check(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        """Refuse whoever has no token; one after the other tried is not told apart by time."""
        parts = urlsplit(request.path)
        given = parse_qs(parts.query).get("token", [""])[0]
        bearer = request.headers.get("Authorization", "")
        if bearer.startswith("Bearer "):
            given = bearer.removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "The token is missing or wrong.\n")
        if len(self._clients) >= _MAX_CLIENTS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many clients.\n")
        return None

    async def _serve_client(self, connection: "ServerConnection") -> None:
        import websockets

        client = _Client()
        client.offer(json.dumps({"type": "hello", "schema": SCHEMA, "labels": list(LABELS)}))
        self._clients.add(client)
        reader = asyncio.ensure_future(_ignore(connection))
        try:
            while True:
                while not client.messages:
                    client.ready.clear()
                    waiting = asyncio.ensure_future(client.ready.wait())
                    await asyncio.wait({waiting, reader}, return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                    if reader.done():
                        return
                message = client.messages.popleft()
                if client.num_lost:
                    lost, client.num_lost = client.num_lost, 0
                    message = json.dumps({"type": "lost", "messages": lost}) + "\n" + message
                    for part in message.split("\n"):
                        await asyncio.wait_for(connection.send(part), _SEND_WITHIN_S)
                else:
                    await asyncio.wait_for(connection.send(message), _SEND_WITHIN_S)
        except TimeoutError:
            log.warning("a WebSocket client took nothing for %.0f s and was closed", _SEND_WITHIN_S)
            connection.transport.abort()
        except websockets.ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await reader


async def _ignore(connection: "ServerConnection") -> None:
    """Read and forget what a client says; ends with the connection."""
    import websockets

    with contextlib.suppress(websockets.ConnectionClosed):
        async for _ in connection:
            pass


def frame_message(result: FrameResult) -> dict[str, object]:
    """An analysed frame as docs/streams.md describes it."""
    frame = result.frame
    age_s = max(0.0, time.monotonic() - frame.captured_s)
    return {
        "type": "frame",
        "frame": frame.index,
        "t_s": round(frame.t_s, 6),
        "time_utc": _utc(datetime.now(UTC) - timedelta(seconds=age_s)),
        "latency_ms": round(result.latency_ms, 3),
        "faces": [_face(face) for face in result.faces],
    }


def _face(face: FaceResult) -> dict[str, object]:
    values: dict[str, object] = {}
    families: dict[str, dict[str, object]] = {}
    for one in FACE_FIELDS:
        got = one.get(face)
        if got is None:  # not measured: there is no such key
            continue
        value: object = got
        if one.kind == "number":
            value = _plain(got)
        elif one.kind == "flag":
            value = bool(value)
        if one.family and one.family not in families:
            values[one.family] = families[one.family] = {}
        families.get(one.family, values)[one.key] = value
    return values


def _plain(value: float | str) -> float:
    """Six significant places: more than float32 carries are noise."""
    return float(f"{float(value):.6g}")


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
