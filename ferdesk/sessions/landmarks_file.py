"""Landmarks file: ``landmarks.npy`` beside the rows, the raw 478 points of every measured face.

It is one numpy array on the disk, LANDMARKS_ROW, that ``numpy.load`` reads and maps without
anything else. It grows as the recording does: what is appended is forced to the disk first, and
only then counted in the file's header, so that a killed program leaves a whole array.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.landmarks import NUM_LANDMARKS
from ferdesk.core.types import FrameResult
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions.schema import Moment

log = logging.getLogger(__name__)

LANDMARKS_FILE = "landmarks.npy"
LANDMARKS_ROW = np.dtype(
    [("frame", "<i8"), ("t_s", "<f8"), ("face_id", "<i4"), ("points", "<f4", (NUM_LANDMARKS, 3))]
)
"""A row: frame, seconds and id as in ``results.csv``; points in pixels of the picture."""
_HEADER_BYTES = 256


def landmark_rows(result: FrameResult, moment: Moment) -> bytes:
    """Rows of the faces that were measured in this very frame."""
    faces = [one for one in result.faces if one.measures is not None and one.measures.measured_now]
    rows = np.zeros(len(faces), LANDMARKS_ROW)
    for row, face in zip(rows, faces, strict=True):
        assert face.measures is not None
        row["frame"], row["t_s"], row["face_id"] = moment.frame, moment.t_s, face.face_id
        row["points"] = face.measures.landmarks.points
    return rows.tobytes()


class LandmarksFile:
    """The landmarks of one recording; after an error it goes on taking and writes nothing more."""

    def __init__(self, folder: Path) -> None:
        """Raises ``OSError`` where there is one already, or none can be made."""
        self.problem = ""
        """Why nothing more is written; empty while all is well."""
        self._num_rows = 0
        self._file: IO[bytes] = (folder / LANDMARKS_FILE).open("xb", buffering=0)
        try:
            self._file.write(_header(0))
        except OSError:
            self._file.close()
            raise

    def append(self, rows: Sequence[bytes]) -> str:
        """Write rows, force them to the disk, and count them; returns ``problem``."""
        content = b"".join(rows)
        if not content or self.problem:
            return self.problem
        try:
            self._file.seek(_HEADER_BYTES + self._num_rows * LANDMARKS_ROW.itemsize)
            written = 0
            while written < len(content):
                written += self._file.write(content[written:])
            os.fsync(self._file.fileno())
            self._num_rows += len(content) // LANDMARKS_ROW.itemsize
            self._file.seek(0)
            self._file.write(_header(self._num_rows))
        except OSError as error:
            log.warning("the landmarks %s cannot be written on", self._file.name, exc_info=True)
            self.problem = str(error.strerror or error)
        return self.problem

    def close(self) -> None:
        """Nothing waits any more; where the system could not write, ``problem`` says so."""
        try:
            self._file.close()
        except OSError as error:
            self.problem = self.problem or str(error.strerror or error)


def _header(num_rows: int) -> bytes:
    """Header of version 1.0 of numpy's format, as long for any number of rows."""
    about = {"descr": LANDMARKS_ROW.descr, "fortran_order": False, "shape": (num_rows,)}
    length = _HEADER_BYTES - 10
    text = repr(about).ljust(length - 1).encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + text


def read_landmarks(folder: Path) -> NDArray[np.void]:
    """Landmarks of the session in ``folder``: [n] rows of LANDMARKS_ROW, mapped, not loaded.

    Raises:
        RecordingError: it has none, or the file is damaged.
    """
    path = folder / LANDMARKS_FILE
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise RecordingError(
            translatable(
                "{path} has no landmarks; analyse with --measure and --landmarks.", path=folder
            )
        ) from error
    except (OSError, ValueError, EOFError) as error:
        raise RecordingError(
            translatable("The landmarks {path} cannot be read ({why}).", path=path, why=error)
        ) from error
    if rows.dtype != LANDMARKS_ROW:
        raise RecordingError(
            translatable(
                "The landmarks {path} cannot be read ({why}).",
                path=path,
                why=translatable("they have other columns"),
            )
        )
    return np.asanyarray(rows)
