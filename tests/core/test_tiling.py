"""Tiling: which regions of a picture are searched."""

from itertools import pairwise

import numpy as np
import pytest

from ferdesk.core.detection.tiling import (
    Tile,
    is_truncated,
    tile_schedule,
    tiles,
    verification_crop,
    zoomed_out,
)
from ferdesk.core.geometry import Box, Region


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
def test_the_tiles_of_a_level_cover_the_picture_and_share_the_smaller_faces(
    size: tuple[int, int],
) -> None:
    width, height = size
    levels: dict[float, set[Region]] = {}
    for part in tile_schedule(width, height):
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


def test_tiles_of_large_faces_come_first_and_oftener_than_those_of_small_ones() -> None:
    turns = tile_schedule(1920, 1080)
    assert [part.scale for part in turns[:5]] == [0.25, 0.5, 0.5, 0.5, 0.25]
    times = {part.scale: {turns.count(other) for other in turns if other.scale == part.scale}
             for part in turns}  # fmt: skip
    assert times == {0.25: {2}, 0.5: {1}}
    assert tile_schedule(300, 200) == []
    assert tile_schedule(4000, 20) == []


def test_a_level_has_a_third_of_the_turns_of_the_next_finer_one() -> None:
    # 18 tiles at half its size, 3 at a quarter with 18 / 3 turns, 1 at an eighth with 18 / 9
    turns = tile_schedule(2560, 1280)
    assert sorted(turns.count(tile) for tile in set(turns) if tile.scale == 0.5) == [1] * 18
    assert sorted(turns.count(tile) for tile in set(turns) if tile.scale == 0.25) == [2] * 3
    assert sorted(turns.count(tile) for tile in set(turns) if tile.scale == 0.125) == [2]


def test_a_face_truncated_by_a_tile_is_left_to_the_next_tile() -> None:
    region = Region(100, 0, 200, 200)
    assert is_truncated(Box(100.5, 50, 40, 40), region, 400, 200)
    assert not is_truncated(Box(150, 0, 40, 40), region, 400, 200)
    assert is_truncated(Box(261, 50, 40, 40), region, 400, 200)


def test_a_verification_crop_reaches_outside_the_picture_as_far_as_it_must() -> None:
    assert verification_crop(Box(0, 0, 50, 50), 640, 360) == Region(-50, -50, 150, 150)
    assert verification_crop(Box(-500, 0, 50, 50), 640, 360) is None


def test_sixteen_pixels_of_a_picture_are_enough_to_look_again() -> None:
    assert verification_crop(Box(0, 100, 20, 20), 16, 360) == Region(-20, 80, 60, 60)
    assert verification_crop(Box(0, 100, 20, 20), 15, 360) is None
    assert verification_crop(Box(100, 0, 20, 20), 640, 16) == Region(80, -20, 60, 60)
    assert verification_crop(Box(100, 0, 20, 20), 640, 15) is None
    assert verification_crop(Box(620, 340, 90, 90), 640, 360) == Region(530, 250, 270, 270)
    assert verification_crop(Box(714, 100, 90, 90), 640, 360) == Region(624, 10, 270, 270)
    assert verification_crop(Box(715, 100, 90, 90), 640, 360) is None


def test_zoomed_out_is_a_square_around_the_picture_twice_as_high_or_as_wide() -> None:
    # a face that fills the shorter side has half of the square
    assert zoomed_out(np.zeros((300, 300, 3), np.uint8)) == Region(-150, -150, 600, 600)
    assert zoomed_out(np.zeros((480, 640, 3), np.uint8)) == Region(-160, -240, 960, 960)
    assert zoomed_out(np.zeros((640, 480, 3), np.uint8)) == Region(-240, -160, 960, 960)
    assert zoomed_out(np.zeros((300, 900, 3), np.uint8)) == Region(0, -300, 900, 900)
    assert zoomed_out(np.zeros((300, 320, 3), np.uint8), 1.5) == Region(-65, -75, 450, 450)


def test_the_tiles_of_a_picture_are_known() -> None:
    # at half its size 1280 is 640: three tiles of 491, and 720 is 360: two of 408
    fine = [Tile(Region(x, y, 491, 408), 0.5) for y in (0, 312) for x in (0, 394, 789)]
    # at a quarter it is 320 and fits one; it has two turns, a third of six
    coarse = Tile(Region(0, 0, 1280, 720), 0.25)
    assert tile_schedule(1280, 720) == [coarse, *fine[:3], coarse, *fine[3:]]


def test_squares_of_a_wide_picture_are_known() -> None:
    assert list(tiles(700, 300)) == [Region(x, 0, 300, 300) for x in (0, 133, 267, 400)]
    assert list(tiles(300, 700)) == [Region(0, y, 300, 300) for y in (0, 133, 267, 400)]
    assert list(tiles(2401, 300)) == []


@pytest.mark.parametrize(
    ("box", "truncated"),
    [
        (Box(102.1, 43, 30, 30), False), (Box(101.9, 43, 30, 30), True),
        (Box(150, 42.1, 30, 30), False), (Box(150, 41.9, 30, 30), True),
        (Box(267, 60, 30.9, 30), False), (Box(267, 60, 31.1, 30), True),
        (Box(150, 100, 30, 37.9), False), (Box(150, 100, 30, 38.1), True),
    ],
)  # fmt: skip
def test_a_face_within_a_hundredth_of_an_inner_edge_is_truncated(box: Box, truncated: bool) -> None:
    # edges at 100, 40, 300 and 140; a hundredth of 200 is 2
    assert is_truncated(box, Region(100, 40, 200, 100), 400, 200) is truncated
    # where they are the picture's own edges nothing is
    assert not is_truncated(box, Region(0, 0, 400, 200), 400, 200)


def test_a_verification_crop_has_three_times_the_longer_side() -> None:
    # around (120, 80), 90 to each side
    assert verification_crop(Box(100, 50, 40, 60), 640, 360) == Region(30, -10, 180, 180)
    assert verification_crop(Box(600, 330, 30, 20), 640, 360) == Region(570, 295, 90, 90)
    assert verification_crop(Box(630, 10, 2, 10), 640, 360) == Region(616, 0, 30, 30)
