"""Folder of a user's own face crops, ``DIR/<label>/*.png``, with a held-out validation set."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS, NUM_LABELS
from ferdesk.errors import DataError
from ferdesk.messages import counted
from trainer.data.class_names import advice_for, label_of
from trainer.data.fer2013 import Faces
from trainer.data.images import as_face, digest, pictures_under, read_picture

HELD_OUT_SHARE = 0.2
HELD_OUT_FROM = 5
"""A class with fewer different faces than this is trained on whole."""
_NAMED = 3


@dataclass(frozen=True, slots=True)
class FaceFolder:
    """Labelled face crops, ordered by label and file name.

    ``names`` has each face's path inside the folder; ``held_out`` [N] bool marks the faces that
    judge a training and take no part in it. ``sha256`` is of all names and faces. ``notes`` are
    sentences that the user should read once.
    """

    faces: Faces
    names: tuple[str, ...]
    held_out: NDArray[np.bool_]
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def training(self) -> Faces:
        """Faces to train on."""
        return _taken(self.faces, ~self.held_out)

    @property
    def validation(self) -> Faces:
        """Held-out faces."""
        return _taken(self.faces, self.held_out)


def _taken(faces: Faces, mask: NDArray[np.bool_]) -> Faces:
    return Faces(faces.pixels[mask], faces.labels[mask])


def load_folder(folder: Path) -> FaceFolder:
    """Face crops of any size, grey or coloured, from one folder per label.

    A folder's name is one of LABELS or a common other name for it (anger, happiness, ...), in
    capitals or not. EXIF rotation is applied; a crop's framing stays as it is, and of one that
    is not square the middle is taken. Other files and what begins with ``.`` or ``_`` are left
    alone. Pictures that cannot be read are skipped and named in ``notes``.

    Raises:
        DataError: no such folder, a folder of pictures that is no label, or no picture at all.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; give one with a folder of faces a label.")
    names, labels, pixels, unreadable = [], [], [], []
    num_oblong = 0
    for label, path in _labelled_pictures(folder):
        try:
            image, _ = read_picture(path)
        except DataError:
            unreadable.append(path.relative_to(folder).as_posix())
            continue
        num_oblong += image.shape[0] != image.shape[1]
        names.append(path.relative_to(folder).as_posix())
        labels.append(label)
        pixels.append(as_face(image))
    if not names:
        raise DataError(
            f"{folder} has no readable face; put pictures into {folder / LABELS[0]} and so on, "
            f"a folder for each of {', '.join(LABELS)}."
        )
    faces = Faces(np.array(pixels, dtype=np.uint8), np.array(labels, dtype=np.int64))
    held = held_out(faces)
    notes = list(_notes(folder, faces, unreadable, num_oblong))
    if not held.any():
        notes.append(
            f"No face in {folder} is held out, as no label has {HELD_OUT_FROM} different faces; "
            "what is trained on them cannot be judged."
        )
    sha256 = digest(names, [face.tobytes() for face in pixels])
    return FaceFolder(faces, tuple(names), held, sha256, tuple(notes))


def held_out(faces: Faces) -> NDArray[np.bool_]:
    """Held-out mask [N] bool: about a fifth of each class, chosen by a hash of the pixels.

    The sha256 of its pixels, read as a number in [0, 1), decides: a face below HELD_OUT_SHARE is
    held out, whatever its name and whatever lies beside it, so the split stays as a folder grows,
    and equal faces stay together. In a class of at least HELD_OUT_FROM different faces one is
    always held out, the one with the smallest number, and one always trained on; a smaller class
    is trained on whole.
    """
    numbers = np.array(
        [int.from_bytes(hashlib.sha256(face.tobytes()).digest()[:6]) for face in faces.pixels]
    ) / float(2**48)
    held = np.zeros(len(faces), dtype=np.bool_)
    for label in range(NUM_LABELS):
        own = faces.labels == label
        different = np.unique(numbers[own])
        if len(different) < HELD_OUT_FROM:
            continue
        limit = max(HELD_OUT_SHARE, np.nextafter(different[0], 1.0))
        held |= own & (numbers < limit) & (numbers < different[-1])
    return held


def _labelled_pictures(folder: Path) -> Iterator[tuple[int, Path]]:
    for place in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        if place.name.startswith((".", "_")):
            continue
        pictures = sorted(pictures_under(place))
        label = label_of(place.name)
        if label is None and pictures:
            raise DataError(
                f"{place} holds pictures, but {place.name!r} is no label; "
                f"{advice_for(place.name)} Begin its name with _ to leave it out."
            )
        if label is not None:
            yield from ((label, picture) for picture in pictures)


def _notes(folder: Path, faces: Faces, unreadable: list[str], num_oblong: int) -> Iterator[str]:
    if unreadable:
        more = f" and {len(unreadable) - _NAMED} more" if len(unreadable) > _NAMED else ""
        yield (
            f"{counted(len(unreadable), 'picture')} in {folder} cannot be read and "
            f"{'is' if len(unreadable) == 1 else 'are'} left out: "
            f"{', '.join(unreadable[:_NAMED])}{more}."
        )
    if num_oblong:
        yield f"Not square, so the middle is used: {counted(num_oblong, 'picture')} in {folder}."
    if loose := sum(path.parent == folder for path in pictures_under(folder)):
        yield f"Left out: {counted(loose, 'picture')} in {folder} itself, without a label."
    missing = [label for label, count in faces.counts().items() if count == 0]
    if missing:
        yield f"{folder} has no face for {', '.join(missing)}; nothing new is learnt about them."
    if contradicting := _num_contradicting(faces):
        yield f"Under two labels at once: {counted(contradicting, 'face')} in {folder}; look there."


def _num_contradicting(faces: Faces) -> int:
    """How many different faces occur with more than one label."""
    labels_of: dict[bytes, set[int]] = {}
    for face, label in zip(faces.pixels, faces.labels.tolist(), strict=True):
        labels_of.setdefault(face.tobytes(), set()).add(label)
    return sum(len(labels) > 1 for labels in labels_of.values())
