"""Template matching (normalised cross-correlation, NCC): known faces followed between pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ferdesk.core.geometry import Box

_CELLS = 12
_SEARCH_CELLS = 3
"""Search window: this many cells around the predicted box, a quarter of its side."""
_LEAST_NORM = 1e-3
"""Added to a norm, so that a plain wall correlates with nothing."""
_MOST_BRIGHTER, _LEAST_CONTRAST = 30.0, 0.7
"""Most change of the mean grey value, and least ratio of contrasts, that still is the same face.

On composed scenes 98 % of the faces that were still there changed by -10 to 16 and by factors of
0.85 to 1.2; walls that faces were followed onto by about 40, or by 0.5.
"""
_SPAN = 1.2
"""The template covers a little more than the box, as the outline of a head is a good mark."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Template of a face: [144] float32 grey values of 12 x 12 cells, mean 0, norm 1.

    ``mean`` and ``norm`` (of the centred values, so the contrast) are what was taken off.
    """

    cells: NDArray[np.float32]
    mean: float
    norm: float


def make_template(image: NDArray[np.uint8], box: Box) -> Template:
    """Template of ``box`` in ``image`` [H, W, 3] uint8 RGB."""
    cells = _sampled(image, [box], 0).ravel()
    mean = float(cells.mean())
    centred = cells - np.float32(mean)
    norm = float(np.sqrt(np.square(centred).sum())) + _LEAST_NORM
    return Template(np.asarray(centred / norm, dtype=np.float32), mean, norm)


def match_templates(
    image: NDArray[np.uint8], boxes: Sequence[Box], templates: Sequence[Template]
) -> list[tuple[Box, float]]:
    """Template matching of each template in the search window around its box.

    Args:
        image: [H, W, 3] uint8 RGB.
        boxes: where the faces should be.
        templates: one for each box, from a box of the same size.

    Returns:
        for each box the box of best match, to a part of a cell, and the normalised
        cross-correlation there, in [-1, 1]. A place that is much brighter or darker, or of much
        less or more contrast, counts 0: the edge of a shadow on a wall correlates with faces too.
    """
    searched = _sampled(image, boxes, _SEARCH_CELLS)
    num, shifts = len(boxes), 2 * _SEARCH_CELLS + 1
    windows = sliding_window_view(searched, (_CELLS, _CELLS), axis=(1, 2)).reshape(
        num, shifts**2, _CELLS**2
    )
    cells = np.stack([template.cells for template in templates])
    # templates have mean 0 and norm 1, so only the windows' own norm is left to divide by
    products = (windows @ cells[:, :, None])[:, :, 0]
    means = windows.sum(axis=2) / _CELLS**2
    squares = np.einsum("nwc,nwc->nw", windows, windows) - means**2 * _CELLS**2
    norms = np.sqrt(np.maximum(squares, 0.0)) + _LEAST_NORM
    correlations = products / norms
    template_means = np.array([[template.mean] for template in templates])
    contrasts = norms / np.array([[template.norm] for template in templates])
    unlike = (np.abs(means - template_means) > _MOST_BRIGHTER) | (contrasts < _LEAST_CONTRAST)
    correlations[unlike | (contrasts > 1 / _LEAST_CONTRAST)] = 0.0
    best = correlations.argmax(axis=1)
    rows, columns = best // shifts, best % shifts
    each = np.arange(num)
    correlations = correlations.reshape(num, shifts, shifts)
    shifts_x = (columns - _SEARCH_CELLS + _peaks(correlations[each, rows], columns)).tolist()
    shifts_y = (rows - _SEARCH_CELLS + _peaks(correlations[each, :, columns], rows)).tolist()
    cell = _SPAN / _CELLS
    return [
        (
            replace(box, x=box.x + dx * cell * box.width, y=box.y + dy * cell * box.height),
            correlation,
        )
        for box, dx, dy, correlation in zip(
            boxes, shifts_x, shifts_y, correlations[each, rows, columns].tolist(), strict=True
        )
    ]


def _peaks(lines: NDArray[np.float32], tops: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sub-cell peaks [n]: the offset from each line's highest value to its parabola's vertex."""
    each, end = np.arange(len(lines)), lines.shape[1] - 1
    middles = np.clip(tops, 1, end - 1)
    before, top, after = (lines[each, middles + i].astype(np.float64) for i in (-1, 0, 1))
    curvatures = before - 2 * top + after
    # at an end of the window, or on a flat line, there is no parabola
    has_vertex = (middles == tops) & (curvatures < 0)
    divisors = np.where(has_vertex, curvatures, 1.0)
    return np.where(has_vertex, 0.5 * (before - after) / divisors, 0.0)


def _sampled(image: NDArray[np.uint8], boxes: Sequence[Box], around: int) -> NDArray[np.float32]:
    """Cells [n, cells, cells]: grey means of 2 x 2 pixels, of the boxes and ``around`` cells more.

    Beyond the picture its edge goes on.
    """
    height, width = image.shape[:2]
    num = _CELLS + 2 * around
    # two pixels a cell, at a quarter and three quarters of it
    steps = (np.arange(2 * num) + 0.5) / (2 * num) - 0.5
    steps *= _SPAN * num / _CELLS
    places = np.array([(*box.center, box.width, box.height) for box in boxes])
    x = np.clip(places[:, 0:1] + steps * places[:, 2:3], 0, width - 1).astype(np.intp)
    y = np.clip(places[:, 1:2] + steps * places[:, 3:4], 0, height - 1).astype(np.intp)
    # green alone is near enough to grey, at a third of the cost
    points = image[y[:, :, None], x[:, None, :], 1].astype(np.float32)
    # two sums take a third of the time of numpy's mean over two axes
    rows = points[:, 0::2] + points[:, 1::2]
    return np.asarray((rows[:, :, 0::2] + rows[:, :, 1::2]) / 4, dtype=np.float32)
