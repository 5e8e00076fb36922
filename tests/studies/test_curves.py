"""Signals of uneven frames on one clock since onset, and means with their bands."""

import numpy as np
import pytest

from ferdesk.studies.curves import (
    mean_and_band,
    mean_and_interval,
    num_steps,
    on_clock,
    rate_on_clock,
)

NAN = float("nan")


def clocked(
    t_s: list[float], spent_s: list[float], values: list[list[float]], steps: int = 4
) -> list[list[float]]:
    found = on_clock(
        np.array(t_s), np.array(spent_s), np.array(values, np.float64),
        onset_s=10.0, end_s=10.8, steps=steps, step_s=0.2,
    )  # fmt: skip
    return [list(map(float, row)) for row in found]


def test_a_step_has_the_mean_of_what_rows_hold_in_it() -> None:
    # 0.15 s of 1 and 0.05 s of 3 in the first step, the second is 3 alone
    found = clocked([10.0, 10.15], [0.15, 0.25], [[1.0], [3.0]], steps=2)
    assert found == [[pytest.approx(1.5)], [pytest.approx(3.0)]]


def test_uneven_frames_of_one_signal_give_the_same_curve() -> None:
    even = clocked([10.0, 10.2, 10.4, 10.6], [0.2] * 4, [[1.0], [2.0], [5.0], [9.0]])
    uneven = clocked(
        [10.0, 10.07, 10.2, 10.4, 10.55, 10.6, 10.75],
        [0.07, 0.13, 0.2, 0.15, 0.05, 0.15, 0.05],
        [[1.0], [1.0], [2.0], [5.0], [5.0], [9.0], [9.0]],
    )
    assert uneven == [[pytest.approx(value)] for (value,) in even]


def test_a_step_that_is_covered_by_less_than_half_is_missing() -> None:
    # covered for 0.11, 0.09, 0 and 0.2 s of 0.2
    found = clocked([10.0, 10.2, 10.6], [0.11, 0.09, 0.2], [[0.5], [0.25], [0.75]])
    assert found == [[0.5], [pytest.approx(NAN, nan_ok=True)], [pytest.approx(NAN, nan_ok=True)],
                     [pytest.approx(0.75)]]  # fmt: skip


def test_rows_before_the_onset_and_after_the_end_count_for_nothing() -> None:
    found = clocked([9.9, 10.7, 10.9], [0.5, 0.5, 0.5], [[7.0], [2.0], [8.0]])
    assert np.isnan(found[:3]).all()
    # the last row counts until the end only, which is half of the last step
    assert found[3] == [pytest.approx(2.0)]


def test_a_value_that_is_missing_in_a_row_is_missing_for_its_column_alone() -> None:
    found = clocked([10.0, 10.1], [0.1, 0.1], [[1.0, NAN], [3.0, 4.0]], steps=1)
    assert found == [[pytest.approx(2.0), pytest.approx(4.0)]]


def test_a_value_of_faces_that_take_turns_holds_to_the_next_in_a_short_hole_alone() -> None:
    t_s = [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7]
    turns = [1.0, NAN, NAN, 5.0, NAN, NAN, NAN, 7.0]
    found = clocked(t_s, [0.1] * 8, [[value] for value in turns])
    assert found == [[pytest.approx(value)] for value in (1.0, 3.0, 5.0, 6.0)]
    # half a second holds, more does not, and behind the last value nothing is known
    t_s, spent_s = [10.0, 10.2, 10.3, 10.4, 10.6], [0.2, 0.1, 0.1, 0.2, 0.2]
    found = clocked(t_s, spent_s, [[1.0], [NAN], [NAN], [2.0], [NAN]])
    assert found[:3] == [[1.0], [1.0], [pytest.approx(2.0)]]
    assert np.isnan(found[3])
    found = clocked(t_s, spent_s, [[1.0], [NAN], [NAN], [NAN], [2.0]])
    assert found[0] == [1.0]
    assert np.isnan(found[1:3]).all()


def test_the_clock_has_a_step_for_each_that_a_trial_touches() -> None:
    assert [num_steps(length_s, 0.2) for length_s in (0.0, 0.2, 0.21, 1.0)] == [0, 1, 2, 5]


def test_mean_and_count_are_of_those_who_have_a_value() -> None:
    values = np.array([[1.0, NAN, NAN], [2.0, 4.0, NAN], [6.0, 8.0, NAN]])
    band = mean_and_band(values)
    assert band.mean[:2].tolist() == [3.0, 6.0]
    assert np.isnan(band.mean[2])
    assert band.count.tolist() == [3, 2, 0]
    # an interval needs five participants
    assert np.isnan(band.low).all()


def test_a_band_is_that_of_the_means_of_drawn_participants() -> None:
    one = np.array([0.1, 0.2, 0.25, 0.4, 0.55, 0.9])
    drawn = np.random.default_rng(0).integers(0, 6, (2000, 6))
    low, high = np.percentile(one[drawn].mean(axis=1), [2.5, 97.5])
    band = mean_and_band(np.stack([one, one + 1], axis=1))
    assert band.low.tolist() == [pytest.approx(low), pytest.approx(low + 1)]
    assert band.high.tolist() == [pytest.approx(high), pytest.approx(high + 1)]
    assert list(mean_and_interval(np.append(one, NAN))) == pytest.approx([0.4, low, high])


def test_a_rate_is_of_the_time_that_rows_cover() -> None:
    found = rate_on_clock(
        np.array([10.1, 10.15, 10.5, 10.9]), np.array([10.0, 10.4, 10.6]),
        np.array([0.4, 0.15, 0.05]), onset_s=10.0, end_s=10.8, steps=3, step_s=0.4,
    )  # fmt: skip
    # two in 0.4 s, one in 0.2 s of 0.4, and a step after the end
    assert found[:2].tolist() == pytest.approx([300, 300])
    assert np.isnan(found[2])


def test_a_participant_without_a_value_at_a_moment_does_not_pull_its_band() -> None:
    values = np.full((6, 2), 0.5)
    values[2, 0] = NAN
    band = mean_and_band(values)
    assert band.count.tolist() == [5, 6]
    assert band.low.tolist() == pytest.approx([0.5, 0.5])
    assert band.high.tolist() == pytest.approx([0.5, 0.5])
