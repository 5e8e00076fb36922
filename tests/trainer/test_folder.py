"""A user's folder of face crops: read whatever its pictures are, and split by their content."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.data.fer2013 import Faces
from trainer.data.folder import held_out, load_folder


def _face(seed: int, side: int = 48) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side)).astype(np.uint8)


def _put(folder: Path, name: str, image: NDArray[np.uint8] | Image.Image) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten faces for each of the seven labels."""
    place = tmp_path / "faces"
    for i, label in enumerate(LABELS):
        for j in range(10):
            _put(place, f"{label}/{j}.png", _face(100 * i + j))
    return place


def test_every_crop_is_read_under_its_label(folder: Path) -> None:
    loaded = load_folder(folder)
    assert loaded.faces.counts() == dict.fromkeys(LABELS, 10)
    assert loaded.notes == ()
    at = loaded.names.index("sad/3.png")
    np.testing.assert_array_equal(loaded.faces.pixels[at], _face(403))
    assert loaded.faces.labels[at] == LABELS.index("sad")
    assert len(loaded.training) + len(loaded.validation) == 70


@pytest.mark.parametrize(
    ("name", "label"),
    [("Anger", "angry"), ("HAPPINESS", "happy"), ("sadness", "sad"), ("Surprised", "surprise")],
)
def test_common_other_names_of_a_label_are_understood(
    tmp_path: Path, name: str, label: str
) -> None:
    _put(tmp_path, f"{name}/1.png", _face(1))
    assert load_folder(tmp_path).faces.counts()[label] == 1


def test_a_crop_of_any_kind_becomes_the_same_grey_face(tmp_path: Path) -> None:
    grey = _face(5)
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    _put(tmp_path, "happy/a.png", grey)
    _put(tmp_path, "happy/b.png", colour)
    _put(tmp_path, "happy/c.png", Image.fromarray(np.dstack([colour, np.full_like(grey, 255)])))
    _put(tmp_path, "happy/d.png", Image.fromarray(grey).convert("P"))
    _put(tmp_path, "happy/e.png", Image.fromarray(grey.astype(np.uint16) * 257))
    _put(tmp_path, "happy/f.png", np.repeat(np.repeat(grey, 2, axis=0), 2, axis=1))
    _put(tmp_path, "happy/g.bmp", grey)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned a quarter clockwise to stand upright
    Image.fromarray(np.rot90(grey)).save(tmp_path / "happy" / "h.png", exif=turned)

    loaded = load_folder(tmp_path)

    assert [name[6] for name in loaded.names] == list("abcdefgh")
    for name, face in zip(loaded.names, loaded.faces.pixels, strict=True):
        if name != "happy/f.png":  # enlarged and shrunk again: near, not equal
            np.testing.assert_array_equal(face, grey, err_msg=name)


def test_the_middle_of_a_crop_that_is_not_square_is_used_and_told(tmp_path: Path) -> None:
    grey = _face(6)
    wide = np.pad(grey, ((0, 0), (10, 10)))
    _put(tmp_path, "fear/a.png", wide)
    loaded = load_folder(tmp_path)
    np.testing.assert_array_equal(loaded.faces.pixels[0], grey)
    assert f"Not square, so the middle is used: 1 picture in {tmp_path}." in loaded.notes


def test_other_files_and_what_is_set_aside_are_left_alone(folder: Path) -> None:
    before = load_folder(folder)
    (folder / "happy" / "corrections.json").write_text("{}")
    (folder / "README.txt").write_text("hello")
    _put(folder, "happy/._1.png", _face(1))
    _put(folder, "_unsure/1.png", _face(2))
    _put(folder, ".hidden/1.png", _face(3))
    (folder / "empty").mkdir()
    after = load_folder(folder)
    assert (after.names, after.sha256, after.notes) == (before.names, before.sha256, ())


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_that_leads_back_is_followed_once(folder: Path) -> None:
    before = load_folder(folder)
    (folder / "happy" / "again").symlink_to(folder / "happy", target_is_directory=True)
    assert load_folder(folder).names == before.names


def test_a_picture_that_cannot_be_read_is_named_and_left_out(folder: Path) -> None:
    good = (folder / "happy" / "1.png").read_bytes()
    (folder / "happy" / "cut.png").write_bytes(good[: len(good) // 2])
    (folder / "sad" / "text.jpg").write_text("no picture")
    (folder / "sad" / "empty.png").touch()
    loaded = load_folder(folder)
    assert len(loaded.faces) == 70
    assert loaded.notes == (
        f"3 pictures in {folder} cannot be read and are left out: "
        "happy/cut.png, sad/empty.png, sad/text.jpg.",
    )


def test_a_folder_that_is_no_label_is_refused_with_advice(folder: Path) -> None:
    _put(folder, "hapy/1.png", _face(1))
    with pytest.raises(DataError, match=r"'hapy' is no label; did you mean happy\?"):
        load_folder(folder)


def test_missing_labels_and_loose_pictures_are_told(tmp_path: Path) -> None:
    for i in range(5):
        _put(tmp_path, f"happy/{i}.png", _face(i))
    _put(tmp_path, "stray.png", _face(9))
    notes = " ".join(load_folder(tmp_path).notes)
    assert "no face for angry, disgust, fear, sad, surprise, neutral" in notes
    assert f"Left out: 1 picture in {tmp_path} itself, without a label." in notes


def test_one_face_under_two_labels_is_told(folder: Path) -> None:
    _put(folder, "fear/twice.png", _face(0))
    (note,) = load_folder(folder).notes
    assert note.startswith(f"Under two labels at once: 1 face in {folder};")


@pytest.mark.parametrize("content", ["nothing", "an empty label", "no folder"])
def test_a_folder_without_faces_is_refused(tmp_path: Path, content: str) -> None:
    place = tmp_path / "faces"
    if content != "no folder":
        place.mkdir()
    if content == "an empty label":
        (place / "happy").mkdir()
    with pytest.raises(DataError) as caught:
        load_folder(place)
    assert str(place) in str(caught.value)
    assert "\n" not in str(caught.value)


def _held(names: tuple[str, ...], held: NDArray[np.bool_]) -> set[str]:
    return {name for name, out in zip(names, held, strict=True) if out}


def test_the_split_stays_as_a_folder_grows_and_whatever_its_files_are_called(folder: Path) -> None:
    before = load_folder(folder)
    first = _held(before.names, before.held_out)
    assert first
    for i, label in enumerate(LABELS):
        for j in range(10, 30):
            _put(folder, f"{label}/{j}.png", _face(100 * i + j))
    after = load_folder(folder)
    later = _held(after.names, after.held_out)
    grown = {name for name in later if name in before.names}
    assert grown <= first  # no face that was trained on becomes one that judges
    # a class that had to hold out its only one may let it go when others come
    assert len(first - grown) <= 2

    for path in folder.glob("*/*.png"):
        path.rename(path.with_name(f"renamed-{path.name}"))
    renamed = load_folder(folder)
    stripped = {name.replace("renamed-", "") for name in _held(renamed.names, renamed.held_out)}
    assert stripped == later


def test_about_a_fifth_of_each_label_is_held_out() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1400, 48, 48)).astype(np.uint8)
    labels = np.arange(1400) % 7
    held = held_out(Faces(pixels, labels))
    for label in range(7):
        assert 0.12 < held[labels == label].mean() < 0.28


@pytest.mark.parametrize("seed", range(30))
def test_five_different_faces_hold_out_one_at_least_and_train_on_one(seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 48, 48)).astype(np.uint8)
    held = held_out(Faces(pixels, np.zeros(5, np.int64)))
    assert 1 <= held.sum() <= 4


def test_four_different_faces_are_all_trained_on() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (4, 48, 48)).astype(np.uint8)
    several = np.concatenate([pixels] * 3)
    assert not held_out(Faces(several, np.zeros(12, np.int64))).any()


def test_equal_faces_are_never_on_both_sides() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (40, 48, 48)).astype(np.uint8)
    twice = held_out(Faces(np.concatenate([pixels, pixels]), np.zeros(80, np.int64)))
    np.testing.assert_array_equal(twice[:40], twice[40:])
