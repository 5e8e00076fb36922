"""What is covered, when, and how thoroughly."""

import numpy as np
import pytest

from ferdesk.core.anonymize import Anonymizer, cover
from ferdesk.core.geometry import Box


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)


def run(found: dict[float, Box], *, end_s: float = 6.0) -> dict[float, np.ndarray]:
    """Frames a tenth of a second apart, with a face where ``found`` says so."""
    anonymizer, out = Anonymizer(), []
    image = picture()
    for index in range(round(end_s * 10) + 1):
        t_s = index / 10
        out += anonymizer.add(image, t_s, {1: found[t_s]} if t_s in found else {})
    out += anonymizer.finish()
    return {t_s: np.asarray(covered != image) for covered, t_s in out}


def test_a_face_is_covered_from_a_second_before_to_a_second_after() -> None:
    changed = run({2.0: Box(50, 40, 10, 10)})
    covered = [t_s for t_s, change in changed.items() if change.any()]
    assert (min(covered), max(covered), len(changed)) == (1.0, 3.0, 61)


def test_between_two_detections_the_box_is_interpolated() -> None:
    changed = run({2.0: Box(10, 40, 20, 20), 3.0: Box(80, 40, 20, 20)})
    middle = np.asarray(np.any(changed[2.5], axis=(0, 2)))
    assert middle[50:60].all()
    assert not middle[:5].any()


def test_a_long_loss_is_covered_at_both_ends_only() -> None:
    changed = run({1.0: Box(10, 40, 20, 20), 5.0: Box(80, 40, 20, 20)})
    covered = [t_s for t_s, change in changed.items() if change.any()]
    assert covered == [t / 10 for t in (*range(21), *range(40, 61))]


def test_unconfirmed_detections_are_covered_too() -> None:
    anonymizer, image = Anonymizer(), picture()
    out = []
    for index in range(40):
        out += anonymizer.add(image, index / 10, {}, [Box(20, 20, 9, 9)] if index == 20 else [])
    out += anonymizer.finish()
    assert [round(t_s, 1) for covered, t_s in out if (covered != image).any()] == [
        t / 10 for t in range(10, 31)
    ]


def test_what_is_covered_holds_no_detail_and_the_frame_stays_as_it_is() -> None:
    image = picture()
    before = image.copy()
    covered = cover(image, [Box(20, 10, 60, 60), Box(-50, -50, 60, 60), Box(500, 0, 9, 9)])
    np.testing.assert_array_equal(image, before)
    region = covered[12:68, 22:78].astype(float)
    assert np.abs(np.diff(region, axis=0)).max() <= 4
    assert np.abs(np.diff(region, axis=1)).max() <= 4
    np.testing.assert_array_equal(covered[75:, 85:], image[75:, 85:])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tiny_faces_are_covered(size: int) -> None:
    assert cover(picture(), [Box(5, 5, size, size)]).shape == (90, 120, 3)


def test_memory_holds_a_second_of_frames_and_no_face_for_ever() -> None:
    anonymizer, image = Anonymizer(), picture()
    for index in range(300):
        box = Box(5, 5, 30, 30)
        anonymizer.add(image, index / 30, {index // 30: box}, [box])
        assert len(anonymizer._waiting) <= 32
    assert len(anonymizer._faces) <= 4
    assert len(anonymizer._unconfirmed) <= 70
    assert sum(len(track.times_s) for track in anonymizer._faces.values()) <= 120
