"""Live and exhaustive search: what is detected in which frame, and what may wait."""

from collections.abc import Callable

import numpy as np
import pytest

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE
from ferdesk.core.detection.exhaustive import ExhaustiveSearch
from ferdesk.core.detection.live import LiveSearch
from ferdesk.core.detection.tiling import tiles
from ferdesk.core.geometry import Box, Region
from ferdesk.core.pacing import FramePacing
from ferdesk.core.types import Detection
from tests.helpers.networks import FakeNetworks, textured


def watched(
    networks: FakeNetworks,
    search: LiveSearch,
    image: Callable[[int], np.ndarray],
    num: int,
    first: int = 0,
) -> tuple[list[list[Detection]], float]:
    """What ``num`` frames at 30 a second gave, and the mean milliseconds that each took."""
    given, spent_s = [], 0.0
    for index in range(first, first + num):
        networks.now_s = began_s = index / 30
        given.append(search.detect(image(index)))
        spent_s += networks.now_s - began_s
    return given, 1000 * spent_s / num


def live(networks: FakeNetworks) -> LiveSearch:
    search = LiveSearch(networks, clock=lambda: networks.now_s)
    search.set_pacing(FramePacing(1 / 30))
    return search


def test_a_still_group_is_found_within_a_second_and_its_budget() -> None:
    places = [(40 + 110 * i, 60 + 200 * j) for i in range(8) for j in range(2)]
    networks = FakeNetworks([Box(x, y, 36, 36) for x, y in places])
    picture = textured(*places, side=36)
    given, mean_ms = watched(networks, live(networks), lambda _: picture, 30)
    assert len(given[-1]) == 16
    assert mean_ms <= 8


def test_a_face_that_is_gone_is_not_given() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)])
    search = live(networks)
    there, away = textured((300, 200)), textured()
    given, _ = watched(networks, search, lambda _: there, 20)
    assert len(given[-1]) == 1
    networks.faces = []
    given, _ = watched(networks, search, lambda _: away, 5, first=20)
    assert given == [[]] * 5


def test_a_picture_that_only_looks_like_the_face_is_not_trusted_for_long() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)])
    search = live(networks)
    there = textured((300, 200))
    watched(networks, search, lambda _: there, 20)
    networks.faces = []
    given, _ = watched(networks, search, lambda _: there, 40, first=20)
    assert given[-1] == []


def test_a_face_that_moves_is_followed_between_detections() -> None:
    networks = FakeNetworks()

    def picture(index: int) -> np.ndarray:
        x = 100 + 5 * index
        networks.faces = [Box(x, 200, 60, 60)]
        return textured((x, 200))

    given, _ = watched(networks, live(networks), picture, 60)
    for index, faces in list(enumerate(given))[5:]:
        assert len(faces) == 1
        assert faces[0].box.iou(Box(100 + 5 * index, 200, 60, 60)) > 0.7


def test_a_machine_that_does_not_keep_up_searches_less_and_recovers() -> None:
    networks = FakeNetworks()
    search = live(networks)
    picture = textured()
    networks.slowness = 10.0
    for index in range(60):
        networks.now_s = max(networks.now_s, index / 30)
        search.detect(picture)
    assert search.budget_ms < 5
    networks.slowness = 1.0
    for index in range(200):
        networks.now_s = 20 + index / 30
        search.detect(picture)
    assert search.budget_ms > 5.5


def test_a_pattern_that_looks_like_a_face_on_large_regions_only_is_not_given() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)], crop_score=0.5)
    picture = textured((300, 200))
    given, _ = watched(networks, live(networks), lambda _: picture, 30)
    assert given == [[]] * 30
    assert [face.confirmed for face in ExhaustiveSearch(networks).detect(picture)] == [False]


@pytest.mark.parametrize(("crop_score", "shown"), [(0.86, 1), (0.81, 0)])
def test_a_small_candidate_of_low_score_needs_a_very_good_verification_crop(
    crop_score: float, shown: int
) -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)], score=0.4, crop_score=crop_score)
    picture = textured((300, 200))
    given, _ = watched(networks, live(networks), lambda _: picture, 30)
    assert len(given[-1]) == shown
    assert sum(face.confirmed for face in ExhaustiveSearch(networks).detect(picture)) == shown


def test_faces_that_went_behind_others_leave_time_to_find_new_ones() -> None:
    places = [(40 + 110 * i, 60) for i in range(8)]
    networks = FakeNetworks([Box(x, y, 60, 60) for x, y in places])
    search = live(networks)
    picture = textured(*places)
    given, _ = watched(networks, search, lambda _: picture, 20)
    assert len(given[-1]) == 8
    # all eight are occluded; one small face is there instead, which only a tile shows
    networks.faces = [Box(500, 400, 24, 24)]
    networks.num_short_range = 0
    occluded = textured((500, 400), side=24)
    given, _ = watched(networks, search, lambda _: occluded, 12, first=20)
    assert any(faces for faces in given)
    assert networks.num_short_range < 8 * 12 / 2


@pytest.mark.parametrize(("crop_score", "shown"), [(0.66, 1), (0.62, 0)])
def test_a_near_face_of_low_score_is_given_where_the_verification_crop_has_one(
    crop_score: float, shown: int
) -> None:
    networks = FakeNetworks(
        [Box(300, 150, 204, 204)],
        crop_score=crop_score,
        short_range_score=0.4,
        full_range_blind=True,
    )
    picture = textured((300, 150), side=204)
    given, _ = watched(networks, live(networks), lambda _: picture, 30)
    assert len(given[-1]) == shown
    assert sum(face.confirmed for face in ExhaustiveSearch(networks).detect(picture)) == shown


@pytest.mark.parametrize(("crop_score", "shown"), [(0.58, 1), (0.52, 0)])
def test_what_both_networks_detect_shortly_after_each_other_needs_less_on_the_crop(
    crop_score: float, shown: int
) -> None:
    networks = FakeNetworks(
        [Box(300, 150, 204, 204)], crop_score=crop_score, short_range_score=0.4, score=0.4
    )
    picture = textured((300, 150), side=204)
    search = live(networks)
    given, _ = watched(networks, search, lambda _: picture, 30)
    assert len(given[-1]) == shown
    assert sum(face.confirmed for face in ExhaustiveSearch(networks).detect(picture)) == shown


def test_what_one_network_detected_long_ago_does_not_confirm_what_the_other_detects() -> None:
    networks = FakeNetworks(
        [Box(300, 150, 204, 204)], crop_score=0.58, short_range_score=0.4, full_range_blind=True
    )
    search = live(networks)
    picture = textured((300, 150), side=204)
    watched(networks, search, lambda _: picture, 30)
    # nobody is seen for half a second, then only the full-range network sees
    place, networks.faces = networks.faces, []
    watched(networks, search, lambda _: picture, 15, first=30)
    networks.faces, networks.full_range_blind, networks.score, networks.short_range_score = (
        place,
        False,
        0.4,
        0.0,
    )
    detect_short_range = networks.detect_short_range
    networks.detect_short_range = lambda image, region: (  # type: ignore[method-assign]
        [] if region.width == image.shape[1] else detect_short_range(image, region)
    )
    given, _ = watched(networks, search, lambda _: picture, 15, first=45)
    assert not any(given)


def test_a_single_picture_is_searched_through_and_through() -> None:
    places = [(40, 60), (900, 480)]
    networks = FakeNetworks([Box(x, y, 30, 30) for x, y in places])
    search = LiveSearch(networks, clock=lambda: networks.now_s)
    search.set_pacing(FramePacing(None))
    assert len(search.detect(textured(*places, side=36))) == 2
    assert networks.num_full_range == 1 + len(list(tiles(960, 540)))


def test_two_known_boxes_on_one_face_become_one() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60), Box(304, 204, 60, 60)])
    picture = textured((300, 200))
    given, _ = watched(networks, live(networks), lambda _: picture, 10)
    assert [len(faces) for faces in given[1:]] == [1] * 9


def test_a_search_for_a_new_source_knows_nobody() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)])
    search = live(networks)
    picture = textured((300, 200))
    watched(networks, search, lambda _: picture, 10)
    networks.faces = []
    new = search.for_new_source()
    assert new.detect(picture) == []


def test_a_picture_of_another_size_forgets_the_faces() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)])
    search = live(networks)
    watched(networks, search, lambda _: textured((300, 200)), 10)
    networks.faces = []
    assert search.detect(textured((300, 200))[:500]) == []


def test_until_told_otherwise_a_camera_gives_thirty_frames_a_second() -> None:
    networks = FakeNetworks(slowness=10.0)
    search = LiveSearch(networks, clock=lambda: networks.now_s)
    for index in range(60):
        networks.now_s = max(networks.now_s, index / 30)
        search.detect(textured())
    assert search.budget_ms < 5


def test_where_the_network_is_slow_the_search_keeps_its_budget() -> None:
    networks = FakeNetworks()
    search = live(networks)
    for index in range(60):
        networks.now_s = index / 8
        search.detect(textured())
    assert search.budget_ms > 5.5


class HalfFaces(FakeNetworks):
    """Detects half a face at the inner left edge of each tile, and whole ones on every crop."""

    def detect_full_range(
        self, image: np.ndarray, region: Region, scale: float | None = None
    ) -> list[Detection]:
        self.num_full_range += 1
        box = Box(region.x, region.y + 100, 60, 60)
        return [Detection(box, 0.75, FULL_RANGE, 0.0)] if region.x > 0 else []

    def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
        if region.width == image.shape[1]:
            return []
        side = region.width / 3
        box = Box(region.x + side, region.y + side, side, side)
        return [Detection(box, 0.9, SHORT_RANGE, 0.0)]


def test_half_a_face_at_the_edge_of_a_tile_is_nobody() -> None:
    networks = HalfFaces()
    picture = textured()
    assert ExhaustiveSearch(networks).detect(picture) == []
    given, _ = watched(networks, live(networks), lambda _: picture, 60)
    assert given == [[]] * 60
    assert networks.num_full_range > 20


@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, 1)])
def test_a_face_that_gets_faster_is_followed_where_its_speed_takes_it(
    right: int, down: int
) -> None:
    # up to a third of its side in each frame, more than the search window reaches
    steps = np.minimum(np.arange(30) + 4, 20).cumsum() - 4
    places = [(60 + int(right * step), 30 + int(down * step)) for step in steps]
    networks = FakeNetworks()
    grey = np.random.default_rng(3).integers(60, 240, (4, 4, 1), np.uint8)

    def picture(index: int) -> np.ndarray:
        # for the last third of a second no network detects it
        x, y = places[index]
        networks.faces = [Box(x, y, 60, 60)] if index < 20 else []
        image = textured()
        image[y : y + 60, x : x + 60] = grey.repeat(15, 0).repeat(15, 1)
        return image

    given, _ = watched(networks, live(networks), picture, 29)
    for index, faces in list(enumerate(given))[3:]:
        assert len(faces) == 1, index
        assert faces[0].box.iou(Box(*places[index], 60, 60)) > 0.7
