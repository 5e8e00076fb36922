"""Gallery of confident misclassifications, as in the paper's Fig. 7, for the user's own cache.

FER2013's faces must not be passed on, so nothing here writes below a checkout.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.data.fer2013 import Faces
from trainer.scoring.evaluate import softmax

HARD_LABELS = ("angry", "fear", "sad", "neutral")
"""The four expressions that the paper's Fig. 7 shows, those with its lowest recalls."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Misclassified face; ``confidence`` is that of the predicted expression."""

    index: int
    real: int
    predicted: int
    confidence: float


def most_confusing(
    logits_NK: NDArray[np.float32],
    labels_N: NDArray[np.int64],
    per_label: int = 8,
    names: Sequence[str] = HARD_LABELS,
) -> list[Mistake]:
    """Most confident misclassifications of each label in ``names``, most confident first."""
    probabilities = softmax(logits_NK.astype(np.float64))
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    found: list[Mistake] = []
    for name in names:
        label = LABELS.index(name)
        wrong = np.flatnonzero((labels_N == label) & (predicted != label))
        ranked = wrong[np.argsort(-confidence[wrong], kind="stable")][:per_label]
        found += [Mistake(int(i), label, int(predicted[i]), float(confidence[i])) for i in ranked]
    return found


def write_gallery(faces: Faces, mistakes: Sequence[Mistake], path: Path) -> None:
    """Contact sheet (PNG) of mistakes: one row per expression, the prediction below each face.

    Raises:
        DataError: ``path`` lies in a checkout, or there is no mistake to show.
        OSError: it cannot be written.
    """
    if not mistakes:
        raise DataError("There is no confusing face to show: every one of them was recognised.")
    refuse_checkout(path)
    from matplotlib.figure import Figure

    rows = list(dict.fromkeys(mistake.real for mistake in mistakes))
    columns = max(sum(m.real == row for m in mistakes) for row in rows)
    figure = Figure(figsize=(1.15 * columns + 0.8, 1.5 * len(rows)), dpi=130, layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for line, row in enumerate(rows):
        for axes, mistake in zip(grid[line], (m for m in mistakes if m.real == row), strict=False):
            axes.imshow(faces.pixels[mistake.index], cmap="gray", vmin=0, vmax=255)
            shown = f"{LABELS[mistake.predicted]} {math.floor(100 * mistake.confidence)} %"
            axes.text(0.5, -0.04, shown, transform=axes.transAxes, ha="center", va="top", size=7)
        grid[line][0].set_title(f"labelled {LABELS[row]}", fontsize=8, loc="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def refuse_checkout(path: Path) -> None:
    """Refusal of a ``path`` inside a git checkout, from which it could be published."""
    for folder in path.resolve().parents:
        if (folder / ".git").exists():
            raise DataError(
                f"{path} lies in the checkout {folder}; pictures of a data set's people go "
                "elsewhere: choose another folder."
            )
