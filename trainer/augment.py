"""Augmentation of whole batches, on the device where the faces lie: no Python per face.

Chance comes in as a table of random numbers, one row a face, and everything here is a plain
function of faces and table: a batch may be cut in parts for several processes, compiled, or put
into a CUDA graph, and each face still gets the view that it would have got alone.

Axes: B faces, D random numbers of each, H rows, W columns.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.config import Recipe

NUM_RANDOMS = 24
"""D. What each column decides stands below; the last ones are free."""
_MOVE, _FLIP, _COARSE, _LIGHT, _ERASE = slice(0, 4), 4, 5, slice(6, 8), slice(8, 14)


def augment(faces_BHW: Tensor, recipe: Recipe, random_BD: Tensor) -> Tensor:
    """Randomly moved, flipped, lit and covered faces.

    Args:
        faces_BHW: [B, 48, 48] uint8.
        recipe: its augmentation fields.
        random_BD: [B, NUM_RANDOMS] float32, uniform in [0, 1), on the faces' device.

    Returns:
        [B, 1, crop_px, crop_px] float32, grey values 0..255.
    """
    x_B1HW = faces_BHW[:, None].float()
    if recipe.rotation_deg or recipe.scale or recipe.shift:
        x_B1HW = _affine(x_B1HW, recipe, random_BD[:, _MOVE])
    else:
        x_B1HW = _random_crop(x_B1HW, recipe.crop_px, random_BD[:, _MOVE])
    x_B1HW = torch.where(_column(random_BD, _FLIP) < 0.5, x_B1HW.flip(-1), x_B1HW)
    if recipe.coarse:
        x_B1HW = _coarsen(x_B1HW, _column(random_BD, _COARSE) < recipe.coarse)
    if recipe.light:
        x_B1HW = _relight(x_B1HW, recipe.light, random_BD[:, _LIGHT])
    if recipe.erase:
        x_B1HW = _erase(x_B1HW, recipe.erase, random_BD[:, _ERASE])
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


def _column(random_BD: Tensor, index: int) -> Tensor:
    """One number a face, [B, 1, 1, 1]."""
    return random_BD[:, index, None, None, None]


def _random_crop(x_B1HW: Tensor, crop_px: int, random_B4: Tensor) -> Tensor:
    batch, side, device = len(x_B1HW), x_B1HW.shape[-1], x_B1HW.device
    offsets_B2 = (random_B4[:, :2] * (side - crop_px + 1)).long()
    steps = torch.arange(crop_px, device=device)
    rows_BH = offsets_B2[:, :1] + steps
    columns_BW = offsets_B2[:, 1:] + steps
    index_B = torch.arange(batch, device=device)[:, None, None]
    return x_B1HW[:, 0][index_B, rows_BH[:, :, None], columns_BW[:, None, :]][:, None]


def _affine(x_B1HW: Tensor, recipe: Recipe, random_B4: Tensor) -> Tensor:
    """Rotation, scale and shift in one bilinear sampling of the inner crop, edges repeated."""
    batch, side = len(x_B1HW), x_B1HW.shape[-1]
    signed_B4 = random_B4 * 2 - 1
    angle_B = signed_B4[:, 0] * math.radians(recipe.rotation_deg)
    scale_B = torch.exp(signed_B4[:, 1] * math.log1p(recipe.scale)) * (recipe.crop_px / side)
    cos_B, sin_B = torch.cos(angle_B) * scale_B, torch.sin(angle_B) * scale_B
    # grid coordinates span 2 over the picture, so a shift of a share s is 2s
    shift_B2 = signed_B4[:, 2:] * 2 * recipe.shift
    theta_B23 = torch.stack(
        [cos_B, -sin_B, shift_B2[:, 0], sin_B, cos_B, shift_B2[:, 1]], dim=1
    ).view(batch, 2, 3)
    size = [batch, 1, recipe.crop_px, recipe.crop_px]
    grid = F.affine_grid(theta_B23, size, align_corners=False)
    return F.grid_sample(x_B1HW, grid, padding_mode="border", align_corners=False)


def _coarsen(x_B1HW: Tensor, chosen_B111: Tensor) -> Tensor:
    """Halve the resolution of some faces, as when a 24-pixel face is enlarged."""
    side = x_B1HW.shape[-1]
    coarse = F.interpolate(F.avg_pool2d(x_B1HW, 2), size=(side, side), mode="bilinear")
    return torch.where(chosen_B111, coarse, x_B1HW)


def _relight(x_B1HW: Tensor, spread: float, random_B2: Tensor) -> Tensor:
    """Contrast about each face's mean, then brightness."""
    signed_B211 = (random_B2 * 2 - 1)[:, :, None, None]
    mean = x_B1HW.mean((2, 3), keepdim=True)
    contrast = torch.exp(2 * math.log1p(spread) * signed_B211[:, :1])
    brightness = 255 * spread / 2 * signed_B211[:, 1:]
    return ((x_B1HW - mean) * contrast + mean + brightness).clamp(0, 255)


def _erase(x_B1HW: Tensor, share: float, random_B6: Tensor) -> Tensor:
    """Cover a rectangle of 2 to 25 % of some faces with one grey value (Zhong et al., 2020)."""
    side = x_B1HW.shape[-1]
    area = side * side * (0.02 + 0.23 * random_B6[:, 0])
    ratio = torch.exp((random_B6[:, 1] * 2 - 1) * math.log(3))
    height, width = (area * ratio).sqrt().clamp(max=side), (area / ratio).sqrt().clamp(max=side)
    top, left = random_B6[:, 2] * (side - height), random_B6[:, 3] * (side - width)
    steps = torch.arange(side, device=x_B1HW.device)
    rows = (steps >= top[:, None]) & (steps < (top + height)[:, None])
    columns = (steps >= left[:, None]) & (steps < (left + width)[:, None])
    covered = rows[:, None, :, None] & columns[:, None, None, :]
    covered = covered & (_column(random_B6, 4) < share)
    return torch.where(covered, 255 * _column(random_B6, 5), x_B1HW)
