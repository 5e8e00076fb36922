"""Eyes: how far they are open, and where they look relative to the head.

**Openness** is the distance of the lids in the middle of an eye over the distance of the outer eye
corners, in space, so that neither size nor turn of the head changes it much.

**Gaze** is an estimate. An iris sits on an eyeball of average size behind the middle of the eye's
corners; with the head's pose taken out, where the iris is seen tells how the eyeball is turned.
No infrared light and no calibration are used: errors of ten degrees are common, people differ by a
constant, and looks up and down are told half as large as they are or less, since the network moves
the irises less than they move (docs/measures.md). With closed lids there is none.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.pose import CanonicalFace

IRIS_RADIUS_CM = 1.05
"""From the middle of the eyeball to the iris."""
CENTER_BEHIND_CM = 0.55
"""How far the middle of the eyeball lies behind the middle of the eye's corners."""
CENTER_ABOVE_CM = 0.26
"""And how far above it, so that three people who look into the camera have a mean pitch of 0."""
CLOSED_BELOW = 0.035
"""With a smaller openness there is no gaze: the lids cover the iris."""


@dataclass(frozen=True, slots=True)
class _Eye:
    outer: int
    inner: int
    iris: int
    lids: tuple[tuple[int, int], ...]


_RIGHT = _Eye(33, 133, 468, ((160, 144), (159, 145), (158, 153)))
_LEFT = _Eye(263, 362, 473, ((387, 373), (386, 374), (385, 380)))


@dataclass(frozen=True, slots=True)
class Openness:
    """Openness of each eye, the person's own right and left: about 0.1 open, 0.03 closed."""

    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Gaze:
    """Gaze direction relative to the head, an estimate, in degrees; the mean of both eyes.

    ``yaw_deg`` is positive to the person's left (the picture's right, where the head is frontal),
    ``pitch_deg`` positive down: signed as ``HeadPose`` is.
    """

    yaw_deg: float
    pitch_deg: float


def openness(points: NDArray[np.float32]) -> Openness:
    """Openness of the eyes of a face with landmarks ``points`` [478, 3]."""
    width = float(np.linalg.norm(points[_LEFT.outer] - points[_RIGHT.outer]))

    def of(eye: _Eye) -> float:
        gaps = [float(np.linalg.norm(points[up] - points[low])) for up, low in eye.lids]
        return sum(gaps) / len(gaps) / max(width, 1e-6)

    return Openness(left=of(_LEFT), right=of(_RIGHT))


def gaze(
    face: CanonicalFace, points: NDArray[np.float32], rotation: NDArray[np.float64]
) -> Gaze | None:
    """Gaze of a face with landmarks ``points`` [478, 3] and the head's ``rotation`` [3, 3].

    None where both eyes are closed, or turned too far away to see the irises on the eyeballs.
    """
    opened = openness(points)
    across = rotation @ (face.points[_LEFT.outer] - face.points[_RIGHT.outer]).astype(np.float64)
    seen = points[_LEFT.outer, :2] - points[_RIGHT.outer, :2]
    px_to_cm = float(np.linalg.norm(across[:2]) / max(float(np.linalg.norm(seen)), 1e-6))
    looks = []
    for eye, open_ in ((_LEFT, opened.left), (_RIGHT, opened.right)):
        if open_ < CLOSED_BELOW:
            continue
        middle = (points[eye.outer, :2] + points[eye.inner, :2]) / 2
        right, down = ((points[eye.iris, :2] - middle) * px_to_cm).tolist()
        center = rotation @ np.array([0.0, CENTER_ABOVE_CM, -CENTER_BEHIND_CM])
        x, y = (right - center[0]) / IRIS_RADIUS_CM, (-down - center[1]) / IRIS_RADIUS_CM
        if x * x + y * y < 1:
            looks.append(rotation.T @ np.array([x, y, math.sqrt(1 - x * x - y * y)]))
    if not looks:
        return None
    x, y, z = (sum(looks) / len(looks)).tolist()
    return Gaze(math.degrees(math.atan2(x, z)), math.degrees(math.atan2(-y, math.hypot(x, z))))
