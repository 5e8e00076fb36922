"""JAFFE: names that carry the labels, two crops, folds that are what they are called."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ferdesk.core.crop import crop_face
from ferdesk.core.geometry import Square
from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.data import face_crops
from trainer.data.jaffe import (
    OFFICIAL_PEOPLE,
    Jaffe,
    JaffeCrop,
    leave_one_out_folds,
    load_jaffe,
    pack_jaffe,
    stratified_folds,
)

# a busy machine may take many times the second or less that each needs
pytestmark = pytest.mark.timeout(120)

CODES = ("AN", "DI", "FE", "HA", "SA", "SU", "NE")


def _portrait(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (256, 256)).astype(np.uint8)


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """Two women with two portraits for each expression."""
    place = tmp_path / "portraits"
    place.mkdir()
    serial = 0
    for person in ("KA", "YM"):
        for code in CODES:
            for shot in (1, 2):
                serial += 1
                path = place / f"{person}.{code}{shot}.{serial}.tiff"
                Image.fromarray(_portrait(serial)).save(path)
    return place


def _load(place: Path, crop: JaffeCrop = "paper") -> Jaffe:
    return load_jaffe(place, crop, official=False)


def test_the_names_give_expression_and_woman(portraits: Path) -> None:
    jaffe = _load(portraits)
    assert jaffe.faces.counts() == dict.fromkeys(LABELS, 4)
    assert jaffe.people == ("KA",) * 14 + ("YM",) * 14
    at = jaffe.names.index("YM.SU2.26.tiff")
    assert LABELS[jaffe.faces.labels[at]] == "surprise"
    assert jaffe.notes == ()


def test_the_papers_crop_is_the_whole_portrait_averaged_down(portraits: Path) -> None:
    jaffe = _load(portraits)
    assert jaffe.faces.pixels.shape == (28, 48, 48)
    at = jaffe.names.index("KA.AN1.1.tiff")
    expected = np.rint(crop_face(_portrait(1), Square(0, 0, 256)))
    np.testing.assert_array_equal(jaffe.faces.pixels[at], expected)


@pytest.mark.parametrize("mode", ["P", "RGB"])
def test_portraits_that_are_stored_in_colour_are_the_same_grey(portraits: Path, mode: str) -> None:
    before = _load(portraits)
    path = portraits / "KA.AN1.1.tiff"
    Image.open(path).convert(mode).save(path)
    np.testing.assert_array_equal(_load(portraits).faces.pixels, before.faces.pixels)


def _squares(*unseen: int) -> list[Square | None]:
    squares: list[Square | None] = [Square(40 + i, 50, 150 + i) for i in range(28)]
    for i in unseen:
        squares[i] = None
    return squares


def test_the_apps_crop_is_cut_once_and_then_read_from_the_cache(
    portraits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_crops, "find_squares", lambda images: _squares()[: len(images)])
    first = _load(portraits, "face")
    at = first.names.index("KA.DI1.3.tiff")
    expected = np.rint(crop_face(_portrait(3), Square(40 + at, 50, 150 + at)))
    np.testing.assert_array_equal(first.faces.pixels[at], expected)

    def gone(_: object) -> list[Square | None]:
        raise AssertionError("the detector was asked again")

    monkeypatch.setattr(face_crops, "find_squares", gone)
    np.testing.assert_array_equal(_load(portraits, "face").faces.pixels, first.faces.pixels)


def test_a_portrait_without_a_found_face_is_framed_as_that_womans_others_and_told(
    portraits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_crops, "find_squares", lambda _: _squares(0, 20))
    jaffe = _load(portraits, "face")
    for notes in (jaffe.notes, _load(portraits, "face").notes):  # cut, then from the cache
        assert notes == (
            "In 2 of 28 portraits of JAFFE the detector sees no face (KA.AN1.1.tiff, "
            f"{jaffe.names[20]}); each is framed by the median of that woman's others.",
        )
    expected = np.rint(crop_face(_portrait(1), Square(47, 50, 157)))  # of 1..13
    np.testing.assert_array_equal(jaffe.faces.pixels[0], expected)


def test_without_any_found_face_it_is_no_jaffe(
    portraits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_crops, "find_squares", lambda _: _squares(*range(28)))
    with pytest.raises(DataError, match="no face in any portrait"):
        _load(portraits, "face")


def test_where_opencv_is_missing_the_sentence_says_what_to_do(
    portraits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DataError, match="needs cv2, which is not installed here"):
        _load(portraits, "face")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("portrait.tiff", "have names like KA.AN1.39.tiff"),
        ("KA.XX1.99.tiff", "XX is no expression of JAFFE's"),
        ("KA.AN1.99.tiff", "the same picture by their names"),
        ("KA.AN9.1.tif", "the same picture by their names"),
    ],
)
def test_odd_names_and_doubles_are_refused(portraits: Path, name: str, complaint: str) -> None:
    Image.fromarray(_portrait(99)).save(portraits / name)
    with pytest.raises(DataError) as caught:
        _load(portraits)
    assert str(portraits) in str(caught.value)
    assert complaint in str(caught.value)


def test_one_picture_under_two_names_is_refused(portraits: Path) -> None:
    (portraits / "KA.AN7.99.tiff").write_bytes((portraits / "YM.NE1.27.tiff").read_bytes())
    with pytest.raises(DataError, match="have the same content"):
        _load(portraits)


def test_what_is_no_portrait_is_left_alone(portraits: Path) -> None:
    before = _load(portraits)
    (portraits / "README_FIRST.txt").write_text("hello")
    (portraits / "._KA.AN1.1.tiff").write_bytes(b"")
    assert _load(portraits).sha256 == before.sha256


def test_another_number_of_pictures_is_not_jaffe(portraits: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"28 pictures of 2 women \(KA, YM\), the official one 213"):
        load_jaffe(portraits)
    with pytest.raises(DataError, match="There is nothing at"):
        load_jaffe(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no \.tiff file"):
        load_jaffe(tmp_path / "empty")


def test_a_pack_travels_without_the_portraits(
    portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_crops, "find_squares", lambda _: _squares(3))
    pack = tmp_path / "jaffe.npz"
    pack_jaffe(portraits, pack, official=False)
    for crop in ("paper", "face"):
        packed, loose = _load(pack, crop), _load(portraits, crop)
        np.testing.assert_array_equal(packed.faces.pixels, loose.faces.pixels)
        np.testing.assert_array_equal(packed.faces.labels, loose.faces.labels)
        assert (packed.people, packed.names, packed.sha256, packed.notes) == (
            loose.people, loose.names, loose.sha256, loose.notes,
        )  # fmt: skip


def test_a_pack_that_lacks_a_crop_or_is_none_is_refused(portraits: Path, tmp_path: Path) -> None:
    pack = tmp_path / "jaffe.npz"
    pack_jaffe(portraits, pack, ("paper",), official=False)
    with pytest.raises(DataError, match="has no faces for jaffe_crop = 'face'"):
        _load(pack, "face")
    pack.write_bytes(b"no archive")
    with pytest.raises(DataError, match="is no packed JAFFE"):
        _load(pack)


def test_a_pack_is_read_where_opencv_and_qt_are_absent(portraits: Path, tmp_path: Path) -> None:
    pack = tmp_path / "jaffe.npz"
    pack_jaffe(portraits, pack, ("paper",), official=False)
    blocked = ("cv2", "PySide6", "platformdirs", "torch")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "from pathlib import Path\n"
        "from trainer.data.jaffe import load_jaffe\n"
        f"for place in ({str(pack)!r}, {str(portraits)!r}):\n"
        "    print(len(load_jaffe(Path(place), official=False).faces))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True,
        text=True, check=False, env={**os.environ, "HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["28", "28"], "")


# JAFFE's own counts, in LABELS' order
LIKE_JAFFE = np.repeat(np.arange(7), [30, 29, 32, 31, 31, 30, 30])


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("num_folds", [2, 5, 10])
def test_stratified_folds_spread_every_label_evenly(num_folds: int, seed: int) -> None:
    labels = np.random.default_rng(9).permutation(LIKE_JAFFE)
    folds = stratified_folds(labels, num_folds, seed)
    assert sorted(np.concatenate(folds).tolist()) == list(range(213))
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    counts = np.array([np.bincount(labels[fold], minlength=7) for fold in folds])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()


def test_stratified_folds_come_from_their_seed_alone() -> None:
    first, again, other = (stratified_folds(LIKE_JAFFE, 5, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("num_folds", [1, 8])
def test_impossible_folds_are_refused(num_folds: int) -> None:
    with pytest.raises(ValueError, match="not possible"):
        stratified_folds(np.arange(7), num_folds)


def test_leave_one_out_keeps_each_woman_in_one_fold() -> None:
    people = ("YM", "KA", "KA", "NM", "YM", "KA")
    folds = leave_one_out_folds(people)
    assert [fold.tolist() for fold in folds] == [[1, 2, 5], [3], [0, 4]]


def test_the_real_jaffe_has_its_official_counts(shared_folder: Path) -> None:
    place = shared_folder / "data" / "jaffe"
    if not place.is_dir():
        pytest.skip(f"no JAFFE in {place}")
    jaffe = load_jaffe(place)
    assert list(jaffe.faces.counts().values()) == [30, 29, 32, 31, 31, 30, 30]
    assert tuple(sorted(set(jaffe.people))) == OFFICIAL_PEOPLE


@pytest.mark.slow
def test_the_detector_finds_all_faces_of_the_real_jaffe(shared_folder: Path) -> None:
    place = shared_folder / "data" / "jaffe"
    if not place.is_dir():
        pytest.skip(f"no JAFFE in {place}")
    assert load_jaffe(place, "face").notes == ()
