"""Head pose: what turns how, in which sign, and how far away."""

import json
from pathlib import Path

import numpy as np
import pytest

from ferdesk.adapters.networks.face_landmarks import load_canonical_face
from ferdesk.core.measures.pose import (
    VERTICAL_FOV_DEG,
    CanonicalFace,
    angles_deg,
    fit_pose,
    pose_matrix,
    rotation_of,
)
from ferdesk.paths import landmarks_folder
from tests.helpers.landmarks import CANONICAL, seen_by_camera

SIZE = (800, 600)


def test_the_canonical_face_is_mediapipes() -> None:
    face = load_canonical_face(landmarks_folder())
    assert face.points.shape == (468, 3)
    assert face.triangles.shape == (898, 3)
    assert face.fit.tolist()[:3] == [4, 6, 10]
    # the person's left eye on +x, the forehead up, the tip of the nose in front
    assert face.points[263, 0] > 4 > -4 > face.points[33, 0]
    assert face.points[10, 1] > face.points[152, 1]
    assert face.points[:, 2].argmax() in (1, 4)


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "roll_deg"),
    [(0, 0, 0), (25, 0, 0), (-25, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 30), (31, -17, -12)],
)
def test_the_pose_of_a_made_head_is_found(
    yaw_deg: float, pitch_deg: float, roll_deg: float
) -> None:
    points = seen_by_camera(rotation_of(yaw_deg, pitch_deg, roll_deg), (3.0, -2.0, 60.0), SIZE)
    pose = fit_pose(CANONICAL, points, *SIZE)
    # depth is not seen in perspective by the network, so that far from the axis a degree is lost
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx(
        (yaw_deg, pitch_deg, roll_deg), abs=2.0
    )
    assert (pose.x_cm, pose.y_cm) == pytest.approx((3.0, -2.0), abs=0.5)
    assert pose.z_cm == pytest.approx(60.0, abs=2.5)


def test_signs_are_those_of_the_docs() -> None:
    """A face turned to the picture's right shows its nose to the right of its eyes' middle."""
    for angles, axis, sign in (((25, 0, 0), 0, 1), ((0, 20, 0), 1, 1)):
        straight = seen_by_camera(rotation_of(0, 0, 0), (0, 0, 60), SIZE)
        turned = seen_by_camera(rotation_of(*angles), (0, 0, 60), SIZE)

        def nose(points: np.ndarray, axis: int = axis) -> float:
            return float(points[1, axis] - (points[33, axis] + points[263, axis]) / 2)

        assert sign * (nose(turned) - nose(straight)) > 10
    tilted = seen_by_camera(rotation_of(0, 0, 30), (0, 0, 60), SIZE)
    # clockwise: the person's left eye, right in the picture, is lower
    assert tilted[263, 1] > tilted[33, 1] + 20


@pytest.mark.parametrize("angles", [(10, 20, 30), (-70, 5, -40), (0, 0, 0), (12, -80, 3)])
def test_angles_and_rotation_undo_each_other(angles: tuple[float, float, float]) -> None:
    assert angles_deg(rotation_of(*angles)) == pytest.approx(angles, abs=1e-9)


def test_a_head_twice_as_near_is_half_as_far() -> None:
    near = seen_by_camera(np.eye(3), (0, 0, 40), SIZE)
    far = seen_by_camera(np.eye(3), (0, 0, 80), SIZE)
    near_cm = fit_pose(CANONICAL, near, *SIZE).z_cm
    assert fit_pose(CANONICAL, far, *SIZE).z_cm / near_cm == pytest.approx(2.0, abs=0.05)


def test_pose_is_that_of_mediapipes_own_program() -> None:
    """A turned, tilted head near the camera, as mediapipe 1.2.3 measured it."""
    path = Path(__file__).parents[1] / "data" / "landmarks" / "pose.json"
    reference = json.loads(path.read_text("utf-8"))
    points = np.zeros((478, 3), np.float64)
    points[CANONICAL.fit] = reference["fit"]
    others = np.setdiff1d(np.arange(468), CANONICAL.fit)
    points[others, 2] = (468 * reference["mean_z"] - points[:468, 2].sum()) / len(others)
    rotation, place = pose_matrix(CANONICAL, points.astype(np.float32), 640, 360)
    matrix = np.array(reference["matrix"])
    assert rotation == pytest.approx(matrix[:3, :3], abs=1e-3)
    assert place == pytest.approx(matrix[:3, 3], abs=0.01)


def test_the_assumed_field_of_view_is_a_webcams() -> None:
    assert VERTICAL_FOV_DEG == 63.0


def test_a_canonical_face_knows_its_basis() -> None:
    face = CanonicalFace(
        np.arange(12, dtype=np.float32).reshape(4, 3),
        np.zeros((1, 3), np.int16),
        np.array([2, 0], np.int16),
        np.ones(2, np.float32),
    )
    assert face.basis.tolist() == [[6, 0], [7, 1], [8, 2]]
