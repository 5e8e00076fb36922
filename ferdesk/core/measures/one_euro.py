"""One-Euro filter: smoothing of points that is strong at rest and quick in motion.

Casiez, Roussel and Vogel, "1 euro filter: a simple speed-based low-pass filter for noisy input in
interactive systems", 2012. Speeds are counted in sizes of the face, so that near and far faces are
smoothed alike.
"""

import math

import numpy as np
from numpy.typing import NDArray

MIN_CUTOFF_HZ = 1.5
"""Cut-off frequency at rest."""
BETA = 4.0
"""By how much the cut-off rises, in Hz, for each face width a second."""
_SPEED_CUTOFF_HZ = 1.0
_FORGET_AFTER_S = 0.5


class OneEuroFilter:
    """One-Euro filter of points [n, d], each with its own speed; times are in seconds."""

    def __init__(self) -> None:
        self._t_s = -math.inf
        self._smoothed: NDArray[np.float64] | None = None
        self._velocity: NDArray[np.float64] | None = None

    def update(self, points: NDArray[np.float32], size: float, t_s: float) -> NDArray[np.float32]:
        """Smoothed points [n, d] float32 at ``t_s``; ``size`` is the face's width in their unit.

        After a gap of half a second, or when time goes back, it begins anew.
        """
        measured = points.astype(np.float64)
        elapsed_s = t_s - self._t_s
        self._t_s = t_s
        before, velocity = self._smoothed, self._velocity
        if before is None or velocity is None or not 0 < elapsed_s <= _FORGET_AFTER_S:
            self._velocity = np.zeros_like(measured)
            self._smoothed = measured
            return points
        moved = (measured - before) / elapsed_s
        velocity = velocity + _alpha(_SPEED_CUTOFF_HZ, elapsed_s) * (moved - velocity)
        speed = np.linalg.norm(velocity, axis=1, keepdims=True) / max(size, 1e-6)
        weights = _alpha(MIN_CUTOFF_HZ + BETA * speed, elapsed_s)
        self._velocity = velocity
        self._smoothed = before + weights * (measured - before)
        return self._smoothed.astype(np.float32)


def _alpha(cutoff_hz: "NDArray[np.float64] | float", elapsed_s: float) -> NDArray[np.float64]:
    """Weight of what is new in a first-order low-pass filter."""
    step = 2 * math.pi * np.asarray(cutoff_hz) * elapsed_s
    return np.asarray(step / (step + 1))
