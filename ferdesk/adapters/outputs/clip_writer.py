"""Clip writer: a few pictures as a video of a steady rate, for stimuli that the program makes."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable

_CODEC = "mpeg4"  # in every build of FFmpeg, and read by every player


def write_clip(path: Path, pictures: Iterable[NDArray[np.uint8]], rate_fps: int) -> None:
    """Write ``pictures`` [H, W, 3] uint8 RGB of one size, with even sides, as MP4.

    Raises:
        RecordingError: it cannot be written.
    """
    import av

    try:
        with av.open(str(path), "w", format="mp4") as container:
            stream: Any = container.add_stream(_CODEC, rate=rate_fps)
            stream.pix_fmt = "yuv420p"
            stream.bit_rate = 6_000_000
            for number, picture in enumerate(pictures):
                if number == 0:
                    stream.height, stream.width = picture.shape[:2]
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, rate_fps)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    except (av.error.FFmpegError, OSError) as error:
        raise RecordingError(
            translatable("{path} cannot be written: {why}.", path=path, why=error)
        ) from error
