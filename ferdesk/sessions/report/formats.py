"""Texts of figures in reports: shares, spans of time, clock times."""

import math
from datetime import datetime


def percent(share: float) -> str:
    if math.isnan(share):
        return "-"
    if 0 < share < 0.005:
        return "< 1 %"
    return f"{share * 100:.0f} %"


def span(seconds: float) -> str:
    """Tenths of a second below a minute, whole seconds above."""
    return f"{seconds:.1f} s" if seconds < 59.95 else clock(seconds)


def clock(seconds: float) -> str:
    whole = round(max(0.0, seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def clock_tenths(seconds: float) -> str:
    """The same with tenths of a second."""
    tenths = round(max(0.0, seconds) * 10)
    minutes = f"{tenths // 600 % 60}:{tenths // 10 % 60:02d}.{tenths % 10}"
    hours = tenths // 36_000
    return f"{hours}:{minutes.rjust(7, '0')}" if hours else minutes


def moment(at: datetime | None) -> str:
    """Date and time of this computer's zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else "unknown"
