"""Makes sources, detector, classifier and recordings from their names."""

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import ferdesk
from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier, Provider
from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.adapters.outputs.video_writer import MODES as VIDEO_MODES
from ferdesk.adapters.outputs.video_writer import VideoMode, VideoWriter
from ferdesk.adapters.sources.camera import Camera, list_cameras
from ferdesk.adapters.sources.network_stream import NetworkStream
from ferdesk.adapters.sources.seekable_video import Film
from ferdesk.adapters.sources.still_image import SUFFIXES as STILL_SUFFIXES
from ferdesk.adapters.sources.still_image import StillImage
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.baseline import Baseline
from ferdesk.core.detection.live import LiveSearch
from ferdesk.core.locations import address_fault, host_of, is_url, shown_location
from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import ExpressionClassifier, Pipeline
from ferdesk.core.types import ITS_OWN, CameraFormat, DeviceInfo, FrameResult, ModelInfo, SourceInfo
from ferdesk.errors import ModelError, RecordingError, SourceError, StreamError
from ferdesk.messages import translatable
from ferdesk.paths import detectors_folder, models_folder, sessions_folder
from ferdesk.runtime.engine import FrameSource, Status
from ferdesk.runtime.model_choice import Candidate
from ferdesk.runtime.ports import SourceChoice
from ferdesk.runtime.reconnect import Reconnecting
from ferdesk.sessions.reader import Session
from ferdesk.sessions.review import Review
from ferdesk.sessions.schema import VIDEO_FILE, SessionHeader

DEMO_LENGTH_S = 20.0
_PREFERRED_MODELS = ("full", "fast")
_BEST_FIRST = ("full", "full-int8", "fast", "fast-int8")
"""In which order models are tried live, until one keeps the camera's rate."""
_VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".wmv", ".mpg", ".mpeg", ".ts"}
)


def open_source(
    name: str,
    *,
    paced: bool = False,
    duration_s: float | None = None,
    asked: CameraFormat = ITS_OWN,
) -> FrameSource:
    """The source of that name, not yet opened.

    Cameras and addresses that fall silent are opened again until they are closed.

    Args:
        name: ``camera:N``, ``demo``, a URL, or the path of a picture or video.
        paced: give files and the demo at their own pace instead of as fast as they are read.
        duration_s: length of the demo; None lets a paced one go on.
        asked: size and rate that a camera is asked for.

    Raises:
        SourceError: a camera whose number is no number, or an address that is none.
    """
    if name == "demo":
        # it imports OpenCV, which a camera needs only when it opens
        from ferdesk.adapters.sources.demo import DemoSource

        if not paced and duration_s is None:
            duration_s = DEMO_LENGTH_S
        return DemoSource(duration_s=duration_s, paced=paced)
    if name.startswith("camera:"):
        index = name.removeprefix("camera:")
        # isdecimal alone would take other scripts' digits
        if not (index.isascii() and index.isdecimal() and len(index) < 4):
            raise SourceError(
                translatable("{name!r} names no camera; write camera:0, camera:1, ...", name=name)
            )
        return Reconnecting(lambda: Camera(int(index), asked), name=f"Camera {index}")
    if is_url(name):
        if fault := address_fault(name):
            raise SourceError(
                translatable(
                    "{path} cannot be opened as an address: {why}.",
                    path=shown_location(name),
                    why=fault,
                )
            )
        return Reconnecting(lambda: NetworkStream(name), name=host_of(name))
    if Path(name).suffix.lower() in STILL_SUFFIXES:
        return StillImage(Path(name))
    return VideoFile(name, paced=paced)


def shown_name(name: str) -> str:
    """A source's name fit for screens and logs: an address without its credentials."""
    return shown_location(name) if is_url(name) else name


def is_live(name: str) -> bool:
    """Whether a source runs on its own clock and loses what is not read in time."""
    return name.startswith("camera:") or is_url(name)


def expand_folders(names: Sequence[str]) -> list[str]:
    """Sources with each folder replaced by its pictures and videos, sorted.

    Raises:
        SourceError: a folder has none.
    """
    expanded: list[str] = []
    for name in names:
        folder = Path(name)
        try:
            if name == "demo" or is_live(name) or not folder.is_dir():
                expanded.append(name)
                continue
            found = sorted(
                str(path)
                for path in folder.iterdir()
                if path.suffix.lower() in STILL_SUFFIXES | _VIDEO_SUFFIXES and path.is_file()
            )
        except OSError as error:
            raise SourceError(
                translatable("{path} cannot be read: {why}.", path=name, why=error.strerror)
            ) from error
        if not found:
            raise SourceError(
                translatable("The folder {path} has no pictures or videos in it.", path=folder)
            )
        expanded += found
    return expanded


def bundled_models() -> list[Path]:
    """The model files that ship with the program."""
    return sorted(models_folder().glob("*.onnx"))


def find_model(name: str | None) -> Path:
    """The file of a bundled model's name or of a path; by default ``full``, else ``fast``.

    Raises:
        ModelError: there is none.
    """
    bundled = {path.stem: path for path in bundled_models()}
    if name is None:
        for preferred in (*_PREFERRED_MODELS, *bundled):
            if preferred in bundled:
                return bundled[preferred]
        raise ModelError(
            translatable(
                "No model ships in {path}; give one with --model PATH.", path=models_folder()
            )
        )
    if name in bundled:
        return bundled[name]
    path = Path(name)
    with contextlib.suppress(OSError):
        if path.suffix == ".onnx" or path.exists():
            return path
    raise ModelError(
        translatable(
            "There is no model {name!r}; there are {names}, or give a path.",
            name=name,
            names=", ".join(bundled) or "none",
        )
    )


def _quick_model() -> str | None:
    """The model to begin with before any was timed: the one that is quick everywhere."""
    return "fast" if "fast" in {path.stem for path in bundled_models()} else None


def new_folder(root: Path, name: str) -> Path:
    """Make ``root/name``, or with -2, -3, ... where that is taken, also by another process.

    Raises:
        RecordingError: it cannot be made.
    """
    safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in name).strip(". ") or "session"
    for number in itertools.count(1):
        folder = root / (safe if number == 1 else f"{safe}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not root.is_dir():
                break
        except OSError as error:
            reason = error.strerror
            raise RecordingError(
                translatable(
                    "A session cannot be written to {path}: {why}. Choose another folder.",
                    path=folder,
                    why=reason,
                )
            ) from error
        else:
            return folder
    raise RecordingError(
        translatable(
            "A session cannot be written to {path}: it is a file. Choose a folder.", path=root
        )
    )


class ResultStream(Protocol):
    """Sends results to other programs; nothing of it ever waits for one of them."""

    @property
    def told(self) -> str:
        """Where it can be reached, in a sentence."""
        ...

    def put(self, result: FrameResult) -> None: ...

    def mark(self, label: str, at_s: float | None = None) -> None:
        """Send a marker of now, or of ``at_s`` on the monotonic clock."""
        ...

    def close(self) -> None: ...


def open_stream(kind: str, port: int = 8765, origins: Sequence[str] = ()) -> ResultStream:
    """Begin to send results: ``lsl`` or ``websocket``.

    Raises:
        StreamError: its library is missing, or its port is taken.
    """
    if kind == "lsl":
        from ferdesk.adapters.outputs.lsl_stream import LslStream

        return LslStream(version=ferdesk.__version__)
    if kind == "websocket":
        from ferdesk.adapters.outputs.websocket_stream import WebSocketStream

        return WebSocketStream(port=port, origins=origins)
    raise StreamError(
        translatable("There is no stream {kind!r}; there are lsl and websocket.", kind=kind)
    )


@contextlib.contextmanager
def open_streams(
    kinds: Sequence[str], port: int, origins: Sequence[str]
) -> Iterator[list[ResultStream]]:
    """The streams of those kinds, each once, closed at the end."""
    with contextlib.ExitStack() as stack:
        streams: list[ResultStream] = []
        for kind in dict.fromkeys(kinds):
            stream = open_stream(kind, port, origins)
            stack.callback(stream.close)
            streams.append(stream)
        yield streams


def video_mode(name: str) -> VideoMode | None:
    """The kind of video by its name; None for ``off``.

    Raises:
        RecordingError: there is no such kind.
    """
    if name in ("", "off"):
        return None
    for mode in VIDEO_MODES:
        if mode == name:
            return mode
    raise RecordingError(
        translatable(
            "There is no video {name!r}; there are {names}.",
            name=name,
            names=", ".join(VIDEO_MODES),
        )
    )


def open_video(folder: Path, mode: VideoMode | None, *, lossless: bool) -> VideoWriter | None:
    """The video of a session in ``folder``, where one is wanted."""
    return None if mode is None else VideoWriter(folder / VIDEO_FILE, mode, lossless=lossless)


def session_header(
    source: SourceInfo, model: ModelInfo, device: DeviceInfo, settings: dict[str, object]
) -> SessionHeader:
    """What ``session.json`` says from the beginning."""
    return SessionHeader(
        program_version=ferdesk.__version__,
        model={
            "name": model.name,
            "version": model.version,
            "sha256": model.sha256,
            # with the rows, so that whoever reads them knows how far they can be trusted
            "accuracy": dict(model.accuracy),
        },
        provider=device.provider,
        provider_reason=device.reason,
        device=device_table(device),
        source={"kind": source.kind, "name": source.name, "location": source.location},
        width=source.width,
        height=source.height,
        rate_fps=source.rate_fps,
        settings=settings,
        started_utc=datetime.now(UTC),
        file_starts_utc=source.starts_utc,
    )


def device_table(device: DeviceInfo) -> dict[str, object]:
    """The device as ``session.json`` and ``ferdesk doctor --json`` write it."""
    return {
        "wanted": device.wanted,
        "used": device.provider,
        "gpu": device.gpu,
        "reason": device.reason,
        "session_providers": list(device.providers),
    }


@dataclass(slots=True)
class _WindowRecording:
    """A window's session: the writer, and the engine's counts when it began."""

    writer: SessionWriter
    began: Status

    @property
    def folder(self) -> Path:
        return self.writer.folder

    @property
    def problem(self) -> str:
        return self.writer.problem

    @property
    def warning(self) -> str:
        return self.writer.warning

    @property
    def num_rows(self) -> int:
        return self.writer.num_rows

    @property
    def num_lost(self) -> int:
        return self.writer.num_lost

    def mark(self, label: str, at_s: float | None = None) -> float:
        return self.writer.mark(label, at_s)

    def add(self, result: FrameResult) -> None:
        self.writer.add(result)

    def note_event(self, kind: str, text: str) -> None:
        self.writer.note_event(kind, text)

    def note_baseline(self, face_id: int, baseline: Baseline | None) -> None:
        self.writer.note_baseline(face_id, baseline)

    def close(self, status: Status) -> None:
        dropped = max(0, status.num_dropped - self.began.num_dropped)
        self.writer.close(frames_dropped=dropped)


@dataclass(slots=True)
class WindowServices:
    """What the window needs from the rest of the program (``ferdesk.runtime.ports.Services``)."""

    model: str | None = None
    provider: Provider = "auto"
    root: Path | None = None
    _pipeline: Pipeline | None = None
    _classifiers: dict[tuple[str | None, Provider], ExpressionClassifier] = field(
        default_factory=dict
    )
    _loading: threading.Lock = field(default_factory=threading.Lock)

    def cameras(self) -> list[SourceChoice]:
        return [SourceChoice(f"camera:{index}", title) for index, title in list_cameras()]

    def open_source(self, name: str, asked: CameraFormat) -> FrameSource:
        return open_source(name, paced=True, asked=asked)

    @property
    def wanted_model(self) -> str:
        return self.model or ""

    def models(self) -> list[str]:
        return [path.stem for path in bundled_models()]

    def use_model(self, name: str) -> None:
        self.model = name or None

    def use_device(self, provider: Provider) -> None:
        self.provider = provider

    def open_pipeline(self) -> Pipeline:
        """Models are loaded once; each start gets a pipeline that remembers no face."""
        with self._loading:
            name = self.model or _quick_model()
            if self._pipeline is None:
                self._pipeline = open_pipeline(name, self.provider)
                self._classifiers[name, self.provider] = self._pipeline.classifier
            pipeline = self._pipeline.for_new_source()
            pipeline.classifier = self._classifier(name)
            return pipeline

    def candidates(self) -> list[Candidate]:
        """The bundled models, the most accurate first; none where the user named one."""
        if self.model is not None:
            return []
        names = self.models()
        known = [name for name in _BEST_FIRST if name in names]
        return [Candidate(name, partial(self._candidate, name)) for name in known]

    def _candidate(self, name: str) -> ExpressionClassifier:
        with self._loading:
            return self._classifier(name)

    def _classifier(self, name: str | None) -> ExpressionClassifier:
        key = (name, self.provider)
        if key not in self._classifiers:
            self._classifiers[key] = OnnxClassifier(find_model(name), self.provider)
        return self._classifiers[key]

    def open_stream(self, kind: str) -> ResultStream:
        """Begin to send results.

        Raises:
            StreamError: its library is missing, or its port is taken.
        """
        return open_stream(kind)

    def sessions_folder(self) -> Path:
        return self.root or sessions_folder()

    def open_film(self, path: Path) -> Film:
        """A recorded video.

        Raises:
            SourceError: it is missing or damaged.
        """
        return Film(path)

    def write_parquet(self, session: Session, path: Path, review: Review) -> None:
        """Write a session's rows as Parquet.

        Raises:
            RecordingError: pyarrow is not installed, or the file cannot be written.
        """
        from ferdesk.adapters.outputs.parquet_export import write_parquet

        write_parquet(session, path, review)

    def start_recording(self, status: Status, video: str = "off") -> _WindowRecording:
        """Begin a session of what runs.

        Raises:
            SourceError: nothing runs.
            RecordingError: the folder cannot be written.
        """
        if status.source is None or status.model is None or status.device is None:
            raise SourceError(
                translatable("Nothing runs that could be recorded; press Start first.")
            )
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        folder = new_folder(self.sessions_folder(), f"{stamp}-{status.source.name}")
        settings = {
            **status.post_processing.table(),
            "camera_format": str(status.source.asked),
            "video": video_mode(video),
        }
        if status.model_choice:
            settings["model_choice"] = status.model_choice
        header = session_header(status.source, status.model, status.device, settings)
        # a paced demo counts like a camera: its clock is the viewer's
        live = status.source.live or status.source.kind == "demo"
        mode = video_mode(video)
        writer = SessionWriter(
            folder, header, live=live, video=open_video(folder, mode, lossless=False)
        )
        for face_id, baseline in status.post_processing.baselines.items():
            writer.note_baseline(face_id, baseline)
        return _WindowRecording(writer, status)

    def close(self) -> None:
        """Free the native detectors, once no thread uses them any more."""
        with self._loading:
            pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.detector.close()


def open_pipeline(
    model: str | None = None, provider: Provider = "auto", *, thorough: bool = False
) -> Pipeline:
    """Detector and classifier, loaded and joined.

    Args:
        model: a bundled model's name or a path.
        provider: the device to run it on.
        thorough: search every square of every frame, until the engine sets a pace.

    Raises:
        ModelError: a model is missing or broken.
    """
    path = find_model(model)
    # side by side: loading the network computes, loading the detector is mostly imports
    with ThreadPoolExecutor(1, "ferdesk-model") as pool:
        loading = pool.submit(OnnxClassifier, path, provider)
        eyes = MediaPipeNetworks(detectors_folder())
        try:
            classifier = loading.result()
        except BaseException:
            eyes.close()
            raise
    search = LiveSearch(eyes, pace=FramePacing(None) if thorough else None)
    return Pipeline(search, classifier)
