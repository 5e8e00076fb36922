"""How a face is cut out of a picture."""

import numpy as np
import pytest

from ferdesk.core.crop import FULL_RANGE, SHORT_RANGE, crop_face, square_around
from ferdesk.core.geometry import Box, Square


def noise(height: int, width: int, channels: int | None = 3) -> np.ndarray:
    shape = (height, width) if channels is None else (height, width, channels)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_a_square_on_the_pixel_grid_comes_back_unchanged() -> None:
    grey = noise(100, 120, None)
    crop = crop_face(grey, Square(30, 20, 48))
    np.testing.assert_allclose(crop, grey[20:68, 30:78], atol=1e-3)


def test_a_fer2013_face_passes_unchanged() -> None:
    face = noise(48, 48, None)
    np.testing.assert_allclose(crop_face(face, Square(0, 0, 48)), face, atol=1e-3)


def test_colours_become_grey_by_bt601() -> None:
    red = np.zeros((60, 60, 3), np.uint8)
    red[..., 0] = 200
    np.testing.assert_allclose(crop_face(red, Square(5, 5, 40)), 200 * 0.299, atol=1e-2)


def test_shrinking_averages_instead_of_skipping_pixels() -> None:
    stripes = np.zeros((480, 480), np.uint8)
    stripes[:, ::2] = 255
    inner = crop_face(stripes, Square(0, 0, 480))[:, 1:-1]
    np.testing.assert_allclose(inner, 127.5, atol=1)


def test_what_lies_outside_repeats_the_edge() -> None:
    picture = np.full((50, 50), 90, np.uint8)
    picture[:, 0] = 10
    crop = crop_face(picture, Square(-48, 0, 48))
    np.testing.assert_allclose(crop, 10, atol=1e-3)


def test_a_square_wholly_outside_still_gives_a_crop() -> None:
    assert crop_face(noise(20, 20), Square(500, -300, 64)).shape == (48, 48)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (16, 16)])
def test_tiny_pictures_can_be_cropped(shape: tuple[int, int]) -> None:
    crop = crop_face(noise(*shape), Square(0, 0, 10))
    assert crop.shape == (48, 48)
    assert np.isfinite(crop).all()


def test_a_moved_square_moves_the_picture() -> None:
    ramp = np.tile(np.arange(200, dtype=np.uint8), (200, 1))
    here = crop_face(ramp, Square(50, 50, 48))
    there = crop_face(ramp, Square(60, 50, 48))
    np.testing.assert_allclose(there - here, 10, atol=1e-2)


def test_the_square_follows_the_measured_framing() -> None:
    box = Box(100, 200, 80, 80)
    short, full = square_around(box, SHORT_RANGE), square_around(box, FULL_RANGE)
    assert short.side == pytest.approx(80 * 1.165)
    assert short.x + short.side / 2 == pytest.approx(140)
    assert short.y + short.side / 2 == pytest.approx(240 - 0.082 * 80)
    assert full.side == pytest.approx(80 * 1.148)
    assert full.y + full.side / 2 == pytest.approx(240 - 0.03 * 80)


def test_a_box_that_is_no_square_has_the_mean_of_its_sides() -> None:
    square = square_around(Box(100, 200, 60, 100), SHORT_RANGE)
    # 80 * 1.165 = 93.2; the centre (130, 250) goes up by 80 * 0.082 = 6.56
    assert square.side == pytest.approx(93.2)
    assert (square.x, square.y) == pytest.approx((130 - 46.6, 250 - 6.56 - 46.6))


def test_shrinking_by_four_weighs_each_pixel_by_a_triangle() -> None:
    line = np.zeros((192, 192), np.uint8)
    line[:, 101] = 240
    crop = crop_face(line, Square(0, 0, 192))
    # pixel 101.5 lies 0.5 from column 25's centre 102 and 3.5 from column 24's centre 98:
    # (1 - 0.5 / 4) / 4 and (1 - 3.5 / 4) / 4 of 240
    np.testing.assert_allclose(crop[10, 23:28], [0, 7.5, 52.5, 0, 0], atol=1e-3)
