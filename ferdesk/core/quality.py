"""How good a crop is, and when a label is called uncertain."""

import numpy as np
from numpy.typing import NDArray

UNCERTAIN_BELOW = 0.40
UNCERTAIN_MARGIN = 0.10
SMALLEST_FACE_PX = 24.0


def sharpness(crop: NDArray[np.float32]) -> float:
    """Variance of the Laplacian [0 1 0; 1 -4 1; 0 1 0] over the inside of a [48, 48] crop."""
    laplacian = (
        crop[:-2, 1:-1] + crop[2:, 1:-1] + crop[1:-1, :-2] + crop[1:-1, 2:] - 4 * crop[1:-1, 1:-1]
    )
    return float(laplacian.var())


def is_uncertain(
    smoothed: NDArray[np.float32],
    face_side_px: float,
    *,
    below: float = UNCERTAIN_BELOW,
    margin: float = UNCERTAIN_MARGIN,
    smallest_face_px: float = SMALLEST_FACE_PX,
) -> bool:
    """Whether a label should not be trusted.

    So it is where the largest probability is below ``below``, where it leads the second by less
    than ``margin``, or where the face is smaller than ``smallest_face_px``. docs/uncertain.md
    explains the rule.
    """
    second, first = np.sort(smoothed)[-2:]
    return bool(first < below or first - second < margin or face_side_px < smallest_face_px)
