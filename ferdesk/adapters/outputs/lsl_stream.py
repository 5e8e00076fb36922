"""Lab Streaming Layer outlets, by pylsl: results for laboratories, beside EEG and eye tracking.

liblsl keeps a bounded buffer for each receiver and drops its oldest samples, so that none can hold
the program up. It announces itself on the local network; ``docs/streams.md`` says how to keep it
on this machine.
"""

import logging
import math
import queue
import threading
import time
from collections.abc import Sequence

from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.errors import StreamError
from ferdesk.messages import translatable
from ferdesk.runtime.clock_watch import ClockWatch, sleep_label
from ferdesk.runtime.stream_identity import StreamIdentity
from ferdesk.sessions.fields import (
    FIRST_FIELDS,
    FRAME,
    LATENCY,
    FaceField,
    Field,
    added_fields,
    numeric,
)

log = logging.getLogger(__name__)


def channels(measures: MeasuresChoice = "off") -> tuple[Field, ...]:
    """What a sample has, in this order; label, unit and type stand in the stream's header."""
    return (FRAME, *numeric(FIRST_FIELDS), LATENCY, *numeric(added_fields(measures)))


CHANNELS = channels()
"""The channels where nothing is measured of the faces themselves."""
BUFFERED_SAMPLES = 36_000
"""What liblsl keeps for each inlet: a minute of ten faces at 60 frames a second."""
_MAX_WAITING = 200
_LOOK_EVERY_S = 0.5


class LslStream:
    """Two outlets: ``ferdesk`` with a sample for each face row, and ``ferdesk markers``.

    Stamps are those of the capture, moved to LSL's clock. Sleep of the computer is a marker.
    """

    def __init__(
        self,
        name: str = "ferdesk",
        version: str = "",
        sources: Sequence[str] = (),
        *,
        measures: MeasuresChoice = "off",
        identity: StreamIdentity | None = None,
        clock_watch: ClockWatch | None = None,
    ) -> None:
        """Announce the outlets.

        Args:
            name: of the outlet for faces; that for markers has it too.
            version: of this program, for the stream's header.
            sources: locations of what is sent; with the computer they make the ``source_id``.
            measures: what of the faces has channels; one that was not measured is NaN.
            identity: another one than that of ``sources`` on this computer.
            clock_watch: tells when the computer slept.

        Raises:
            StreamError: pylsl or its native library is missing.
        """
        try:
            import pylsl
        except (ImportError, RuntimeError, OSError) as error:
            raise StreamError(
                translatable(
                    "LSL needs pylsl with its native library: pip install "
                    "'ferdesk[streams]' ({why}).",
                    why=error,
                )
            ) from error
        self._lsl, self._measures = pylsl, measures
        self.num_lost = 0
        self._watch = clock_watch or ClockWatch()
        self._identity = identity or StreamIdentity(sources)
        own = self._identity.name
        self.source_ids = (f"{name}-faces-{own}", f"{name}-markers-{own}")
        """By them inlets find the outlets again, faces and markers."""
        faces = pylsl.StreamInfo(
            name, "Expression", len(channels(measures)), pylsl.IRREGULAR_RATE, pylsl.cf_float32,
            self.source_ids[0],
        )  # fmt: skip
        about = faces.desc()
        about.append_child_value("manufacturer", "ferdesk")
        about.append_child_value("version", version)
        described = about.append_child("channels")
        for one in channels(measures):
            channel = described.append_child("channel")
            channel.append_child_value("label", one.name)
            channel.append_child_value("unit", one.unit)
            channel.append_child_value("type", one.group)
        markers = pylsl.StreamInfo(
            f"{name} markers", "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string,
            self.source_ids[1],
        )  # fmt: skip
        try:
            # an irregular stream's buffer is counted in hundreds of samples
            self._faces = pylsl.StreamOutlet(faces, max_buffered=BUFFERED_SAMPLES // 100)
            self._markers = pylsl.StreamOutlet(markers, max_buffered=BUFFERED_SAMPLES // 100)
        except RuntimeError as error:
            self._identity.release()
            raise StreamError(
                translatable("The LSL outlets cannot be opened: {why}.", why=error)
            ) from error
        self._name = name
        self._waiting: queue.Queue[FrameResult | tuple[str, float] | None] = queue.Queue(
            _MAX_WAITING
        )
        self._thread = threading.Thread(target=self._send, name="ferdesk-stream-lsl", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return translatable(
            "LSL: the outlets “{name}” (faces) and “{name} markers” are open to this network.",
            name=self._name,
        )

    def put(self, result: FrameResult) -> None:
        self._offer(result)

    def mark(self, label: str, at_s: float | None = None) -> None:
        self._offer((label, time.monotonic() if at_s is None else at_s))

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()
        del self._faces, self._markers
        self._identity.release()

    def _offer(self, item: FrameResult | tuple[str, float]) -> None:
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self.num_lost += 1

    def _send(self) -> None:
        while True:
            item: FrameResult | tuple[str, float] | None
            try:
                item = self._waiting.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                self._mark_sleep()
                continue
            self._mark_sleep()
            if item is None:
                return
            self._push(item)

    def _push(self, item: FrameResult | tuple[str, float]) -> None:
        # the clocks may run apart over hours: the step between them is taken anew each time
        ahead_s = self._lsl.local_clock() - time.monotonic()
        try:
            if isinstance(item, FrameResult):
                at_s = item.frame.captured_s + ahead_s
                for face in item.faces:
                    self._faces.push_sample(sample(item, face, self._measures), at_s)
            else:
                self._markers.push_sample([item[0]], item[1] + ahead_s)
        except Exception:
            log.exception("a sample was not sent")
            self.num_lost += 1

    def _mark_sleep(self) -> None:
        if any(kind == "slept" for kind, _ in self._watch.look()):
            self._push((sleep_label(self._watch.slept_s), time.monotonic()))


def sample(result: FrameResult, face: FaceResult, measures: MeasuresChoice = "off") -> list[float]:
    """A face's values in the order of ``channels(measures)``."""

    def values(fields: Sequence[FaceField]) -> list[float]:
        got = [one.get(face) for one in numeric(fields)]
        return [math.nan if value is None else float(value) for value in got]

    return [
        float(result.frame.index),
        *values(FIRST_FIELDS),
        result.latency_ms,
        *values(added_fields(measures)),
    ]
