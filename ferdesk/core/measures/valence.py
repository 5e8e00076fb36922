"""Valence, derived from the probabilities of the expressions: from -1 to 1.

Valence = p(happy) - max(p(angry), p(disgust), p(fear), p(sad)): how pleasant the expression looks.
FaceReader derives its valence from its intensities in the same way, with the same limits (Höfling
et al., "Read my face: automatic facial coding versus psychophysiological indicators of emotional
valence and arousal", 2020). No network estimates it, and no arousal is derived.
"""

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS

_HAPPY = LABELS.index("happy")
_NEGATIVE = [LABELS.index(label) for label in ("angry", "disgust", "fear", "sad")]


def valence(probabilities: NDArray[np.float32]) -> float:
    """Valence in [-1, 1] of ``probabilities`` [7], in LABELS' order."""
    return float(probabilities[_HAPPY] - probabilities[_NEGATIVE].max())
