"""Video format: the codec and the quality of recorded videos."""

from dataclasses import dataclass
from typing import Literal

VideoCodec = Literal["auto", "h264", "vp9", "mpeg4"]
VideoQuality = Literal["low", "normal", "high"]


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Video format; where this computer has no encoder for ``codec``, the next best is used.

    ``auto`` is H.264, else VP9, else MPEG-4. ``quality`` sets the size of the file.
    """

    codec: VideoCodec = "auto"
    quality: VideoQuality = "normal"
