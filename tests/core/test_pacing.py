"""The work of a frame follows what the machine manages."""

from ferdesk.core.pacing import AdaptiveBudget


def test_an_allowance_shrinks_while_the_machine_does_not_keep_up_and_grows_back() -> None:
    allowance = AdaptiveBudget(4.0, low=1.0, high=8.0)
    for _ in range(60):
        allowance.learn(1.3)
    assert allowance.value == 1.0
    for _ in range(200):
        allowance.learn(0.2)
    assert allowance.value == 8.0


def test_an_allowance_that_fits_stays_as_it_is() -> None:
    allowance = AdaptiveBudget(4.0, low=1.0, high=8.0)
    for _ in range(60):
        allowance.learn(0.9)
    assert allowance.value == 4.0


def test_a_single_slow_frame_changes_little() -> None:
    allowance = AdaptiveBudget(4.0, low=1.0, high=8.0)
    for _ in range(20):
        allowance.learn(0.86)
    allowance.learn(100.0)
    assert allowance.value > 3.5
