"""Lab Streaming Layer outlets, by pylsl: results for laboratories, beside EEG and eye tracking.

liblsl keeps a bounded buffer for each receiver and drops its oldest samples, so that none can hold
the program up. It announces itself on the local network; ``docs/streams.md`` says how to keep it
on this machine.
"""

import logging
import queue
import threading
import time

from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.errors import StreamError
from ferdesk.messages import translatable
from ferdesk.sessions.fields import ADDED_FIELDS, FIRST_FIELDS, FRAME, LATENCY, Field, numeric

log = logging.getLogger(__name__)

CHANNELS: tuple[Field, ...] = (
    FRAME, *numeric(FIRST_FIELDS), LATENCY, *numeric(ADDED_FIELDS),
)  # fmt: skip
"""What a sample has, in this order; label, unit and type stand in the stream's header."""
_BUFFER_S = 60
_MAX_WAITING = 200


class LslStream:
    """Two outlets: ``ferdesk`` with a sample for each face row, and ``ferdesk markers``.

    Stamps are those of the capture, moved to LSL's clock.
    """

    def __init__(self, name: str = "ferdesk", version: str = "") -> None:
        """Announce the outlets.

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
        self._lsl = pylsl
        self.num_lost = 0
        faces = pylsl.StreamInfo(
            name, "Expression", len(CHANNELS), pylsl.IRREGULAR_RATE, pylsl.cf_float32,
            f"{name}-faces",
        )  # fmt: skip
        about = faces.desc()
        about.append_child_value("manufacturer", "ferdesk")
        about.append_child_value("version", version)
        channels = about.append_child("channels")
        for one in CHANNELS:
            channel = channels.append_child("channel")
            channel.append_child_value("label", one.name)
            channel.append_child_value("unit", one.unit)
            channel.append_child_value("type", one.group)
        markers = pylsl.StreamInfo(
            f"{name} markers", "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string,
            f"{name}-markers",
        )  # fmt: skip
        try:
            self._faces = pylsl.StreamOutlet(faces, max_buffered=_BUFFER_S)
            self._markers = pylsl.StreamOutlet(markers, max_buffered=_BUFFER_S)
        except RuntimeError as error:
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

    def _offer(self, item: FrameResult | tuple[str, float]) -> None:
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self.num_lost += 1

    def _send(self) -> None:
        while (item := self._waiting.get()) is not None:
            # the clocks may run apart over hours: the step between them is taken anew each time
            ahead_s = self._lsl.local_clock() - time.monotonic()
            try:
                if isinstance(item, FrameResult):
                    at_s = item.frame.captured_s + ahead_s
                    for face in item.faces:
                        self._faces.push_sample(sample(item, face), at_s)
                else:
                    self._markers.push_sample([item[0]], item[1] + ahead_s)
            except Exception:
                log.exception("a sample was not sent")
                self.num_lost += 1


def sample(result: FrameResult, face: FaceResult) -> list[float]:
    """A face's values in the order of ``CHANNELS``."""
    return [
        float(result.frame.index),
        *(float(one.get(face)) for one in numeric(FIRST_FIELDS)),
        result.latency_ms,
        *(float(one.get(face)) for one in numeric(ADDED_FIELDS)),
    ]
