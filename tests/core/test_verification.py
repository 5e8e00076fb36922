"""Verification: candidates merged, classified and seen again on a crop."""

from dataclasses import dataclass, field, replace

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
    ("score", "side", "spread", "confirmed", "asked"),
    [
        (0.86, 60, 9.0, True, False),
        # its crop shows nothing: what a score of 1 is allowed, times the candidate's own
        (0.84, 60, 0.0690, True, True),
        (0.84, 60, 0.0705, False, True),
        (0.46, 60, 0.0377, True, True),
        (0.46, 60, 0.0387, False, True),
        # of 540 pixels 108 are 0.2, 162 are 0.3, where 0.1215 is right, and 216 are 0.4
        (0.60, 108, 0.0493, True, True),
        (0.60, 108, 0.0503, False, True),
        (0.60, 162, 0.0724, True, True),
        (0.60, 162, 0.0734, False, True),
        (0.60, 216, 0.0955, True, True),
        (0.60, 216, 0.0965, False, True),
        (0.60, 700, 0.0955, True, True),
        (0.60, 700, 0.0965, False, True),
    ],
)
def test_score_and_size_say_how_far_landmarks_may_move_when_the_crop_is_turned(
    score: float, side: float, spread: float, confirmed: bool, asked: bool
) -> None:
    networks = FakeNetworks(spread_seen=spread)
    (verified,) = verify_candidates(networks, textured(), [candidate(score, side)])
    assert verified == replace(candidate(score, side), confirmed=confirmed)
    assert networks.num_spreads == asked


@pytest.mark.parametrize(("score", "side"), [(0.44, 60), (0.84, 703)])
def test_landmarks_are_not_asked_of_a_low_score_or_of_what_is_larger_than_the_picture(
    score: float, side: float
) -> None:
    networks = FakeNetworks(spread_seen=0.001)
    (verified,) = verify_candidates(networks, textured(), [candidate(score, side)])
    assert not verified.confirmed
    assert not networks.num_spreads


@pytest.mark.parametrize(
    ("score", "crop_score", "confirmed"), [(0.76, 0.84, 1), (0.84, 0.76, 1), (0.74, 0.84, 0)]
)
def test_what_is_good_twice_is_a_face_without_its_landmarks(
    score: float, crop_score: float, confirmed: int
) -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)], crop_score=crop_score, spread_seen=0.2)
    on_tile = Detection(Box(300, 200, 60, 60), score, FULL_RANGE, 0.0)
    (verified,) = verify_candidates(networks, textured(), [on_tile])
    assert (verified.confirmed, networks.num_spreads) == (bool(confirmed), 1 - confirmed)


@pytest.mark.parametrize(("crop_score", "confirmed", "asked"), [(0.86, 1, 0), (0.84, 0, 1)])
def test_a_face_that_its_crop_shows_beyond_doubt_is_one_and_has_the_crops_box(
    crop_score: float, confirmed: int, asked: int
) -> None:
    networks = FakeNetworks([Box(301, 198, 66, 63)], crop_score=crop_score, spread_seen=0.2)
    on_tile = Detection(Box(305, 205, 60, 60), 0.74, FULL_RANGE, 4.0)
    (verified,) = verify_candidates(networks, textured(), [on_tile])
    assert (verified.box, verified.framing) == (networks.faces[0], SHORT_RANGE)
    assert (verified.score, verified.confirmed) == (crop_score, bool(confirmed))
    assert networks.num_spreads == asked


@pytest.mark.parametrize(
    ("score", "crop_score", "side", "confirmed", "asked"),
    [
        (0.71, 0.72, 29, True, 0),
        (0.71, 0.69, 29, False, 0),
        (0.69, 0.84, 29, False, 0),
        (0.71, 0.69, 31, True, 1),
    ],
)
def test_faces_too_small_for_landmarks_must_be_seen_twice(
    score: float, crop_score: float, side: int, confirmed: bool, asked: int
) -> None:
    networks = FakeNetworks([Box(300, 200, side, side)], crop_score=crop_score)
    on_tile = Detection(networks.faces[0], score, FULL_RANGE, 0.0)
    (verified,) = verify_candidates(networks, textured(), [on_tile])
    assert verified.confirmed is confirmed
    assert networks.num_spreads == asked


@pytest.mark.parametrize(("spread", "confirmed"), [(0.0617, True), (0.0627, False)])
def test_the_better_of_both_scores_says_how_far_landmarks_may_move(
    spread: float, confirmed: bool
) -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)], crop_score=0.75, spread_seen=spread)
    low = Detection(Box(300, 200, 60, 60), 0.45, FULL_RANGE, 0.0)
    (verified,) = verify_candidates(networks, textured(), [low])
    assert verified.confirmed is confirmed


@dataclass
class SteadyAt(FakeNetworks):
    """Landmarks stay where they are in the boxes that begin at these places alone."""

    steady_x: tuple[float, ...] = ()
    asked: list[Box] = field(default_factory=list)

    def landmark_spread(self, image: np.ndarray, detection: Detection) -> float:
        self.asked.append(detection.box)
        return 0.02 if detection.box.x in self.steady_x else 0.5


def test_each_candidate_on_a_face_speaks_for_it_until_one_is_confirmed() -> None:
    # a small box in the middle of a face, of another network, is no part of the right one
    inside = replace(candidate(0.45, 60), box=Box(140, 130, 40, 45))
    refused = replace(candidate(0.8, 60), box=Box(104, 100, 120, 118))
    right = replace(candidate(0.7, 60), box=Box(100, 98, 124, 122))
    pattern = replace(candidate(0.72, 60), box=Box(400, 300, 60, 60))
    networks = SteadyAt(steady_x=(100,))
    verified = verify_candidates(networks, textured(), [inside, refused, pattern, right])
    assert verified == [replace(right, confirmed=True), replace(pattern, confirmed=False)]
    assert networks.asked == [refused.box, right.box, pattern.box]


def test_of_candidates_that_are_no_face_the_best_is_given_unconfirmed() -> None:
    low = replace(candidate(0.5, 60), box=Box(103, 99, 120, 121))
    high = replace(candidate(0.6, 60), box=Box(100, 98, 124, 122))
    verified = verify_candidates(SteadyAt(), textured(), [low, high])
    assert verified == [replace(high, confirmed=False)]


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
