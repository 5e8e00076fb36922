"""What a face looks like from afar, to tell apart two people who cross each other's way."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.types import Box

_CELLS = 6
_SAMPLES = 4
"""Pixels read along each side of a cell: enough to average, few enough to cost nothing."""
_AROUND = 1.4
"""Hair and collar tell people apart better than the features that all have in common."""

Look = NDArray[np.float32]


def looks_of(image: NDArray[np.uint8], boxes: Sequence[Box]) -> list[Look]:
    """The look of each of ``boxes`` in ``image`` [H, W, 3]: [108] float32, mean 0, length 1.

    Mean colours of 6 x 6 cells, without their common brightness, so that a lamp that is switched
    on changes little.
    """
    return [_look(image, box) for box in boxes]


def likeness(first: Look, second: Look) -> float:
    """1 for the same look, about 0 for two that have nothing in common, -1 for a negative."""
    return float(first @ second)


def _look(image: NDArray[np.uint8], box: Box) -> Look:
    height, width = image.shape[:2]
    num = _CELLS * _SAMPLES
    center_x, center_y = box.center
    steps = ((np.arange(num) + 0.5) / num - 0.5) * _AROUND
    columns = np.clip(center_x + steps * box.width, 0, width - 1).astype(np.intp)
    rows = np.clip(center_y + steps * box.height, 0, height - 1).astype(np.intp)
    patch = image[rows[:, None], columns].astype(np.float32)
    cells = patch.reshape(_CELLS, _SAMPLES, _CELLS, _SAMPLES, 3).mean(axis=(1, 3)).ravel()
    cells -= cells.mean()
    length = float(np.sqrt(np.square(cells).sum()))
    return np.asarray(cells / length, dtype=np.float32) if length > 0 else cells
