"""Stream factory: LSL and WebSocket outputs by their names."""

import contextlib
from collections.abc import Iterator, Sequence

import ferdesk
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.errors import StreamError
from ferdesk.messages import translatable
from ferdesk.runtime.recording import Stream


def open_stream(
    kind: str,
    port: int = 8765,
    origins: Sequence[str] = (),
    sources: Sequence[str] = (),
    measures: MeasuresChoice = "off",
) -> Stream:
    """Begin to send the results of ``sources``: ``lsl`` or ``websocket``.

    ``measures`` is what of the faces themselves has channels in LSL, whose number is fixed.

    Raises:
        StreamError: its library is missing, or its port is taken.
    """
    if kind == "lsl":
        from ferdesk.adapters.outputs.lsl_stream import LslStream

        return LslStream(version=ferdesk.__version__, sources=sources, measures=measures)
    if kind == "websocket":
        from ferdesk.adapters.outputs.websocket_stream import WebSocketStream

        return WebSocketStream(port=port, origins=origins)
    raise StreamError(
        translatable("There is no stream {kind!r}; there are lsl and websocket.", kind=kind)
    )


@contextlib.contextmanager
def open_streams(
    kinds: Sequence[str],
    port: int,
    origins: Sequence[str],
    sources: Sequence[str],
    measures: MeasuresChoice = "off",
) -> Iterator[list[Stream]]:
    """The streams of those kinds, each once, closed at the end."""
    with contextlib.ExitStack() as stack:
        streams: list[Stream] = []
        for kind in dict.fromkeys(kinds):
            stream = open_stream(kind, port, origins, sources, measures)
            stack.callback(stream.close)
            streams.append(stream)
        yield streams
