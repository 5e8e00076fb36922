"""Augmentation keeps to the paper where it should, to grey values always, and to its seed."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from ferdesk.core.crop import crop_face
from ferdesk.core.geometry import Square
from trainer.data.augment import NUM_RANDOMS, center_crop, cut_mix, jpeg, ten_crops
from trainer.data.augment import augment as augment_by
from trainer.recipes.config import Recipe, load_recipe

PAPER = Recipe()
EVERYTHING = Recipe(
    rotation_deg=30, scale=0.3, shift=0.2, light=0.8, coarse=0.5, erase=0.5, crop_px=44,
    box_scatter=1.0, blur=0.5, dark=0.5, jpeg=0.5, small=0.5,
)  # fmt: skip


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


def test_scattered_crops_lie_as_detectors_boxes_do() -> None:
    dot = torch.zeros(2000, 48, 48, dtype=torch.uint8)
    dot[:, 24, 24] = 255
    batch = augment(dot, Recipe(box_scatter=1.0), _seeded())[:, 0]
    steps = torch.arange(44.0)
    seen = batch[batch.sum((1, 2)) > 40]
    assert len(seen) == 2000  # two deviations at most, so that a face stays in its crop
    across = (seen.sum(1) * steps).sum(1) / seen.sum((1, 2)) - 21.9
    # 0.066 of 48 pixels, a little less for what is cut off, seen at scales about 1
    assert 2.7 < across.std().item() < 3.4
    assert across.abs().max() < 2 * 0.066 * 48 * 1.45 + 1


def test_half_the_scatter_moves_half_as_far() -> None:
    dot = torch.zeros(500, 48, 48, dtype=torch.uint8)
    dot[:, 24, 24] = 255
    steps = torch.arange(44.0)
    spreads = []
    for share in (0.5, 1.0):
        batch = augment(dot, Recipe(box_scatter=share), _seeded())[:, 0]
        down = (batch.sum(2) * steps).sum(1) / batch.sum((1, 2))
        spreads.append(down.std().item())
    assert spreads[1] / spreads[0] == pytest.approx(2, rel=0.15)


def _all_of_them(field: str, strength: float, columns: tuple[int, ...], faces: Tensor) -> Tensor:
    """``faces`` unmoved, each with ``field`` at ``strength`` in [0, 1)."""
    random_BD = torch.full((len(faces), NUM_RANDOMS), 0.5)
    random_BD[:, list(columns)] = strength
    return augment_by(faces, Recipe(**{"crop_px": 48, field: 1.0}), random_BD)  # type: ignore[arg-type]


def test_a_small_face_is_what_the_app_would_cut_out_of_few_pixels(faces: Tensor) -> None:
    strength = (40 - 24) / (40 - 20)
    seen = _all_of_them("small", strength, (18,), faces)
    for face, view in zip(faces, seen[:, 0], strict=True):
        few = crop_face(face.numpy(), Square(0, 0, 48), 24)
        expected = crop_face(few.round().astype("uint8"), Square(0, 0, 24), 48)
        difference = (view - torch.from_numpy(expected)).abs()
        assert difference[3:-3, 3:-3].max() < 1  # whole numbers in between; edges are not repeated


def test_blur_spreads_a_dot_and_loses_no_light(faces: Tensor) -> None:
    dot = torch.zeros(1, 48, 48, dtype=torch.uint8)
    dot[:, 24, 24] = 200
    steps = torch.arange(48.0)
    for strength, sigma in ((0.0, 0.5), (0.5, 1.25), (0.99, 1.985)):
        seen = _all_of_them("blur", strength, (14,), dot)[0, 0]
        assert seen.sum().item() == pytest.approx(200, rel=1e-3)
        spread = ((steps - 24) ** 2 * seen.sum(0)).sum() / seen.sum()
        assert spread.sqrt().item() == pytest.approx(sigma, rel=0.12)
    flat = torch.full((2, 48, 48), 77, dtype=torch.uint8)
    torch.testing.assert_close(_all_of_them("blur", 0.9, (14,), flat), flat[:, None].float())


def test_low_light_takes_the_light_and_adds_a_noise_of_each_face_its_own(faces: Tensor) -> None:
    flat = torch.full((8, 48, 48), 200, dtype=torch.uint8)
    random_BD = torch.full((8, NUM_RANDOMS), 0.5)
    random_BD[:, 16] = torch.linspace(0, 0.9, 8)
    seen = augment_by(flat, Recipe(crop_px=48, dark=1.0), random_BD)
    assert seen.mean().item() == pytest.approx(200 * 0.25, abs=0.3)
    assert seen.std((1, 2, 3)).mean().item() == pytest.approx(4, rel=0.1)
    assert torch.equal(seen, seen.round())
    assert len({tuple(view.flatten().tolist()) for view in seen}) == 8
    neighbours = torch.corrcoef(
        torch.stack([seen[0, 0, :, :-1].ravel(), seen[0, 0, :, 1:].ravel()])
    )
    assert abs(neighbours[0, 1].item()) < 0.1


@pytest.mark.parametrize("quality", [10, 30, 50])
def test_compressed_faces_are_as_jpeg_leaves_them(quality: int) -> None:
    import io

    import numpy as np
    from PIL import Image

    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    waves = 128 + 60 * torch.sin(rows / 5) + 50 * torch.cos(columns / 3 + rows / 9)
    face = waves.round().clamp(0, 255)
    stored = io.BytesIO()
    Image.fromarray(face.numpy().astype(np.uint8)).save(stored, "JPEG", quality=quality)
    expected = torch.from_numpy(np.asarray(Image.open(stored)).astype(np.float32))
    ours = jpeg(face[None, None], torch.tensor([float(quality)]))[0, 0]
    assert (ours - expected).abs().mean() < 0.3  # libjpeg rounds inside its transform
    assert (face - expected).abs().mean() > 1


def test_a_shared_face_has_as_much_of_the_label_as_of_the_pixels() -> None:
    batch = torch.arange(6.0)[:, None, None, None].expand(6, 1, 20, 20).contiguous() * 10
    random_BD = torch.rand(6, NUM_RANDOMS, generator=_seeded())
    mixed, own = cut_mix(batch, 1.0, random_BD)
    for i in range(6):
        assert set(mixed[i].ravel().tolist()) <= {10.0 * i, 10.0 * (5 - i)}
        assert own[i].item() == pytest.approx((mixed[i] == 10 * i).float().mean().item(), abs=1e-6)
    assert own.min() < 0.8
    unmixed, own = cut_mix(batch, 0.3, torch.full((6, NUM_RANDOMS), 0.4))
    assert torch.equal(unmixed, batch)
    assert torch.equal(own, torch.ones(6))


@pytest.mark.parametrize(
    ("field", "column"), [("blur", 14), ("dark", 15), ("jpeg", 17), ("small", 18)]
)
def test_a_face_that_is_not_chosen_stays_as_it_is(field: str, column: int, faces: Tensor) -> None:
    random_BD = torch.full((len(faces), NUM_RANDOMS), 0.5)
    random_BD[:, column] = 0.2
    seen = augment_by(faces, Recipe(**{"crop_px": 48, field: 0.1}), random_BD)  # type: ignore[arg-type]
    assert torch.equal(seen, faces[:, None].float())
    random_BD[:, column] = 0.05
    seen = augment_by(faces, Recipe(**{"crop_px": 48, field: 0.1}), random_BD)  # type: ignore[arg-type]
    assert not torch.equal(seen, faces[:, None].float())
