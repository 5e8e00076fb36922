"""Window services: opens what the window asks for (``ferdesk.runtime.ports.Services``).

What a start has no need of is imported when it is asked for.
"""

import contextlib
import hashlib
import platform
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier, Provider
from ferdesk.adapters.sources.camera import list_cameras
from ferdesk.core.detection.networks import DetectorChoice
from ferdesk.core.geometry import Box
from ferdesk.core.heatmap import Heat
from ferdesk.core.pipeline import ExpressionClassifier, FaceDetector, Pipeline
from ferdesk.core.types import CameraFormat
from ferdesk.errors import SourceError
from ferdesk.factory.models import (
    BEST_FIRST,
    bundled_models,
    find_model,
    open_detector,
    open_pipeline,
    quick_model,
)
from ferdesk.integrity import read_sums
from ferdesk.messages import translatable
from ferdesk.paths import models_folder, sessions_folder
from ferdesk.runtime.analysis_queue import AnalysisQueue, QueueFound, QueueOptions
from ferdesk.runtime.marker_streams import (
    MarkerInlet,
    MarkerQuery,
    MarkerStreamInfo,
    OnMarker,
    OnState,
)
from ferdesk.runtime.model_choice import Candidate
from ferdesk.runtime.ports import FileAnalysis, Film, SourceChoice, StreamOptions, StudyCheck
from ferdesk.runtime.reconnect import FrameSource
from ferdesk.runtime.recording import Stream
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.runtime.sound_port import Microphone
from ferdesk.runtime.status import Status

if TYPE_CHECKING:
    from ferdesk.adapters.outputs.session_writer import SessionWriter
    from ferdesk.factory.studies import StimulusFile
    from ferdesk.sessions.reader import Session
    from ferdesk.sessions.report.pictures import SessionPictures
    from ferdesk.sessions.review import Review
    from ferdesk.studies.results import StudySession
    from ferdesk.studies.study_file import Stimulus, Study


def _system_microphone(name: str) -> Microphone:
    from ferdesk.adapters.sources.microphone import SystemMicrophone

    return SystemMicrophone(name)


@dataclass(slots=True)
class WindowServices:
    """Services of the window: opens sources, models, streams and recordings (``runtime.ports``)."""

    model: str | None = None
    provider: Provider = "auto"
    detector: DetectorChoice = "ferdesk"
    root: Path | None = None
    analysis: Callable[..., FileAnalysis] | None = None
    """``ferdesk.cli.window_analysis``, which this room must not know; so the next two."""
    find: Callable[[Sequence[Path]], QueueFound] | None = None
    queue_work: Callable[..., None] | None = None
    open_microphone: Callable[[str], Microphone] = _system_microphone
    stream_port: int | None = None
    """Of the WebSocket; None takes the first that is free."""
    _source: str = ""
    _measured: str = ""
    _pipeline: Pipeline | None = None
    _other_detector: FaceDetector | None = None
    _classifiers: dict[tuple[str | None, Provider], ExpressionClassifier] = field(
        default_factory=dict
    )
    _loading: threading.Lock = field(default_factory=threading.Lock)

    def cameras(self) -> list[SourceChoice]:
        return [SourceChoice(f"camera:{index}", title) for index, title in list_cameras()]

    def open_source(self, name: str, asked: CameraFormat) -> FrameSource:
        from ferdesk.factory.sources import open_source

        self._source = name
        return open_source(name, paced=True, asked=asked)

    @property
    def wanted_model(self) -> str:
        return self.model or ""

    def models(self) -> list[str]:
        return [path.stem for path in bundled_models()]

    def use_model(self, name: str) -> None:
        self.model = name or None

    def measured_for(self) -> str:
        """Models by their content, the device, and the computer: home folders may be shared."""
        sums = sorted(read_sums(models_folder()).items())
        content = hashlib.sha256(repr(sums).encode()).hexdigest()[:16]
        return f"{platform.node()} {self.provider} {content}"

    def use_measured(self, name: str) -> None:
        self._measured = name if name in self.models() else ""

    def use_device(self, provider: Provider) -> None:
        self.provider = provider

    def use_detector(self, detector: DetectorChoice) -> None:
        self.detector = detector

    def open_pipeline(self) -> Pipeline:
        """Models are loaded once; each start gets a pipeline that remembers no face."""
        with self._loading:
            name = self.model or self._measured or quick_model()
            if self._pipeline is None:
                self._pipeline = open_pipeline(name, self.provider)
                self._classifiers[name, self.provider] = self._pipeline.classifier
            pipeline = self._pipeline.for_new_source()
            pipeline.classifier = self._classifier(name)
            if self.detector != "ferdesk":
                self._other_detector = self._other_detector or open_detector(self.detector)
                pipeline.detector = self._other_detector
            return pipeline

    def candidates(self) -> list[Candidate]:
        """The bundled models, the most accurate first; none where one was named or measured."""
        if self.model is not None or self._measured:
            return []
        names = self.models()
        known = [name for name in BEST_FIRST if name in names]
        return [Candidate(name, partial(self._candidate, name)) for name in known]

    def _candidate(self, name: str) -> ExpressionClassifier:
        with self._loading:
            return self._classifier(name)

    def _classifier(self, name: str | None) -> ExpressionClassifier:
        key = (name, self.provider)
        if key not in self._classifiers:
            self._classifiers[key] = OnnxClassifier(find_model(name), self.provider)
        return self._classifiers[key]

    def open_stream(self, kind: str, options: StreamOptions) -> Stream:
        """Begin to send results.

        Raises:
            StreamError: its library is missing, or its port is taken.
        """
        from ferdesk.factory.streams import open_stream

        return open_stream(kind, self.stream_port, [self._source], options)

    def marker_streams(self) -> Sequence[MarkerStreamInfo]:
        """The marker streams of other programs on the network.

        Raises:
            StreamError: pylsl is missing.
        """
        from ferdesk.adapters.inputs.lsl_markers import marker_streams

        return marker_streams()

    def open_markers(
        self, query: MarkerQuery, on_marker: OnMarker, on_state: OnState
    ) -> MarkerInlet:
        """Follow a marker stream of another program.

        Raises:
            StreamError: pylsl is missing.
        """
        from ferdesk.adapters.inputs.lsl_markers import LslMarkers

        return LslMarkers(query, on_marker, on_state)

    def find_faces(self, image: NDArray[np.uint8]) -> Sequence[Box]:
        """Boxes of all that ``analyze`` would detect in ``image``.

        Raises:
            ModelError: the detector cannot be loaded.
        """
        from ferdesk.factory.recordings import open_cover_search

        with contextlib.closing(open_cover_search()) as search:
            return [detection.box for detection in search.detect(image)]

    def sessions_folder(self) -> Path:
        return self.root or sessions_folder()

    def analyze_file(
        self, file: Path, *, advance: Callable[[float], None], stop_requested: Callable[[], bool]
    ) -> FileAnalysis:
        """Analyse every frame of a file, as the command does.

        Raises:
            ModelError: the model is missing or broken.
            SourceError: this window analyses no files.
        """
        if self.analysis is None:
            raise SourceError(
                translatable(
                    "Files cannot be analysed here; run ferdesk analyze {path}.", path=file
                )
            )
        return self.analysis(
            file,
            self.sessions_folder(),
            self.model,
            self.provider,
            detector=self.detector,
            advance=advance,
            stop_requested=stop_requested,
        )

    def find_files(self, places: Sequence[Path]) -> QueueFound:
        """The videos and pictures at these places and below them."""
        return QueueFound(()) if self.find is None else self.find(places)

    def work_on_queue(
        self,
        queue: AnalysisQueue,
        options: QueueOptions,
        *,
        allowed: Callable[[], int | None],
        stop_requested: Callable[[], bool],
    ) -> None:
        """Analyse what waits in ``queue``, as the command does.

        Raises:
            FerdeskError: the model or the folder cannot be used, or no worker can begin.
            SourceError: this window analyses no files.
        """
        if self.queue_work is None:
            raise SourceError(
                translatable(
                    "Files cannot be analysed here; run ferdesk analyze {path}.", path=options.out
                )
            )
        self.queue_work(
            queue, options, self.model, self.provider, self.detector,
            allowed=allowed, stop_requested=stop_requested,
        )  # fmt: skip

    def open_film(self, path: Path) -> Film:
        """A recorded video, or the folder of a session's pictures.

        Raises:
            SourceError: it is missing or damaged.
        """
        from ferdesk.factory.pictures import open_film

        return open_film(path)

    def open_stimulus(self, stimulus: "Stimulus") -> "StimulusFile":
        """The pictures of a study's stimulus, an image or a video.

        Raises:
            SourceError: it is missing or damaged, or not of its kind.
        """
        from ferdesk.factory.studies import open_stimulus

        return open_stimulus(stimulus)

    def check_study(self, study: "Study") -> StudyCheck:
        """What of a study's files cannot be shown as its file says."""
        from ferdesk.factory.studies import check_study

        return check_study(study)

    def session_pictures(
        self, session: "Session"
    ) -> "contextlib.AbstractContextManager[SessionPictures | None]":
        """What a report can show of a session."""
        from ferdesk.factory.pictures import session_pictures

        return session_pictures(session)

    def write_parquet(self, session: "Session", path: Path, review: "Review") -> None:
        """Write a session's rows as Parquet.

        Raises:
            RecordingError: pyarrow is not installed, or the file cannot be written.
        """
        from ferdesk.adapters.outputs.parquet_export import write_parquet

        write_parquet(session, path, review)

    def write_study_parquet(self, runs: "Sequence[StudySession]", path: Path) -> None:
        """Write the rows of a study's sessions with their trials as Parquet.

        Raises:
            RecordingError: pyarrow is not installed, or the file cannot be written.
        """
        from ferdesk.adapters.outputs.parquet_export import write_tidy_parquet

        write_tidy_parquet(runs, path)

    def microphones(self) -> Sequence[str]:
        """Names of the microphones that there are; none without the extra ``sound``."""
        from ferdesk.adapters.sources.microphone import list_microphones

        return list_microphones()

    def start_recording(self, status: Status, options: RecordingOptions) -> "SessionWriter":
        """Begin a session of what runs.

        Raises:
            SourceError: nothing runs.
            RecordingError: the folder cannot be written.
        """
        from ferdesk.adapters.outputs.session_writer import SessionWriter
        from ferdesk.factory.recordings import (
            new_folder,
            open_sound,
            open_video,
            session_header,
            take_back_folder,
            video_mode,
        )

        if status.source is None or status.model is None or status.device is None:
            raise SourceError(
                translatable("Nothing runs that could be recorded; press Start first.")
            )
        # a paced demo counts like a camera: its clock is the viewer's
        live = status.source.live or status.source.kind == "demo"
        mode = video_mode(options.video)
        # before the folder: one that is refused leaves nothing
        sound = open_sound(options.sound if live else "", mode, self.open_microphone)
        with contextlib.ExitStack() as stack:
            if sound is not None:
                stack.callback(sound.stop)
            stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
            root = options.folder or self.sessions_folder()
            folder = new_folder(root, f"{stamp}-{options.name.strip() or status.source.name}")
            stack.callback(take_back_folder, folder)
            settings = {
                **status.post_processing.table(),
                "labels_from": status.model.labels_from(status.post_processing.labels_from),
                "camera_format": str(status.source.asked),
                "video": video_mode(options.video),
            }
            if options.landmarks and status.post_processing.measures != "off":
                settings["landmarks"] = True
            if self.detector != "ferdesk":
                settings["detector"] = self.detector
            if status.model_choice:
                settings["model_choice"] = status.model_choice
            elif self.model is None and self._measured:
                settings["model_choice"] = f"{self._measured}: measured earlier on this computer"
            header = session_header(
                status.source,
                status.model,
                status.device,
                settings,
                about=options.about,
                study=options.study,
            )
            heat = Heat(options.heatmap, status.model.maps) if options.heatmap else None
            writer = SessionWriter(
                folder,
                header,
                live=live,
                video=open_video(
                    folder,
                    mode,
                    lossless=False,
                    heat=heat,
                    landmarks=options.landmarks_shown,
                    wanted_format=options.video_format,
                    sound=sound,
                ),
                sound=sound,
            )
            # from here on the video closes it
            stack.pop_all()
        for face_id, baseline in status.post_processing.baselines.items():
            writer.note_baseline(face_id, baseline)
        return writer

    def close(self) -> None:
        """Free the native detectors, once no thread uses them any more."""
        with self._loading:
            pipeline, self._pipeline = self._pipeline, None
            other, self._other_detector = self._other_detector, None
        if pipeline is not None:
            pipeline.detector.close()
        if other is not None:
            other.close()
