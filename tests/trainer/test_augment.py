"""Augmentation keeps to the paper where it should, to grey values always, and to its seed."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from trainer.augment import NUM_RANDOMS, center_crop, ten_crops
from trainer.augment import augment as augment_by
from trainer.config import Recipe, load_recipe

PAPER = Recipe()
EVERYTHING = Recipe(
    rotation_deg=30, scale=0.3, shift=0.2, light=0.8, coarse=0.5, erase=0.5, crop_px=44
)


@pytest.fixture
def faces() -> Tensor:
    generator = Generator().manual_seed(5)
    return torch.randint(0, 256, (16, 48, 48), generator=generator, dtype=torch.uint8)


def _seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def augment(faces_BHW: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
    return augment_by(
        faces_BHW, recipe, torch.rand(len(faces_BHW), NUM_RANDOMS, generator=generator)
    )


def test_ten_crops_are_four_corners_the_centre_and_their_mirrors(faces: Tensor) -> None:
    corners = [
        faces[:, :44, :44], faces[:, :44, 4:], faces[:, 4:, :44], faces[:, 4:, 4:],
        faces[:, 2:46, 2:46],
    ]  # fmt: skip
    mirrored = [corners[i].flip(2) for i in (1, 0, 3, 2, 4)]  # the mirror's left is our right
    expected = corners + mirrored

    views = ten_crops(faces, 44)

    assert len(views) == 10
    for view, wanted in zip(views, expected, strict=True):
        assert view.dtype == torch.float32
        assert torch.equal(view, wanted[:, None].float())


def test_ten_crops_are_torchvisions() -> None:
    transforms: Any = pytest.importorskip("torchvision.transforms")
    faces = torch.arange(2 * 48 * 48).view(2, 48, 48).float()
    for view, wanted in zip(
        ten_crops(faces, 44), transforms.TenCrop(44)(faces[:, None]), strict=True
    ):
        assert torch.equal(view, wanted)


@pytest.mark.parametrize("crop_px", [44, 40, 48])
def test_the_centre_crop_is_the_middle(faces: Tensor, crop_px: int) -> None:
    margin = (48 - crop_px) // 2
    middle = faces[:, margin : margin + crop_px, margin : margin + crop_px]
    assert torch.equal(center_crop(faces, crop_px), middle[:, None].float())


@pytest.mark.parametrize("recipe", [PAPER, EVERYTHING], ids=["paper", "everything"])
def test_the_same_random_numbers_give_the_same_batch(faces: Tensor, recipe: Recipe) -> None:
    first = augment(faces, recipe, _seeded(1))
    assert torch.equal(first, augment(faces, recipe, _seeded(1)))
    assert not torch.equal(first, augment(faces, recipe, _seeded(2)))


@pytest.mark.parametrize("recipe", [PAPER, EVERYTHING], ids=["paper", "everything"])
def test_a_face_gets_the_same_view_in_any_company(faces: Tensor, recipe: Recipe) -> None:
    random_BD = torch.rand(len(faces), NUM_RANDOMS, generator=_seeded())
    whole = augment_by(faces, recipe, random_BD)
    part = augment_by(faces[3:11], recipe, random_BD[3:11])
    torch.testing.assert_close(part, whole[3:11], atol=1e-3, rtol=0)


@pytest.mark.parametrize("crop_px", [40, 44, 48])
@pytest.mark.parametrize("recipe", [PAPER, EVERYTHING], ids=["paper", "everything"])
def test_the_batch_has_the_crops_size_and_grey_values(recipe: Recipe, crop_px: int) -> None:
    recipe = dataclasses.replace(recipe, crop_px=crop_px)
    generator = _seeded()
    faces = 255 * torch.randint(0, 2, (64, 48, 48), generator=generator, dtype=torch.uint8)
    batch = augment(faces, recipe, generator)
    assert batch.shape == (64, 1, crop_px, crop_px)
    assert batch.dtype == torch.float32
    assert batch.min() >= 0
    assert batch.max() <= 255


@pytest.mark.parametrize("preset", ["fast", "full"])
def test_the_presets_keep_to_grey_values(faces: Tensor, preset: str) -> None:
    batch = augment(faces, load_recipe(preset, []), _seeded())
    assert torch.isfinite(batch).all()
    assert batch.min() >= 0
    assert batch.max() <= 255


def test_augmenting_leaves_the_faces_as_they_were(faces: Tensor) -> None:
    before = faces.clone()
    augment(faces, EVERYTHING, _seeded())
    assert torch.equal(faces, before)


def test_the_papers_augmentation_only_crops_and_flips(faces: Tensor) -> None:
    face = faces[:1]
    windows = {
        (top, left, mirrored): window.flip(1) if mirrored else window
        for top in range(5)
        for left in range(5)
        for mirrored in (False, True)
        for window in [face[0, top : top + 44, left : left + 44].float()]
    }
    batch = augment(face.expand(600, 48, 48), PAPER, _seeded())
    seen = {
        next((key for key, window in windows.items() if torch.equal(view[0], window)), None)
        for view in batch
    }
    assert seen == set(windows)  # nothing else, and every one of the 50


def test_about_half_of_the_faces_are_flipped() -> None:
    slope = torch.arange(48, dtype=torch.uint8).expand(4000, 48, 48)
    batch = augment(slope, PAPER, _seeded())
    flipped = (batch[:, 0, 0, 0] > batch[:, 0, 0, -1]).float().mean().item()
    assert 0.47 < flipped < 0.53


def test_faces_are_moved_each_in_its_own_way(faces: Tensor) -> None:
    batch = augment(faces[:1].expand(16, 48, 48), EVERYTHING, _seeded())
    assert len({tuple(view.flatten().tolist()) for view in batch}) == 16


def test_a_geometry_of_nearly_nothing_is_the_centre_crop(faces: Tensor) -> None:
    batch = augment(faces, Recipe(shift=1e-9), _seeded())
    centre = center_crop(faces, 44)
    same = (batch - centre).abs().amax((1, 2, 3)) < 0.05
    mirrored = (batch - centre.flip(-1)).abs().amax((1, 2, 3)) < 0.05
    assert (same ^ mirrored).all()


def test_a_shift_moves_by_its_share_of_the_face_at_most() -> None:
    dot = torch.zeros(500, 48, 48, dtype=torch.uint8)
    dot[:, 24, 24] = 255
    batch = augment(dot, Recipe(shift=0.1), _seeded())[:, 0]
    steps = torch.arange(44.0)
    row = (batch.sum(2) * steps).sum(1) / batch.sum((1, 2))
    moved = row - 22
    assert moved.abs().max() <= 4.8 + 0.5  # a tenth of 48, and what bilinear sampling rounds
    assert moved.abs().max() > 4
    assert abs(moved.mean().item()) < 0.5


def test_scaling_goes_both_ways_by_the_same_factor() -> None:
    square = torch.zeros(500, 48, 48, dtype=torch.uint8)
    square[:, 14:34, 14:34] = 255
    batch = augment(square, Recipe(scale=0.25), _seeded())[:, 0]
    sides = (batch.sum((1, 2)) / 255).sqrt()
    assert 20 / 1.25 - 0.3 < sides.min() < 16.5
    assert 24.5 < sides.max() < 20 * 1.25 + 0.3


def test_erasing_covers_one_rectangle_of_one_grey_value() -> None:
    faces = torch.full((200, 48, 48), 100, dtype=torch.uint8)
    batch = augment(faces, Recipe(erase=0.5), _seeded())[:, 0]
    covered = [view != 100 for view in batch if (view != 100).any()]
    assert 70 < len(covered) < 130
    for view, mask in zip([v for v in batch if (v != 100).any()], covered, strict=True):
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask, rows[:, None] & columns[None, :])
        assert view[mask].unique().numel() == 1
        assert 0.01 < mask.float().mean() < 0.30


def test_light_changes_no_face_by_position(faces: Tensor) -> None:
    level = faces // 4 + 96  # far enough from black and white that nothing is clamped
    plain = augment(level, PAPER, _seeded())
    lit = augment(level, Recipe(light=0.1), _seeded())
    for before, after in zip(plain.flatten(1), lit.flatten(1), strict=True):
        slope, offset = torch.linalg.lstsq(
            torch.stack([before, torch.ones_like(before)], 1), after[:, None]
        ).solution.flatten()
        torch.testing.assert_close(slope * before + offset, after, atol=0.01, rtol=0)
        assert 1 / 1.21 - 1e-3 < slope < 1.21 + 1e-3
