"""Smoothing by time."""

import numpy as np
import pytest

from ferdesk.core.smoother import Smoother

HAPPY = np.array([0, 0, 0, 1, 0, 0, 0], np.float32)
SAD = np.array([0, 0, 0, 0, 1, 0, 0], np.float32)


def test_the_first_measurement_is_taken_as_it_is() -> None:
    np.testing.assert_array_equal(Smoother(0.3).update(1, HAPPY, 5.0), HAPPY)


def test_after_one_time_constant_63_percent_of_a_step_is_reached() -> None:
    smoother = Smoother(0.3)
    smoother.update(1, HAPPY, 0.0)
    assert smoother.update(1, SAD, 0.3)[4] == pytest.approx(1 - np.exp(-1), abs=1e-6)


def test_the_frame_rate_does_not_change_the_curve() -> None:
    slow, fast = Smoother(0.3), Smoother(0.3)
    slow.update(1, HAPPY, 0.0)
    fast.update(1, HAPPY, 0.0)
    once = slow.update(1, SAD, 0.6)
    often = [fast.update(1, SAD, step * 0.01) for step in range(1, 61)]
    np.testing.assert_allclose(often[-1], once, atol=1e-6)


def test_smoothed_probabilities_sum_to_one() -> None:
    smoother, rng = Smoother(0.3), np.random.default_rng(1)
    for step in range(50):
        measured = rng.dirichlet(np.ones(7)).astype(np.float32)
        assert smoother.update(1, measured, step / 30).sum() == pytest.approx(1, abs=1e-5)


def test_faces_do_not_mix() -> None:
    smoother = Smoother(0.3)
    smoother.update(1, HAPPY, 0.0)
    np.testing.assert_array_equal(smoother.update(2, SAD, 0.01), SAD)


def test_a_long_absence_starts_afresh() -> None:
    smoother = Smoother(0.3)
    smoother.update(1, HAPPY, 0.0)
    np.testing.assert_array_equal(smoother.update(1, SAD, 10.0), SAD)


def test_no_smoothing_gives_the_measurement() -> None:
    smoother = Smoother(0.0)
    smoother.update(1, HAPPY, 0.0)
    np.testing.assert_array_equal(smoother.update(1, SAD, 0.01), SAD)


def test_forgotten_faces_take_no_memory() -> None:
    smoother = Smoother(0.3)
    for face_id in range(1000):
        smoother.update(face_id, HAPPY, face_id * 0.1)
        smoother.forget_before(face_id * 0.1)
    assert len(smoother._faces) < 30


def test_a_face_is_smoothed_for_two_seconds_and_no_longer() -> None:
    smoother = Smoother(1.0)
    smoother.update(1, HAPPY, 0.0)
    # 1 - exp(-1.9) = 0.850431
    assert smoother.update(1, SAD, 1.9)[4] == pytest.approx(0.850431, abs=1e-6)
    np.testing.assert_array_equal(smoother.update(1, HAPPY, 4.0), HAPPY)


def test_each_measurement_starts_from_the_smoothed_one_before() -> None:
    smoother = Smoother(0.5)
    smoother.update(1, HAPPY, 0.0)
    # a = 1 - exp(-0.2) = 0.181269; happy: 1, then 1 - a, then (1 - a)^2 = 0.670320
    smoother.update(1, SAD, 0.1)
    assert smoother.update(1, SAD, 0.2)[[3, 4]] == pytest.approx([0.670320, 0.329680], abs=1e-6)


def test_a_time_that_runs_backwards_starts_anew() -> None:
    smoother = Smoother(0.3)
    smoother.update(1, HAPPY, 5.0)
    np.testing.assert_array_equal(smoother.update(1, SAD, 4.9), SAD)
    smoother.update(2, HAPPY, 100.0)
    smoother.forget_before(0.0)
    np.testing.assert_array_equal(smoother.update(2, SAD, 100.1), SAD)
