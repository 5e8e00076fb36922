"""JPEG of a picture, or of a part of it, made small."""

import numpy as np
from numpy.typing import NDArray


def jpeg_of(image: NDArray[np.uint8], *, longest_px: int, quality: int = 85) -> bytes:
    """``image`` [H, W, 3] uint8 RGB as JPEG, its longer side at most ``longest_px``.

    Raises:
        ValueError: it is empty.
    """
    import cv2

    height, width = image.shape[:2]
    if not (height and width):
        raise ValueError("the picture is empty")
    share = longest_px / max(height, width)
    if share < 1:
        size = max(round(width * share), 1), max(round(height * share), 1)
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return content.tobytes()
