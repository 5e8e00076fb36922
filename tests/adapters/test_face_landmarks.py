"""The landmark networks, against TFLite's own numbers and on crops of every kind."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferdesk.adapters.networks.face_landmarks import MediaPipeLandmarks, cut
from ferdesk.core.measures.framing import TurnedSquare
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.paths import assets_folder, landmarks_folder

SQUARE = TurnedSquare(424.0, 221.0, 290.0, 9.0)
REFERENCE = json.loads(
    (Path(__file__).parents[1] / "data" / "landmarks" / "collins.json").read_text("utf-8")
)


@pytest.fixture(scope="module")
def networks() -> MediaPipeLandmarks:
    return MediaPipeLandmarks(landmarks_folder())


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    decoded = cv2.imread(str(assets_folder() / "demo" / "collins.webp"))
    assert decoded is not None
    return np.ascontiguousarray(decoded[:, :, ::-1])


def test_points_and_movements_are_those_of_the_tflite_files(
    networks: MediaPipeLandmarks, portrait: np.ndarray
) -> None:
    (face,) = networks.landmarks(portrait, [SQUARE])
    for index, in_crop in REFERENCE["points"].items():
        wanted = SQUARE.to_picture(np.array(in_crop, np.float32))
        assert face.points[int(index)] == pytest.approx(wanted, abs=0.05)
    assert face.presence == pytest.approx(1 / (1 + math.exp(-REFERENCE["presence_logit"])))
    (movements,) = networks.movements([face])
    assert movements == pytest.approx(np.array(REFERENCE["movements"]), abs=1e-3)


def test_movements_do_not_depend_on_size_and_place_of_the_face(
    networks: MediaPipeLandmarks, portrait: np.ndarray
) -> None:
    (face,) = networks.landmarks(portrait, [SQUARE])
    moved = FaceLandmarks(face.points * np.float32(3.5) + np.float32(70), face.presence)
    one, other = networks.movements([face, moved])
    assert one == pytest.approx(other, abs=1e-3)


def test_faces_in_one_batch_are_those_of_single_runs(
    networks: MediaPipeLandmarks, portrait: np.ndarray
) -> None:
    squares = [TurnedSquare(424.0 + 3 * i, 221.0 - 2 * i, 260.0 + 10 * i, i) for i in range(9)]
    together = networks.landmarks(portrait, squares)
    for square, face in zip(squares, together, strict=True):
        (alone,) = networks.landmarks(portrait, [square])
        assert face.points == pytest.approx(alone.points, abs=0.02)
        assert face.presence == pytest.approx(alone.presence, abs=1e-4)
    alone_moved = [networks.movements([face])[0] for face in together]
    assert networks.movements(together) == pytest.approx(np.stack(alone_moved), abs=1e-4)
    assert networks.landmarks(portrait, []) == []
    assert networks.movements([]).shape == (0, 52)


@pytest.mark.parametrize("fill", [0, 128, 255])
def test_where_there_is_no_face_presence_is_low(networks: MediaPipeLandmarks, fill: int) -> None:
    image = np.full((200, 300, 3), fill, np.uint8)
    (face,) = networks.landmarks(image, [TurnedSquare(150.0, 100.0, 160.0)])
    assert face.presence < 0.05


def test_a_crop_beyond_the_picture_repeats_its_border() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 0], image[:, 59] = (200, 10, 30), (20, 100, 230)
    crop = cut(image, TurnedSquare(30.0, 20.0, 256.0))
    assert crop.shape == (256, 256, 3)
    assert crop[5, 0].tolist() == crop[128, 0].tolist() == [200, 10, 30]
    assert crop[250, 255].tolist() == [20, 100, 230]


@pytest.mark.parametrize("roll_deg", [0.0, 90.0, -37.0])
def test_what_a_crop_shows_at_a_point_is_the_pictures_at_its_place(roll_deg: float) -> None:
    y, x = np.mgrid[0:400, 0:500]
    image = np.stack([x // 2, y // 2, np.zeros_like(x)], axis=-1).astype(np.uint8)
    square = TurnedSquare(260.0, 190.0, 128.0, roll_deg)
    crop = cut(image, square)
    for column, row in ((128, 128), (40, 200), (230, 60)):
        # the middle of the pixel
        inside = np.array([column + 0.5, row + 0.5, 0.0], np.float32)
        at = square.to_picture(inside)
        red, green, _ = crop[row, column].astype(float)
        assert (2 * red, 2 * green) == pytest.approx((at[0], at[1]), abs=2.0)
