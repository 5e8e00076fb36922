"""Statistics of stored logits: confusion matrix, F1, reliability, comparison of systems.

Axes: N faces, K expressions, S seeds. ``trainer.scoring.evaluate`` has the figures that every
model file carries (accuracy, recall, calibration error); here is what the paper's tables need
beside them.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import NUM_LABELS
from trainer.scoring.evaluate import NUM_BINS, bin_of, softmax, wilson_interval

_Z95 = 1.959964


def confusion(predicted_N: NDArray[np.int64], labels_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """Confusion matrix [K, K] of counts: row the true label, column the predicted one."""
    from sklearn.metrics import confusion_matrix

    counts: NDArray[np.int64] = confusion_matrix(labels_N, predicted_N, labels=range(NUM_LABELS))
    return counts


def row_shares(confusion_KK: NDArray[np.int64]) -> NDArray[np.float64]:
    """Row-normalised confusion matrix; NaN where an expression has no face."""
    totals_K1 = confusion_KK.sum(axis=1, keepdims=True)
    shares = np.full(confusion_KK.shape, math.nan)
    np.divide(confusion_KK, totals_K1, out=shares, where=totals_K1 > 0)
    return shares


def f1_scores(predicted_N: NDArray[np.int64], labels_N: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 score [K] = 2 TP / (2 TP + FP + FN); NaN for a label neither present nor predicted."""
    from sklearn.metrics import f1_score

    scores: NDArray[np.float64] = f1_score(
        labels_N, predicted_N, labels=range(NUM_LABELS), average=None, zero_division=math.nan
    )
    return scores


def macro(values_K: NDArray[np.float64]) -> float:
    """Macro average over the expressions that have a value; NaN where none has."""
    present = values_K[~np.isnan(values_K)]
    return float(present.mean()) if len(present) else math.nan


def brier_score(logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64]) -> float:
    """Brier score: mean squared distance of the probabilities from the true label, 0 to 2."""
    truth_NK = np.eye(NUM_LABELS)[labels_N]
    return float(((softmax(logits_NK) - truth_NK) ** 2).sum(axis=1).mean())


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Bin of the reliability diagram: faces, mean confidence and accuracy (NaN: no face)."""

    low: float
    high: float
    num_faces: int
    confidence: float
    accuracy: float


def reliability(
    logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64]
) -> list[ReliabilityBin]:
    """Bins of the reliability diagram, those of the expected calibration error."""
    probabilities = softmax(logits_NK)
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels_N
    bins = bin_of(confidence)
    found = []
    for b in range(NUM_BINS):
        inside = bins == b
        count = int(inside.sum())
        found.append(
            ReliabilityBin(
                b / NUM_BINS,
                (b + 1) / NUM_BINS,
                count,
                float(confidence[inside].mean()) if count else math.nan,
                float(correct[inside].mean()) if count else math.nan,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class SeedAccuracy:
    """Accuracy over seeds; ``deviation`` is the sample standard deviation, NaN for one seed.

    ``interval`` is the 95 % interval that comes from the finite test set: Wilson's for one seed;
    for several, normal about the mean, from the scatter over faces of the share of seeds that
    are right. It says nothing about other seeds; ``deviation`` does.
    """

    mean: float
    deviation: float
    interval: tuple[float, float]
    num_seeds: int
    num_faces: int


def accuracy_over_seeds(correct_SN: NDArray[np.bool_]) -> SeedAccuracy:
    """Mean accuracy over seeds from correct [S, N], with standard deviation and interval.

    Raises:
        ValueError: there is no seed or no face.
    """
    num_seeds, num_faces = correct_SN.shape
    if num_seeds == 0 or num_faces == 0:
        raise ValueError("a spread needs at least one seed and one face")
    accuracy_S = correct_SN.mean(axis=1)
    mean = float(accuracy_S.mean())
    if num_seeds == 1:
        interval = wilson_interval(int(correct_SN.sum()), num_faces)
        return SeedAccuracy(mean, math.nan, interval, 1, num_faces)
    share_N = correct_SN.mean(axis=0)
    half = _Z95 * float(share_N.std(ddof=1)) / math.sqrt(num_faces) if num_faces > 1 else 1.0
    interval = (max(0.0, mean - half), min(1.0, mean + half))
    return SeedAccuracy(mean, float(accuracy_S.std(ddof=1)), interval, num_seeds, num_faces)


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test of two systems: faces that only one has right, and the exact p-value."""

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first_N: NDArray[np.bool_], second_N: NDArray[np.bool_]) -> McNemar:
    """McNemar's exact two-sided test (1947) that both systems have the same error rate.

    Args:
        first_N: whether the first system is right, face by face.
        second_N: the same faces in the same order by the second.
    """
    from scipy.stats import binomtest

    only_first = int((first_N & ~second_N).sum())
    only_second = int((~first_N & second_N).sum())
    total = only_first + only_second
    if total == 0:
        return McNemar(0, 0, 1.0)
    return McNemar(only_first, only_second, float(binomtest(only_first, total, 0.5).pvalue))
