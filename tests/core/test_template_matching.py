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


def ramp(axis: int) -> np.ndarray:
    """[180, 250, 3] whose green is the column (axis 1) or the row (axis 0); red and blue lie."""
    image = np.random.default_rng(5).integers(0, 255, (180, 250, 3), np.uint8)
    image[:, :, 1] = np.arange(250)[None] if axis else np.arange(180)[:, None]
    return image


def test_a_template_has_the_means_of_its_cells_without_mean_and_contrast() -> None:
    box = Box(50, 40, 100, 50)
    # 1.2 boxes in 12 cells: 10 pixels wide from 40, 5 high from 35; two points in each, rounded
    # down: columns 42 and 47, rows 36 and 38
    across, down = make_template(ramp(1), box), make_template(ramp(0), box)
    assert (across.mean, down.mean) == pytest.approx((44.5 + 55, 37 + 27.5))
    # sum over 12 lines of 12 cells of (step (i - 5.5))^2 is step^2 * 12 * 143
    assert across.norm == pytest.approx(10 * np.sqrt(12 * 143) + 1e-3, rel=1e-6)
    assert down.norm == pytest.approx(5 * np.sqrt(12 * 143) + 1e-3, rel=1e-6)
    expected = np.tile(10 * (np.arange(12) - 5.5), (12, 1))
    np.testing.assert_allclose(
        across.cells.reshape(12, 12) * across.norm, expected, rtol=1e-5, atol=1e-3
    )
    np.testing.assert_allclose(
        down.cells.reshape(12, 12) * down.norm, expected.T / 2, rtol=1e-5, atol=1e-3
    )


def cells_picture(dx: int = 0, dy: int = 0, gain: float = 1.0, lift: int = 0) -> np.ndarray:
    """Random cells of 10 x 5 pixels around grey 100, moved by so many cells."""
    cells = np.random.default_rng(2).integers(60, 140, (60, 40)).astype(float)
    cells = np.roll((cells - 100) * gain + 100 + lift, (dy, dx), (0, 1))
    grey = cells.repeat(5, axis=0).repeat(10, axis=1).round().astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (2, -1), (-3, 3), (1, 2)])
def test_a_match_is_moved_by_whole_cells_in_its_own_direction(dx: int, dy: int) -> None:
    box = Box(150, 100, 100, 50)
    template = make_template(cells_picture(), box)
    ((moved, correlation),) = match_templates(cells_picture(dx, dy), [box], [template])
    assert correlation == pytest.approx(1.0, abs=1e-3)
    assert (moved.width, moved.height) == (100, 50)
    # to less than half a cell: the parabola leans to a neighbour that correlates by chance
    assert abs(moved.x - 150 - 10 * dx) < 5
    assert abs(moved.y - 100 - 5 * dy) < 2.5


@pytest.mark.parametrize(
    ("gain", "lift", "matches"),
    [
        (1.0, 27, True), (1.0, 33, False), (1.0, -27, True), (1.0, -33, False),
        (0.74, 0, True), (0.66, 0, False), (1.38, 0, True), (1.48, 0, False),
    ],
)  # fmt: skip
def test_a_face_changes_only_so_much_in_brightness_and_contrast(
    gain: float, lift: int, matches: bool
) -> None:
    box = Box(150, 100, 100, 50)
    template = make_template(cells_picture(), box)
    ((_, correlation),) = match_templates(cells_picture(gain=gain, lift=lift), [box], [template])
    assert (correlation > 0.95) is matches


def test_several_faces_are_matched_each_by_its_own_template() -> None:
    boxes = [Box(80, 60, 100, 50), Box(230, 180, 100, 50)]
    templates = [make_template(cells_picture(), box) for box in boxes]
    matches = match_templates(cells_picture(1, -2), boxes, templates)
    assert [correlation for _, correlation in matches] == pytest.approx([1.0, 1.0], abs=1e-3)
    crossed = match_templates(cells_picture(1, -2), boxes, templates[::-1])
    assert max(correlation for _, correlation in crossed) < 0.6


@pytest.mark.parametrize("across", [True, False])
def test_an_embedding_has_the_colours_of_its_cells_row_by_row(across: bool) -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[..., 0] = 200
    second = image[:, 100:] if across else image[100:]
    second[:] = (0, 0, 200)
    # nine points of 200 make 1800 in one of three colours, so the mean is 600; red leaves
    # (1200, -600, -600), whose square over 36 cells is 36 * 2160000
    (embedding,) = appearance_embeddings(image, [Box(70, 60, 60, 80)])
    high, low = 1200 / np.sqrt(36 * 2160000), -600 / np.sqrt(36 * 2160000)
    cells = embedding.reshape(6, 6, 3)
    first, other = (cells[:, :3], cells[:, 3:]) if across else (cells[:3], cells[3:])
    np.testing.assert_allclose(first, np.broadcast_to([high, low, low], first.shape), atol=1e-6)
    np.testing.assert_allclose(other, np.broadcast_to([low, low, high], other.shape), atol=1e-6)
    assert cosine_similarity(embedding, embedding) == pytest.approx(1.0)
    assert cosine_similarity(embedding, -embedding) == pytest.approx(-1.0)


@pytest.mark.parametrize("across", [True, False])
def test_an_embedding_covers_seven_fifths_of_its_box(across: bool) -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[..., 2] = 200
    # the box is 60 x 80 around (100, 100): cells of 14 x 18.67 pixels from (58, 44)
    first = image[:, :72] if across else image[:62]
    first[:] = (200, 0, 0)
    (embedding,) = appearance_embeddings(image, [Box(70, 60, 60, 80)])
    red = embedding.reshape(6, 6, 3)[..., 0] > 0
    expected = np.zeros((6, 6), bool)
    (expected[:, :1] if across else expected[:1])[:] = True
    np.testing.assert_array_equal(red, expected)
    assert len(np.unique(embedding.round(5))) == 2
