"""FER2013 is read whole and right, or refused in one sentence that names the line."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.data import fer2013
from trainer.data.fer2013 import SPLITS, Fer2013, find_fer2013, load_fer2013
from trainer.models.network import PIXEL_MEAN, PIXEL_STD

Row = tuple[int, NDArray[np.uint8], str]
WriteCsv = Callable[[Sequence[Row]], Path]
FACE = " ".join(["7"] * 2304)


@pytest.fixture
def good_csv(write_csv: WriteCsv, rows: list[Row]) -> Path:
    return write_csv(rows)


def _refusal(path: Path) -> str:
    """The sentence with which ``path`` is refused."""
    with pytest.raises(DataError) as caught:
        load_fer2013(path, official=False)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def _assert_same(found: Fer2013, expected: Fer2013) -> None:
    for split in SPLITS:
        np.testing.assert_array_equal(found.splits[split].pixels, expected.splits[split].pixels)
        np.testing.assert_array_equal(found.splits[split].labels, expected.splits[split].labels)


def test_every_row_lands_in_its_split_in_the_files_order(good_csv: Path, rows: list[Row]) -> None:
    loaded = load_fer2013(good_csv, official=False)
    for usage, split in fer2013.USAGE.items():
        own = [row for row in rows if row[2] == usage]
        faces = loaded.splits[split]
        assert faces.pixels.dtype == np.uint8
        assert faces.pixels.shape == (len(own), 48, 48)
        np.testing.assert_array_equal(faces.pixels, [face for _, face, _ in own])
        np.testing.assert_array_equal(faces.labels, [label for label, _, _ in own])
    assert loaded.sha256 == hashlib.sha256(good_csv.read_bytes()).hexdigest()


def test_the_counts_are_per_expression_in_words(good_csv: Path) -> None:
    loaded = load_fer2013(good_csv, official=False)
    assert loaded.splits["training"].counts() == {
        "angry": 3, "disgust": 3, "fear": 2, "happy": 2, "sad": 2, "surprise": 2, "neutral": 2,
    }  # fmt: skip


def test_both_forms_of_the_file_read_the_same(good_csv: Path, tmp_path: Path) -> None:
    lines = [line.split(",") for line in good_csv.read_text().splitlines()]
    other = tmp_path / "other" / "icml_face_data.csv"
    other.parent.mkdir()
    body = [f"{label},{usage},{pixels}" for label, pixels, usage in lines[1:]]
    other.write_text("\n".join(["emotion, Usage, pixels", *body]) + "\n")

    _assert_same(load_fer2013(other.parent, official=False), load_fer2013(good_csv, official=False))


@pytest.mark.parametrize("name", ["fer2013.csv", "icml_face_data.csv"])
def test_a_folder_stands_for_the_file_in_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert find_fer2013(tmp_path) == tmp_path / name


def test_a_place_without_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing at .*absent; give the path"):
        find_fer2013(tmp_path / "absent")
    with pytest.raises(DataError, match=r"neither fer2013\.csv nor icml_face_data\.csv"):
        find_fer2013(tmp_path)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f"0,{FACE}", "2 fields, 3 are needed"),
        (f"0,{FACE} 7,Training", "2305 pixels; 2304 (48 x 48) are needed"),
        (f"0,{FACE[:-2]},Training", "2303 pixels; 2304 (48 x 48) are needed"),
        ("0,,Training", "0 pixels; 2304 (48 x 48) are needed"),
        (f"9,{FACE},Training", "emotion is '9'; it is a number from 0 to 6"),
        (f"-1,{FACE},Training", "emotion is '-1'; it is a number from 0 to 6"),
        (f"happy,{FACE},Training", "emotion is 'happy'; it is a number from 0 to 6"),
        (f"0,{FACE},Test", "Usage is 'Test'; it is one of Training, PublicTest, PrivateTest"),
        (f"0,x{FACE},Training", "pixels holds something that is not a number"),
        (f"0,1.5{FACE[1:]},Training", "pixels holds something that is not a number"),
        (f"0,300{FACE[1:]},Training", "a pixel lies outside 0..255"),
        (f"0,-1{FACE[1:]},Training", "a pixel lies outside 0..255"),
        (f"0,{10**30}{FACE[1:]},Training", "pixels holds something that is not a number"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "fer2013.csv"
    good = f"0,{FACE},Training"
    path.write_text("\n".join(["emotion,pixels,Usage", good, line, good]) + "\n")
    assert _refusal(path) == f"{path}, line 3: {complaint}."


@pytest.mark.parametrize("blank", ["", "  ", ",,"])
def test_blank_rows_are_skipped(tmp_path: Path, blank: str) -> None:
    path = tmp_path / "fer2013.csv"
    good = f"0,{FACE},Training"
    path.write_text("\n".join(["emotion,pixels,Usage", good, blank, good, blank]) + "\n")
    assert len(load_fer2013(path, official=False).splits["training"]) == 2


def test_a_byte_order_mark_before_the_header_is_no_letter(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(f"emotion,pixels,Usage\n0,{FACE},Training\n", encoding="utf-8-sig")
    assert len(load_fer2013(path, official=False).splits["training"]) == 1


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"a,b,c\n1,2,3\n", b"\xff\xfe\x00\x89PNG" * 50, bytes(1000)],
    ids=["empty", "blank", "another csv", "binary", "zeros"],
)  # fmt: skip
def test_a_file_that_is_not_fer2013_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    sentence = _refusal(path)
    assert "is not FER2013" in sentence or "is not a text file" in sentence


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(f"emotion,pixels\n0,{FACE}\n")
    assert _refusal(path) == f"{path} is not FER2013: its first line lacks usage."


def test_the_official_counts_are_the_papers() -> None:
    assert fer2013.OFFICIAL_COUNTS == {"training": 28_709, "public": 3_589, "private": 3_589}


def test_a_file_with_a_row_missing_is_not_the_official_one(
    write_csv: WriteCsv, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fer2013, "OFFICIAL_COUNTS", {"training": 16, "public": 7, "private": 7})
    assert len(load_fer2013(write_csv(rows)).splits["training"]) == 16

    path = write_csv(rows[:-1])
    with pytest.raises(DataError) as caught:
        load_fer2013(path)
    assert str(caught.value) == (
        f"{path} is not the official FER2013: PrivateTest has 6 rows, the official one 7. "
        "Download it again."
    )


def test_the_official_counts_are_asked_for_by_default(good_csv: Path) -> None:
    with pytest.raises(DataError, match="Training has 16 rows, the official one 28709"):
        load_fer2013(good_csv)


def _refuse_to_parse(path: Path) -> None:
    raise AssertionError(f"{path} was parsed a second time")


def test_the_second_reading_comes_from_the_cache(
    good_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_fer2013(good_csv, official=False)
    monkeypatch.setattr(fer2013, "_parse", _refuse_to_parse)
    _assert_same(load_fer2013(good_csv, official=False), first)


def test_the_cache_still_checks_the_official_counts(good_csv: Path) -> None:
    load_fer2013(good_csv, official=False)
    with pytest.raises(DataError, match="not the official FER2013"):
        load_fer2013(good_csv, official=True)


def test_a_changed_file_is_not_taken_from_the_cache(write_csv: WriteCsv, rows: list[Row]) -> None:
    load_fer2013(write_csv(rows), official=False)
    changed = load_fer2013(write_csv(rows[1:]), official=False)
    assert len(changed.splits["training"]) == 15


@pytest.mark.parametrize("damage", ["cut off", "empty", "text", "another archive"])
def test_a_broken_cache_file_is_ignored_and_replaced(
    good_csv: Path, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_fer2013(good_csv, official=False, cache=tmp_path / "cache")
    (cached,) = (tmp_path / "cache").iterdir()
    whole = cached.read_bytes()
    if damage == "another archive":
        np.savez(cached, other=np.zeros(3))
    else:
        broken = {"cut off": whole[: len(whole) // 2], "empty": b"", "text": b"not a cache"}
        cached.write_bytes(broken[damage])

    _assert_same(load_fer2013(good_csv, official=False, cache=tmp_path / "cache"), first)

    monkeypatch.setattr(fer2013, "_parse", _refuse_to_parse)
    _assert_same(load_fer2013(good_csv, official=False, cache=tmp_path / "cache"), first)


def test_two_runs_that_fill_the_cache_at_once_write_two_files(
    good_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    written: list[str] = []

    def noted(file: IO[bytes], **arrays: NDArray[np.generic]) -> None:
        written.append(str(file.name))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", noted)
    for _ in range(2):
        load_fer2013(good_csv, official=False, cache=cache)

    assert len(set(written)) == 2
    assert list(cache.iterdir()) == []  # and what failed was taken away


def test_a_cache_that_cannot_be_written_costs_time_not_the_run(
    good_csv: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    loaded = load_fer2013(good_csv, official=False, cache=tmp_path / "taken")
    assert len(loaded.splits["training"]) == 16


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_real_fer2013_has_its_official_counts_and_pixels(
    shared_folder: Path, tmp_path: Path
) -> None:
    unpack = shared_folder / "data" / "fer2013" / "unpack.py"
    subprocess.run([sys.executable, str(unpack), str(tmp_path)], check=True)

    loaded = load_fer2013(tmp_path)

    # research notes, "What is honest on FER2013", in LABELS' order
    counts = {split: list(loaded.splits[split].counts().values()) for split in SPLITS}
    assert counts["training"] == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert counts["public"] == [467, 56, 496, 895, 653, 415, 607]
    assert counts["private"] == [491, 55, 528, 879, 594, 416, 626]
    pixels = loaded.splits["training"].pixels / np.float32(255)
    assert pixels.mean(dtype=np.float64) == pytest.approx(PIXEL_MEAN, abs=5e-5)
    assert pixels.std(dtype=np.float64) == pytest.approx(PIXEL_STD, abs=5e-5)
    assert loaded.notes == ()  # its pixels and their order are the official ones
    _assert_same(load_fer2013(tmp_path), loaded)


def _as_folder(rows: Sequence[Row], place: Path, suffix: str, by_split: bool = True) -> Path:
    """The folder form: one picture a row, the official split in its name."""
    names = ("Anger", "disgust", "fear", "happiness", "sad", "surprise", "neutral")
    for i, (label, face, usage) in enumerate(rows):
        top = ("train" if usage == "Training" else "test") if by_split else "."
        path = place / top / names[label] / f"{usage}_{10_000 + i}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)
    return place


@pytest.mark.parametrize("by_split", [True, False])
def test_the_folder_form_reads_the_same_as_the_file(
    good_csv: Path, rows: list[Row], tmp_path: Path, by_split: bool
) -> None:
    place = _as_folder(rows, tmp_path / "folder", ".png", by_split)
    loaded = load_fer2013(place, official=False)
    _assert_same(loaded, load_fer2013(good_csv, official=False))
    assert loaded.rows is None
    assert loaded.notes == ()


def test_splits_and_classes_may_stand_in_the_folders_names(
    good_csv: Path, rows: list[Row], tmp_path: Path
) -> None:
    for i, (label, face, usage) in enumerate(rows):
        path = tmp_path / "folder" / usage / str(label) / f"{i:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)
    loaded = load_fer2013(tmp_path / "folder", official=False)
    _assert_same(loaded, load_fer2013(good_csv, official=False))


def test_jpeg_copies_are_read_and_told(rows: list[Row], tmp_path: Path) -> None:
    place = _as_folder(rows, tmp_path / "folder", ".jpg")
    loaded = load_fer2013(place, official=False)
    again = load_fer2013(place, official=False)  # from the cache
    for (note,) in (loaded.notes, again.notes):
        assert note.startswith(f"30 of the 30 pictures in {place} are JPEG copies, not FER2013's")
    assert loaded.splits["training"].counts()["angry"] == 3


def test_the_merged_two_folder_form_is_refused_with_the_reason(
    rows: list[Row], tmp_path: Path
) -> None:
    for i, (label, face, usage) in enumerate(rows):
        top = "train" if usage == "Training" else "test"
        path = tmp_path / top / LABELS[label] / f"im{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)
    sentence = _refusal(tmp_path)
    assert "merges PublicTest and PrivateTest" in sentence
    assert "get fer2013.csv or icml_face_data.csv" in sentence


def test_the_second_reading_of_a_folder_comes_from_the_cache(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = _as_folder(rows, tmp_path / "folder", ".png")
    first = load_fer2013(place, official=False)
    parse = fer2013._parse_pictures
    monkeypatch.setattr(fer2013, "_parse_pictures", _refuse_to_parse)
    _assert_same(load_fer2013(place, official=False), first)

    monkeypatch.setattr(fer2013, "_parse_pictures", parse)
    moved = place / "train" / "fear" / "Training_10000.png"
    (place / "train" / "Anger" / "Training_10000.png").rename(moved)
    assert load_fer2013(place, official=False).splits["training"].counts()["angry"] == 2


@pytest.mark.parametrize(
    ("name", "side", "complaint"),
    [
        ("train/contempt/Training_1.png", 48, "its folder is no class of FER2013"),
        ("train/Training_1.png", 48, "its folder is no class of FER2013"),
        ("train/hapy/Training_1.png", 48, "did you mean happy?"),
        ("train/happy/Training_1.png", 96, "has 96 x 96 pixels; FER2013's faces have 48 x 48"),
        ("Training/happy/PublicTest_1.png", 48, "name different splits of FER2013"),
        ("happy/im1.png", 48, "neither its name nor its folder says which split"),
    ],
)
def test_a_wrong_picture_is_refused_with_its_place(
    tmp_path: Path, name: str, side: int, complaint: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((side, side), np.uint8)).save(path)
    with pytest.raises(DataError) as caught:
        load_fer2013(tmp_path, official=False)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)


def test_a_broken_picture_of_the_folder_form_is_refused(rows: list[Row], tmp_path: Path) -> None:
    place = _as_folder(rows, tmp_path / "folder", ".png")
    broken = place / "train" / "Anger" / "Training_10000.png"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(DataError, match=r"Training_10000\.png cannot be read as a picture"):
        load_fer2013(place, official=False)


def test_the_counts_of_the_folder_form_are_checked(rows: list[Row], tmp_path: Path) -> None:
    place = _as_folder(rows, tmp_path / "folder", ".png")
    with pytest.raises(DataError, match="Training has 16 rows, the official one 28709"):
        load_fer2013(place)


def test_each_face_of_the_file_knows_its_row(rows: list[Row], write_csv: WriteCsv) -> None:
    mixed = [*rows[20:], *rows[:20]]
    loaded = load_fer2013(write_csv(mixed), official=False)
    assert loaded.rows is not None
    for split in SPLITS:
        for row, face in zip(loaded.rows[split], loaded.splits[split].pixels, strict=True):
            assert fer2013.USAGE[mixed[row][2]] == split
            np.testing.assert_array_equal(mixed[row][1], face)


def test_official_counts_with_other_pixels_are_told(
    write_csv: WriteCsv, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fer2013, "OFFICIAL_COUNTS", {"training": 16, "public": 7, "private": 7})
    (note,) = load_fer2013(write_csv(rows)).notes
    assert "other pixels or another order" in note


def test_data_are_read_where_only_numpy_and_pillow_are(
    good_csv: Path, rows: list[Row], tmp_path: Path
) -> None:
    folder = _as_folder(rows, tmp_path / "folder", ".png")
    blocked = ("cv2", "PySide6", "platformdirs", "torch", "skimage", "sklearn", "av")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "from pathlib import Path\n"
        "from trainer.data.fer2013 import load_fer2013\n"
        f"for place in ({str(good_csv)!r}, {str(folder)!r}):\n"
        "    print(len(load_fer2013(Path(place), official=False).splits['training']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True,
        text=True, check=False, env={**os.environ, "HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["16", "16"], "")
    assert len(list((tmp_path / "home" / ".cache" / "ferdesk").iterdir())) == 2
