"""Movements and valence: names, sides, and the formula."""

import numpy as np
import pytest

from ferdesk.core.measures.movements import (
    MOVEMENTS,
    SIDE_NOISE,
    mean_of_mirrored,
    mirrored,
    sides,
    with_sides_joined,
)
from ferdesk.core.measures.one_euro import OneEuroFilter
from ferdesk.core.measures.valence import valence


def movements(**values: float) -> np.ndarray:
    made = np.zeros(52, np.float32)
    for name, value in values.items():
        made[MOVEMENTS.index(name)] = value
    return made


def test_there_are_52_without_the_tongue_and_neutral_stands_first() -> None:
    assert len(MOVEMENTS) == len(set(MOVEMENTS)) == 52
    assert MOVEMENTS[0] == "_neutral"
    assert "tongueOut" not in MOVEMENTS
    assert (MOVEMENTS[9], MOVEMENTS[25], MOVEMENTS[44]) == (
        "eyeBlinkLeft", "jawOpen", "mouthSmileLeft",
    )  # fmt: skip


def test_a_mirror_changes_left_and_right_and_nothing_else() -> None:
    one = movements(eyeBlinkLeft=0.7, jawRight=0.2, mouthPucker=0.4)
    assert mirrored(one) == pytest.approx(
        movements(eyeBlinkRight=0.7, jawLeft=0.2, mouthPucker=0.4)
    )
    assert mirrored(mirrored(one)) == pytest.approx(one)


def test_the_mean_of_both_pictures_has_no_side_of_its_own() -> None:
    # an even smile that the network sees stronger on the left, whatever the picture
    picture = movements(mouthSmileLeft=0.8, mouthSmileRight=0.6)
    mean = mean_of_mirrored(picture, picture)
    assert mean == pytest.approx(movements(mouthSmileLeft=0.7, mouthSmileRight=0.7))


def test_a_difference_within_the_noise_is_not_told() -> None:
    squint = movements(eyeSquintLeft=0.30, eyeSquintRight=0.20, eyeBlinkLeft=0.1, eyeBlinkRight=0.6)
    assert sides(squint) == {"eyeBlink": pytest.approx(-0.5)}
    assert sides(movements()) == {}


def test_sides_within_the_noise_are_one_movement_and_others_are_two() -> None:
    one = movements(
        mouthSmileLeft=0.31, mouthSmileRight=0.33, eyeBlinkLeft=0.1, eyeBlinkRight=0.6, jawOpen=0.2
    )
    names, values = with_sides_joined(one)
    told = dict(zip(names, values.tolist(), strict=True))
    assert told["mouthSmile"] == pytest.approx(0.32)
    assert "mouthSmileLeft" not in told
    assert told["eyeBlinkRight"] == pytest.approx(0.6)
    assert told["eyeBlinkLeft"] == pytest.approx(0.1)
    assert told["jawOpen"] == pytest.approx(0.2)
    # eyes that look aside turn together: each keeps its own
    assert {"eyeLookInLeft", "eyeLookInRight"} <= set(names)
    # over rows, one that differs is enough
    names, rows = with_sides_joined(np.stack([one, movements(mouthSmileLeft=0.5)]))
    assert {"mouthSmileLeft", "mouthSmileRight"} <= set(names)
    assert rows.shape == (2, len(names))


def test_every_side_has_both_its_movements() -> None:
    for name in SIDE_NOISE:
        assert {name + "Left", name + "Right"} <= set(MOVEMENTS)
        assert SIDE_NOISE[name] >= 0.02


@pytest.mark.parametrize(
    ("probabilities", "wanted"),
    [
        # angry disgust fear happy sad surprise neutral
        ([0, 0, 0, 1, 0, 0, 0], 1.0),
        ([0, 0, 0, 0, 1, 0, 0], -1.0),
        ([0.1, 0.2, 0.05, 0.4, 0.15, 0.1, 0], 0.2),
        ([0, 0, 0, 0, 0, 0.5, 0.5], 0.0),
    ],
)
def test_valence_is_happy_less_the_strongest_negative(
    probabilities: list[float], wanted: float
) -> None:
    assert valence(np.array(probabilities, np.float32)) == pytest.approx(wanted)


def test_points_at_rest_are_stilled_and_points_in_motion_are_followed() -> None:
    noise = np.random.default_rng(1).normal(0, 1, (90, 20, 3)).astype(np.float32)
    resting = OneEuroFilter()
    stilled = np.array([resting.update(one, 200, i / 30) for i, one in enumerate(noise)])
    assert stilled[30:].std() < 0.5 * noise[30:].std()
    moving = OneEuroFilter()
    # five face widths a second
    there = [np.full((4, 3), 1000 * i / 30, np.float32) for i in range(60)]
    last = [moving.update(one, 200, i / 30) for i, one in enumerate(there)][-1]
    assert abs(last - there[-1]).max() < 20


def test_the_filter_gives_what_it_got_at_first_and_after_a_gap() -> None:
    one_euro = OneEuroFilter()
    first, later = np.full((2, 3), 5.0, np.float32), np.full((2, 3), 9.0, np.float32)
    assert one_euro.update(first, 100, 1.0) == pytest.approx(first)
    assert one_euro.update(later, 100, 1.03)[0, 0] < 9
    assert one_euro.update(later, 100, 2.0) == pytest.approx(later)
    assert one_euro.update(first, 100, 0.5) == pytest.approx(first)
