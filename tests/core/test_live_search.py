"""Live and exhaustive search: what is detected in which frame, and what may wait."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import cv2
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


@cache
def noise(number: int) -> np.ndarray:
    coarse = np.random.default_rng(number).integers(0, 61, (90, 160), np.uint8)
    return coarse.repeat(6, 0).repeat(6, 1)[:, :, None].repeat(3, 2)


def unsteady(image: np.ndarray, index: int) -> np.ndarray:
    """The picture with noise of its own in each frame, so that nothing in it is unchanged."""
    return cv2.add(image, noise(index % 5))


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
    watched(networks, search, lambda index: unsteady(there, index), 20)
    networks.faces = []
    given, _ = watched(networks, search, lambda index: unsteady(there, index), 33, first=20)
    assert given[-1] == []


def test_not_even_what_looks_exactly_as_it_did_is_trusted_for_ever() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)])
    search = live(networks)
    there = textured((300, 200))
    watched(networks, search, lambda _: there, 20)
    networks.faces = []
    given, _ = watched(networks, search, lambda _: there, 66, first=20)
    assert given[-1] == []


def test_a_picture_that_stays_the_same_is_hardly_searched_again() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)])
    search = live(networks)
    there = textured((300, 200))
    given, first_ms = watched(networks, search, lambda _: there, 1)
    assert first_ms > 15
    given, mean_ms = watched(networks, search, lambda _: there, 38, first=1)
    assert mean_ms < 1
    # to the same box, without a pixel of jitter
    assert len({faces[0].box for faces in given}) == 1
    # a search of what changes takes the budget
    _, mean_ms = watched(networks, search, lambda index: unsteady(there, index), 30, first=39)
    assert mean_ms > 2


def test_everybody_is_found_in_the_first_picture() -> None:
    places = [(40 + 110 * i, 60 + 200 * j) for i in range(8) for j in range(2)]
    networks = FakeNetworks([Box(x, y, 36, 36) for x, y in places])
    given, _ = watched(networks, live(networks), lambda _: textured(*places, side=36), 1)
    assert len(given[0]) == 16


def test_a_slow_machine_spreads_its_first_search_over_some_frames() -> None:
    networks = FakeNetworks([Box(500, 400, 30, 30)], slowness=20.0)
    search = live(networks)
    picture = textured((500, 400), side=24)
    began_s, shares = networks.now_s, []
    for _ in range(4):
        search.detect(picture)
        shares.append(networks.now_s - began_s)
        began_s = networks.now_s
    assert max(shares) < 1.0
    assert len(search.detect(picture)) == 1


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
        search.detect(unsteady(picture, index))
    assert search.budget_ms < 5
    networks.slowness = 1.0
    for index in range(200):
        networks.now_s = 20 + index / 30
        search.detect(unsteady(picture, index))
    assert search.budget_ms > 5.5


@pytest.mark.parametrize(("spread", "shown"), [(0.0586, 0), (0.0576, 1)])
def test_a_pattern_is_not_given_where_its_landmarks_move_with_the_crop(
    spread: float, shown: int
) -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)], score=0.7, crop_score=0.5)
    networks.spread_seen = spread
    picture = textured((300, 200))
    given, _ = watched(networks, live(networks), lambda _: picture, 30)
    assert given[-1] == [] if not shown else len(given[-1]) == 1
    assert sum(face.confirmed for face in ExhaustiveSearch(networks).detect(picture)) == shown


def test_what_was_refused_is_not_verified_again_at_once_unless_its_score_is_higher() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60)], score=0.75, crop_score=0.5, spread_seen=1)
    search = live(networks)
    picture = textured((300, 200))
    watched(networks, search, lambda index: unsteady(picture, index), 30)
    assert 1 <= networks.num_spreads <= 3
    networks.score, networks.spread_seen = 0.8, 0.01
    given, _ = watched(networks, search, lambda index: unsteady(picture, index), 12, first=30)
    assert len(given[-1]) == 1


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


def test_a_face_that_fills_the_picture_is_found_by_a_look_from_further_away() -> None:
    class TooLarge(FakeNetworks):
        """Detects nothing that has more than half of what it sees."""

        def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
            detections = super().detect_short_range(image, region)
            return [d for d in detections if d.box.height <= region.height / 2]

    networks = TooLarge([Box(240, 40, 480, 460)], full_range_blind=True, short_range_score=0.9)
    picture = textured((240, 40), side=480)
    given, _ = watched(networks, live(networks), lambda _: picture, 10)
    assert len(given[-1]) == 1
    assert [face.confirmed for face in ExhaustiveSearch(networks).detect(picture)] == [True]


@dataclass
class OnlyFrom(FakeNetworks):
    """The short-range network sees a face on one size of the whole picture, and on no other."""

    looked_at: list[int] = field(default_factory=list)

    def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
        self.looked_at.append(region.width)
        detections = super().detect_short_range(image, region)
        return detections if region.width == 810 else []


def test_where_nobody_is_found_the_picture_is_seen_from_a_little_further_away() -> None:
    # a picture of 540 x 540, from one and a half sides
    networks = OnlyFrom([Box(100, 120, 300, 310)], full_range_blind=True)
    picture = np.ascontiguousarray(textured((100, 120), side=300)[:, :540])
    (face,) = ExhaustiveSearch(networks).detect(picture)
    assert (face.box, face.confirmed) == (networks.faces[0], True)
    assert networks.looked_at[:3] == [540, 1080, 810]
    given, _ = watched(networks, live(networks), lambda _: picture, 8)
    assert len(given[-1]) == 1


def test_where_somebody_is_found_no_further_look_is_taken() -> None:
    networks = OnlyFrom([Box(100, 120, 300, 310)], score=0.9)
    picture = np.ascontiguousarray(textured((100, 120), side=300)[:, :540])
    (face,) = ExhaustiveSearch(networks).detect(picture)
    assert face.confirmed
    assert 810 not in networks.looked_at
    watched(networks, live(networks), lambda index: cv2.add(picture, noise(index)[:, :540]), 30)
    assert 810 not in networks.looked_at


def test_what_no_look_confirms_stays_suspected() -> None:
    networks = FakeNetworks([Box(100, 120, 300, 310)], score=0.5, crop_score=0.4, spread_seen=1)
    picture = np.ascontiguousarray(textured((100, 120), side=300)[:, :540])
    assert [face.confirmed for face in ExhaustiveSearch(networks).detect(picture)] == [False]


def test_another_look_at_a_refused_face_may_confirm_it_if_its_box_is_elsewhere() -> None:
    @dataclass
    class Looks(FakeNetworks):
        def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
            if region.width == 960:
                return [Detection(Box(300, 200, 100, 100), 0.7, SHORT_RANGE, 0.0)]
            if region.width == 1080:
                return [Detection(Box(300 + self.moved, 200, 100, 100), 0.6, SHORT_RANGE, 0.0)]
            return []

        def landmark_spread(self, image: np.ndarray, detection: Detection) -> float:
            return 1.0 if detection.box.x == 300 else 0.02

        moved: int = 0

    picture = textured((300, 200), side=60)
    # moved by x: IoU (100 - x) / (100 + x), 0.9 at 5.3
    for moved, shown in ((5, 0), (6, 1)):
        networks = Looks(full_range_blind=True, moved=moved)
        given, _ = watched(networks, live(networks), lambda _: picture, 6)
        assert len(given[3]) == shown


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
        search.detect(unsteady(textured(), index))
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
        if region.width >= image.shape[1]:
            return []
        side = region.width / 3
        box = Box(region.x + side, region.y + side, side, side)
        return [Detection(box, 0.9, SHORT_RANGE, 0.0)]


def test_half_a_face_at_the_edge_of_a_tile_is_nobody() -> None:
    networks = HalfFaces()
    picture = textured()
    assert ExhaustiveSearch(networks).detect(picture) == []
    given, _ = watched(networks, live(networks), lambda index: unsteady(picture, index), 60)
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
    coarse = np.random.default_rng(3).integers(60, 240, (4, 4), np.uint8)
    grey = cv2.resize(coarse, (60, 60), interpolation=cv2.INTER_CUBIC)[:, :, None]

    def picture(index: int) -> np.ndarray:
        # for the last third of a second no network detects it
        x, y = places[index]
        networks.faces = [Box(x, y, 60, 60)] if index < 20 else []
        image = textured()
        image[y : y + 60, x : x + 60] = grey
        return image

    given, _ = watched(networks, live(networks), picture, 29)
    for index, faces in list(enumerate(given))[3:]:
        assert len(faces) == 1, index
        assert faces[0].box.iou(Box(*places[index], 60, 60)) > 0.7


def test_pictures_that_come_twice_as_fast_are_each_searched_half_as_long() -> None:
    # so many that all of a budget is used
    places = [(40 + 110 * i, 60 + 200 * j) for i in range(8) for j in range(2)]
    spent_ms = []
    for rate_fps in (30, 60):
        networks = FakeNetworks([Box(x, y, 36, 36) for x, y in places])
        search = live(networks)
        search.set_pacing(FramePacing(1 / rate_fps))
        total_s = 0.0
        for index in range(60):
            networks.now_s = began_s = index / rate_fps
            search.detect(unsteady(textured(*places, side=36), index))
            total_s += networks.now_s - began_s if index >= 15 else 0.0
        spent_ms.append(1000 * total_s / 45)
    assert spent_ms[0] == pytest.approx(6, abs=0.5)
    assert spent_ms[1] == pytest.approx(3, abs=0.5)


def test_while_a_known_face_is_missing_tiles_are_searched_as_often_as_at_first() -> None:
    networks = FakeNetworks([Box(300, 200, 60, 60), Box(600, 300, 60, 60)])
    search = live(networks)
    both = textured((300, 200), (600, 300))
    watched(networks, search, lambda index: unsteady(both, index), 90)
    networks.num_full_range = 0
    watched(networks, search, lambda index: unsteady(both, index), 15, first=90)
    at_rest, networks.num_full_range = networks.num_full_range, 0
    networks.faces = networks.faces[:1]
    one = textured((300, 200))
    watched(networks, search, lambda index: unsteady(one, index), 15, first=105)
    assert networks.num_full_range > 1.5 * at_rest


@pytest.mark.parametrize("slowness", [1.0, 6.0])
def test_known_faces_are_given_whenever_a_frame_is_analysed(slowness: float) -> None:
    places = [(100 + 200 * i, 200) for i in range(4)]
    networks = FakeNetworks([Box(x, y, 60, 60) for x, y in places], slowness=slowness)
    search = live(networks)
    picture = textured(*places)
    num_given = []
    for index in range(20):
        networks.now_s = 1.1 * index
        num_given.append(len(search.detect(unsteady(picture, index))))
    assert num_given[1:] == [4] * 19


def test_a_frame_after_a_long_wait_leaves_the_next_ones_their_usual_time() -> None:
    places = [(40 + 110 * i, 60 + 200 * j) for i in range(8) for j in range(2)]
    networks = FakeNetworks([Box(x, y, 36, 36) for x, y in places])
    search = live(networks)
    picture = textured(*places, side=36)
    watched(networks, search, lambda index: unsteady(picture, index), 60)
    _, usual_ms = watched(networks, search, lambda index: unsteady(picture, index), 5, first=60)
    _, wait_ms = watched(networks, search, lambda index: unsteady(picture, index), 1, first=120)
    _, then_ms = watched(networks, search, lambda index: unsteady(picture, index), 5, first=121)
    assert wait_ms > 4 * usual_ms
    assert then_ms == pytest.approx(usual_ms, rel=0.3)
