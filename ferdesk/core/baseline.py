"""Neutral baseline of a face: a bounded shift of its logits, so that a resting face is neutral.

Some faces look sad or angry to the network while they rest. A few seconds of the resting face say
how much, and this much is taken off from then on. ``docs/baseline.md`` has the reasoning.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS, NUM_LABELS, LabelsFrom
from ferdesk.core.types import FrameResult

NEUTRAL_S = 3.0
"""Duration of the measurement of a neutral face."""
LOST_AFTER_S = 0.5
"""A face that is not detected for longer than this ends the measurement."""
FEWEST_FRAMES = 5
TARGET_NEUTRAL = 0.70
"""Target probability of neutral for a neutral face; the other six share the rest evenly."""
MOST_SHIFT = 3.0
"""No logit is lowered by more than this: a strong expression stays visible over any baseline."""
_NEUTRAL = LABELS.index("neutral")
_LEAST_PROBABILITY = 1e-6
_TARGET_LOG_ODDS = math.log((1 - TARGET_NEUTRAL) / (NUM_LABELS - 1) / TARGET_NEUTRAL)


@dataclass(frozen=True, slots=True)
class Baseline:
    """Neutral baseline: offsets of one face's logits in LABELS' order, each in [-MOST_SHIFT, 0].

    ``num_frames`` is how many classifications of the neutral face it rests on.
    """

    offsets: tuple[float, ...]
    num_frames: int = 0

    @staticmethod
    def of(probabilities: NDArray[np.float32]) -> "Baseline":
        """Neutral baseline from the probabilities of a neutral face.

        d_i = clip(log(q_i / q_n) - mean_t log(p_i(t) / p_n(t)), -MOST_SHIFT, 0), where n is
        neutral and q the target: a label that the resting face shows too strongly against neutral
        is lowered until it no longer does, one that it does not show is left alone.

        Args:
            probabilities: [n, 7] float32, the network's raw ones over the neutral seconds, n >= 1.
        """
        logs = np.log(np.maximum(probabilities.astype(np.float64), _LEAST_PROBABILITY))
        log_odds = (logs - logs[:, _NEUTRAL : _NEUTRAL + 1]).mean(axis=0)
        offsets = np.clip(_TARGET_LOG_ODDS - log_odds, -MOST_SHIFT, 0.0)
        offsets[_NEUTRAL] = 0.0
        return Baseline(tuple(round(float(d), 6) + 0.0 for d in offsets), len(probabilities))

    def apply(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shift of the logits of ``probabilities`` [7] float32: p_i e^d_i / sum_j p_j e^d_j."""
        shifted = probabilities.astype(np.float64) * np.exp(self.offsets)
        total = shifted.sum()
        return probabilities if total <= 0 else (shifted / total).astype(np.float32)

    @property
    def lowered(self) -> tuple[tuple[str, float], ...]:
        """Labels that are lowered, with by how many logits, the most first."""
        pairs = [(label, -d) for label, d in zip(LABELS, self.offsets, strict=True) if d < 0]
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))


Progress = Literal["running", "lost", "done"]


class NeutralSeconds:
    """Neutral baseline measurement: collects the raw probabilities of one face while neutral."""

    def __init__(self, face_id: int) -> None:
        self.face_id = face_id
        self._collected: list[NDArray[np.float32]] = []
        self._began_s: float | None = None
        self._last_s = 0.0
        self._labels_from: LabelsFrom | None = None

    @property
    def share(self) -> float:
        """Progress in [0, 1]."""
        if self._began_s is None:
            return 0.0
        return min(max((self._last_s - self._began_s) / NEUTRAL_S, 0.0), 1.0)

    def add(self, result: FrameResult) -> Progress:
        """Take one result; ``lost`` where the face was not detected for too long."""
        now_s = result.frame.t_s
        if self._began_s is None:
            self._began_s = self._last_s = now_s
        face = next((face for face in result.faces if face.face_id == self.face_id), None)
        if face is None:
            return "lost" if abs(now_s - self._last_s) > LOST_AFTER_S else "running"
        if now_s < self._last_s:  # the source began anew
            return "lost"
        self._last_s = now_s
        if face.expression.labels_from != self._labels_from and self._collected:
            self._collected, self._began_s = [], now_s  # other probabilities: from the beginning
        self._labels_from = face.expression.labels_from
        if face.classified_now:
            self._collected.append(face.expression.probabilities)
        enough = now_s - self._began_s >= NEUTRAL_S and len(self._collected) >= FEWEST_FRAMES
        return "done" if enough else "running"

    def baseline(self) -> Baseline:
        """Neutral baseline of what was collected; only after ``done``."""
        return Baseline.of(np.stack(self._collected))

    def most_seen(self) -> tuple[str, float]:
        """Label with the largest mean raw probability, and that mean; only after ``done``."""
        mean = np.mean(self._collected, axis=0)
        return LABELS[int(mean.argmax())], float(mean.max())


def offsets_table(baseline: Baseline | None) -> dict[str, float] | None:
    """Offsets by label, as ``session.json`` has them; None where a baseline was undone."""
    return None if baseline is None else dict(zip(LABELS, baseline.offsets, strict=True))
