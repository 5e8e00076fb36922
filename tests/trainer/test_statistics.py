"""The arithmetic of the tables, with the expected numbers written out."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.scoring.evaluate import (
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    score,
    softmax,
    wilson_interval,
)
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
    scores = f1_scores(np.array([0, 1, 1]), np.array([0, 0, 1]))
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


@pytest.fixture
def sample() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits of 500 faces of six expressions; neutral is neither present nor predicted."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 6, 500)
    logits = rng.normal(size=(500, 7))
    logits[np.arange(500), labels] += 1.2
    logits[:, 6] -= 50
    return logits, labels


def test_scores_equal_those_of_our_own_code_before_scikit_learn(
    sample: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    logits, labels = sample
    predicted = logits.argmax(1)
    assert confusion(predicted, labels).tolist() == [
        [40, 10, 9, 6, 6, 16, 0], [7, 48, 9, 8, 5, 10, 0], [8, 12, 48, 6, 8, 11, 0],
        [4, 9, 12, 33, 5, 8, 0], [5, 12, 5, 7, 44, 11, 0], [8, 8, 8, 6, 6, 42, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]  # fmt: skip
    f1 = [
        0.5031446540880503, 0.5161290322580645, 0.5217391304347826, 0.48175182481751827,
        0.5569620253164557, 0.4772727272727273, math.nan,
    ]  # fmt: skip
    assert f1_scores(predicted, labels) == pytest.approx(f1, abs=1e-9, nan_ok=True)
    recall = [
        0.45977011494252873, 0.5517241379310345, 0.5161290322580645, 0.4647887323943662,
        0.5238095238095238, 0.5384615384615384, math.nan,
    ]  # fmt: skip
    found = score(logits, labels)
    assert list(found.recall.values()) == pytest.approx(recall, abs=1e-9, nan_ok=True)
    assert found.macro_recall == pytest.approx(0.5091138466328428, abs=1e-9)
    assert found.ece == pytest.approx(0.053527566934270854, abs=1e-9)
    assert found.nll == pytest.approx(1.287898878480642, abs=1e-9)


def test_a_fitted_temperature_is_as_likely_as_that_of_our_golden_section_search(
    sample: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    logits, labels = sample
    golden = 0.8478352204790177  # which stopped at 1e-5 in the logarithm
    temperature = fit_temperature(logits, labels)
    assert temperature == pytest.approx(golden, rel=1e-5)
    gain = negative_log_likelihood(logits / golden, labels) - negative_log_likelihood(
        logits / temperature, labels
    )
    assert 0 <= gain < 1e-9


@pytest.mark.parametrize(
    ("num_correct", "num_faces", "interval"),
    [
        (2484, 3589, (0.6768137039368366, 0.7070050689709385)),
        (1, 3589, (4.918657853777639e-05, 0.001576673885429052)),
        (3589, 3589, (0.9989308020058052, 1.0)),
        (0, 40, (0.0, 0.08762160245846368)),
    ],
)
def test_intervals_equal_those_of_our_own_formula(
    num_correct: int, num_faces: int, interval: tuple[float, float]
) -> None:
    # ours had the quantile 1.959964, scipy's has more digits: 2e-9 at 40 faces
    assert wilson_interval(num_correct, num_faces) == pytest.approx(interval, abs=2e-9)


def test_mcnemar_equals_our_own_sum_of_the_binomial_tail() -> None:
    rng = np.random.default_rng(5)
    rng.integers(0, 6, 500)
    rng.normal(size=(500, 7))
    first, second = rng.random(3589) < 0.7, rng.random(3589) < 0.68
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (785, 750)
    assert found.p_value == pytest.approx(0.3855046632267276, abs=1e-9)
    few = mcnemar(first[:40], second[:40])
    assert (few.only_first, few.only_second) == (6, 11)
    assert few.p_value == pytest.approx(0.3323059082031255, abs=1e-9)
