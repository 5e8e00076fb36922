"""FER2013 as uint8 arrays in its official splits, checked row by row and cached."""

import csv
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.labels import LABELS, NUM_LABELS
from ferdesk.errors import DataError
from trainer.data.cache import cached_file, read_arrays, write_arrays
from trainer.data.class_names import advice_for, label_of
from trainer.data.images import JPEG, as_face, digest, file_digest, pictures_under, read_picture

Split = Literal["training", "public", "private"]
SPLITS: tuple[Split, ...] = ("training", "public", "private")
USAGE: dict[str, Split] = {"Training": "training", "PublicTest": "public", "PrivateTest": "private"}
OFFICIAL_COUNTS: dict[Split, int] = {"training": 28_709, "public": 3_589, "private": 3_589}
OFFICIAL_PIXELS_SHA256 = "c267d81af4fae7bced50ff1be0ce06f7d14fb05887ece2efe39e04c35f8558b1"
"""Of all 35,887 faces' bytes, in the official file's order."""
_PIXELS = FACE_SIZE_PX * FACE_SIZE_PX
_FILE_NAMES = ("fer2013.csv", "icml_face_data.csv")
_ARRAYS = ("pixels", "labels", "split", "num_jpeg")
_USAGE_IN_NAME = re.compile(r"(training|publictest|privatetest)(?![a-z])", re.IGNORECASE)
_TWO_FOLDERS = {"train", "test", "testing", "val", "valid", "validation"}
_WHAT_TO_GET = (
    "fer2013.csv or icml_face_data.csv, or the folder form whose file names begin with "
    "Training_, PublicTest_ and PrivateTest_"
)


@dataclass(frozen=True, slots=True)
class Faces:
    """Labelled faces: ``pixels`` [N, 48, 48] uint8, ``labels`` [N] int64 in LABELS' order."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def counts(self) -> dict[str, int]:
        """Number of faces of each label."""
        counted = np.bincount(self.labels, minlength=NUM_LABELS)
        return dict(zip(LABELS, counted.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Fer2013:
    """FER2013: the three official splits, in the file's order.

    ``sha256`` is the file's, or that of a folder's names and files. ``rows`` has each face's row in
    the file, [N] int64 from 0, and is None for the folder form, which has no rows. ``notes`` are
    sentences that the user should read once.
    """

    splits: dict[Split, Faces]
    sha256: str
    rows: Mapping[Split, NDArray[np.int64]] | None = None
    notes: tuple[str, ...] = ()


def find_fer2013(place: Path) -> Path:
    """Path of the data set in a file, a folder that holds it, or a folder of class folders.

    Raises:
        DataError: none of them is there.
    """
    if place.is_file():
        return place
    for name in _FILE_NAMES:
        if (place / name).is_file():
            return place / name
    if not place.exists():
        raise DataError(f"There is nothing at {place}; give the path of fer2013.csv.")
    if next(pictures_under(place), None) is not None:
        return place
    raise DataError(
        f"The folder {place} has neither {_FILE_NAMES[0]} nor {_FILE_NAMES[1]}, and no pictures."
    )


def load_fer2013(place: Path, *, official: bool = True, cache: Path | None = None) -> Fer2013:
    """FER2013, read, checked and cached by content.

    The forms: ``fer2013.csv``, ``icml_face_data.csv``, and pictures in class folders whose names
    keep the official split (``train/happy/Training_123.jpg``, ``test/happy/PublicTest_4.jpg``).

    Args:
        place: the file, a folder that holds it, or the folder of the folder form.
        official: refuse other face counts than the official splits'.
        cache: folder of the parsed copy; the user's cache folder by default.

    Raises:
        DataError: with the place and what is wrong there.
    """
    path = find_fer2013(place)
    pictures = _pictures(path) if path.is_dir() else None
    sha256 = file_digest(path).hex() if pictures is None else _digest(path, pictures)
    cached = cached_file(f"fer2013-{sha256[:16]}.npz", cache)
    arrays = read_arrays(cached, _ARRAYS)
    if arrays is None:
        arrays = _parse(path) if pictures is None else _parse_pictures(pictures)
        write_arrays(cached, arrays)
    rows = {split: np.flatnonzero(arrays["split"] == i) for i, split in enumerate(SPLITS)}
    splits = {
        split: Faces(arrays["pixels"][own], arrays["labels"][own]) for split, own in rows.items()
    }
    if official:
        _check_counts(path, splits)
    return Fer2013(
        splits, sha256, rows if pictures is None else None, tuple(_notes(path, arrays, official))
    )


def _notes(path: Path, arrays: Mapping[str, NDArray[Any]], official: bool) -> Iterator[str]:
    if num_jpeg := int(arrays["num_jpeg"]):
        yield (
            f"{num_jpeg} of the {len(arrays['labels'])} pictures in {path} are JPEG copies, not "
            "FER2013's own pixels; for figures to compare with others use fer2013.csv."
        )
    elif official and path.is_file():
        # in one piece: 83 MB take a fifth of a second
        pixels_sha256 = hashlib.sha256(arrays["pixels"].tobytes()).hexdigest()
        if pixels_sha256 != OFFICIAL_PIXELS_SHA256:
            yield (
                f"{path} has FER2013's counts, but other pixels or another order of rows than the "
                "official file; figures made with it are not comparable with others'."
            )


def _arrays(rows: Iterator[tuple[Split, int, NDArray[np.uint8]]]) -> dict[str, NDArray[Any]]:
    splits, labels, pixels = [], [], []
    for split, label, face in rows:
        splits.append(SPLITS.index(split))
        labels.append(label)
        pixels.append(face)
    return {
        "pixels": np.array(pixels, dtype=np.uint8).reshape(-1, FACE_SIZE_PX, FACE_SIZE_PX),
        "labels": np.array(labels, dtype=np.int64),
        "split": np.array(splits, dtype=np.uint8),
        "num_jpeg": np.array(0),
    }


def _parse(path: Path) -> dict[str, NDArray[Any]]:
    return _arrays(_rows(path))


def _rows(path: Path) -> Iterator[tuple[Split, int, NDArray[np.uint8]]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [name.strip().lower() for name in next(rows, [])]
            missing = {"emotion", "usage", "pixels"} - set(header)
            if missing:
                raise DataError(
                    f"{path} is not FER2013: its first line lacks {', '.join(sorted(missing))}."
                )
            emotion, usage, pixels = (header.index(n) for n in ("emotion", "usage", "pixels"))
            for row in rows:
                if not any(map(str.strip, row)):
                    continue
                where = f"{path}, line {rows.line_num}"
                if len(row) < len(header):
                    raise DataError(f"{where}: {len(row)} fields, {len(header)} are needed.")
                yield (
                    _split(row[usage].strip(), where),
                    _label(row[emotion].strip(), where),
                    _face(row[pixels], where),
                )
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file; give the path of fer2013.csv.") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error


def _split(text: str, where: str) -> Split:
    if text not in USAGE:
        raise DataError(f"{where}: Usage is {text!r}; it is one of {', '.join(USAGE)}.")
    return USAGE[text]


def _label(text: str, where: str) -> int:
    if text not in {str(label) for label in range(NUM_LABELS)}:
        raise DataError(f"{where}: emotion is {text!r}; it is a number from 0 to 6.")
    return int(text)


def _face(text: str, where: str) -> NDArray[np.uint8]:
    try:
        values = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{where}: pixels holds something that is not a number.") from error
    if len(values) != _PIXELS:
        raise DataError(f"{where}: {len(values)} pixels; {_PIXELS} (48 x 48) are needed.")
    if values.min() < 0 or values.max() > 255:
        raise DataError(f"{where}: a pixel lies outside 0..255.")
    return values.astype(np.uint8)


def _check_counts(path: Path, splits: dict[Split, Faces]) -> None:
    found = {split: len(faces) for split, faces in splits.items()}
    if found == OFFICIAL_COUNTS:
        return
    differing = "; ".join(
        f"{usage} has {found[split]} rows, the official one {OFFICIAL_COUNTS[split]}"
        for usage, split in USAGE.items()
        if found[split] != OFFICIAL_COUNTS[split]
    )
    raise DataError(f"{path} is not the official FER2013: {differing}. Download it again.")


@dataclass(frozen=True, slots=True)
class _Picture:
    """One file of the folder form; ``name`` is its path inside the folder."""

    path: Path
    name: str
    split: Split
    label: int


def _pictures(folder: Path) -> list[_Picture]:
    """The pictures of the folder form, by split and the number in their names."""
    found = [_picture(folder, path) for path in pictures_under(folder)]

    def order(picture: _Picture) -> tuple[int, int, str]:
        numbers = re.findall(r"\d+", picture.path.stem)
        return (SPLITS.index(picture.split), int(numbers[-1]) if numbers else 0, picture.name)

    return sorted(found, key=order)


def _picture(folder: Path, path: Path) -> _Picture:
    parts = path.relative_to(folder).parts
    usages = {_usage(part) for part in (*parts[:-1], path.stem)} - {None}
    if len(usages) > 1:
        raise DataError(f"{path}: its name and its folder name different splits of FER2013.")
    if not usages:
        raise DataError(_why_not_merged(folder, path, parts))
    (split,) = usages
    label = _class(path.parent.name)
    if label is None:
        raise DataError(
            f"{path}: its folder is no class of FER2013; {advice_for(path.parent.name)}"
        )
    assert split is not None
    return _Picture(path, path.relative_to(folder).as_posix(), split, label)


def _usage(text: str) -> Split | None:
    found = _USAGE_IN_NAME.match(text)
    if found is None:
        return None
    return next(split for usage, split in USAGE.items() if usage.lower() == found[1].lower())


def _class(folder_name: str) -> int | None:
    """A class from its name, or from FER2013's own number for it."""
    if folder_name in {str(label) for label in range(NUM_LABELS)}:
        return int(folder_name)
    return label_of(folder_name)


def _why_not_merged(folder: Path, path: Path, parts: tuple[str, ...]) -> str:
    if {part.lower() for part in parts[:-1]} & _TWO_FOLDERS:
        return (
            f"{folder} is a form of FER2013 that lost its official split ({'/'.join(parts)} does "
            "not say which): its test folder merges PublicTest and PrivateTest, so the faces that "
            f"choose a network would judge it too; get {_WHAT_TO_GET}."
        )
    return (
        f"{path}: neither its name nor its folder says which split of FER2013 it belongs to; "
        f"get {_WHAT_TO_GET}."
    )


def _digest(folder: Path, pictures: list[_Picture]) -> str:
    return digest([p.name for p in pictures], [file_digest(p.path) for p in pictures])


def _parse_pictures(pictures: list[_Picture]) -> dict[str, NDArray[Any]]:
    num_jpeg = 0

    def rows() -> Iterator[tuple[Split, int, NDArray[np.uint8]]]:
        nonlocal num_jpeg
        for picture in pictures:
            image, stored_as = read_picture(picture.path)
            height, width = image.shape[:2]
            if (height, width) != (FACE_SIZE_PX, FACE_SIZE_PX):
                raise DataError(
                    f"{picture.path} has {width} x {height} pixels; FER2013's faces have "
                    f"{FACE_SIZE_PX} x {FACE_SIZE_PX}."
                )
            num_jpeg += stored_as == JPEG
            yield picture.split, picture.label, as_face(image)

    arrays = _arrays(rows())
    return {**arrays, "num_jpeg": np.array(num_jpeg)}
