"""Near-duplicates in FER2013: faces with equal pixels, or of the same photograph.

A near-duplicate is the same photograph framed a little differently, compressed again, brightened,
or mirrored: at some shift within ``MAX_SHIFT_PX`` the centre of one face has a Pearson correlation
of ``MIN_CORRELATION`` or more with the other. docs/data.md says how the threshold was chosen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX
from trainer.data.cache import cached_file, read_arrays, write_arrays
from trainer.data.fer2013 import SPLITS, Fer2013, Split

MIN_CORRELATION = 0.93
"""Threshold of the correlation of grey values, from which two faces are one photograph."""
MAX_SHIFT_PX = 3
_VERSION = 1
"""Part of the cache's name; raised with each change of the definition."""
_CORE_PX = FACE_SIZE_PX - 2 * MAX_SHIFT_PX
_CELL_PX = 6
"""Candidates are found by averages over such cells, 7 x 7 of a face's centre."""
_CANDIDATE = 0.93
"""Threshold of the cells' correlation, from which two faces are compared pixel by pixel."""
_BLOCK = 2048
_CHUNK = 256
_FLAT = 1e-3
_NAMES = ("pairs", "likeness", "mirrored", "exact")


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Near-duplicate pairs: faces that show one photograph.

    ``pairs`` [P, 2] int64 are rows of the splits laid one behind the other in the order of
    ``splits``, the smaller first; ``sizes`` are those splits' numbers of faces. ``correlation`` [P]
    float32 is 1 where ``exact`` [P] bool says that all pixels are equal;
    ``mirrored`` [P] bool that one is the other's mirror image.
    """

    splits: tuple[Split, ...]
    sizes: tuple[int, ...]
    pairs: NDArray[np.int64]
    correlation: NDArray[np.float32]
    mirrored: NDArray[np.bool_]
    exact: NDArray[np.bool_]

    def between(self, first: Split, second: Split) -> NDArray[np.bool_]:
        """Mask [P] bool of the pairs between two splits, or within one."""
        a, b = self.split_of(self.pairs[:, 0]), self.split_of(self.pairs[:, 1])
        i, j = self.splits.index(first), self.splits.index(second)
        return np.asarray(((a == i) & (b == j)) | ((a == j) & (b == i)))

    def split_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Split of each row, as an index into ``splits``."""
        return np.searchsorted(np.cumsum(self.sizes), rows, side="right")

    def have_duplicate_in(self, split: Split, other: Split) -> NDArray[np.bool_]:
        """Mask of the faces of ``split`` that have a near-duplicate in ``other``.

        Returns:
            [N] bool, in the split's order.
        """
        offsets = dict(zip(self.splits, np.cumsum((0, *self.sizes[:-1])).tolist(), strict=True))
        have = np.zeros(self.sizes[self.splits.index(split)], dtype=np.bool_)
        for column in (0, 1):
            rows, partners = self.pairs[:, column], self.pairs[:, 1 - column]
            hit = (self.split_of(rows) == self.splits.index(split)) & (
                self.split_of(partners) == self.splits.index(other)
            )
            have[rows[hit] - offsets[split]] = True
        return have


def find_near_duplicates(data: Fer2013, cache: Path | None = None) -> NearDuplicates:
    """Near-duplicates within and across the splits, cached by the data's SHA-256.

    It takes about a minute on two cores for FER2013's 35,887 faces.
    """
    splits = tuple(split for split in SPLITS if split in data.splits)
    sizes = tuple(len(data.splits[split]) for split in splits)
    # two data sets of one hash differ in their sizes at most where a test made them
    name = f"copies-{_VERSION}-{data.sha256[:16]}-{sum(sizes)}.npz"
    cached = cached_file(name, cache)
    arrays = read_arrays(cached, _NAMES)
    if arrays is None:
        pixels = np.concatenate([data.splits[split].pixels for split in splits])
        arrays = dict(zip(_NAMES, find_pairs(pixels), strict=True))
        write_arrays(cached, arrays)
    return NearDuplicates(splits, sizes, *(arrays[name] for name in _NAMES))


def has_duplicate_in_training(
    data: Fer2013, split: Split, cache: Path | None = None
) -> NDArray[np.bool_]:
    """Mask [N] bool of the faces of ``split`` that have a near-duplicate in Training."""
    return find_near_duplicates(data, cache).have_duplicate_in(split, "training")


def have_different_labels(data: Fer2013, duplicates: NearDuplicates) -> NDArray[np.bool_]:
    """Mask [P] bool of the near-duplicates that have two different labels."""
    labels = np.concatenate([data.splits[split].labels for split in duplicates.splits])
    return np.asarray(labels[duplicates.pairs[:, 0]] != labels[duplicates.pairs[:, 1]])


def find_pairs(
    pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Near-duplicate pairs among ``pixels`` [N, 48, 48], as in NearDuplicates.

    Returns:
        pairs [P, 2], correlation [P], mirrored [P], exact [P].
    """
    _, same = np.unique(pixels.reshape(len(pixels), -1), axis=0, return_inverse=True)
    same = same.reshape(-1)
    exact = _equal_pairs(same)
    first, second, mirrored = _candidates(pixels)
    other = same[first] != same[second]
    first, second, mirrored = first[other], second[other], mirrored[other]
    correlation = _best_correlation(pixels, first, second, mirrored)
    near = correlation >= MIN_CORRELATION
    pairs = np.concatenate([exact, np.stack([first, second], axis=1)[near]])
    correlation = np.concatenate([np.ones(len(exact), np.float32), correlation[near]])
    mirrored = np.concatenate([np.zeros(len(exact), np.bool_), mirrored[near]])
    # a face that is its own mirror image is found both ways: once is enough, and as it is
    order = np.lexsort((mirrored, pairs[:, 1], pairs[:, 0]))
    pairs, correlation, mirrored = pairs[order], correlation[order], mirrored[order]
    once = np.ones(len(pairs), np.bool_)
    once[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    pairs = pairs[once]
    return pairs, correlation[once], mirrored[once], same[pairs[:, 0]] == same[pairs[:, 1]]


def _equal_pairs(same: NDArray[np.int64]) -> NDArray[np.int64]:
    """All pairs of rows that have the same number in ``same`` [N]."""
    order = np.argsort(same, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(same[order])) + 1)
    pairs = [
        (group[i], group[j])
        for group in groups
        for i in range(len(group))
        for j in range(i + 1, len(group))
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _candidates(
    pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Pairs whose cells correlate, at one of nine shifts, plainly or mirrored."""
    found: list[NDArray[np.int64]] = []
    num = len(pixels)
    middle = _cells(pixels, MAX_SHIFT_PX, MAX_SHIFT_PX)
    for mirrored in (0, 1):
        faces = pixels[:, :, ::-1] if mirrored else pixels
        for top in (0, MAX_SHIFT_PX, 2 * MAX_SHIFT_PX):
            for left in (0, MAX_SHIFT_PX, 2 * MAX_SHIFT_PX):
                shifted = _cells(faces, top, left)
                for start in range(0, num, _BLOCK):
                    correlation = middle[start : start + _BLOCK] @ shifted[start:].T
                    flat = np.flatnonzero(correlation.ravel() >= _CANDIDATE)
                    a, b = np.divmod(flat, num - start)
                    keep = a < b
                    codes = ((a[keep] + start) * num + b[keep] + start) * 2 + mirrored
                    found.append(codes.astype(np.int64))
    codes = np.unique(np.concatenate(found))
    rows = codes // 2
    return rows // num, rows % num, (codes % 2).astype(np.bool_)


def _cells(faces: NDArray[np.uint8], top: int, left: int) -> NDArray[np.float32]:
    """The averages over the cells of a part of each face, [N, 49], with mean 0 and length 1."""
    side = _CORE_PX // _CELL_PX
    part = faces[:, top : top + _CORE_PX, left : left + _CORE_PX]
    cells = part.reshape(-1, side, _CELL_PX, side, _CELL_PX).mean(axis=(2, 4), dtype=np.float32)
    return _normalised(cells.reshape(len(faces), -1))


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each vector (last axis) less its mean, divided by its length; one without contrast is 0."""
    centred = vectors - vectors.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    result = np.where(length > _FLAT, centred / np.maximum(length, _FLAT), 0)
    return np.asarray(result, dtype=np.float32)


def _best_correlation(
    pixels: NDArray[np.uint8],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    mirrored: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Highest correlation [P] of the first's centre with the second over all shifts."""
    best = np.empty(len(first), dtype=np.float32)
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        best[part] = _correlation_of(pixels[first[part]], pixels[second[part]], mirrored[part])
    return best


def _correlation_of(
    first: NDArray[np.uint8], second: NDArray[np.uint8], mirrored: NDArray[np.bool_]
) -> NDArray[np.float32]:
    edge = MAX_SHIFT_PX
    middle = first[:, edge:-edge, edge:-edge].reshape(len(first), -1).astype(np.float32)
    middle = _normalised(middle)
    other = np.where(mirrored[:, None, None], second[:, :, ::-1], second).astype(np.float32)
    best = np.full(len(first), -1, dtype=np.float32)
    for window in _windows(other):
        flat = window.reshape(len(first), -1)
        # the centre has mean 0 and length 1: only the window's own norm is left to divide by
        norm = np.sqrt(
            np.maximum(np.einsum("ij,ij->i", flat, flat) - flat.sum(1) ** 2 / flat.shape[1], 0)
        )
        product = np.einsum("ij,ij->i", middle, flat)
        best = np.maximum(best, np.where(norm > 1, product / np.maximum(norm, 1), 0))
    return best


def _windows(faces: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for top in range(2 * MAX_SHIFT_PX + 1):
        for left in range(2 * MAX_SHIFT_PX + 1):
            yield faces[:, top : top + _CORE_PX, left : left + _CORE_PX]
