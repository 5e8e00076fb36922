"""Key frame search: every tile now and then, and between that only where faces were detected.

For work without a clock on films: what an exhaustive search detects in one frame it mostly detects
in the next at the same place, with the same network on the same tile.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FULL_RANGE, square_around
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
_TILES_KEPT_FRAMES = _RESTLESS_FRAMES = 6
_LOOKS_A_KEY_FRAME = 3
_MIN_SCORE_FOLLOWED = 0.6
"""Least score of a known face on its crop, for a frame in which nothing else is looked at."""
_FINE_TILES_IN = 3
"""Key frames that share the finest tiles of a large picture among them."""


class KeyFrameSearch:
    """Key frame detector for the frames of one film, in their order; the same twice.

    The first frame and each that begins a new scene are searched exhaustively. Every
    ``key_every``-th after it is a key frame: all tiles again, of the finest of a large picture a
    third. A few times between two of them the networks see the whole picture and the tiles on which
    a known face was detected; one that is not detected there is looked for from further away and on
    the tiles around it. In the frames that are left each known face is looked for on its crop
    alone, and where one is not surely there, the frame is searched like those before.
    """

    def __init__(self, networks: DetectorNetworks, key_every: int) -> None:
        self._networks = networks
        self._exhaustive = ExhaustiveSearch(networks)
        self._key_every = key_every
        self._look_every = -(-key_every // _LOOKS_A_KEY_FRAME)
        self._since_key = self._num_key = 0
        self._thumbnail: NDArray[np.float32] | None = None
        self._shape: tuple[int, ...] = ()
        self._tiles: list[Region] = []
        self._known: list[Detection] = []
        self._needed_for: dict[Region, int] = {}
        self._active: list[Region] = []
        self._restless_for = 0
        """So many frames are looked at whole, as a face was not on its crop just now."""

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Detections in ``image`` [H, W, 3] uint8 RGB, by descending score."""
        height, width = image.shape[:2]
        if min(height, width) < SMALLEST_PICTURE_PX:
            return []
        if self._is_new_scene(image):
            self._shape, self._tiles = image.shape, list(tiles(width, height))
            self._needed_for, self._since_key, self._num_key = {}, 0, 0
            detections, by_region = self._exhaustive.detect_by_region(image)
        elif self._since_key >= self._key_every:
            self._since_key, self._num_key = 0, self._num_key + 1
            detections, by_region = self._key_frame(image)
        elif (followed := self._followed(image)) is not None:
            self._known = followed
            self._since_key += 1
            return followed
        else:
            detections, by_region = self._between(image)
        self._since_key += 1
        self._remember(detections, by_region)
        return detections

    def _remember(
        self, detections: list[Detection], by_region: list[tuple[Region, list[Detection]]]
    ) -> None:
        """Keep the faces for the next frames, and the tiles that show them."""
        # the tracker continues a face by a detection that would not have begun one
        before = self._known
        self._known = [d for d in detections if d.confirmed or _is_among(d.box, before)]
        if any(not _is_among(face.box, self._known) for face in before):
            self._restless_for = _RESTLESS_FRAMES
        needed = _regions_of(self._known, by_region)
        # one that was not detected now may be again in the next frame
        self._needed_for = {
            **{tile: left - 1 for tile, left in self._needed_for.items() if left > 1},
            **dict.fromkeys(needed, _TILES_KEPT_FRAMES),
        }
        # in the order of the exhaustive search, whose earlier boxes win
        self._active = [tile for tile in self._tiles if tile in self._needed_for]

    def _is_new_scene(self, image: NDArray[np.uint8]) -> bool:
        """Whether nothing is known of what it shows; keeps the thumbnail for the next frame."""
        before, self._thumbnail = self._thumbnail, _thumbnail(image)
        if before is None or image.shape != self._shape:
            return True
        return float(np.abs(self._thumbnail - before).mean()) >= _CUT_GREY

    def _key_frame(
        self, image: NDArray[np.uint8]
    ) -> tuple[list[Detection], list[tuple[Region, list[Detection]]]]:
        """As the exhaustive search, with every third of the finest tiles, in turn."""
        largest_px = min(image.shape[:2])
        fine = [tile for tile in self._tiles if tile.width < largest_px]
        left_out = {
            tile
            for number, tile in enumerate(fine, start=self._num_key)
            if number % _FINE_TILES_IN and not any(_holds(tile, face.box) for face in self._known)
        }
        chosen = [tile for tile in self._tiles if tile not in left_out]
        return self._exhaustive.detect_by_region(image, chosen)

    def _followed(self, image: NDArray[np.uint8]) -> list[Detection] | None:
        """The known faces on their crops; None where that does not settle the frame."""
        if self._restless_for:
            self._restless_for -= 1
            return None
        if self._since_key % self._look_every == 0:
            return None
        followed: list[Detection] = []
        for face in self._known:
            on_crop = frame_on_crop(self._networks, image, _as_on_whole(face))
            if on_crop.score < _MIN_SCORE_FOLLOWED or _is_among(on_crop.box, followed):
                self._restless_for = _RESTLESS_FRAMES
                return None
            followed.append(replace(on_crop, confirmed=face.confirmed))
        return sorted(followed, key=lambda d: -d.score)

    def _between(
        self, image: NDArray[np.uint8]
    ) -> tuple[list[Detection], list[tuple[Region, list[Detection]]]]:
        """The whole picture and the tiles of known faces; then around those that are missing."""
        by_region = [(whole(image), self._networks.detect_full_range(image, whole(image)))]
        by_region += [(tile, self._on_tile(image, tile)) for tile in self._active]
        candidates = [d for _, found in by_region for d in found]
        near: list[Detection] = []
        missing = [face for face in self._known if not _is_among(face.box, candidates)]
        if missing or not self._known:
            near = self._networks.detect_short_range(image, whole(image))
            candidates = candidates + near
            missing = [face for face in missing if not _is_among(face.box, near)]
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
        sure = [face for face in self._known if face.confirmed]
        known = [
            replace(frame_on_crop(self._networks, image, d), score=d.score, confirmed=True)
            for d in merged
            if _is_among(d.box, sure)
        ]
        others = [d for d in candidates if not _is_among(d.box, sure)]
        detections = [*known, *verify_candidates(self._networks, image, others)]
        return sorted(detections, key=lambda d: -d.score), by_region

    def _on_tile(self, image: NDArray[np.uint8], tile: Region) -> list[Detection]:
        return without_truncated(self._networks.detect_full_range(image, tile), tile, image)


def _as_on_whole(face: Detection) -> Detection:
    """As the full-range network would frame ``face``: its crop is cut like a new face's."""
    square = square_around(face.box, face.framing)
    side = square.side / FULL_RANGE.scale
    x, y = square.x + square.side / 2, square.y + square.side / 2 + side * FULL_RANGE.shift_up
    return replace(face, box=Box(x - side / 2, y - side / 2, side, side), framing=FULL_RANGE)


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
