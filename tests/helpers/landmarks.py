"""Made faces: the canonical face with eyeballs, turned, moved and seen by a pinhole camera."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ferdesk.adapters.networks.face_landmarks import load_canonical_face
from ferdesk.core.measures.eyes import CENTER_ABOVE_CM, CENTER_BEHIND_CM, IRIS_RADIUS_CM
from ferdesk.core.measures.framing import TurnedSquare
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.core.measures.pose import VERTICAL_FOV_DEG, rotation_of
from ferdesk.paths import landmarks_folder

CANONICAL = load_canonical_face(landmarks_folder())


def with_irises(gaze_yaw_deg: float = 0.0, gaze_pitch_deg: float = 0.0) -> np.ndarray:
    """[478, 3] points in centimetres: the canonical face, irises turned to its left and down."""
    yaw, pitch = math.radians(gaze_yaw_deg), math.radians(gaze_pitch_deg)
    looks = np.array(
        [math.cos(pitch) * math.sin(yaw), -math.sin(pitch), math.cos(pitch) * math.cos(yaw)]
    )
    irises = []
    for outer, inner in ((33, 133), (263, 362)):
        middle = (CANONICAL.points[outer] + CANONICAL.points[inner]) / 2
        center = middle + np.array([0, CENTER_ABOVE_CM, -CENTER_BEHIND_CM])
        irises += [center + IRIS_RADIUS_CM * looks] * 5
    return np.concatenate([CANONICAL.points, irises])


def seen_by_camera(
    rotation: np.ndarray,
    place_cm: tuple[float, float, float],
    size_px: tuple[int, int],
    points_cm: np.ndarray | None = None,
) -> np.ndarray:
    """Landmarks [478, 3] in pixels of a head turned by ``rotation`` at x right, y down, z away.

    Depth comes as the network gives it: in the scale of the face, from the middle of its points.
    """
    points = with_irises() if points_cm is None else points_cm
    x, y, z = (points @ rotation.T + np.array([place_cm[0], -place_cm[1], -place_cm[2]])).T
    width, height = size_px
    focal = height / 2 / math.tan(math.radians(VERTICAL_FOV_DEG) / 2)
    depth = -(z - z[:468].mean()) * focal / place_cm[2]
    seen = np.stack([width / 2 + focal * x / -z, height / 2 - focal * y / -z, depth], axis=1)
    return seen.astype(np.float32)


def blinking(t_s: np.ndarray, start_s: float, length_s: float, lowest: float = 0.2) -> np.ndarray:
    """Shares [n] by which an eye is open: down and up again along a cosine."""
    part = np.clip((t_s - start_s) / length_s, 0, 1)
    return 1 - (1 - lowest) * (1 - np.cos(2 * np.pi * part)) / 2


SMILE = np.arange(52, dtype=np.float32) / np.float32(64)


@dataclass
class FakeLandmarks:
    """Sees a head at the middle of every square, turned by what it is told."""

    presence: float = 0.9
    yaw_deg: float = 0.0
    num_landmarks: int = 0
    num_movements: int = 0
    squares: list[TurnedSquare] = field(default_factory=list)

    def landmarks(self, image: np.ndarray, squares: Sequence[TurnedSquare]) -> list[FaceLandmarks]:
        self.num_landmarks += len(squares)
        self.squares = list(squares)
        size = (image.shape[1], image.shape[0])
        points = seen_by_camera(rotation_of(self.yaw_deg, 0, 0), (0, 0, 60), size)
        return [FaceLandmarks(points.copy(), self.presence) for _ in squares]

    def movements(self, faces: Sequence[FaceLandmarks]) -> np.ndarray:
        self.num_movements += len(faces)
        return np.tile(SMILE, (len(faces), 1))

    def close(self) -> None:
        pass
