"""Augmentation of whole batches, on the device where the faces lie: no Python per face.

Axes: B faces, H rows, W columns.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from trainer.config import Recipe


def augment(faces_BHW: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
    """Randomly moved, flipped, lit and covered faces.

    Args:
        faces_BHW: [B, 48, 48] uint8.
        recipe: its augmentation fields.
        generator: of the faces' device; the same state gives the same batch.

    Returns:
        [B, 1, crop_px, crop_px] float32, grey values 0..255.
    """
    x_B1HW = faces_BHW[:, None].float()
    if recipe.rotation_deg or recipe.scale or recipe.shift:
        x_B1HW = _affine(x_B1HW, recipe, generator)
    else:
        x_B1HW = _random_crop(x_B1HW, recipe.crop_px, generator)
    x_B1HW = _flip(x_B1HW, generator)
    if recipe.coarse:
        x_B1HW = _coarsen(x_B1HW, recipe.coarse, generator)
    if recipe.light:
        x_B1HW = _relight(x_B1HW, recipe.light, generator)
    if recipe.erase:
        x_B1HW = _erase(x_B1HW, recipe.erase, generator)
    return x_B1HW


def center_crop(faces_BHW: Tensor, crop_px: int) -> Tensor:
    """[B, H, W] -> [B, 1, crop_px, crop_px] float32: the middle, as the exported model takes it."""
    margin = (faces_BHW.shape[-1] - crop_px) // 2
    inner = slice(margin, margin + crop_px)
    return faces_BHW[:, None, inner, inner].float()


def ten_crops(faces_BHW: Tensor, crop_px: int) -> list[Tensor]:
    """The paper's test views, torchvision's TenCrop: corners and centre, then of the mirror.

    Args:
        faces_BHW: [B, H, W], H = W.
        crop_px: side of each view.

    Returns:
        ten tensors [B, 1, crop_px, crop_px] float32.
    """
    far = faces_BHW.shape[-1] - crop_px
    middle = far // 2
    corners = [(0, 0), (0, far), (far, 0), (far, far), (middle, middle)]
    return [
        seen_BHW[:, None, top : top + crop_px, left : left + crop_px].float()
        for seen_BHW in (faces_BHW, faces_BHW.flip(-1))
        for top, left in corners
    ]


def _uniform(generator: Generator, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=generator, device=generator.device) * 2 - 1


def _random_crop(x_B1HW: Tensor, crop_px: int, generator: Generator) -> Tensor:
    batch, side, device = len(x_B1HW), x_B1HW.shape[-1], x_B1HW.device
    offsets_B2 = torch.randint(
        0, side - crop_px + 1, (batch, 2), generator=generator, device=device
    )
    steps = torch.arange(crop_px, device=device)
    rows_BH = offsets_B2[:, :1] + steps
    columns_BW = offsets_B2[:, 1:] + steps
    faces_BHW = x_B1HW[:, 0]
    index_B = torch.arange(batch, device=device)[:, None, None]
    return faces_BHW[index_B, rows_BH[:, :, None], columns_BW[:, None, :]][:, None]


def _affine(x_B1HW: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
    """Rotation, scale and shift in one bilinear sampling of the inner crop, edges repeated."""
    batch, side = len(x_B1HW), x_B1HW.shape[-1]
    random_B4 = _uniform(generator, batch, 4)
    angle_B = random_B4[:, 0] * math.radians(recipe.rotation_deg)
    scale_B = (1 + recipe.scale) ** random_B4[:, 1] * recipe.crop_px / side
    cos_B, sin_B = torch.cos(angle_B) * scale_B, torch.sin(angle_B) * scale_B
    # grid coordinates span 2 over the picture, so a shift of a share s is 2s
    shift_B2 = random_B4[:, 2:] * 2 * recipe.shift
    theta_B23 = torch.stack(
        [cos_B, -sin_B, shift_B2[:, 0], sin_B, cos_B, shift_B2[:, 1]], dim=1
    ).view(batch, 2, 3)
    size = [batch, 1, recipe.crop_px, recipe.crop_px]
    grid = F.affine_grid(theta_B23, size, align_corners=False)
    return F.grid_sample(x_B1HW, grid, padding_mode="border", align_corners=False)


def _flip(x_B1HW: Tensor, generator: Generator) -> Tensor:
    chosen_B = _uniform(generator, len(x_B1HW)) < 0
    return torch.where(chosen_B[:, None, None, None], x_B1HW.flip(-1), x_B1HW)


def _coarsen(x_B1HW: Tensor, share: float, generator: Generator) -> Tensor:
    """Halve the resolution of some faces, as when a 24-pixel face is enlarged."""
    chosen_B = _uniform(generator, len(x_B1HW)) < 2 * share - 1
    side = x_B1HW.shape[-1]
    coarse = F.interpolate(F.avg_pool2d(x_B1HW, 2), size=(side, side), mode="bilinear")
    return torch.where(chosen_B[:, None, None, None], coarse, x_B1HW)


def _relight(x_B1HW: Tensor, spread: float, generator: Generator) -> Tensor:
    """Contrast about each face's mean, then brightness."""
    random_B2 = _uniform(generator, len(x_B1HW), 2)[:, :, None, None]
    mean = x_B1HW.mean((2, 3), keepdim=True)
    contrast = (1 + spread) ** (2 * random_B2[:, :1])
    brightness = 255 * spread / 2 * random_B2[:, 1:]
    return ((x_B1HW - mean) * contrast + mean + brightness).clamp(0, 255)


def _erase(x_B1HW: Tensor, share: float, generator: Generator) -> Tensor:
    """Cover a rectangle of 2 to 25 % of some faces with one grey value (Zhong et al., 2020)."""
    batch, side, device = len(x_B1HW), x_B1HW.shape[-1], x_B1HW.device
    random_B6 = torch.rand(batch, 6, generator=generator, device=device)
    area = side * side * (0.02 + 0.23 * random_B6[:, 0])
    ratio = torch.exp((random_B6[:, 1] * 2 - 1) * math.log(3))
    height, width = (area * ratio).sqrt().clamp(max=side), (area / ratio).sqrt().clamp(max=side)
    top, left = random_B6[:, 2] * (side - height), random_B6[:, 3] * (side - width)
    steps = torch.arange(side, device=device)
    rows = (steps >= top[:, None]) & (steps < (top + height)[:, None])
    columns = (steps >= left[:, None]) & (steps < (left + width)[:, None])
    covered = rows[:, None, :, None] & columns[:, None, None, :]
    covered &= (random_B6[:, 4] < share)[:, None, None, None]
    return torch.where(covered, 255 * random_B6[:, 5][:, None, None, None], x_B1HW)
