"""Picture writer: copies of the pictures of a session, a JPEG for each, beside its rows."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.anonymize import cover, covers_of
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.messages import translatable
from ferdesk.sessions.schema import picture_file

log = logging.getLogger(__name__)

Draw = Callable[[NDArray[np.uint8], Sequence[FaceResult]], NDArray[np.uint8]]
Encode = Callable[[NDArray[np.uint8]], bytes]


class PictureWriter:
    """Pictures of a session in place of a video; written at once, as nobody waits for them."""

    def __init__(self, folder: Path, mode: str, encode: Encode, draw: Draw) -> None:
        """``draw`` gives a picture with its faces' boxes and labels, for ``overlay``."""
        self._folder, self.mode = folder, mode
        self._encode, self._draw = encode, draw
        self._problem = ""
        self._num_frames = 0

    @property
    def problem(self) -> str:
        """Why nothing more is written, in a sentence; empty while all is well."""
        return self._problem

    @property
    def num_lost(self) -> int:
        """None is left out but by a problem."""
        return 0

    def about(self) -> dict[str, object]:
        """What ``session.json`` says of the pictures."""
        return {
            "file": self._folder.name,
            "mode": self.mode,
            "codec": "jpeg",
            "frames": self._num_frames,
            "frames_lost": 0,
            "starts_at_s": 0.0,
        }

    def add(self, result: FrameResult, t_s: float) -> None:
        """Write the picture of a result."""
        if self._problem:
            return
        try:
            self._folder.mkdir(exist_ok=True)
            path = self._folder / picture_file(result.frame.index)
            path.write_bytes(self._encode(self._as_wanted(result)))
        except OSError as error:
            log.exception("pictures cannot be written to %s", self._folder)
            self._problem = translatable(
                "Pictures are no longer saved: {path} cannot be written ({why}). The rows go on.",
                path=self._folder,
                why=error.strerror or error,
            )
        else:
            self._num_frames += 1

    def close(self) -> None:
        """Nothing waits."""

    def _as_wanted(self, result: FrameResult) -> NDArray[np.uint8]:
        image = result.frame.image
        if self.mode == "anonymous":
            boxes = (*(face.box for face in result.faces), *result.unconfirmed)
            return cover(image, covers_of(boxes))
        return self._draw(image, result.faces) if self.mode == "overlay" else image
