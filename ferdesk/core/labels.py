"""Labels: the seven expressions in FER2013's order; every model file carries the same list.

There are two truths about a face: what ten people who looked at it voted for (FER+), and what the
data set FER2013 calls it. A model may answer both; ``LabelsFrom`` says which one is asked.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

LABELS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
NUM_LABELS = len(LABELS)

LabelsFrom = Literal["votes", "fer2013"]
"""Where labels come from: people's votes, or FER2013's label."""
LABELS_FROM: LabelsFrom = "votes"
"""The default; docs/models.md has the measurements."""

_VOTE_SHARES = (0.0860, 0.0175, 0.0361, 0.2630, 0.1476, 0.1217, 0.3282)
"""Mean share of each label in FER+'s votes for a face of FER2013's Training split."""
_RARE_BELOW = 0.10
_LIFTS = np.sqrt(np.maximum(_RARE_BELOW / np.array(_VOTE_SHARES), 1.0))
"""[7] factor of each label: 1 for those with a tenth of the votes or more."""


def lift_rare_labels(votes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Prior correction of votes' shares [7]: q_k is proportional to p_k sqrt(max(1, 0.1 / pi_k)).

    pi_k is the label's mean share in training. Few votes go to disgust and fear, so without it
    these would lead less often than people say; docs/models.md has the figures.
    """
    lifted = votes.astype(np.float64) * _LIFTS
    return np.asarray(lifted / lifted.sum(), dtype=np.float32)
