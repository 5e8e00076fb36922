"""Comparison of two measurements of one face: by how much landmarks, movements and pose differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.measures.pose import angles_deg

_RIGHT_EYE, _LEFT_EYE = 33, 263
"""The outer corners of the eyes."""
_FARTHEST = 1.0
"""How far apart two faces' middles may lie, in distances of the eyes, to be the same."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredFace:
    """What is compared of a face.

    ``points`` [478, 3] in pixels of the picture, ``movements`` [52], ``rotation`` [3, 3] and
    ``place_cm`` [3] of the canonical face.
    """

    points: NDArray[np.float32]
    movements: NDArray[np.float32]
    rotation: NDArray[np.float64]
    place_cm: NDArray[np.float64]

    @property
    def eye_distance_px(self) -> float:
        """Distance of the outer corners of the eyes in the picture."""
        return float(np.linalg.norm(self.points[_LEFT_EYE, :2] - self.points[_RIGHT_EYE, :2]))


@dataclass(frozen=True, slots=True)
class FaceDifference:
    """Differences of two measurements of one face.

    ``mean_landmark`` and ``worst_landmark`` are shares of the distance of the eyes; ``movement`` is
    the one that differs most, ``movement_off`` by how much; the angles are in degrees, ours minus
    the other's; ``place_cm`` is how far the places of the head lie apart.
    """

    mean_landmark: float
    worst_landmark: float
    movement: str
    movement_off: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    place_cm: float


def difference(ours: MeasuredFace, other: MeasuredFace) -> FaceDifference:
    """Differences of ``ours`` from the ``other`` measurement of the same face."""
    eyes = max(other.eye_distance_px, 1e-6)
    apart = np.linalg.norm(ours.points[:, :2] - other.points[:, :2], axis=1) / eyes
    movements = np.abs(ours.movements - other.movements)
    most = int(movements.argmax())
    yaw, pitch, roll = (
        (mine - theirs + 180) % 360 - 180
        for mine, theirs in zip(angles_deg(ours.rotation), angles_deg(other.rotation), strict=True)
    )
    return FaceDifference(
        float(apart.mean()), float(apart.max()), MOVEMENTS[most], float(movements[most]),
        yaw, pitch, roll, float(np.linalg.norm(ours.place_cm - other.place_cm)),
    )  # fmt: skip


def pairs_of(ours: Sequence[MeasuredFace], others: Sequence[MeasuredFace]) -> list[tuple[int, int]]:
    """Pairs of the same face in both: indices into ``ours`` and ``others``, nearest first.

    Each face is in one pair at most; those that lie too far from any other are in none.
    """
    apart = sorted(
        (
            float(np.linalg.norm(_middle(mine) - _middle(other)))
            / max(other.eye_distance_px, 1e-6),
            i,
            j,
        )
        for i, mine in enumerate(ours)
        for j, other in enumerate(others)
    )
    pairs: list[tuple[int, int]] = []
    for distance, i, j in apart:
        if distance <= _FARTHEST and all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return pairs


def _middle(face: MeasuredFace) -> NDArray[np.float32]:
    return np.asarray(face.points[:, :2].mean(axis=0), np.float32)
