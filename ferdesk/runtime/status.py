"""Engine status: the state of a run, its rates and counts, and the kinds of its events."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import DeviceInfo, ModelInfo, SourceEventKind, SourceInfo
from ferdesk.messages import translatable
from ferdesk.runtime.playback import PlaybackStatus

EventKind = (
    Literal["camera_lost", "camera_back", "source_error", "picture_changed", "device_changed"]
    | SourceEventKind
)
"""What may happen to a run, in the words of ``session.json``."""


class State(Enum):
    """State of the engine."""

    IDLE = "idle"
    OPENING = "opening"
    RUNNING = "running"
    LOST = "lost"
    ENDED = "ended"
    FAILED = "failed"


ACTIVE = frozenset({State.OPENING, State.RUNNING, State.LOST})
"""The states in which a run has threads at work."""


@dataclass(frozen=True, slots=True)
class Status:
    """Status of the engine for people; rates are of the last two seconds.

    ``post_processing`` holds the parameters between raw and shown values.
    ``message`` is a sentence where there is something to tell (why it failed, what was lost).
    ``silent_s`` is how long the source has given nothing, ``trouble`` why it could not be opened
    again, ``num_attempts`` how often that was tried. ``num_seen``, ``num_analysed`` and
    ``num_dropped`` count frames since the start. ``model_choice`` says why this model is used
    where it was chosen by measurement. ``playback`` is where a file stands; None of other sources.
    """

    state: State = State.IDLE
    message: str = ""
    source: SourceInfo | None = None
    model: ModelInfo | None = None
    device: DeviceInfo | None = None
    capture_fps: float = 0.0
    analysis_fps: float = 0.0
    latency_ms: float = 0.0
    silent_s: float = 0.0
    trouble: str = ""
    num_attempts: int = 0
    num_seen: int = 0
    num_analysed: int = 0
    num_dropped: int = 0
    post_processing: PostProcessing = field(default_factory=PostProcessing)
    model_choice: str = ""
    playback: PlaybackStatus | None = None

    @property
    def stands_still(self) -> bool:
        """Whether a file waits: paused, at its end, or a picture among others."""
        playback = self.playback
        return playback is not None and (playback.paused or playback.at_end or playback.stepped)


def device_change(device: DeviceInfo) -> str:
    """A sentence for the user whose network has just left its device."""
    return translatable(
        "The network now runs on the {provider}: {why}.",
        provider=device.provider,
        why=device.reason,
    )
