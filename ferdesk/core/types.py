"""Values that travel through the program; nobody changes one that has been handed on.

Pictures are [H, W, 3] uint8 RGB, upright, never mirrored. Coordinates are continuous pixels of
that picture, x to the right and y down; pixel ``i`` covers ``[i, i + 1)``. Times end in ``_s`` and
come from the monotonic clock unless they say otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box, Framing, Square
from ferdesk.core.labels import LABELS, LabelsFrom, lift_rare_labels
from ferdesk.core.measures.values import FaceMeasures, UnmeasuredReason
from ferdesk.core.quality import LowConfidenceReason
from ferdesk.messages import translatable

MapName = Literal["attention", "attention_mid", "cam"]
SourceKind = Literal["camera", "stream", "video", "still", "pictures", "demo"]
SourceEventKind = Literal["time_jumped", "no_times", "pictures_damaged", "pictures_left_out"]

STAGES = ("detect", "track", "crop", "wait", "classify", "measure", "smooth")
"""Stages of the pipeline in order; ``wait`` lies between its two halves, for the other thread."""


@dataclass(frozen=True, slots=True)
class CameraFormat:
    """Camera format that is asked for; zeros leave the choice to the camera."""

    width: int = 0
    height: int = 0
    rate_fps: float = 0.0

    @classmethod
    def of(cls, size: str, rate_fps: float = 0.0) -> "CameraFormat":
        """From a size in the form ``1280x720``; an empty one leaves it to the camera.

        Raises:
            ValueError: a sentence that says what was wanted.
        """
        if not size:
            return cls(rate_fps=rate_fps)
        width, _, height = size.lower().partition("x")
        numbers = [int(n) if n.isascii() and n.isdecimal() else 0 for n in (width, height)]
        if not all(16 <= number <= 16384 for number in numbers):
            raise ValueError(f"{size!r} is no resolution; write one like 1280x720.")
        return cls(numbers[0], numbers[1], rate_fps)

    def __str__(self) -> str:
        size = f"{self.width}x{self.height}" if self.width else ""
        rate = f"{self.rate_fps:g} fps" if self.rate_fps else ""
        return " at ".join(part for part in (size, rate) if part) or "its own"


ITS_OWN = CameraFormat()
"""A camera is left to choose."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Source information, known once a source is open.

    ``name`` is for people and folder names (a file's stem, ``camera0``, ``demo``, a host);
    ``location`` has no credentials. ``rate_fps`` is None where unknown. ``starts_utc`` is the
    date that a file carries. ``asked`` is what a camera was asked for, while the other fields say
    what it gives. A ``live`` source loses what is not read in time.
    """

    kind: SourceKind
    name: str
    location: str
    width: int
    height: int
    rate_fps: float | None = None
    starts_utc: datetime | None = None
    asked: CameraFormat = ITS_OWN

    @property
    def refused(self) -> str:
        """A sentence where a camera gives other pictures than it was asked for, else nothing."""
        asked = self.asked
        size_differs = asked.width and (asked.width, asked.height) != (self.width, self.height)
        # drivers round: 29.97 is 30
        rate_differs = asked.rate_fps and abs((self.rate_fps or 0.0) - asked.rate_fps) > 1.0
        if not size_differs and not rate_differs:
            return ""
        given = CameraFormat(self.width, self.height, self.rate_fps or 0.0)
        return translatable(
            "{path} gives {given}; it has no mode {asked}.",
            path=self.location,
            given=given,
            asked=asked,
        )

    @property
    def live(self) -> bool:
        return self.kind in ("camera", "stream")

    def with_size_of(self, frame: "Frame") -> "SourceInfo":
        """The same with the size of this picture, which a network camera may change at any time."""
        height, width = frame.image.shape[:2]
        if (self.width, self.height) == (width, height):
            return self
        return replace(self, width=width, height=height)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Frame: one picture of a source and its time.

    ``image`` [H, W, 3] uint8 RGB, read-only. ``index`` counts from 0 in the source. ``t_s`` is the
    presentation time since a file's start, and the time since opening otherwise; ``captured_s`` is
    when the picture arrived here, on the monotonic clock. A ``stretch`` other than that of the
    frame before says that the source was moved to another place: no face goes on over the gap.
    """

    image: NDArray[np.uint8]
    index: int
    t_s: float
    captured_s: float
    stretch: int = 0

    def __post_init__(self) -> None:
        self.image.setflags(write=False)


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """Source event: what a file or stream does not keep, at ``t_s``, and a sentence about it."""

    kind: SourceEventKind
    text: str
    t_s: float


@dataclass(frozen=True, slots=True)
class Detection:
    """Detection: a face found in one picture, not yet tracked.

    ``score`` lies in [0, 1]. ``framing`` says how this detector's box becomes FER2013's square.
    ``roll_deg`` is clockwise, from the line between the eyes; ``yaw_deg`` and ``pitch_deg`` are
    estimates (``ferdesk.core.head_pose``), positive to the picture's right and down. One that is
    not ``confirmed`` is enough to continue a track, and too little to begin one.
    """

    box: Box
    score: float
    framing: Framing
    roll_deg: float
    confirmed: bool = True
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """Tracked face: a detection with an identity, ``face_id`` from 1, never used again."""

    face_id: int
    detection: Detection


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """Classification of one crop: probabilities and maps.

    ``probabilities`` [7] float32 in LABELS' order, sum 1, are those that labels come from.
    ``maps``: ``attention`` and ``attention_mid`` [h, w] in [0, 1], ``cam`` [7, h, w], as far as
    the model has them. ``crowd`` [7] float32, sum 1: how people would share their votes; None where
    the model does not say. ``crowd_cam`` [7, h, w] is its class activation. ``fer2013`` [7] float32
    is what FER2013 would call the face, where ``probabilities`` are people's votes.
    """

    probabilities: NDArray[np.float32]
    maps: Mapping[MapName, NDArray[np.float32]] = field(default_factory=dict)
    crowd: NDArray[np.float32] | None = None
    crowd_cam: NDArray[np.float32] | None = None
    fer2013: NDArray[np.float32] | None = None

    def labelled_from(self, labels_from: LabelsFrom) -> "Expression":
        """The classifier's expression, with probabilities and ``cam`` of what was chosen.

        A model that does not say how people would vote has no choice: it stays as it is.
        """
        if labels_from == "fer2013" or self.crowd is None:
            return self
        maps = dict(self.maps)
        maps.pop("cam", None)
        if self.crowd_cam is not None:
            maps["cam"] = self.crowd_cam
        return replace(
            self,
            probabilities=lift_rare_labels(self.crowd),
            maps=maps,
            fer2013=self.probabilities,
        )

    @property
    def labels_from(self) -> LabelsFrom:
        """Where ``probabilities`` come from."""
        return "fer2013" if self.fer2013 is None else "votes"

    @property
    def other(self) -> NDArray[np.float32] | None:
        """[7] the probabilities that labels do not come from; None where there is one kind only."""
        return self.crowd if self.fer2013 is None else self.fer2013


@dataclass(frozen=True, slots=True, eq=False)
class FaceResult:
    """Result of one face in one analysed frame.

    ``square`` is the region of the picture that the network saw; its maps lie on it.
    ``smoothed`` [7] float32 sums to 1; ``label`` is its largest entry's name and ``confidence``
    that entry. ``sharpness`` is the variance of the Laplacian of the 48-pixel crop,
    ``brightness`` its mean, 0..255. One that is not ``classified_now`` was seen in this frame
    but not classified for lack of time: its values are from a frame shortly before. One that is
    ``baseline_applied`` has its neutral baseline in ``smoothed``; ``expression`` is raw always.
    ``reason`` says why it is ``low_confidence``, empty where it is not; docs/uncertain.md has the
    rule. ``measures`` has the landmarks, the head's pose and what else was measured, ``unmeasured``
    says why not. The angles are the measured ones where ``measures`` are of this frame, else the
    detector's estimate.
    """

    face_id: int
    box: Box
    square: Square
    detection_score: float
    expression: Expression
    smoothed: NDArray[np.float32]
    low_confidence: bool
    roll_deg: float
    sharpness: float
    brightness: float
    classified_now: bool = True
    baseline_applied: bool = False
    reason: LowConfidenceReason = ""
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    measures: FaceMeasures | None = None
    unmeasured: UnmeasuredReason = "off"

    @property
    def classifiable(self) -> bool:
        """Whether the face is large, frontal, lit and sharp enough to be classified at all."""
        return self.reason in ("", "unclear")

    @property
    def label(self) -> str:
        return LABELS[int(self.smoothed.argmax())]

    @property
    def confidence(self) -> float:
        return float(self.smoothed.max())


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """Result of one frame.

    ``latency_ms`` runs from the frame's arrival to this result; ``stage_ms`` has the time of each
    stage, in the order of ``STAGES``: ``detect``, ``track``, ``crop``, ``wait`` (between the two
    halves of the pipeline), ``classify``, ``measure``, ``smooth``. ``unconfirmed`` has the boxes
    of detections that became no face.
    """

    frame: Frame
    faces: tuple[FaceResult, ...]
    latency_ms: float
    stage_ms: Mapping[str, float]
    unconfirmed: tuple[Box, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every face was classified in this very frame, as a recording needs it."""
        return all(face.classified_now for face in self.faces)


@dataclass(frozen=True, slots=True)
class MapPlace:
    """Place of a map's cells on the 48-pixel crop, and the range in which it is displayed.

    The centre of cell i lies at the centre of crop pixel ``start + i * stride``.
    """

    start_x: float
    start_y: float
    stride: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Model information, as the file's metadata has it; ``sha256`` is the file's.

    ``has_votes``: it also says how people would vote; ``votes_cam`` is the place of that answer's
    class activation, None where the file has none, and ``votes_accuracy`` its figures.
    """

    name: str
    version: str
    architecture: str
    trained_on: str
    accuracy: Mapping[str, object]
    sha256: str
    licence: str
    maps: Mapping[MapName, MapPlace]
    has_votes: bool = False
    votes_cam: MapPlace | None = None
    votes_accuracy: Mapping[str, object] = field(default_factory=dict)

    def labels_from(self, wanted: LabelsFrom) -> LabelsFrom:
        """Where this model's labels come from where ``wanted`` is wished."""
        return wanted if self.has_votes else "fer2013"

    def maps_of(self, wanted: LabelsFrom) -> Mapping[MapName, MapPlace]:
        """Places of the maps that results have where ``wanted`` is wished."""
        if self.labels_from(wanted) == "fer2013":
            return self.maps
        places = dict(self.maps)
        places.pop("cam", None)
        if self.votes_cam is not None:
            places["cam"] = self.votes_cam
        return places


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """Device that really runs the network, as the session itself reports.

    ``provider`` is ``CPU`` or ``CUDA``; ``reason`` says in words why it is not the other one and
    what to do, empty where there is nothing to explain. ``fell_back`` is True where the CPU is used
    though CUDA was asked for, or though a GPU is there and nothing was asked for. ``wanted`` is
    what was asked for (``auto``, ``cpu``, ``cuda``), ``gpu`` the GPU's name as far as the driver
    tells it, ``providers`` are the session's own, in ONNX Runtime's words.
    """

    provider: Literal["CPU", "CUDA"]
    reason: str
    fell_back: bool = False
    wanted: str = "auto"
    gpu: str = ""
    providers: tuple[str, ...] = ()
