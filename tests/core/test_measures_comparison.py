"""Comparison of two measurements of a face, on made ones."""

import numpy as np
import pytest

from ferdesk.core.measures.comparison import MeasuredFace, difference, pairs_of
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.measures.pose import rotation_of


def face(x: float = 0.0, yaw: float = 0.0, movement: float = 0.0) -> MeasuredFace:
    points = np.zeros((478, 3), np.float32)
    points[263, 0], points[33, 0] = 100.0, 0.0
    points[:, 0] += np.float32(x)
    movements = np.zeros(52, np.float32)
    movements[MOVEMENTS.index("jawOpen")] = movement
    return MeasuredFace(points, movements, rotation_of(yaw, 3.0, -4.0), np.array([x, 0.0, 40.0]))


def test_differences_are_in_shares_of_the_eyes_and_in_degrees() -> None:
    ours, other = face(x=3.0, yaw=12.0, movement=0.3), face(yaw=10.0, movement=0.5)
    ours.points[7] += np.float32(4.0)
    off = difference(ours, other)
    assert off.worst_landmark == pytest.approx(np.hypot(7.0, 4.0) / 100, rel=1e-5)
    assert off.mean_landmark == pytest.approx(0.0301, abs=1e-4)
    assert off.movement == "jawOpen"
    assert off.movement_off == pytest.approx(0.2)
    assert (off.yaw_deg, off.pitch_deg, off.roll_deg) == pytest.approx((2.0, 0.0, 0.0), abs=1e-9)
    assert off.place_cm == pytest.approx(3.0)


def test_each_face_is_compared_with_the_nearest_and_with_none_that_is_far() -> None:
    ours = [face(x=500.0), face(x=10.0), face(x=3000.0)]
    others = [face(x=0.0), face(x=20.0), face(x=505.0)]
    assert sorted(pairs_of(ours, others)) == [(0, 2), (1, 0)]
