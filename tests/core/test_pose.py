"""The head's pose from six points: a model head, turned in space and looked at."""

import math
from itertools import pairwise

import pytest

from ferdesk.core.head_pose import HeadPose, Landmarks, head_pose

# x to the picture's right, y down, z towards the camera; in half distances between the ears
HEAD = {
    "right_eye": (-0.45, 0.0, 0.9),
    "left_eye": (0.45, 0.0, 0.9),
    "nose": (0.0, 0.5, 1.5),
    "mouth": (0.0, 0.9, 1.15),
    "right_ear": (-1.0, 0.1, 0.0),
    "left_ear": (1.0, 0.1, 0.0),
}


def seen(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, size: float = 70.0) -> HeadPose:
    """The pose of the model head, which looks right by ``yaw`` and down by ``pitch`` degrees."""
    yaw, pitch, roll = (math.radians(angle) for angle in (yaw, pitch, roll))
    points = {}
    for name, (x, y, z) in HEAD.items():
        y, z = (
            y * math.cos(pitch) + z * math.sin(pitch),
            z * math.cos(pitch) - y * math.sin(pitch),
        )
        x = x * math.cos(yaw) + z * math.sin(yaw)
        x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
        points[name] = (300 + size * x, 200 + size * y)
    return head_pose(Landmarks(**points))


def test_a_frontal_face_is_not_turned() -> None:
    pose = seen()
    assert pose.roll_deg == pytest.approx(0)
    assert pose.yaw_deg == pytest.approx(0)
    assert abs(pose.pitch_deg) < 5


@pytest.mark.parametrize("yaw", [-60, -30, 15, 45])
def test_yaw_is_found_whatever_the_size_and_roll(yaw: float) -> None:
    for roll in (-20, 0, 35):
        pose = seen(yaw=yaw, roll=roll)
        assert pose.yaw_deg == pytest.approx(yaw, abs=1e-6)
        assert pose.roll_deg == pytest.approx(roll, abs=1e-6)
    assert seen(yaw=yaw, size=9).yaw_deg == pytest.approx(yaw, abs=1e-6)


def test_pitch_grows_from_looking_up_to_looking_down() -> None:
    estimates = [seen(pitch=pitch).pitch_deg for pitch in (-40, -20, 0, 20, 40)]
    assert all(lower < higher for lower, higher in pairwise(estimates))
    assert estimates[0] < -20 < 20 < estimates[-1]


def test_points_out_of_order_are_a_face_turned_far_away() -> None:
    points = Landmarks((0, 0), (10, 0), (20, 5), (5, 10), (12, 0), (2, 0))
    assert abs(head_pose(points).yaw_deg) == 80


def test_points_that_fall_together_give_numbers() -> None:
    pose = head_pose(Landmarks(*[(5.0, 5.0)] * 6))
    assert all(math.isfinite(a) for a in (pose.roll_deg, pose.yaw_deg, pose.pitch_deg))


def upright(**moved: tuple[float, float]) -> Landmarks:
    """A frontal face: ears 40 apart, the mouth 20 below the eyes, with some points moved."""
    points = {
        "right_eye": (90.0, 100.0),
        "left_eye": (110.0, 100.0),
        "nose": (100.0, 111.0),
        "mouth": (100.0, 120.0),
        "right_ear": (80.0, 104.0),
        "left_ear": (120.0, 104.0),
    }
    return Landmarks(**{**points, **moved})


@pytest.mark.parametrize(
    ("nose", "yaw", "pitch"),
    [
        # the nose's tip lies 1.5 half ears before their axis: atan(30 / 30), atan(10 / 30)
        ((130.0, 111.0), 45.0, 0.0),
        ((90.0, 111.0), -18.434949, 0.0),
        # and 0.4 of eyes to mouth before the mouth: atan(8 / 8), atan(4 / 8)
        ((100.0, 119.0), 0.0, 45.0),
        ((100.0, 107.0), 0.0, -26.565051),
        # no estimate goes beyond 80 degrees
        ((400.0, 111.0), 80.0, 0.0),
        ((100.0, -400.0), 0.0, -80.0),
    ],
)
def test_the_nose_gives_the_angles(nose: tuple[float, float], yaw: float, pitch: float) -> None:
    pose = head_pose(upright(nose=nose))
    assert (pose.roll_deg, pose.yaw_deg, pose.pitch_deg) == pytest.approx((0.0, yaw, pitch))
    # the same face lying on its side, a quarter clockwise: x becomes y, y becomes -x
    points = upright(nose=nose)
    lying = Landmarks(
        *((-y, x) for x, y in (getattr(points, name) for name in Landmarks.__slots__))
    )
    pose = head_pose(lying)
    assert (pose.roll_deg, pose.yaw_deg, pose.pitch_deg) == pytest.approx((90.0, yaw, pitch))


def test_ears_out_of_order_keep_the_side_of_the_nose() -> None:
    swapped = {"right_ear": (120.0, 104.0), "left_ear": (80.0, 104.0)}
    assert head_pose(upright(nose=(103.0, 111.0), **swapped)).yaw_deg == 80.0
    assert head_pose(upright(nose=(97.0, 111.0), **swapped)).yaw_deg == -80.0
