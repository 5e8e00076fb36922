"""Measures over time: what is plotted, on which axis, and of which face."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ferdesk.core.labels import LABELS
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.measures.pose import HeadPose
from ferdesk.core.types import FaceResult
from ferdesk.settings import Settings
from ferdesk.ui.kit.measure_charts import CHARTS, LINES, plotted_values
from ferdesk.ui.kit.theme import GRID, LIGHT
from ferdesk.ui.live.measures_timeline import MeasuresTimeline
from ferdesk.ui.preferences.appearance import Appearance
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.results import OTHER, made_measures, make_result


def face(yaw_deg: float = 30.0) -> FaceResult:
    moved = np.zeros(52, np.float32)
    for name, value in (
        ("jawOpen", 0.5), ("mouthSmileLeft", 0.25), ("mouthSmileRight", 0.75), ("browDownLeft", 0.2)
    ):  # fmt: skip
        moved[MOVEMENTS.index(name)] = value
    pose = HeadPose(yaw_deg, -15.0, 90.0, 1, 2, 60)
    return replace(OTHER, measures=replace(made_measures(1), pose=pose, movements=moved))


def test_each_line_is_a_share_of_its_own_axis() -> None:
    shares = plotted_values(face()).tolist()
    # degrees from -60 to 60, what lies beyond at the edge
    assert shares[:3] == pytest.approx([90 / 120, 45 / 120, 1.0])
    # valence (4 - 24) / 64 from -1 to 1
    assert shares[3] == pytest.approx((1 - 20 / 64) / 2)
    # openness (20 and 22 of 64) from 0 to 0.2, gaze (15.0625 and 7.0625) from -45 to 45
    assert shares[4:8] == pytest.approx([1, 1, 60.0625 / 90, 52.0625 / 90])
    # of both sides the mean
    assert shares[8:14] == pytest.approx([0.5, 0.5, 0, 0, 0.1, 0])


def test_every_movement_is_plotted_by_its_name_and_no_chart_has_more_lines_than_colours() -> None:
    columns = {column for _, line in LINES for column in line.columns}
    assert {f"m_{name}" for name in MOVEMENTS[1:]} <= columns
    assert max(len(chart.lines) for chart in CHARTS.values()) <= len(LABELS)
    moved = (np.arange(52) / 64).astype(np.float32)
    one = replace(OTHER, measures=replace(made_measures(1), movements=moved))
    shares = dict(zip([line.name for _, line in LINES], plotted_values(one).tolist(), strict=True))
    assert shares["mouthRollUpper"] == pytest.approx(MOVEMENTS.index("mouthRollUpper") / 64)
    assert shares["noseSneerLeft"] == pytest.approx(MOVEMENTS.index("noseSneerLeft") / 64)


def test_what_was_not_measured_has_no_line() -> None:
    hidden = plotted_values(replace(face(), measures=None, unmeasured="hidden", reason="turned"))
    assert np.isnan(hidden).all()


@pytest.fixture
def timeline(qtbot: QtBot) -> MeasuresTimeline:
    timeline = MeasuresTimeline()
    qtbot.addWidget(timeline)
    timeline.resize(700, 200)
    timeline.show()
    for index in range(20):
        result = make_result(face(3.0 * index), captured_s=100 + index / 10)
        timeline.take(result, OTHER.face_id)
    timeline._repaint()
    return timeline


def drawn(timeline: MeasuresTimeline) -> list[np.ndarray]:
    return [curve.getData()[1] for curve in timeline._curves if curve.isVisible()]


def test_the_chosen_measures_are_drawn_and_single_lines_hidden(timeline: MeasuresTimeline) -> None:
    assert timeline.shown_lines() == ["yaw", "pitch", "roll"]
    yaw = drawn(timeline)[0]
    assert yaw[-1] == pytest.approx((57 + 60) / 120)
    timeline.choice.setCurrentIndex(timeline.choice.findData("movements"))
    assert timeline.shown_lines()[:2] == ["jawOpen", "mouthSmile"]
    assert len(drawn(timeline)) == 6
    names = [line.name for _, line in LINES]
    timeline.buttons[names.index("mouthSmile")].setChecked(False)
    assert "mouthSmile" not in timeline.shown_lines()
    assert len(drawn(timeline)) == 5
    timeline.choice.setCurrentIndex(timeline.choice.findData("valence"))
    assert len(drawn(timeline)) == 1


def test_no_plot_widens_the_window_by_the_names_of_its_lines(timeline: MeasuresTimeline) -> None:
    for index in range(timeline.choice.count()):
        timeline.choice.setCurrentIndex(index)
        assert timeline.minimumSizeHint().width() <= 60 * GRID
    assert not timeline.buttons[-1].isHidden()


def test_another_source_begins_with_nothing(timeline: MeasuresTimeline) -> None:
    timeline.clear()
    assert all(len(line) == 0 for line in drawn(timeline))


def test_the_panel_waits_in_the_view_menu(window: MainWindow) -> None:
    dock = window.live_page.dock_area.docks["measures"]
    assert dock.isHidden()
    assert dock.toggleViewAction() in window.menus.view.actions()


def test_the_plot_follows_the_theme(qtbot: QtBot) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    look = Appearance(app, Settings(theme="dark"))
    timeline = MeasuresTimeline()
    qtbot.addWidget(timeline)
    timeline.show()
    timeline._make_plot()
    try:
        look.apply(Settings(theme="light"))
        assert timeline._plot.backgroundBrush().color() == QColor(LIGHT.surface)
    finally:
        look.apply(Settings(theme="dark"))
        look.rings.deleteLater()
        look.deleteLater()
        app.setStyleSheet("")
