"""What the user sees: values, colours and sides that all differ, each in its own place."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QTableWidget
from pytestqt.qtbot import QtBot

from ferdesk.core.geometry import Box
from ferdesk.core.labels import LABELS
from ferdesk.core.types import FrameResult
from ferdesk.settings import Settings
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID, colours, label_colour
from ferdesk.ui.kit.video_view import VideoView
from ferdesk.ui.live.bars import Bars
from ferdesk.ui.live.faces_panel import FacesPanel
from ferdesk.ui.live.heatmap_panel import HeatmapScale
from ferdesk.ui.live.snapshot import Snapshots
from ferdesk.ui.preferences.appearance import Appearance
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.results import FACE, OTHER, RAW, SMOOTHED, make_result
from tests.ui.fakes import PLACES, FakeServices, FakeSource

RED, GREEN, BLUE = (210, 12, 30), (10, 160, 60), (20, 40, 190)
WIDE, HIGH = 480, 200


def three_colours() -> np.ndarray:
    """Red at the left above, green at the left below, blue at the right; wider than high."""
    image = np.empty((HIGH, WIDE, 3), np.uint8)
    image[:, WIDE // 2 :] = BLUE
    image[: HIGH // 2, : WIDE // 2] = RED
    image[HIGH // 2 :, : WIDE // 2] = GREEN
    return image


def three_coloured() -> FrameResult:
    return make_result(image=three_colours(), captured_s=time.monotonic())


def colour_at(image: QImage, x: float, y: float) -> tuple[int, int, int]:
    """The colour at that share of the picture's width and height."""
    colour = QColor(image.pixel(round(x * image.width()), round(y * image.height())))
    return colour.red(), colour.green(), colour.blue()


@pytest.fixture
def view(qtbot: QtBot) -> VideoView:
    view = VideoView()
    qtbot.addWidget(view)
    view.resize(WIDE, HIGH + 200)  # a letterbox of 100 above and below
    view.show_result(three_coloured(), None)
    return view


def test_a_red_picture_stays_red_in_the_view(view: VideoView) -> None:
    shown = view.grab().toImage()
    top, bottom = (100 + 50) / (HIGH + 200), (100 + 150) / (HIGH + 200)
    assert colour_at(shown, 0.25, top) == RED
    assert colour_at(shown, 0.25, bottom) == GREEN
    assert colour_at(shown, 0.75, top) == BLUE
    # nothing of the picture lies in the letterbox
    assert colour_at(shown, 0.25, 0.1) == colour_at(shown, 0.75, 0.9)


def test_a_mirrored_picture_has_its_sides_changed_and_its_top_above(view: VideoView) -> None:
    view.set_mirrored(True)
    shown = view.grab().toImage()
    top, bottom = (100 + 50) / (HIGH + 200), (100 + 150) / (HIGH + 200)
    assert colour_at(shown, 0.75, top) == RED
    assert colour_at(shown, 0.75, bottom) == GREEN
    assert colour_at(shown, 0.25, top) == BLUE


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_red_picture_stays_red_in_the_snapshots_file(
    view: VideoView, qtbot: QtBot, tmp_path: Path, mirrored: bool
) -> None:
    tasks = TaskRunner()
    view.set_mirrored(mirrored)
    snapshots = Snapshots(view, tasks, lambda image: (), tmp_path)
    with qtbot.waitSignal(snapshots.notified):
        snapshots.save(blurred=False)
    tasks.close(5.0)
    (file,) = tmp_path.glob("*.png")
    saved = QImage(str(file))
    assert (saved.width(), saved.height()) == (WIDE, HIGH)
    left, right = (0.75, 0.25) if mirrored else (0.25, 0.75)
    assert colour_at(saved, left, 0.25) == RED
    assert colour_at(saved, left, 0.75) == GREEN
    assert colour_at(saved, right, 0.25) == BLUE


def test_a_blurred_snapshot_keeps_its_colours_and_its_sides(
    view: VideoView, qtbot: QtBot, tmp_path: Path
) -> None:
    face = replace(FACE, box=Box(300.0, 40.0, 60.0, 90.0))
    result = replace(three_coloured(), faces=(face,))
    # on the edge of red and green, where a cover mixes them; no result knows of it
    missed = Box(20.0, 70.0, 40.0, 60.0)
    view.show_result(result, None)
    view.set_mirrored(True)
    tasks = TaskRunner()
    snapshots = Snapshots(view, tasks, lambda image: (missed,), tmp_path)
    snapshots.add(result)
    with qtbot.waitSignal(snapshots.notified):
        snapshots.save(blurred=True)
    tasks.close(5.0)
    (file,) = tmp_path.glob("*.png")
    saved = QImage(str(file))
    assert (saved.width(), saved.height()) == (WIDE, HIGH)
    assert colour_at(saved, 0.25, 0.25) == RED
    assert colour_at(saved, 0.25, 0.75) == GREEN
    assert colour_at(saved, 0.95, 0.95) == BLUE
    assert colour_at(saved, 40 / WIDE, 0.49) not in (RED, GREEN)


def test_a_red_picture_stays_red_from_the_source_to_the_file(
    qtbot: QtBot,
    services: FakeServices,
    make_window: Callable[..., MainWindow],
    tmp_path: Path,
) -> None:
    services.prepared["camera:0"] = FakeSource(image=three_colours())
    window = make_window(Settings(show_boxes=False, show_labels=False))
    page = window.live_page
    page.sources.start("camera:0")
    qtbot.waitUntil(lambda: page.view.result is not None)
    window.actions_by_name["snapshot"].trigger()
    qtbot.waitUntil(lambda: bool(window.notices.texts))
    (file,) = (tmp_path / "pictures").glob("*.png")
    saved = QImage(str(file))
    assert colour_at(saved, 0.02, 0.02) == RED
    assert colour_at(saved, 0.02, 0.98) == GREEN
    assert colour_at(saved, 0.98, 0.02) == BLUE


@pytest.fixture
def bars(qtbot: QtBot) -> Bars:
    bars = Bars()
    bars.reduced_motion = True
    qtbot.addWidget(bars)
    bars.resize(600, bars.sizeHint().height())
    return bars


def lengths(bars: Bars) -> list[float]:
    """The length of each label's bar, the longest 1, as it is painted."""
    image = bars.grab().toImage()
    row_px = image.height() // len(LABELS)
    painted = []
    for index, label in enumerate(LABELS):
        # at the bar's lower edge, inside it; the tick crosses all bars
        y = index * row_px + row_px // 2 + 4
        line = [QColor(image.pixel(x, y)).rgb() for x in range(image.width())]
        painted.append(sum(colour == label_colour(label).rgb() for colour in line))
    return [length / max(painted) for length in painted]


def tick_positions(bars: Bars) -> list[int]:
    """The place of each label's tick above its bar."""
    image = bars.grab().toImage()
    row_px = image.height() // len(LABELS)
    text = QColor(colours().text).rgb()
    found = []
    for index in range(len(LABELS)):
        y = index * row_px + (row_px - 12) // 2 - 3  # the tick stands out above the bar
        xs = [x for x in range(image.width()) if QColor(image.pixel(x, y)).rgb() == text]
        found.append(min(xs))
    return found


def test_bars_are_smoothed_and_ticks_are_raw(bars: Bars) -> None:
    bars.show_face(FACE)
    assert bars.drawn == pytest.approx(SMOOTHED)
    assert np.argsort(lengths(bars)).tolist() == np.argsort(SMOOTHED).tolist()
    assert np.argsort(tick_positions(bars)).tolist() == np.argsort(RAW).tolist()
    assert not np.array_equal(np.argsort(RAW), np.argsort(SMOOTHED))


def test_the_panel_says_the_smoothed_label_and_calls_low_confidence_by_its_name(
    qtbot: QtBot,
) -> None:
    panel = FacesPanel()
    qtbot.addWidget(panel)
    panel.show_faces((OTHER,), OTHER, OTHER.face_id)
    assert panel.headline.text() == "Shows: happy 27 %"
    doubtful = replace(OTHER, low_confidence=True, reason="unclear")
    panel.show_faces((doubtful,), doubtful, doubtful.face_id)
    assert panel.headline.text() == "Low confidence: happy 27 %"
    cells = [panel.list.item(0, column) for column in (1, 2)]
    assert [c.text() for c in cells if c is not None] == ["Low confidence: happy", "27 %"]
    panel.show_faces((FACE,), FACE, FACE.face_id)
    assert panel.headline.text() == "Turned away"
    assert panel.hint.text() == "Face #3 · face the camera"


def test_a_click_finds_the_face_that_is_wider_than_high(
    qapp: QApplication, view: VideoView
) -> None:
    from PySide6.QtCore import QPointF

    face = replace(FACE, box=Box(40.0, 20.0, 120.0, 30.0))
    view.show_result(replace(three_coloured(), faces=(face,)), None)
    assert view.face_at(QPointF(150, 100 + 45)) == FACE.face_id
    assert view.face_at(QPointF(60, 100 + 120)) is None
    view.set_mirrored(True)
    assert view.face_at(QPointF(WIDE - 150, 100 + 45)) == FACE.face_id
    assert view.face_at(QPointF(150, 100 + 45)) is None


@pytest.mark.parametrize("width", [200, 400])
def test_the_heatmaps_unit_never_covers_its_numbers(qtbot: QtBot, width: int) -> None:
    scale = HeatmapScale()
    qtbot.addWidget(scale)
    scale.set_range(PLACES["cam"], 0.6)
    scale.resize(width, 20)
    scale.set_unit("contribution to the score")
    lines = (scale.sizeHint().height() - GRID) // scale.fontMetrics().height()
    wide = scale.fontMetrics().horizontalAdvance
    fits = wide("≤ 0.00") * 2 + 2 * GRID + wide("contribution to the score") <= width
    assert lines == (1 if fits else 2)
    assert fits == (width == 400)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_ground_of_a_scroll_bar_is_the_windows(
    qtbot: QtBot, theme: Literal["light", "dark"]
) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    look = Appearance(app, Settings(theme=theme))
    table = QTableWidget(40, 1)
    table.resize(120, 120)
    table.show()
    bar = table.verticalScrollBar()
    at = bar.mapTo(table, QPoint(bar.width() // 2, bar.height() - 2))
    seen = table.grab().toImage().pixelColor(at)
    assert seen.name().upper() == colours().surface
    table.close()
    table.deleteLater()
    look.rings.deleteLater()
    look.deleteLater()
    app.setStyleSheet("")
