"""The arithmetic of the tables, with the expected numbers written out."""

import math

import numpy as np
import pytest

from trainer.scoring.evaluate import expected_calibration_error, softmax, wilson_interval
from trainer.scoring.statistics import (
    accuracy_over_seeds,
    brier_score,
    confusion,
    f1_scores,
    macro,
    mcnemar,
    reliability,
    row_shares,
)


def test_a_confusion_matrix_has_the_real_expression_in_its_rows() -> None:
    counts = confusion(np.array([0, 1, 1, 6]), np.array([0, 0, 1, 6]))
    assert counts.shape == (7, 7)
    assert counts[0].tolist() == [1, 1, 0, 0, 0, 0, 0]
    assert counts[1, 1] == 1
    assert counts[6, 6] == 1
    assert counts.sum() == 4


def test_rows_are_shares_and_an_absent_expression_has_none() -> None:
    shares = row_shares(confusion(np.array([0, 1, 1]), np.array([0, 0, 1])))
    assert shares[0, :2].tolist() == [0.5, 0.5]
    assert np.isnan(shares[2]).all()


def test_f1_equals_its_definition() -> None:
    # expression 0: 1 hit, 1 missed, 0 false: 2/(2+1) ; expression 1: 1 hit, 0 missed, 1 false
    scores = f1_scores(confusion(np.array([0, 1, 1]), np.array([0, 0, 1])))
    assert scores[:2] == pytest.approx([2 / 3, 2 / 3])
    assert np.isnan(scores[2:]).all()
    assert macro(scores) == pytest.approx(2 / 3)


def test_brier_score_is_0_for_certain_truth_and_2_for_certain_error() -> None:
    logits = np.array([[100.0, 0, 0, 0, 0, 0, 0]])
    assert brier_score(logits, np.array([0])) == pytest.approx(0)
    assert brier_score(logits, np.array([1])) == pytest.approx(2)


def test_the_reliability_bins_add_up_to_the_calibration_error() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 7, 400)
    logits = rng.normal(size=(400, 7))
    logits[np.arange(400), labels] += 1.5
    bins = reliability(logits, labels)
    assert len(bins) == 15
    assert sum(b.num_faces for b in bins) == 400
    gap = sum(b.num_faces * abs(b.accuracy - b.confidence) for b in bins if b.num_faces) / 400
    assert gap == pytest.approx(expected_calibration_error(softmax(logits), labels))


def test_one_seed_has_wilsons_interval_and_no_deviation() -> None:
    found = accuracy_over_seeds(np.array([[True] * 7 + [False] * 3]))
    assert found.mean == pytest.approx(0.7)
    assert math.isnan(found.deviation)
    assert found.interval == wilson_interval(7, 10)


def test_seeds_have_a_mean_the_samples_deviation_and_an_interval_over_faces() -> None:
    correct = np.array([[True, True, True, False], [True, True, False, False]])
    found = accuracy_over_seeds(correct)
    assert found.mean == pytest.approx(0.625)
    assert found.deviation == pytest.approx(math.sqrt(2 * 0.125**2))
    # shares over faces 1, 1, 1/2, 0: deviation sqrt((2 * .375^2 + .125^2 + .625^2) / 3)
    half = 1.959964 * math.sqrt((2 * 0.375**2 + 0.125**2 + 0.625**2) / 3) / 2
    assert found.interval == pytest.approx((0.625 - half, 1.0))


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one seed"):
        accuracy_over_seeds(np.zeros((0, 5), bool))


def test_mcnemar_counts_who_alone_is_right_and_is_exact() -> None:
    first = np.array([True] * 9 + [False] + [True] * 5)
    second = np.array([False] * 9 + [True] + [True] * 5)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (9, 1)
    # two tails of none or one of ten fair coins
    assert found.p_value == pytest.approx(2 * 11 / 1024)


def test_equal_systems_do_not_differ() -> None:
    same = np.array([True, False, True])
    assert mcnemar(same, same).p_value == 1.0
    assert mcnemar(same, ~same).p_value <= 1.0


def test_mcnemar_is_finite_for_thousands_of_faces() -> None:
    first = np.arange(8000) % 2 == 0
    found = mcnemar(first, ~first)
    assert found.p_value == pytest.approx(1.0)
