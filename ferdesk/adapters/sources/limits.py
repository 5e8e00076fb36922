"""Limits of what is read: regular files only, and no pictures that take minutes and gigabytes."""

import ctypes
import logging
import os
import stat
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ferdesk.errors import SourceError
from ferdesk.messages import translatable

if TYPE_CHECKING:
    from av.video.stream import VideoStream

log = logging.getLogger(__name__)

MOST_PIXELS = int(os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"])
"""Of a still, or a film's picture; the largest sensors of cameras and phones have 200 million."""
MOST_LIVE_PIXELS = 80_000_000
"""Of a network camera's picture, which is several times in memory; 8K has 33 million."""
MOST_BLOCK_BYTES = 256 << 20
"""Of one picture as a network camera sends it, or one plane of it decoded."""


def check_file(path: Path) -> None:
    """Check that ``path`` can be read to its end: pipes, sockets and devices may have none.

    Raises:
        SourceError: it is missing, empty, a folder or no regular file, or cannot be looked at.
    """
    try:
        look = path.stat()
    except FileNotFoundError as error:
        raise SourceError(
            translatable("There is no file {path}; check the path.", path=path)
        ) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SourceError(
            translatable("{path} cannot be read: {why}.", path=path, why=why)
        ) from error
    if stat.S_ISDIR(look.st_mode):
        raise SourceError(
            translatable("{path} is a folder; give a video or picture file.", path=path)
        )
    if not stat.S_ISREG(look.st_mode):
        raise SourceError(
            translatable(
                "{path} is no regular file but a pipe, socket or device; give a file.", path=path
            )
        )
    if look.st_size == 0:
        raise SourceError(
            translatable("{path} is empty. Choose an image or video file.", path=path)
        )


def limit_pixels(stream: "VideoStream", most: int) -> None:
    """Let the decoder refuse pictures of many more pixels, before it takes memory for them."""
    # it counts whole blocks, and the edges that some codecs lay around a picture
    options = {**stream.codec_context.options, "max_pixels": str(most + 1_000_000)}
    stream.codec_context.options = options


@cache
def limit_blocks() -> None:
    """Let FFmpeg refuse to hold more than ``MOST_BLOCK_BYTES`` in one piece, in this process.

    A camera that announces a picture of gigabytes would be read to its end: no option of the
    readers bounds that. PyAV does not pass FFmpeg's own limit on, so it is asked by name.
    """
    import av

    package = Path(av.__file__).parent
    folders = (package.parent / "av.libs", package / ".dylibs", package)
    for library in (path for folder in folders for path in folder.glob("*avutil*")):
        try:
            limit = ctypes.CDLL(str(library)).av_max_alloc
        except (OSError, AttributeError):
            continue
        limit.argtypes, limit.restype = [ctypes.c_size_t], None
        limit(MOST_BLOCK_BYTES)
        return
    log.info("FFmpeg's memory is not limited: its library was not found")


def too_large(shown: object) -> SourceError:
    """The error that a picture has too many pixels."""
    return SourceError(
        translatable(
            "{path} has more than {count} million pixels, which take too long; make it smaller "
            "first.",
            path=shown,
            count=MOST_PIXELS // 1_000_000,
        )
    )
