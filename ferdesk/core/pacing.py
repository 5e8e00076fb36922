"""Frame pacing and adaptive budgets: how much is done in each live frame, to keep its rate."""

from dataclasses import dataclass

_SHRINK, _GROW = 0.95, 1.03
_GROW_BELOW = 0.85
_MEMORY = 0.1
_MOST_LOAD = 4.0


@dataclass(frozen=True, slots=True)
class FramePacing:
    """Frame pacing that a live pipeline has to keep; stages read it between frames.

    ``interval_s`` lies between two pictures of the source, None where nobody waits (a picture, or
    a file that is analysed frame by frame). With ``every_face`` each face of an analysed frame is
    classified, whatever it costs. Where nobody waits, the frames of a film are searched everywhere
    every ``key_every``-th time, and between that where faces were; 1 is everywhere each time.
    """

    interval_s: float | None = None
    every_face: bool = False
    key_every: int = 1


class AdaptiveBudget:
    """Adaptive budget of work per frame: it shrinks fast under load and grows slowly.

    It belongs to one thread, as the stage does whose work it limits.
    """

    def __init__(self, start: float, *, low: float, high: float) -> None:
        self._value = start
        self._low, self._high = low, high
        self._load = _GROW_BELOW

    @property
    def value(self) -> float:
        return self._value

    def learn(self, load: float) -> None:
        """Feedback: ``load`` is the time a frame took over the time it should take at most.

        Its exponential moving average decides, so that one slow frame does not.
        """
        self._load += _MEMORY * (min(load, _MOST_LOAD) - self._load)
        if self._load > 1:
            self._value = max(self._low, self._value * _SHRINK)
        elif self._load < _GROW_BELOW:
            self._value = min(self._high, self._value * _GROW)
