"""Sharpness, and the rule for uncertain labels."""

import numpy as np

from ferdesk.core.quality import is_uncertain, sharpness


def probabilities(*values: float) -> np.ndarray:
    rest = (1 - sum(values)) / (7 - len(values))
    return np.array([*values, *[rest] * (7 - len(values))], np.float32)


def test_a_flat_crop_has_no_sharpness() -> None:
    assert sharpness(np.full((48, 48), 100, np.float32)) == 0


def test_sharpness_of_one_bright_pixel_is_the_laplacians_variance() -> None:
    crop = np.zeros((48, 48), np.float32)
    crop[20, 20] = 10
    # the 46x46 inside holds one -40 and four 10s, whose mean is 0
    assert np.isclose(sharpness(crop), (40**2 + 4 * 10**2) / 46**2)


def test_a_clear_label_is_certain() -> None:
    assert not is_uncertain(probabilities(0.8), 100)


def test_a_low_probability_is_uncertain() -> None:
    assert is_uncertain(probabilities(0.39, 0.1), 100)


def test_two_labels_close_together_are_uncertain() -> None:
    assert is_uncertain(probabilities(0.48, 0.42), 100)


def test_a_small_face_is_uncertain() -> None:
    assert is_uncertain(probabilities(0.9), 20)
