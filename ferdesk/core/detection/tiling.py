"""Tiling: which regions of a picture the networks see, so that small faces become large enough.

The smallest face that a network finds has a certain share of its input, so large pictures are also
searched tile by tile (slicing-aided inference). Without a clock that means overlapping squares at
every size; live, larger tiles take turns, coarse ones oftener than fine ones.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.networks import FULL_RANGE_PX
from ferdesk.core.geometry import Box, Region
from ferdesk.core.types import Detection

SMALLEST_PICTURE_PX = 16
_LONGEST_ASPECT = 8
_SMALLEST_TILE_PX = 400
"""Faces that only smaller squares would show have less than 24 pixels, too few to classify."""
_EDGE_SHARE = 0.01
_FINEST_SCALE = 0.5
"""Smaller faces than a picture resized so shows have less than 24 pixels, too few to classify."""
_LEAST_GAIN = 1.5
_COARSER_TURNS = 3
_TILE_PX, _TILE_OVERLAP_PX, _SINGLE_TILE_PX = 288, 48, 320
"""Sides and overlap of live tiles, after resizing; a face that does not fit the overlap is large
enough to be detected on the next coarser level."""
_VERIFICATION_CROP_SIDES = 3.0
"""Side of the square, in face sides, in which the short-range network detects a face best."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Tile: a region of a picture, and the scale by which it is resized for the network."""

    region: Region
    scale: float


def whole(image: NDArray[np.uint8]) -> Region:
    """Region of the whole ``image`` [H, W, 3]."""
    return Region(0, 0, image.shape[1], image.shape[0])


def zoomed_out(image: NDArray[np.uint8], sides: float = 2.0) -> Region:
    """Region around the whole ``image`` [H, W, 3] in which a face that fills it is small enough.

    A square with the picture in its middle, of ``sides`` times the picture's shorter side, or of
    its longer one where that is more.
    """
    height, width = image.shape[:2]
    side = max(width, height, round(sides * min(width, height)))
    return Region((width - side) // 2, (height - side) // 2, side, side)


def tiles(width: int, height: int) -> Iterator[Region]:
    """Overlapping square tiles, the largest first, each sharing half its side with the next.

    The first ones have the picture's shorter side; in large pictures squares of half the side
    follow, and so on, as long as a face in them has enough pixels to be classified.
    """
    side = min(width, height)
    if max(width, height) > _LONGEST_ASPECT * side:
        return
    while True:
        if width != height or side < width:
            for y in _offsets(height, side):
                for x in _offsets(width, side):
                    yield Region(x, y, side, side)
        if side < 2 * _SMALLEST_TILE_PX:
            return
        side //= 2


def _offsets(length: int, side: int) -> list[int]:
    num = math.ceil((length - side) / (side / 2)) + 1
    return [round(i * (length - side) / max(num - 1, 1)) for i in range(num)]


def tile_schedule(width: int, height: int) -> list[Tile]:
    """Schedule of the tiles of an image pyramid, to be searched one a frame, in turn.

    Each level shows the picture twice as large as the one before, down to faces that have just
    enough pixels to be classified, in as few tiles as the network reads in one frame's time. Larger
    faces are met first, and oftener: each tile of a level has its turn at least once, and a level
    has a third of the turns of the next finer one where its tiles are fewer than that.
    """
    longer = max(width, height)
    if longer > _LONGEST_ASPECT * min(width, height):
        return []
    levels: list[list[Tile]] = []
    scale = _FINEST_SCALE
    while scale * longer > _LEAST_GAIN * FULL_RANGE_PX:
        levels.insert(0, _level(width, height, scale))
        scale /= 2
    turns: list[tuple[float, int, Tile]] = []
    for depth, level in enumerate(levels):
        share = len(levels[-1]) / _COARSER_TURNS ** (len(levels) - 1 - depth)
        num = len(level) * max(1, round(share / len(level)))
        turns += [(i / num, depth, level[i % len(level)]) for i in range(num)]
    return [tile for _, _, tile in sorted(turns, key=lambda turn: turn[:2])]


def _level(width: int, height: int, scale: float) -> list[Tile]:
    return [
        Tile(Region(x, y, tile_width, tile_height), scale)
        for y, tile_height in _spans(height, scale)
        for x, tile_width in _spans(width, scale)
    ]


def _spans(length: int, scale: float) -> list[tuple[int, int]]:
    """Start and length of the tiles along one side, in pixels of the picture."""
    resized = length * scale
    if resized <= _SINGLE_TILE_PX:
        return [(0, length)]
    num = math.ceil((resized - _TILE_OVERLAP_PX) / (_TILE_PX - _TILE_OVERLAP_PX))
    span = math.ceil(((resized - _TILE_OVERLAP_PX) / num + _TILE_OVERLAP_PX) / scale)
    return [(round(i * (length - span) / (num - 1)), span) for i in range(num)]


def verification_crop(box: Box, width: int, height: int) -> Region | None:
    """Verification crop: the square around ``box``, which may reach outside the picture.

    None where too little of it lies in the picture of ``width`` x ``height``.
    """
    side = math.ceil(_VERIFICATION_CROP_SIDES * max(box.width, box.height))
    center_x, center_y = box.center
    left, top = math.floor(center_x - side / 2), math.floor(center_y - side / 2)
    inside_x = min(left + side, width) - max(left, 0)
    inside_y = min(top + side, height) - max(top, 0)
    if min(inside_x, inside_y) < SMALLEST_PICTURE_PX:
        return None
    return Region(left, top, side, side)


def is_truncated(box: Box, region: Region, width: int, height: int) -> bool:
    """Truncation by a tile: ``box`` touches an edge of ``region`` that is not the picture's own."""
    margin = region.width * _EDGE_SHARE
    right, bottom = region.x + region.width, region.y + region.height
    return (
        (region.x > 0 and box.x < region.x + margin)
        or (region.y > 0 and box.y < region.y + margin)
        or (right < width and box.x + box.width > right - margin)
        or (bottom < height and box.y + box.height > bottom - margin)
    )


def without_truncated(
    detections: Sequence[Detection], region: Region, image: NDArray[np.uint8]
) -> list[Detection]:
    """Detections of ``region`` of ``image`` [H, W, 3] without half faces: another tile has them."""
    height, width = image.shape[:2]
    return [d for d in detections if not is_truncated(d.box, region, width, height)]
