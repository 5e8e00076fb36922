"""FER2013 as uint8 arrays with its official splits, checked row by row and cached."""

import contextlib
import csv
import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.labels import LABELS, NUM_LABELS
from ferdesk.errors import DataError
from ferdesk.paths import cache_folder

Split = Literal["training", "public", "private"]
SPLITS: tuple[Split, ...] = ("training", "public", "private")
USAGE: dict[str, Split] = {"Training": "training", "PublicTest": "public", "PrivateTest": "private"}
OFFICIAL_COUNTS: dict[Split, int] = {"training": 28_709, "public": 3_589, "private": 3_589}
_PIXELS = FACE_SIZE_PX * FACE_SIZE_PX
_FILE_NAMES = ("fer2013.csv", "icml_face_data.csv")


@dataclass(frozen=True, slots=True)
class Faces:
    """Labelled faces: ``pixels`` [N, 48, 48] uint8, ``labels`` [N] int64 in LABELS' order."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def counts(self) -> dict[str, int]:
        counted = np.bincount(self.labels, minlength=NUM_LABELS)
        return dict(zip(LABELS, counted.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Fer2013:
    """The three official splits, in the file's order; ``sha256`` is the file's."""

    splits: dict[Split, Faces]
    sha256: str


def find_fer2013(place: Path) -> Path:
    """The data set's file from a file or a folder that holds it.

    Raises:
        DataError: neither is there.
    """
    if place.is_file():
        return place
    for name in _FILE_NAMES:
        if (place / name).is_file():
            return place / name
    if not place.exists():
        raise DataError(f"There is nothing at {place}; give the path of fer2013.csv.")
    raise DataError(f"The folder {place} has neither {_FILE_NAMES[0]} nor {_FILE_NAMES[1]}.")


def load_fer2013(place: Path, *, official: bool = True, cache: Path | None = None) -> Fer2013:
    """Read and check FER2013 from ``fer2013.csv`` or ``icml_face_data.csv``; cached by content.

    Args:
        place: the file, or a folder that holds it.
        official: refuse other row counts than the official splits'.
        cache: folder of the parsed copy; the user's cache folder by default.

    Raises:
        DataError: with the line and what is wrong there.
    """
    path = find_fer2013(place)
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    cached = (cache or cache_folder()) / f"fer2013-{sha256[:16]}.npz"
    splits = _read_cache(cached)
    if splits is None:
        splits = _parse(path)
        _write_cache(cached, splits)
    if official:
        _check_counts(path, splits)
    return Fer2013(splits, sha256)


def _parse(path: Path) -> dict[Split, Faces]:
    pixels: dict[Split, list[NDArray[np.uint8]]] = {split: [] for split in SPLITS}
    labels: dict[Split, list[int]] = {split: [] for split in SPLITS}
    for split, label, face in _rows(path):
        pixels[split].append(face)
        labels[split].append(label)
    return {
        split: Faces(
            np.array(pixels[split], dtype=np.uint8).reshape(-1, FACE_SIZE_PX, FACE_SIZE_PX),
            np.array(labels[split], dtype=np.int64),
        )
        for split in SPLITS
    }


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


def _read_cache(path: Path) -> dict[Split, Faces] | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {s: Faces(arrays[f"{s}_pixels"], arrays[f"{s}_labels"]) for s in SPLITS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write_cache(path: Path, splits: dict[Split, Faces]) -> None:
    arrays: dict[str, Any] = {f"{s}_pixels": faces.pixels for s, faces in splits.items()}
    arrays |= {f"{s}_labels": faces.labels for s, faces in splits.items()}
    # two runs that start together write two files, and the later one stays
    aside = path.with_name(f"{path.stem}.{os.getpid()}.tmp.npz")
    # a cache that cannot be written costs time, not the run
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            np.savez(aside, **arrays)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
