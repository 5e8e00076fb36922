"""Zoom of the picture: the wheel holds the point under it, a drag moves, a double click ends it."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSizeF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ferdesk.core.geometry import Box
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import FrameResult
from ferdesk.ui.kit.theme import DARK
from ferdesk.ui.kit.video_view import VideoView
from ferdesk.ui.kit.view_transform import MOST_ZOOM, WHOLE, ViewTransform, moved, zoomed
from tests.helpers.results import OTHER, make_result
from tests.ui.fakes import FakeClassifier, FakeDetector, FakeSource, picture

PICTURE, VIEW = QSizeF(640, 480), QSizeF(1000, 500)


@pytest.fixture
def result() -> FrameResult:
    frame = FakeSource().read()
    assert frame is not None
    return Pipeline(FakeDetector(), FakeClassifier()).process(frame)


@pytest.fixture
def view(qtbot: QtBot, result: FrameResult) -> VideoView:
    view = VideoView()
    qtbot.addWidget(view)
    view.resize(1000, 500)
    view.show_result(result, None)
    return view


def turn(view: VideoView, at: QPointF, notches: int = 1) -> None:
    none, angle = QPoint(), QPoint(0, 120 * notches)
    event = QWheelEvent(
        at,
        at,
        none,
        angle,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_wheel_holds_the_point_of_the_picture_under_the_mouse(mirrored: bool) -> None:
    # inside the picture by so much that no edge of it comes into the view
    at, zoom = QPointF(430, 210), WHOLE
    held = ViewTransform.fit(PICTURE, VIEW, mirrored=mirrored).to_picture(at)
    for _ in range(3):
        zoom = zoomed(zoom, 2.0, at=at, picture=PICTURE, view=VIEW, mirrored=mirrored)
        there = ViewTransform.fit(PICTURE, VIEW, mirrored=mirrored, zoom=zoom)
        assert there.to_picture(at).x() == pytest.approx(held.x(), abs=0.01)
        assert there.to_picture(at).y() == pytest.approx(held.y(), abs=0.01)


def test_it_zooms_to_a_limit_and_never_below_the_whole_picture() -> None:
    def by(factor: float) -> float:
        at = QPointF(500, 250)
        return zoomed(WHOLE, factor, at=at, picture=PICTURE, view=VIEW, mirrored=False).factor

    assert by(1000.0) == MOST_ZOOM
    assert by(0.01) == 1.0


@pytest.mark.parametrize("mirrored", [False, True])
def test_dragging_moves_the_picture_with_the_mouse_and_stops_at_its_edge(mirrored: bool) -> None:
    middle = QPointF(500, 250)
    zoom = zoomed(WHOLE, 4.0, at=middle, picture=PICTURE, view=VIEW, mirrored=mirrored)
    before = ViewTransform.fit(PICTURE, VIEW, mirrored=mirrored, zoom=zoom)
    after = ViewTransform.fit(
        PICTURE,
        VIEW,
        mirrored=mirrored,
        zoom=moved(zoom, QPointF(60, -35), picture=PICTURE, view=VIEW, mirrored=mirrored),
    )
    assert (after.left - before.left, after.top - before.top) == pytest.approx((60, -35))
    far = moved(zoom, QPointF(9000, 9000), picture=PICTURE, view=VIEW, mirrored=mirrored)
    at_edge = ViewTransform.fit(PICTURE, VIEW, mirrored=mirrored, zoom=far)
    assert (at_edge.left, at_edge.top) == pytest.approx((0, 0), abs=1e-6)


def test_a_zoomed_face_is_found_where_it_is_painted(view: VideoView, result: FrameResult) -> None:
    place = view.view_transform()
    assert place is not None
    at = place.rect(result.faces[1].box).center()
    turn(view, at, 3)
    after = view.view_transform()
    assert after is not None
    assert after.scale == pytest.approx(place.scale * 1.25**3)
    assert view.face_at(after.rect(result.faces[1].box).center()) == 2
    picture = view._picture
    view.grab()
    assert view._picture is not picture  # drawn anew, for this zoom


def test_a_drag_moves_and_a_double_click_shows_all_again(qtbot: QtBot, view: VideoView) -> None:
    turn(view, QPointF(500, 250), 6)
    before = view.view_transform()
    assert before is not None
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(500, 250))
    for x in (520, 560, 590):
        QTest.mouseMove(view, QPoint(x, 250))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(590, 250))
    after = view.view_transform()
    assert after is not None
    assert after.left - before.left == pytest.approx(90)
    with qtbot.assertNotEmitted(view.double_clicked):
        QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    whole = view.view_transform()
    assert whole is not None
    assert whole.scale == pytest.approx(500 / 480)


def test_another_source_begins_with_the_whole_picture(view: VideoView, result: FrameResult) -> None:
    turn(view, QPointF(500, 250), 4)
    view.clear()
    view.show_result(result, None)
    assert view.zooming.zoom == WHOLE


def test_nothing_is_painted_on_the_margin_beside_the_picture(view: VideoView) -> None:
    edge = replace(OTHER, box=Box(-40, 120, 200, 220))
    view.show_result(make_result(edge, image=picture()), 5)
    shown = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(shown.constBits(), np.uint8).reshape(500, shown.bytesPerLine())
    margin = rows[:, : 3 * 160].reshape(500, 160, 3)
    dark = [int(DARK.canvas[i : i + 2], 16) for i in (1, 3, 5)]
    assert (margin == dark).all()
