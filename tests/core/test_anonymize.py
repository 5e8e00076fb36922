"""What is covered, when, and how thoroughly."""

import numpy as np
import pytest

from ferdesk.core.anonymize import Anonymizer, _Track, cover
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


def test_a_cover_is_the_means_of_its_cells_with_slopes_between_their_centres() -> None:
    image = np.zeros((60, 60, 3), np.uint8)
    image[..., 0] = 4 * np.arange(60)
    image[..., 1] = 4 * np.arange(60)[:, None]
    covered = cover(image, [Box(10, 8, 30, 40)]).astype(float)
    # cells are 10 x 10: three columns from 10 with centres at 14.5, 24.5 and 34.5, four rows from 8
    columns = 4 * np.clip(np.arange(10, 40), 14.5, 34.5)
    rows = 4 * np.clip(np.arange(8, 48), 12.5, 42.5)
    inside = covered[8:48, 10:40]
    np.testing.assert_allclose(inside[..., 0], np.tile(columns, (40, 1)), atol=1)
    np.testing.assert_allclose(inside[..., 1], np.tile(rows[:, None], (1, 30)), atol=1)
    assert (inside[..., 2] == 0).all()
    covered[8:48, 10:40] = image[8:48, 10:40]
    np.testing.assert_array_equal(covered, image)


def box_of(values: Box | None) -> tuple[float, ...] | None:
    return None if values is None else (values.x, values.y, values.width, values.height)


def test_the_cover_grows_by_a_third_and_with_the_time_from_the_detection() -> None:
    track = _Track([2.0, 3.0], [Box(10, 40, 20, 30), Box(80, 20, 40, 50)])
    # 0.35 of the size on each side, and 0.6 more a second
    for t_s, expected in [
        (2.0, (3, 29.5, 34, 51)), (3.0, (66, 2.5, 68, 85)),
        (2.25, (15, 17.5, 50, 70)), (2.75, (45, 2.5, 70, 90)),
        (1.5, (-3, 20.5, 46, 69)), (3.5, (54, -12.5, 92, 115)),
        (1.0, (-9, 11.5, 58, 87)), (4.0, (42, -27.5, 116, 145)),
    ]:  # fmt: skip
        assert box_of(track.at(t_s)) == pytest.approx(expected), t_s
    assert (track.at(0.99), track.at(4.01)) == (None, None)


def test_detections_up_to_two_seconds_apart_are_one_way() -> None:
    boxes = [Box(10, 40, 20, 30), Box(80, 20, 40, 50)]
    assert box_of(_Track([2.0, 4.0], boxes).at(3.0)) == pytest.approx((16.5, -8, 87, 116))
    # further apart each is covered around itself, and the nearer one counts
    apart = _Track([2.0, 4.1], boxes)
    assert box_of(apart.at(3.0)) == pytest.approx((-9, 11.5, 58, 87))
    assert box_of(apart.at(3.2)) == pytest.approx((44.4, -24.5, 111.2, 139))
    assert _Track([2.0, 5.0], boxes).at(3.5) is None


def test_a_track_forgets_what_no_waiting_frame_needs() -> None:
    times_s = [0.0, 0.5, 1.0, 1.5]
    track = _Track(list(times_s), [Box(i, 0, 1, 1) for i in range(4)])
    track.forget_before(1.5)
    assert track.times_s == times_s
    track.forget_before(1.6)
    assert (track.times_s, [box.x for box in track.boxes]) == ([0.5, 1.0, 1.5], [1, 2, 3])
    track.forget_before(9.0)
    assert track.times_s == [1.5]
