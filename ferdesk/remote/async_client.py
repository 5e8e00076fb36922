"""Remote control of a running ferdesk from asyncio; the calls are those of ``Remote``."""

import asyncio
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING

from ferdesk.errors import RemoteError
from ferdesk.remote import wire
from ferdesk.remote.places import find_address
from ferdesk.remote.wire import Facts

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection


class AsyncRemote:
    """Connection to a running ferdesk; commands are sent one after the other.

    Each command returns the facts of its answer (docs/streams.md), and raises ``RemoteError`` with
    ferdesk's sentence where it is refused, not answered, or the connection has ended.
    """

    def __init__(self, connection: "ClientConnection", timeout_s: float) -> None:
        """``connect_async`` makes one."""
        self._connection, self._timeout_s = connection, timeout_s
        self._turn = asyncio.Lock()
        self._number = 0

    async def start_recording(
        self,
        *,
        name: str | None = None,
        participant: str | None = None,
        condition: str | None = None,
    ) -> Facts:
        """Begin a recording, as the button does; answered once it is open: ``session``."""
        return await self.command(
            "start_recording", name=name, participant=participant, condition=condition
        )

    async def stop_recording(self) -> Facts:
        """End the recording; answered once it is on the disk: ``session``, ``rows``."""
        return await self.command("stop_recording")

    async def marker(self, text: str, at: datetime | None = None) -> Facts:
        """Set a marker at the moment of this call, or ``at`` another: ``t_s`` in the session.

        Raises:
            ValueError: ``at`` has no time zone.
            RemoteError: it was refused or not answered.
        """
        return await self.command("marker", **wire.marker_values(text, at))

    async def participant(self, code: str) -> Facts:
        """Whom the next recordings show."""
        return await self.command("participant", text=code)

    async def condition(self, name: str) -> Facts:
        """The condition of the next recordings."""
        return await self.command("condition", text=name)

    async def status(self) -> Facts:
        """What runs and what is recorded."""
        return await self.command("status")

    async def snapshot(self) -> Facts:
        """Save a picture, as the button does: ``file``."""
        return await self.command("snapshot")

    async def command(self, command: str, **values: object) -> Facts:
        """Send one command of docs/streams.md, and wait for its answer.

        Raises:
            RemoteError: it was refused, not answered, or the connection has ended.
        """
        import websockets

        async with self._turn:
            self._number += 1
            try:
                async with asyncio.timeout(self._timeout_s):
                    text = wire.command_text(self._number, command, values)
                    await self._connection.send(text)
                    while True:
                        got = await self._connection.recv()
                        if (facts := wire.answer_to(self._number, got)) is not None:
                            return facts
            except TimeoutError as error:
                raise wire.late(self._timeout_s) from error
            except (websockets.ConnectionClosed, OSError) as error:
                raise RemoteError(wire.ENDED) from error

    async def close(self) -> None:
        """End the connection; a recording goes on."""
        await self._connection.close()

    async def __aenter__(self) -> "AsyncRemote":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def connect_async(
    address: str | None = None,
    *,
    port: int | None = None,
    timeout_s: float = wire.ANSWERS_WITHIN_S,
) -> AsyncRemote:
    """Connect to a ferdesk that takes commands, as a context manager of asyncio.

    The arguments and errors are those of ``connect``.
    """
    try:
        from websockets.asyncio.client import connect as open_connection
        from websockets.exceptions import InvalidHandshake, InvalidURI
    except ImportError as error:
        raise wire.missing_library(error) from error
    where = wire.without_results(address or find_address(port))
    sock = wire.open_socket(where)
    try:
        connection = await open_connection(
            where, sock=sock, open_timeout=wire.CONNECTS_WITHIN_S, compression=None
        )
    except (OSError, InvalidHandshake, InvalidURI) as error:
        raise wire.unreachable(error) from error
    return AsyncRemote(connection, timeout_s)
