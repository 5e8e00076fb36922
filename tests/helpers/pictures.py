"""Pictures that tell red from blue, left from right and width from height, and what must be left.

A picture is red at the left and blue at the right, darker below than above, and wider than high.
"""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from tests.helpers.videos import with_matrix

WIDTH, HEIGHT = 96, 64


def red_and_blue(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """[height, width, 3] uint8 RGB: red (200, 30, 10), blue (10, 30, 200), half as bright below."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = (200, 30, 10)
    image[:, width // 2 :] = (10, 30, 200)
    image[height // 2 :] //= 2
    return image


def assert_red_and_blue(image: NDArray[np.uint8], tolerance: int = 45) -> None:
    """``image`` is ``red_and_blue``, as far as a codec lets it be."""
    height, width = image.shape[:2]
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8
    expected = red_and_blue(width, height)
    for rows in (slice(4, height // 2 - 4), slice(height // 2 + 4, height - 4)):
        for columns in (slice(4, width // 2 - 8), slice(width // 2 + 8, width - 4)):
            mean = image[rows, columns].reshape(-1, 3).mean(axis=0)
            wanted = expected[rows, columns].reshape(-1, 3).mean(axis=0)
            assert np.abs(mean - wanted).max() <= tolerance, (rows, columns, mean, wanted)


def write_picture(path: Path, image: NDArray[np.uint8]) -> Path:
    """``image`` RGB as the file type that ``path`` names."""
    good, data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert good
    path.write_bytes(data.tobytes())
    return path


def write_video(
    path: Path, image: NDArray[np.uint8], *, num: int = 3, turned: bool = False
) -> Path:
    """``num`` frames of ``image`` RGB, 100 ms apart; ``turned``: shown a quarter clockwise."""
    height, width = image.shape[:2]
    # its index in front, so that a server without ranges can send it
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 4_000_000
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(num):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = 100 * number, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return with_matrix(path, (0, 1, -1, 0)) if turned else path
