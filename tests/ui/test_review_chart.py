"""The chart of a session keeps its curves, and writes times since the recording's start."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.core.labels import LABELS
from ferdesk.ui.kit.theme import label_colour
from ferdesk.ui.review.plot import LinesPlot, TimeAxis
from ferdesk.ui.review.session_view import SessionView
from ferdesk.ui.review.times import SessionClock
from tests.helpers.sessions import FIRST_ID, frame_time, write_two_faces
from tests.ui.review_page import Opener

INT32 = 2**31


def pixels_of(plot: LinesPlot, label: str) -> int:
    """How many pixels of the chart on the screen are of a label's colour, or nearly."""
    QTest.qWait(1)
    window = plot.window()
    screen = window.screen().grabWindow(window.winId())
    image = screen.toImage().convertToFormat(QImage.Format.Format_RGB32)
    if image.isNull():
        image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    corner = plot.mapTo(window, plot.rect().topLeft())
    part = image.copy(corner.x(), corner.y(), plot.width(), plot.height())
    pixels = np.frombuffer(part.constBits(), np.uint8).reshape(part.height(), -1, 4)
    colour = label_colour(label)
    wanted = np.array([colour.blue(), colour.green(), colour.red()])
    near = np.abs(pixels[:, :, :3].astype(int) - wanted).max(axis=2) <= 24
    return int(near.sum())


def device_rects(view: SessionView) -> list[QRectF]:
    """The rectangle of each curve in the plot's pixels."""
    plot = view.timeline.plot
    return [
        QRectF(curve.deviceTransform(plot.viewportTransform()).mapRect(curve.boundingRect()))
        for curve in plot.curves.values()
    ]


def zoom_all_the_way(view: SessionView) -> None:
    for _ in range(40):
        view.actions_by_name["zoom_in"].trigger()


def test_the_curves_stay_while_one_zooms_seeks_and_plays(
    tmp_path: Path,
    open_session: Opener,
    qtbot: QtBot,
) -> None:
    view = open_session(write_two_faces(tmp_path / "one", num_frames=240))
    plot = view.timeline.plot
    shown = ("happy", "neutral")
    assert all(pixels_of(plot, label) > 200 for label in shown)
    for step in range(12):
        view.actions_by_name["zoom_in"].trigger()
        view.player.seek(frame_time(3 + 5 * step) + 0.011)
        for label in shown:
            assert pixels_of(plot, label) > 200, f"{label} after {step + 1} zooms"
    view.player.play()
    for _ in range(30):
        view.player._clock.now_s += 0.031  # type: ignore[attr-defined]
        view.player.tick()
        QTest.qWait(1)
    view.player.pause()
    for label in shown:
        assert pixels_of(plot, label) > 200, f"{label} after playing"
    view.timeline.shift(0.8)
    for name in ("whole", "next_track", "previous_track"):
        view.actions_by_name[name].trigger()
    assert all(pixels_of(plot, label) > 200 for label in shown)


@pytest.mark.parametrize("starts_at_s", [0.0, 4.34])
def test_the_curves_rectangle_is_of_the_part_in_sight_and_fits_qts_integers(
    tmp_path: Path,
    open_session: Opener,
    starts_at_s: float,
) -> None:
    about = {"source": {"kind": "video", "name": "clip", "location": "clip.mp4"}}
    folder = write_two_faces(tmp_path / "one", num_frames=240, starts_at_s=starts_at_s, about=about)
    view = open_session(folder)
    length_s = frame_time(239)
    for rect in (curve.boundingRect() for curve in view.timeline.plot.curves.values()):
        assert rect.left() == pytest.approx(starts_at_s - length_s)
        assert rect.width() == pytest.approx(3 * length_s)
    zoom_all_the_way(view)
    from_s, to_s = view.timeline.range_s
    for curve in view.timeline.plot.curves.values():
        assert curve.boundingRect().left() <= from_s
        assert curve.boundingRect().right() >= to_s
    assert all(rect.width() < 4 * view.timeline.plot.width() for rect in device_rects(view))


def test_rows_that_lie_years_apart_are_drawn_and_zoomed_into(
    tmp_path: Path,
    open_session: Opener,
) -> None:
    folder = write_two_faces(tmp_path / "odd")
    path = folder / "results.csv"
    lines = path.read_text("utf-8").splitlines()
    number, t_s, rest = lines[-1].split(",", 2)
    assert t_s == f"{frame_time(23):.6f}"
    lines[-1] = ",".join((number, "900000000.000001", rest))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    view = open_session(folder)
    assert view.timeline.range_s[1] == pytest.approx(9e8)
    zoom_all_the_way(view)
    assert all(rect.width() < INT32 for rect in device_rects(view))
    assert not view.grab().isNull()


def test_the_axis_counts_from_the_recordings_start_in_round_steps(qtbot: QtBot) -> None:
    axis = TimeAxis("bottom")
    axis.clock = SessionClock(4.34)
    assert axis.tickSpacing(4.34, 64.34, 660.0) == [(10, 4.34)]
    assert axis.tickStrings([4.34, 14.34, 64.34], 1.0, 10) == ["0:00:00", "0:00:10", "0:01:00"]
    assert axis.tickStrings([4.34, 4.54, 64.14], 1.0, 0.2) == [
        "0:00:00.0",
        "0:00:00.2",
        "0:00:59.8",
    ]


def test_the_axis_of_any_length_has_few_ticks(qtbot: QtBot) -> None:
    axis = TimeAxis("bottom")
    for length_s in (0.1, 59.0, 86_400.0, 9e8, 1e15):
        ((step, _),) = axis.tickSpacing(0.0, length_s, 1100.0)
        assert length_s / step <= 11
    assert axis.tickStrings([1e15], 1.0, 86_400) == ["–"]  # noqa: RUF001


def test_the_chart_draws_the_smoothed_values_and_on_wish_the_raw_ones(
    tmp_path: Path,
    open_session: Opener,
) -> None:
    view = open_session(write_two_faces(tmp_path / "one"))
    assert view.track_id == FIRST_ID
    times, values = view.timeline.plot.curves["happy"].getData()
    assert times[:3] == pytest.approx([0.0, 0.083333, 0.166667])
    assert values[:3] == pytest.approx([0.50, 0.51, 0.52])
    assert view.timeline.legend["happy"].text() == "happy 50 %"
    assert view.faces.table.item(0, 1).text() == "happy 50 %"  # type: ignore[union-attr]
    view.actions_by_name["smoothing"].trigger()
    _, values = view.timeline.plot.curves["surprise"].getData()
    assert values[:3] == pytest.approx([0.41, 0.415, 0.42])
    assert view.timeline.legend["surprise"].text() == "surprise 41 %"
    assert view.faces.table.item(0, 1).text() == "surprise 41 %"  # type: ignore[union-attr]
    assert set(view.timeline.legend) == set(LABELS)
