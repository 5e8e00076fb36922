"""History: the last two minutes of each face's probabilities or measures, in fixed rings."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import NUM_LABELS
from ferdesk.core.types import FaceResult, FrameResult

LONGEST_S = 120.0
_CAPACITY = 4096
"""Two minutes at 34 results a second; at a higher rate values are kept as often as that."""
_CLOSEST_S = LONGEST_S / _CAPACITY
_GAP_S = 0.7
"""A face that was away for longer than this leaves a gap in its lines."""
_MOST_FACES = 16
_MOST_MARKS = 200

Floats = NDArray[np.float32]
Times = NDArray[np.float64]


@dataclass(slots=True)
class _Ring:
    values: Floats
    times: Times = field(default_factory=lambda: np.zeros(_CAPACITY))
    count: int = 0

    @property
    def last_s(self) -> float:
        return float(self.times[(self.count - 1) % _CAPACITY]) if self.count else -np.inf

    def put(self, time_s: float, values: Floats) -> None:
        at = self.count % _CAPACITY
        self.times[at], self.values[at] = time_s, values
        self.count += 1

    def ordered(self) -> tuple[Times, Floats]:
        if self.count <= _CAPACITY:
            return self.times[: self.count], self.values[: self.count]
        at = self.count % _CAPACITY
        return np.roll(self.times, -at), np.roll(self.values, -at, axis=0)


class History:
    """History: filled with results; asked for the lines of one face."""

    def __init__(
        self,
        width: int = NUM_LABELS,
        values_of: Callable[[FaceResult], Floats] = lambda face: face.smoothed,
    ) -> None:
        """``values_of`` gives the [width] values of a face that are kept."""
        self._width, self._values_of = width, values_of
        self._rings: dict[int, _Ring] = {}
        self._marks: deque[tuple[float, str]] = deque(maxlen=_MOST_MARKS)
        self.now_s = 0.0
        """When the newest result was captured, on the monotonic clock."""

    @property
    def face_ids(self) -> tuple[int, ...]:
        """The faces of which something is kept."""
        return tuple(sorted(self._rings))

    def add(self, result: FrameResult) -> None:
        time_s = result.frame.captured_s
        self.now_s = max(self.now_s, time_s)
        for face in result.faces:
            ring = self._rings.get(face.face_id)
            if ring is None:
                ring = _Ring(np.zeros((_CAPACITY, self._width), np.float32))
                self._rings[face.face_id] = ring
                self._make_room()
            elapsed_s = time_s - ring.last_s
            if elapsed_s < _CLOSEST_S:
                continue
            if ring.count and elapsed_s > _GAP_S:
                ring.put(ring.last_s + _CLOSEST_S, np.full(self._width, np.nan, np.float32))
            ring.put(time_s, self._values_of(face))

    def join(self, face_id: int, earlier_id: int) -> None:
        """Both ids are one face: what is kept of the earlier one comes before the other's lines."""
        earlier, later = self._rings.pop(earlier_id, None), self._rings.get(face_id)
        if earlier is None or later is None:
            return
        times, values = later.ordered()
        earlier.put(earlier.last_s + _CLOSEST_S, np.full(self._width, np.nan, np.float32))
        for time_s, row in zip(times, values, strict=True):
            earlier.put(float(time_s), row)
        self._rings[face_id] = earlier

    def mark(self, time_s: float, label: str) -> None:
        """Keep that a marker was set at ``time_s`` on the monotonic clock."""
        self._marks.append((time_s, label))

    def marks(self, span_s: float) -> list[tuple[float, str]]:
        """The markers of the last ``span_s``: seconds before now (0 or negative), and labels."""
        ago = ((time_s - self.now_s, label) for time_s, label in self._marks)
        return [(min(at_s, 0.0), label) for at_s, label in ago if at_s >= -span_s]

    def lines(self, face_id: int | None, span_s: float) -> tuple[Times, Floats]:
        """All that is kept of the last ``span_s`` of a face.

        Returns:
            times [n], float64 seconds before now (0 or negative, rising), and values
            [n, width] float32, by default in LABELS' order, where a row of NaN is a gap.
        """
        ring = self._rings.get(face_id) if face_id is not None else None
        if ring is None:
            return np.zeros(0), np.zeros((0, self._width), np.float32)
        times, values = ring.ordered()
        first = int(np.searchsorted(times, self.now_s - span_s))
        # one more to the left, so that lines begin at the edge
        first = max(first - 1, 0)
        return times[first:] - self.now_s, values[first:]

    def sampled(
        self, face_id: int | None, span_s: float, step_s: float
    ) -> tuple[NDArray[np.int64], Times, Floats]:
        """The last ``span_s`` of a face, a point every ``step_s`` and one at its newest value.

        The points lie on whole steps of the clock: as time goes on, they move and do not change.

        Returns:
            steps [n] int64, the number of each point's step, and times and values as ``lines``.
        """
        times, values = self.lines(face_id, span_s)
        if len(times) == 0:
            return np.zeros(0, np.int64), times, values
        first, last = (self.now_s + times[[0, -1]]) / step_s
        steps = np.arange(np.ceil(first), np.floor(last) + 1, dtype=np.int64)
        points = np.append(steps * step_s - self.now_s, times[-1])
        columns = [np.interp(points, times, column) for column in values.T]
        steps = np.append(steps, np.int64(np.floor(last)))
        return steps, points, np.stack(columns, axis=1).astype(np.float32)

    def clear(self) -> None:
        self._rings.clear()
        self._marks.clear()
        self.now_s = 0.0

    def _make_room(self) -> None:
        """Memory stays flat in a crowd: the face that was not seen for longest goes."""
        while len(self._rings) > _MOST_FACES:
            seen = {face_id: r.last_s for face_id, r in self._rings.items() if r.count}
            del self._rings[min(seen, key=seen.__getitem__)]
