"""Head pose from landmarks: the canonical face fitted to a face's points, seen by a pinhole camera.

The way of MediaPipe's face geometry module: points on the face's mask are brought from the picture
into space, in centimetres, and the canonical face is turned, moved and scaled onto them by a
weighted Procrustes fit (Umeyama, "Least-squares estimation of transformation parameters between two
point patterns", 1991), twice to learn how far away the face is and a third time for the pose.

How far it is depends on the camera's field of view, which no picture tells: ``VERTICAL_FOV_DEG``
is assumed, as MediaPipe does, and a head of average size. Angles hardly depend on either.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

VERTICAL_FOV_DEG = 63.0
"""Field of view of the camera from the picture's upper to its lower edge: a common webcam's."""
_NEAR_CM = 1.0


@dataclass(frozen=True, eq=False)
class CanonicalFace:
    """Canonical face: the average face on which poses are measured.

    ``points`` [468, 3] float32 in centimetres, x to the person's left, y up, z to the front, the
    origin within the head. ``triangles`` [n, 3] int16 are its surface. ``fit`` [m] are the points
    that a pose is fitted to and ``weights`` [m] float32 how much each counts.
    """

    points: NDArray[np.float32]
    triangles: NDArray[np.int16]
    fit: NDArray[np.int16]
    weights: NDArray[np.float32]

    @cached_property
    def basis(self) -> NDArray[np.float64]:
        """The points that a pose is fitted to, [3, m]."""
        return self.points[self.fit].astype(np.float64).T


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Head pose: angles in degrees and the head's place in centimetres.

    ``yaw_deg`` is positive where the face looks to the picture's right, ``pitch_deg`` where it
    looks down, ``roll_deg`` where the head is tilted clockwise in the picture; all are 0 for a face
    that looks straight along the camera's axis. Turned in this order: yaw about the camera's
    vertical axis, pitch about the head's own cross axis, roll about the head's own front axis.
    ``x_cm`` is to the picture's right, ``y_cm`` down, ``z_cm`` away from the camera.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    x_cm: float
    y_cm: float
    z_cm: float


def fit_pose(
    face: CanonicalFace, points: NDArray[np.float32], width_px: int, height_px: int
) -> HeadPose:
    """Head pose of a face with landmarks ``points`` [478, 3] in a picture of this size."""
    rotation, moved = pose_matrix(face, points, width_px, height_px)
    yaw, pitch, roll = angles_deg(rotation)
    x, y, z = moved.tolist()
    return HeadPose(yaw, pitch, roll, x, -y, -z)


def pose_matrix(
    face: CanonicalFace, points: NDArray[np.float32], width_px: int, height_px: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation [3, 3] and place [3] in centimetres of the canonical face that fits ``points``.

    The camera looks along -z from the origin, x to the right and y up.
    """
    height = 2 * _NEAR_CM * math.tan(math.radians(VERTICAL_FOV_DEG) / 2)
    px_to_cm = height / height_px
    # on the plane before the camera, the middle of the picture at the origin
    on_plane = points[face.fit].astype(np.float64).T * px_to_cm
    on_plane[0] -= width_px * px_to_cm / 2
    on_plane[1] = height / 2 - on_plane[1]
    weights = face.weights.astype(np.float64)
    # depth is measured from the face's own mean, over all its points
    depth = float(points[: len(face.points), 2].mean()) * px_to_cm

    flat = on_plane * np.array([[1.0], [1.0], [-1.0]])
    scale = _procrustes(face.basis, flat, weights)[1]
    seen = _in_space(on_plane, depth, scale)
    scale *= _procrustes(face.basis, seen, weights)[1]
    rotation, _, place = _procrustes(face.basis, _in_space(on_plane, depth, scale), weights)
    return rotation, place


def _in_space(on_plane: NDArray[np.float64], depth: float, scale: float) -> NDArray[np.float64]:
    z = (on_plane[2] - depth + _NEAR_CM) / scale
    return np.stack([on_plane[0] * z / _NEAR_CM, on_plane[1] * z / _NEAR_CM, -z])


def _procrustes(
    source: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Rotation [3, 3], scale and translation [3] from ``source`` to ``target``, [3, m] each."""
    total = weights.sum()
    middle = (source @ weights / total)[:, None]
    centred = source - middle
    left, _, right = np.linalg.svd((target * weights) @ centred.T)
    if np.linalg.det(left) * np.linalg.det(right) < 0:
        left[:, 2] *= -1
    rotation = left @ right
    scale = float((rotation @ centred * target * weights).sum() / (centred**2 * weights).sum())
    translation = (target - scale * rotation @ source) @ weights / total
    return rotation, scale, translation


def angles_deg(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, signed as ``HeadPose`` has them, of a rotation [3, 3]."""
    # R = yaw about y, then pitch about the turned x, then roll about the turned z
    yaw = math.atan2(rotation[0, 2], rotation[2, 2])
    pitch = math.asin(max(-1.0, min(1.0, -rotation[1, 2])))
    roll = math.atan2(rotation[1, 0], rotation[1, 1])
    # the camera's y is up: what turns counterclockwise there has a positive angle
    return math.degrees(yaw), math.degrees(pitch), -math.degrees(roll)


def about_axes_deg(yaw_deg: float, pitch_deg: float, roll_deg: float) -> tuple[float, float, float]:
    """Angles x, y, z in degrees of the same turn, as OpenFace and py-feat take it apart.

    Its rotation is Rx(x) Ry(y) Rz(z) in axes to the picture's right, down and away from the camera.
    Of a head that is turned in one way only they are pitch, minus yaw, and roll. All lie between
    -180 and 180.
    """
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    x = math.atan2(math.sin(pitch), math.cos(yaw) * math.cos(pitch))
    y = -math.asin(math.sin(yaw) * math.cos(pitch))
    z = math.atan2(math.sin(yaw) * math.sin(pitch), math.cos(yaw))
    about_z_deg = roll_deg + math.degrees(z)
    return math.degrees(x), math.degrees(y), (about_z_deg + 180.0) % 360.0 - 180.0


def rotation_of(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Rotation [3, 3] of these angles; ``angles_deg`` undoes it."""
    yaw, pitch, roll = (math.radians(a) for a in (yaw_deg, pitch_deg, -roll_deg))
    about_y = [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
    about_x = [
        [1, 0, 0],
        [0, math.cos(pitch), -math.sin(pitch)],
        [0, math.sin(pitch), math.cos(pitch)],
    ]
    about_z = [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]]
    turned = np.array(about_y) @ np.array(about_x) @ np.array(about_z)
    return np.asarray(turned, dtype=np.float64)
