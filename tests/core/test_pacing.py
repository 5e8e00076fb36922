"""The work of a frame follows what the machine manages."""

import pytest

from ferdesk.core.pacing import AdaptiveBudget


def test_a_budget_shrinks_while_the_machine_does_not_keep_up_and_grows_back() -> None:
    budget = AdaptiveBudget(4.0, low=1.0, high=8.0)
    for _ in range(60):
        budget.learn(1.3)
    assert budget.value == 1.0
    for _ in range(200):
        budget.learn(0.2)
    assert budget.value == 8.0


def test_a_budget_that_fits_stays_as_it_is() -> None:
    budget = AdaptiveBudget(4.0, low=1.0, high=8.0)
    for _ in range(60):
        budget.learn(0.9)
    assert budget.value == 4.0


def test_a_single_slow_frame_changes_little() -> None:
    budget = AdaptiveBudget(4.0, low=1.0, high=8.0)
    for _ in range(20):
        budget.learn(0.86)
    budget.learn(100.0)
    assert budget.value > 3.5


def test_each_step_of_a_budget_is_known() -> None:
    # the load is remembered from 0.85, a tenth of the way at a time, and counts at most 4
    for load, value in [(4.0, 3.8), (100.0, 3.8), (0.0, 4.12), (0.86, 4.0), (2.3, 4.0), (2.4, 3.8)]:
        budget = AdaptiveBudget(4.0, low=1.0, high=8.0)
        budget.learn(load)
        assert budget.value == pytest.approx(value), load
