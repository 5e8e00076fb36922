"""A neutral baseline, as a user takes it, watches it and undoes it."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.core.baseline import Baseline
from ferdesk.core.labels import LABELS
from ferdesk.core.pipeline import Pipeline
from ferdesk.ui.kit.overlay import BASELINE_SIGN
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.neutral_baseline import Calibration, baseline_text
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.fakes import FakeClassifier, FakeDetector, FakeServices, FakeSource, likely
from tests.ui.test_window import run

if TYPE_CHECKING:
    from ferdesk.ui.kit.notice import Notice


def test_three_seconds_calibrate_the_chosen_face_and_one_click_undoes_it(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    services.classifier.shares = (likely("sad", 0.6), likely("neutral", 0.61))
    run(window, qtbot)
    row = window.live_page.live_actions.baseline_row
    assert row.state.text() == "Baseline: off"
    QTest.keyClick(window, Qt.Key.Key_B)
    assert row.progress.isVisible()
    assert row.button.text() == "Cancel"
    qtbot.waitUntil(lambda: 0 < row.progress.value() < 100)
    qtbot.waitUntil(lambda: row.state.text() == "◎ Baseline: on")
    baseline = window.live.post_processing.baselines[1]
    assert baseline.offsets[LABELS.index("sad")] < -1
    assert "sad" in row.state.toolTip()
    # sad .6 of the fake is called out: this face may not have been neutral
    assert "If it was not neutral" in window.notices.texts[0]
    first = window.live_page.faces.list.item(0, 0)
    assert first is not None
    qtbot.waitUntil(lambda: BASELINE_SIGN in first.text())
    result = window.live_page.view.result
    assert result is not None
    assert np.array_equal(result.faces[0].expression.probabilities, likely("sad", 0.6))
    QTest.mouseClick(row.button, Qt.MouseButton.LeftButton)
    assert row.state.text() == "Baseline: off"
    qtbot.waitUntil(lambda: BASELINE_SIGN not in first.text())


def test_a_calibration_can_be_left_off(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_B)
    QTest.mouseClick(window.live_page.live_actions.baseline_row.button, Qt.MouseButton.LeftButton)
    assert window.live_page.live_actions.baseline_row.state.text() == "Baseline: off"
    assert window.live.post_processing.baselines == {}


def test_a_face_that_leaves_ends_its_calibration_with_a_word(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_B)
    services.detector.detections = ()
    qtbot.waitUntil(lambda: bool(window.notices.texts))
    assert "not visible" in window.notices.texts[0]
    assert window.live_page.live_actions.calibration.face_id is None


def test_another_source_begins_without_baselines(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    window.live.set_baseline(1, Baseline((-1.0,) * 6 + (0.0,), 30))
    window.live_page.sources.choose("demo")
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert window.live.post_processing.baselines == {}
    assert window.live_page.live_actions.baseline_row.state.text() == "Baseline: off"


def test_the_recording_keeps_the_baseline_and_its_undoing(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    baseline = Baseline((-1.0,) * 6 + (0.0,), 30)
    window.live.set_baseline(1, baseline)
    qtbot.waitUntil(lambda: window.live_page.live_actions.baseline_row.button.text() == "Undo")
    QTest.keyClick(window, Qt.Key.Key_B)
    assert services.recordings[0].baselines == [(1, baseline), (1, None)]


def test_without_a_face_there_is_nothing_to_calibrate(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    services.detector.detections = ()
    run(window, qtbot)
    assert not window.live_page.live_actions.baseline_row.button.isEnabled()
    QTest.keyClick(window, Qt.Key.Key_B)
    assert window.live_page.live_actions.calibration.face_id is None


def test_a_face_that_reads_neutral_is_told_so(
    services: FakeServices, no_thread_left: None, qtbot: QtBot
) -> None:
    services.detector = FakeDetector()
    services.classifier = FakeClassifier()
    services.classifier.shares = (likely("neutral", 0.9), likely("neutral", 0.9))
    live = Live(services)
    calibration = Calibration(live, live)
    told: list[Notice] = []
    calibration.notified.connect(told.append)
    calibration.begin(1)
    frame = FakeSource().read()
    assert frame is not None
    result = Pipeline(services.detector, services.classifier).process(frame)
    for i in range(31):
        calibration.take(replace(result, frame=replace(frame, t_s=i / 10)))
    assert "is already neutral" in told[0].text
    live.close()


def test_a_baseline_is_told_in_words() -> None:
    assert baseline_text(Baseline((0.0,) * 7)) == "Already neutral; no correction needed."
    offsets = (-0.64, 0.0, 0.0, 0.0, -3.0, 0.0, 0.0)
    text = baseline_text(Baseline(offsets))
    assert text.index("sad") < text.index("angry")
