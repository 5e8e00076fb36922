"""Moments and lengths of a session in words, and back."""

import math


def length_text(seconds: float) -> str:
    """``H:MM:SS``."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def moment_text(t_s: float) -> str:
    """``H:MM:SS.mmm``."""
    milli = round(t_s * 1000)
    return f"{length_text(milli // 1000)}.{milli % 1000:03d}"


def read_moment(text: str) -> float | None:
    """Seconds of ``12.5``, ``1:02`` or ``1:02:03.25``; None for anything else."""
    parts = text.strip().replace(",", ".").split(":")
    if not 1 <= len(parts) <= 3:
        return None
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    seconds = 0.0
    for number in numbers:
        if not math.isfinite(number) or number < 0:
            return None
        seconds = 60 * seconds + number
    return seconds
