"""Recording state: what the live page, the title and the review page show of a recording."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RecordingState:
    """State of a recording, as the window shows it."""

    active: bool = False
    changing: bool = False
    """It is being opened or closed on another thread."""
    elapsed_s: float = 0.0
    """Recorded time, without pauses."""
    num_lost: int = 0
    """Analysed frames that could not be written."""
    marker: str = ""
    """The label that was set last."""
    paused: bool = False
    counting_down: bool = False
    begins_in_s: float = 0.0
    """What is left of the countdown."""
    length_s: float | None = None
    """When it ends by itself; None where it does not."""


@dataclass(frozen=True, slots=True)
class RecordingEnd:
    """End of a recording: its folder and rows, and what went wrong; no folder where none opened."""

    folder: Path | None = None
    num_rows: int = 0
    problem: str = ""
