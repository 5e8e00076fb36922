"""Progress of a queue: how much is done, frames a second, and the time that is left."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from ferdesk.runtime.analysis_queue import QueueEntry, QueueState

_WINDOW_S = 20.0
"""Rates are of the last seconds in which something was analysed."""
_LEAST_S = 2.0
_LEAST_SHARE = 0.01
"""Before so much of the work is done, the time that is left is a guess that nobody should see."""


@dataclass(frozen=True, slots=True)
class QueueProgress:
    """Progress: ``counts`` of the entries by state; ``left_s`` None where it is not known."""

    counts: dict[QueueState, int]
    share: float = 0.0
    rate_fps: float = 0.0
    left_s: float | None = None

    @property
    def num(self) -> int:
        return sum(self.counts.values())

    @property
    def num_ended(self) -> int:
        return self.num - self.num_open

    @property
    def num_open(self) -> int:
        return self.counts.get("waiting", 0) + self.counts.get("running", 0)


class ProgressMeter:
    """Meter of a queue's progress, read a few times a second."""

    def __init__(self) -> None:
        self._active_s = 0.0
        self._read_s: float | None = None
        self._samples: deque[tuple[float, int, float]] = deque()
        """Seconds at work, frames and seconds of video analysed until then."""

    def read(
        self, entries: Sequence[QueueEntry], frames: int, now_s: float, *, at_work: bool
    ) -> QueueProgress:
        """The progress now; ``frames`` is ``AnalysisQueue.frames_analysed``.

        Time in which the queue rests does not count, nor does what was skipped.
        """
        if at_work and self._read_s is not None:
            self._active_s += now_s - self._read_s
        self._read_s = now_s if at_work else None
        counted = [entry for entry in entries if entry.state != "skipped"]
        all_s = sum(entry.file.work_s for entry in counted)
        done_s = sum(entry.share * entry.file.work_s for entry in counted)
        if at_work:
            self._samples.append((self._active_s, frames, done_s))
        while self._samples and self._active_s - self._samples[0][0] > _WINDOW_S:
            self._samples.popleft()
        counts = dict(Counter(entry.state for entry in entries))
        share = done_s / all_s if all_s else float(bool(entries))
        rate_fps, left_s = 0.0, None
        if at_work and self._samples:
            began_s, first_frames, first_done_s = self._samples[0]
            passed_s = self._active_s - began_s
            if passed_s >= _LEAST_S:
                rate_fps = (frames - first_frames) / passed_s
                speed = (done_s - first_done_s) / passed_s
                if speed > 0 and share >= _LEAST_SHARE:
                    left_s = (all_s - done_s) / speed
        return QueueProgress(counts, share, rate_fps, left_s)

    def restart(self) -> None:
        """Begin anew: another run of the queue."""
        self._samples.clear()
        self._read_s = None
