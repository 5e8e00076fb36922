"""The statistics: what they count, on a held clock, and the panel in the window."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.core.types import DeviceInfo, Frame, FrameResult
from ferdesk.runtime.status import State, Status
from ferdesk.ui.live.statistics import Meter, Section, StatsPanel
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.conftest import HeldClock
from tests.ui.fakes import FakeServices, FakeSource

STATUS = Status(
    State.RUNNING,
    source=FakeSource().open(),
    device=DeviceInfo("CPU", "no NVIDIA driver was found", True),
    capture_fps=30.0,
    analysis_fps=12.0,
    num_seen=200,
    num_analysed=150,
    num_dropped=50,
)


def result(captured_s: float, latency_ms: float, **stage_ms: float) -> FrameResult:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0, captured_s)
    return FrameResult(frame, (), latency_ms, stage_ms)


def value(sections: tuple[Section, ...], name: str) -> str:
    return {stat.name: stat.value for section in sections for stat in section.stats}[name]


def test_times_are_medians_with_the_95th_percentile(clock: HeldClock) -> None:
    meter = Meter(clock)
    for spent in range(1, 101):
        meter.add_result(result(0.0, spent + 15.0, detect=float(spent), classify=5.0))
    sections = meter.sections(STATUS, 3)
    assert value(sections, "Detection") == "51.0  (96.0) ms"
    assert value(sections, "Classification") == "5.0  (5.0) ms"
    # what was spent in no stage, the picture waited for the first
    assert value(sections, "Wait for analysis") == "10.0  (10.0) ms"
    assert value(sections, "Dropped") == "50  (25.0 %)"
    assert value(sections, "Not displayed") == "3  (2.0 %)"
    assert value(sections, "Source") == "30.0 fps  640x480"


def test_the_display_is_counted_by_what_is_painted(clock: HeldClock) -> None:
    meter = Meter(clock)
    for _ in range(40):
        clock.now_s += 0.05
        meter.add_painted(result(clock.now_s - 0.080, 60.0))
    assert meter.display_fps == 20.0
    sections = meter.sections(STATUS, 0)
    assert value(sections, "Total to display") == "80.0  (80.0) ms"
    assert value(sections, "Result to display") == "20.0  (20.0) ms"
    clock.now_s += 60
    assert meter.display_fps == 0.0


def test_a_stage_that_is_new_is_shown_by_its_own_name(clock: HeldClock) -> None:
    meter = Meter(clock)
    meter.add_result(result(0.0, 3.0, ponder=2.0))
    assert value(meter.sections(STATUS, 0), "ponder") == "2.0  (2.0) ms"


def test_nothing_measured_is_no_number(qtbot: QtBot) -> None:
    panel = StatsPanel()
    qtbot.addWidget(panel)
    assert value(panel.sections(), "Total to display") == "-"
    assert value(panel.sections(), "Dropped") == "0  (0.0 %)"
    assert int(value(panel.sections(), "Memory").removesuffix(" MiB").replace(",", "")) > 10


def test_what_is_worth_a_look_is_amber(qtbot: QtBot) -> None:
    panel = StatsPanel()
    qtbot.addWidget(panel)
    panel.show_status(STATUS)
    notable = [s.name for section in panel.sections() for s in section.stats if s.notable]
    assert notable == ["Analysis", "Device"]
    panel.show_status(replace(STATUS, analysis_fps=30.0, device=DeviceInfo("CUDA", "")))
    assert not [s for section in panel.sections() for s in section.stats if s.notable]


def test_the_text_for_a_report_has_the_machine_and_the_devices_reason(qtbot: QtBot) -> None:
    panel = StatsPanel()
    qtbot.addWidget(panel)
    panel.show_status(STATUS)
    panel.copy.click()
    text = QGuiApplication.clipboard().text()
    assert text.startswith("ferdesk 0.")
    assert "CPU: no NVIDIA driver was found\n" in text
    assert "  Analysed: 150\n" in text


def test_the_panel_measures_only_while_it_is_seen(qtbot: QtBot) -> None:
    panel = StatsPanel()
    qtbot.addWidget(panel)
    assert not panel._timer.isActive()
    panel.show()
    assert panel._timer.isActive()
    panel.hide()
    assert not panel._timer.isActive()


def test_a_key_shows_the_panel_and_its_cross_unticks_the_key(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    dock, action = window.live_page.dock_area.docks["stats"], window.actions_by_name["stats"]
    assert not dock.isVisible()
    QTest.keyClick(window, Qt.Key.Key_F8)
    assert dock.isVisible()
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: value(window.live_page.stats.sections(), "Total to display") != "-")
    qtbot.waitUntil(lambda: window.live_page.stats.meter.display_fps > 0)
    dock.close()
    assert not action.isChecked()
    QTest.keyClick(window, Qt.Key.Key_F9)
    QTest.keyClick(window, Qt.Key.Key_F8)
    assert dock.isVisible()
    assert window.actions_by_name["panel"].isChecked()


@pytest.mark.parametrize("again", [1, 2])
def test_another_source_is_measured_anew(
    make_window: Callable[..., MainWindow], qtbot: QtBot, again: int
) -> None:
    window = make_window()
    window.live_page.stats.meter.add_result(result(0.0, 3.0, detect=2.0))
    for _ in range(again):
        window.live_page.sources.start("demo")
    assert "Detection" not in {
        s.name for part in window.live_page.stats.sections() for s in part.stats
    }
