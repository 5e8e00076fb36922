"""Pace of a queue beside the live picture: how many files may be analysed at this moment.

No live picture: as many as the machine bears. One runs: one file at a time, and none while the live
picture is slower than it must be. That is the camera's rate; where this computer does not reach it
even alone, the rate that it reaches alone, which is measured first.
"""

from ferdesk.runtime.status import State, Status

MEASURE_S = 2.5
"""The rest before the first file beside a live picture: its rates are of the last two seconds."""
SLOW_BELOW = 0.9
"""Below this share of the wanted rate for ``SLOW_FOR_S`` the queue rests ..."""
SLOW_FOR_S = 1.0
WELL_ABOVE = 0.95
"""... and goes on above this one, once it has rested for ``REST_S``."""
REST_S = 5.0
LONGEST_REST_S = 60.0
"""Where the picture is slow again within ``SOON_S``, the next rest is twice as long, to this."""
SOON_S = 15.0


class QueuePace:
    """Pace of a queue; ``allow`` is asked a few times a second, always by the same thread."""

    def __init__(self) -> None:
        self._live = self._working = False
        self._since_s = 0.0
        self._slow_since_s: float | None = None
        self._rest_s = MEASURE_S
        self._alone_fps = self._alone_share = 0.0
        """The rate of the live picture while the queue rests, also as a share of the camera's."""

    @property
    def rests(self) -> bool:
        """Whether the queue waits for the live picture."""
        return self._live and not self._working

    def allow(self, status: Status, now_s: float) -> int | None:
        """How many files may be in work now; None for as many as the machine bears."""
        if status.state not in (State.OPENING, State.RUNNING) or status.stands_still:
            self._live = False
            return None
        if not self._live:
            self._live = True
            self._rest(MEASURE_S, now_s)
        if status.state is State.OPENING or status.analysis_fps <= 0:
            self._rest(MEASURE_S, now_s)
        elif self._working:
            self._watch(status, now_s)
        else:
            self._measure(status, now_s)
        return int(self._working)

    def _watch(self, status: Status, now_s: float) -> None:
        wanted_fps = max(self._alone_fps, self._alone_share * status.capture_fps)
        if status.analysis_fps >= SLOW_BELOW * wanted_fps:
            self._slow_since_s = None
        elif self._slow_since_s is None:
            self._slow_since_s = now_s
        elif now_s - self._slow_since_s >= SLOW_FOR_S:
            soon = now_s - self._since_s < SOON_S
            longer_s = min(max(2 * self._rest_s, REST_S), LONGEST_REST_S)
            self._rest(longer_s if soon else REST_S, now_s)

    def _measure(self, status: Status, now_s: float) -> None:
        rested_s = now_s - self._since_s
        if rested_s < MEASURE_S:
            return
        self._alone_fps = max(self._alone_fps, status.analysis_fps)
        share = status.analysis_fps / max(status.capture_fps, status.analysis_fps)
        self._alone_share = max(self._alone_share, share)
        if rested_s >= self._rest_s and status.analysis_fps >= WELL_ABOVE * self._alone_fps:
            self._working, self._since_s = True, now_s

    def _rest(self, rest_s: float, now_s: float) -> None:
        self._working, self._since_s, self._rest_s = False, now_s, rest_s
        self._slow_since_s = None
        self._alone_fps = self._alone_share = 0.0
