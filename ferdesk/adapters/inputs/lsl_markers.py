"""Markers of other programs over Lab Streaming Layer, by pylsl: found, followed, found again.

Nothing is looked for on the network before somebody chose to. Our own marker streams, and those of
other ferdesks, are never taken: two that took each other's would send one marker for ever.
"""

import contextlib
import ctypes
import inspect
import logging
import threading
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from ferdesk.errors import StreamError
from ferdesk.messages import translatable
from ferdesk.runtime.marker_streams import (
    MarkerQuery,
    MarkerStreamInfo,
    MarkerStreamState,
    OnMarker,
    OnState,
    StreamMarker,
)

log = logging.getLogger(__name__)

OURS = "ferdesk-markers-"
"""How the source_id of every ferdesk's marker stream begins."""
_WAIT_S = 1.0
"""How long each look at the network takes."""
_PAUSE_S = 0.5
_PULL_S = 0.2
_OPENS_WITHIN_S = 5.0
_CORRECT_EVERY_S = 5.0
"""liblsl measures the clocks anew about as often."""
_AHEAD_S, _BEHIND_S = 1.0, 3600.0
"""A stamp further from now is of no clock that we know."""
_LONGEST = 200


def marker_streams(wait_s: float = 2.0) -> tuple[MarkerStreamInfo, ...]:
    """The marker streams that answer on the network within ``wait_s``, none of them ours.

    Raises:
        StreamError: pylsl or its native library is missing.
    """
    lsl = _library()
    return tuple(sorted({_info_of(one) for one in _found(lsl, wait_s)}, key=str))


class LslMarkers:
    """Inlet of the marker stream that ``query`` means; it calls back on a thread of its own.

    Where the stream ends, one that the query means is looked for again, the same source_id first.
    """

    def __init__(self, query: MarkerQuery, on_marker: OnMarker, on_state: OnState) -> None:
        """Begin to look for it.

        Raises:
            StreamError: pylsl or its native library is missing.
        """
        self._lsl = _library()
        self._query, self._on_marker, self._on_state = query, on_marker, on_state
        self._state = MarkerStreamState()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ferdesk-markers-lsl", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look and listen no more."""
        self._closing.set()
        self._thread.join(_WAIT_S + _OPENS_WITHIN_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                info = self._find()
                if info is not None:
                    self._follow(info)
            except RuntimeError as error:  # all that pylsl raises: lost, or no answer in time
                log.info("the marker stream %s is looked for again: %s", self._query, error)
            except Exception:
                # a stream of another program must not end ours; it is looked for again
                log.exception("the marker stream %s cannot be followed", self._query)
            if self._state.state == "following":
                self._tell(replace(self._state, state="lost"))
            self._closing.wait(_PAUSE_S)

    def _tell(self, state: MarkerStreamState) -> None:
        self._state = state
        if not self._closing.is_set():
            self._on_state(state)

    def _find(self) -> Any | None:  # noqa: ANN401 (pylsl has no types)
        """The stream that is meant, the one that was followed before others; None for none."""
        meant = [one for one in _found(self._lsl, _WAIT_S) if self._query.matches(_info_of(one))]
        before = self._state.info
        meant.sort(key=lambda one: (_info_of(one) != before, str(_info_of(one)), one.uid()))
        return meant[0] if meant else None

    def _follow(self, info: Any) -> None:  # noqa: ANN401
        """Hand on its markers until it ends, which pylsl raises, or ``close``."""
        inlet = _inlet_of(self._lsl, info)
        with contextlib.closing(_Closing(inlet.close_stream)):
            inlet.open_stream(timeout=_OPENS_WITHIN_S)
            offset_s, uncertainty_s = correction(inlet, _OPENS_WITHIN_S)
            corrected_s = time.monotonic()
            self._tell(MarkerStreamState("following", _info_of(info), offset_s, uncertainty_s))
            while not self._closing.is_set():
                sample, stamp_s = inlet.pull_sample(timeout=_PULL_S)
                if time.monotonic() - corrected_s >= _CORRECT_EVERY_S:
                    corrected_s = time.monotonic()
                    with contextlib.suppress(RuntimeError, TimeoutError):  # the one before holds
                        offset_s, uncertainty_s = correction(inlet, _PULL_S)
                if sample is not None and len(sample):
                    self._hand_on(sample, stamp_s + offset_s, uncertainty_s)

    def _hand_on(self, sample: Sequence[object], lsl_s: float, uncertainty_s: float | None) -> None:
        label = " ".join(" ".join(map(_text_of, sample)).split())[:_LONGEST]
        if not label:
            return
        now_s = time.monotonic()
        # the two clocks may run apart over hours: the step between them is taken anew each time
        at_s = lsl_s - (self._lsl.local_clock() - now_s)
        if not -_AHEAD_S <= now_s - at_s <= _BEHIND_S:
            at_s, uncertainty_s = now_s, None
        self._on_marker(StreamMarker(label, min(at_s, now_s), uncertainty_s))


def _inlet_of(lsl: Any, info: Any) -> Any:  # noqa: ANN401
    """An inlet that gives texts as bytes where this pylsl can.

    Else one marker whose sender writes no UTF-8 would end the stream for seconds.
    """
    raw = "as_numpy" in inspect.signature(lsl.StreamInlet.__init__).parameters
    if raw and info.channel_format() == lsl.cf_string:
        return lsl.StreamInlet(info, recover=False, as_numpy=True)
    return lsl.StreamInlet(info, recover=False)


def _text_of(value: object) -> str:
    """A value as text; what no file should hold, as the zeros that end C's texts, is a blank."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(" " if unicodedata.category(one) in ("Cc", "Cs") else one for one in text)


class _Closing:
    """Something that is closed by calling it."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.close = close


def correction(inlet: Any, timeout_s: float) -> tuple[float, float | None]:  # noqa: ANN401
    """What is to be added to a stream's stamps, in seconds, and by how much that may be wrong.

    pylsl itself gives the first alone; the second is None where its library does not tell.

    Raises:
        RuntimeError: the sender did not answer in that time, or is gone.
    """
    try:
        from pylsl.lib import lib

        ask = lib.lsl_time_correction_ex
    except (ImportError, AttributeError):
        return float(inlet.time_correction(timeout=timeout_s)), None
    ask.restype = ctypes.c_double
    remote_s, uncertainty_s = ctypes.c_double(), ctypes.c_double()
    problem = ctypes.c_int()
    offset_s = ask(
        inlet.obj,
        ctypes.byref(remote_s),
        ctypes.byref(uncertainty_s),
        ctypes.c_double(timeout_s),
        ctypes.byref(problem),
    )
    if problem.value:
        raise RuntimeError(f"the clocks cannot be compared (liblsl's error {problem.value})")
    return float(offset_s), uncertainty_s.value


def _library() -> ModuleType:
    try:
        import pylsl
    except (ImportError, RuntimeError, OSError) as error:
        raise StreamError(
            translatable(
                "LSL needs pylsl with its native library: pip install 'ferdesk[streams]' ({why}).",
                why=error,
            )
        ) from error
    module: ModuleType = pylsl
    return module


def _found(lsl: Any, wait_s: float) -> list[Any]:  # noqa: ANN401
    """Streams of texts or whole numbers that come when something happens, none of them ours."""
    return [one for one in lsl.resolve_streams(wait_time=wait_s) if _gives_markers(lsl, one)]


def _gives_markers(lsl: Any, info: Any) -> bool:  # noqa: ANN401
    formats = (lsl.cf_string, lsl.cf_int8, lsl.cf_int16, lsl.cf_int32, lsl.cf_int64)
    try:
        return (
            info.channel_format() in formats
            and info.nominal_srate() == lsl.IRREGULAR_RATE
            and not _info_of(info).source_id.startswith(OURS)
        )
    except UnicodeDecodeError as error:
        log.info("a stream on the network is left out, whose name is no UTF-8: %s", error)
        return False


def _info_of(info: Any) -> MarkerStreamInfo:  # noqa: ANN401
    return MarkerStreamInfo(info.name(), info.type(), info.source_id(), info.hostname())
