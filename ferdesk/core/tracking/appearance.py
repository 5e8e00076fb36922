"""Appearance embeddings of faces and their cosine similarity, for re-identification by tracks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box

_CELLS = 6
_SAMPLES = 3
"""Pixels read along each side of a cell: enough to average, few enough to cost nothing."""
_AROUND = 1.4
"""Hair and collar tell people apart better than the features that all have in common."""

Embedding = NDArray[np.float32]
"""Appearance embedding: [108] float32, mean 0, norm 1."""


def appearance_embeddings(image: NDArray[np.uint8], boxes: Sequence[Box]) -> list[Embedding]:
    """Appearance embedding of each of ``boxes`` in ``image`` [H, W, 3] uint8 RGB.

    Mean colours of 6 x 6 cells, row by row, without their common brightness, so that a lamp that is
    switched on changes little.
    """
    if not boxes:
        return []
    height, width = image.shape[:2]
    num = _CELLS * _SAMPLES
    steps = ((np.arange(num) + 0.5) / num - 0.5) * _AROUND
    places = np.array([(*box.center, box.width, box.height) for box in boxes])
    columns = np.clip(places[:, 0:1] + steps * places[:, 2:3], 0, width - 1).astype(np.intp)
    rows = np.clip(places[:, 1:2] + steps * places[:, 3:4], 0, height - 1).astype(np.intp)
    points = image[rows[:, :, None], columns[:, None, :]].astype(np.float32)
    # sums of whole slices take a fraction of the time of numpy's mean over two axes
    lines = sum(points[:, i::_SAMPLES] for i in range(_SAMPLES))
    cells = sum(lines[:, :, i::_SAMPLES] for i in range(_SAMPLES)).reshape(len(boxes), -1)
    cells -= cells.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.square(cells).sum(axis=1, keepdims=True))
    return list(np.asarray(cells / np.maximum(norms, 1e-6), dtype=np.float32))


def cosine_similarity(first: Embedding, second: Embedding) -> float:
    """Cosine similarity in [-1, 1]: 1 for the same appearance, about 0 for unrelated ones."""
    return float(first @ second)
