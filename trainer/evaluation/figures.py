"""Figures of an evaluation, from logits and true labels alone.

Axes: N faces, K expressions.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from trainer.evaluation.plots import confusion_png, reliability_png, write_confusion_csv
from trainer.evaluation.predictions import Predictions, save_predictions
from trainer.scoring.evaluate import (
    Scores,
    as_table,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    score,
    softmax,
)
from trainer.scoring.statistics import brier_score, confusion, f1_scores, macro, reliability


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures by one kind of views on one test; ``confusion`` [K, K]: rows the true label."""

    scores: Scores
    f1: dict[str, float]
    macro_f1: float
    brier: float
    confusion: NDArray[np.int64]

    def as_table(self) -> dict[str, object]:
        """JSON values; None for an expression that has no face."""
        own = as_table(self.scores)
        own["f1"] = {n: None if np.isnan(v) else round(v, 4) for n, v in self.f1.items()}
        own["macro_f1"] = round(self.macro_f1, 4)
        own["brier"] = round(self.brier, 4)
        own["confusion"] = self.confusion.tolist()
        return own


def figures(logits_NK: NDArray[np.floating], labels_N: NDArray[np.int64]) -> Figures:
    """Figures from logits [N, K] and labels [N]."""
    logits = logits_NK.astype(np.float64)
    predicted_N = logits.argmax(axis=1)
    f1_K = f1_scores(predicted_N, labels_N)
    return Figures(
        scores=score(logits, labels_N),
        f1=dict(zip(LABELS, f1_K.tolist(), strict=True)),
        macro_f1=macro(f1_K),
        brier=brier_score(logits, labels_N),
        confusion=confusion(predicted_N, labels_N),
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration by one temperature that was fitted on other faces than these."""

    temperature: float
    ece_before: float
    ece_after: float
    nll_before: float
    nll_after: float


def calibration(
    logits_NK: NDArray[np.floating],
    labels_N: NDArray[np.int64],
    fit_logits_MK: NDArray[np.floating],
    fit_labels_M: NDArray[np.int64],
) -> Calibration:
    """Calibration: ECE (15 bins) and NLL before and after the temperature fitted on ``fit_*``."""
    temperature = fit_temperature(fit_logits_MK.astype(np.float64), fit_labels_M)
    before = logits_NK.astype(np.float64)
    after = before / temperature
    return Calibration(
        temperature,
        expected_calibration_error(softmax(before), labels_N),
        expected_calibration_error(softmax(after), labels_N),
        negative_log_likelihood(before, labels_N),
        negative_log_likelihood(after, labels_N),
    )


def is_correct(logits_NK: NDArray[np.floating], labels_N: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Correctness of each face [N]: whether the largest logit is the true label's."""
    correct: NDArray[np.bool_] = logits_NK.argmax(axis=1) == labels_N
    return correct


def write_evaluation(
    folder: Path,
    title: str,
    predictions: Predictions,
    labels_N: NDArray[np.int64],
    fit: tuple[NDArray[np.floating], NDArray[np.int64]] | None,
    extra: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Evaluation of one model on one test, written to ``folder``; returns figures.json's content.

    Writes ``logits.npz`` (from which all else can be computed again), ``figures.json``,
    ``confusion.csv`` and ``.png`` (ten crops) and ``reliability.png`` (one crop).

    Args:
        folder: made where it is not there; files of an earlier call are replaced.
        title: stands above the pictures.
        predictions: of this test.
        labels_N: its true expressions.
        fit: logits [M, 7] by one crop and labels [M] to which the temperature is fitted
            (PublicTest's); None leaves calibration out.
        extra: more figures for figures.json.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_predictions(predictions, folder / "logits.npz")
    by_views = {views: figures(logits, labels_N) for views, logits in predictions.logits.items()}
    table: dict[str, object] = {views: each.as_table() for views, each in by_views.items()}
    counts = by_views["ten"].confusion
    write_confusion_csv(counts, folder / "confusion.csv")
    (folder / "confusion.png").write_bytes(confusion_png(counts, f"{title}, ten crops"))
    if fit is not None:
        logits = predictions.logits["one"].astype(np.float64)
        found = calibration(logits, labels_N, *fit)
        table["calibration"] = {key: round(value, 4) for key, value in asdict(found).items()}
        picture = reliability_png(
            reliability(logits, labels_N),
            reliability(logits / found.temperature, labels_N),
            f"{title}, one crop",
        )
        (folder / "reliability.png").write_bytes(picture)
    table |= extra or {}
    text = json.dumps({"origin": asdict(predictions.origin), "figures": table}, indent=1)
    (folder / "figures.json").write_text(text + "\n", encoding="utf-8")
    return table
