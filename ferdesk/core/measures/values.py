"""What is measured of a face in a frame, and why something is not."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.blinks import Blink, Side
from ferdesk.core.measures.eyes import Gaze, Openness
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.core.measures.pose import HeadPose

MeasuresChoice = Literal["off", "pose", "all", "mean"]
"""What is measured: nothing; landmarks and head pose; movements, blinks and gaze too; or, with
``mean``, movements as the mean of the picture and its mirror image, which takes twice the time."""

UnmeasuredReason = Literal[
    "", "off", "small", "cut", "overlapping", "turned", "dark", "hidden", "waiting"
]
"""Why a face has no measures: they are off, it is too small, or others had their turn. Or the
landmark network sees no face there, and it is cut off by the picture's edge, overlaps another one,
is turned away, is too dark, or none of these, as with a hand before it."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceMeasures:
    """Measures of one face.

    ``landmarks`` are raw, ``smoothed`` [478, 3] float32 the same after the One-Euro filter, for
    drawing. What follows ``pose`` is there with ``all`` and ``mean`` only: ``movements`` [52]
    float32 in [0, 1], in the order of ``MOVEMENTS``; the eyes' ``openness``; their ``gaze``, None
    with closed eyes too; the ``blinks`` that ended in this frame, of the eyes that
    ``blinks_followed`` names, and ``blink_rate``, those a minute, None before enough was seen. One
    that is not ``measured_now`` is from a frame shortly before. ``triangles`` [n, 3] int16 are the
    surface over the first 468 landmarks, the same for every face.
    """

    landmarks: FaceLandmarks
    smoothed: NDArray[np.float32]
    pose: HeadPose
    movements: NDArray[np.float32] | None = None
    openness: Openness | None = None
    gaze: Gaze | None = None
    blinks: tuple[Blink, ...] = ()
    blinks_followed: tuple[Side, ...] = ()
    blink_rate: float | None = None
    measured_now: bool = True
    triangles: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 3), np.int16))
