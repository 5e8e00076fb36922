"""Small stand-ins with the real signatures: source, detector, classifier, recording, services."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.baseline import Baseline
from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.detection.networks import DetectorChoice
from ferdesk.core.geometry import Box
from ferdesk.core.labels import LABELS, NUM_LABELS
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import (
    CameraFormat,
    Detection,
    DeviceInfo,
    Expression,
    Frame,
    FrameResult,
    MapName,
    MapPlace,
    ModelInfo,
    SourceInfo,
    SourceKind,
)
from ferdesk.errors import RecordingError, SourceError, StreamError
from ferdesk.factory.studies import check_study, open_stimulus
from ferdesk.runtime.analysis_queue import AnalysisQueue, QueuedFile, QueueFound, QueueOptions
from ferdesk.runtime.marker_streams import MarkerQuery, MarkerStreamInfo, OnMarker, OnState
from ferdesk.runtime.model_choice import Candidate
from ferdesk.runtime.ports import Clip, FileAnalysis, SourceChoice, StreamOptions, StudyCheck
from ferdesk.runtime.reconnect import FrameSource
from ferdesk.runtime.recording import MarkerNote, SessionOutput
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.runtime.status import Status
from ferdesk.sessions.reader import Session
from ferdesk.sessions.report.pictures import SessionPictures, no_pictures
from ferdesk.sessions.review import Review
from ferdesk.settings import Provider
from ferdesk.studies.results import StudySession
from ferdesk.studies.study_file import Stimulus, Study

PLACES: dict[MapName, MapPlace] = {
    "attention": MapPlace(5.5, 5.5, 8.0, 0.2, 0.9),
    "attention_mid": MapPlace(3.5, 3.5, 4.0, 0.1, 0.8),
    "cam": MapPlace(5.5, 5.5, 8.0, 0.0, 0.5),
}
LEFT_FACE = Detection(Box(100, 120, 160, 180), 0.97, SHORT_RANGE, 0.0)
RIGHT_FACE = Detection(Box(420, 150, 110, 120), 0.91, SHORT_RANGE, 0.0)


def likely(label: str, share: float) -> NDArray[np.float32]:
    """Probabilities [7] with ``share`` for ``label`` and the rest spread evenly."""
    values = np.full(NUM_LABELS, (1 - share) / (NUM_LABELS - 1), dtype=np.float32)
    values[LABELS.index(label)] = share
    return values


def picture(width: int = 640, height: int = 480) -> NDArray[np.uint8]:
    """[height, width, 3]: a soft gradient, with blocks of grain that no crop is too blurred for."""
    y, x = np.mgrid[0:height, 0:width]
    planes = (60 + 120 * x / width, 80 + 100 * y / height, 140 - 60 * x / width)
    grain = np.random.default_rng(0).integers(0, 30, (height // 8 + 1, width // 8 + 1))
    grain = np.repeat(np.repeat(grain, 8, axis=0), 8, axis=1)[:height, :width, None]
    return (np.stack(planes, axis=-1) + grain).astype(np.uint8)


class FakeSource:
    """Gives the same picture again and again, until the test says otherwise."""

    def __init__(self, kind: SourceKind = "camera", image: NDArray[np.uint8] | None = None) -> None:
        self._image = picture() if image is None else image
        height, width = self._image.shape[:2]
        self._info = SourceInfo(kind, "fake", "fake", width, height, 100.0)
        self._leave = threading.Event()
        self.flowing = threading.Event()
        self.flowing.set()
        self._waiting = threading.Event()
        self.ended = False
        self.error = ""
        self.opens_with_error = ""
        self.num_closed = 0
        self.on_open: Callable[[], None] = lambda: None
        self._index = 0

    def open(self) -> SourceInfo:
        self.on_open()
        if self.opens_with_error:
            raise SourceError(self.opens_with_error)
        return self._info

    def read(self) -> Frame | None:
        self._leave.wait(0.005)  # the pace of a camera
        while not self.flowing.wait(0.005) and not self._leave.is_set():
            self._waiting.set()
        if self.error:
            raise SourceError(self.error)
        if self.ended or self._leave.is_set():
            return None
        # its own clock, as on a busy machine real time would part one face into two
        t_s = self._index / 100
        frame = Frame(self._image.copy(), self._index, t_s, time.monotonic())
        self._index += 1
        return frame

    def fall_silent(self, num_seen: Callable[[], int]) -> None:
        """Give nothing more, and come back once the last picture has been seen too."""
        self.flowing.clear()
        self._waiting.clear()
        ends_s = time.monotonic() + 10
        while not self._waiting.is_set() or num_seen() < self._index:
            assert time.monotonic() < ends_s, "the last picture was not seen"
            time.sleep(0.005)

    def close(self) -> None:
        self.num_closed += 1

    def release(self) -> None:
        """Let a read that hangs come back."""
        self._leave.set()


class FakeDetector:
    def __init__(self, detections: Sequence[Detection] = (LEFT_FACE, RIGHT_FACE)) -> None:
        self.detections = detections

    def detect(self, image: NDArray[np.uint8]) -> Sequence[Detection]:
        return self.detections

    def close(self) -> None:
        pass


class FakeClassifier:
    """The first face is happy, the others are neutral."""

    def __init__(self, places: Mapping[MapName, MapPlace] = PLACES) -> None:
        self._places = places
        self.info = ModelInfo("full", "1", "fake", "fake", {}, "0" * 64, "MIT", places)
        self.device = DeviceInfo("CPU", "CUDA was asked for, but no driver was found", True)
        self.shares = (likely("happy", 0.82), likely("neutral", 0.61))

    def classify(self, crops: NDArray[np.float32]) -> Sequence[Expression]:
        return [
            Expression(self.shares[min(i, len(self.shares) - 1)], self._maps())
            for i in range(len(crops))
        ]

    def _maps(self) -> dict[MapName, NDArray[np.float32]]:
        def hill(size: int) -> NDArray[np.float32]:
            y, x = np.mgrid[0:size, 0:size] / (size - 1) - 0.5
            heights: NDArray[np.float32] = np.exp(-8 * (x**2 + (y - 0.15) ** 2)).astype(np.float32)
            return heights

        maps: dict[MapName, NDArray[np.float32]] = {
            "attention": hill(6),
            "attention_mid": hill(11),
            "cam": np.stack([hill(6) * (0.1 + 0.05 * i) for i in range(NUM_LABELS)]),
        }
        return {name: cells for name, cells in maps.items() if name in self._places}


class FakeRecording:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problem = ""
        self.warning = ""
        self.num_lost = 0
        self.markers: list[tuple[str, float | None]] = []
        self.notes: list[MarkerNote | None] = []
        self.results: list[FrameResult] = []
        self.closed_with: list[int] = []
        self.threads: set[str] = set()
        self.events: list[str] = []
        self.event_times_s: list[float | None] = []
        self.baselines: list[tuple[int, Baseline | None]] = []

    @property
    def warning_kind(self) -> str:
        return self.warning.partition(" ")[0]

    @property
    def video_problem(self) -> str:
        return self.warning if self.warning_kind == "video" else ""

    @property
    def num_rows(self) -> int:
        return sum(len(result.faces) or 1 for result in self.results)

    def add(self, result: FrameResult) -> None:
        assert not self.closed_with, "a row after the end"
        self.threads.add(threading.current_thread().name)
        self.results.append(result)

    def mark(self, label: str, at_s: float | None = None, note: MarkerNote | None = None) -> float:
        self.notes.append(note)
        assert not self.closed_with, "a marker after the end"
        self.markers.append((label, at_s))
        return 83.25

    def note_event(self, kind: str, text: str, at_s: float | None = None) -> None:
        assert not self.closed_with, "an event after the end"
        assert text
        # the moment first: who waits for the event finds it
        self.event_times_s.append(at_s)
        self.events.append(kind)

    def note_baseline(self, face_id: int, baseline: Baseline | None) -> None:
        self.baselines.append((face_id, baseline))

    def close(self, *, frames_seen: int | None = None, frames_dropped: int = 0) -> None:
        assert frames_seen is None, "the window's recordings count what they got"
        self.closed_with.append(frames_dropped)


class FakeStream:
    def __init__(self, kind: str) -> None:
        self.address = f"{kind} is open."
        self.results: list[FrameResult] = []
        self.labels: list[str] = []
        self.num_closed = 0

    def put(self, result: FrameResult) -> None:
        assert not self.num_closed, "a result after the end"
        self.results.append(result)

    def mark(self, label: str, at_s: float | None = None) -> None:
        self.labels.append(label)

    def close(self) -> None:
        self.num_closed += 1


class FakeInlet:
    """Calls back as a test says."""

    def __init__(self, query: MarkerQuery, on_marker: OnMarker, on_state: OnState) -> None:
        self.query, self.on_marker, self.on_state = query, on_marker, on_state
        self.num_closed = 0
        self.close_error = ""

    def close(self) -> None:
        self.num_closed += 1
        if self.close_error:
            raise StreamError(self.close_error)


class FakeFilm:
    """Pictures a tenth of a second apart, each as bright as its number; ``error`` breaks it."""

    def __init__(self, num: int = 100, error: str = "") -> None:
        self.num, self.error = num, error
        self.asked: list[float] = []
        self.num_closed = 0

    def picture_at(self, t_s: float) -> tuple[NDArray[np.uint8], float] | None:
        assert not self.num_closed, "a picture after the end"
        self.asked.append(t_s)
        if self.error:
            raise SourceError(self.error)
        number = min(int(t_s * 10 + 0.01), self.num - 1)
        return (np.full((48, 64, 3), number, np.uint8), number / 10) if number >= 0 else None

    def close(self) -> None:
        self.num_closed += 1


class FakeCrew:
    """Analyses a file of a queue when the test lets it: as far as ``steps`` says, then its end."""

    def __init__(self) -> None:
        self.options: list[QueueOptions] = []
        self.allowed: int | None = -1
        self.goes_on = threading.Event()
        self.error = ""
        self.fails: dict[str, str] = {}
        self.done: dict[str, Path] = {}

    def work(
        self,
        queue: AnalysisQueue,
        options: QueueOptions,
        allowed: Callable[[], int | None],
        stop_requested: Callable[[], bool],
    ) -> None:
        self.options.append(options)
        if self.error:
            raise SourceError(self.error)
        while (waiting := queue.waiting()) and not stop_requested():
            self.allowed = allowed()
            if self.allowed == 0:
                time.sleep(0.005)
                continue
            entry = waiting[0]
            assert queue.take(entry.number)
            queue.advance(entry.number, entry.file.length_s / 4, 75)
            while not (self.goes_on.wait(0.005) or stop_requested()):
                self.allowed = allowed()
            if stop_requested():
                queue.end(entry.number, "waiting")
                return
            name = entry.file.path.name
            if name in self.fails:
                queue.end(entry.number, "failed", None, self.fails[name])
            else:
                queue.end(entry.number, "done", self.done.get(name, options.out / name))


@dataclass
class FakeServices:
    """Remembers all that it handed out; ``prepared`` are the sources to hand out, by name."""

    folder: Path
    detector: FakeDetector = field(default_factory=FakeDetector)
    classifier: FakeClassifier = field(default_factory=FakeClassifier)
    prepared: dict[str, FakeSource] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    asked: list[CameraFormat] = field(default_factory=list)
    recordings: list[FakeRecording] = field(default_factory=list)
    refuses_recording: str = ""
    num_listed: int = 0
    devices: list[str] = field(default_factory=list)
    detectors: list[str] = field(default_factory=list)
    streams: list[FakeStream] = field(default_factory=list)
    marker_streams_found: Sequence[MarkerStreamInfo] = ()
    inlets: list[FakeInlet] = field(default_factory=list)
    stream_options: list[StreamOptions] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    options: list[RecordingOptions] = field(default_factory=list)
    plugged: list[SourceChoice] = field(
        default_factory=lambda: [SourceChoice("camera:0", "Studio camera")]
    )
    wanted_models: list[str] = field(default_factory=list)
    measured_models: list[str] = field(default_factory=list)
    measured_on: str = "this computer, these models"
    to_choose_from: Sequence[Candidate] = ()
    camera_list_hangs: threading.Event | None = None
    films: dict[Path, FakeFilm] = field(default_factory=dict)
    parquets: list[Path] = field(default_factory=list)
    analysed: list[Path] = field(default_factory=list)
    analysis_hangs: bool = False
    faces_found: Sequence[Box] = ()
    crew: "FakeCrew" = field(default_factory=lambda: FakeCrew())

    def cameras(self) -> Sequence[SourceChoice]:
        self.num_listed += 1
        if self.camera_list_hangs is not None:
            self.camera_list_hangs.wait(20)
        return tuple(self.plugged)

    def open_source(self, name: str, asked: CameraFormat) -> FrameSource:
        self.opened.append(name)
        self.asked.append(asked)
        return self.prepared.setdefault(name, FakeSource())

    def open_pipeline(self) -> Pipeline:
        return Pipeline(self.detector, self.classifier)

    @property
    def wanted_model(self) -> str:
        return self.wanted_models[-1] if self.wanted_models else ""

    def models(self) -> Sequence[str]:
        return ("fast", "full")

    def use_model(self, name: str) -> None:
        self.wanted_models.append(name)

    def measured_for(self) -> str:
        return self.measured_on

    def use_measured(self, name: str) -> None:
        self.measured_models.append(name)

    def use_device(self, provider: Provider) -> None:
        self.devices.append(provider)

    def use_detector(self, detector: DetectorChoice) -> None:
        self.detectors.append(detector)

    def candidates(self) -> Sequence[Candidate]:
        return self.to_choose_from

    def open_stream(self, kind: str, options: StreamOptions) -> FakeStream:
        self.stream_options.append(options)
        self.streams.append(FakeStream(kind))
        return self.streams[-1]

    def marker_streams(self) -> Sequence[MarkerStreamInfo]:
        return self.marker_streams_found

    def open_markers(self, query: MarkerQuery, on_marker: OnMarker, on_state: OnState) -> FakeInlet:
        self.inlets.append(FakeInlet(query, on_marker, on_state))
        return self.inlets[-1]

    def find_faces(self, image: NDArray[np.uint8]) -> Sequence[Box]:
        return self.faces_found

    def start_recording(self, status: Status, options: RecordingOptions) -> SessionOutput:
        self.videos.append(options.video)
        self.options.append(options)
        if self.refuses_recording:
            raise RecordingError(self.refuses_recording)
        self.recordings.append(FakeRecording(self.folder / f"session-{len(self.recordings)}"))
        return self.recordings[-1]

    def sessions_folder(self) -> Path:
        return self.folder / "sessions"

    def analyze_file(
        self, file: Path, *, advance: Callable[[float], None], stop_requested: Callable[[], bool]
    ) -> FileAnalysis:
        self.analysed.append(file)
        while self.analysis_hangs and not stop_requested():
            advance(1.5)
            time.sleep(0.005)
        return FileAnalysis(file.name, self.folder / "analysed", stopped=stop_requested())

    def find_files(self, places: Sequence[Path]) -> QueueFound:
        found = tuple(
            QueuedFile(place, (), 7_000_000 + i, 10.0 + i) for i, place in enumerate(places)
            if place.suffix == ".mp4"
        )  # fmt: skip
        others = tuple(f"There is nothing in {p}." for p in places if p.suffix != ".mp4")
        return QueueFound(found, others)

    def work_on_queue(
        self,
        queue: AnalysisQueue,
        options: QueueOptions,
        *,
        allowed: Callable[[], int | None],
        stop_requested: Callable[[], bool],
    ) -> None:
        self.crew.work(queue, options, allowed, stop_requested)

    def open_film(self, path: Path) -> FakeFilm:
        return self.films.setdefault(path, FakeFilm())

    def open_stimulus(self, stimulus: Stimulus) -> Clip:
        return open_stimulus(stimulus)

    def check_study(self, study: Study) -> StudyCheck:
        return check_study(study)

    def session_pictures(
        self, session: Session
    ) -> contextlib.AbstractContextManager[SessionPictures | None]:
        return no_pictures(session)

    def write_parquet(self, session: Session, path: Path, review: Review) -> None:
        path.write_bytes(b"PAR1")
        self.parquets.append(path)

    def microphones(self) -> Sequence[str]:
        return ("default", "Fake microphone")

    def write_study_parquet(self, runs: Sequence[StudySession], path: Path) -> None:
        path.write_bytes(b"PAR1")
        self.parquets.append(path)

    def release(self) -> None:
        self.crew.goes_on.set()
        for source in self.prepared.values():
            source.release()
