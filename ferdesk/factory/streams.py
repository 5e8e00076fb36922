"""Stream factory: LSL and WebSocket outputs by their names."""

import contextlib
from collections.abc import Iterator, Sequence

import ferdesk
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.errors import StreamError
from ferdesk.messages import translatable
from ferdesk.runtime.ports import StreamOptions
from ferdesk.runtime.recording import Stream

PORT = 8765
PORTS_TRIED = 10
"""How many ports a window tries that was given none: several ferdesks may run side by side."""


def open_stream(
    kind: str,
    port: int | None = PORT,
    sources: Sequence[str] = (),
    options: StreamOptions = StreamOptions(),  # noqa: B008 (a frozen value)
) -> Stream:
    """Begin to send the results of ``sources``: ``lsl`` or ``websocket``.

    Args:
        kind: which.
        port: of the WebSocket; None takes the first free one from ``PORT`` on.
        sources: locations of what is sent.
        options: its ``measures`` are what has channels in LSL, whose number is fixed.

    Raises:
        StreamError: its library is missing, or its port is taken.
    """
    if kind == "lsl":
        from ferdesk.adapters.outputs.lsl_stream import LslStream

        return LslStream(version=ferdesk.__version__, sources=sources, measures=options.measures)
    if kind == "websocket":
        from ferdesk.adapters.outputs.websocket_stream import WebSocketStream

        return WebSocketStream(
            port=PORT if port is None else port,
            num_ports=PORTS_TRIED if port is None else 1,
            origins=options.origins,
            commands=options.commands,
        )
    raise StreamError(
        translatable("There is no stream {kind!r}; there are lsl and websocket.", kind=kind)
    )


@contextlib.contextmanager
def open_streams(
    kinds: Sequence[str],
    port: int | None,
    origins: Sequence[str],
    sources: Sequence[str],
    measures: MeasuresChoice = "off",
) -> Iterator[list[Stream]]:
    """The streams of those kinds, each once, closed at the end."""
    with contextlib.ExitStack() as stack:
        streams: list[Stream] = []
        options = StreamOptions(measures, tuple(origins))
        for kind in dict.fromkeys(kinds):
            stream = open_stream(kind, port, sources, options)
            stack.callback(stream.close)
            streams.append(stream)
        yield streams
