"""When a call that trains many networks ends before its work does."""

import time
from collections.abc import Callable

from trainer.training.errors import TrainingStopped


class TimeIsUp(TrainingStopped):
    """The minutes that a call may take are over; what is done is kept."""


class Limit:
    """The user's wish to stop, and the minutes that a call may take from now on; 0 is no limit."""

    def __init__(self, minutes: float, stop_requested: Callable[[], bool]) -> None:
        self._minutes, self._stop_requested = minutes, stop_requested
        self._ends_s = time.monotonic() + 60 * minutes if minutes else None

    def reached(self) -> bool:
        return self._stop_requested() or self._time_is_up()

    def check(self) -> None:
        """Go on, or say why not.

        Raises:
            TrainingStopped: the user wishes it.
            TimeIsUp: the minutes are over.
        """
        if self._stop_requested():
            raise TrainingStopped("Stopped; what was done is kept. The same command goes on.")
        self.check_time()

    def check_time(self) -> None:
        """The same for the minutes alone, where a training that is stopped says more itself."""
        if self._time_is_up():
            raise TimeIsUp(
                f"The {self._minutes:g} minutes are over; what was done is kept. The same command "
                "goes on from there."
            )

    def _time_is_up(self) -> bool:
        return self._ends_s is not None and time.monotonic() >= self._ends_s
