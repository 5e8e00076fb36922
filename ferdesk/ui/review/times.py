"""Times of a session as text, and back: lengths, moments, dates."""

import math
from dataclasses import dataclass
from datetime import datetime

_LONGEST_S = 9999 * 3600.0
"""No session is longer: what a damaged file claims beyond this is not a length."""
UNKNOWN = "–"  # noqa: RUF001


def length_text(seconds: float) -> str:
    """``H:MM:SS``; a dash for what is no length."""
    if not math.isfinite(seconds) or abs(seconds) > _LONGEST_S:
        return UNKNOWN
    whole = round(abs(seconds))
    sign = "-" if seconds < 0 and whole else ""
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def moment_text(t_s: float) -> str:
    """``H:MM:SS.mmm``; a dash for what is no moment."""
    if not math.isfinite(t_s) or abs(t_s) > _LONGEST_S:
        return UNKNOWN
    milli = round(abs(t_s) * 1000)
    sign = "-" if t_s < 0 and milli else ""
    return f"{sign}{length_text(milli // 1000)}.{milli % 1000:03d}"


def date_text(moment: datetime | None) -> str:
    """``YYYY-MM-DD HH:MM`` here; empty for none, and for one that no calendar here has."""
    if moment is None:
        return ""
    try:
        return f"{moment.astimezone():%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return ""


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


@dataclass(frozen=True, slots=True)
class SessionClock:
    """Time since the recording's start, as users see it; rows and edits keep their own ``t_s``.

    A session that was recorded from a film has ``t_s`` of the film: it begins at ``starts_at_s``.
    """

    starts_at_s: float = 0.0

    def since_start(self, t_s: float) -> float:
        return t_s - self.starts_at_s

    def moment(self, t_s: float) -> str:
        return moment_text(self.since_start(t_s))

    def length(self, t_s: float) -> str:
        return length_text(self.since_start(t_s))

    def film_moment(self, t_s: float) -> str:
        """The film's own time there; empty where it is the same."""
        return moment_text(t_s) if self.starts_at_s else ""

    def read(self, text: str) -> float | None:
        """The ``t_s`` of a typed time since the start; None for anything else."""
        seconds = read_moment(text)
        return None if seconds is None else seconds + self.starts_at_s
