"""Faces whose label the user corrected: crops in a folder that the trainer reads."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from ferdesk.core.crop import FACE_SIZE_PX, crop_face
from ferdesk.core.labels import LABELS
from ferdesk.core.types import FaceResult, Frame, ModelInfo
from ferdesk.errors import FerdeskError
from ferdesk.replace_file import replace_file
from ferdesk.ui.kit.language import tr


@dataclass(frozen=True, slots=True)
class Seen:
    """A face in a frame, as it was when the user pressed the key."""

    frame: Frame
    face: FaceResult
    source: str
    model: ModelInfo | None


@dataclass(frozen=True, slots=True)
class Correction:
    """One stored crop; its particulars stand beside it, in a file of the same name."""

    picture: Path
    label: str

    @property
    def particulars(self) -> Path:
        return self.picture.with_suffix(".json")


class CorrectionFolder:
    """``DIR/<label>/*.png``, as ``ferdesk-train fit --folder DIR`` reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, seen: Seen, label: str) -> Correction:
        """Store the face as the network saw it, 48x48 grey, under ``label``.

        Raises:
            FerdeskError: the folder cannot be written.
        """
        assert label in LABELS
        crop = crop_face(seen.frame.image, seen.face.square)
        pixels = np.rint(crop).astype(np.uint8)
        now = datetime.now(UTC)
        stamp = now.astimezone().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        place = self.folder / label
        picture = place / f"{stamp}-face{seen.face.face_id}.png"
        correction = Correction(picture, label)
        about = json.dumps(_particulars(seen, label, now), indent=2, ensure_ascii=False) + "\n"
        try:
            # faces of people: for nobody else who uses this machine
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.mkdir(exist_ok=True)
            # the particulars first: a picture never stands there without them
            replace_file(correction.particulars, about)
            replace_file(picture, _png(pixels))
        except OSError as error:
            with contextlib.suppress(OSError):
                correction.particulars.unlink()
            raise FerdeskError(
                tr("Can't save the face to {folder}: {why}.").format(
                    folder=place, why=error.strerror or error
                )
            ) from error
        return correction

    def remove(self, correction: Correction) -> None:
        """Delete a stored face; one that is gone already is no error.

        Raises:
            FerdeskError: it cannot be deleted.
        """
        try:
            correction.picture.unlink(missing_ok=True)
            correction.particulars.unlink(missing_ok=True)
        except OSError as error:
            raise FerdeskError(
                tr("Can't delete {path}: {why}.").format(
                    path=correction.picture, why=error.strerror or error
                )
            ) from error

    def stored(self) -> Mapping[str, tuple[Correction, ...]]:
        """What is there, by label in LABELS' order, newest first."""
        return {label: self._stored(label) for label in LABELS}

    def _stored(self, label: str) -> tuple[Correction, ...]:
        try:
            pictures = sorted((self.folder / label).glob("*.png"), reverse=True)
        except OSError:
            pictures = []
        return tuple(Correction(p, label) for p in pictures if not p.name.startswith("."))


def _particulars(seen: Seen, label: str, now: datetime) -> dict[str, object]:
    face, model = seen.face, seen.model
    return {
        "label": label,
        "shown": face.label,
        "p": _by_label(face.expression.probabilities),
        "s": _by_label(face.smoothed),
        "face_id": face.face_id,
        "square": {"x": face.square.x, "y": face.square.y, "side": face.square.side},
        "size_px": FACE_SIZE_PX,
        "source": seen.source,
        "model": None if model is None else {"name": model.name, "sha256": model.sha256},
        "stored_utc": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _by_label(values: NDArray[np.float32]) -> dict[str, float]:
    return {label: round(float(v), 6) for label, v in zip(LABELS, values, strict=True)}


def _png(pixels: NDArray[np.uint8]) -> bytes:
    side = pixels.shape[0]
    image = QImage(pixels.tobytes(), side, side, side, QImage.Format.Format_Grayscale8)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())
