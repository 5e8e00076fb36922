"""The work of a frame follows what the machine manages."""

from ferdesk.core.pacing import Allowance


def test_an_allowance_shrinks_while_the_machine_does_not_keep_up_and_grows_back() -> None:
    allowance = Allowance(4.0, low=1.0, high=8.0)
    for _ in range(60):
        allowance.learn(0.040, 1 / 30)
    assert allowance.value == 1.0
    for _ in range(200):
        allowance.learn(0.005, 1 / 30)
    assert allowance.value == 8.0


def test_without_a_clock_an_allowance_stays_as_it_is() -> None:
    allowance = Allowance(4.0, low=1.0, high=8.0)
    for _ in range(60):
        allowance.learn(10.0, None)
    assert allowance.value == 4.0


def test_a_single_slow_frame_changes_little() -> None:
    allowance = Allowance(4.0, low=1.0, high=8.0)
    for _ in range(20):
        allowance.learn(0.022, 1 / 30)
    allowance.learn(0.050, 1 / 30)
    assert allowance.value > 3.5
