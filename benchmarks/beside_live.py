"""Rate of the live picture with and without the queue beside it.

    python -m benchmarks.beside_live FOLDER [--source demo] [--seconds 30]

The window runs in memory with the demo, or a camera, as its source: first alone, then while FOLDER
is analysed. The rates are those that the status line shows, read twice a second.
"""

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does, before numpy
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from benchmarks.archive import say
from ferdesk.app import open_window
from ferdesk.cli.window_analysis import find_for_window, work_for_window
from ferdesk.factory.services import WindowServices
from ferdesk.settings import LoadedSettings, Settings
from ferdesk.ui.preferences.consent import CONSENT_VERSION
from ferdesk.ui.shell.main_window import MainWindow

_WARM_UP_S = 8.0
"""Models are loaded, and the rates of the last two seconds are whole."""


@dataclass(slots=True)
class Rates:
    """Rates, one of each for half a second, in frames a second."""

    captured: list[float] = field(default_factory=list)
    analysed: list[float] = field(default_factory=list)
    num_resting: int = 0

    def text(self) -> str:
        low = statistics.quantiles(self.analysed, n=20)[0]
        return (
            f"camera {statistics.median(self.captured):.1f}/s, analysed and shown "
            f"{statistics.median(self.analysed):.1f}/s (5th percentile {low:.1f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", default="demo")
    parser.add_argument("--seconds", type=float, default=30.0)
    chosen = parser.parse_args()
    app = QApplication([])
    with tempfile.TemporaryDirectory() as root:
        services = WindowServices(
            provider="cpu", root=Path(root), find=find_for_window, queue_work=work_for_window
        )
        window = open_window(
            services, LoadedSettings(Settings(consent=CONSENT_VERSION)), None, source=chosen.source
        )
        _wait(_WARM_UP_S)
        say(f"alone:  {_read(window, chosen.seconds).text()}")
        window.queue_files([chosen.folder])
        page = window.queueing.opened()
        while not page.model.rowCount():
            _wait(0.05)
        page.start()
        began_s, first = time.monotonic(), page.runner.queue.frames_analysed
        beside = _read(window, chosen.seconds)
        took_s = time.monotonic() - began_s
        frames = page.runner.queue.frames_analysed - first
        rested = beside.num_resting / len(beside.analysed)
        say(f"beside: {beside.text()}")
        say(f"queue:  {frames / took_s:.1f} frames a second, at rest {rested:.0%} of the time")
        window.end()
        services.close()
    app.quit()


def _wait(seconds: float) -> None:
    """Wait by an event loop; QTest.qWait lets no other thread of Python run meanwhile."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def _read(window: MainWindow, seconds: float) -> Rates:
    rates = Rates()
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        _wait(0.5)
        status = window.live.status_now()
        rates.captured.append(status.capture_fps)
        rates.analysed.append(status.analysis_fps)
        rates.num_resting += window.queueing.running and window.queueing.opened().runner.rests
    return rates


if __name__ == "__main__":
    main()
