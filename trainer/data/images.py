"""Images on disk as upright arrays, and the 48-pixel faces that the network takes."""

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ferdesk.core.crop import FACE_SIZE_PX, crop_face
from ferdesk.core.geometry import Square
from ferdesk.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
"""What counts as a picture; all else beside pictures (notes, JSON, thumbnails) is left alone."""
JPEG = "JPEG"


def pictures_under(folder: Path) -> Iterator[Path]:
    """Image files in ``folder`` and below, in no particular order.

    What starts with ``.`` or ``_`` is skipped: macOS's ``__MACOSX`` and ``._name`` files, and what
    people set aside so. Links to folders are followed, each folder once.
    """
    seen = {folder.resolve()}
    waiting = [folder]
    while waiting:
        for entry in waiting.pop().iterdir():
            if entry.name.startswith((".", "_")):
                continue
            if entry.is_dir():
                if (real := entry.resolve()) not in seen:
                    seen.add(real)
                    waiting.append(entry)
            elif entry.suffix.lower() in SUFFIXES:
                yield entry


def read_picture(path: Path) -> tuple[NDArray[np.uint8], str]:
    """Image, rotated as its EXIF data says, and its file format (``JPEG``, ``PNG``, ...).

    Returns:
        [H, W] uint8 where it is grey (or coloured with three equal channels), else [H, W, 3] RGB.

    Raises:
        DataError: it cannot be read or decoded.
    """
    try:
        with warnings.catch_warnings():
            # a picture so large that Pillow warns of it is no face
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                stored_as = image.format or ""
                image.load()
                return _as_array(ImageOps.exif_transpose(image)), stored_as
    except (
        OSError, SyntaxError, ValueError, EOFError,
        Image.DecompressionBombError, Image.DecompressionBombWarning,
    ) as error:  # fmt: skip
        raise DataError(
            f"{path} cannot be read as a picture; save it again or remove it."
        ) from error


def _as_array(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I;16"):
        return (np.asarray(image, dtype=np.uint32) // 257).astype(np.uint8)
    if image.mode in ("L", "1", "LA"):
        return np.asarray(image.convert("L"))
    colour = np.asarray(image.convert("RGB"))
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return np.ascontiguousarray(red)
    return colour


def centre_square(image: NDArray[np.uint8]) -> Square:
    """Largest centred square of an image."""
    height, width = image.shape[:2]
    side = min(height, width)
    return Square((width - side) / 2, (height - side) / 2, side)


def as_face(image: NDArray[np.uint8], square: Square | None = None) -> NDArray[np.uint8]:
    """Face [48, 48] uint8: ``square`` of an image, by default its centre, resampled as in the app.

    A grey picture of 48 x 48 comes back as it is.
    """
    if square is None and image.shape == (FACE_SIZE_PX, FACE_SIZE_PX):
        return image
    crop = crop_face(image, square or centre_square(image), FACE_SIZE_PX)
    return np.rint(crop).astype(np.uint8)


def digest(names: list[str], contents: list[bytes]) -> str:
    """SHA-256 over many files: each one's name and own digest."""
    total = hashlib.sha256()
    for name, content in zip(names, contents, strict=True):
        total.update(f"{name}\0".encode())
        total.update(content)
    return total.hexdigest()


def file_digest(path: Path) -> bytes:
    """SHA-256 of one file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
