"""The face detectors, on the demo's portraits."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ferdesk.adapters.demo import DemoSource, visible_people
from ferdesk.adapters.mediapipe_detector import MediaPipeDetector, judged, merged, tiles
from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE
from ferdesk.core.types import Box, Detection, Frame
from ferdesk.errors import ModelError
from ferdesk.paths import models_folder


@pytest.fixture(scope="module")
def detector() -> Iterator[MediaPipeDetector]:
    with MediaPipeDetector(models_folder()) as detector:
        yield detector


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
    detector: MediaPipeDetector, t_s: float
) -> None:
    found = [detection for detection in detector.detect(demo_frame(t_s).image) if detection.sure]
    people = visible_people(t_s)
    assert len(found) == len(people)
    for box in people.values():
        assert max(detection.box.iou(box) for detection in found) > 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (20, 20), (40, 900)])
def test_pictures_of_any_shape_are_searched(
    detector: MediaPipeDetector, shape: tuple[int, int]
) -> None:
    assert not any(found.sure for found in detector.detect(np.full((*shape, 3), 100, np.uint8)))


def test_a_turned_head_rolls_clockwise(detector: MediaPipeDetector) -> None:
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
        MediaPipeDetector(tmp_path)


def test_two_finds_of_one_face_become_one() -> None:
    full = Detection(Box(105, 95, 110, 110), 0.7, FULL_RANGE, 0)
    other = Detection(Box(400, 100, 50, 50), 0.8, FULL_RANGE, 0)
    short = Detection(Box(100, 100, 100, 100), 0.9, SHORT_RANGE, 0)
    assert merged([full, other, short]) == [replace(full, score=0.9), other]


def find(score: float, side: float, *, short: bool = False) -> Detection:
    framing = SHORT_RANGE if short else FULL_RANGE
    return Detection(Box(side, side, side, side), score, framing, 0)


def test_small_finds_need_a_higher_score_than_near_ones() -> None:
    for score, side, sure in [(0.69, 60, 0), (0.71, 60, 1), (0.49, 130, 0), (0.51, 130, 1)]:
        assert judged([find(score, side)], 480)[0].sure == bool(sure)


def test_near_finds_of_both_models_are_sure_together() -> None:
    both = [find(0.36, 130), find(0.36, 130, short=True)]
    assert [detection.sure for detection in judged(both, 480)] == [True]
    small = [find(0.4, 60), find(0.4, 60, short=True)]
    assert [detection.sure for detection in judged(small, 480)] == [False]


def test_a_near_find_of_the_short_range_alone_is_sure_only_where_nobody_else_is() -> None:
    hand, face = find(0.77, 140, short=True), find(0.9, 80)
    assert judged([hand], 480)[0].sure
    assert [detection.sure for detection in judged([face, hand], 480)] == [True, False]
    second = find(0.85, 140, short=True)
    assert [detection.sure for detection in judged([face, second], 480)] == [True, True]


def test_tiles_cover_the_whole_picture_and_overlap_by_half() -> None:
    squares = list(tiles(1000, 300))
    assert squares[0][0] == 0
    assert squares[-1][0] + 300 == 1000
    assert all(b[0] - a[0] <= 150 for a, b in pairwise(squares))
    assert [(y, x, side) for x, y, side in tiles(300, 1000)] == squares
    assert list(tiles(300, 300)) == []


def test_a_face_too_small_for_the_whole_picture_is_found_on_a_tile(
    detector: MediaPipeDetector,
) -> None:
    import cv2

    small = cv2.resize(demo_frame(3.0).image, (320, 180), interpolation=cv2.INTER_AREA)
    image = np.full((450, 1600, 3), 110, np.uint8)
    image[200:380, 1150:1470] = small
    found = [detection for detection in detector.detect(image) if detection.sure]
    assert len(found) == 1
    assert 1300 < found[0].box.center[0] < 1360
