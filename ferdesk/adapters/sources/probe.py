"""Probe of a file: how long it is and whether it has sound, from its container alone."""

from pathlib import Path


def length_s(path: Path) -> float:
    """Length of a video in seconds as its container promises it; 0 where it says nothing."""
    import av

    try:
        with av.open(str(path.absolute())) as container:
            return max(0.0, (container.duration or 0) / 1_000_000)
    except (av.error.FFmpegError, OSError, ValueError):
        return 0.0


def has_sound(path: Path) -> bool:
    """Whether a video has a track of sound; False where it cannot be opened."""
    import av

    try:
        with av.open(str(path.absolute())) as container:
            return len(container.streams.audio) > 0
    except (av.error.FFmpegError, OSError, ValueError):
        return False
