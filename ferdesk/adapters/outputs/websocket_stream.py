"""WebSocket server on this machine, by the library websockets: results as JSON, and commands.

Each client has a short queue of its own, of which the oldest message goes when it is full. So a
slow client loses messages and hears how many, and one that never reads costs a fixed amount of
memory until it is closed. What clients say goes to a ``CommandDesk``; its answers are never lost.
"""

import asyncio
import contextlib
import errno
import hmac
import json
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from ferdesk.core.labels import LABELS
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.errors import StreamError
from ferdesk.messages import translatable
from ferdesk.runtime.commands import MAX_MESSAGE_BYTES, CommandClient, CommandDesk, refusal
from ferdesk.sessions.fields import FACE_FIELDS

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
SCHEMA = 1
_MAX_WAITING = 64
_MAX_ANSWERS = 128
"""A client that leaves more answers unread is closed."""
_MAX_CLIENTS = 16
_REFUSES_EVERY_S = 0.1
"""A stream without a desk reads no more often."""
_TAKEN = (errno.EADDRINUSE, errno.EACCES, 10048, 10013)
"""The port is another program's; the last two are Windows' words for it."""
_SEND_WITHIN_S = 10.0
"""A client that takes nothing for so long is closed."""


@dataclass(slots=True, eq=False)
class _Client:
    """What waits for one client; used on the server's loop alone."""

    wants_results: bool = True
    messages: deque[str] = field(default_factory=deque)
    answers: deque[str] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    num_lost: int = 0

    def offer(self, message: str) -> None:
        if len(self.messages) >= _MAX_WAITING:
            self.messages.popleft()
            self.num_lost += 1
        self.messages.append(message)
        self.ready.set()

    def answer(self, message: str) -> None:
        """Answers are not lost: whoever leaves them unread is closed instead."""
        self.answers.append(message)
        self.ready.set()


class WebSocketStream:
    """A server on 127.0.0.1 that needs a token, and takes web pages of named origins only."""

    def __init__(
        self,
        *,
        port: int = 8765,
        num_ports: int = 1,
        origins: Sequence[str] = (),
        token: str | None = None,
        commands: CommandDesk | None = None,
    ) -> None:
        """Begin to listen.

        Args:
            port: 0 takes a free one.
            num_ports: so many from ``port`` on are tried, until one is free.
            origins: of web pages that may connect, such as ``http://localhost:8000``; programs
                send none and need none.
            token: what clients must bring; by default a new one that nobody can guess.
            commands: takes what clients ask for; without one they are refused.

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
        # as it is copied from a browser's address; what browsers send has no slash at its end
        self._origins = tuple(origin.rstrip("/") for origin in origins)
        self._clients: set[_Client] = set()
        self._loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self.port = port
        self._ports = range(port, port + (num_ports if port else 1))
        self._commands = commands
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
    def url(self) -> str:
        """Where clients connect, with the token."""
        return f"ws://{HOST}:{self.port}/?token={self.token}"

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
            if client.wants_results:
                client.offer(text)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception:
            log.exception("the WebSocket server ended")
        finally:
            if self._commands is not None:
                self._commands.leave(self.url)
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        server = await self._first_free()
        if server is None:
            return
        logging.getLogger("websockets.ferdesk").setLevel(logging.CRITICAL)
        self._server = server
        self.port = int(next(iter(server.sockets)).getsockname()[1])
        if self._commands is not None:
            self._commands.listen_at(self.url)
        self._started.set()
        await self._stopping.wait()
        server.close()
        await server.wait_closed()

    async def _first_free(self) -> "Server | None":
        """A server on the first port that is free; None where none is, with the reason kept."""
        for port in self._ports:
            try:
                server = await self._open_server(
                    self._serve_client,
                    HOST,
                    port,
                    process_request=self._check,
                    # no Origin: a program; web pages always send theirs
                    origins=[None, *self._origins],  # type: ignore[list-item]
                    max_size=MAX_MESSAGE_BYTES,
                    max_queue=4,
                    write_limit=16_384,
                    ping_interval=10,
                    ping_timeout=10,
                    close_timeout=1,
                    compression=None,
                    server_header=None,
                    logger=logging.getLogger("websockets.ferdesk"),
                )
            except OSError as error:
                self._refused[:] = [error]
                if error.errno not in _TAKEN:
                    break
            else:
                self._refused.clear()
                return server
        return None

    def _check(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        """Refuse whoever has no token; one after the other tried is not told apart by time."""
        given = _query_of(request.path).get("token", [""])[0]
        bearer = request.headers.get("Authorization", "")
        if bearer.startswith("Bearer "):
            given = bearer.removeprefix("Bearer ")
        # what is no ASCII comes as surrogates
        if not hmac.compare_digest(given.encode(errors="surrogateescape"), self.token.encode()):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "The token is missing or wrong.\n")
        if len(self._clients) >= _MAX_CLIENTS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many clients.\n")
        return None

    async def _serve_client(self, connection: "ServerConnection") -> None:
        import websockets

        client = _Client(wants_results=_wants_results(connection))
        client.offer(json.dumps(self._hello()))
        self._clients.add(client)
        reader = asyncio.ensure_future(self._read(connection, client))
        try:
            while True:
                while not client.messages and not client.answers:
                    client.ready.clear()
                    waiting = asyncio.ensure_future(client.ready.wait())
                    await asyncio.wait({waiting, reader}, return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                    if reader.done():
                        return
                if client.answers:
                    answer = client.answers.popleft()
                    await asyncio.wait_for(connection.send(answer), _SEND_WITHIN_S)
                    continue
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

    def _hello(self) -> dict[str, object]:
        hello: dict[str, object] = {"type": "hello", "schema": SCHEMA, "labels": list(LABELS)}
        if self._commands is not None:
            hello["commands"] = self._commands.allowed
        return hello

    async def _read(self, connection: "ServerConnection", client: _Client) -> None:
        """Hand on what a client says; ends with the connection, or ends it."""
        import websockets

        reply = partial(self._reply, client)
        desk = None if self._commands is None else self._commands.client(reply)
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in connection:
                close_because = await _take(text, desk, reply)
                if len(client.answers) > _MAX_ANSWERS:
                    close_because = "answers are left unread"
                if close_because:
                    log.warning("a WebSocket client was closed: %s", close_because)
                    await connection.close(1008, close_because)
                    return

    def _reply(self, client: _Client, text: str) -> None:
        """Send an answer; from any thread, also when the client has gone."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(client.answer, text)


async def _take(text: str | bytes, desk: CommandClient | None, reply: Callable[[str], None]) -> str:
    """Let a client's message be answered; why to close it, else empty."""
    if desk is None:
        reply(refusal(text))
        await asyncio.sleep(_REFUSES_EVERY_S)
        return ""
    reading = desk.receive(text)
    if reading.pause_s:
        # its next words wait in the system's buffers, and then at the client
        await asyncio.sleep(reading.pause_s)
    return reading.close_because


def _wants_results(connection: "ServerConnection") -> bool:
    path = "" if connection.request is None else connection.request.path
    return _query_of(path).get("results", [""])[0] != "no"


def _query_of(path: str) -> dict[str, list[str]]:
    """What stands behind the question mark; nothing of a path that is none."""
    try:
        return parse_qs(urlsplit(path).query)
    except ValueError:
        return {}


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
