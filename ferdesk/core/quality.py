"""Face quality, and the reasons for low confidence in a label."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LowConfidenceReason = Literal[
    "", "small", "turned", "tilted", "dark", "bright", "blurred", "unclear"
]
"""Reason for low confidence: the face itself, or (``unclear``) its probabilities."""

CONFIDENCE_THRESHOLD = 0.40
MARGIN_THRESHOLD = 0.10
SMALLEST_FACE_PX = 24.0
# measured by benchmarks/quality.py; docs/uncertain.md has the tables
FARTHEST_YAW_DEG = 35.0
FARTHEST_PITCH_DEG = 30.0
FARTHEST_ROLL_DEG = 30.0
DARKEST = 35.0
BRIGHTEST = 215.0
LEAST_SHARPNESS = 45.0


def sharpness(crop: NDArray[np.float32]) -> float:
    """Variance of the Laplacian [0 1 0; 1 -4 1; 0 1 0] over the inside of a [48, 48] crop."""
    laplacian = (
        crop[:-2, 1:-1] + crop[2:, 1:-1] + crop[1:-1, :-2] + crop[1:-1, 2:] - 4 * crop[1:-1, 1:-1]
    )
    return float(laplacian.var())


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """Face quality: what can be measured without the classifier.

    ``side_px`` is the mean of its box's width and height in the picture; ``sharpness`` and
    ``brightness`` (0..255) are its crop's; the angles are ``ferdesk.core.head_pose``'s.
    """

    side_px: float
    sharpness: float
    brightness: float
    roll_deg: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0

    def low_confidence_reason(
        self, *, smallest_face_px: float = SMALLEST_FACE_PX
    ) -> LowConfidenceReason:
        """Reason not to classify this face, empty for none; the surest to measure comes first."""
        if self.side_px < smallest_face_px:
            return "small"
        if abs(self.yaw_deg) > FARTHEST_YAW_DEG or abs(self.pitch_deg) > FARTHEST_PITCH_DEG:
            return "turned"
        if abs(self.roll_deg) > FARTHEST_ROLL_DEG:
            return "tilted"
        if self.brightness < DARKEST:
            return "dark"
        if self.brightness > BRIGHTEST:
            return "bright"
        return "blurred" if self.sharpness < LEAST_SHARPNESS else ""


def is_unclear(
    smoothed: NDArray[np.float32],
    *,
    below: float = CONFIDENCE_THRESHOLD,
    margin: float = MARGIN_THRESHOLD,
) -> bool:
    """Low confidence of ``smoothed`` [7]: maximum is under ``below`` or lead under ``margin``."""
    second, first = np.sort(smoothed)[-2:]
    return bool(first < below or first - second < margin)
