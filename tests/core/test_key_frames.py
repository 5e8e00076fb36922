"""Key frame search: as an exhaustive one where faces are, and everywhere now and then."""

from dataclasses import replace

import numpy as np

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


def test_a_small_face_is_followed_on_its_tile_alone() -> None:
    networks = FakeNetworks([SMALL], smallest_share=0.07)
    search = KeyFrameSearch(networks, 10)
    assert boxes(search) == [SMALL]
    before = networks.num_full_range
    assert before == runs_everywhere()
    for step in range(1, 6):
        networks.faces = [Box(SMALL.x + 4 * step, SMALL.y, SMALL.width, SMALL.height)]
        assert boxes(search) == networks.faces
    # the whole picture and one tile a frame
    assert networks.num_full_range - before == 10


def test_a_near_face_needs_no_tile() -> None:
    networks = FakeNetworks([LARGE])
    search = KeyFrameSearch(networks, 10)
    search.detect(PICTURE)
    before = networks.num_full_range
    assert boxes(search) == [LARGE]
    assert networks.num_full_range - before == 1


def test_a_small_face_that_comes_in_is_detected_at_the_next_key_frame_at_the_latest() -> None:
    networks = FakeNetworks([], smallest_share=0.07)
    search = KeyFrameSearch(networks, 4)
    assert boxes(search) == []
    networks.faces = [SMALL]
    assert [boxes(search) for _ in range(4)] == [[], [], [], [SMALL]]


def test_a_near_face_that_comes_in_is_detected_at_once() -> None:
    networks = FakeNetworks([])
    search = KeyFrameSearch(networks, 40)
    search.detect(PICTURE)
    networks.faces = [LARGE]
    assert boxes(search) == [LARGE]


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


def test_a_pattern_that_only_looks_like_a_face_is_none_in_any_frame() -> None:
    networks = FakeNetworks([SMALL], smallest_share=0.07, crop_score=0.2, presence_seen=0)
    search = KeyFrameSearch(networks, 3)
    assert [boxes(search) for _ in range(7)] == [[]] * 7


def test_the_pacing_of_a_film_chooses_it_and_each_source_begins_anew() -> None:
    networks = FakeNetworks([], smallest_share=0.07)
    live = LiveSearch(networks, pacing=FramePacing(None))
    live.set_pacing(FramePacing(None, key_every=10))
    live.detect(PICTURE)
    first = networks.num_full_range
    live.detect(PICTURE)
    assert (first, networks.num_full_range - first) == (runs_everywhere(), 1)
    other = live.for_new_source()
    other.set_pacing(FramePacing(None, key_every=10))
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


def test_a_face_that_only_a_look_from_further_away_shows_is_there_in_every_frame() -> None:
    class TooLarge(FakeNetworks):
        def detect_short_range(self, image: np.ndarray, region: Region) -> list[Detection]:
            detections = super().detect_short_range(image, region)
            return [d for d in detections if d.box.height <= region.height / 2]

    large = Box(240, 40, 480, 460)
    networks = TooLarge([large], full_range_blind=True)
    search = KeyFrameSearch(networks, 3)
    assert [boxes(search) for _ in range(5)] == [[large]] * 5
