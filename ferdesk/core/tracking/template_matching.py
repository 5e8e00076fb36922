"""Known faces followed from one picture to the next by their look, many at once and cheaply."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ferdesk.core.geometry import Box

_CELLS = 12
_REACH = 3
"""A face is looked for this many cells around where it should be: a quarter of its side."""
_PLAIN = 1e-3
"""Added to a spread, so that a plain wall resembles nothing."""
_MOST_LIGHTER, _LEAST_VIVID = 30.0, 0.7
"""By how much a face may change in grey values, and by which share in their spread, unseen.

On composed scenes 98 % of the faces that were still there changed by -10 to 16 and by factors of
0.85 to 1.2; walls that faces were followed onto by about 40, or by 0.5.
"""
_SPAN = 1.2
"""The template covers a little more than the box, as the outline of a head is a good mark."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A face's look: [144] float32 grey values of 12 x 12 cells, mean 0, length 1.

    ``mean`` and ``spread`` (the length) are what the grey values had before.
    """

    cells: NDArray[np.float32]
    mean: float
    spread: float


def make_template(image: NDArray[np.uint8], box: Box) -> Template:
    """The look of ``box`` in ``image`` [H, W, 3]."""
    look = _sampled(image, [box], 0).ravel()
    mean = float(look.mean())
    centred = look - np.float32(mean)
    spread = float(np.sqrt(np.square(centred).sum())) + _PLAIN
    return Template(np.asarray(centred / spread, dtype=np.float32), mean, spread)


def follow(
    image: NDArray[np.uint8], boxes: Sequence[Box], templates: Sequence[Template]
) -> list[tuple[Box, float]]:
    """Where the look of each template is found near its box, and how well it fits.

    Args:
        image: [H, W, 3] uint8.
        boxes: where the faces should be.
        templates: one for each box, from a box of the same size.

    Returns:
        for each box its place, to a part of a cell, and the correlation there, in [-1, 1]. A place
        that is much brighter, darker, plainer or more vivid counts 0: the edge of a shadow on a
        wall correlates with faces too.
    """
    fields = _sampled(image, boxes, _REACH)
    num, reached = len(boxes), 2 * _REACH + 1
    windows = sliding_window_view(fields, (_CELLS, _CELLS), axis=(1, 2)).reshape(
        num, reached**2, _CELLS**2
    )
    marks = np.stack([template.cells for template in templates])
    # the marks have mean 0 and length 1, so only the windows' own spread is left to divide by
    products = (windows @ marks[:, :, None])[:, :, 0]
    means = windows.sum(axis=2) / _CELLS**2
    squares = np.einsum("nwc,nwc->nw", windows, windows) - means**2 * _CELLS**2
    spreads = np.sqrt(np.maximum(squares, 0.0)) + _PLAIN
    fits = products / spreads
    levels = np.array([[template.mean] for template in templates])
    ratios = spreads / np.array([[template.spread] for template in templates])
    unlike = (np.abs(means - levels) > _MOST_LIGHTER) | (ratios < _LEAST_VIVID)
    fits[unlike | (ratios > 1 / _LEAST_VIVID)] = 0.0
    best = fits.argmax(axis=1)
    rows, columns = best // reached, best % reached
    each = np.arange(num)
    fits = fits.reshape(num, reached, reached)
    shifts_x = (columns - _REACH + _peaks(fits[each, rows], columns)).tolist()
    shifts_y = (rows - _REACH + _peaks(fits[each, :, columns], rows)).tolist()
    cell = _SPAN / _CELLS
    return [
        (replace(box, x=box.x + dx * cell * box.width, y=box.y + dy * cell * box.height), fit)
        for box, dx, dy, fit in zip(
            boxes, shifts_x, shifts_y, fits[each, rows, columns].tolist(), strict=True
        )
    ]


def _peaks(lines: NDArray[np.float32], tops: NDArray[np.intp]) -> NDArray[np.float64]:
    """How far from each line's highest value the top of the parabola through it lies, [n]."""
    each, end = np.arange(len(lines)), lines.shape[1] - 1
    middles = np.clip(tops, 1, end - 1)
    before, top, after = (lines[each, middles + i].astype(np.float64) for i in (-1, 0, 1))
    bends = before - 2 * top + after
    # at an end of the reach, or on a flat line, there is no parabola
    has_top = (middles == tops) & (bends < 0)
    return np.where(has_top, 0.5 * (before - after) / np.where(has_top, bends, 1.0), 0.0)


def _sampled(image: NDArray[np.uint8], boxes: Sequence[Box], reach: int) -> NDArray[np.float32]:
    """[n, cells, cells] grey means of 2 x 2 pixels in each cell of the boxes and ``reach`` around.

    Beyond the picture its edge goes on.
    """
    height, width = image.shape[:2]
    num = _CELLS + 2 * reach
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
