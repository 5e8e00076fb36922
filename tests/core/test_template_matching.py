"""Template matching and appearance embeddings."""

import numpy as np
import pytest

from ferdesk.core.geometry import Box
from ferdesk.core.tracking.appearance import appearance_embeddings, cosine_similarity
from ferdesk.core.tracking.template_matching import make_template, match_templates


def scene(x: float, y: float, *, seed: int = 3) -> np.ndarray:
    """A smooth pattern of 80 pixels at (x, y) on a plain ground."""
    rows, columns = np.mgrid[0:240, 0:320].astype(float)
    waves = np.random.default_rng(seed).uniform(-0.2, 0.2, (6, 2))
    inside = (abs(columns - x - 40) < 40) & (abs(rows - y - 40) < 40)
    pattern = sum(np.sin((columns - x) * a + (rows - y) * b) for a, b in waves)
    grey = np.where(inside, 128 + 20 * pattern, 128)
    return np.repeat(grey[:, :, None], 3, axis=2).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("shift", [(0, 0), (6, 0), (0, -9), (-7, 8), (3.3, 2.6)])
def test_a_face_is_found_where_it_went(shift: tuple[float, float]) -> None:
    box = Box(100, 80, 80, 80)
    template = make_template(scene(100, 80), box)
    image = scene(100 + shift[0], 80 + shift[1])
    ((moved, correlation),) = match_templates(image, [box], [template])
    assert correlation > 0.8
    assert (moved.x - 100, moved.y - 80) == pytest.approx(shift, abs=1.5)


def test_another_face_does_not_correlate() -> None:
    box = Box(100, 80, 80, 80)
    template = make_template(scene(100, 80), box)
    for other in (scene(100, 80, seed=8), scene(400, 400), np.zeros((240, 320, 3), np.uint8)):
        ((_, correlation),) = match_templates(other, [box], [template])
        assert correlation < 0.7


def test_boxes_beyond_the_picture_are_followed_too() -> None:
    box = Box(-30, 200, 80, 80)
    image = scene(-30, 200)
    ((moved, correlation),) = match_templates(image, [box], [make_template(image, box)])
    assert correlation > 0.99
    assert moved.x == pytest.approx(-30, abs=1)


def test_an_embedding_does_not_depend_on_the_brightness_of_the_room() -> None:
    image = scene(100, 80)
    darker = (image * 0.6).astype(np.uint8)
    box = Box(100, 80, 80, 80)
    (look,), (dark,), (other,) = (
        appearance_embeddings(picture, [box]) for picture in (image, darker, scene(100, 80, seed=8))
    )
    assert cosine_similarity(look, dark) > 0.95
    assert cosine_similarity(look, other) < 0.6
    assert appearance_embeddings(image, []) == []


def _half_lit(dark: float, light: float) -> np.ndarray:
    """A face lit from one side, or a wall with the edge of a shadow: the same in smaller steps."""
    across = 1 / (1 + np.exp(-(np.arange(200) - 100) / 8))
    grey = np.broadcast_to(dark + (light - dark) * across, (200, 200))
    return np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("dark", "light"), [(110, 160), (150, 250), (0, 100)], ids=["plainer", "lighter", "darker"]
)
def test_a_face_is_not_followed_onto_a_wall_that_only_has_its_shadow(
    dark: float, light: float
) -> None:
    box = Box(70, 70, 60, 60)
    template = make_template(_half_lit(60, 180), box)
    assert match_templates(_half_lit(60, 180), [box], [template])[0][1] > 0.99
    assert match_templates(_half_lit(65, 170), [box], [template])[0][1] > 0.99
    assert match_templates(_half_lit(dark, light), [box], [template])[0][1] < 0.8
