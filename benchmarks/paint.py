"""What the window costs: painting, idling, and keeping up: ``python benchmarks/paint.py``.

    python benchmarks/paint.py [--seconds N] [--only painting|idle|busy]

Painting: one 1080p frame with ten faces, their heatmaps, boxes and labels, and the chosen face's
bars; every picture and every judgement is new, as in a live run. The picture and its heat are drawn
ahead on a thread of their own, which is timed apart. Idle: the processor time of an open window
without a source. Busy: how late a 10 ms timer of the event loop fires while the demo is analysed as
fast as the machine can, the window is resized and a menu is opened and closed.
"""

import argparse
import os
import platform
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import psutil
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from ferdesk.core.crop import SHORT_RANGE, square_around
from ferdesk.core.geometry import Box
from ferdesk.core.heatmap import HeatmapChoice
from ferdesk.core.labels import LABELS
from ferdesk.core.types import (
    CameraFormat,
    Expression,
    FaceResult,
    Frame,
    FrameResult,
    MapName,
    MapPlace,
    SourceInfo,
)
from ferdesk.factory.services import WindowServices
from ferdesk.factory.sources import open_source
from ferdesk.runtime.reconnect import FrameSource
from ferdesk.settings import Settings
from ferdesk.ui.kit.video_view import VideoView
from ferdesk.ui.live.bars import Bars
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.preferences.appearance import Appearance
from ferdesk.ui.shell.main_window import MainWindow

PLACE = MapPlace(2.0, 2.0, 8.0, 0.1, 0.9)
SIZES = ((1280, 720), (1920, 1080))
NUM_FACES = 10
RATE_FPS = 60.0


def results(num: int) -> list[FrameResult]:
    """1080p frames with ten faces each; nothing in one is shared with another."""
    rng = np.random.default_rng(0)
    found = []
    for index in range(num):
        image = np.repeat(np.repeat(rng.integers(0, 256, (135, 240, 3), np.uint8), 8, 0), 8, 1)
        faces = []
        for i in range(NUM_FACES):
            box = Box(120 + 350 * (i % 5) + index % 7, 200 + 450 * (i // 5), 180, 190)
            p = rng.dirichlet(np.ones(len(LABELS))).astype(np.float32)
            maps: dict[MapName, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {
                "attention_mid": rng.random((22, 22), np.float32)
            }
            faces.append(
                FaceResult(
                    i + 1, box, square_around(box, SHORT_RANGE), 0.9, Expression(p, maps), p,
                    False, 0.0, 300.0, 120.0,
                )
            )  # fmt: skip
        frame = Frame(image, index, index / 30, index / 30)
        found.append(FrameResult(frame, tuple(faces), 5.0, {}))
    return found


def painting(num: int = 60) -> list[tuple[str, float, float, float]]:
    """Milliseconds for each size over ``num`` new results, drawn ahead and painted.

    The median and 95th percentile of this thread's processor time, which other programs hardly
    change, and the median of the time by the clock.
    """
    rows = []
    shown = results(num)
    for width, height in SIZES:
        view, bars = VideoView(), Bars()
        bars.reduced_motion = True
        view.resize(width, height)
        bars.resize(300, 180)
        view.set_heatmap(HeatmapChoice("attention_mid", 0.6), {"attention_mid": PLACE})
        targets = [_target(widget) for widget in (view, bars)]
        view.render(targets[0])  # from now on the view says how it wants its pictures
        times: dict[str, list[tuple[float, float]]] = {"drawn ahead for": [], "painting into": []}
        for result in shown:
            # what no one measures: the copy of a picture that the camera has just written
            result = replace(result, frame=replace(result.frame, image=result.frame.image.copy()))
            began, used = time.perf_counter(), time.thread_time()
            ahead = view.draw_ahead(result)
            times["drawn ahead for"].append(
                (time.thread_time() - used, time.perf_counter() - began)
            )
            began, used = time.perf_counter(), time.thread_time()
            view.show_result(result, 3, ahead)
            bars.show_face(result.faces[2])
            for widget, target in zip((view, bars), targets, strict=True):
                widget.render(target)
            times["painting into"].append((time.thread_time() - used, time.perf_counter() - began))
        for what, spent in times.items():
            thread, clock = np.array(spent).T * 1000
            name = f"{what} {width}x{height}"
            rows.append((name, *_percentiles(thread.tolist(), 50, 95), float(np.median(clock))))
        view.deleteLater()
        bars.deleteLater()
    return rows


def _target(widget: QWidget) -> QImage:
    return QImage(widget.size(), QImage.Format.Format_RGB32)


def idle(app: QApplication, seconds: float) -> float:
    """Per cent of a core that an open window without a source takes."""
    window, services = _window()
    window.show()
    _turn(app, 3.0)
    began, used = time.perf_counter(), _cpu_s()
    _turn(app, seconds)
    share = (_cpu_s() - used) / (time.perf_counter() - began)
    window.close()
    services.close()
    return share * 100


class Replay:
    """The demo's pictures, drawn beforehand, as a camera of 60 pictures a second gives them.

    That is more than two cores can analyse, and costs nothing itself, which drawing them would.
    """

    def __init__(self, num: int = 90) -> None:
        demo = open_source("demo", duration_s=8.0)  # two people by then
        info = demo.open()
        self._frames = list(deque(iter(demo.read, None), maxlen=num))
        demo.close()
        self.info = replace(info, rate_fps=RATE_FPS)
        self._began_s = time.monotonic()
        self._num = 0

    def open(self) -> SourceInfo:
        return self.info

    def read(self) -> Frame | None:
        self._num += 1
        due_s = self._began_s + self._num / RATE_FPS
        time.sleep(max(0.0, due_s - time.monotonic()))
        frame = self._frames[self._num % len(self._frames)]
        return replace(
            frame, index=self._num, t_s=self._num / RATE_FPS, captured_s=time.monotonic()
        )

    def close(self) -> None:
        pass


class Busy(WindowServices):
    """With a camera that is faster than the analysis."""

    def open_source(self, name: str, asked: CameraFormat) -> FrameSource:
        return Replay()


def busy(app: QApplication, seconds: float) -> tuple[list[float], float, float]:
    """How late the event loop is (ms, each tick), cores in use, results a second."""
    window, services = _window(Busy(provider="cpu"))
    window.show()
    window.live_page.sources.start("demo")
    while window.live_page.view.result is None:
        _turn(app, 0.1)
    _turn(app, 3.0)
    late: list[float] = []
    last = time.perf_counter()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        late.append(max(0.0, (now - last) * 1000 - probe.interval()))
        last = now

    probe = QTimer()
    probe.setTimerType(probe.timerType().PreciseTimer)
    probe.setInterval(10)
    probe.timeout.connect(tick)

    def stir() -> None:
        """What a user's hands do: the window's edge is dragged, a menu is looked at."""
        nonlocal step
        step += 1
        window.resize(1280 + 16 * (step % 20), 760 + 8 * (step % 20))
        menu = window.live_page.sources.button.menu()
        if step % 10 == 0:
            menu.popup(window.mapToGlobal(window.rect().center()))
        elif step % 10 == 5:
            menu.close()

    step = 0
    hands = QTimer()
    hands.setInterval(100)
    hands.timeout.connect(stir)
    probe.start()
    hands.start()
    began, used = time.perf_counter(), _cpu_s()
    counts: list[int] = []
    window.live.status.connect(lambda status: counts.append(status.num_analysed))
    _turn(app, seconds)
    elapsed = time.perf_counter() - began
    cores = (_cpu_s() - used) / elapsed
    rate = (counts[-1] - counts[0]) / elapsed
    probe.stop()
    hands.stop()
    window.live_page.sources.button.menu().close()
    window.close()
    services.close()
    return late[5:], cores, rate


def _window(
    services: WindowServices | None = None,
) -> tuple[MainWindow, WindowServices]:
    services = services or WindowServices(provider="cpu")
    window = MainWindow(Live(services), Settings(heatmap=True, map_name="attention_mid"))
    return window, services


def _turn(app: QApplication, seconds: float) -> None:
    """Let the event loop run for a while."""
    # a loop of its own: leaving the application's would close the window
    loop = QEventLoop(app)
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


def _cpu_s() -> float:
    used = psutil.Process().cpu_times()
    return used.user + used.system


def _percentiles(values: Sequence[float], *which: float) -> tuple[float, ...]:
    return tuple(float(np.percentile(values, share)) for share in which)


def machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line for line in info.read_text("utf-8").splitlines() if line.startswith("model name")
        ]
        model = names[0].partition(":")[2].strip() if names else model
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}, Qt drawing to memory ({QApplication.platformName()})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the window.")
    parser.add_argument("--seconds", type=float, default=15.0, help="of idling and of being busy")
    parser.add_argument("--switch-ms", type=float, help="the interpreter's switch interval")
    parser.add_argument("--only", choices=("painting", "idle", "busy"))
    options = parser.parse_args()
    if options.switch_ms:
        sys.setswitchinterval(options.switch_ms / 1000)
    app = QApplication([])
    Appearance(app, Settings(theme="dark"))
    say: Callable[[str], int] = sys.stdout.write
    say(machine() + "\n")
    wanted = [options.only] if options.only else ["painting", "idle", "busy"]
    if "painting" in wanted:
        for name, median, high, clock in painting():
            say(
                f"{name:<30}{median:6.2f} ms median {high:6.2f} ms 95th percentile "
                f"{clock:6.2f} ms by the clock\n"
            )
    if "idle" in wanted:
        say(f"{'idle window':<30}{idle(app, options.seconds):6.2f} % of a core\n")
    if "busy" in wanted:
        late, cores, rate = busy(app, options.seconds)
        median, high, most = _percentiles(late, 50, 95, 99)
        say(
            f"{'event loop, late by':<30}{median:6.2f} ms median {high:6.2f} ms 95th percentile "
            f"{most:6.2f} ms 99th\n"
            f"{'':<30}{len(late)} ticks, {cores:.2f} cores in use, {rate:.1f} frames analysed/s\n"
        )


if __name__ == "__main__":
    main()
