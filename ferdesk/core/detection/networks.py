"""Detector networks: what a face search asks of whoever runs them."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Region
from ferdesk.core.types import Detection

DetectorChoice = Literal["ferdesk", "mediapipe"]
"""Who finds faces: ferdesk's own search, or MediaPipe's package, which is an extra."""

FULL_RANGE_PX = 192
"""Side of the square on which the full-range network was trained."""


class DetectorNetworks(Protocol):
    """Two networks that detect, and a third that says how much one is a face.

    ``image`` is [H, W, 3] uint8 RGB; boxes are in pixels of the whole ``image``, and faces that the
    region's edge truncates are among them. The full-range network finds small faces, the
    short-range one large faces in half the time. ``scale`` resizes the region before the full-range
    network sees it; without one its longer side becomes ``FULL_RANGE_PX``.
    """

    def detect_full_range(
        self, image: NDArray[np.uint8], region: Region, scale: float | None = None
    ) -> list[Detection]: ...

    def detect_short_range(self, image: NDArray[np.uint8], region: Region) -> list[Detection]: ...

    def landmark_spread(self, image: NDArray[np.uint8], detection: Detection) -> float:
        """Spread of the landmarks on crops of ``detection`` turned against each other, in faces.

        About 0.01 where the crops show the same face; what is no face has them anywhere.
        """
        ...

    def close(self) -> None: ...
