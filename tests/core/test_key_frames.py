"""Key frame search: as an exhaustive one where faces are, and everywhere now and then."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from ferdesk.core.detection.exhaustive import ExhaustiveSearch
from ferdesk.core.detection.key_frames import KeyFrameSearch
from ferdesk.core.detection.live import LiveSearch
from ferdesk.core.geometry import Box, Region
from ferdesk.core.pacing import FramePacing
from ferdesk.core.types import Detection
from tests.helpers.networks import FakeNetworks, textured

SMALL, LARGE = Box(620.0, 300.0, 40.0, 44.0), Box(100.0, 50.0, 120.0, 130.0)
PICTURE = textured((620, 300))


def runs_everywhere() -> int:
    networks = FakeNetworks([])
    ExhaustiveSearch(networks).detect(PICTURE)
    return networks.num_full_range


def boxes(search: KeyFrameSearch, image: np.ndarray = PICTURE) -> list[Box]:
    return [face.box for face in search.detect(image) if face.confirmed]


def test_known_faces_cost_their_crops_alone_in_two_frames_of_three() -> None:
    networks = FakeNetworks([SMALL, LARGE], smallest_share=0.07)
    search = KeyFrameSearch(networks, 9)
    assert boxes(search) == [LARGE, SMALL]
    assert networks.num_full_range == runs_everywhere()
    runs = []
    for step in range(1, 6):
        before = networks.num_full_range, networks.num_short_range
        networks.faces = [replace(face, x=face.x + 4 * step) for face in (LARGE, SMALL)]
        assert boxes(search) == networks.faces
        runs.append((networks.num_full_range - before[0], networks.num_short_range - before[1]))
    # in the third the whole picture and the small face's tile
    assert runs == [(0, 2), (0, 2), (2, 2), (0, 2), (0, 2)]


def test_a_near_face_that_only_the_short_range_network_shows_comes_in_and_stays() -> None:
    networks = FakeNetworks([], full_range_blind=True)
    search = KeyFrameSearch(networks, 9)
    search.detect(PICTURE)
    networks.faces = [Box(240, 40, 300, 310)]
    assert [boxes(search) for _ in range(9)] == [[], [], *[networks.faces] * 7]


def test_a_face_that_its_crop_hardly_shows_is_followed_on_its_tile_alone() -> None:
    networks = FakeNetworks([SMALL], smallest_share=0.07, crop_score=0.5, score=0.9)
    search = KeyFrameSearch(networks, 10)
    assert boxes(search) == [SMALL]
    before = networks.num_full_range
    for step in range(1, 6):
        networks.faces = [Box(SMALL.x + 4 * step, SMALL.y, SMALL.width, SMALL.height)]
        assert boxes(search) == networks.faces
    # the whole picture and one tile a frame
    assert networks.num_full_range - before == 10


def test_a_near_face_needs_no_tile() -> None:
    networks = FakeNetworks([LARGE])
    search = KeyFrameSearch(networks, 3)
    search.detect(PICTURE)
    before = networks.num_full_range
    assert boxes(search) == [LARGE]
    assert networks.num_full_range - before == 1


def test_frames_that_lie_far_apart_are_all_looked_at() -> None:
    networks = FakeNetworks([])
    search = KeyFrameSearch(networks, 3)
    search.detect(PICTURE)
    networks.faces = [LARGE]
    assert boxes(search) == [LARGE]


def test_a_face_that_leaves_is_gone_at_once() -> None:
    networks = FakeNetworks([LARGE, SMALL], smallest_share=0.07)
    search = KeyFrameSearch(networks, 40)
    assert boxes(search) == [LARGE, SMALL]
    networks.faces = [LARGE]
    assert boxes(search) == [LARGE]


def test_two_faces_that_become_one_are_one_at_once() -> None:
    moved = replace(LARGE, x=LARGE.x + LARGE.width * 0.8)
    networks = FakeNetworks([LARGE, moved])
    search = KeyFrameSearch(networks, 40)
    assert boxes(search) == [LARGE, moved]
    # both crops show the one between them
    networks.faces = [replace(LARGE, x=LARGE.x + LARGE.width * 0.4)]
    assert boxes(search) == networks.faces


def test_a_face_that_was_known_stays_in_the_search_where_it_is_no_longer_sure() -> None:
    networks = FakeNetworks([SMALL], smallest_share=0.07)
    search = KeyFrameSearch(networks, 12)
    assert boxes(search) == [SMALL]
    networks.score, networks.crop_score, networks.spread_seen = 0.4, 0.65, 1
    assert [boxes(search) for _ in range(11)] == [[SMALL]] * 11
    for _ in range(11):
        # the tracker continues it by a detection that is not confirmed, if there is one
        assert [(face.box, face.confirmed) for face in search.detect(PICTURE)] == [(SMALL, False)]


def test_a_small_face_that_comes_in_is_detected_at_the_next_key_frame_at_the_latest() -> None:
    networks = FakeNetworks([], smallest_share=0.07)
    search = KeyFrameSearch(networks, 4)
    assert boxes(search) == []
    networks.faces = [SMALL]
    assert [boxes(search) for _ in range(4)] == [[], [], [], [SMALL]]


def test_a_near_face_that_comes_in_is_detected_in_a_third_of_that_time() -> None:
    networks = FakeNetworks([])
    search = KeyFrameSearch(networks, 9)
    search.detect(PICTURE)
    networks.faces = [LARGE]
    assert [boxes(search) for _ in range(4)] == [[], [], [LARGE], [LARGE]]


def test_the_finest_tiles_of_a_large_picture_take_turns_in_key_frames() -> None:
    picture = np.full((820, 1000, 3), 90, np.uint8)
    everywhere = FakeNetworks([])
    ExhaustiveSearch(everywhere).detect(picture)
    networks = FakeNetworks([], smallest_share=0.07)
    search = KeyFrameSearch(networks, 1)
    assert boxes(search, picture) == []
    assert networks.num_full_range == everywhere.num_full_range == 1 + 2 + 12
    at = []
    for y in range(5, 780, 155):
        for x in range(5, 960, 135):
            networks.faces = [Box(x, y, 36, 38)]
            found = [boxes(search, picture) for _ in range(3)]
            at.append(found.index(networks.faces))
            networks.faces = []
            boxes(search, picture)
    assert {0, 1, 2} == set(at)


def test_a_small_face_that_is_known_is_on_its_tile_in_every_key_frame() -> None:
    picture = np.full((820, 1000, 3), 90, np.uint8)
    networks = FakeNetworks([Box(500, 400, 36, 38)], smallest_share=0.07)
    search = KeyFrameSearch(networks, 1)
    assert [boxes(search, picture) for _ in range(8)] == [networks.faces] * 8


def test_a_new_scene_is_searched_everywhere() -> None:
    networks = FakeNetworks([], smallest_share=0.07)
    search = KeyFrameSearch(networks, 40)
    search.detect(PICTURE)
    networks.faces = [SMALL]
    assert boxes(search) == []
    assert boxes(search, 255 - PICTURE) == [SMALL]


def test_another_size_of_the_picture_is_searched_everywhere() -> None:
    networks = FakeNetworks([], smallest_share=0.07)
    search = KeyFrameSearch(networks, 40)
    search.detect(PICTURE)
    networks.faces = [SMALL]
    assert boxes(search, np.ascontiguousarray(PICTURE[:, :900])) == [SMALL]


def test_a_face_that_is_hidden_for_a_moment_is_back_at_once() -> None:
    networks = FakeNetworks([SMALL], smallest_share=0.07)
    search = KeyFrameSearch(networks, 40)
    assert boxes(search) == [SMALL]
    networks.faces = []
    assert [boxes(search), boxes(search)] == [[], []]
    networks.faces = [SMALL]
    assert boxes(search) == [SMALL]


def test_a_face_that_is_lost_in_a_frame_that_is_looked_at_is_back_at_once_too() -> None:
    networks = FakeNetworks([SMALL], smallest_share=0.07)
    search = KeyFrameSearch(networks, 9)
    assert [boxes(search) for _ in range(3)] == [[SMALL]] * 3
    networks.faces = []
    assert [boxes(search), boxes(search)] == [[], []]
    networks.faces = [SMALL]
    assert boxes(search) == [SMALL]


def test_a_pattern_that_only_looks_like_a_face_is_none_in_any_frame() -> None:
    networks = FakeNetworks([SMALL], smallest_share=0.07, crop_score=0.2, spread_seen=1)
    search = KeyFrameSearch(networks, 3)
    assert [boxes(search) for _ in range(7)] == [[]] * 7


def test_the_pacing_of_a_film_chooses_it_and_each_source_begins_anew() -> None:
    networks = FakeNetworks([], smallest_share=0.07)
    live = LiveSearch(networks, pacing=FramePacing(None))
    live.set_pacing(FramePacing(None, key_every=3))
    live.detect(PICTURE)
    first = networks.num_full_range
    live.detect(PICTURE)
    assert (first, networks.num_full_range - first) == (runs_everywhere(), 1)
    other = live.for_new_source()
    other.set_pacing(FramePacing(None, key_every=3))
    before = networks.num_full_range
    other.detect(PICTURE)
    assert networks.num_full_range - before == runs_everywhere()
    live.set_pacing(FramePacing(None))
    before = networks.num_full_range
    live.detect(PICTURE)
    assert networks.num_full_range - before == runs_everywhere()


class OnTiles(FakeNetworks):
    """The full-range network's boxes lie askew, those of the short-range one do not."""

    def detect_full_range(
        self, image: np.ndarray, region: Region, scale: float | None = None
    ) -> list[Detection]:
        on_region = super().detect_full_range(image, region, scale)
        return [replace(d, box=replace(d.box, x=d.box.x + 3, y=d.box.y - 2)) for d in on_region]


def test_every_frame_gives_the_box_that_the_crop_shows() -> None:
    networks = OnTiles([SMALL], smallest_share=0.07)
    search = KeyFrameSearch(networks, 3)
    assert [boxes(search) for _ in range(5)] == [[SMALL]] * 5


@dataclass
class AsFramed(FakeNetworks):
    """Both networks frame a face as the real ones do; ``regions`` are the short-range one's."""

    regions: list[Region] = field(default_factory=list)

    def detect_full_range(
        self, image: np.ndarray, region: Region, scale: float | None = None
    ) -> list[Detection]:
        on_region = super().detect_full_range(image, region, scale)
        return [replace(d, box=Box(399.6, 187.8, 100.8, 100.8)) for d in on_region]

    def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
        self.regions.append(region)
        return super().detect_short_range(image, region)


def test_a_followed_face_is_framed_on_the_same_crop_as_a_new_one() -> None:
    networks = AsFramed([Box(400.0, 193.6, 100.0, 99.0)])
    search = KeyFrameSearch(networks, 9)
    search.detect(PICTURE)
    as_new = networks.regions[-1]
    search.detect(PICTURE)
    followed = networks.regions[-1]
    assert followed.width == pytest.approx(as_new.width, abs=3)
    assert followed.x == pytest.approx(as_new.x, abs=2)
    assert followed.y == pytest.approx(as_new.y, abs=2)


def test_a_face_that_only_a_look_from_further_away_shows_is_there_in_every_frame() -> None:
    class TooLarge(FakeNetworks):
        def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
            detections = super().detect_short_range(image, region)
            return [d for d in detections if d.box.height <= region.height / 2]

    large = Box(240, 40, 480, 460)
    networks = TooLarge([large], full_range_blind=True)
    search = KeyFrameSearch(networks, 3)
    assert [boxes(search) for _ in range(5)] == [[large]] * 5
