"""Ports of the window: what it needs of the rest of the program; ``ferdesk.factory`` has them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.networks import DetectorChoice
from ferdesk.core.geometry import Box
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import CameraFormat
from ferdesk.runtime.analysis_queue import AnalysisQueue, QueueFound, QueueOptions
from ferdesk.runtime.commands import CommandDesk
from ferdesk.runtime.marker_streams import (
    MarkerInlet,
    MarkerQuery,
    MarkerStreamInfo,
    OnMarker,
    OnState,
)
from ferdesk.runtime.model_choice import Candidate
from ferdesk.runtime.reconnect import FrameSource
from ferdesk.runtime.recording import SessionOutput, Stream
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.runtime.status import Status
from ferdesk.settings import Provider

if TYPE_CHECKING:
    # what the start of the window has no need of
    from contextlib import AbstractContextManager

    from ferdesk.sessions.reader import Session
    from ferdesk.sessions.report.pictures import SessionPictures
    from ferdesk.sessions.review import Review
    from ferdesk.studies.results import StudySession
    from ferdesk.studies.study_file import Stimulus, Study


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """Source that can be chosen: ``name`` as ``--source`` takes it, ``title`` for people."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Stream options: what of the faces it has room for, which web pages may read, who commands."""

    measures: MeasuresChoice = "off"
    origins: tuple[str, ...] = ()
    commands: CommandDesk | None = None


@dataclass(frozen=True, slots=True)
class FileAnalysis:
    """Analysis of a file: its session's folder, None where none was begun, and what went wrong."""

    name: str
    folder: Path | None
    warnings: tuple[str, ...] = ()
    stopped: bool = False


class Film(Protocol):
    """Recorded video; one thread opens, asks and closes it."""

    def picture_at(self, t_s: float) -> tuple[NDArray[np.uint8], float] | None:
        """The [H, W, 3] RGB picture that is shown at ``t_s`` and when it began; None before any.

        Raises:
            FerdeskError: it cannot be decoded there.
        """
        ...

    def close(self) -> None: ...


class Clip(Protocol):
    """Pictures of a stimulus, one after the other; one thread opens, reads and closes it."""

    def read(self) -> tuple[NDArray[np.uint8], float] | None:
        """The next picture [H, W, 3] uint8 RGB and its seconds since the first; None at the end.

        Raises:
            FerdeskError: the file breaks off.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StudyCheck:
    """Check of a study's files: a sentence for each that cannot be shown.

    ``with_sound`` are the ids of the videos that have sound and should play it, ``lengths_s`` how
    long videos are by their own word.
    """

    problems: tuple[str, ...] = ()
    with_sound: tuple[str, ...] = ()
    lengths_s: Mapping[str, float] = field(default_factory=dict)


class Services(Protocol):
    """Ports of the window: opens what it asks for; each method may raise ``FerdeskError``."""

    def cameras(self) -> Sequence[SourceChoice]:
        """The cameras that are there; may be slow, called on a worker thread."""
        ...

    def open_source(self, name: str, asked: CameraFormat) -> FrameSource:
        """A source not yet opened: ``camera:0``, ``demo``, a path or a URL; on a worker thread.

        ``asked`` is what a camera is asked for.
        """
        ...

    def open_pipeline(self) -> Pipeline:
        """A pipeline that remembers no face; may load models, called on the inference thread."""
        ...

    @property
    def wanted_model(self) -> str:
        """The model that the user named; empty where the machine's speed decides."""
        ...

    def models(self) -> Sequence[str]:
        """The names of the models that there are."""
        ...

    def use_model(self, name: str) -> None:
        """Which model the next pipeline has; empty lets this machine's speed decide."""
        ...

    def measured_for(self) -> str:
        """What a measurement of speed is good for: this computer, its models and the device."""
        ...

    def use_measured(self, name: str) -> None:
        """The model that an earlier measurement chose; empty measures with the next start."""
        ...

    def use_device(self, provider: Provider) -> None:
        """Which device the next pipeline should run on."""
        ...

    def use_detector(self, detector: DetectorChoice) -> None:
        """Who finds faces in the next pipeline."""
        ...

    def candidates(self) -> Sequence[Candidate]:
        """The models to choose from by measurement, the best first; none where one was named."""
        ...

    def open_stream(self, kind: str, options: StreamOptions) -> Stream:
        """Begin to send results, ``lsl`` or ``websocket``; called on a worker thread."""
        ...

    def marker_streams(self) -> Sequence[MarkerStreamInfo]:
        """The marker streams of other programs on the network; called on a worker thread."""
        ...

    def open_markers(
        self, query: MarkerQuery, on_marker: OnMarker, on_state: OnState
    ) -> MarkerInlet:
        """Follow a marker stream of another program; called on a worker thread, calls on its own.

        Until it is closed it is looked for, again where it ends.
        """
        ...

    def microphones(self) -> Sequence[str]:
        """Names of the microphones that there are; may be slow, called on a worker thread."""
        ...

    def start_recording(self, status: Status, options: RecordingOptions) -> SessionOutput:
        """Begin a session for the source that is running; called on a worker thread."""
        ...

    def find_faces(self, image: NDArray[np.uint8]) -> Sequence[Box]:
        """Boxes of all that a search without a clock detects in ``image`` [H, W, 3] uint8 RGB.

        Called on a worker thread.
        """
        ...

    def sessions_folder(self) -> Path:
        """Where recordings go."""
        ...

    def analyze_file(
        self, file: Path, *, advance: Callable[[float], None], stop_requested: Callable[[], bool]
    ) -> FileAnalysis:
        """Analyse every frame of a file, as the command does; on a worker thread.

        ``advance`` is called after each frame with the seconds that are done.
        """
        ...

    def find_files(self, places: Sequence[Path]) -> QueueFound:
        """The videos and pictures at these places and below them; on a worker thread."""
        ...

    def work_on_queue(
        self,
        queue: AnalysisQueue,
        options: QueueOptions,
        *,
        allowed: Callable[[], int | None],
        stop_requested: Callable[[], bool],
    ) -> None:
        """Analyse what waits in ``queue``, until nothing does; on a worker thread.

        ``allowed`` says how many files may be in work now, None for as many as the machine bears.
        """
        ...

    def open_film(self, path: Path) -> Film:
        """A recorded video; on the thread that uses it."""
        ...

    def open_stimulus(self, stimulus: "Stimulus") -> Clip:
        """The pictures of a study's stimulus, an image or a video; on the thread that reads it."""
        ...

    def check_study(self, study: "Study") -> StudyCheck:
        """What of a study's files cannot be shown as its file says; on a worker thread."""
        ...

    def session_pictures(
        self, session: "Session"
    ) -> "AbstractContextManager[SessionPictures | None]":
        """What a report can show of a session, None for nothing; on a worker thread."""
        ...

    def write_parquet(self, session: "Session", path: Path, review: "Review") -> None:
        """Write a session's rows as Parquet; on a worker thread."""
        ...

    def write_study_parquet(self, runs: "Sequence[StudySession]", path: Path) -> None:
        """Write the rows of a study's sessions with their trials; on a worker thread."""
        ...
