"""Figures from stored logits, pure arithmetic: confusion, F1, calibration, comparison of systems.

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
    """Counts [K, K]: row the real expression, column the predicted one, as in Tables 3 and 4."""
    counts = np.zeros((NUM_LABELS, NUM_LABELS), dtype=np.int64)
    np.add.at(counts, (labels_N, predicted_N), 1)
    return counts


def row_shares(confusion_KK: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row as shares of its faces; NaN where an expression has no face."""
    totals_K1 = confusion_KK.sum(axis=1, keepdims=True)
    shares = np.full(confusion_KK.shape, math.nan)
    np.divide(confusion_KK, totals_K1, out=shares, where=totals_K1 > 0)
    return shares


def f1_scores(confusion_KK: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 [K] = 2 TP / (2 TP + FP + FN); NaN for an expression that is neither there nor guessed."""
    hits = np.diag(confusion_KK)
    denominator = confusion_KK.sum(axis=0) + confusion_KK.sum(axis=1)
    scores = np.full(len(hits), math.nan)
    np.divide(2 * hits, denominator, out=scores, where=denominator > 0)
    return scores


def macro(values_K: NDArray[np.float64]) -> float:
    """Mean over the expressions that have a value."""
    present = values_K[~np.isnan(values_K)]
    return float(present.mean()) if len(present) else math.nan


def brier_score(logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64]) -> float:
    """Mean squared distance of the probabilities from the true expression (0 best, 2 worst)."""
    truth_NK = np.eye(NUM_LABELS)[labels_N]
    return float(((softmax(logits_NK) - truth_NK) ** 2).sum(axis=1).mean())


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One of 15 bins of equal width: its faces, their mean confidence and accuracy (NaN: none)."""

    low: float
    high: float
    num_faces: int
    confidence: float
    accuracy: float


def reliability(
    logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64]
) -> list[ReliabilityBin]:
    """The bins behind the expected calibration error, for the reliability diagram."""
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
    """An accuracy over seeds. ``deviation`` is the sample's, over seeds, NaN for one seed.

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
    """Mean accuracy over seeds [S, N], its deviation, its interval.

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
    """Two systems on the same faces: how many only one has right, and the exact p-value."""

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first_N: NDArray[np.bool_], second_N: NDArray[np.bool_]) -> McNemar:
    """Exact two-sided test (McNemar, 1947) that both systems are right equally often.

    Args:
        first_N: whether the first system is right, face by face.
        second_N: the same faces in the same order by the second.
    """
    only_first = int((first_N & ~second_N).sum())
    only_second = int((~first_N & second_N).sum())
    total = only_first + only_second
    if total == 0:
        return McNemar(0, 0, 1.0)
    # binomial tail at 1/2, in logarithms: the coefficients of thousands of faces overflow floats
    smaller = min(only_first, only_second)
    logs = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        for k in range(smaller + 1)
    ]
    tail = math.fsum(math.exp(log - total * math.log(2)) for log in logs)
    return McNemar(only_first, only_second, min(1.0, 2 * tail))
