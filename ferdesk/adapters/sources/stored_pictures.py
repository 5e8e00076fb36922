"""Stored pictures: what a session of pictures keeps of them, read like a film."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.sources.limits import check_file
from ferdesk.errors import SourceError
from ferdesk.messages import translatable


class StoredPictures:
    """Pictures by their number, which is also their ``t_s``; the last one read is remembered."""

    def __init__(self, paths: Mapping[int, Path]) -> None:
        self._paths = dict(sorted(paths.items()))
        self._number = -1
        self._image: NDArray[np.uint8] | None = None

    def picture_at(self, t_s: float) -> tuple[NDArray[np.uint8], float] | None:
        """Picture [H, W, 3] uint8 RGB that is shown at ``t_s``, and its own; None before any.

        Raises:
            SourceError: it is missing or cannot be read.
        """
        before = [number for number in self._paths if number <= t_s + 1e-6]
        if not before:
            return None
        number = before[-1]
        if number != self._number or self._image is None:
            self._image, self._number = _read(self._paths[number]), number
        return self._image, float(number)

    def close(self) -> None:
        self._image = None


def _read(path: Path) -> NDArray[np.uint8]:
    import cv2

    try:
        check_file(path)
        content = np.fromfile(path, np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB) if content.size else None
    except (OSError, SourceError, cv2.error):
        picture = None
    if picture is None:
        raise SourceError(translatable("The picture {path} cannot be read.", path=path.name))
    return np.ascontiguousarray(picture, np.uint8)
