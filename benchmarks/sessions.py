"""What a long session costs: python benchmarks/sessions.py [--hours 4] [--faces 2] [--only WHAT].

Writes a session of that length into a temporary folder. ``open``: reads it as nobody did before and
again, then opens it on the review page, from the key to the painted lines. ``scroll``: moves the
timeline through it, at the whole range and at shorter ones, and tells each frame's time: finding
what is in sight, drawing the seven lines and the lanes, painting. The values are noise, which is
the most expensive to draw; ``--smooth`` draws values that change as a face does.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from ferdesk.core.geometry import Box, Square
from ferdesk.core.types import Expression, FaceResult, Frame, FrameResult
from ferdesk.factory.services import WindowServices
from ferdesk.sessions.files import write_json
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review
from ferdesk.sessions.schema import HEADER, Moment, rows_of
from ferdesk.sessions.summaries import summarize
from ferdesk.settings import Settings
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.preferences.appearance import Appearance
from ferdesk.ui.shell.main_window import MainWindow

FPS = 30
_KINDS = 500


def write(folder: Path, hours: float, num_faces: int, *, smooth: bool = False) -> None:
    """A session of random faces; a few hundred different frames in turn, each with its own time."""
    rng = np.random.default_rng(0)
    image = np.zeros((1, 1, 3), np.uint8)
    ends = []
    walk = rng.normal(0.0, 0.1, (_KINDS, num_faces, 7)).cumsum(axis=0)
    walk -= np.linspace(0, 1, _KINDS)[:, None, None] * walk[-1]
    for kind in range(_KINDS):
        faces = []
        for face_id in range(1, num_faces + 1):
            p, s = rng.dirichlet(np.full(7, 0.3), 2).astype(np.float32)
            if smooth:
                likely = np.exp(walk[kind, face_id - 1])
                p = s = (likely / likely.sum()).astype(np.float32)
            x, y, size, sharp = rng.uniform(20, 900, 4).tolist()
            box, square = Box(x, y, size, size), Square(0, 0, 1)
            faces.append(
                FaceResult(face_id, box, square, 0.9, Expression(p), s, False, 1.5, sharp, 99.0)
            )
        result = FrameResult(Frame(image, 0, 0.0, 0.0), tuple(faces), 16.25, {})
        lines = rows_of(result, Moment(0, 0.0, None)).splitlines()
        ends.append([line.split(",", 3)[3] for line in lines])
    with (folder / "results.csv").open("w") as file:
        file.write(HEADER)
        for frame in range(int(hours * 3600 * FPS)):
            start = f"{frame},{frame / FPS:.6f},2026-03-04T09:00:00.000000Z,"
            file.write("".join(f"{start}{end}\n" for end in ends[frame % _KINDS]))
    write_json(folder / "session.json", {"schema": 1, "complete": True})


def reading(folder: Path) -> None:
    for what in ("read the first time", "read again"):
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        session = read_session(folder)
        load_review(session)
        _say(what, time.perf_counter() - began_s, time.process_time() - began_cpu_s)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    summarize(session)
    _say("its summary", time.perf_counter() - began_s, time.process_time() - began_cpu_s)
    # Windows keeps files that are mapped
    del session


def window_on(folder: Path) -> tuple[QApplication, MainWindow, WindowServices]:
    """A window on the review page, 1280x720, with the library of ``folder``'s neighbours."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    settings = Settings(theme="dark", language="en")
    app.setProperty("look", Appearance(app, settings))
    services = WindowServices(model=None, provider="cpu", root=folder.parent)
    window = MainWindow(Live(services), settings)
    window.resize(1280, 720)
    window.show()
    window.show_review(folder.parent)
    # the page is there before a user chooses a session on it
    window.grab()
    return app, window, services


def opening(folder: Path) -> None:
    """From the key to the painted lines, without the columns beside the session and with them."""
    app, window, services = window_on(folder)
    page = window.review
    assert page is not None
    for what in ("open on the page, without the cache", "open on the page", "open once more"):
        if what.endswith("cache"):
            page.library.rest()
            (folder / "columns.cache").unlink(missing_ok=True)
        page.show_library()
        page.library.rest()
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        page.open(folder)
        late = _wait_until(app, lambda: page.shows_session)
        window.grab()
        seconds = time.perf_counter() - began_s
        _say(
            what,
            seconds,
            time.process_time() - began_cpu_s,
            f"; window late by {late:.0f} ms at most",
        )
    window.close()
    services.close()


def scrolling(folder: Path, num: int = 200) -> None:
    """Each frame of a walk through the session: view, lines, lanes and painting together."""
    app, window, services = window_on(folder)
    page = window.review
    assert page is not None
    page.open(folder)
    _wait_until(app, lambda: page.shows_session)
    window.grab()
    timeline = page.session.timeline
    length_s = timeline.range_s[1]
    for name, span_s in (("whole", length_s), ("1 h", 3600.0), ("10 min", 600.0), ("30 s", 30.0)):
        times_ms, cpu_ms = [], []
        for index in range(num):
            from_s = max(length_s - span_s, 0.0) * index / num
            began_s, began_cpu_s = time.perf_counter(), time.thread_time()
            if span_s < length_s:
                timeline.set_range(from_s, from_s + span_s)
            else:
                # nothing to move at the whole range: zoomed by a little instead
                timeline.set_range(0.0, length_s * (0.9 + 0.1 * index / num))
            # what changes with the view; the buttons above it are not painted again
            for part in (timeline.flags, timeline.plot, timeline.lanes, timeline.bar):
                part.grab()
            times_ms.append(1000 * (time.perf_counter() - began_s))
            cpu_ms.append(1000 * (time.thread_time() - began_cpu_s))
        for what, values in (("by the clock", times_ms), ("of processor time", cpu_ms)):
            median, p95 = np.percentile(values, [50, 95])
            print(f"scroll, {name} in sight: {median:.1f} ms {what}, p95 {p95:.1f}")  # noqa: T201
    window.close()
    services.close()


def _wait_until(app: QApplication, done: Callable[[], bool]) -> float:
    """Run the event loop until ``done``; how late its timers were at most, in ms."""
    loop, late_ms = QEventLoop(), [0.0]
    last_s = [time.perf_counter()]

    def look() -> None:
        now_s = time.perf_counter()
        late_ms.append(1000 * (now_s - last_s[0]) - 10)
        last_s[0] = now_s
        if done():
            loop.quit()

    timer = QTimer(interval=10)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(look)
    timer.start()
    loop.exec()
    return max(late_ms)


def _say(what: str, seconds: float, cpu_s: float, more: str = "") -> None:
    print(f"{what}: {seconds:.2f} s ({cpu_s:.2f} s of CPU){more}", flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--faces", type=int, default=2)
    parser.add_argument("--smooth", action="store_true")
    parser.add_argument("--only", choices=("open", "scroll"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "session"
        folder.mkdir()
        write(folder, options.hours, options.faces, smooth=options.smooth)
        if options.only != "scroll":
            reading(folder)
            opening(folder)
        if options.only != "open":
            scrolling(folder)


if __name__ == "__main__":
    main()
