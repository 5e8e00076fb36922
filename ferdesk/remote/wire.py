"""Wire format of commands and answers, for clients: texts out, facts in; no connection.

The other side is ``ferdesk.runtime.commands``; docs/streams.md describes what lies between.
"""

import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ferdesk.errors import RemoteError

ANSWERS_WITHIN_S = 90.0
"""How long a client waits for an answer: a recording may be counted down to for a minute."""
CONNECTS_WITHIN_S = 5.0
ENDED = "The connection to ferdesk has ended: its window or its stream was closed."

Facts = dict[str, Any]
"""What an answer says, by the names of docs/streams.md."""


def without_results(address: str) -> str:
    """``address`` of a connection that gets answers only, not every frame."""
    parts = urlsplit(address)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "results"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("results", "no")])))


def open_socket(address: str) -> socket.socket:
    """A socket that is connected to ``address`` itself, whatever proxy the environment names.

    Raises:
        RemoteError: it is no address, or nobody listens there.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        is_address = parts.scheme in ("ws", "wss")
    except ValueError:
        host, port, is_address = None, None, False
    if host is None or port is None or not is_address:
        raise RemoteError(
            "That is no address of ferdesk; its window shows one like "
            "ws://127.0.0.1:8765/?token=...."
        )
    try:
        return socket.create_connection((host, port), CONNECTS_WITHIN_S)
    except (OSError, ValueError) as error:  # the second: a host's name that no host can have
        raise unreachable(error) from error


def command_text(number: int, command: str, values: Mapping[str, object]) -> str:
    """The JSON of a command; values that are None are left out."""
    given = {name: value for name, value in values.items() if value is not None}
    return json.dumps({"type": "command", "id": number, "command": command, **given})


def marker_values(text: str, at: datetime | None) -> Facts:
    """What a marker's command has: the moment is that of the call, unless another is given.

    Raises:
        ValueError: ``at`` has no time zone.
    """
    moment = datetime.now(UTC) if at is None else at
    if moment.tzinfo is None:
        raise ValueError("the marker's moment has no time zone; give datetime.now(UTC) or the like")
    return {"text": text, "time_utc": moment.astimezone(UTC).isoformat()}


def answer_to(number: int, text: str | bytes) -> Facts | None:
    """The facts of the answer to command ``number``; None where the message is another one.

    Raises:
        RemoteError: the command was refused; its text is ferdesk's sentence.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise RemoteError("What answers at this address is no ferdesk; its window shows its own.")
    if message.get("type") != "answer" or message.get("id") not in (number, None):
        return None
    if message.get("ok") is not True:
        raise RemoteError(str(message.get("message", "")), str(message.get("error", "")))
    return {name: value for name, value in message.items() if name not in ("type", "id", "ok")}


def unreachable(error: BaseException) -> RemoteError:
    """The sentence for a connection that was not made."""
    if getattr(getattr(error, "response", None), "status_code", None) == 401:
        return RemoteError(
            "ferdesk did not take the token; each start has a new one, which its window shows."
        )
    why = getattr(error, "strerror", None) or str(error)
    if isinstance(error, TimeoutError):
        why = "no answer"
    return RemoteError(
        f"ferdesk cannot be reached ({why}); open its window, and its stream over WebSocket."
    )


def late(seconds: float) -> RemoteError:
    """The sentence for an answer that did not come."""
    return RemoteError(f"ferdesk has not answered within {seconds:g} s.")


def missing_library(error: ImportError) -> RemoteError:
    """The sentence for an installation without websockets, or with one that does not load."""
    return RemoteError(
        f"Remote control needs the library websockets: pip install websockets ({error})."
    )
