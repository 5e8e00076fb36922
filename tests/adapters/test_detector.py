"""The face detectors, on the demo's portraits."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from ferdesk.adapters.networks import face_detector
from ferdesk.adapters.networks.face_detector import (
    MediaPipeNetworks,
    _full_range_anchors,
    _grid,
    _Network,
    _padded,
    _resized,
    _to_detections,
    weighted_nms,
)
from ferdesk.adapters.sources.demo import DemoSource, visible_people
from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.detection.exhaustive import ExhaustiveSearch
from ferdesk.core.detection.tiling import without_truncated
from ferdesk.core.geometry import Box, Region
from ferdesk.core.measures.framing import TurnedSquare
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.core.types import Detection, Frame
from ferdesk.errors import ModelError
from ferdesk.paths import detectors_folder


@pytest.fixture(scope="module")
def detector() -> Iterator[ExhaustiveSearch]:
    with MediaPipeNetworks(detectors_folder()) as networks:
        yield ExhaustiveSearch(networks)


def demo_frame(t_s: float) -> Frame:
    source = DemoSource(duration_s=20.0, paced=False)
    source.open()
    source._next_index = round(t_s * 30)
    frame = source.read()
    source.close()
    assert frame is not None
    return frame


@pytest.mark.parametrize("t_s", [3.0, 9.2, 13.0, 19.2])
def test_the_demos_people_are_found_once_each_where_they_are(
    detector: ExhaustiveSearch, t_s: float
) -> None:
    found = [
        detection for detection in detector.detect(demo_frame(t_s).image) if detection.confirmed
    ]
    people = visible_people(t_s)
    assert len(found) == len(people)
    for box in people.values():
        assert max(detection.box.iou(box) for detection in found) > 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (20, 20), (40, 900)])
def test_pictures_of_any_shape_are_searched(
    detector: ExhaustiveSearch, shape: tuple[int, int]
) -> None:
    assert not any(
        found.confirmed for found in detector.detect(np.full((*shape, 3), 100, np.uint8))
    )


def test_a_turned_head_rolls_clockwise(detector: ExhaustiveSearch) -> None:
    import cv2

    image = demo_frame(3.0).image
    upright = detector.detect(image)[0]
    turn = cv2.getRotationMatrix2D(upright.box.center, -15, 1)
    turned = np.asarray(cv2.warpAffine(image, turn, (1280, 720)), np.uint8)
    rolled = detector.detect(turned)[0]
    # the landmarks are the detector's: exact in direction, rough in amount
    assert 8 < rolled.roll_deg - upright.roll_deg < 25


def test_a_missing_detector_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        MediaPipeNetworks(tmp_path)


def test_a_face_too_small_for_the_whole_picture_is_found_on_a_tile(
    detector: ExhaustiveSearch,
) -> None:
    import cv2

    small = cv2.resize(demo_frame(3.0).image, (320, 180), interpolation=cv2.INTER_AREA)
    image = np.full((450, 1600, 3), 110, np.uint8)
    image[200:380, 1150:1470] = small
    found = [detection for detection in detector.detect(image) if detection.confirmed]
    assert len(found) == 1
    assert 1300 < found[0].box.center[0] < 1360


# what MediaPipe 1.2.3's own FaceDetector found there with the same networks: score, x, y, side
MEDIAPIPE_FOUND = {
    ("detect_full_range", 3.0, 0, 1280): [(0.92, 551, 243, 225)],
    ("detect_full_range", 9.2, 0, 1280): [(0.97, 770, 285, 219), (0.83, 267, 306, 170)],
    ("detect_full_range", 9.2, 0, 720): [(0.83, 267, 299, 172)],
    ("detect_full_range", 13.0, 280, 720): [(0.89, 615, 237, 262)],
    ("detect_full_range", 19.2, 0, 1280): [],
    ("detect_short_range", 3.0, 280, 720): [(0.96, 569, 257, 211)],
    ("detect_short_range", 9.2, 280, 720): [(0.92, 791, 301, 198)],
    ("detect_short_range", 9.2, 0, 720): [(0.94, 274, 321, 158)],
    ("detect_short_range", 13.0, 0, 1280): [(0.96, 636, 267, 235)],
    ("detect_short_range", 19.2, 0, 1280): [],
}


@pytest.mark.parametrize("key", list(MEDIAPIPE_FOUND))
def test_the_networks_find_what_mediapipes_own_program_finds(
    key: tuple[str, float, int, int],
) -> None:
    what, t_s, x, width = key
    with MediaPipeNetworks(detectors_folder()) as networks:
        image, region = demo_frame(t_s).image, Region(x, 0, width, 720)
        found = without_truncated(getattr(networks, what)(image, region), region, image)
    wanted = MEDIAPIPE_FOUND[key]
    assert len(found) == len(wanted)
    for score, left, top, side in wanted:
        best = max(found, key=lambda detection: detection.box.iou(Box(left, top, side, side)))
        assert best.box.iou(Box(left, top, side, side)) > 0.8
        # theirs are pictures shrunk half a pixel aside
        assert abs(best.score - score) < 0.12


def test_a_tile_is_resized_by_the_scale_that_is_asked_for(detector: ExhaustiveSearch) -> None:
    import cv2

    small = cv2.resize(demo_frame(3.0).image, (256, 144), interpolation=cv2.INTER_AREA)
    image = np.full((1080, 1920, 3), 110, np.uint8)
    image[500:644, 1200:1456] = small
    with MediaPipeNetworks(detectors_folder()) as networks:
        everything = Region(0, 0, 1920, 1080)
        found = [
            [
                detection
                for detection in networks.detect_full_range(image, everything, scale)
                if detection.box.width < 60
            ]
            for scale in (None, 0.5)
        ]
    assert [len(detections) for detections in found] == [0, 1]
    assert 1300 < found[1][0].box.center[0] < 1350
    assert 40 < found[1][0].box.width < 50


def corners(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    """[8, 2] points of a candidate: its corners, then six landmarks in the middle."""
    middle = [(left + right) / 2, (top + bottom) / 2]
    return [[left, top], [right, bottom], *[middle] * 6]


def test_weighted_nms_takes_the_mean_of_what_overlaps_the_best() -> None:
    points = np.array(
        [
            corners(0, 0, 10, 20),
            corners(2, 1, 12, 21),
            corners(50, 0, 60, 20),
            corners(9, 0, 19, 20),
        ],
        np.float32,
    )
    kept = weighted_nms(points, np.array([0.6, 0.9, 0.5, 0.3], np.float32))
    assert [score for score, _ in kept] == pytest.approx([0.9, 0.5, 0.3])
    # 0.4 of the first and 0.6 of the second; the last one has an IoU of 0.17 with it
    assert kept[0][1][:2].tolist() == [pytest.approx([1.2, 0.6]), pytest.approx([11.2, 20.6])]
    assert kept[1][1][:2].tolist() == [[50, 0], [60, 20]]
    assert kept[2][1][:2].tolist() == [[9, 0], [19, 20]]


def test_candidates_become_detections_in_pixels_of_the_whole_picture() -> None:
    points = np.array(corners(8, 5, 24, 25), np.float32)
    # eyes, nose, mouth, ears of a face that looks to the right and down
    points[2:] = [[12, 11], [20, 11], [18, 17], [16, 20], [10, 12], [22, 12]]
    # 200 x 100 pixels from (300, 40) were resized to 80 x 50: 2.5 and 2 pixels to one
    (detection,) = _to_detections(
        [(1.5, points), (0.9, points[[1, 0, *range(2, 8)]])],
        Region(300, 40, 200, 100),
        (50, 80, 3),
        SHORT_RANGE,
    )
    assert detection.box == Box(320, 50, 40, 40)
    assert (detection.score, detection.framing) == (1.0, SHORT_RANGE)
    # atan(5 / 22.5), and atan((12 - 0.55 * 18) / (0.4 * 18))
    angles = (detection.roll_deg, detection.yaw_deg, detection.pitch_deg)
    assert angles == pytest.approx((0, 12.528808, 16.260205))


def test_anchors_are_the_middles_of_cells_row_by_row() -> None:
    assert _grid(2, 3, 4, 1).tolist() == [[2, 2], [6, 2], [10, 2], [2, 6], [6, 6], [10, 6]]
    assert _grid(1, 2, 8, 2).tolist() == [[4, 4], [4, 4], [12, 4], [12, 4]]
    assert _full_range_anchors(64, 32).shape == (128, 2)
    assert _full_range_anchors(8, 12).tolist() == _grid(2, 3, 4, 1).tolist()
    anchors = face_detector._SHORT_RANGE_ANCHORS
    # 16 x 16 cells of 8 pixels, twice, then 8 x 8 of 16, six times
    assert anchors.shape == (896, 2)
    assert [anchors[i].tolist() for i in (1, 2, 33, 511, 512, 517, 518, 895)] == [
        [4, 4], [12, 4], [4, 12], [124, 124], [8, 8], [8, 8], [24, 8], [120, 120],
    ]  # fmt: skip


class Outputs:
    """A session that gives the same raw boxes and logits for any picture."""

    def __init__(self, boxes: list[list[float]], logits: list[float]) -> None:
        self.boxes = np.array(boxes, np.float32).reshape(1, len(logits), 16)
        self.logits = np.array(logits, np.float32).reshape(1, len(logits), 1)

    def run(self, names: list[str], given: dict[str, np.ndarray]) -> list[np.ndarray]:
        assert names == ["boxes", "scores"]
        assert given["pictures"].shape == (1, 4, 6, 3)
        return [self.boxes.copy(), self.logits]


def network_of(
    monkeypatch: pytest.MonkeyPatch, boxes: list[list[float]], logits: list[float]
) -> _Network:
    monkeypatch.setattr(face_detector, "open_session", lambda _: Outputs(boxes, logits))
    return _Network(Path("nowhere"), 0.35)


def test_raw_outputs_are_a_centre_a_size_and_landmarks_from_their_anchors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 0.35 has the logit -0.619; the third candidate is below it
    landmarks = [float(i) for i in range(12)]
    raw = [[3, -2, 10, 6, *landmarks], [1, 1, 4, 4, *landmarks], [0, 0, 9, 9, *landmarks]]
    network = network_of(monkeypatch, raw, [1.0, -0.61, -0.63])
    anchors = np.array([[20, 30], [200, 100], [90, 90]], np.float32)
    found = network.run(np.zeros((4, 6, 3), np.uint8), anchors)
    # the logistic function of 1 and -0.61
    assert [score for score, _ in found] == pytest.approx([0.731059, 0.352060], abs=1e-6)
    assert found[0][1].tolist() == [
        [18, 25], [28, 31], [20, 31], [22, 33], [24, 35], [26, 37], [28, 39], [30, 41],
    ]  # fmt: skip
    assert found[1][1][:2].tolist() == [[199, 99], [203, 103]]
    assert network_of(monkeypatch, raw, [-0.7, -0.8, -9]).run(
        np.zeros((4, 6, 3), np.uint8), anchors
    ) == []  # fmt: skip


def test_of_more_candidates_than_are_compared_the_best_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = [[0, 0, 4, 4, *[0.0] * 12]] * 514
    logits = [0.5, *(2 + i / 1000 for i in range(512)), 1.0]
    anchors = np.array([[10 * i, 50] for i in range(514)], np.float32)
    found = network_of(monkeypatch, raw, logits).run(np.zeros((4, 6, 3), np.uint8), anchors)
    assert len(found) == 512
    assert (found[0][1][0].tolist(), found[-1][1][0].tolist()) == ([5118, 48], [8, 48])


def test_a_region_is_resized_and_padded_to_what_the_network_takes() -> None:
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    class Watched(_Network):
        def __init__(self) -> None:
            pass

        def run(self, picture: np.ndarray, anchors: np.ndarray) -> list[tuple[float, np.ndarray]]:
            seen.append((picture, anchors))
            return []

    class Networks(MediaPipeNetworks):
        def __init__(self) -> None:
            self._full_range = self._short_range = Watched()

    image = np.full((300, 400, 3), 7, np.uint8)
    networks, region = Networks(), Region(10, 20, 200, 100)
    networks.detect_full_range(image, region)
    networks.detect_full_range(image, region, 0.5)
    networks.detect_short_range(image, region)
    # 192 x 96 fits the steps of 32; 100 x 50 needs 128 x 64; the short range takes 128 x 64 of 128
    shapes = [(picture.shape[:2], (picture[:, :, 0] == 7).sum()) for picture, _ in seen]
    assert shapes == [((96, 192), 96 * 192), ((64, 128), 50 * 100), ((128, 128), 64 * 128)]
    assert [len(anchors) for _, anchors in seen] == [24 * 48, 16 * 32, 896]


def test_what_is_resized_is_the_region_and_no_side_vanishes() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:20, 30:50] = 200
    assert (_resized(image, Region(30, 10, 20, 10), 0.5) == 200).all()
    assert _resized(image, Region(30, 10, 20, 10), 0.5).shape == (5, 10, 3)
    assert _resized(image, Region(0, 0, 60, 2), 0.2).shape == (1, 12, 3)
    assert _resized(image, Region(0, 0, 2, 40), 0.2).shape == (8, 1, 3)
    padded = _padded(image[10:20, 30:50], 16, 32)
    assert padded.shape == (16, 32, 3)
    assert (padded[:10, :20] == 200).all()
    assert padded.sum() == 200 * 3 * 200
    assert _padded(image, 40, 60) is image


def test_what_a_region_has_outside_the_picture_repeats_its_border() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :2], image[:, -2:], image[:2], image[-2:] = 50, 100, 150, 200
    around = _resized(image, Region(-30, -20, 120, 100), 0.5)
    assert around.shape == (50, 60, 3)
    assert np.array_equal(around[10:30, 15:45], _resized(image, Region(0, 0, 60, 40), 0.5))
    assert (around[11:29, :15] == 50).all()
    assert (around[11:29, 45:] == 100).all()
    assert (around[:10] == 150).all()
    assert (around[30:] == 200).all()
    # partly outside: nine tenths of a pixel are one
    assert _resized(image, Region(50, 30, 19, 19), 0.5).shape == (10, 10, 3)


def test_landmark_spread_is_how_far_points_move_between_two_crops_turned_apart() -> None:
    asked: list[TurnedSquare] = []

    class Landmarks:
        def landmarks(
            self, image: np.ndarray, squares: Sequence[TurnedSquare]
        ) -> list[FaceLandmarks]:
            asked.extend(squares)
            one = np.zeros((478, 3), np.float32)
            # 100 wide, 60 high; depth does not count
            one[0], one[1] = (90, 50, 900), (190, 110, -900)
            one[2:, :2] = 120, 80
            other = one + np.array([3, 4, 50], np.float32)
            return [FaceLandmarks(one, 0.9), FaceLandmarks(other, 0.4)]

    class Networks(MediaPipeNetworks):
        def __init__(self) -> None:
            self._landmarks = Landmarks()  # type: ignore[assignment]

    face = Detection(Box(100, 50, 80, 80), 0.6, SHORT_RANGE, 12.0)
    image = np.zeros((300, 400, 3), np.uint8)
    assert Networks().landmark_spread(image, face) == pytest.approx(5 / 80)
    assert [square.roll_deg for square in asked] == [-3, 27]
    for square in asked:
        # MediaPipe takes one and a half sides of the short-range detector's box
        assert (square.center_x, square.center_y, square.side) == pytest.approx((140, 90, 120))
