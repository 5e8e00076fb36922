"""Recording options: what a recording is called, what it keeps, how long it lasts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ferdesk.core.heatmap import HeatmapChoice
from ferdesk.core.measures.drawing import LandmarksShown
from ferdesk.core.video_format import VideoFormat


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """Recording options; what is empty or None is left out.

    ``name``, ``participant``, ``condition`` and ``notes`` go into ``session.json``. ``folder`` is
    where the session's folder is made, by default the usual one. ``video`` is ``off``, ``clean``,
    ``overlay`` or ``anonymous``, in ``video_format``; ``heatmap`` and ``landmarks_shown``, where
    they are measured, are painted into one with overlay. ``landmarks`` are kept in a file of their
    own, where they are measured. ``sound`` is the name of the microphone that is heard in the
    video, which an anonymous one refuses. The recording begins after ``countdown_s`` seconds and
    ends by itself after ``length_s`` of them. ``study`` is what ``session.json`` says of a study
    that the recording belongs to.
    """

    name: str = ""
    participant: str = ""
    condition: str = ""
    notes: str = ""
    folder: Path | None = None
    video: str = "off"
    video_format: VideoFormat = field(default_factory=VideoFormat)
    heatmap: HeatmapChoice | None = None
    landmarks_shown: LandmarksShown = "off"
    landmarks: bool = False
    sound: str = ""
    length_s: float | None = None
    countdown_s: int = 0
    study: Mapping[str, object] = field(default_factory=dict)

    @property
    def about(self) -> dict[str, str]:
        """What ``session.json`` says of the recording, without what was left empty."""
        values = {
            "name": self.name,
            "participant": self.participant,
            "condition": self.condition,
            "notes": self.notes,
        }
        return {key: text for key, value in values.items() if (text := value.strip())}
