"""Marker streams of other programs: which one is meant, what is known of it, and what it gives.

The values are those of Lab Streaming Layer, which ``ferdesk.adapters.inputs.lsl_markers`` speaks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from ferdesk.errors import StreamError
from ferdesk.messages import translatable

_KEYS = {"name": "name", "type": "kind", "source_id": "source_id"}


@dataclass(frozen=True, slots=True)
class MarkerStreamInfo:
    """Marker stream that can be followed: its name, type, source_id, and its computer's name."""

    name: str
    kind: str = ""
    source_id: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class MarkerQuery:
    """Which marker stream is meant: by name, type or source_id; what is empty may be anything."""

    name: str = ""
    kind: str = ""
    source_id: str = ""

    @classmethod
    def of(cls, text: str) -> "MarkerQuery":
        """The query that ``text`` writes as ``name=PsychoPy; type=Markers``; or a name alone.

        Raises:
            StreamError: it is none.
        """
        if not {"=", ";"} & set(text) and text.strip():
            return cls(name=text.strip())
        given: dict[str, str] = {}
        for part in filter(None, map(str.strip, text.split(";"))):
            key, is_pair, value = part.partition("=")
            name = _KEYS.get(key.strip().casefold())
            if not is_pair or name is None or name in given or not value.strip():
                given.clear()
                break
            given[name] = value.strip()
        if not given:
            raise StreamError(
                translatable(
                    "{text} names no LSL stream; write name=..., type=... or source_id=..., with "
                    "a semicolon between them.",
                    text=repr(text),
                )
            )
        return cls(**given)

    def __str__(self) -> str:
        pairs = ((key, getattr(self, name)) for key, name in _KEYS.items())
        return "; ".join(f"{key}={value}" for key, value in pairs if value)

    def matches(self, info: MarkerStreamInfo) -> bool:
        """Whether ``info`` is meant."""
        return all(
            not wanted or wanted == given
            for wanted, given in (
                (self.name, info.name),
                (self.kind, info.kind),
                (self.source_id, info.source_id),
            )
        )


def query_of(info: MarkerStreamInfo, among: tuple[MarkerStreamInfo, ...]) -> MarkerQuery:
    """The query for one of the streams that were found, which finds it again after a restart.

    Name and type stay; a source_id may be made anew with each start, and is asked for only where
    the others do not tell them apart.
    """
    query = MarkerQuery(info.name, info.kind)
    if sum(query.matches(one) for one in among) > 1 and info.source_id:
        return MarkerQuery(info.name, info.kind, info.source_id)
    return query


@dataclass(frozen=True, slots=True)
class StreamMarker:
    """Marker that another program sent: its label, and its moment on this monotonic clock.

    ``uncertainty_s`` is by how much the moment may be wrong for want of a common clock; None where
    the sender's own time made no sense, and the moment is that of its coming.
    """

    label: str
    at_s: float
    uncertainty_s: float | None = None


@dataclass(frozen=True, slots=True)
class MarkerStreamState:
    """State of a marker stream: ``offset_s`` is added to its times, known to ``uncertainty_s``.

    ``searching`` until it is found for the first time, ``lost`` until it is found again.
    """

    state: Literal["searching", "following", "lost"] = "searching"
    info: MarkerStreamInfo | None = None
    offset_s: float = 0.0
    uncertainty_s: float | None = None

    @property
    def text(self) -> str:
        """A sentence for ``session.json``."""
        if self.info is None:
            return "No LSL stream with markers was found yet."
        known = f"“{self.info.name}” (type {self.info.kind or 'none'}"
        known += f", source_id {self.info.source_id}" if self.info.source_id else ""
        known += f", on {self.info.host})" if self.info.host else ")"
        if self.state == "lost":
            return f"The LSL stream {known} has ended; it is waited for."
        exact = "" if self.uncertainty_s is None else f", known to {self.uncertainty_s:.6f} s"
        offset = f"its times are corrected by {self.offset_s:+.6f} s{exact}"
        return f"Markers come from the LSL stream {known}; {offset}."


class MarkerInlet(Protocol):
    """Inlet that follows a marker stream until it is closed."""

    def close(self) -> None: ...


OnMarker = Callable[[StreamMarker], None]
OnState = Callable[[MarkerStreamState], None]
