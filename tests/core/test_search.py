"""Where is searched, what is believed, and what may wait."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE
from ferdesk.core.detection.live import (
    ExhaustiveSearch,
    LiveSearch,
    Region,
    believed,
    close_up,
    cut_by,
    fields,
    judged,
    merged,
    tiles,
)
from ferdesk.core.geometry import Box
from ferdesk.core.pacing import FramePacing
from ferdesk.core.types import Detection


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
    assert squares[0].x == 0
    assert squares[-1].x + 300 == 1000
    assert all(b.x - a.x <= 150 for a, b in pairwise(squares))
    assert [Region(t.y, t.x, t.width, t.height) for t in tiles(300, 1000)] == squares
    assert list(tiles(300, 300)) == []


def test_large_pictures_are_also_searched_in_smaller_squares() -> None:
    sides = [tile.width for tile in tiles(1920, 1080)]
    assert set(sides) == {1080, 540}
    assert {tile.width for tile in tiles(640, 360)} == {360}


@pytest.mark.parametrize(
    "size", [(640, 360), (1280, 720), (1920, 1080), (1080, 1920), (3840, 2160)]
)
def test_the_fields_of_a_level_cover_the_picture_and_share_the_smaller_faces(
    size: tuple[int, int],
) -> None:
    width, height = size
    levels: dict[float, set[Region]] = {}
    for part in fields(width, height):
        levels.setdefault(part.scale, set()).add(part.region)
    assert max(levels) == 0.5
    assert all(scale / 2 in levels or scale == min(levels) for scale in levels)
    for scale, regions in levels.items():
        for begins, length in (
            ({(r.x, r.width) for r in regions}, width),
            ({(r.y, r.height) for r in regions}, height),
        ):
            spans = sorted(begins)
            assert spans[0][0] == 0
            assert sum(spans[-1]) == length
            for (first, part_length), (second, _) in pairwise(spans):
                assert (first + part_length - second) * scale >= 47
            assert all(part_length * scale <= 321 for _, part_length in spans)


def test_fields_of_large_faces_come_first_and_oftener_than_those_of_small_ones() -> None:
    turns = fields(1920, 1080)
    assert [part.scale for part in turns[:5]] == [0.25, 0.5, 0.5, 0.5, 0.25]
    times = {part.scale: {turns.count(other) for other in turns if other.scale == part.scale}
             for part in turns}  # fmt: skip
    assert times == {0.25: {2}, 0.5: {1}}
    assert fields(300, 200) == []
    assert fields(4000, 20) == []


def test_half_a_face_at_the_edge_of_a_square_is_left_to_the_next_square() -> None:
    region = Region(100, 0, 200, 200)
    assert cut_by(region, Box(100.5, 50, 40, 40), 400, 200)
    assert not cut_by(region, Box(150, 0, 40, 40), 400, 200)
    assert cut_by(region, Box(261, 50, 40, 40), 400, 200)


def test_a_close_up_stays_inside_the_picture() -> None:
    assert close_up(Box(0, 0, 50, 50), 640, 360) == Region(0, 0, 100, 100)
    assert close_up(Box(-500, 0, 50, 50), 640, 360) is None


def textured(*places: tuple[int, int], seed: int = 1, side: int = 60) -> np.ndarray:
    """A plain picture 960x540 with a face-sized pattern of its own in each place."""
    image = np.full((540, 960, 3), 90, np.uint8)
    for number, (x, y) in enumerate(places):
        coarse = np.random.default_rng(seed + number).integers(0, 255, (12, 12, 1), np.uint8)
        face = coarse.repeat(side // 12, 0).repeat(side // 12, 1)
        image[y : y + side, x : x + side] = face[: 540 - y, : 960 - x]
    return image


@dataclass
class FakeEyes:
    """Sees the faces it is told of, where a region holds them, and spends time of a held clock."""

    faces: list[Box] = field(default_factory=list)
    smallest_share: float = 0.05
    close_up_score: float = 0.9
    score: float = 0.75
    now_s: float = 0.0
    num_far: int = 0
    slowness: float = 1.0
    num_near: int = 0
    near_score: float | None = None
    blind_far: bool = False

    def detect_full_range(
        self, image: np.ndarray, region: Region, scale: float | None = None
    ) -> list[Detection]:
        self.now_s += 0.005 * self.slowness
        self.num_far += 1
        side = max(region.width, region.height) if scale is None else 192 / scale
        return [
            Detection(box, self.score, FULL_RANGE, 0.0)
            for box in self._inside(region)
            if box.width >= self.smallest_share * side and not self.blind_far
        ]

    def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
        self.now_s += 0.002 * self.slowness
        self.num_near += 1
        side = max(region.width, region.height)
        score = self.near_score if region.width == image.shape[1] else None
        return [
            Detection(box, score or self.close_up_score, SHORT_RANGE, 0.0)
            for box in self._inside(region)
            if box.width >= 0.2 * side
        ]

    def _inside(self, region: Region) -> list[Box]:
        return [
            box
            for box in self.faces
            if region.x <= box.x
            and region.y <= box.y
            and box.x + box.width <= region.x + region.width
            and box.y + box.height <= region.y + region.height
        ]

    def close(self) -> None:
        pass


def watched(
    eyes: FakeEyes, search: LiveSearch, image: Callable[[int], np.ndarray], num: int, first: int = 0
) -> tuple[list[list[Detection]], float]:
    """What ``num`` frames at 30 a second gave, and the mean milliseconds that each took."""
    given, spent_s = [], 0.0
    for index in range(first, first + num):
        eyes.now_s = began_s = index / 30
        given.append(search.detect(image(index)))
        spent_s += eyes.now_s - began_s
    return given, 1000 * spent_s / num


def live(eyes: FakeEyes) -> LiveSearch:
    search = LiveSearch(eyes, clock=lambda: eyes.now_s)
    search.set_pacing(FramePacing(1 / 30))
    return search


def test_a_still_group_is_found_within_a_second_and_its_budget() -> None:
    places = [(40 + 110 * i, 60 + 200 * j) for i in range(8) for j in range(2)]
    eyes = FakeEyes([Box(x, y, 36, 36) for x, y in places])
    picture = textured(*places, side=36)
    given, mean_ms = watched(eyes, live(eyes), lambda _: picture, 30)
    assert len(given[-1]) == 16
    assert mean_ms <= 8


def test_a_face_that_is_gone_is_not_shown() -> None:
    eyes = FakeEyes([Box(300, 200, 60, 60)])
    search = live(eyes)
    there, away = textured((300, 200)), textured()
    given, _ = watched(eyes, search, lambda _: there, 20)
    assert len(given[-1]) == 1
    eyes.faces = []
    given, _ = watched(eyes, search, lambda _: away, 5, first=20)
    assert given == [[]] * 5


def test_a_picture_that_only_looks_like_the_face_is_not_trusted_for_long() -> None:
    eyes = FakeEyes([Box(300, 200, 60, 60)])
    search = live(eyes)
    there = textured((300, 200))
    watched(eyes, search, lambda _: there, 20)
    eyes.faces = []
    given, _ = watched(eyes, search, lambda _: there, 40, first=20)
    assert given[-1] == []


def test_a_face_that_moves_is_followed_between_looks() -> None:
    eyes = FakeEyes()

    def picture(index: int) -> np.ndarray:
        x = 100 + 5 * index
        eyes.faces = [Box(x, 200, 60, 60)]
        return textured((x, 200))

    given, _ = watched(eyes, live(eyes), picture, 60)
    for index, faces in list(enumerate(given))[5:]:
        assert len(faces) == 1
        assert faces[0].box.iou(Box(100 + 5 * index, 200, 60, 60)) > 0.7


def test_a_machine_that_does_not_keep_up_searches_less_and_recovers() -> None:
    eyes = FakeEyes()
    search = live(eyes)
    picture = textured()
    eyes.slowness = 10.0
    for index in range(60):
        eyes.now_s = max(eyes.now_s, index / 30)
        search.detect(picture)
    assert search.budget_ms < 5
    eyes.slowness = 1.0
    for index in range(200):
        eyes.now_s = 20 + index / 30
        search.detect(picture)
    assert search.budget_ms > 5.5


def test_a_pattern_that_looks_like_a_face_from_afar_only_is_not_shown() -> None:
    eyes = FakeEyes([Box(300, 200, 60, 60)], close_up_score=0.5)
    picture = textured((300, 200))
    given, _ = watched(eyes, live(eyes), lambda _: picture, 30)
    assert given == [[]] * 30
    assert [face.sure for face in ExhaustiveSearch(eyes).detect(picture)] == [False]


@pytest.mark.parametrize(("close_up_score", "shown"), [(0.86, 1), (0.81, 0)])
def test_a_small_face_only_suspected_from_afar_needs_a_very_good_close_up(
    close_up_score: float, shown: int
) -> None:
    eyes = FakeEyes([Box(300, 200, 60, 60)], score=0.4, close_up_score=close_up_score)
    picture = textured((300, 200))
    given, _ = watched(eyes, live(eyes), lambda _: picture, 30)
    assert len(given[-1]) == shown
    assert sum(face.sure for face in ExhaustiveSearch(eyes).detect(picture)) == shown


def test_faces_that_went_behind_others_leave_time_to_find_new_ones() -> None:
    places = [(40 + 110 * i, 60) for i in range(8)]
    eyes = FakeEyes([Box(x, y, 60, 60) for x, y in places])
    search = live(eyes)
    picture = textured(*places)
    given, _ = watched(eyes, search, lambda _: picture, 20)
    assert len(given[-1]) == 8
    # all eight are hidden; one small face is there instead, which only a field shows
    eyes.faces = [Box(500, 400, 24, 24)]
    eyes.num_near = 0
    hidden = textured((500, 400), side=24)
    given, _ = watched(eyes, search, lambda _: hidden, 12, first=20)
    assert any(faces for faces in given)
    assert eyes.num_near < 8 * 12 / 2


@pytest.mark.parametrize(("close_up_score", "shown"), [(0.66, 1), (0.62, 0)])
def test_a_near_face_of_low_score_is_shown_where_a_close_up_says_so(
    close_up_score: float, shown: int
) -> None:
    eyes = FakeEyes(
        [Box(300, 150, 204, 204)], close_up_score=close_up_score, near_score=0.4, blind_far=True
    )
    picture = textured((300, 150), side=204)
    given, _ = watched(eyes, live(eyes), lambda _: picture, 30)
    assert len(given[-1]) == shown
    assert sum(face.sure for face in ExhaustiveSearch(eyes).detect(picture)) == shown


@pytest.mark.parametrize(("close_up_score", "shown"), [(0.58, 1), (0.52, 0)])
def test_what_both_models_find_shortly_after_each_other_needs_less_in_a_close_up(
    close_up_score: float, shown: int
) -> None:
    eyes = FakeEyes(
        [Box(300, 150, 204, 204)], close_up_score=close_up_score, near_score=0.4, score=0.4
    )
    picture = textured((300, 150), side=204)
    search = live(eyes)
    given, _ = watched(eyes, search, lambda _: picture, 30)
    assert len(given[-1]) == shown
    assert sum(face.sure for face in ExhaustiveSearch(eyes).detect(picture)) == shown


def test_what_one_model_found_long_ago_does_not_confirm_what_the_other_finds() -> None:
    eyes = FakeEyes([Box(300, 150, 204, 204)], close_up_score=0.58, near_score=0.4, blind_far=True)
    search = live(eyes)
    picture = textured((300, 150), side=204)
    watched(eyes, search, lambda _: picture, 30)
    # nobody is seen for half a second, then only the far-sighted model sees
    place, eyes.faces = eyes.faces, []
    watched(eyes, search, lambda _: picture, 15, first=30)
    eyes.faces, eyes.blind_far, eyes.score, eyes.near_score = place, False, 0.4, 0.0
    detect_short_range = eyes.detect_short_range
    eyes.detect_short_range = lambda image, region: (  # type: ignore[method-assign]
        [] if region.width == image.shape[1] else detect_short_range(image, region)
    )
    given, _ = watched(eyes, search, lambda _: picture, 15, first=45)
    assert not any(given)


def test_a_hand_before_a_known_person_stays_a_hand_from_close_by() -> None:
    eyes = FakeEyes([Box(500, 300, 150, 150)], close_up_score=0.65)
    person, hand = find(0.9, 80), find(0.65, 140, short=True)
    hand = replace(hand, box=eyes.faces[0])
    assert [face.sure for face in believed(eyes, textured(), [person, hand])] == [True, False]


def test_a_single_picture_is_searched_through_and_through() -> None:
    places = [(40, 60), (900, 480)]
    eyes = FakeEyes([Box(x, y, 30, 30) for x, y in places])
    search = LiveSearch(eyes, clock=lambda: eyes.now_s)
    search.set_pacing(FramePacing(None))
    assert len(search.detect(textured(*places, side=36))) == 2
    assert eyes.num_far == 1 + len(list(tiles(960, 540)))


def test_two_known_boxes_on_one_face_become_one() -> None:
    eyes = FakeEyes([Box(300, 200, 60, 60), Box(304, 204, 60, 60)])
    picture = textured((300, 200))
    given, _ = watched(eyes, live(eyes), lambda _: picture, 10)
    assert [len(faces) for faces in given[1:]] == [1] * 9


def test_a_fresh_search_knows_nobody() -> None:
    eyes = FakeEyes([Box(300, 200, 60, 60)])
    search = live(eyes)
    picture = textured((300, 200))
    watched(eyes, search, lambda _: picture, 10)
    eyes.faces = []
    fresh = search.for_new_source()
    assert fresh.detect(picture) == []


def test_a_picture_of_another_size_forgets_the_faces() -> None:
    eyes = FakeEyes([Box(300, 200, 60, 60)])
    search = live(eyes)
    watched(eyes, search, lambda _: textured((300, 200)), 10)
    eyes.faces = []
    assert search.detect(textured((300, 200))[:500]) == []


def test_where_the_network_is_slow_the_search_keeps_its_budget() -> None:
    eyes = FakeEyes()
    search = live(eyes)
    for index in range(60):
        eyes.now_s = index / 8
        search.detect(textured())
    assert search.budget_ms > 5.5
