"""JAFFE (Lyons et al., 1998): 213 portraits of ten Japanese women, as 48-pixel faces and folds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Square
from ferdesk.errors import DataError
from ferdesk.replace_file import replacing
from trainer.data.cache import cached_file, read_arrays, write_arrays
from trainer.data.fer2013 import Faces
from trainer.data.images import as_face, centre_square, digest, file_digest, read_picture

JaffeCrop = Literal["paper", "face"]
"""``paper``: the whole portrait at 48 x 48; ``face``: framed as the app does."""
CROPS: tuple[JaffeCrop, ...] = get_args(JaffeCrop)
OFFICIAL_COUNT = 213
OFFICIAL_PEOPLE = ("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")
_CODES = ("AN", "DI", "FE", "HA", "SA", "SU", "NE")
"""The expressions' codes in file names, in LABELS' order."""
_NAME = re.compile(r"([A-Z]{2})\.([A-Z]{2})(\d)\.(\d+)\.tiff?", re.IGNORECASE)
_SUFFIXES = (".tif", ".tiff")
_CROP_VERSION = 1
"""Part of the cache's name: another way to cut counts this up."""


@dataclass(frozen=True, slots=True)
class Jaffe:
    """JAFFE's portraits as faces, ordered by person and file name.

    ``people`` has each face's woman (KA, KL, ...), ``names`` its file name; ``sha256`` is of all
    names and files. ``notes`` are sentences that the user should read once.
    """

    faces: Faces
    people: tuple[str, ...]
    names: tuple[str, ...]
    sha256: str
    notes: tuple[str, ...] = ()


def load_jaffe(
    place: Path, crop: JaffeCrop = "paper", *, official: bool = True, cache: Path | None = None
) -> Jaffe:
    """JAFFE, read and checked; the faces of ``crop = "face"`` are cut once and cached.

    Args:
        place: the folder with files like KA.AN1.39.tiff, or an .npz that ``pack_jaffe`` wrote.
        crop: how a portrait becomes a face. Where the detector sees none, the median square of
            the other portraits of that woman is taken, and ``notes`` tells how often.
        official: refuse another number of pictures or of women than JAFFE's.
        cache: folder of the cut faces; the user's cache folder by default.

    Raises:
        DataError: with the place and what is wrong there; ``face`` asked for without a cache where
            OpenCV is missing.
    """
    if crop not in CROPS:
        raise DataError(f"jaffe_crop is {crop!r}; it is one of {', '.join(CROPS)}.")
    jaffe = _unpack(place, crop) if place.is_file() else _load_portraits(place, crop, cache)
    if official:
        _check_official(place, jaffe)
    return jaffe


def pack_jaffe(
    place: Path,
    to: Path,
    crops: Sequence[JaffeCrop] = CROPS,
    *,
    official: bool = True,
    cache: Path | None = None,
) -> None:
    """Pack JAFFE's faces into ``to``, an .npz that ``load_jaffe`` reads without any picture.

    Raises:
        DataError: as ``load_jaffe``.
        OSError: ``to`` cannot be written.
    """
    arrays: dict[str, Any] = {}
    for crop in crops:
        jaffe = load_jaffe(place, crop, official=official, cache=cache)
        arrays[f"pixels_{crop}"] = jaffe.faces.pixels
        arrays[f"notes_{crop}"] = np.array(jaffe.notes, dtype=np.str_)
        arrays["names"] = np.array(jaffe.names, dtype=np.str_)
        arrays["sha256"] = np.array(jaffe.sha256)
    with replacing(to) as file:
        np.savez_compressed(file, **arrays)


def stratified_folds(
    labels: NDArray[np.int64], num_folds: int = 5, seed: int = 0
) -> list[NDArray[np.int64]]:
    """Stratified folds: test indices of ``num_folds`` random folds with even label counts.

    Folds differ by at most one face, for each label and in all. The faces of one person land in
    several folds, as in the paper's protocol; ``leave_one_out_folds`` keeps them together.

    Returns:
        Sorted indices, one array a fold; together they are every index once.

    Raises:
        ValueError: fewer than two folds, or more than faces.
    """
    if not 2 <= num_folds <= len(labels):
        raise ValueError(f"{num_folds} folds of {len(labels)} faces are not possible")
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]  # label by label, like cards
    return [np.sort(dealt[fold::num_folds]) for fold in range(num_folds)]


def leave_one_out_folds(people: Sequence[str]) -> list[NDArray[np.int64]]:
    """Leave-one-person-out folds: test indices per person, in the order of sorted names."""
    names = np.array(people)
    return [np.flatnonzero(names == person) for person in np.unique(names)]


@dataclass(frozen=True, slots=True)
class _Portrait:
    path: Path
    person: str
    label: int


def _portrait(path: Path) -> _Portrait:
    person, label, _, _ = _meaning(path.name, str(path))
    return _Portrait(path, person, label)


def _meaning(name: str, where: str) -> tuple[str, int, int, int]:
    """The woman, the label, the number of the shot and the serial number in a file name."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise DataError(f"{where}: JAFFE's files have names like KA.AN1.39.tiff.")
    person, code, shot, serial = found.groups()
    if code.upper() not in _CODES:
        raise DataError(
            f"{where}: {code} is no expression of JAFFE's; they are {', '.join(_CODES)}."
        )
    return person.upper(), _CODES.index(code.upper()), int(shot), int(serial)


def portraits(place: Path) -> list[tuple[Path, int]]:
    """Paths of JAFFE's portraits in the order of their names, each with its label.

    Raises:
        DataError: there is none, or one has another name than JAFFE's.
    """
    return [(portrait.path, portrait.label) for portrait in _portraits(place)]


def _portraits(place: Path) -> list[_Portrait]:
    if not place.is_dir():
        raise DataError(f"There is nothing at {place}; give the folder of JAFFE's .tiff files.")
    paths = [
        path for path in place.iterdir()
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith((".", "_"))
    ]  # fmt: skip
    if not paths and (place / "jaffe").is_dir():  # as its archive unpacks
        return _portraits(place / "jaffe")
    if not paths:
        raise DataError(f"The folder {place} has no .tiff file; give the folder of JAFFE's.")
    seen: dict[tuple[Any, ...], Path] = {}
    for path in sorted(paths):
        person, label, shot, serial = _meaning(path.name, str(path))
        for key in ((person, label, shot), (serial,)):
            if key in seen:
                raise DataError(
                    f"{path} and {seen[key].name} are the same picture by their names; "
                    "remove one of them."
                )
            seen[key] = path
    return sorted(map(_portrait, paths), key=lambda portrait: portrait.path.name.upper())


def _load_portraits(place: Path, crop: JaffeCrop, cache: Path | None) -> Jaffe:
    portraits = _portraits(place)
    contents = [file_digest(portrait.path) for portrait in portraits]
    for i, content in enumerate(contents):
        first = contents.index(content)
        if first != i:
            raise DataError(
                f"{portraits[i].path} and {portraits[first].path.name} have the same content; "
                "get JAFFE again."
            )
    names = [portrait.path.name for portrait in portraits]
    sha256 = digest(names, contents)
    cached = cached_file(f"jaffe-{crop}-{_CROP_VERSION}-{sha256[:16]}.npz", cache)
    arrays = read_arrays(cached, ("pixels", "notes"))
    if arrays is None:
        pixels, notes = _cut(portraits, crop)
        arrays = {"pixels": pixels, "notes": np.array(notes, dtype=np.str_)}
        write_arrays(cached, arrays)
    return _jaffe(arrays["pixels"], names, sha256, arrays["notes"], str(place))


def _cut(portraits: Sequence[_Portrait], crop: JaffeCrop) -> tuple[NDArray[np.uint8], list[str]]:
    images = [read_picture(portrait.path)[0] for portrait in portraits]
    squares: list[Square | None] = [centre_square(image) for image in images]
    notes = []
    if crop == "face":
        from trainer.data.face_crops import find_squares

        found = find_squares(images)
        squares = [
            square or _median_square(found, portraits, portrait.person)
            for square, portrait in zip(found, portraits, strict=True)
        ]
        unseen = [p.path.name for p, square in zip(portraits, found, strict=True) if square is None]
        if unseen:
            notes.append(
                f"In {len(unseen)} of {len(portraits)} portraits of JAFFE the detector sees no "
                f"face ({', '.join(unseen)}); each is framed by the median of that woman's others."
            )
    faces = [as_face(image, square) for image, square in zip(images, squares, strict=True)]
    return np.array(faces, dtype=np.uint8), notes


def _median_square(
    squares: Sequence[Square | None], portraits: Sequence[_Portrait], person: str
) -> Square:
    """The median square of a woman's portraits, or of everyone's where she was never found."""
    found = [(p.person, s) for p, s in zip(portraits, squares, strict=True) if s is not None]
    if not found:
        raise DataError("The face detector sees no face in any portrait; is this JAFFE?")
    own = [square for other, square in found if other == person] or [s for _, s in found]
    x, y, side = np.median([(square.x, square.y, square.side) for square in own], axis=0)
    return Square(float(x), float(y), float(side))


def _unpack(path: Path, crop: JaffeCrop) -> Jaffe:
    names = read_arrays(path, ("names", "sha256"))
    if names is None:
        raise DataError(
            f"{path} is no packed JAFFE; write one with ferdesk-train data --jaffe DIR --pack FILE."
        )
    arrays = read_arrays(path, (f"pixels_{crop}", f"notes_{crop}"))
    if arrays is None:
        raise DataError(
            f"{path} has no faces for jaffe_crop = {crop!r}; pack it where ferdesk is installed."
        )
    return _jaffe(
        arrays[f"pixels_{crop}"], names["names"].tolist(), str(names["sha256"]),
        arrays[f"notes_{crop}"], str(path),
    )  # fmt: skip


def _jaffe(
    pixels: NDArray[np.uint8],
    names: Sequence[str],
    sha256: str,
    notes: NDArray[np.str_],
    where: str,
) -> Jaffe:
    meanings = [_meaning(name, where) for name in names]
    labels = np.array([label for _, label, _, _ in meanings], dtype=np.int64)
    people = tuple(person for person, _, _, _ in meanings)
    return Jaffe(Faces(pixels, labels), people, tuple(names), sha256, tuple(notes.tolist()))


def _check_official(place: Path, jaffe: Jaffe) -> None:
    people = tuple(sorted(set(jaffe.people)))
    if len(jaffe.names) == OFFICIAL_COUNT and people == OFFICIAL_PEOPLE:
        return
    raise DataError(
        f"{place} is not the whole JAFFE: {len(jaffe.names)} pictures of {len(people)} women "
        f"({', '.join(people)}), the official one {OFFICIAL_COUNT} of {len(OFFICIAL_PEOPLE)}."
    )
