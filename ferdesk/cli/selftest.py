"""Self-test (``ferdesk --self-test``): whether this installation works, one line a check.

Everything is tried as it is used: the models that ship, a real face, a session on disk, the window.
Nothing is left behind and nothing of the user's is touched.
"""

import contextlib
import json
import logging
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ferdesk
from ferdesk.core.labels import LABELS
from ferdesk.display import display_name, display_problem, has_display
from ferdesk.errors import FerdeskError
from ferdesk.integrity import SUMS_FILE, check_content, read_sums
from ferdesk.messages import counted
from ferdesk.paths import assets_folder, detectors_folder, landmarks_folder, models_folder

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from ferdesk.core.types import Frame
    from ferdesk.factory.services import WindowServices
    from ferdesk.ui.shell.main_window import MainWindow

log = logging.getLogger(__name__)

_SMILE_AT_S = 2.0
"""The demo shows one face then, Eileen Collins's, and she smiles."""
_SMILES = "happy"
_SMILE_AT_LEAST = 0.3
"""She has 0.9 there; at rest faces have less than 0.1."""
_OVERLAP = 0.5
_SESSION_S = 1.6
_WINDOW_PATIENCE_MS = 60_000
_WORKER_PATIENCE_S = 90.0

Report = Callable[[str], None]


class NotWorking(Exception):
    """Failure of a check; the text says what was wrong."""


@dataclass(frozen=True, slots=True)
class Check:
    """Check of the self-test: ``run`` returns what it found; whatever it raises is the failure."""

    name: str
    run: Callable[[], str]


def run_checks(checks: Iterable[Check], report: Report) -> bool:
    """Run all ``checks``, also after one that failed, and report each.

    The name comes first, so that a library that brings the program down is named too.

    Returns:
        whether all of them passed.
    """
    failed = 0
    for check in checks:
        report(f"{check.name} ... ")
        try:
            report(f"ok: {check.run()}\n")
        except (FerdeskError, NotWorking) as error:
            failed += 1
            log.exception("self-test: %s", check.name)
            report(f"FAILED: {error}\n")
        except Exception as error:
            failed += 1
            log.exception("self-test: %s", check.name)
            report(f"FAILED: {type(error).__name__}: {error}\n")
    report("This installation works.\n" if not failed else f"{failed} of the checks failed.\n")
    return not failed


def all_checks() -> list[Check]:
    """Checks of the self-test, in their order."""
    return [
        Check("program", _program),
        Check("models as shipped", check_sums),
        *(Check(f"model {path.stem}", _ModelCheck(path)) for path in _expression_models()),
        Check("face detectors", check_detectors),
        Check("a real face", check_face),
        Check("measures of a face", check_measures),
        Check("a session", check_session),
        Check("a worker process", check_worker),
        Check("streams", check_streams),
        Check("cameras", _cameras),
        Check("display", check_display),
        Check("the window", check_window),
    ]


def _program() -> str:
    form = "packaged" if getattr(sys, "frozen", False) else f"Python {platform.python_version()}"
    if not assets_folder().is_dir():
        raise NotWorking(f"the folder {assets_folder()} is missing")
    return f"ferdesk {ferdesk.__version__}, {form}, {platform.platform()}"


def check_sums() -> str:
    """Checksums: every network is listed and is what the list says."""
    num = 0
    for folder, what in (
        (models_folder(), "expression model"),
        (detectors_folder(), "detector"),
        (landmarks_folder(), "landmark network"),
    ):
        sums = read_sums(folder)
        present = {path.name for path in folder.iterdir() if path.suffix in (".onnx", ".npz")}
        if missing := sorted(sums.keys() - present):
            raise NotWorking(f"{', '.join(missing)} missing from {folder}")
        if unlisted := sorted(present - sums.keys()):
            raise NotWorking(f"{SUMS_FILE} does not list {', '.join(unlisted)}")
        if not sums:
            raise NotWorking(f"no {what} ships in {folder}")
        for name in sums:
            path = folder / name
            check_content(path, path.read_bytes())
        num += len(sums)
    return counted(num, "file")


def _expression_models() -> list[Path]:
    return sorted(models_folder().glob("*.onnx"))


@dataclass(frozen=True, slots=True)
class _ModelCheck:
    """Loading a model runs it, on two blank faces."""

    path: Path

    def __call__(self) -> str:
        from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier

        classifier = OnnxClassifier(self.path)
        return f"version {classifier.info.version} runs on the {classifier.device.provider}"


def check_detectors() -> str:
    from ferdesk.adapters.networks.face_detector import MediaPipeNetworks

    MediaPipeNetworks(detectors_folder()).close()
    return "both load"


def check_face() -> str:
    """The demo's smiling face is found where it is, and each model says that it smiles."""
    from ferdesk.adapters.sources.demo import visible_people
    from ferdesk.factory.models import open_pipeline

    frame = _smile()
    (truth,) = visible_people(frame.t_s).values()
    said = []
    for path in _expression_models():
        with contextlib.closing(open_pipeline(path.stem, thorough=True)) as pipeline:
            faces = pipeline.process(frame).faces
        if len(faces) != 1:
            raise NotWorking(f"{len(faces)} faces were found in a picture of one")
        (face,) = faces
        if face.box.iou(truth) < _OVERLAP:
            raise NotWorking("the face was found in the wrong place")
        share = float(face.expression.probabilities[LABELS.index(_SMILES)])
        if face.label != _SMILES or not math.isfinite(share):
            raise NotWorking(f"{path.stem} calls a smile {face.label}")
        said.append(f"{path.stem} says {_SMILES}, {share:.0%}")
    return "found in the demo; " + ", ".join(said)


def check_measures() -> str:
    """The demo's smiling face has landmarks, a head pose and a smile."""
    from ferdesk.core.measures.movements import MOVEMENTS
    from ferdesk.core.post_processing import PostProcessing
    from ferdesk.factory.models import open_pipeline

    with contextlib.closing(open_pipeline(thorough=True)) as pipeline:
        pipeline.set_post_processing(PostProcessing(measures="all"))
        faces = pipeline.process(_smile()).faces
    measures = faces[0].measures if faces else None
    if measures is None or measures.movements is None:
        raise NotWorking("nothing was measured of a face that can be seen")
    smile = float(measures.movements[MOVEMENTS.index("mouthSmileLeft")])
    if not smile >= _SMILE_AT_LEAST:
        raise NotWorking(f"a smile was measured as {smile:.2f}")
    return f"a smile of {smile:.2f}, the head turned by {measures.pose.yaw_deg:+.0f} degrees"


def _smile() -> "Frame":
    from ferdesk.factory.sources import open_source

    source = open_source("demo", duration_s=_SMILE_AT_S + 1)
    source.open()
    try:
        while (frame := source.read()) is not None:
            if frame.t_s >= _SMILE_AT_S:
                return frame
    finally:
        source.close()
    raise NotWorking("the demo ended early")


def check_session() -> str:
    """A session with its video is written, read back, and keeps its contract."""
    from ferdesk import batch
    from ferdesk.factory.models import open_pipeline
    from ferdesk.factory.sources import frames_of, open_source
    from ferdesk.sessions.reader import problems_of, read_session

    with (
        tempfile.TemporaryDirectory(prefix="ferdesk-") as root,
        contextlib.closing(open_pipeline()) as pipeline,
    ):
        warned: list[str] = []
        options = batch.AnalysisOptions(Path(root), every=4, duration_s=_SESSION_S, video="clean")
        batch.analyze(["demo"], pipeline, options, tell=lambda _: None, warn=warned.append)
        if warned:
            raise NotWorking(" ".join(warned))
        session = read_session(Path(root) / "demo")
        if problems := problems_of(session):
            raise NotWorking("; ".join(problems))
        if not session.faces() or session.video is None:
            raise NotWorking("the session holds no face or no video")
        film = open_source(str(session.video))
        film.open()
        try:
            num_pictures = sum(1 for _ in frames_of(film))
        finally:
            film.close()
        if num_pictures == 0:
            raise NotWorking("the session's video holds no picture")
        codec = session.about["video"]["codec"]
        rows, pictures = counted(len(session.rows), "row"), counted(num_pictures, "picture")
        return f"{rows} and {pictures} ({codec}) written and read"


def check_worker() -> str:
    """A worker process, as the queue and ``analyze --jobs`` have, starts and loads its models."""
    from ferdesk.archive.crew import Died, Ready, Unusable, WorkerSetup
    from ferdesk.archive.processes import ProcessCrew
    from ferdesk.factory.analysis_options import AnalysisOptions

    with tempfile.TemporaryDirectory(prefix="ferdesk-") as root:
        options = AnalysisOptions(Path(root)).table()
        crew = ProcessCrew(WorkerSetup(None, "cpu", Path(root), options), 1)
        crew.start()
        try:
            until_s = time.monotonic() + _WORKER_PATIENCE_S
            while time.monotonic() < until_s:
                match crew.next_event(0.2):
                    case Ready(_, device):
                        return f"started, uses the {device}"
                    case Unusable(reason):
                        raise NotWorking(reason)
                    case Died(_, reason):
                        raise NotWorking(f"{reason}; the log file may say why")
                    case _:
                        pass
            raise NotWorking(f"it was not ready after {_WORKER_PATIENCE_S:.0f} s")
        finally:
            crew.stop()
            crew.close()


def check_streams() -> str:
    """The libraries of both streams can be loaded, where they are installed; none is opened."""
    from importlib import import_module

    said = []
    for kind, library in (("lsl", "pylsl"), ("websocket", "websockets.sync.server")):
        try:
            import_module(library)
            said.append(f"{kind} is there")
        except ModuleNotFoundError:
            if getattr(sys, "frozen", False):
                raise
            said.append(f"{kind} is not installed")
    return ", ".join(said)


def _cameras() -> str:
    from ferdesk.adapters.sources.camera import list_cameras

    names = [name for _, name in list_cameras()]
    return ", ".join(names) or "none here, which is no fault"


def check_display() -> str:
    """A window can open on the screen, where there is one; the next check opens one in memory."""
    if problem := display_problem():
        raise NotWorking(problem)
    return display_name() if has_display() else "none here, which is no fault: analyze works"


def check_window() -> str:
    """The window opens in memory, shows the demo with its faces, and closes."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from ferdesk.factory.services import WindowServices

    with tempfile.TemporaryDirectory(prefix="ferdesk-") as root:
        services = WindowServices(root=Path(root))
        try:
            return _try_window(services, Path(root))
        finally:
            services.close()


def _try_window(services: "WindowServices", folder: Path) -> str:
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from ferdesk.app import run_app
    from ferdesk.runtime.status import State
    from ferdesk.ui.preferences.consent import CONSENT_VERSION
    from ferdesk.ui.shell.main_window import MainWindow

    settings = folder / "settings.json"
    settings.write_text(json.dumps({"consent": CONSENT_VERSION, "language": "en"}), "utf-8")
    running = QApplication.instance()
    app = running if isinstance(running, QApplication) else QApplication([])
    seen: list[str] = []

    def windows() -> list[MainWindow]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]

    failed: list[str] = []
    errors = _Unexpected()
    logging.getLogger("ferdesk.app").addHandler(errors)

    def look() -> None:
        for window in windows():
            if shown := _shown(window):
                seen.append(shown)
            status = window.live.status_now()
            if status.state is State.FAILED:
                failed.append(status.message)
            if shown or failed or errors.texts:
                window.close()

    def give_up() -> None:
        for window in windows():
            window.close()

    looking, patience = QTimer(interval=50), QTimer(interval=_WINDOW_PATIENCE_MS, singleShot=True)
    looking.timeout.connect(look)
    patience.timeout.connect(give_up)
    looking.start()
    patience.start()
    code = run_app(services, source="demo", settings_file=settings, reports_folder=folder)
    looking.stop()
    patience.stop()
    logging.getLogger("ferdesk.app").removeHandler(errors)
    if errors.texts:
        raise NotWorking(f"something unexpected went wrong in it: {errors.texts[0]}")
    if failed:
        raise NotWorking(failed[0])
    if code or not seen:
        raise NotWorking(f"no face or no timeline was there in {_WINDOW_PATIENCE_MS // 1000} s")
    if not _speaks_chinese(app):
        raise NotWorking("its Chinese texts are missing")
    return f"{seen[0]}; speaks Chinese too"


class _Unexpected(logging.Handler):
    """Log handler that keeps the errors which the window reports as unexpected."""

    def __init__(self) -> None:
        super().__init__(logging.CRITICAL)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.texts.append(f"{type(error).__name__}: {error}" if error else record.getMessage())


def _shown(window: "MainWindow") -> str:
    """Description of what ``window`` shows, once it has a face and the timeline its plot."""
    from ferdesk.ui.live.timeline import Timeline

    result = window.live_page.view.result
    if result is None or not result.faces:
        return ""
    # the plot comes from a library of its own, which is loaded when it is first seen
    if any(panel.plot is None for panel in window.findChildren(Timeline)):
        return ""
    picture = window.grab()
    return f"opened in memory, {picture.width()} x {picture.height()}, {result.faces[0].label}"


def _speaks_chinese(app: "QApplication") -> bool:
    """Whether both translations load: the program's own and Qt's."""
    from PySide6.QtCore import QCoreApplication

    from ferdesk.ui.kit.language import install_language, label_text

    install_language(app, "zh_CN")
    own, qt = label_text("happy"), QCoreApplication.translate("QPlatformTheme", "Cancel")
    install_language(app, "en")
    return own != "happy" and qt != "Cancel"
