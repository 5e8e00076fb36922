"""Upright pictures: stored ones turned, mirrored and stretched as players show them.

One definition for files and streams: the whole display matrix (turn and mirror), which holds until
the next one, as H.264's orientation message does, and the stream's pixel aspect ratio.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

_Matrix = tuple[int, int, int, int]
_AS_STORED: _Matrix = (1, 0, 0, 1)
_QUARTER_TURNS: tuple[_Matrix, ...] = (_AS_STORED, (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))
"""Matrices of counter-clockwise turns, as ``VideoFrame.rotation`` counts them."""
_WIDEST = 4
"""A pixel that is wider or higher than this is a mistake in the file."""


class Upright:
    """Orientation of one stream's pictures."""

    def __init__(self, stream: "VideoStream") -> None:
        self._stream = stream
        self._matrix = _AS_STORED
        self._size: tuple[int, int] | None = None

    def image(self, picture: "av.VideoFrame") -> NDArray[np.uint8]:
        """``picture`` as it is to be seen, [H, W, 3] uint8 RGB."""
        self._matrix = _matrix_of(picture) or self._matrix
        width, height = shown_size(picture.width, picture.height, self._pixel_aspect(picture))
        if (width, height) == (picture.width, picture.height):
            stored = picture.to_ndarray(format="rgb24")
        else:
            scaled = picture.reformat(width, height, "rgb24", interpolation="BICUBIC")
            stored = scaled.to_ndarray()
        image = np.asarray(stored, dtype=np.uint8)
        return np.ascontiguousarray(oriented(image, self._matrix))

    def _pixel_aspect(self, picture: "av.VideoFrame") -> Fraction:
        """Width of a pixel over its height; 1 where the file does not tell."""
        size = picture.width, picture.height
        self._size = self._size or size
        aspect = self._stream.codec_context.sample_aspect_ratio
        if size == self._size:  # what the file says holds for the size it began with
            aspect = self._stream.sample_aspect_ratio or aspect
        if not aspect or not Fraction(1, _WIDEST) <= aspect <= _WIDEST:
            return Fraction(1)
        return Fraction(aspect)


def shown_size(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """Size with square pixels; no side gets shorter, so that no pixel is lost."""
    if pixel_aspect >= 1:
        return round(width * pixel_aspect), height
    return width, round(height / pixel_aspect)


def oriented(image: NDArray[np.uint8], matrix: _Matrix) -> NDArray[np.uint8]:
    """``image`` with its point (x, y) at (a x + c y, b x + d y), moved back into the picture."""
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):
        image = image.transpose(1, 0, 2)
        right, down = c, b
    else:
        right, down = a, d
    return image[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]


def _matrix_of(picture: "av.VideoFrame") -> _Matrix | None:
    """The display matrix's turn and mirror; None where the picture has none."""
    try:
        data: Any = picture.side_data.get("DISPLAYMATRIX")
    except (ValueError, KeyError):
        # PyAV knows not all kinds of side data, and then shows none of them
        turns = round((picture.rotation or 0) / 90) % 4
        return _QUARTER_TURNS[turns] if turns else None
    if data is None:
        return None
    values = np.frombuffer(bytes(data), np.int32)
    if values.size < 5:
        return None
    a, b, c, d = (int(values[place]) for place in (0, 1, 3, 4))
    return (a, b, c, d) if a or b or c or d else None
