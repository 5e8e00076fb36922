"""The square around a face that the landmark network takes."""

import numpy as np
import pytest

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE, square_around
from ferdesk.core.geometry import Box
from ferdesk.core.measures.framing import (
    TurnedSquare,
    roll_of_eyes,
    square_of_box,
    square_of_landmarks,
)


def test_a_short_range_box_is_framed_as_mediapipe_does() -> None:
    square = square_of_box(Box(100.0, 40.0, 80.0, 80.0), SHORT_RANGE, 12.5)
    assert (square.center_x, square.center_y) == pytest.approx((140.0, 80.0))
    assert (square.side, square.roll_deg) == pytest.approx((120.0, 12.5))


def test_both_detectors_boxes_of_one_face_have_one_crop() -> None:
    face = square_around(Box(100.0, 40.0, 80.0, 80.0), SHORT_RANGE)
    side = face.side / FULL_RANGE.scale
    x = face.x + face.side / 2 - side / 2
    y = face.y + face.side / 2 + side * FULL_RANGE.shift_up - side / 2
    other = square_of_box(Box(x, y, side, side), FULL_RANGE, 0.0)
    assert (other.center_x, other.center_y, other.side) == pytest.approx((140.0, 80.0, 120.0))


def test_points_of_the_crop_land_in_the_picture() -> None:
    square = TurnedSquare(300.0, 200.0, 512.0, 90.0)
    points = np.array([[128, 128, 4], [256, 128, -6]], np.float32)
    # a quarter turn clockwise: what is right in the crop lies below
    wanted = [[300.0, 200.0, 8.0], [300.0, 456.0, -12.0]]
    assert square.to_picture(points) == pytest.approx(np.array(wanted), abs=1e-3)


def test_the_next_crop_follows_the_landmarks() -> None:
    points = np.zeros((478, 3), np.float32)
    points[:, :2] = (250.0, 150.0)
    points[10, :2], points[152, :2] = (240.0, 90.0), (260.0, 230.0)
    points[33, :2], points[263, :2] = (220.0, 130.0), (280.0, 160.0)
    square = square_of_landmarks(points)
    assert (square.center_x, square.center_y) == pytest.approx((250.0, 160.0))
    assert square.side == pytest.approx(1.5 * 140.0)
    assert square.roll_deg == pytest.approx(26.565, abs=1e-3)
    assert roll_of_eyes(points) == square.roll_deg
