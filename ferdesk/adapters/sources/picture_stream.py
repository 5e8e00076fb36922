"""Choice of the video stream that is the picture: no cover art, no tile, the default track."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_STILL_BRANDS = frozenset({"avif", "avis", "heic", "heix", "heim", "heis", "mif1", "msf1", "miaf"})
_TURNING_PROPERTIES = (b"irot", b"imir")
_HEAD_BYTES = 1 << 20


def picture_stream(container: "InputContainer") -> "VideoStream | None":
    """The stream to be analysed; None where there is none, or where the picture lies in tiles."""
    from av.stream import Disposition

    aside = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
    streams = [one for one in _decodable(container) if not one.disposition & aside]
    if is_tiled(container):
        return None
    if is_still_format(container):
        # an animation has its first picture beside it, as a still
        streams.sort(key=lambda one: one.frames <= 1)
    default = [one for one in streams if one.disposition & Disposition.default]
    return next(iter(default or streams), None)


def is_still_format(container: "InputContainer") -> bool:
    """Whether this is HEIC or AVIF: a film's container that holds pictures."""
    brand = container.metadata.get("major_brand", "").strip().lower()
    return container.format.name.startswith("mov") and brand in _STILL_BRANDS


def is_still(container: "InputContainer", stream: "VideoStream") -> bool:
    """Whether ``stream`` is one still picture."""
    return is_still_format(container) and stream.frames <= 1


def is_tiled(container: "InputContainer") -> bool:
    """Whether the one picture is stored as tiles, each of which is a stream here."""
    from av.stream import Disposition

    streams = container.streams.video
    whole = any(
        one.disposition & Disposition.default and not one.disposition & Disposition.dependent
        for one in streams
    )
    tiles = [one for one in streams if one.disposition & Disposition.dependent]
    return is_still_format(container) and bool(tiles) and not whole


def num_of_its_size(container: "InputContainer", stream: "VideoStream") -> int:
    """Still pictures of the size of ``stream``, which are no tiles and no thumbnails."""
    from av.stream import Disposition

    return sum(
        (one.width, one.height) == (stream.width, stream.height)
        and not one.disposition & Disposition.dependent
        for one in _decodable(container)
    )


def _decodable(container: "InputContainer") -> "list[VideoStream]":
    """Streams of a known codec; of any other PyAV tells not even the size."""
    return [one for one in container.streams.video if hasattr(one, "width")]


def read_tiled(path: Path) -> NDArray[np.uint8] | None:
    """The whole picture [H, W, 3] uint8 RGB through OpenCV; None where that cannot read it.

    OpenCV turns none of these pictures, so one that says it is to be turned is not read.
    """
    import cv2

    content = np.fromfile(path, dtype=np.uint8)
    if any(name in content[:_HEAD_BYTES].tobytes() for name in _TURNING_PROPERTIES):
        return None
    try:
        image = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        return None
    return None if image is None else np.ascontiguousarray(image, dtype=np.uint8)
