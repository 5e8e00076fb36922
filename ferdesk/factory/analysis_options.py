"""Analysis options: which frames of a source are analysed, and what is written of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ferdesk.adapters.outputs.video_writer import VideoMode
from ferdesk.core.detection.networks import DetectorChoice
from ferdesk.core.labels import LABELS_FROM, LabelsFrom
from ferdesk.core.measures.drawing import LandmarksShown
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.core.smoother import SMOOTHING_TAU_S
from ferdesk.core.types import ITS_OWN, CameraFormat, Frame, ModelInfo, SourceInfo
from ferdesk.runtime.recording import Stream

_KEY_EVERY_S = 1 / 3
"""From one key frame to the next: of the faces that a search of every frame gives, this one gave 98
to 100 % on the shared clips, but for boxes on hands (``benchmarks/archive.py search``)."""
_USUAL_RATE_FPS = 30.0
_HALF_TICK_S = 0.5e-3
"""Containers round times to a millisecond."""


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """Options of ``analyze``: every ``every``-th frame, at most ``duration_s`` seconds.

    ``asked`` is what cameras are asked for. Labels come from ``labels_from`` where the model knows.
    """

    out: Path
    every: int = 1
    duration_s: float | None = None
    rate_fps: float | None = None
    """Frames a second by their times, in place of ``every``."""
    clip_s: tuple[float, float] | None = None
    """Only what lies from the first to before the second, in seconds of the source."""
    streams: tuple[Stream, ...] = ()
    """Streams that get each result as it comes."""
    video: VideoMode | None = None
    """Write the pictures too: clean, with overlay, or anonymous."""
    asked: CameraFormat = ITS_OWN
    film_began: datetime | None = None
    """When the file began, in place of the date that it carries."""
    folder_name: str = ""
    """Name of the session's folder, in place of the source's."""
    measures: MeasuresChoice = "off"
    """What of the faces themselves is measured."""
    landmarks: bool = False
    """Keep all landmarks in a file beside the rows; only where something is measured."""
    video_landmarks: LandmarksShown = "off"
    """What of the landmarks is drawn into an overlay video, where they are measured."""
    thorough: bool = False
    """Search every frame everywhere, and not only key frames; so does an anonymous video."""
    detector: DetectorChoice = "ferdesk"
    """Who finds faces; the pipeline has it already."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """``participant`` and ``condition`` of the session, where they are known."""
    labels_from: LabelsFrom = LABELS_FROM
    both_labels: bool = False
    """Write the answer that labels do not come from into columns of its own."""

    def for_model(self, model: ModelInfo) -> "AnalysisOptions":
        """The same with what ``model`` knows: its labels may come from FER2013 only."""
        return replace(self, labels_from=model.labels_from(self.labels_from))

    def settings(self) -> dict[str, object]:
        """What ``session.json`` says of them: two sessions of equal settings are alike."""
        return {
            "every": self.every,
            "rate_fps": self.rate_fps,
            "clip_s": None if self.clip_s is None else list(self.clip_s),
            "duration_s": self.duration_s,
            "camera_format": str(self.asked),
            "smoothing_tau_s": SMOOTHING_TAU_S,
            "labels_from": self.labels_from,
            "both_labels": self.both_labels,
            "video": self.video,
            "search": self._search,
            # where nothing is measured, as sessions from before have it
            **({} if self.measures == "off" else {"measures": self.measures}),
            **({} if self.video_landmarks == "off" else {"video_landmarks": self.video_landmarks}),
            **({} if self.detector == "ferdesk" else {"detector": self.detector}),
            **({"landmarks": True} if self.landmarks and self.measures != "off" else {}),
        }

    @property
    def _search(self) -> str:
        if self.detector != "ferdesk":
            return "whole picture"
        return "every frame" if self.every_frame_searched else "key frames"

    @property
    def every_frame_searched(self) -> bool:
        return self.thorough or self.video == "anonymous"

    def key_every(self, source: SourceInfo) -> int:
        """How many analysed frames of ``source`` lie from one key frame to the next."""
        if self.every_frame_searched or source.kind == "still":
            return 1
        rate_fps = source.rate_fps or _USUAL_RATE_FPS
        analysed_fps = min(rate_fps / self.every, self.rate_fps or math.inf)
        return max(1, round(analysed_fps * _KEY_EVERY_S))

    def table(self) -> dict[str, object]:
        """The options as JSON has them, for a worker in another process."""
        began = self.film_began
        return {
            "every": self.every,
            "rate_fps": self.rate_fps,
            "clip_s": self.clip_s,
            "duration_s": self.duration_s,
            "video": self.video,
            "film_began": None if began is None else began.isoformat(),
            "measures": self.measures,
            "landmarks": self.landmarks,
            "labels_from": self.labels_from,
            "both_labels": self.both_labels,
            "thorough": self.thorough,
            "detector": self.detector,
            "video_landmarks": self.video_landmarks,
        }

    @classmethod
    def of_table(cls, out: Path, table: Mapping[str, Any]) -> "AnalysisOptions":
        """The options of ``table()``, for sessions in ``out``."""
        began, clip_s = table["film_began"], table["clip_s"]
        return cls(
            out,
            every=table["every"],
            rate_fps=table["rate_fps"],
            clip_s=None if clip_s is None else (clip_s[0], clip_s[1]),
            duration_s=table["duration_s"],
            video=table["video"],
            film_began=None if began is None else datetime.fromisoformat(began),
            measures=table["measures"],
            landmarks=table.get("landmarks", False),
            labels_from=table["labels_from"],
            both_labels=table["both_labels"],
            thorough=table["thorough"],
            detector=table.get("detector", "ferdesk"),
            video_landmarks=table.get("video_landmarks", "off"),
        )


class FrameChoice:
    """Choice of the frames to analyse, by number or by time."""

    def __init__(self, options: AnalysisOptions) -> None:
        self._options = options
        self._next_index = 0
        self._due_s: float | None = None

    def takes(self, frame: Frame) -> bool:
        """Whether this frame, later than all before, is to be analysed."""
        options = self._options
        if options.clip_s is not None and frame.t_s < options.clip_s[0]:
            return False
        if options.rate_fps is None:
            if frame.index < self._next_index:
                return False
            # the next on the grid, also where frames were dropped
            self._next_index = frame.index - frame.index % options.every + options.every
            return True
        step_s = 1 / options.rate_fps
        if self._due_s is None:
            self._due_s = frame.t_s
        late_s = frame.t_s + _HALF_TICK_S - self._due_s
        if late_s < 0:
            return False
        # on the grid of the first frame, so that rounding never adds up
        self._due_s += step_s * (late_s // step_s + 1)
        return True

    def is_over(self, frame: Frame) -> bool:
        """Whether this frame and all after it lie behind what is wanted."""
        limits = [self._options.duration_s, (self._options.clip_s or (0.0, None))[1]]
        return any(limit is not None and frame.t_s >= limit for limit in limits)
