"""A picture file as a source of one frame, read by OpenCV and turned as its EXIF data says."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ferdesk.core.types import Frame, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.messages import translatable

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


class StillImage:
    """Still picture as a source: one frame at ``t_s`` 0, then the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._image: NDArray[np.uint8] | None = None

    def open(self) -> SourceInfo:
        """Read the whole picture.

        Raises:
            SourceError: missing, empty, or not a picture.
        """
        import cv2

        try:
            content = np.fromfile(self._path, dtype=np.uint8)
        except FileNotFoundError as error:
            raise SourceError(
                translatable("There is no file {path}; check the path.", path=self._path)
            ) from error
        except OSError as error:
            raise SourceError(
                translatable("{path} cannot be read: {why}.", path=self._path, why=error.strerror)
            ) from error
        if content.size == 0:
            raise SourceError(
                translatable("{path} is empty; give a picture or a video.", path=self._path)
            )
        try:
            picture = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
        except cv2.error:
            picture = None
        if picture is None:
            raise SourceError(
                translatable(
                    "{path} is not a picture that can be read, or is cut off.", path=self._path
                )
            )
        image = np.ascontiguousarray(picture, dtype=np.uint8)
        self._image = image
        height, width = image.shape[:2]
        return SourceInfo("still", self._path.stem, self._path.name, width, height)

    def read(self) -> Frame | None:
        image, self._image = self._image, None
        return None if image is None else Frame(image, 0, 0.0, time.monotonic())

    def close(self) -> None:
        self._image = None
