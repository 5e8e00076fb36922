"""Key frame search: every tile now and then, and between that only where faces were detected.

For work without a clock on films: what an exhaustive search detects in one frame it mostly detects
in the next at the same place, with the same network on the same tile.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.exhaustive import ExhaustiveSearch
from ferdesk.core.detection.networks import DetectorNetworks
from ferdesk.core.detection.tiling import (
    SMALLEST_PICTURE_PX,
    tiles,
    whole,
    without_truncated,
    zoomed_out,
)
from ferdesk.core.detection.verification import (
    frame_on_crop,
    non_maximum_merge,
    same_face,
    verify_candidates,
)
from ferdesk.core.geometry import Box, Region
from ferdesk.core.types import Detection

_CUT_GREY = 14.0
"""Mean difference of two thumbnails, of 255, from which on a frame is a new scene.

Between neighbouring frames of the shared clips it is 6 at most, over composed cuts 20 and more.
"""
_THUMBNAIL_PX = 24
_TILES_KEPT_FRAMES = 6


class KeyFrameSearch:
    """Key frame detector for the frames of one film, in their order; the same twice.

    A key frame is searched exhaustively: the first, every ``key_every``-th after it, and each that
    begins a new scene. In the others the networks see the whole picture and the tiles on which a
    known face was detected; one that is not detected there is looked for from further away and on
    the tiles around it.
    """

    def __init__(self, networks: DetectorNetworks, key_every: int) -> None:
        self._networks = networks
        self._exhaustive = ExhaustiveSearch(networks)
        self._key_every = key_every
        self._since_key = 0
        self._thumbnail: NDArray[np.float32] | None = None
        self._shape: tuple[int, ...] = ()
        self._tiles: list[Region] = []
        self._known: list[Detection] = []
        self._needed_for: dict[Region, int] = {}
        self._active: list[Region] = []

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Detections in ``image`` [H, W, 3] uint8 RGB, by descending score."""
        height, width = image.shape[:2]
        if min(height, width) < SMALLEST_PICTURE_PX:
            return []
        is_key = self._is_key(image)
        if image.shape != self._shape:
            self._shape, self._tiles = image.shape, list(tiles(width, height))
            self._needed_for = {}
        if is_key:
            self._since_key = 0
            detections, by_region = self._exhaustive.detect_by_region(image)
        else:
            detections, by_region = self._between(image)
        self._since_key += 1
        self._known = [detection for detection in detections if detection.confirmed]
        needed = _regions_of(self._known, by_region)
        # one that was not detected now may be again in the next frame
        self._needed_for = {
            **{tile: left - 1 for tile, left in self._needed_for.items() if left > 1},
            **dict.fromkeys(needed, _TILES_KEPT_FRAMES),
        }
        # in the order of the exhaustive search, whose earlier boxes win
        self._active = [tile for tile in self._tiles if tile in self._needed_for]
        return detections

    def _is_key(self, image: NDArray[np.uint8]) -> bool:
        """Whether to search everywhere; keeps the thumbnail for the next frame."""
        before, self._thumbnail = self._thumbnail, _thumbnail(image)
        if before is None or image.shape != self._shape or self._since_key >= self._key_every:
            return True
        return float(np.abs(self._thumbnail - before).mean()) >= _CUT_GREY

    def _between(
        self, image: NDArray[np.uint8]
    ) -> tuple[list[Detection], list[tuple[Region, list[Detection]]]]:
        """The whole picture and the tiles of known faces; then around those that are missing."""
        by_region = [(whole(image), self._networks.detect_full_range(image, whole(image)))]
        by_region += [(tile, self._on_tile(image, tile)) for tile in self._active]
        near = self._networks.detect_short_range(image, whole(image))
        candidates = [d for _, found in by_region for d in found] + near
        missing = [face for face in self._known if not _is_among(face.box, candidates)]
        if missing:
            zoomed = self._networks.detect_short_range(image, zoomed_out(image))
            near, candidates = near + zoomed, candidates + zoomed
            missing = [face for face in missing if not _is_among(face.box, zoomed)]
        around = [
            tile
            for tile in self._tiles
            if tile not in self._active and any(_holds(tile, face.box) for face in missing)
        ]
        for tile in around:
            found = self._on_tile(image, tile)
            by_region.append((tile, found))
            candidates = [*candidates[: -len(near)], *found, *near] if near else candidates + found
        merged = non_maximum_merge(candidates)
        known = [
            replace(frame_on_crop(self._networks, image, d), score=d.score, confirmed=True)
            for d in merged
            if _is_among(d.box, self._known)
        ]
        new = [d for d in candidates if not _is_among(d.box, self._known)]
        verified = verify_candidates(self._networks, image, new)
        detections = [*known, *verified]
        return sorted(detections, key=lambda d: -d.score), by_region

    def _on_tile(self, image: NDArray[np.uint8], tile: Region) -> list[Detection]:
        return without_truncated(self._networks.detect_full_range(image, tile), tile, image)


def _is_among(box: Box, detections: Sequence[Detection]) -> bool:
    return any(same_face(box, other.box) for other in detections)


def _holds(tile: Region, box: Box) -> bool:
    """Whether the middle of ``box`` lies on ``tile``, and the face is not too large for it."""
    x, y = box.center
    return (
        tile.x <= x < tile.x + tile.width
        and tile.y <= y < tile.y + tile.height
        and box.width < tile.width / 2
    )


def _regions_of(
    known: Sequence[Detection], by_region: Sequence[tuple[Region, list[Detection]]]
) -> list[Region]:
    """The tiles that the known faces' boxes come from, without the whole picture, which is first.

    A face that the whole picture shows too needs no tile.
    """
    (_, on_whole), *on_tiles = by_region
    needed: list[Region] = []
    for face in known:
        if _is_among(face.box, on_whole):
            continue
        for tile, found in on_tiles:
            if _is_among(face.box, found):
                if tile not in needed:
                    needed.append(tile)
                break
    return needed


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[24, 24] float32 grey values at points spread over ``image``."""
    height, width = image.shape[:2]
    rows = np.linspace(0, height - 1, _THUMBNAIL_PX).astype(int)
    columns = np.linspace(0, width - 1, _THUMBNAIL_PX).astype(int)
    grey: NDArray[np.float32] = image[np.ix_(rows, columns)].mean(axis=2, dtype=np.float32)
    return grey
