"""File types of pictures and videos: one list for folders, the open dialog and the docs.

A file of another type that is named is tried all the same; its content decides.
"""

STILL_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".bmp", ".tif", ".tiff", ".webp"}
)
"""Pictures that OpenCV reads; HEIC and AVIF are containers of FFmpeg, and stand below."""

VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".gif"),
        *(".wmv", ".asf", ".flv", ".f4v", ".ogv", ".mpg", ".mpeg", ".m2v", ".vob", ".mod"),
        *(".ts", ".mts", ".m2ts", ".m2t", ".dv", ".mxf", ".h264", ".264", ".h265", ".hevc"),
        *(".mjpg", ".mjpeg", ".heic", ".heif", ".avif"),
    }
)

PICTURE_SUFFIXES = STILL_SUFFIXES | {".heic", ".heif", ".avif"}
"""What holds a picture and no film."""

SUFFIXES = STILL_SUFFIXES | VIDEO_SUFFIXES


def dialog_pattern() -> str:
    """All types as a file dialog wants them, in both cases, as cameras write them."""
    both = {spelt for suffix in SUFFIXES for spelt in (suffix, suffix.upper())}
    return " ".join(f"*{suffix}" for suffix in sorted(both))
