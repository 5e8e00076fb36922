"""Landmarks of a face, and what a measure asks of the networks that find them.

The 478 points are those of MediaPipe's face mesh, in its order: 468 on the face, then five on each
iris, the right one first. Right and left are the person's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.framing import TurnedSquare

NUM_LANDMARKS = 478
NUM_MOVEMENTS = 52


@dataclass(frozen=True, slots=True, eq=False)
class FaceLandmarks:
    """Landmarks of one face in one picture.

    ``points`` [478, 3] float32, read-only: x and y in pixels of the whole picture, z (depth) in the
    same unit, smaller towards the camera, about 0 in the middle of the head. ``presence`` in
    [0, 1] is the network's own word on whether there is a face at all; where it is low the points
    mean nothing.
    """

    points: NDArray[np.float32]
    presence: float

    def __post_init__(self) -> None:
        self.points.setflags(write=False)


class LandmarkNetworks(Protocol):
    """Landmark networks: a function from squares of a picture to landmarks, and one to movements.

    ``image`` is [H, W, 3] uint8 RGB. What a square covers outside the picture repeats its border.
    """

    def landmarks(
        self, image: NDArray[np.uint8], squares: Sequence[TurnedSquare]
    ) -> list[FaceLandmarks]:
        """Landmarks of the face in each square, in one batch."""
        ...

    def movements(self, faces: Sequence[FaceLandmarks]) -> NDArray[np.float32]:
        """Movements [n, 52] float32 in [0, 1] of each face, in the order of ``MOVEMENTS``."""
        ...

    def close(self) -> None: ...
