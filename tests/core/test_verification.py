"""Verification: candidates merged, classified and seen again on a crop."""

from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE
from ferdesk.core.detection.verification import (
    classify_candidates,
    is_near,
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


def test_small_candidates_need_a_higher_score_than_near_ones() -> None:
    for score, side, confirmed in [(0.69, 60, 0), (0.71, 60, 1), (0.49, 130, 0), (0.51, 130, 1)]:
        assert classify_candidates([candidate(score, side)], 480)[0].confirmed == bool(confirmed)


def test_near_candidates_of_both_networks_are_confirmed_together() -> None:
    both = [candidate(0.36, 130), candidate(0.36, 130, short=True)]
    assert [detection.confirmed for detection in classify_candidates(both, 480)] == [True]
    small = [candidate(0.4, 60), candidate(0.4, 60, short=True)]
    assert [detection.confirmed for detection in classify_candidates(small, 480)] == [False]


def test_a_near_candidate_of_the_short_range_alone_is_confirmed_only_where_nobody_else_is() -> None:
    hand, face = candidate(0.77, 140, short=True), candidate(0.9, 80)
    assert classify_candidates([hand], 480)[0].confirmed
    assert [detection.confirmed for detection in classify_candidates([face, hand], 480)] == [
        True,
        False,
    ]
    second = candidate(0.85, 140, short=True)
    assert [detection.confirmed for detection in classify_candidates([face, second], 480)] == [
        True,
        True,
    ]


def test_a_hand_before_a_known_person_stays_a_hand_on_its_crop() -> None:
    networks = FakeNetworks([Box(500, 300, 150, 150)], crop_score=0.65)
    person, hand = candidate(0.9, 80), candidate(0.65, 140, short=True)
    hand = replace(hand, box=networks.faces[0])
    assert [face.confirmed for face in verify_candidates(networks, textured(), [person, hand])] == [
        True,
        False,
    ]


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


def test_a_near_face_has_a_quarter_of_the_shorter_side_by_its_width() -> None:
    assert is_near(Box(0, 0, 120, 40), 480)
    assert not is_near(Box(0, 0, 119, 400), 480)


def test_a_merge_keeps_the_first_box_the_best_score_and_the_order_of_scores() -> None:
    one = Detection(Box(0, 0, 50, 60), 0.5, FULL_RANGE, 1.0)
    other = Detection(Box(300, 0, 50, 60), 0.6, FULL_RANGE, 2.0)
    again = Detection(Box(4, 3, 50, 60), 0.8, SHORT_RANGE, 3.0)
    worse = Detection(Box(301, 3, 50, 60), 0.4, SHORT_RANGE, 4.0)
    assert non_maximum_merge([one, other, again, worse]) == [replace(one, score=0.8), other]


@pytest.mark.parametrize(("inset", "confirmed"), [(0, False), (30, True)])
def test_half_a_face_at_the_edge_of_a_verification_crop_confirms_nothing(
    inset: int, confirmed: bool
) -> None:
    class HalfFaces(FakeNetworks):
        def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
            box = Box(region.x + inset, region.y + 60, 120 - inset, 60)
            return [Detection(box, 0.9, SHORT_RANGE, 0.0)]

    face = replace(candidate(0.75, 60), box=Box(300, 200, 60, 60))
    (verified,) = verify_candidates(HalfFaces(), textured(), [face])
    assert verified.confirmed is confirmed
