"""Features made by hand, held against scikit-image and against small pictures."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.feature import hog
from skimage.filters import gabor

from trainer.recipes.config import System
from trainer.training.handcrafted_features import (
    GABOR_ANGLES,
    GABOR_FREQUENCIES,
    LBP_BINS,
    describe,
    gabor_features,
    gabor_responses,
    hog_features,
    lbp_features,
)


@pytest.fixture
def faces() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (3, 48, 48)).astype(np.uint8)


@pytest.mark.parametrize(
    ("system", "length"), [("hog-svm", 900), ("lbp-svm", 4248), ("gabor-svm", 1440)]
)
def test_each_face_has_its_own_finite_features(
    faces: NDArray[np.uint8], system: System, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = describe(system, faces, 48)
    assert whole.shape == (3, length)
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()
    monkeypatch.setattr("trainer.training.handcrafted_features.CHUNK", 2)
    told: list[int] = []
    np.testing.assert_allclose(describe(system, faces, 48, told.append), whole, atol=1e-5)
    assert told == [2, 3]


@pytest.mark.parametrize("system", ["hog-svm", "lbp-svm", "gabor-svm"])
def test_a_face_of_one_grey_has_finite_features(system: System) -> None:
    assert np.isfinite(describe(system, np.full((1, 48, 48), 9, np.uint8), 48)).all()


@pytest.mark.parametrize("system", ["hog-svm", "lbp-svm", "gabor-svm"])
def test_only_the_centre_is_looked_at(faces: NDArray[np.uint8], system: System) -> None:
    framed = faces.copy()
    framed[:, :4], framed[:, :, -4:] = 0, 255
    found = describe(system, framed, 40)
    np.testing.assert_array_equal(found, describe(system, faces, 40))


def test_oriented_gradients_are_scikit_images(faces: NDArray[np.uint8]) -> None:
    expected = [hog(face, 9, (8, 8), (2, 2), block_norm="L2-Hys") for face in faces]
    np.testing.assert_allclose(hog_features(faces), expected, rtol=1e-5)


def test_gabor_responses_are_scikit_images(faces: NDArray[np.uint8]) -> None:
    centred = faces.astype(np.float32) - 127
    filters: Any = [(f, angle) for f in GABOR_FREQUENCIES for angle in GABOR_ANGLES]
    responses = list(gabor_responses(centred))
    assert len(responses) == len(filters) == 40
    for k in (0, 11, 21, 31, 37):  # each frequency once, at five angles: scikit-image is slow
        frequency, angle = filters[k]
        real, imaginary = gabor(centred[1].astype(float), frequency, angle, mode="constant")  # type: ignore[no-untyped-call]
        np.testing.assert_allclose(responses[k][1].real, real, atol=1e-3)
        np.testing.assert_allclose(responses[k][1].imag, imaginary, atol=1e-3)


def test_gabor_energy_answers_to_the_direction_of_stripes() -> None:
    columns = np.arange(48)
    stripes = np.round(127 + 100 * np.cos(2 * np.pi * columns / 8)).astype(np.uint8)
    upright = np.broadcast_to(stripes, (48, 48))
    energy = gabor_features(np.stack([upright, upright.T])).reshape(2, 5, 8, 6, 6)
    middle = energy[:, :, :, 2:4, 2:4].mean((3, 4))
    # a wavelength of 8 pixels is the third frequency; angle 0 is along the rows
    assert np.unravel_index(middle[0].argmax(), (5, 8)) == (2, 0)
    assert np.unravel_index(middle[1].argmax(), (5, 8)) == (2, 4)


def test_a_cell_of_one_grey_has_one_pattern_and_each_histogram_is_a_share() -> None:
    face = np.full((1, 48, 48), 90, np.uint8)
    face[:, 24:] = np.random.default_rng(0).integers(0, 256, (24, 48))
    histograms = lbp_features(face).reshape(2, 36, LBP_BINS) ** 2
    np.testing.assert_allclose(histograms.sum(2), 1, rtol=1e-5)
    flat = histograms[0, 7]  # second row, second cell: every neighbour is as bright as the centre
    assert flat.max() == pytest.approx(1)
    assert (histograms[0, 25] > 0).sum() > 5


def test_patterns_know_their_direction() -> None:
    ramp = np.broadcast_to(np.arange(48, dtype=np.uint8) * 2, (48, 48))
    right, down = lbp_features(np.stack([ramp, ramp.T]))
    assert np.abs(right - down).max() > 0.5
