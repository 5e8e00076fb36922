"""Plots: confusion matrix, reliability diagram, accuracies beside the paper's.

Drawn without a display. No face is ever drawn here; ``trainer.evaluation.gallery`` does that, into
the user's cache folder.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from trainer.scoring.statistics import ReliabilityBin, row_shares

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK, _QUIET, _ACCENT, _PALE = "#1f2933", "#7b8794", "#2f6f9f", "#bcccdc"


def confusion_png(confusion_KK: NDArray[np.int64], title: str) -> bytes:
    """Confusion matrix as PNG, in the layout of the paper's Tables 3 and 4: rows the true label."""
    shares = row_shares(confusion_KK)
    figure = _figure(6.4, 5.2)
    axes = figure.add_subplot()
    axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1)
    names = [name.capitalize() for name in LABELS]
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set_yticks(
        range(len(names)),
        [f"{n} ({c})" for n, c in zip(names, confusion_KK.sum(axis=1), strict=True)],
    )
    for (row, column), share in np.ndenumerate(shares):
        text = "-" if math.isnan(share) else f"{share:.2f}"
        colour = "white" if share > 0.55 else _INK
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    axes.set_xlabel("Predicted expression")
    axes.set_ylabel("Real expression (faces)")
    axes.set_title(title, fontsize=10)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    return _png(figure)


def write_confusion_csv(confusion_KK: NDArray[np.int64], path: Path) -> None:
    """Confusion matrix as CSV: counts and row shares, one row per true label.

    Raises:
        OSError: it cannot be written.
    """
    shares = row_shares(confusion_KK)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["real", *LABELS, "faces", *(f"share_{name}" for name in LABELS)])
        for name, counts, row in zip(LABELS, confusion_KK, shares, strict=True):
            written = ["" if math.isnan(share) else f"{share:.4f}" for share in row]
            rows.writerow([name, *counts.tolist(), int(counts.sum()), *written])


def reliability_png(
    before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin], title: str
) -> bytes:
    """Reliability diagram as PNG, before and after the temperature, with the faces of each bin."""
    figure = _figure(5.6, 5.6)
    grid = figure.add_gridspec(2, 1, height_ratios=[3, 1], hspace=0.12)
    axes, counts = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle="--", label="perfect")
    for bins, colour, marker, name in (
        (before, _PALE, "o", "as trained"),
        (after, _ACCENT, "s", "with temperature"),
    ):
        full = [b for b in bins if b.num_faces]
        axes.plot(
            [b.confidence for b in full], [b.accuracy for b in full],
            color=colour, marker=marker, markersize=4, linewidth=1.5, label=name,
        )  # fmt: skip
    middles = [(b.low + b.high) / 2 for b in after]
    width = 0.9 / max(len(after), 1)
    counts.bar(middles, [b.num_faces for b in after], width=width, color=_ACCENT)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="Accuracy")
    axes.tick_params(labelbottom=False)
    counts.set(xlim=(0, 1), xlabel="Confidence", ylabel="Faces")
    axes.legend(frameon=False, fontsize=8)
    axes.set_title(title, fontsize=10)
    for each in (axes, counts):
        each.spines[["top", "right"]].set_visible(False)
    return _png(figure)


@dataclass(frozen=True, slots=True)
class Bar:
    """Accuracy of a system with its 95 % interval, and the paper's; shares in [0, 1] or None."""

    name: str
    ours: float | None
    interval: tuple[float, float] | None
    paper: float | None


def comparison_png(bars: Sequence[Bar], title: str) -> bytes:
    """Accuracies as PNG: ours with intervals and the paper's, system by system."""
    figure = _figure(7.2, 0.9 + 0.5 * max(len(bars), 1))
    axes = figure.add_subplot()
    values: list[float] = []
    for row, bar in enumerate(bars):
        if bar.paper is not None:
            axes.plot(bar.paper * 100, row, marker="D", color=_QUIET, linestyle="none", zorder=3)
            values.append(bar.paper * 100)
        if bar.ours is None:
            continue
        axes.plot(bar.ours * 100, row, marker="o", color=_ACCENT, linestyle="none", zorder=4)
        values.append(bar.ours * 100)
        if bar.interval is not None:
            low, high = (100 * end for end in bar.interval)
            axes.plot([low, high], [row, row], color=_ACCENT, linewidth=2, zorder=2)
            values += [low, high]
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
    axes.set_ylim(len(bars) - 0.5, -0.5)
    if values:
        margin = max(1.0, 0.08 * (max(values) - min(values)))
        axes.set_xlim(min(values) - margin, min(100.0, max(values) + margin) + 0.2)
    axes.set_xlabel("Accuracy, % (dot: ours with 95 % interval; diamond: the paper)", fontsize=8)
    axes.set_title(title, fontsize=10)
    axes.grid(axis="x", color="#e4e7eb")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return _png(figure)


def _figure(width_in: float, height_in: float) -> "Figure":
    from matplotlib.figure import Figure  # its own canvas: no pyplot, no display, no global state

    return Figure(figsize=(width_in, height_in), dpi=130, layout="constrained")


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    # no date in the file: the same figures give the same bytes
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
