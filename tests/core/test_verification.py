"""Verification: candidates merged, classified and seen again on a crop."""

from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE
from ferdesk.core.detection.verification import (
    detect_on_crop,
    non_maximum_merge,
    same_face,
    verify_candidates,
)
from ferdesk.core.geometry import Box, Region
from ferdesk.core.types import Detection
from tests.helpers.networks import FakeNetworks, textured


def test_two_detections_of_one_face_are_merged_into_one() -> None:
    full = Detection(Box(105, 95, 110, 110), 0.7, FULL_RANGE, 0)
    other = Detection(Box(400, 100, 50, 50), 0.8, FULL_RANGE, 0)
    short = Detection(Box(100, 100, 100, 100), 0.9, SHORT_RANGE, 0)
    assert non_maximum_merge([full, other, short]) == [replace(full, score=0.9), other]


def candidate(score: float, side: float, *, short: bool = False) -> Detection:
    framing = SHORT_RANGE if short else FULL_RANGE
    return Detection(Box(side, side, side, side), score, framing, 0)


@pytest.mark.parametrize(
    ("score", "side", "presence", "confirmed", "asked"),
    [
        (0.86, 60, 0.0, True, False),
        (0.84, 60, 0.7, True, True),
        (0.84, 60, 0.6, False, True),
        (0.61, 60, 1.0, True, True),
        (0.59, 60, 1.0, False, False),
        # of 540 pixels 151 are 0.28, 173 0.32, where 1.075 is enough, and 195 0.36
        (0.61, 150, 1.0, True, True),
        (0.61, 150, 0.9, False, True),
        (0.33, 172.8, 1.0, True, True),
        (0.32, 172.8, 1.0, False, False),
        (0.51, 195, 0.4, True, True),
        (0.51, 195, 0.3, False, True),
        (0.36, 400, 0.6, True, True),
        (0.81, 400, 0.0, True, False),
        (0.79, 400, 0.0, False, True),
    ],
)
def test_score_presence_and_size_decide_together(
    score: float, side: float, presence: float, confirmed: bool, asked: bool
) -> None:
    networks = FakeNetworks(presence_seen=presence)
    (verified,) = verify_candidates(networks, textured(), [candidate(score, side)])
    assert verified == replace(candidate(score, side), confirmed=confirmed)
    assert networks.num_presence == asked


@pytest.mark.parametrize(("crop_score", "confirmed", "asked"), [(0.86, 1, 0), (0.84, 0, 1)])
def test_a_face_that_its_crop_shows_beyond_doubt_is_one_and_has_the_crops_box(
    crop_score: float, confirmed: int, asked: int
) -> None:
    networks = FakeNetworks([Box(301, 198, 66, 63)], crop_score=crop_score, presence_seen=0.2)
    on_tile = Detection(Box(305, 205, 60, 60), 0.75, FULL_RANGE, 4.0)
    (verified,) = verify_candidates(networks, textured(), [on_tile])
    assert (verified.box, verified.framing) == (networks.faces[0], SHORT_RANGE)
    assert (verified.score, verified.confirmed) == (crop_score, bool(confirmed))
    assert networks.num_presence == asked


@pytest.mark.parametrize(
    ("score", "crop_score", "side", "confirmed", "asked"),
    [
        (0.71, 0.72, 29, True, 0),
        (0.71, 0.69, 29, False, 0),
        (0.69, 0.84, 29, False, 0),
        (0.71, 0.69, 31, True, 1),
    ],
)
def test_faces_too_small_for_presence_must_be_seen_twice(
    score: float, crop_score: float, side: int, confirmed: bool, asked: int
) -> None:
    networks = FakeNetworks([Box(300, 200, side, side)], crop_score=crop_score)
    on_tile = Detection(networks.faces[0], score, FULL_RANGE, 0.0)
    (verified,) = verify_candidates(networks, textured(), [on_tile])
    assert verified.confirmed is confirmed
    assert networks.num_presence == asked


def test_a_score_on_the_crop_that_leaves_doubt_does_not_help_the_candidates_own() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)], crop_score=0.84, presence_seen=1.0)
    low = Detection(Box(300, 200, 60, 60), 0.45, FULL_RANGE, 0.0)
    (verified,) = verify_candidates(networks, textured(), [low])
    assert not verified.confirmed
    assert networks.num_presence == 0


def test_presence_is_asked_of_the_merged_face_and_its_own_place() -> None:
    asked: list[Detection] = []

    class Asked(FakeNetworks):
        def presence(self, image: np.ndarray, detection: Detection) -> float:
            asked.append(detection)
            return 1.0 if detection.box.x < 200 else 0.0

    there, again = candidate(0.7, 60), candidate(0.65, 62, short=True)
    pattern = replace(candidate(0.72, 60), box=Box(400, 300, 60, 60))
    verified = verify_candidates(Asked(), textured(), [there, again, pattern])
    assert [(face.box.x, face.confirmed) for face in verified] == [(400, False), (60, True)]
    assert [face.box for face in asked] == [pattern.box, there.box]


def test_boxes_are_of_one_face_by_intersection_over_union_or_over_the_smaller() -> None:
    box = Box(0, 0, 100, 50)
    # moved by x: IoU (100 - x) / (100 + x), 0.3 at 53.8
    assert same_face(box, Box(53, 0, 100, 50))
    assert not same_face(box, Box(55, 0, 100, 50))
    # a small one inside, or reaching out with less than three tenths of itself
    assert same_face(box, Box(10, 10, 10, 20))
    assert same_face(box, Box(92.9, 10, 10, 20))
    assert not same_face(box, Box(93.1, 10, 10, 20))
    assert not same_face(box, Box(0, 50, 100, 50))


def test_a_merge_keeps_the_first_box_the_best_score_and_the_order_of_scores() -> None:
    one = Detection(Box(0, 0, 50, 60), 0.5, FULL_RANGE, 1.0)
    other = Detection(Box(300, 0, 50, 60), 0.6, FULL_RANGE, 2.0)
    again = Detection(Box(4, 3, 50, 60), 0.8, SHORT_RANGE, 3.0)
    worse = Detection(Box(301, 3, 50, 60), 0.4, SHORT_RANGE, 4.0)
    assert non_maximum_merge([one, other, again, worse]) == [replace(one, score=0.8), other]


@pytest.mark.parametrize(("inset", "num"), [(0, 0), (30, 1)])
def test_half_a_face_at_the_edge_of_a_verification_crop_is_not_given(inset: int, num: int) -> None:
    class HalfFaces(FakeNetworks):
        def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
            box = Box(region.x + inset, region.y + 60, 120 - inset, 60)
            return [Detection(box, 0.9, SHORT_RANGE, 0.0)]

    assert len(detect_on_crop(HalfFaces(), textured(), Box(300, 200, 60, 60))) == num
