"""Statistics: frame rates, time per stage, latency, drops, memory, device; as text to copy too."""

import platform
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ferdesk.core.types import FrameResult
from ferdesk.runtime.status import Status
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.status_line import device_text, is_slower
from ferdesk.version import VERSION

if TYPE_CHECKING:
    import psutil

REFRESH_MS = 500
_KEPT = 120
_RATE_WINDOW_S = 2.0
_STAGES: dict[str, str] = {
    "detect": mark("Detection"),
    "track": mark("Tracking"),
    "crop": mark("Cropping"),
    "wait": mark("Queue"),
    "classify": mark("Classification"),
    "measure": mark("Landmarks"),
    "smooth": mark("Smoothing"),
}
"""The pipeline's stages in their order; one that is not named here is shown by its own name."""


@dataclass(frozen=True, slots=True)
class Stat:
    """Statistic: one line, what it is, its value, and whether it is worth a look (amber)."""

    name: str
    value: str
    notable: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Section: lines that belong together, under a heading."""

    title: str
    stats: tuple[Stat, ...]


class Meter:
    """Meter: the times of the last results, without a widget, on a clock that may be held."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stages: dict[str, deque[float]] = {}
        self._waits_ms: deque[float] = deque(maxlen=_KEPT)
        self._latencies_ms: deque[float] = deque(maxlen=_KEPT)
        self._delays_ms: deque[float] = deque(maxlen=_KEPT)
        self._to_window_ms: deque[float] = deque(maxlen=_KEPT)
        self._painted_s: deque[float] = deque()

    def add_result(self, result: FrameResult) -> None:
        """The window got this result."""
        for stage, spent_ms in result.stage_ms.items():
            self._stages.setdefault(stage, deque(maxlen=_KEPT)).append(spent_ms)
        self._latencies_ms.append(result.latency_ms)
        # what was not spent in a stage, the picture waited for the first one
        self._waits_ms.append(max(0.0, result.latency_ms - sum(result.stage_ms.values())))

    def add_painted(self, result: FrameResult) -> None:
        """This result is on the screen now."""
        now_s = self._clock()
        self._painted_s.append(now_s)
        delay_ms = (now_s - result.frame.captured_s) * 1000
        self._delays_ms.append(delay_ms)
        self._to_window_ms.append(max(0.0, delay_ms - result.latency_ms))

    @property
    def display_fps(self) -> float:
        """Different pictures painted a second, over the last two."""
        now_s = self._clock()
        while self._painted_s and now_s - self._painted_s[0] > _RATE_WINDOW_S:
            self._painted_s.popleft()
        return len(self._painted_s) / _RATE_WINDOW_S

    def sections(self, status: Status, num_not_shown: int) -> tuple[Section, ...]:
        """All that is known now; ``num_not_shown`` results were replaced before they were seen."""
        stages = [*_STAGES, *(name for name in self._stages if name not in _STAGES)]
        return (
            Section(
                tr("Frame rates"),
                (
                    Stat(tr("Source"), _rate(status.capture_fps) + _format(status)),
                    Stat(tr("Analysis"), _rate(status.analysis_fps), is_slower(status)),
                    Stat(tr("Display"), _rate(self.display_fps)),
                ),
            ),
            Section(
                tr("Time per stage: median (95th percentile)"),
                tuple(
                    Stat(tr(_STAGES.get(name, name)), _spread(self._stages[name]))
                    for name in stages
                    if name in self._stages
                ),
            ),
            Section(
                tr("Latency: median (95th percentile)"),
                (
                    Stat(tr("Wait for analysis"), _spread(self._waits_ms)),
                    Stat(tr("Capture to result"), _spread(self._latencies_ms)),
                    Stat(tr("Result to display"), _spread(self._to_window_ms)),
                    Stat(tr("Total to display"), _spread(self._delays_ms)),
                ),
            ),
            Section(
                tr("Frames"),
                (
                    Stat(tr("Captured"), f"{status.num_seen:,}"),
                    Stat(tr("Analysed"), f"{status.num_analysed:,}"),
                    Stat(tr("Dropped"), _share(status.num_dropped, status.num_seen)),
                    Stat(tr("Not displayed"), _share(num_not_shown, status.num_analysed)),
                ),
            ),
        )


class StatsPanel(QWidget):
    """Statistics panel: shows a ``Meter`` twice a second while it is visible."""

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        meter: Meter | None = None,
        num_not_shown: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(parent)
        self.meter = meter or Meter()
        self._num_not_shown = num_not_shown
        self._status = Status()
        self._process: psutil.Process | None = None
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(2 * GRID)
        self._grid.setVerticalSpacing(GRID // 2)
        self._grid.setColumnStretch(0, 1)
        self._shape: tuple[tuple[str, ...], ...] = ()
        self._values: list[QLabel] = []
        self.copy = QPushButton(tr("Copy as text"), self)
        self.copy.clicked.connect(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 * GRID)
        layout.addLayout(self._grid)
        layout.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignLeft)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)

    def restart(self) -> None:
        """Another source begins."""
        self.meter = Meter()
        self._status = Status()
        if self.isVisible():
            self.refresh()

    def show_status(self, status: Status) -> None:
        self._status = status

    def sections(self) -> tuple[Section, ...]:
        device = self._status.device
        process = self._measured_process()
        memory_mib = process.memory_info().rss / 2**20
        machine = (
            Stat(tr("Memory"), f"{memory_mib:,.0f} MiB"),
            # of one core each: 200 % are two cores
            Stat(tr("CPU usage"), f"{process.cpu_percent():.0f} %"),
            Stat(
                tr("Device"),
                "-" if device is None else device.provider,
                device is not None and device.fell_back,
            ),
            Stat(tr("Model"), "-" if self._status.model is None else self._status.model.name),
        )
        measured = self.meter.sections(self._status, self._num_not_shown())
        return (*measured, Section(tr("System"), machine))

    def _measured_process(self) -> "psutil.Process":
        if self._process is None:
            # not before somebody looks: loading it would keep the window waiting
            import psutil

            self._process = psutil.Process()
            # the first call only begins the measurement
            self._process.cpu_percent()
        return self._process

    def text(self) -> str:
        """All of it for a report of a problem, with the device's reason and the machine."""
        lines = [f"ferdesk {VERSION}, {platform.platform()}"]
        if self._status.device is not None:
            lines.append(device_text(self._status.device))
        for section in self.sections():
            lines += ["", section.title]
            lines += [f"  {stat.name}: {stat.value}" for stat in section.stats]
        return "\n".join(lines) + "\n"

    def refresh(self) -> None:
        sections = self.sections()
        shape = tuple((s.title, *(stat.name for stat in s.stats)) for s in sections)
        if shape != self._shape:
            self._shape = shape
            self._lay_out(sections)
        stats = [stat for section in sections for stat in section.stats]
        for label, stat in zip(self._values, stats, strict=True):
            label.setText(stat.value)
            role = "amber" if stat.notable else ""
            if label.property("role") != role:
                label.setProperty("role", role)
                label.style().unpolish(label)
                label.style().polish(label)
        reason = "" if self._status.device is None else device_text(self._status.device)
        self.setToolTip(plain(reason))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _lay_out(self, sections: Sequence[Section]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._values = []
        row = 0
        for section in sections:
            if not section.stats:
                continue
            heading = QLabel(section.title, self)
            heading.setProperty("role", "muted")
            heading.setWordWrap(True)
            heading.setContentsMargins(0, GRID if row else 0, 0, 0)
            self._grid.addWidget(heading, row, 0, 1, 2)
            row += 1
            for stat in section.stats:
                self._grid.addWidget(QLabel(stat.name, self), row, 0)
                value = QLabel(self)
                value.setTextFormat(Qt.TextFormat.PlainText)
                value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                value.setAccessibleName(stat.name)
                self._grid.addWidget(value, row, 1)
                self._values.append(value)
                row += 1

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())


def _rate(fps: float) -> str:
    return f"{fps:.1f} fps"


def _format(status: Status) -> str:
    source = status.source
    return "" if source is None else f"  {source.width}x{source.height}"


def _spread(values: Sequence[float]) -> str:
    """Median and 95th percentile in milliseconds."""
    if not values:
        return "-"
    ordered = sorted(values)
    median = ordered[len(ordered) // 2]
    return f"{median:.1f}  ({ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]:.1f}) ms"


def _share(part: int, whole: int) -> str:
    return f"{part:,}  ({100 * part / whole if whole else 0:.1f} %)"
