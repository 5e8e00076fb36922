"""Cost of detection: what is charged, and when a frame's time is over."""

import numpy as np
import pytest

from ferdesk.core.detection.cost import TimeBudget, TimedNetworks
from ferdesk.core.geometry import Region
from tests.helpers.networks import FakeNetworks


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_work_is_charged_at_the_lower_quartile_of_its_last_times() -> None:
    clock = Clock()
    timed = TimedNetworks(FakeNetworks(), clock)

    def work(spent_s: float) -> str:
        clock.now_s += spent_s
        return "done"

    # of 1; 1 2; 1 2 3; 1 2 3 4 the quartile is 1, 1, 1, 2; a slow run then costs no more
    for spent_s, total_s in [(3, 3), (1, 4), (4, 5), (2, 7), (900, 9)]:
        assert timed.charge("work", lambda spent_s=spent_s: work(spent_s)) == "done"  # type: ignore[misc]
        assert timed.spent_s == pytest.approx(total_s)
    # another kind has times of its own
    timed.charge("other", lambda: work(7))
    assert timed.spent_s == pytest.approx(16)
    # and sixteen times are remembered
    for _ in range(16):
        timed.charge("work", lambda: work(50))
    timed.spent_s = 0.0
    timed.charge("work", lambda: work(50))
    assert timed.spent_s == pytest.approx(50)


def test_each_network_and_each_scale_has_its_own_cost() -> None:
    networks = FakeNetworks()
    timed = TimedNetworks(networks, lambda: networks.now_s)
    image, region = np.zeros((90, 160, 3), np.uint8), Region(0, 0, 160, 90)
    timed.detect_short_range(image, region)
    assert timed.spent_s == pytest.approx(0.002)
    timed.detect_full_range(image, region)
    assert timed.spent_s == pytest.approx(0.007)
    networks.slowness = 3.0
    timed.detect_full_range(image, region, 0.5)
    assert timed.spent_s == pytest.approx(0.022)
    timed.detect_full_range(image, region)
    assert timed.spent_s == pytest.approx(0.027)


def test_a_budget_ends_with_its_cost_or_with_the_frame() -> None:
    clock = Clock()
    timed = TimedNetworks(FakeNetworks(), clock)
    budget = TimeBudget(clock, timed, budget_s=0.006, until_s=100.02)
    assert budget.left()
    clock.now_s = 100.02
    assert not budget.left()
    clock.now_s = 100.0
    timed.spent_s = 0.006
    assert not budget.left()
    # one thing may be granted, once
    budget.grant_one()
    assert budget.left()
    assert not budget.left()
