"""Notice: a message to the user with its severity level and buttons."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Choice: a button of a notice, its text and what it does."""

    text: str
    does: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Notice:
    """Notice: a message to the user; ``details`` are folded away; ``stays`` until it is closed.

    Each of ``choices`` is a button; one that is pressed closes the notice. ``file`` can be
    opened from the notice. A notice takes the place of an earlier one with the same ``topic``, as
    "finished" does of "making". One that is ``brief`` is worth a line at the side, and no more.
    One that is ``about`` a session has done its work once that is opened.
    """

    text: str
    level: Level = "info"
    details: str = ""
    stays: bool = True
    choices: tuple[Choice, ...] = ()
    file: Path | None = None
    topic: str = ""
    brief: bool = False
    about: Path | None = None
