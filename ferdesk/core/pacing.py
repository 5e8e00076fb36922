"""How much of the work is done in each live frame, so that a machine keeps the camera's rate."""

from dataclasses import dataclass

_BUSY_SHARE = 0.8
"""A stage that takes more of the camera's interval than this has too much to do."""
_IDLE_SHARE = 0.6
_SHRINK, _GROW = 0.9, 1.03
_MEMORY = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """What a live pipeline is asked to keep; the engine sets it, stages read it between frames.

    ``interval_s`` lies between two pictures of the source, None where nobody waits (a file that
    is analysed frame by frame). With ``every_face`` each face of an analysed frame is classified,
    whatever it costs.
    """

    interval_s: float | None = None
    every_face: bool = False


class Allowance:
    """A quantity of work that follows what the machine manages: it shrinks fast, grows slowly."""

    def __init__(self, start: float, *, low: float, high: float) -> None:
        self._value = start
        self._low, self._high = low, high
        self._spent_s = 0.0

    @property
    def value(self) -> float:
        return self._value

    def learn(self, spent_s: float, interval_s: float | None) -> None:
        """Take in what the stage spent on a frame while ``value`` was allowed.

        Args:
            spent_s: wall time of the stage, as the other threads let it have.
            interval_s: between two pictures; None leaves the allowance as it is.
        """
        self._spent_s += _MEMORY * (spent_s - self._spent_s)
        if interval_s is None:
            return
        if self._spent_s > _BUSY_SHARE * interval_s:
            self._value = max(self._low, self._value * _SHRINK)
        elif self._spent_s < _IDLE_SHARE * interval_s:
            self._value = min(self._high, self._value * _GROW)
