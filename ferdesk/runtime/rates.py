"""Rates of what happens again and again, over the last seconds."""

from collections import deque

_WINDOW_S = 2.0


def rate(times: deque[float], now_s: float) -> float:
    """Events a second over the last window, forgetting older ones."""
    while times and now_s - times[0] > _WINDOW_S:
        times.popleft()
    if len(times) < 2:
        return 0.0
    # up to now: of a source that fell silent, the last few that are left came close together
    return (len(times) - 1) / max(now_s - times[0], 1e-9)
