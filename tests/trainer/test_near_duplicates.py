"""Copies: the same pixels, or the same photograph again; and nobody else's."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.data import near_duplicates
from trainer.data.fer2013 import Faces, Fer2013, Split, load_fer2013
from trainer.data.near_duplicates import (
    find_near_duplicates,
    find_pairs,
    has_duplicate_in_training,
    have_different_labels,
)


def _photographs(num: int, side: int = 60, seed: int = 0) -> NDArray[np.float64]:
    """Smooth pictures with coarse and fine parts, none like another."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / 48
    pictures = np.zeros((num, side, side))
    for picture in pictures:
        for frequency in (1, 2, 3, 4, 6):
            fx, fy = rng.normal(0, frequency, 2)
            picture += rng.uniform(0.5, 1) * np.sin(6.28 * (fx * x + fy * y) + rng.uniform(0, 6.28))
    pictures -= pictures.min(axis=(1, 2), keepdims=True)
    return np.asarray(40 + 170 * pictures / pictures.max(axis=(1, 2), keepdims=True))


def _framed(picture: NDArray[np.float64], dx: int = 0, dy: int = 0) -> NDArray[np.uint8]:
    return np.rint(picture[6 + dy : 54 + dy, 6 + dx : 54 + dx]).astype(np.uint8)


@pytest.fixture
def photographs() -> NDArray[np.float64]:
    return _photographs(80)


def _found(pixels: list[NDArray[np.uint8]]) -> list[tuple[int, int, bool, bool]]:
    pairs, likeness, mirrored, exact = find_pairs(np.array(pixels))
    assert ((likeness >= near_duplicates.MIN_CORRELATION) & (likeness <= 1.0001)).all()
    return [
        (*pair, bool(m), bool(e))
        for pair, m, e in zip(pairs.tolist(), mirrored, exact, strict=True)
    ]


def test_different_photographs_are_no_copies(photographs: NDArray[np.float64]) -> None:
    assert _found([_framed(picture) for picture in photographs]) == []


def test_equal_pixels_are_exact_copies_each_pair_once(photographs: NDArray[np.float64]) -> None:
    faces = [_framed(picture) for picture in photographs[:5]]
    assert _found([*faces, faces[3], faces[1], faces[3]]) == [
        (1, 6, False, True), (3, 5, False, True), (3, 7, False, True), (5, 7, False, True),
    ]  # fmt: skip


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (1, 0), (-3, 3), (2, -2), (0, -3)])
def test_a_photograph_framed_anew_is_a_near_copy(
    photographs: NDArray[np.float64], dx: int, dy: int, mirrored: bool
) -> None:
    faces = [_framed(picture) for picture in photographs]
    again = _framed(photographs[7], dx, dy)
    noisy = np.clip(again * 0.7 + 30 + np.random.default_rng(1).normal(0, 4, again.shape), 0, 255)
    copy = noisy.astype(np.uint8)
    assert _found([*faces, copy[:, ::-1] if mirrored else copy]) == [(7, 80, mirrored, False)]


def test_faces_alike_in_the_large_and_different_in_detail_are_no_copies(
    photographs: NDArray[np.float64],
) -> None:
    face = _framed(photographs[0])
    detail = np.random.default_rng(0).choice([-25, 25], (2, 48, 48))
    assert _found([*(face + detail).astype(np.uint8)]) == []
    assert len(_found([*(face + detail // 5).astype(np.uint8)])) == 1


def test_a_photograph_framed_quite_differently_is_none(photographs: NDArray[np.float64]) -> None:
    assert _found([_framed(photographs[7]), _framed(photographs[7], 6, 6)]) == []


def test_a_mirror_image_without_a_change_is_near_not_exact(
    photographs: NDArray[np.float64],
) -> None:
    face = _framed(photographs[0])
    assert _found([face, face[:, ::-1]]) == [(0, 1, True, False)]


def test_a_symmetrical_face_is_found_once_and_unmirrored(photographs: NDArray[np.float64]) -> None:
    half = _framed(photographs[0])[:, :24]
    face = np.concatenate([half, half[:, ::-1]], axis=1)
    brighter = (face * 0.8 + 20).astype(np.uint8)
    assert _found([face, brighter]) == [(0, 1, False, False)]


def test_faces_without_contrast_are_copies_only_where_they_are_equal() -> None:
    flat = [np.full((48, 48), value, np.uint8) for value in (0, 0, 128, 255)]
    assert _found(flat) == [(0, 1, False, True)]


def test_the_order_of_blocks_loses_no_pair(
    photographs: NDArray[np.float64], monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = [_framed(picture) for picture in photographs[:20]]
    faces += [_framed(picture, 1, 1) for picture in photographs[:20]]
    whole = _found(faces)
    assert len(whole) >= 10
    monkeypatch.setattr(near_duplicates, "_BLOCK", 7)
    monkeypatch.setattr(near_duplicates, "_CHUNK", 3)
    assert _found(faces) == whole


@pytest.fixture
def data(photographs: NDArray[np.float64]) -> Fer2013:
    """Training 0..9; PublicTest has a copy of 3 with another label; PrivateTest two of 5 and 12."""

    def faces(*pixels: NDArray[np.uint8], label: int) -> Faces:
        return Faces(np.array(pixels), np.full(len(pixels), label, np.int64))

    training = [_framed(picture) for picture in photographs[:10]]
    public = [_framed(photographs[10]), _framed(photographs[3], 1, 0), _framed(photographs[12])]
    private = [_framed(photographs[5]), _framed(photographs[12])[:, ::-1], _framed(photographs[5])]
    splits: dict[Split, Faces] = {
        "training": faces(*training, training[0], label=3),
        "public": faces(*public, label=4),
        "private": faces(*private, label=3),
    }
    return Fer2013(splits, sha256="synthetic")


def test_each_split_knows_its_copies_in_training(data: Fer2013) -> None:
    assert has_duplicate_in_training(data, "public").tolist() == [False, True, False]
    assert has_duplicate_in_training(data, "private").tolist() == [True, False, True]
    training = has_duplicate_in_training(data, "training")
    assert np.flatnonzero(training).tolist() == [0, 10]


def test_pairs_are_counted_within_and_across_splits(data: Fer2013) -> None:
    copies = find_near_duplicates(data)
    counts = {
        (first, second): int(copies.between(first, second).sum())
        for first in copies.splits
        for second in copies.splits
    }
    assert counts == {
        ("training", "training"): 1, ("training", "public"): 1, ("training", "private"): 2,
        ("public", "training"): 1, ("public", "public"): 0, ("public", "private"): 1,
        ("private", "training"): 2, ("private", "public"): 1, ("private", "private"): 1,
    }  # fmt: skip


def test_copies_with_two_labels_are_contradicting(data: Fer2013) -> None:
    copies = find_near_duplicates(data)
    pairs = copies.pairs[have_different_labels(data, copies)]
    assert pairs.tolist() == [[3, 12], [13, 15]]  # Training and PublicTest; both tests, mirrored


def test_splits_that_are_not_there_are_not_missed(data: Fer2013) -> None:
    tuning = Fer2013({s: data.splits[s] for s in ("training", "public")}, sha256="tuning")
    assert has_duplicate_in_training(tuning, "public").tolist() == [False, True, False]


def test_what_was_found_is_kept(
    data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = find_near_duplicates(data, tmp_path)

    def again(_: object) -> None:
        raise AssertionError("searched a second time")

    monkeypatch.setattr(near_duplicates, "find_pairs", again)
    second = find_near_duplicates(data, tmp_path)
    np.testing.assert_array_equal(second.pairs, first.pairs)
    np.testing.assert_array_equal(second.exact, first.exact)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_real_fer2013_has_the_copies_that_the_docs_tell(
    shared_folder: Path, tmp_path: Path
) -> None:
    unpack = shared_folder / "data" / "fer2013" / "unpack.py"
    subprocess.run([sys.executable, str(unpack), str(tmp_path)], check=True)
    copies = find_near_duplicates(load_fer2013(tmp_path))
    assert int((copies.between("training", "training") & copies.exact).sum()) == 1541
    assert int((copies.between("training", "private") & copies.exact).sum()) == 415
    # sums in float32 may differ in the last place elsewhere
    assert int(copies.have_duplicate_in("public", "training").sum()) == pytest.approx(614, abs=3)
    assert int(copies.have_duplicate_in("private", "training").sum()) == pytest.approx(644, abs=3)
