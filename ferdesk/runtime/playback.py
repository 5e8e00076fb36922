"""Playback of files in the window: paused, moved, stepped through and repeated."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class PlaybackStatus:
    """Playback status: where a file stands and what it does.

    ``position_s`` is the time of the last frame that was given, ``length_s`` that of the file's
    end. Of a folder of pictures they count pictures, and ``name`` is that of the one that is shown;
    such a file does not play: it is ``stepped``. ``stretch`` is that of the frames that come from
    now on.
    """

    position_s: float
    length_s: float
    paused: bool = False
    at_end: bool = False
    loops: bool = False
    stepped: bool = False
    name: str = ""
    stretch: int = 0


@runtime_checkable
class Playback(Protocol):
    """Source that can be paused and moved; each method may be called from any thread.

    At the file's end it waits to be moved; its ``read`` comes back with None only after ``close``.
    A frame after a move belongs to another ``stretch`` (``ferdesk.core.types.Frame``).
    """

    def playback(self) -> PlaybackStatus: ...

    def set_paused(self, paused: bool) -> None:
        """Hold at the frame that is shown, or go on from it; from the file's end begin again."""
        ...

    def set_loops(self, loops: bool) -> None:
        """Whether the file begins again at its end."""
        ...

    def seek(self, t_s: float) -> None:
        """Go to the frame that is shown at ``t_s``, paused or not."""
        ...

    def step(self, by: int) -> None:
        """Pause, and go ``by`` frames on, or back where it is negative."""
        ...


def playback_of(source: object) -> Playback | None:
    """``source``, where it can be paused and moved."""
    return source if isinstance(source, Playback) else None
