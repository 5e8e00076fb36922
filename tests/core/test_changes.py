"""Searched regions: what counts as a change, and what a camera's noise is."""

import numpy as np

from ferdesk.core.detection.changes import SearchedRegions
from ferdesk.core.geometry import Region

TILE, OTHER = Region(0, 0, 576, 540), Region(384, 0, 576, 540)


def wall(seed: int, noise: float = 4.0) -> np.ndarray:
    picture = np.random.default_rng(seed).normal(90, noise, (540, 960, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_noise_is_no_change_and_the_smallest_face_is() -> None:
    regions = SearchedRegions()
    assert regions.begin_search(wall(1), "tile", TILE, 0.0)
    assert not regions.begin_search(wall(2), "tile", TILE, 0.1)
    came = wall(3)
    came[201:225, 333:357] = 170
    assert regions.begin_search(came, "tile", TILE, 0.2)
    assert not regions.begin_search(came, "tile", TILE, 0.3)
    # who goes is a change as well
    assert regions.begin_search(wall(4), "tile", TILE, 0.4)


def test_what_changes_elsewhere_or_was_seen_by_another_network_does_not_count() -> None:
    regions = SearchedRegions()
    assert regions.begin_search(wall(1), "tile", TILE, 0.0)
    assert regions.begin_search(wall(1), "tile", OTHER, 0.0)
    assert regions.begin_search(wall(1), "short range", TILE, 0.0)
    came = wall(2)
    came[201:225, 800:824] = 170
    assert not regions.begin_search(came, "tile", TILE, 0.1)
    assert regions.begin_search(came, "tile", OTHER, 0.1)


def test_a_region_is_searched_again_after_two_seconds_and_a_slow_change_adds_up() -> None:
    regions = SearchedRegions()
    assert regions.begin_search(wall(1), "tile", TILE, 0.0)
    assert not regions.begin_search(wall(1), "tile", TILE, 1.9)
    assert regions.begin_search(wall(1), "tile", TILE, 2.1)
    # one grey value a frame, against what was searched and not against the frame before
    searched = [
        regions.begin_search(wall(1, noise=0.0) + np.uint8(step), "tile", OTHER, 3 + step / 30)
        for step in range(30)
    ]
    assert [step for step, one in enumerate(searched) if one] == [0, 12, 24]
