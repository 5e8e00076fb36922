"""Learning-rate schedule laid over minutes of training in place of epochs."""

import time

from trainer.recipes.config import Recipe
from trainer.training.epoch_plan import learning_rate_at

NO_END = 10**9
"""Number of steps of a run that the clock ends."""


class TimedSchedule:
    """Learning-rate schedule over ``minutes`` of training, of which ``trained_s`` have passed.

    ``rate`` is the learning rate of the next step; the recipe's epochs only set the proportions of
    the schedule's parts.
    """

    def __init__(self, recipe: Recipe, minutes: float, trained_s: float) -> None:
        self._recipe, self._limit_s = recipe, 60 * minutes
        self._before_s = self._trained_s = trained_s
        self._began_s = time.monotonic()
        self.rate = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the minutes have passed."""
        return self._trained_s >= self._limit_s

    def start(self) -> None:
        """Start of the clock, immediately before the first step."""
        self._began_s = time.monotonic()

    def tick(self) -> float:
        """Seconds of training so far; ``rate`` and ``is_over`` are of this moment."""
        self._trained_s = self._before_s + time.monotonic() - self._began_s
        passed = min(1.0, self._trained_s / self._limit_s)
        self.rate = learning_rate_at(self._recipe, passed * self._recipe.epochs)
        return self._trained_s

    def expected_steps(self, step: int) -> int:
        """Expected number of steps of the run, from its pace until ``step``."""
        passed = self._trained_s / self._limit_s
        return max(step + 1, round(step / max(passed, 1e-9)))
