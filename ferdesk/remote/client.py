"""Remote control of a running ferdesk from plain Python: each call waits for its answer."""

import time
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING

from ferdesk.errors import RemoteError
from ferdesk.remote import wire
from ferdesk.remote.places import find_address
from ferdesk.remote.wire import Facts

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection


class Remote:
    """Connection to a running ferdesk, from one thread; a context manager.

    Each command returns the facts of its answer (docs/streams.md), and raises ``RemoteError`` with
    ferdesk's sentence where it is refused, not answered, or the connection has ended.
    """

    def __init__(self, connection: "ClientConnection", timeout_s: float) -> None:
        """``connect`` makes one."""
        self._timeout_s = timeout_s
        self._opened = ExitStack()
        self._connection = self._opened.enter_context(connection)
        self._number = 0

    def start_recording(
        self,
        *,
        name: str | None = None,
        participant: str | None = None,
        condition: str | None = None,
    ) -> Facts:
        """Begin a recording, as the button does; answered once it is open: ``session``."""
        return self.command(
            "start_recording", name=name, participant=participant, condition=condition
        )

    def stop_recording(self) -> Facts:
        """End the recording; answered once it is on the disk: ``session``, ``rows``."""
        return self.command("stop_recording")

    def marker(self, text: str, at: datetime | None = None) -> Facts:
        """Set a marker at the moment of this call, or ``at`` another: ``t_s`` in the session.

        Raises:
            ValueError: ``at`` has no time zone.
            RemoteError: it was refused or not answered.
        """
        return self.command("marker", **wire.marker_values(text, at))

    def participant(self, code: str) -> Facts:
        """Whom the next recordings show."""
        return self.command("participant", text=code)

    def condition(self, name: str) -> Facts:
        """The condition of the next recordings."""
        return self.command("condition", text=name)

    def status(self) -> Facts:
        """What runs and what is recorded."""
        return self.command("status")

    def snapshot(self) -> Facts:
        """Save a picture, as the button does: ``file``."""
        return self.command("snapshot")

    def command(self, command: str, **values: object) -> Facts:
        """Send one command of docs/streams.md, and wait for its answer.

        Raises:
            RemoteError: it was refused, not answered, or the connection has ended.
        """
        import websockets

        self._number += 1
        until_s = time.monotonic() + self._timeout_s
        try:
            self._connection.send(wire.command_text(self._number, command, values))
            while True:
                text = self._connection.recv(timeout=max(0.0, until_s - time.monotonic()))
                if (facts := wire.answer_to(self._number, text)) is not None:
                    return facts
        except TimeoutError as error:
            raise wire.late(self._timeout_s) from error
        except (websockets.ConnectionClosed, OSError) as error:
            raise RemoteError(wire.ENDED) from error

    def close(self) -> None:
        """End the connection; a recording goes on."""
        self._opened.close()

    def __enter__(self) -> "Remote":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def connect(
    address: str | None = None,
    *,
    port: int | None = None,
    timeout_s: float = wire.ANSWERS_WITHIN_S,
) -> Remote:
    """Connect to a ferdesk that takes commands.

    Args:
        address: as its window shows it, ``ws://127.0.0.1:8765/?token=...``; by default that of
            the environment's ``FERDESK_ADDRESS``, else of the only one that runs here.
        port: of the one that is meant, where several run and no address is given.
        timeout_s: how long each command waits for its answer.

    Raises:
        RemoteError: none takes commands, it cannot be reached, or websockets is not installed.
    """
    try:
        from websockets.exceptions import InvalidHandshake, InvalidURI
        from websockets.sync.client import connect as open_connection
    except ImportError as error:
        raise wire.missing_library(error) from error
    where = wire.without_results(address or find_address(port))
    sock = wire.open_socket(where)
    try:
        connection = open_connection(
            where, sock=sock, open_timeout=wire.CONNECTS_WITHIN_S, compression=None
        )
    except (OSError, InvalidHandshake, InvalidURI) as error:
        raise wire.unreachable(error) from error
    return Remote(connection, timeout_s)
