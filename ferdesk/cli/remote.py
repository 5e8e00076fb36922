"""``ferdesk remote``: commands for a ferdesk that runs on this computer."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ferdesk.cli.options import Command, CommandGroup, JsonOption, moment_of
from ferdesk.cli.terminal import terminal
from ferdesk.errors import EXIT_PARTIAL, RemoteError
from ferdesk.remote import Remote, connect
from ferdesk.text_output import write

remote = typer.Typer(
    cls=CommandGroup,
    help="Command a ferdesk that runs on this computer and allows it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", help="Its address with the token (default: FERDESK_ADDRESS, or the only one)."
    ),
]
PortOption = Annotated[
    int | None, typer.Option("--port", min=1, max=65535, help="Its port, where several run.")
]


def _do(
    address: str | None,
    port: int | None,
    command: Callable[[Remote], dict[str, object]],
    as_json: bool,
) -> None:
    """Send one command and print its answer; a refusal is one sentence and exit code 1.

    Raises:
        RemoteError: nobody was reached, or nobody answered.
    """
    try:
        with connect(address, port=port) as ferdesk:
            facts = command(ferdesk)
    except RemoteError as error:
        if not error.code or terminal.debug:
            raise
        terminal.warn(f"Error: {error}")
        raise typer.Exit(EXIT_PARTIAL) from error
    if as_json:
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    for name, value in facts.items():
        if value not in (None, ""):
            write(f"{name}: {str(value).lower() if isinstance(value, bool) else value}\n")


@remote.command(cls=Command)
def status(
    address: AddressOption = None, port: PortOption = None, as_json: JsonOption = False
) -> None:
    """Print what runs and what is recorded."""
    _do(address, port, lambda ferdesk: ferdesk.status(), as_json)


@remote.command(cls=Command)
def start(
    name: Annotated[str | None, typer.Option(help="Name of the recording.")] = None,
    participant: Annotated[str | None, typer.Option(help="Code of the participant.")] = None,
    condition: Annotated[str | None, typer.Option(help="Condition of the study.")] = None,
    address: AddressOption = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a recording, and wait until it is open."""
    _do(
        address,
        port,
        lambda ferdesk: ferdesk.start_recording(
            name=name, participant=participant, condition=condition
        ),
        as_json,
    )


@remote.command(cls=Command)
def stop(
    address: AddressOption = None, port: PortOption = None, as_json: JsonOption = False
) -> None:
    """Stop the recording, and wait until it is on the disk."""
    _do(address, port, lambda ferdesk: ferdesk.stop_recording(), as_json)


@remote.command(cls=Command)
def marker(
    text: Annotated[str, typer.Argument(help="Label of the marker.")],
    ago: Annotated[float, typer.Option(min=0, help="So many seconds before now.")] = 0.0,
    at: Annotated[
        str | None, typer.Option(help="Its moment, with its zone: 2026-05-06T07:08:09.123Z.")
    ] = None,
    address: AddressOption = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a marker at the moment of this command."""
    # before the connection is made, which takes a moment
    moment = _before(datetime.now(UTC) if at is None else moment_of(at, "--at"), ago)
    _do(address, port, lambda ferdesk: ferdesk.marker(text, moment), as_json)


def _before(moment: datetime, ago_s: float) -> datetime:
    """So many seconds before ``moment``.

    Raises:
        typer.BadParameter: there is no such moment.
    """
    try:
        return moment - timedelta(seconds=ago_s)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{ago_s:g} is no number of seconds before now; write one like 1.5.",
            param_hint="--ago",
        ) from None


@remote.command(cls=Command)
def participant(
    code: Annotated[str, typer.Argument(help="Code of the participant.")],
    address: AddressOption = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whom the next recordings show."""
    _do(address, port, lambda ferdesk: ferdesk.participant(code), as_json)


@remote.command(cls=Command)
def condition(
    name: Annotated[str, typer.Argument(help="Condition of the study.")],
    address: AddressOption = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say in which condition the next recordings are."""
    _do(address, port, lambda ferdesk: ferdesk.condition(name), as_json)


@remote.command(cls=Command)
def snapshot(
    address: AddressOption = None, port: PortOption = None, as_json: JsonOption = False
) -> None:
    """Save a picture of what is shown."""
    _do(address, port, lambda ferdesk: ferdesk.snapshot(), as_json)
