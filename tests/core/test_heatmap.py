"""Maps land where their cells are."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ferdesk.core.geometry import Square
from ferdesk.core.heatmap import HeatmapChoice, heat_pixels, normalise, upsample
from ferdesk.core.measures.drawing import OVAL
from ferdesk.core.types import Expression, FaceResult, MapPlace
from tests.helpers.results import FACE, RAW, made_measures

COARSE = MapPlace(start_x=2, start_y=2, stride=8, low=0.0, high=1.0)
FINE = MapPlace(start_x=2, start_y=2, stride=2, low=0.2, high=0.8)


@pytest.mark.parametrize(("place", "cells"), [(COARSE, 6), (FINE, 22)])
@pytest.mark.parametrize("size_px", [48, 96, 240])
def test_one_hot_cell_lands_within_one_crop_pixel(
    place: MapPlace, cells: int, size_px: int
) -> None:
    for row, column in [(0, 0), (1, 2), (cells - 2, 1), (3, cells - 2)]:
        hot = np.zeros((cells, cells), np.float32)
        hot[row, column] = 1
        pixels = upsample(hot, place, size_px)
        # the mean place of the heat, in crop pixels; edge cells also fill the border beyond them
        if 0 < row < cells - 1 and 0 < column < cells - 1:
            positions = (np.arange(size_px) + 0.5) * 48 / size_px - 0.5
            found_y = (pixels.sum(1) * positions).sum() / pixels.sum()
            found_x = (pixels.sum(0) * positions).sum() / pixels.sum()
            assert found_y == pytest.approx(2 + row * place.stride, abs=1)
            assert found_x == pytest.approx(2 + column * place.stride, abs=1)
        top, left = np.unravel_index(int(pixels.argmax()), pixels.shape)
        assert top * 48 / size_px <= 2 + row * place.stride + 1
        assert left * 48 / size_px <= 2 + column * place.stride + 1


def test_a_flat_map_stays_flat() -> None:
    np.testing.assert_allclose(
        upsample(np.full((6, 6), 0.5, np.float32), COARSE, 100), 0.5, atol=1e-6
    )


def test_the_display_range_is_cut_at_both_ends() -> None:
    values = np.array([[0.0, 0.2], [0.5, 1.0]], np.float32)
    expected = np.array([[0.0, 0.0], [0.5, 1.0]])
    np.testing.assert_allclose(normalise(values, FINE), expected, atol=1e-6)


def test_rows_and_columns_have_starts_of_their_own() -> None:
    # rows at 12 and 20, columns at 4, 12 and 20
    place = MapPlace(start_x=4, start_y=12, stride=8, low=0.0, high=40.0)
    cells = np.array([[0, 1, 3], [10, 20, 40]], np.float32)
    pixels = upsample(cells, place, 48)
    assert pixels.shape == (48, 48)
    found = [float(pixels[at]) for at in ((12, 4), (12, 12), (20, 20), (16, 8), (0, 47), (47, 0))]
    assert found == pytest.approx([0, 1, 40, 7.75, 3, 10], abs=1e-5)
    # pixel 25 of 96 lies at 12.25 of 48: a thirty-second of the way to the second row
    assert float(upsample(cells, place, 96)[25, 8]) == pytest.approx(10 / 32, abs=1e-5)


def face_with_outline(center_x: float, center_y: float) -> FaceResult:
    """A face whose outline is an ellipse of 10 by 14 pixels, off the middle of its square."""
    angles = np.linspace(-np.pi / 2, 1.5 * np.pi, len(OVAL) - 1, endpoint=False)
    points = np.full((478, 3), 1e3, np.float32)
    points[list(OVAL[:-1]), 0] = center_x + 10 * np.cos(angles)
    points[list(OVAL[:-1]), 1] = center_y + 14 * np.sin(angles)
    cam = np.ones((7, 6, 6), np.float32)
    return replace(
        FACE,
        reason="",
        square=Square(100, 200, 48),
        expression=Expression(RAW, {"cam": cam}),
        measures=replace(made_measures(0), smoothed=points),
    )


def alpha_at(pixels: NDArray[np.uint32], x: float, y: float) -> int:
    """Opacity, 0..255, at a place of the picture."""
    return int(pixels[int((y - 200) * 2), int((x - 100) * 2)] >> 24)


def test_heat_ends_softly_at_the_outline_of_a_measured_face() -> None:
    face = face_with_outline(118, 226)
    choice = HeatmapChoice("cam", 1.0, in_oval=True)
    pixels = heat_pixels(face, choice, COARSE)
    assert pixels is not None
    full = alpha_at(pixels, 118, 226)
    assert full > 100
    assert alpha_at(pixels, 118, 226 + 0.85 * 14) == full
    assert alpha_at(pixels, 118 + 0.85 * 10, 226) == full
    assert alpha_at(pixels, 118, 226 + 1.1 * 14) == 0
    assert alpha_at(pixels, 118 - 1.1 * 10, 226) == 0
    # soft: neither all nor nothing on the outline itself
    assert 0 < alpha_at(pixels, 118, 226 + 0.98 * 14) < full
    # where there is heat by the usual mask and no face
    usual = heat_pixels(face, HeatmapChoice("cam", 1.0), COARSE)
    assert usual is not None
    assert alpha_at(usual, 135, 224) > 0
    assert alpha_at(pixels, 135, 224) == 0


@pytest.mark.parametrize(
    "face",
    [
        replace(face_with_outline(118, 226), measures=None),
        # kept from before, while others had their turn and the face moved on
        face_with_outline(110, 226),
        face_with_outline(124, 400),
    ],
)
def test_a_face_without_landmarks_or_with_those_of_another_place_keeps_the_usual_mask(
    face: FaceResult,
) -> None:
    inside, usual = (
        heat_pixels(face, HeatmapChoice("cam", 1.0, in_oval=wish), COARSE) for wish in (True, False)
    )
    assert inside is not None
    np.testing.assert_array_equal(inside, usual)
