"""Head pose: roll, yaw and pitch estimated from the six landmarks of a face detector.

Landmarks lie in the picture, so depth is an assumption: a head of average proportions. The angles
tell a frontal face from one that looks away; they are no measurement of a head's pose.
"""

import math
from dataclasses import dataclass

Point = tuple[float, float]

# how far the nose's tip lies before the line between the ears, in half its length
_NOSE_BEFORE_EARS = 1.5
# where the nose's tip lies between eyes and mouth on a frontal face, and how far before them, in
# distances from eyes to mouth
_NOSE_BELOW_EYES = 0.55
_NOSE_BEFORE_MOUTH = 0.4
_FARTHEST_DEG = 80.0


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Landmarks: six points of a face, (x, y) in pixels. Right and left are the person's own."""

    right_eye: Point
    left_eye: Point
    nose: Point
    mouth: Point
    right_ear: Point
    left_ear: Point


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Head pose: angles in degrees, all 0 for a face that looks at the camera.

    ``roll_deg`` is clockwise in the picture, from the line between the eyes. ``yaw_deg`` is
    positive where the face looks to the picture's right, ``pitch_deg`` where it looks down; both
    are estimates from -80 to 80.
    """

    roll_deg: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0


def head_pose(points: Landmarks) -> HeadPose:
    """Head pose of a face with these landmarks."""
    (rx, ry), (lx, ly) = points.right_eye, points.left_eye
    # a person's right eye is the left one in the picture
    roll = math.atan2(ly - ry, lx - rx)
    across = (math.cos(roll), math.sin(roll))
    down = (-across[1], across[0])

    def along(point: Point, axis: Point) -> float:
        return point[0] * axis[0] + point[1] * axis[1]

    right_ear, left_ear = along(points.right_ear, across), along(points.left_ear, across)
    half = (left_ear - right_ear) / 2
    aside = along(points.nose, across) - (right_ear + left_ear) / 2
    eyes = (along(points.right_eye, down) + along(points.left_eye, down)) / 2
    to_mouth = along(points.mouth, down) - eyes
    lower = along(points.nose, down) - eyes - _NOSE_BELOW_EYES * to_mouth
    return HeadPose(
        roll_deg=math.degrees(roll),
        yaw_deg=_angle_deg(aside, half * _NOSE_BEFORE_EARS),
        pitch_deg=_angle_deg(lower, to_mouth * _NOSE_BEFORE_MOUTH),
    )


def _angle_deg(offset: float, depth: float) -> float:
    """Rotation in degrees that moves a point at ``depth`` before the axis by ``offset``."""
    if depth <= 0:
        # the points are out of order: the face is seen from the side, or is none
        return math.copysign(_FARTHEST_DEG, offset)
    angle = math.degrees(math.atan2(offset, depth))
    return max(-_FARTHEST_DEG, min(_FARTHEST_DEG, angle))
