"""Clock watch: notices that the computer's clock was set, or that the computer slept."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

SET_BY_S = 1.0
"""A clock that moved by less against the monotonic one was only kept in time by the network."""
SLEPT_S = 5.0


def _wall_s() -> float:
    return datetime.now(UTC).timestamp()


def _boot_s() -> float | None:
    """Seconds since the start with all sleep counted; None where the system has no such clock."""
    if sys.platform == "darwin":
        # Python's monotonic clock there stands still in sleep, this one does not
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return None


def sleep_label(slept_s: float) -> str:
    """The marker that tells of sleep, in sessions and streams alike."""
    return f"machine asleep {slept_s:.0f} s"


class ClockWatch:
    """Watch over the clocks; ``look``, a few times a second, gives what happened since the last.

    Linux' monotonic clock stands still in sleep and another one does not; elsewhere a look that
    comes seconds late means the same.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = _wall_s,
        boot: Callable[[], float | None] = _boot_s,
    ) -> None:
        self._clocks = (monotonic, wall, boot)
        self._last = self._read()
        self.slept_s = 0.0
        """How long the sleep was that a look found last."""

    def _read(self) -> tuple[float, float, float | None]:
        monotonic, wall, boot = self._clocks
        return monotonic(), wall(), boot()

    def look(self) -> list[tuple[str, str]]:
        """Events (``clock_changed``, ``slept``) with a sentence each."""
        before, now = self._last, self._read()
        self._last = now
        steady_s, wall_s = now[0] - before[0], now[1] - before[1]
        if now[2] is not None and before[2] is not None:
            slept_s = now[2] - before[2] - steady_s
            passed_s = now[2] - before[2]
        else:
            slept_s = steady_s if steady_s > SLEPT_S else 0.0
            passed_s = steady_s
        events = []
        if slept_s > SLEPT_S:
            self.slept_s = slept_s
            events.append(
                ("slept", f"The computer slept, or stood still, for about {slept_s:.0f} s.")
            )
        moved_s = wall_s - passed_s
        if abs(moved_s) > SET_BY_S:
            way = "forward" if moved_s > 0 else "back"
            events.append(
                (
                    "clock_changed",
                    f"The computer's clock was set {way} by {abs(moved_s):.1f} s; times of this "
                    "session go on by the clock of its start.",
                )
            )
        return events
