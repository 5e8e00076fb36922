"""Exponential moving average (EMA) of probabilities, per face, with a time constant in seconds."""

import math

import numpy as np
from numpy.typing import NDArray

SMOOTHING_TAU_S = 0.3
_FORGET_AFTER_S = 2.0


class Smoother:
    """Exponential moving average (EMA) with time constant ``tau_s``; 0 switches it off.

    s(t) = s(t0) + (1 - exp(-(t - t0) / tau)) (p(t) - s(t0)), which keeps the sum at 1 and gives
    the same curve at every frame rate. ``tau_s`` may be changed at any time.
    """

    def __init__(self, tau_s: float = SMOOTHING_TAU_S) -> None:
        self.tau_s = tau_s
        self._faces: dict[int, tuple[float, NDArray[np.float64]]] = {}

    def update(
        self, face_id: int, probabilities: NDArray[np.float32], t_s: float
    ) -> NDArray[np.float32]:
        """EMA update: the smoothed probabilities [7] float32 of ``face_id`` at ``t_s``."""
        measured = probabilities.astype(np.float64)
        before_s, smoothed = self._faces.get(face_id, (t_s, measured))
        elapsed_s = t_s - before_s
        if elapsed_s < 0 or elapsed_s > _FORGET_AFTER_S or self.tau_s <= 0:
            smoothed = measured
        else:
            smoothed = smoothed + (1 - math.exp(-elapsed_s / self.tau_s)) * (measured - smoothed)
        self._faces[face_id] = (t_s, smoothed)
        return smoothed.astype(np.float32)

    def restart(self) -> None:
        """Forget all faces."""
        self._faces = {}

    def forget_before(self, t_s: float) -> None:
        """Drop faces that were not updated for long before ``t_s``, so that memory stays flat."""
        self._faces = {
            face_id: kept
            for face_id, kept in self._faces.items()
            if abs(t_s - kept[0]) <= _FORGET_AFTER_S
        }
