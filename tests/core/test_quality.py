"""Sharpness, and the rule for labels that are not to be trusted."""

from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.quality import FaceQuality, is_unclear, sharpness


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


def test_a_clear_label_is_clear() -> None:
    assert not is_unclear(probabilities(0.8))


def test_a_low_probability_is_unclear() -> None:
    assert is_unclear(probabilities(0.39, 0.1))


def test_two_labels_close_together_are_unclear() -> None:
    assert is_unclear(probabilities(0.48, 0.42))


GOOD = FaceQuality(side_px=100, sharpness=500, brightness=120)


def test_a_large_frontal_lit_and_sharp_face_is_classified() -> None:
    assert GOOD.low_confidence_reason() == ""
    assert replace(GOOD, roll_deg=-25, yaw_deg=30, pitch_deg=-25).low_confidence_reason() == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"side_px": 23.0}, "small"),
        ({"yaw_deg": 36.0}, "turned"),
        ({"yaw_deg": -36.0}, "turned"),
        ({"pitch_deg": 31.0}, "turned"),
        ({"pitch_deg": -31.0}, "turned"),
        ({"roll_deg": -31.0}, "tilted"),
        ({"brightness": 34.0}, "dark"),
        ({"brightness": 216.0}, "bright"),
        ({"sharpness": 44.0}, "blurred"),
        # what is surest to measure is said first
        ({"side_px": 10.0, "yaw_deg": 80.0, "sharpness": 0.0}, "small"),
    ],
)
def test_each_fault_of_a_face_is_named(change: dict[str, float], reason: str) -> None:
    assert replace(GOOD, **change).low_confidence_reason() == reason


def test_the_smallest_face_is_the_users_to_choose() -> None:
    assert replace(GOOD, side_px=30).low_confidence_reason(smallest_face_px=40) == "small"


@pytest.mark.parametrize(
    ("name", "good", "bad", "reason"),
    [
        ("side_px", 24.0, 23.99, "small"),
        ("yaw_deg", 35.0, 35.01, "turned"),
        ("yaw_deg", -35.0, -35.01, "turned"),
        ("pitch_deg", 30.0, 30.01, "turned"),
        ("pitch_deg", -30.0, -30.01, "turned"),
        ("roll_deg", 30.0, 30.01, "tilted"),
        ("roll_deg", -30.0, -30.01, "tilted"),
        ("brightness", 35.0, 34.99, "dark"),
        ("brightness", 215.0, 215.01, "bright"),
        ("sharpness", 45.0, 44.99, "blurred"),
    ],
)
def test_each_limit_is_where_the_documentation_has_it(
    name: str, good: float, bad: float, reason: str
) -> None:
    values = {name: good}
    assert replace(GOOD, **values).low_confidence_reason() == ""
    values = {name: bad}
    assert replace(GOOD, **values).low_confidence_reason() == reason


@pytest.mark.parametrize(
    ("first", "second", "unclear"),
    [
        (0.401, 0.1, False),
        (0.399, 0.1, True),
        (0.5, 0.399, False),
        (0.5, 0.401, True),
        (0.399, 0.299, True),
    ],
)
def test_unclear_is_below_two_fifths_or_a_lead_below_a_tenth(
    first: float, second: float, unclear: bool
) -> None:
    assert is_unclear(probabilities(second, first)) is unclear
