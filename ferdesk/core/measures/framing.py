"""Landmark crop: the turned square around a face that the landmark network takes.

As MediaPipe frames a face (its face landmarker's graph): the short-range detector's box, turned so
that the eyes are level, its longer side times 1.5. A box of the full-range detector is brought
to the short-range one's framing first; ``ferdesk.core.crop`` has both.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import SHORT_RANGE, square_around
from ferdesk.core.geometry import Box, Framing

CROP_PX = 256
"""Side of the picture that the landmark network takes."""
_SCALE = 1.5
_RIGHT_EYE, _LEFT_EYE = 33, 263
"""The outer corners of the eyes; right and left are the person's own."""


@dataclass(frozen=True, slots=True)
class TurnedSquare:
    """Turned square of a picture, in its pixels; it may reach outside.

    ``roll_deg`` is clockwise: by how much its upper side is turned against the picture's.
    """

    center_x: float
    center_y: float
    side: float
    roll_deg: float = 0.0

    def to_picture(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points [..., 3] in the crop's pixels, as points in the picture's; z is scaled like x."""
        scale = self.side / CROP_PX
        x, y = (points[..., 0] - CROP_PX / 2) * scale, (points[..., 1] - CROP_PX / 2) * scale
        cos, sin = math.cos(math.radians(self.roll_deg)), math.sin(math.radians(self.roll_deg))
        turned = [
            self.center_x + x * cos - y * sin,
            self.center_y + x * sin + y * cos,
            points[..., 2] * scale,
        ]
        return np.stack(turned, axis=-1).astype(np.float32)

    def from_crop(self) -> NDArray[np.float64]:
        """Affine map [2, 3] from indices of the crop's pixels to indices of the picture's."""
        scale = self.side / CROP_PX
        cos = scale * math.cos(math.radians(self.roll_deg))
        sin = scale * math.sin(math.radians(self.roll_deg))
        # index i is the middle of pixel i, i + 0.5 in coordinates
        off = 0.5 - CROP_PX / 2
        return np.array(
            [
                [cos, -sin, self.center_x + off * (cos - sin) - 0.5],
                [sin, cos, self.center_y + off * (sin + cos) - 0.5],
            ]
        )


def square_of_box(box: Box, framing: Framing, roll_deg: float) -> TurnedSquare:
    """Landmark crop of a detection's ``box``; ``framing`` says which detector's it is."""
    as_fer2013 = square_around(box, framing)
    side = as_fer2013.side / SHORT_RANGE.scale
    return TurnedSquare(
        as_fer2013.x + as_fer2013.side / 2,
        as_fer2013.y + as_fer2013.side / 2 + side * SHORT_RANGE.shift_up,
        side * _SCALE,
        roll_deg,
    )


def square_of_landmarks(points: NDArray[np.float32]) -> TurnedSquare:
    """Landmark crop of a face whose landmarks [478, 3] are known, as of the frame before.

    The middle and the longer side of the upright box around all points, as MediaPipe follows a
    face from frame to frame.
    """
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    (x, y), side = (low + high) / 2, float((high - low).max())
    return TurnedSquare(float(x), float(y), side * _SCALE, roll_of_eyes(points))


def roll_of_eyes(points: NDArray[np.float32]) -> float:
    """Roll in degrees, clockwise, of the line between the outer corners of the eyes."""
    dx, dy = (points[_LEFT_EYE, :2] - points[_RIGHT_EYE, :2]).tolist()
    return math.degrees(math.atan2(dy, dx))
