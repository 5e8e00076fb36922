"""Augmentation of whole batches on the faces' device, without Python code per face.

Chance comes in as a table of random numbers, one row a face, and everything here is a plain
function of faces and table: a batch may be cut in parts for several processes, compiled, or put
into a CUDA graph, and each face still gets the view that it would have got alone.

Axes: B faces, D random numbers of each, H rows, W columns.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.recipes.config import Recipe

NUM_RANDOMS = 32
"""D. What each column decides stands below; the last ones are free."""
_MOVE, _FLIP, _COARSE, _LIGHT, _ERASE = slice(0, 4), 4, 5, slice(6, 8), slice(8, 14)
_BLUR, _DARK, _JPEG, _SMALL, _SCATTER, _CUT = (
    14,
    slice(15, 17),
    17,
    18,
    slice(19, 23),
    slice(23, 26),
)

# how MediaPipe's boxes lie on FER2013's frames: half the distance of the 5 % and 95 % quantiles of
# 1,500 Training faces over 1.645 (docs/method.md); shares of the frame's side
_SCATTER_DEG, _SCATTER_LOG_SCALE, _SCATTER_X, _SCATTER_Y = 11.2, 0.17, 0.066, 0.063
_SCATTER_CUT = 2.0
"""In deviations: a box that lies farther off is no find but a mistake."""

LOWEST_QUALITY, HIGHEST_QUALITY = 10, 50
"""JPEG's, of the faces that ``jpeg`` compresses."""
SMALLEST_SHARE, LARGEST_SHARE = 20 / 48, 40 / 48
"""Of the side, to which ``small`` brings faces down: 20 to 40 pixels of 48."""


def augment(faces_BHW: Tensor, recipe: Recipe, random_BD: Tensor) -> Tensor:
    """Augmented faces: geometry, mirror, corruptions and random erasing, as the recipe says.

    Args:
        faces_BHW: [B, 48, 48] uint8.
        recipe: its augmentation fields.
        random_BD: [B, NUM_RANDOMS] float32, uniform in [0, 1), on the faces' device.

    Returns:
        [B, 1, crop_px, crop_px] float32, grey values 0..255.
    """
    x_B1HW = faces_BHW[:, None].float()
    if recipe.rotation_deg or recipe.scale or recipe.shift or recipe.box_scatter:
        x_B1HW = _affine(x_B1HW, recipe, random_BD[:, _MOVE], random_BD[:, _SCATTER])
    else:
        x_B1HW = _random_crop(x_B1HW, recipe.crop_px, random_BD[:, _MOVE])
    x_B1HW = torch.where(_column(random_BD, _FLIP) < 0.5, x_B1HW.flip(-1), x_B1HW)
    if recipe.coarse:
        x_B1HW = _coarsen(x_B1HW, _column(random_BD, _COARSE) < recipe.coarse)
    if recipe.small:
        x_B1HW = _shrink(x_B1HW, recipe.small, random_BD[:, _SMALL])
    if recipe.blur:
        x_B1HW = _blur(x_B1HW, recipe.blur, random_BD[:, _BLUR])
    if recipe.light:
        x_B1HW = _relight(x_B1HW, recipe.light, random_BD[:, _LIGHT])
    if recipe.dark:
        x_B1HW = _darken(x_B1HW, recipe.dark, random_BD[:, _DARK])
    if recipe.jpeg:
        x_B1HW = _compress(x_B1HW, recipe.jpeg, random_BD[:, _JPEG])
    if recipe.erase:
        x_B1HW = _erase(x_B1HW, recipe.erase, random_BD[:, _ERASE])
    return x_B1HW


def cut_mix(x_B1HW: Tensor, share: float, random_BD: Tensor) -> tuple[Tensor, Tensor]:
    """CutMix (Yun et al., 2019): squares of other faces, each face's partner being its mirror row.

    Args:
        x_B1HW: augmented faces.
        share: probability that a face gets one; its area is uniform in [0, 1).
        random_BD: as of ``augment``.

    Returns:
        the faces, and lambda, the share of each face that is its own, [B] float32.
    """
    side = x_B1HW.shape[-1]
    random_B3 = random_BD[:, _CUT]
    chosen_B, area_B = _chosen(random_B3[:, 0], share)
    length_B = area_B.sqrt() * side
    near_B2 = random_B3[:, 1:] * (side - length_B)[:, None]
    steps = torch.arange(side, device=x_B1HW.device) + 0.5
    inside_B2S = (steps >= near_B2[:, :, None]) & (
        steps < (near_B2 + length_B[:, None])[:, :, None]
    )
    cut_B1HW = inside_B2S[:, :1, :, None] & inside_B2S[:, 1:, None, :]
    cut_B1HW = cut_B1HW & chosen_B[:, None, None, None]
    own_B = 1 - cut_B1HW.float().mean((1, 2, 3))
    return torch.where(cut_B1HW, x_B1HW.flip(0), x_B1HW), own_B


def center_crop(faces_BHW: Tensor, crop_px: int) -> Tensor:
    """Centre crop [B, H, W] -> [B, 1, crop_px, crop_px] float32, as in the exported model."""
    margin = (faces_BHW.shape[-1] - crop_px) // 2
    inner = slice(margin, margin + crop_px)
    return faces_BHW[:, None, inner, inner].float()


def ten_crops(faces_BHW: Tensor, crop_px: int) -> list[Tensor]:
    """Ten-crop test views, torchvision's TenCrop: corners and centre, then of the mirror.

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
    """Random numbers of one column, [B, 1, 1, 1]."""
    return random_BD[:, index, None, None, None]


def _random_crop(x_B1HW: Tensor, crop_px: int, random_B4: Tensor) -> Tensor:
    batch, side, device = len(x_B1HW), x_B1HW.shape[-1], x_B1HW.device
    offsets_B2 = (random_B4[:, :2] * (side - crop_px + 1)).long()
    steps = torch.arange(crop_px, device=device)
    rows_BH = offsets_B2[:, :1] + steps
    columns_BW = offsets_B2[:, 1:] + steps
    index_B = torch.arange(batch, device=device)[:, None, None]
    return x_B1HW[:, 0][index_B, rows_BH[:, :, None], columns_BW[:, None, :]][:, None]


def _chosen(random_B: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Selection with probability ``share``, and strength in [0, 1), from one number per face."""
    return random_B < share, (random_B / share).clamp(max=1 - 1e-6)


def _affine(x_B1HW: Tensor, recipe: Recipe, random_B4: Tensor, scatter_B4: Tensor) -> Tensor:
    """Affine sampling of the inner crop: rotation, scale and shift, bilinear, edges repeated."""
    batch, side = len(x_B1HW), x_B1HW.shape[-1]
    signed_B4 = random_B4 * 2 - 1
    angle_B = signed_B4[:, 0] * math.radians(recipe.rotation_deg)
    log_scale_B = signed_B4[:, 1] * math.log1p(recipe.scale)
    shift_B2 = signed_B4[:, 2:] * recipe.shift
    if recipe.box_scatter:
        normal_B4 = math.sqrt(2) * torch.erfinv((2 * scatter_B4 - 1).clamp(-0.9999, 0.9999))
        normal_B4 = normal_B4.clamp(-_SCATTER_CUT, _SCATTER_CUT) * recipe.box_scatter
        angle_B = angle_B + normal_B4[:, 0] * math.radians(_SCATTER_DEG)
        log_scale_B = log_scale_B + normal_B4[:, 1] * _SCATTER_LOG_SCALE
        moved = (normal_B4[:, 2] * _SCATTER_X, normal_B4[:, 3] * _SCATTER_Y)
        shift_B2 = shift_B2 + torch.stack(moved, dim=1)
    scale_B = torch.exp(log_scale_B) * (recipe.crop_px / side)
    cos_B, sin_B = torch.cos(angle_B) * scale_B, torch.sin(angle_B) * scale_B
    # grid coordinates span 2 over the picture, so a shift of a share s is 2s
    shift_B2 = 2 * shift_B2
    theta_B23 = torch.stack(
        [cos_B, -sin_B, shift_B2[:, 0], sin_B, cos_B, shift_B2[:, 1]], dim=1
    ).view(batch, 2, 3)
    size = [batch, 1, recipe.crop_px, recipe.crop_px]
    grid = F.affine_grid(theta_B23, size, align_corners=False)
    return F.grid_sample(x_B1HW, grid, padding_mode="border", align_corners=False)


def _coarsen(x_B1HW: Tensor, chosen_B111: Tensor) -> Tensor:
    """Half resolution for the chosen faces, as when a 24-pixel face is enlarged."""
    side = x_B1HW.shape[-1]
    coarse = F.interpolate(F.avg_pool2d(x_B1HW, 2), size=(side, side), mode="bilinear")
    return torch.where(chosen_B111, coarse, x_B1HW)


def _shrink(x_B1HW: Tensor, share: float, random_B: Tensor) -> Tensor:
    """Low resolution for some faces: reduced to few pixels and enlarged again.

    Down by a triangle filter over each target pixel's footprint, up bilinearly, as ``core.crop``.
    """
    side, device = x_B1HW.shape[-1], x_B1HW.device
    chosen_B, strength_B = _chosen(random_B, share)
    ratio_B = LARGEST_SHARE + (SMALLEST_SHARE - LARGEST_SHARE) * strength_B
    few_B11 = (ratio_B * side).round()[:, None, None]
    places = torch.arange(side, device=device) + 0.5
    step_B11 = side / few_B11
    # rows: target pixels, of which those past ``few`` stay empty; columns: source pixels
    distance_BHH = (places[None, None, :] - places[None, :, None] * step_B11).abs() / step_B11
    down_BHH = (1 - distance_BHH).clamp(min=0)
    down_BHH = down_BHH / down_BHH.sum(2, keepdim=True).clamp(min=1e-6)
    down_BHH = down_BHH * (places[None, :, None] < few_B11)
    centre_BH1 = places[None, :, None] / step_B11 - 0.5
    centre_BH1 = torch.minimum(centre_BH1.clamp(min=0), few_B11 - 1)
    up_BHH = (1 - (places[None, None, :] - 0.5 - centre_BH1).abs()).clamp(min=0)
    both_BHH = up_BHH @ down_BHH
    small = (both_BHH @ x_B1HW[:, 0] @ both_BHH.mT)[:, None]
    return torch.where(chosen_B[:, None, None, None], small, x_B1HW)


def _blur(x_B1HW: Tensor, share: float, random_B: Tensor) -> Tensor:
    """Gaussian blur of 0.5 to 2 pixels for some faces, weights renormalised at the edges."""
    chosen_B, strength_B = _chosen(random_B, share)
    sigma_B11 = (0.5 + 1.5 * strength_B)[:, None, None]
    places = torch.arange(x_B1HW.shape[-1], device=x_B1HW.device)
    distance_HH = (places[:, None] - places[None, :]).float()
    weights_BHH = torch.exp(-0.5 * (distance_HH / sigma_B11) ** 2)
    weights_BHH = weights_BHH / weights_BHH.sum(2, keepdim=True)
    blurred = (weights_BHH @ x_B1HW[:, 0] @ weights_BHH.mT)[:, None]
    return torch.where(chosen_B[:, None, None, None], blurred, x_B1HW)


def _darken(x_B1HW: Tensor, share: float, random_B2: Tensor) -> Tensor:
    """Low light for some faces: 1/2 to 1/8 of the grey value, sensor noise, whole numbers."""
    chosen_B, strength_B = _chosen(random_B2[:, 0], share)
    strength = strength_B[:, None, None, None]
    gain, deviation = 0.5 * 0.25**strength, 2 + 4 * strength
    noise = _noise(x_B1HW.shape[-1], random_B2[:, 1])
    dark = (x_B1HW * gain + deviation * noise).round().clamp(0, 255)
    return torch.where(chosen_B[:, None, None, None], dark, x_B1HW)


def _noise(side: int, random_B: Tensor) -> Tensor:
    """Triangular noise [B, 1, side, side], mean 0, standard deviation 1, from one number per face.

    A hash in whole numbers: the table has no number for each pixel, and this is the same on
    every device.
    """
    steps = torch.arange(side, device=random_B.device)
    seed_B11 = (random_B * 2**24).long()[:, None, None]
    mixed = (steps[:, None] * 73_856_093) ^ (steps[None, :] * 19_349_663) ^ (seed_B11 * 83_492_791)
    for factor in (0x45D9F3B, 0x119DE1F3):
        mixed = ((mixed ^ (mixed >> 16)) * factor) & 0x7FFFFFFF
    mixed = mixed ^ (mixed >> 15)
    total = (mixed & 0x7FFF) + ((mixed >> 15) & 0x7FFF)
    return ((total.float() / 0x7FFF - 1) * math.sqrt(6))[:, None]


_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
"""JPEG's table of luminance steps (ITU-T T.81, annex K), row by row."""
_BLOCK = 8


def _compress(x_B1HW: Tensor, share: float, random_B: Tensor) -> Tensor:
    """JPEG compression of some faces, at qualities from 50 to 10."""
    chosen_B, strength_B = _chosen(random_B, share)
    quality_B = HIGHEST_QUALITY + (LOWEST_QUALITY - HIGHEST_QUALITY) * strength_B
    compressed = jpeg(x_B1HW, quality_B.round())
    return torch.where(chosen_B[:, None, None, None], compressed, x_B1HW)


def jpeg(x_B1HW: Tensor, quality_B: Tensor) -> Tensor:
    """JPEG round trip of grey faces: 8x8 blocks, libjpeg's scaling of the standard table.

    Args:
        x_B1HW: grey values 0..255.
        quality_B: 1 to 50.
    """
    side, device = x_B1HW.shape[-1], x_B1HW.device
    blocks = -(-side // _BLOCK)
    rest = blocks * _BLOCK - side
    padded = torch.nn.functional.pad(x_B1HW.round(), (0, rest, 0, rest), mode="replicate")
    steps = torch.arange(_BLOCK, device=device)
    cosine_88 = torch.cos((2 * steps[None, :] + 1) * steps[:, None] * (math.pi / (2 * _BLOCK)))
    cosine_88 = cosine_88 * torch.where(steps == 0, math.sqrt(0.125), 0.5)[:, None]
    # a fill in place of a copy from the host, which a CUDA graph could not hold
    table_88 = torch.stack(
        [torch.full((), float(value), device=device) for value in _LUMINANCE]
    ).view(_BLOCK, _BLOCK)
    scale_B = (5000 / quality_B).floor()
    table = ((table_88 * scale_B[:, None, None] + 50) / 100).floor().clamp(1, 255)
    table = table[:, None, None]
    x = padded.view(len(padded), blocks, _BLOCK, blocks, _BLOCK).transpose(2, 3) - 128
    coefficients = cosine_88 @ x @ cosine_88.T
    rounded = (coefficients / table).round() * table
    x = (cosine_88.T @ rounded @ cosine_88 + 128).transpose(2, 3).reshape(padded.shape)
    return x[:, :, :side, :side].round().clamp(0, 255)


def _relight(x_B1HW: Tensor, spread: float, random_B2: Tensor) -> Tensor:
    """Contrast about each face's mean, then brightness."""
    signed_B211 = (random_B2 * 2 - 1)[:, :, None, None]
    mean = x_B1HW.mean((2, 3), keepdim=True)
    contrast = torch.exp(2 * math.log1p(spread) * signed_B211[:, :1])
    brightness = 255 * spread / 2 * signed_B211[:, 1:]
    return ((x_B1HW - mean) * contrast + mean + brightness).clamp(0, 255)


def _erase(x_B1HW: Tensor, share: float, random_B6: Tensor) -> Tensor:
    """Random erasing (Zhong et al., 2020): one grey value over 2 to 25 % of some faces."""
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
