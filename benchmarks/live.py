"""What the live engine manages on this machine: ``python benchmarks/live.py [WHAT ...]``.

    python benchmarks/live.py                    all of what follows
    python benchmarks/live.py stages [SOURCE...] milliseconds of each stage on clips, one frame
                                                 after the other
    python benchmarks/live.py scenes             frames a second with known faces, as fast as they
                                                 go and at a camera's pace in the window
    python benchmarks/live.py work               processor time a frame, on a machine that is shared
    python benchmarks/live.py still              a still group: faces found within a second
    python benchmarks/live.py startup            from the command to window and first result
    python benchmarks/live.py memory             resident memory, and its growth over an hour's
                                                 worth of frames

Long because every measurement shares the scenes, the window and the tables below.

Clips come from the shared folder (FERDESK_SHARED). Everything but ``stages`` runs as users run
it: the engine's threads, the heatmap painted, a recording written.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does, before numpy

import numpy as np
from counted import CountedNetworks
from scenes import RATE_FPS, Scene, SceneSource, clips_folder, scenes

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.bench import bench
from ferdesk.core.detection.exhaustive import ExhaustiveSearch
from ferdesk.core.detection.live import LiveSearch
from ferdesk.core.detection.verification import same_face
from ferdesk.core.geometry import Box
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import CameraFormat, Frame, FrameResult, SourceInfo
from ferdesk.factory.models import BEST_FIRST, bundled_models, find_model, open_pipeline
from ferdesk.factory.recordings import session_header
from ferdesk.factory.services import WindowServices
from ferdesk.paths import detectors_folder
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.ports import SourceChoice
from ferdesk.runtime.reconnect import FrameSource
from ferdesk.runtime.status import State

CLIPS = (
    "WolfgangLanger_Pexels.mp4",
    "one_man_1080p.mp4",
    "head-pose-face-detection-female-and-male.gif",
)
SCENE_NAMES = ("360p/1", "720p/1", "720p/4", "1080p/10", "1080p/20")
STILLS = ("solvay1927.jpg",)
_FOUND_IOU = 0.3


def machine() -> str:
    """The processor and what the figures depend on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def quantile(values: list[float], share: float) -> float:
    return float(np.quantile(values, share)) if values else float("nan")


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


# ---- stages


def time_stages(sources: list[str], model: str | None, num_frames: int) -> None:
    clips = [str(clips_folder() / name) for name in CLIPS]
    with contextlib.closing(open_pipeline(model)) as pipeline:
        for source in sources or [c for c in clips if Path(c).is_file()] or ["demo"]:
            result = bench(source, pipeline.for_new_source(), num_frames=num_frames, warm_up=5)
            say(
                f"\n{result.source}: {result.width}x{result.height}, {result.num_frames} frames, "
                f"{result.mean_faces:.2f} faces each: {result.fps:.1f} frames a second"
            )
            say(f"{'stage':<10}{'median ms':>12}{'95th pct ms':>14}")
            for timing in result.timings:
                say(f"{timing.stage:<10}{timing.median_ms:>12.2f}{timing.p95_ms:>14.2f}")


# ---- scenes


@dataclass
class Tally:
    """What was seen of a scene: faces found of those asked for, and boxes where there was none."""

    scene: Scene
    num_true: int = 0
    num_found: int = 0
    num_false: int = 0
    num_frames: int = 0
    ids: dict[int, list[int]] = field(default_factory=dict)

    def add(self, result: FrameResult) -> None:
        truth = self.scene.faces(result.frame.index)
        self.num_frames += 1
        self.num_true += len(truth)
        for number, box in truth.items():
            best = max(result.faces, key=lambda face: face.box.iou(box), default=None)
            if best is not None and best.box.iou(box) > _FOUND_IOU:
                self.num_found += 1
                self.ids.setdefault(number, []).append(best.face_id)
        self.num_false += sum(not _on_someone(face.box, self.scene) for face in result.faces)


def _on_someone(box: Box, scene: Scene) -> bool:
    """Whether anybody is near ``box`` in any picture of the scene: half-hidden faces count."""
    return any(
        box.iou(true) > _FOUND_IOU / 3
        for index in range(0, 90, 3)
        for true in scene.faces(index).values()
    )


@dataclass(frozen=True)
class Unpaced:
    fps: float
    cpu_ms: float
    stage_ms: dict[str, float]


def run_unpaced(scene: Scene, services: WindowServices, num_frames: int) -> Unpaced:
    """Frames a second through the engine, every face of every frame classified."""
    # two pictures on their way keep both halves busy, and a third would be dropped
    gate = threading.Semaphore(1)
    done = threading.Event()
    times: list[float] = []
    cpu_s: list[float] = []
    stages: dict[str, list[float]] = {}

    def take(result: FrameResult) -> None:
        times.append(time.perf_counter())
        cpu_s.append(time.process_time())
        for stage, spent_ms in result.stage_ms.items():
            stages.setdefault(stage, []).append(spent_ms)
        gate.release(2 if len(times) == 1 else 1)
        if len(times) >= num_frames:
            done.set()

    engine = Engine(on_result=take)
    engine.classify_every_face(True)
    source = SceneSource(scene, gate=gate)
    engine.start(lambda: source, services.open_pipeline)
    if not done.wait(180):
        raise SystemExit(f"The engine came to a halt: {engine.status()}")
    engine.stop()
    warm = min(30, num_frames // 4)
    num = len(times) - 1 - warm
    return Unpaced(
        num / (times[-1] - times[warm]),
        1000 * (cpu_s[-1] - cpu_s[warm]) / num,
        {stage: statistics.median(spent[warm:]) for stage, spent in stages.items()},
    )


class SceneServices(WindowServices):
    """The window's services, whose only camera is a scene."""

    def play(self, source: FrameSource) -> None:
        self._playing = source

    def cameras(self) -> list[SourceChoice]:
        return []

    def open_source(self, name: str, asked: CameraFormat) -> FrameSource:
        return self._playing


@dataclass(frozen=True)
class Paced:
    analysed_fps: float
    painted_fps: float
    latency_p95_ms: float
    found: float
    num_false: float
    cores: float


def run_paced(
    scene: Scene, services: SceneServices, seconds: float, measures: MeasuresChoice = "off"
) -> Paced:
    """The window at a camera's pace: heatmap on, recording, painting, everything."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from ferdesk.settings import Settings
    from ferdesk.ui.kit.video_view import VideoView
    from ferdesk.ui.live.live_run import Live
    from ferdesk.ui.shell.main_window import MainWindow

    app = QApplication.instance() or QApplication(["benchmark"])
    painted: dict[int, tuple[float, float]] = {}
    paint = VideoView.paintEvent

    def timed_paint(view: VideoView, event: object) -> None:
        paint(view, event)  # type: ignore[arg-type]
        if view.result is not None:
            frame = view.result.frame
            painted.setdefault(frame.index, (time.monotonic(), frame.captured_s))

    VideoView.paintEvent = timed_paint  # type: ignore[method-assign,assignment]
    services.play(SceneSource(scene))
    window = MainWindow(Live(services), Settings(heatmap=True, measures=measures))
    window.resize(1280, 800)
    results: list[tuple[float, FrameResult]] = []

    def keep(result: FrameResult) -> None:
        # without the picture, which would fill the memory
        slim = Frame(np.empty((1, 1, 3), np.uint8), result.frame.index, 0.0, 0.0)
        results.append((time.monotonic(), FrameResult(slim, result.faces, 0.0, {})))

    window.live.result.connect(keep)
    window.show()
    window.live_page.sources.start("camera:0")
    begun: list[tuple[float, float, int]] = []

    def begin() -> None:
        if window.live._engine.status().state is State.RUNNING:
            window.live.start_recording()
        else:
            QTimer.singleShot(100, begin)

    def mark() -> None:
        begun.append(
            (time.monotonic(), time.process_time(), window.live._engine.status().num_analysed)
        )

    begin()
    QTimer.singleShot(3000, mark)
    QTimer.singleShot(int(3000 + 1000 * seconds), mark)
    # not quit, which asks the window, and that asks whether to stop recording
    QTimer.singleShot(int(3050 + 1000 * seconds), app.exit)
    app.exec()
    window.end()
    VideoView.paintEvent = paint  # type: ignore[method-assign]
    (from_s, cpu_from_s, num_from), (to_s, cpu_to_s, num_to) = begun
    span_s = to_s - from_s
    inside = [(at, captured) for at, captured in painted.values() if from_s <= at <= to_s]
    tally = Tally(scene)
    for at_s, result in results:
        if from_s <= at_s <= to_s:
            tally.add(result)
    return Paced(
        (num_to - num_from) / span_s,
        len(inside) / span_s,
        quantile([1000 * (at - captured) for at, captured in inside], 0.95),
        tally.num_found / max(tally.num_true, 1),
        tally.num_false / max(tally.num_frames, 1),
        (cpu_to_s - cpu_from_s) / span_s,
    )


def run_scenes(
    names: list[str], models: list[str], seconds: float, measures: MeasuresChoice
) -> None:
    made = scenes(names)
    say(
        "\nunpaced: the engine alone, every face of every frame classified; paced: 30 pictures a "
        "second into\nthe window, heatmap on, recording, every face classified; cores: processor "
        "time a second; found: of\nthe visible faces; false: boxes a frame where nobody ever is"
    )
    say(
        f"{'scene':<10}{'model':<11}{'unpaced/s':>10}{'cpu ms':>8}{'analysed/s':>12}"
        f"{'painted/s':>11}{'p95 ms':>8}{'cores':>7}{'found':>8}{'false':>7}"
    )
    for name in names:
        for model in models:
            with tempfile.TemporaryDirectory(prefix="ferdesk-bench-") as folder:
                services = SceneServices(model=model, root=Path(folder))
                num = 240 if made[name].spec.num_people < 10 else 120
                fast = run_unpaced(made[name], services, num)
                live = run_paced(made[name], services, seconds, measures)
                services.close()
            say(
                f"{name:<10}{model:<11}{fast.fps:>10.1f}{fast.cpu_ms:>8.1f}"
                f"{live.analysed_fps:>12.1f}{live.painted_fps:>11.1f}{live.latency_p95_ms:>8.0f}"
                f"{live.cores:>7.2f}{live.found:>8.1%}{live.num_false:>7.2f}"
            )
            stages = ", ".join(f"{stage} {ms:.1f}" for stage, ms in fast.stage_ms.items())
            say(f"{'':<10}median ms, unpaced: {stages}")


# ---- work


def run_work(names: list[str], models: list[str], num_frames: int = 60) -> None:
    """Processor time of a frame, which other programs on the machine hardly change.

    One frame after the other; the search's clock is the frames' own at 30 a second plus what the
    process computed, so it does what it would do on a machine of its own.
    """
    say("\nprocessor milliseconds a frame, one after the other, every face classified")
    say(
        f"{'scene':<10}{'model':<11}{'all':>7}{'find':>7}{'judge':>7}{'faces':>7}{'found':>8}{'false':>7}"
    )
    clock = time.process_time
    with MediaPipeNetworks(detectors_folder()) as networks:
        for name in names:
            scene = scenes([name])[name]
            for model in models:
                frame_s = frame_from_s = 0.0
                search = LiveSearch(networks, clock=lambda: frame_s + clock() - frame_from_s)  # noqa: B023
                classifier = OnnxClassifier(find_model(model), "cpu")
                pipeline = Pipeline(search, classifier)
                pipeline.set_pacing(FramePacing(1 / RATE_FPS, every_face=True))
                tally = Tally(scene)
                find_ms: list[float] = []
                judge_ms: list[float] = []
                num_faces = 0
                for index in range(num_frames):
                    frame = Frame(scene.picture(index), index, index / RATE_FPS, 0.0)
                    frame_s, frame_from_s = frame.t_s, clock()
                    found = pipeline.detect(frame)
                    found_s = clock()
                    result = pipeline.classify(found)
                    find_ms.append(1000 * (found_s - frame_from_s))
                    judge_ms.append(1000 * (clock() - found_s))
                    if index >= num_frames // 4:
                        tally.add(result)
                        num_faces += len(result.faces)
                find, judge = statistics.median(find_ms), statistics.median(judge_ms)
                say(
                    f"{name:<10}{model:<11}{find + judge:>7.1f}{find:>7.1f}{judge:>7.1f}"
                    f"{num_faces / tally.num_frames:>7.1f}{tally.num_found / tally.num_true:>8.1%}"
                    f"{tally.num_false / tally.num_frames:>7.2f}"
                )


# ---- a still group


def run_still(*, processor_time: bool, counted: bool) -> None:
    """How many of the faces that an exhaustive search finds are found live within a second.

    With ``processor_time`` the clock is the frames' own plus what the process computed, which is
    what a machine that does nothing else would show; ``counted``, each run of a network takes a
    fixed time (``benchmarks/counted.py``), and what is printed is the networks' time alone.
    """
    import cv2

    say(
        f"\n{'still':<24}{'exhaustive':>11}{'live':>6}{'share':>8}{'mean ms':>9}{'cpu ms':>8}"
        f"{'shown false':>13}"
    )
    with contextlib.closing(CountedNetworks(MediaPipeNetworks(detectors_folder()))) as networks:
        clock = time.process_time if processor_time else time.perf_counter
        clock = networks.clock if counted else clock
        frames_own = processor_time or counted
        for name in STILLS:
            picture = cv2.imread(str(clips_folder() / name))
            if picture is None:
                continue
            image = np.ascontiguousarray(picture[:, :, ::-1])
            wanted = [face for face in ExhaustiveSearch(networks).detect(image) if face.confirmed]
            for _ in range(3):
                began_s, frame_s, frame_from_s = time.monotonic(), 0.0, clock()
                search = LiveSearch(
                    networks,
                    clock=(lambda: frame_s + clock() - frame_from_s)  # noqa: B023 (used in turn)
                    if frames_own
                    else time.monotonic,
                )
                search.set_pacing(FramePacing(1 / RATE_FPS))
                spent_ms: list[float] = []
                cpu_from_s = time.process_time()
                found: list[Box] = []
                for index in range(30):
                    if not frames_own:
                        time.sleep(max(0.0, began_s + index / RATE_FPS - time.monotonic()))
                    frame_s, frame_from_s = index / RATE_FPS, clock()
                    found = [face.box for face in search.detect(image)]
                    spent_ms.append(1000 * (clock() - frame_from_s))
                cpu_ms = 1000 * (time.process_time() - cpu_from_s) / len(spent_ms)
                num = sum(any(same_face(box, face.box) for box in found) for face in wanted)
                num_false = sum(
                    not any(same_face(box, face.box) for face in wanted) for box in found
                )
                say(
                    f"{name:<24}{len(wanted):>11}{num:>6}{num / len(wanted):>8.0%}"
                    f"{statistics.mean(spent_ms):>9.1f}{cpu_ms:>8.1f}{num_false:>13}"
                )


# ---- start-up

_CHILD = """
import sys, time
began_s = float(sys.argv[1])
from ferdesk.__main__ import main
from ferdesk.ui.shell import main_window
from ferdesk.ui.kit import video_view
shown = main_window.MainWindow.showEvent
paint = main_window.MainWindow.paintEvent
def tell(what):
    sys.stdout.write(f"{what} {time.monotonic() - began_s:.3f}\\n"); sys.stdout.flush()
told = set()
def painted(self, event):
    paint(self, event)
    if "window" not in told:
        told.add("window"); tell("window")
main_window.MainWindow.paintEvent = painted
show = video_view.VideoView.show_result
def result(self, *rest):
    show(self, *rest)
    if "first" not in told:
        told.add("first"); tell("first")
        from PySide6.QtWidgets import QApplication
        QApplication.quit()
video_view.VideoView.show_result = result
sys.argv = ["ferdesk", "--source", "demo"]
main()
"""


def run_startup(times: int = 5) -> None:
    """From the start of the command's process to its window and its first analysed frame."""
    windows, firsts = [], []
    from ferdesk.ui.preferences.consent import CONSENT_VERSION

    folder = Path(tempfile.mkdtemp(prefix="ferdesk-bench-"))
    (folder / "ferdesk").mkdir()
    # consent was given before
    (folder / "ferdesk" / "settings.json").write_text(json.dumps({"consent": CONSENT_VERSION}))
    environment = {
        **os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(folder),
    }  # fmt: skip
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(time.monotonic())],
            check=False, capture_output=True, text=True, timeout=120, env=environment,
        )  # fmt: skip
        told = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
        if "first" not in told:
            say(f"the window did not start: {done.stderr[-300:]}")
            return
        windows.append(float(told["window"]))
        firsts.append(float(told["first"]))
    say(
        f"\nstart-up, {times} times, warm disk: window painted after "
        f"{statistics.median(windows):.2f} s ({min(windows):.2f} to {max(windows):.2f}), first "
        f"analysed frame after {statistics.median(firsts):.2f} s ({min(firsts):.2f} to "
        f"{max(firsts):.2f})"
    )


# ---- memory


def run_memory(num_frames: int = 108_000) -> None:
    """Resident memory with everything loaded; then an hour's frames in less time."""
    with tempfile.TemporaryDirectory(prefix="ferdesk-bench-") as folder:
        services = SceneServices(root=Path(folder))
        scene = scenes(["720p/4"])["720p/4"]
        run_paced(scene, services, 5.0)
        say(
            "\nresident after the window ran 720p/4 with heatmap and recording: "
            f"{resident_mb():.0f} MB"
        )
        from ferdesk.adapters.outputs.session_writer import SessionWriter

        pipeline = services.open_pipeline()
        pipeline.set_pacing(FramePacing(1 / RATE_FPS, every_face=True))
        # the hour's frames: real search, tracker, smoother and recorder on small pictures; the
        # network judges once and its answer is given again, as its memory does not depend on time
        classifier = pipeline.classifier
        said: dict[int, list[object]] = {}

        class Again:
            info, device = classifier.info, classifier.device

            def classify(self, crops: np.ndarray) -> list[object]:
                if len(crops) not in said:
                    said[len(crops)] = list(classifier.classify(crops))
                return said[len(crops)]

        pipeline.classifier = Again()  # type: ignore[assignment]
        small = scene.picture(0)[::4, ::4].copy()
        info = SourceInfo("camera", "hour", "hour", small.shape[1], small.shape[0], RATE_FPS)
        header = session_header(info, classifier.info, classifier.device, {})
        writer = SessionWriter(Path(folder) / "hour", header, live=True) if _made(folder) else None
        sizes: list[float] = []
        began_s = time.perf_counter()
        for index in range(num_frames):
            if index == num_frames // 50 or index % (num_frames // 20) == 0:
                sizes.append(resident_mb())
            image = np.roll(small, index % 40, axis=1)
            result = pipeline.process(Frame(image, index, index / RATE_FPS, time.monotonic()))
            if writer is not None:
                writer.add(result)
                while index % 500 == 0 and writer._waiting.qsize() > 100:
                    time.sleep(0.01)
        took_s = time.perf_counter() - began_s
        if writer is not None:
            writer.close()
        services.close()
    say(
        f"{num_frames:,} frames ({num_frames / RATE_FPS / 3600:.2f} h) in {took_s:.0f} s: resident "
        f"{sizes[1]:.0f} MB after a fiftieth, {sizes[-1]:.0f} MB at the end, growth "
        f"{sizes[-1] - sizes[1]:+.1f} MB"
    )


def _made(folder: str) -> bool:
    (Path(folder) / "hour").mkdir()
    return shutil.disk_usage(folder).free > 500_000_000


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "stages": lambda o: time_stages(o.sources, o.model, o.frames),
    "scenes": lambda o: run_scenes(
        o.sources or list(SCENE_NAMES),
        o.model.split(",") if o.model else _live_models(),
        o.seconds,
        o.measures,
    ),
    "work": lambda o: run_work(
        o.sources or list(SCENE_NAMES), o.model.split(",") if o.model else _live_models()
    ),
    "still": lambda o: run_still(processor_time=o.processor_time, counted=o.counted),
    "startup": lambda _: run_startup(),
    "memory": lambda o: run_memory(o.hour_frames),
}


def _live_models() -> list[str]:
    names = [path.stem for path in bundled_models()]
    return [name for name in BEST_FIRST if name in names]


def main() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    parser = argparse.ArgumentParser(description="Measure the live engine on this machine.")
    parser.add_argument("what", nargs="?", choices=[*PARTS, "all"], default="all")
    parser.add_argument("sources", nargs="*", help="clips for stages, names for scenes")
    parser.add_argument("--model", help="a model's name; for scenes several, with commas")
    parser.add_argument("--frames", type=int, default=300, help="for stages")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each paced scene")
    parser.add_argument("--hour-frames", type=int, default=108_000, help="for memory")
    parser.add_argument(
        "--processor-time", action="store_true", help="for still: where the machine is shared"
    )
    parser.add_argument(
        "--measures", choices=get_args(MeasuresChoice), default="off", help="for paced scenes"
    )
    parser.add_argument("--counted", action="store_true", help="for still: count a network's time")
    options = parser.parse_args()
    names = [path.stem for path in bundled_models()]
    say(f"{machine()}\nmodels here: {', '.join(names)}")
    for name, part in PARTS.items():
        if options.what in (name, "all"):
            part(options)


if __name__ == "__main__":
    main()
