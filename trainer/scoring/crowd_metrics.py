"""Metrics of a model against FER+'s votes, from its logits and the votes alone.

The ground truth of a face is the distribution of its votes over our seven labels.
Axes: N faces, K expressions.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.data.ferplus import FerPlus
from trainer.scoring.evaluate import NUM_BINS, bin_of, lowest_temperature, softmax, wilson_interval


@dataclass(frozen=True, slots=True)
class CrowdScores:
    """Metrics of one head against the votes for one split. All shares lie in [0, 1].

    ``plurality`` and ``strict`` are shares of the faces on which most voters, or more than half of
    all, agree on one of our labels; ``top2``: of the first, how often the voters' label is among
    the model's two likeliest. ``kl`` is KL(votes, model) in nats and ``cosine`` the cosine between
    both, means over faces. ``ece`` and ``nll`` are against each vote by itself, ``ece`` in 15 bins.
    """

    num_faces: int
    plurality_faces: int
    plurality: float
    plurality_interval: tuple[float, float]
    strict_faces: int
    strict: float
    strict_interval: tuple[float, float]
    top2: float
    kl: float
    cosine: float
    recall: dict[str, float]
    num_votes: int
    ece: float
    nll: float

    def as_table(self, digits: int = 4) -> dict[str, object]:
        """JSON values, rounded; the recall of an expression without faces is None."""

        def rounded(value: object) -> object:
            if isinstance(value, float):
                return None if math.isnan(value) else round(value, digits)
            if isinstance(value, dict):
                return {key: rounded(item) for key, item in value.items()}
            if isinstance(value, tuple):
                return [rounded(item) for item in value]
            return value

        return {key: rounded(value) for key, value in asdict(self).items()}


def score_crowd(logits_NK: NDArray[np.float64], votes: FerPlus) -> CrowdScores:
    """Metrics from logits, of either head, and the same faces' votes.

    Raises:
        DataError: no face has a vote for one of our labels.
    """
    counts_NK = votes.ours().astype(np.float64)
    voted_N = counts_NK.sum(axis=1) > 0
    if not voted_N.any():
        raise DataError("None of these faces has a vote for one of the seven labels.")
    probabilities_NK = softmax(logits_NK)
    predicted_N = probabilities_NK.argmax(axis=1)
    labels_N, clear_N = votes.plurality()
    strict_N = clear_N & (2 * votes.votes.max(axis=1) > votes.votes.sum(axis=1))
    correct_N = predicted_N == labels_N
    top2_N2 = np.argsort(-probabilities_NK, axis=1, kind="stable")[:, :2]
    in_top2_N = (top2_N2 == labels_N[:, None]).any(axis=1)
    counts, probabilities = counts_NK[voted_N], probabilities_NK[voted_N]
    shares = counts / counts.sum(axis=1, keepdims=True)
    lengths = np.linalg.norm(shares, axis=1) * np.linalg.norm(probabilities, axis=1)
    recall = {
        name: float(correct_N[labels_N == k].mean()) if (labels_N == k).any() else float("nan")
        for k, name in enumerate(LABELS)
    }
    plurality, strict = int(correct_N[clear_N].sum()), int(correct_N[strict_N].sum())
    return CrowdScores(
        num_faces=len(counts),
        plurality_faces=int(clear_N.sum()),
        plurality=_share(plurality, clear_N),
        plurality_interval=wilson_interval(plurality, int(clear_N.sum())),
        strict_faces=int(strict_N.sum()),
        strict=_share(strict, strict_N),
        strict_interval=wilson_interval(strict, int(strict_N.sum())),
        top2=_share(int(in_top2_N[clear_N].sum()), clear_N),
        kl=votes.divergence(logits_NK),
        cosine=float(((shares * probabilities).sum(axis=1) / lengths).mean()),
        recall=recall,
        num_votes=int(counts.sum()),
        ece=vote_calibration_error(probabilities, counts),
        nll=_nll_of_votes(logits_NK[voted_N], counts),
    )


def fit_crowd_temperature(logits_NK: NDArray[np.float64], votes: FerPlus) -> float:
    """Temperature T that minimises the mean NLL of single votes under softmax(logits / T)."""
    counts_NK = votes.ours().astype(np.float64)
    return lowest_temperature(lambda t: _nll_of_votes(logits_NK / t, counts_NK))


def vote_calibration_error(
    probabilities_NK: NDArray[np.float64], counts_NK: NDArray[np.float64]
) -> float:
    """Expected calibration error against single votes: mean gap of confidence and agreeing votes.

    The confidence is that of the likeliest label; each single vote for it is correct, every other
    one wrong. Bins of equal width, as of the calibration error by labels; weighted by votes.
    """
    confidence_N, predicted_N = probabilities_NK.max(axis=1), probabilities_NK.argmax(axis=1)
    agreeing_N = counts_NK[np.arange(len(counts_NK)), predicted_N]
    votes_N, bins_N = counts_NK.sum(axis=1), bin_of(confidence_N)
    gaps = [
        abs(
            float(agreeing_N[bins_N == b].sum())
            - float((confidence_N * votes_N)[bins_N == b].sum())
        )
        for b in range(NUM_BINS)
    ]
    return float(sum(gaps) / max(votes_N.sum(), 1.0))


def _nll_of_votes(logits_NK: NDArray[np.float64], counts_NK: NDArray[np.float64]) -> float:
    """Mean negative log likelihood of one vote."""
    log_NK = np.log(np.maximum(softmax(logits_NK), 1e-300))
    return float(-(counts_NK * log_NK).sum() / max(counts_NK.sum(), 1.0))


def _share(number: int, among_N: NDArray[np.bool_]) -> float:
    return number / max(int(among_N.sum()), 1)
