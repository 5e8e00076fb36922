"""The timeline: rings that stay small, lines that tell the truth, and controls that work."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ferdesk.core.labels import LABELS
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import FrameResult
from ferdesk.ui.kit.history import LONGEST_S, History
from ferdesk.ui.live.end_labels import EndLabels
from ferdesk.ui.live.timeline import SPANS_S, Timeline
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.conftest import HeldClock
from tests.ui.fakes import FakeClassifier, FakeDetector, FakeServices, FakeSource, likely
from tests.ui.test_window import run


@pytest.fixture
def result() -> FrameResult:
    frame = FakeSource().read()
    assert frame is not None
    return Pipeline(FakeDetector(), FakeClassifier()).process(frame)


def at(result: FrameResult, time_s: float, share: float = 0.8) -> FrameResult:
    faces = tuple(replace(face, smoothed=likely("happy", share)) for face in result.faces)
    return replace(result, frame=replace(result.frame, captured_s=time_s), faces=faces)


def test_the_last_seconds_come_back_in_order(result: FrameResult) -> None:
    history = History()
    for i in range(100):
        history.add(at(result, 50 + i / 10, i / 100))
    times, values = history.lines(1, 5.0)
    assert times[-1] == 0.0
    # one point left of the edge, so that the line reaches it
    assert times[0] == pytest.approx(-5.1)
    assert np.all(np.diff(times) > 0)
    assert values[-1, LABELS.index("happy")] == pytest.approx(0.99)


def test_the_ring_forgets_the_oldest_and_stays_as_it_is(result: FrameResult) -> None:
    history = History()
    for i in range(6000):
        history.add(at(result, 1000 + i / 30, 0.5))
    times, _ = history.lines(1, LONGEST_S)
    assert len(times) == 3602
    assert times[0] == pytest.approx(-LONGEST_S, abs=0.04)


def test_a_face_that_was_away_leaves_a_gap(result: FrameResult) -> None:
    history = History()
    for time_s in (10.0, 10.1, 14.0, 14.1):
        history.add(at(result, time_s))
    times, values = history.lines(1, 10.0)
    assert np.isnan(values).all(axis=1).tolist() == [False, False, True, False, False]
    assert times[2] == pytest.approx(-4.0, abs=0.05)


def test_sampled_lines_keep_their_points_as_time_goes_on(result: FrameResult) -> None:
    history = History()
    kept: list[dict[int, tuple[float, float]]] = []
    for i in range(400):
        history.add(at(result, 100 + i * 0.05, (i % 40) / 40))
        if i in (396, 397):
            steps, times, values = history.sampled(1, 15.0, 0.25)
            happy = values[:, LABELS.index("happy")]
            clock = (times + history.now_s).tolist()
            kept.append(dict(zip(steps.tolist(), zip(clock, happy, strict=True), strict=True)))
    shared = sorted(kept[0].keys() & kept[1].keys())[:-1]
    assert len(shared) == 59
    for step in shared:
        assert kept[0][step] == pytest.approx(kept[1][step])
        assert kept[0][step][0] == pytest.approx(step * 0.25)


def test_a_sampled_line_ends_at_its_newest_value_and_keeps_its_gaps(result: FrameResult) -> None:
    history = History()
    for time_s, share in ((10.0, 0.2), (10.5, 0.4), (14.0, 0.6), (14.6, 0.9)):
        history.add(at(result, time_s, share))
    _, times, values = history.sampled(1, 10.0, 1.0)
    happy = values[:, LABELS.index("happy")]
    assert times == pytest.approx([-4.6, -3.6, -2.6, -1.6, -0.6, 0.0])
    assert happy == pytest.approx([0.2, np.nan, np.nan, np.nan, 0.6, 0.9], nan_ok=True)


def test_a_crowd_does_not_fill_the_memory(result: FrameResult) -> None:
    history = History()
    for face_id in range(1, 40):
        face = replace(result.faces[0], face_id=face_id)
        history.add(replace(at(result, face_id), faces=(face,)))
    assert history.face_ids == tuple(range(24, 40))


def test_a_face_without_a_past_has_no_lines() -> None:
    times, values = History().lines(3, 30.0)
    assert len(times) == 0
    assert values.shape == (0, 7)


def test_the_lines_of_the_chosen_face_are_drawn(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    timeline = window.live_page.live_actions.timeline
    assert timeline.isVisible()

    def drawn() -> int:
        curve = timeline._curves.get("happy")
        x = None if curve is None else curve.getData()[0]
        return 0 if x is None else len(x)

    qtbot.waitUntil(lambda: drawn() > 5)
    assert timeline.title.text() == "Face #1"
    QTest.keyClick(window, Qt.Key.Key_BracketRight)
    qtbot.waitUntil(lambda: timeline.title.text() == "Face #2")


def test_pause_holds_the_lines_and_lets_the_wheel_zoom(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    timeline = window.live_page.live_actions.timeline
    qtbot.waitUntil(lambda: timeline.plot is not None)
    QTest.keyClick(window, Qt.Key.Key_P)
    assert timeline.pause.isChecked()
    assert timeline.pause.text() == "Resume"
    held = timeline._curves["happy"].getData()[0].copy()
    newest = timeline.history.now_s
    qtbot.waitUntil(lambda: timeline.history.now_s > newest + 0.1)
    assert np.array_equal(timeline._curves["happy"].getData()[0], held)
    QTest.mouseClick(timeline.pause, Qt.MouseButton.LeftButton)
    assert not timeline.pause.isChecked()


def test_the_wheel_and_the_buttons_choose_the_length(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    timeline = window.live_page.live_actions.timeline
    qtbot.waitUntil(lambda: timeline.plot is not None)
    assert timeline.plot is not None
    assert timeline.span_s == 30
    QTest.mouseClick(timeline.closer, Qt.MouseButton.LeftButton)
    assert timeline.span_s == 20
    assert timeline.plot.getViewBox().viewRange()[0] == pytest.approx([-20.0, 0.0])
    middle = QPointF(timeline.plot.viewport().rect().center())
    wheel = QWheelEvent(
        middle, middle, QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(timeline.plot.viewport(), wheel)
    assert timeline.span_s == 30
    for _ in SPANS_S:
        timeline.wider.click()
    assert timeline.span_s == 120
    assert not timeline.wider.isEnabled()
    assert window.store.settings.timeline_s == 120


def test_a_line_is_hidden_by_its_legend(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    timeline = window.live_page.live_actions.timeline
    qtbot.waitUntil(lambda: timeline.plot is not None)
    QTest.mouseClick(timeline.legend["sad"], Qt.MouseButton.LeftButton)
    assert not timeline._curves["sad"].isVisible()
    assert timeline._curves["happy"].isVisible()
    QTest.mouseClick(timeline.legend["sad"], Qt.MouseButton.LeftButton)
    assert timeline._curves["sad"].isVisible()


def test_a_hidden_timeline_keeps_its_past_and_paints_nothing(
    window: MainWindow, qtbot: QtBot
) -> None:
    run(window, qtbot)
    timeline = window.live_page.live_actions.timeline
    QTest.keyClick(window, Qt.Key.Key_T)
    assert not timeline.isVisible()
    newest = timeline.history.now_s
    qtbot.waitUntil(lambda: timeline.history.now_s > newest + 0.1)
    assert not timeline._timer.isActive()
    QTest.keyClick(window, Qt.Key.Key_T)
    qtbot.waitUntil(lambda: timeline._timer.isActive())


def test_markers_stand_on_the_timeline_as_flags_and_go_with_it(
    window: MainWindow, qtbot: QtBot, services: FakeServices, clock: HeldClock
) -> None:
    run(window, qtbot)
    timeline = window.live_page.live_actions.timeline
    # before its first result the timeline knows no time
    qtbot.waitUntil(lambda: bool(timeline.history.face_ids))
    clock.now_s = timeline.history.now_s
    QTest.keyClick(window, Qt.Key.Key_1)
    assert timeline.history.marks(30.0) == []
    QTest.keyClick(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.recordings))
    qtbot.waitUntil(
        lambda: window.live.recording_active and not window.live_page.recording_state.changing
    )
    window.live_page.marker_keys.set_names(["film A, the first of many"])
    clock.now_s = timeline.history.now_s
    QTest.keyClick(window, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: len(timeline._flags) == 1)
    assert timeline._flags[0].isVisible()
    word = timeline._flags[0].label
    assert word.format.startswith("⚑ film A")
    assert word.format.endswith("…")
    assert 80 < word.boundingRect().width() < 150
    assert timeline.plot is not None
    view = timeline.plot
    assert view is not None

    def tips() -> list[str]:
        """As the scene chooses what it shows; the word lies at its line once it is laid out."""
        at = view.mapFromScene(word.mapToScene(word.boundingRect().center()))
        return [item.toolTip() for item in view.items(at) if item.toolTip()]

    qtbot.waitUntil(lambda: tips()[:1] == ["film A, the first of many"])
    # braces are no template, as in what a stimulus program writes
    window.live_page.marker_keys.set_names(["{trial} 3}"])
    QTest.keyClick(window, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: len(timeline._flags) == 2)
    shown = {flag.label.textItem.toPlainText() for flag in timeline._flags}
    assert "⚑ {trial} 3}" in shown
    window.live.stop()
    timeline.clear()
    assert not timeline._flags[0].isVisible()


def test_a_flag_leaves_with_the_time_that_is_shown(result: FrameResult) -> None:
    history = History()
    history.add(at(result, 100.0))
    history.mark(100.0, "go")
    history.add(at(result, 105.0))
    assert history.marks(30.0) == [(-5.0, "go")]
    assert history.marks(4.0) == []


def test_the_length_is_taken_from_the_settings(qtbot: QtBot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.set_span(57)
    assert timeline.span_s == 60


def test_words_stand_at_the_ends_of_the_lines_and_never_on_each_other(qtbot: QtBot) -> None:
    ends = EndLabels()
    qtbot.addWidget(ends)
    area = QRectF(0, 0, 500, 116)
    ends.show_values({"happy": 0.62, "sad": 0.58, "neutral": 0.2, "fear": 0.01}, area)
    places = ends.places()
    assert [label for label, _, _ in places] == ["happy", "sad", "neutral"]
    assert places[0][1] == pytest.approx(116 - 70)
    gaps = np.diff([at for _, _, at in places])
    assert gaps.min() >= ends.fontMetrics().height()
    ends.show_values(dict.fromkeys(LABELS, 1 / 7), area)
    assert len(ends.places()) < 7  # what finds no room below is left out


def test_the_axis_counts_seconds_ago(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    timeline = window.live_page.live_actions.timeline
    qtbot.waitUntil(lambda: timeline.plot is not None)
    assert timeline.plot is not None
    axis = timeline.plot.getAxis("bottom")
    assert axis.tickStrings([-25.0, -2.5, 0.0], 1.0, 5.0) == ["25 s ago", "2.5 s ago", "now"]


def test_of_markers_that_would_overprint_each_other_the_newest_has_its_word(
    window: MainWindow, qtbot: QtBot, clock: HeldClock
) -> None:
    window.resize(1280, 720)
    run(window, qtbot)
    timeline = window.live_page.live_actions.timeline
    qtbot.waitUntil(lambda: timeline.plot is not None)
    plot = timeline.plot
    assert plot is not None
    qtbot.waitUntil(lambda: plot.getViewBox().width() > 400)
    now_s = timeline.history.now_s
    for ago_s, label in ((20.0, "first"), (1.1, "beginning"), (1.0, "second one")):
        timeline.mark(now_s - ago_s, label)
    timeline._refresh()
    shown = {flag.label.format: flag.label.isVisible() for flag in timeline._flags}
    assert shown == {"⚑ first": True, "⚑ beginning": False, "⚑ second one": True}
    assert all(flag.isVisible() for flag in timeline._flags)
