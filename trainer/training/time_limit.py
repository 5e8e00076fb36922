"""Time limit of a call that trains many networks."""

import time
from collections.abc import Callable

from trainer.training.errors import TrainingStopped


class TimeIsUp(TrainingStopped):
    """End of the minutes that a call may take; finished work is kept."""


class Limit:
    """Limit of a call: the user's request to stop, and minutes from now; 0: no time limit."""

    def __init__(self, minutes: float, stop_requested: Callable[[], bool]) -> None:
        self._minutes, self._stop_requested = minutes, stop_requested
        self._ends_s = time.monotonic() + 60 * minutes if minutes else None

    def reached(self) -> bool:
        """Whether the user asked to stop or the minutes are over."""
        return self._stop_requested() or self._time_is_up()

    def check(self) -> None:
        """Raise where the call must end.

        Raises:
            TrainingStopped: the user wishes it.
            TimeIsUp: the minutes are over.
        """
        if self._stop_requested():
            raise TrainingStopped("Stopped; finished work is kept. The same command continues.")
        self.check_time()

    def check_time(self) -> None:
        """Raise where the minutes are over, for callers that report a stop themselves."""
        if self._time_is_up():
            raise TimeIsUp(
                f"The {self._minutes:g} minutes are over; finished work is kept. The same command "
                "continues."
            )

    def _time_is_up(self) -> bool:
        return self._ends_s is not None and time.monotonic() >= self._ends_s
