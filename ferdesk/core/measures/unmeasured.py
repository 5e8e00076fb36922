"""Why the landmark network sees no face where one was detected, as far as that can be told.

What can be measured for sure is asked first. A rule names what holds, and not what is to blame: a
face that is cut off and dark is called cut off. Where nothing of it holds, something covers the
face most likely, and nothing here tells a hand from a mask: the reason is ``hidden``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box
from ferdesk.core.measures.values import UnmeasuredReason
from ferdesk.core.quality import DARKEST, FARTHEST_YAW_DEG

SMALLEST_PX = 24.0
"""Boxes narrower than this are not measured at all."""
MOST_OUTSIDE = 0.15
"""Share of a box that may lie outside the picture."""
MOST_SHARED = 0.3
"""Share of the smaller of two boxes that may lie in the other."""
_LUMA = np.array([0.299, 0.587, 0.114])


def why_not_seen(
    image: NDArray[np.uint8], box: Box, yaw_deg: float, others: Sequence[Box]
) -> UnmeasuredReason:
    """Reason for the low presence of the face at ``box`` in ``image`` [H, W, 3] uint8 RGB.

    ``yaw_deg`` is the detector's estimate, ``others`` are the boxes of the other faces.
    """
    height, width = image.shape[:2]
    inside = box.intersection_area(Box(0, 0, width, height))
    if inside < (1 - MOST_OUTSIDE) * box.area:
        return "cut"
    if any(box.ios(other) > MOST_SHARED for other in others):
        return "overlapping"
    if abs(yaw_deg) > FARTHEST_YAW_DEG:
        return "turned"
    return "dark" if _brightness(image, box) < DARKEST else "hidden"


def _brightness(image: NDArray[np.uint8], box: Box) -> float:
    """Mean grey value, 0..255, of what of ``box`` lies in ``image``."""
    left, top = max(int(box.x), 0), max(int(box.y), 0)
    part = image[top : int(box.y + box.height) + 1, left : int(box.x + box.width) + 1]
    return float(part.reshape(-1, 3).mean(axis=0) @ _LUMA) if part.size else 0.0
