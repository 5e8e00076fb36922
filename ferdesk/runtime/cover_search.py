"""Cover search: every picture of an anonymous video is searched without a clock before it is kept.

The live detector looks only as long as its budget allows, and what it leaves out stays clear. Here
the exhaustive search looks at each picture, late and on threads of its own; the pictures wait for
it in memory, never on the disk.
"""

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.types import Detection, FrameResult

_MOST_THREADS = 4


class FaceSearch(Protocol):
    """Detector without a clock; several threads may ask it at once."""

    def detect(self, image: NDArray[np.uint8]) -> Sequence[Detection]:
        """Detections in ``image`` [H, W, 3] uint8 RGB."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Searched:
    """Analysed frame at ``t_s`` seconds of the session, with what the search detected in it."""

    result: FrameResult
    t_s: float
    detections: Sequence[Detection]


class CoverSearch:
    """Cover search: takes analysed frames and gives them back in their order, searched.

    As many are in work as there are threads; whoever adds one more waits for the oldest.
    """

    def __init__(self, search: FaceSearch, num_threads: int | None = None) -> None:
        """By default half of the processors are used, at most four; the analysis needs the rest."""
        self._search = search
        self._num_threads = num_threads or max(1, min(_MOST_THREADS, (os.cpu_count() or 1) // 2))
        self._threads = ThreadPoolExecutor(self._num_threads, "ferdesk-cover")
        self._in_work: deque[tuple[FrameResult, float, Future[Sequence[Detection]]]] = deque()

    def add(self, result: FrameResult, t_s: float) -> list[Searched]:
        """Begin to search a frame; returns those that are due."""
        searching = self._threads.submit(self._search.detect, result.frame.image)
        self._in_work.append((result, t_s, searching))
        due = []
        while self._in_work and (
            len(self._in_work) > self._num_threads or self._in_work[0][2].done()
        ):
            due.append(self._oldest())
        return due

    def finish(self) -> list[Searched]:
        """The rest, searched."""
        rest = []
        while self._in_work:
            rest.append(self._oldest())
        return rest

    def close(self) -> None:
        """Free the detector, after the searches that have begun."""
        self._threads.shutdown(cancel_futures=True)
        self._search.close()

    def _oldest(self) -> Searched:
        result, t_s, searching = self._in_work.popleft()
        return Searched(result, t_s, searching.result())
