"""The window, driven as a user drives it: start, choose, heat, record, stop, source gone."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage, QStandardItemModel
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.core.heatmap import HeatmapChoice
from ferdesk.core.locations import has_credentials
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import CameraFormat, DeviceInfo, FaceResult, FrameResult, SourceKind
from ferdesk.errors import FerdeskError
from ferdesk.runtime.ports import SourceChoice
from ferdesk.runtime.status import State, Status
from ferdesk.settings import Settings
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.notices import MOST_SHOWN
from ferdesk.ui.live.bars import Bars
from ferdesk.ui.live.source_names import source_title
from ferdesk.ui.live.status_line import StatusLine, clock_text, device_text, is_slower
from ferdesk.ui.live.view_states import view_state
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.conftest import HeldClock
from tests.ui.fakes import PLACES, FakeClassifier, FakeDetector, FakeServices, FakeSource, likely

MakeWindow = Callable[..., MainWindow]


def run(window: MainWindow, qtbot: QtBot, name: str = "camera:0") -> None:
    """Start ``name`` and wait for its first result."""
    window.live_page.sources.start(name)
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled())


def some_result() -> FrameResult:
    frame = FakeSource().read()
    assert frame is not None
    return Pipeline(FakeDetector(), FakeClassifier()).process(frame)


def some_face() -> FaceResult:
    return some_result().faces[0]


def advance(clock: HeldClock, by_s: float) -> bool:
    clock.now_s += by_s
    return True


def press(window: MainWindow, key: Qt.Key) -> None:
    QTest.keyClick(window, key)


def test_start_shows_picture_faces_and_bars(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    assert window.live_page.view.state.title == "Stopped"
    run(window, qtbot)
    assert services.opened == ["camera:0"]
    assert window.live_page.view.state.title == ""
    assert window.actions_by_name["run"].text() == "Stop"
    assert window.live_page.faces.headline.text() == "Shows: happy 82 %"
    assert window.live_page.faces.list.rowCount() == 2
    assert not window.grab().isNull()


def test_stop_clears_the_picture_and_start_works_again(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    press(window, Qt.Key.Key_F5)
    assert window.live_page.view.result is None
    assert window.live_page.view.state.title == "Stopped"
    assert window.live_page.faces.headline.text() == "No face"
    press(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert services.opened == ["camera:0", "camera:0"]


def test_a_source_is_closed_before_the_next_one_opens(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    first = services.prepared["camera:0"]
    closed_when_opened: list[int] = []
    second = FakeSource("demo")
    services.prepared["demo"] = second
    second.on_open = lambda: closed_when_opened.append(first.num_closed)
    window.live_page.sources.choose("demo")
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert closed_when_opened == [1]
    assert window.windowTitle() == "Demo · ferdesk"


def test_a_click_in_the_picture_chooses_a_face(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    placement = window.live_page.view.view_transform()
    assert placement is not None
    point = placement.transform().map(QPointF(470, 200)).toPoint()
    QTest.mouseClick(window.live_page.view, Qt.MouseButton.LeftButton, pos=point)
    assert window.live_page.faces.headline.text() == "Shows: neutral 61 %"
    assert window.live_page.faces.list.currentRow() == 1


def test_a_row_of_the_list_chooses_a_face(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    window.live_page.faces.list.selectRow(1)
    assert window.live_page.faces.headline.text() == "Shows: neutral 61 %"


def test_brackets_cycle_the_faces(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    press(window, Qt.Key.Key_BracketRight)
    assert window.live_page.faces.hint.text().startswith("Face #2")
    press(window, Qt.Key.Key_BracketLeft)
    assert window.live_page.faces.hint.text().startswith("Face #1")


def test_bars_ease_to_values_that_come_seldom_and_follow_many_at_once(qtbot: QtBot) -> None:
    now_s = 0.0
    bars = Bars(clock=lambda: now_s)
    qtbot.addWidget(bars)
    face = some_face()
    sad = replace(face, smoothed=likely("sad", 0.7))
    bars.show_face(face)
    assert np.array_equal(bars.drawn, face.smoothed)
    now_s = 0.2
    bars.show_face(sad)
    assert not np.allclose(bars.drawn, sad.smoothed)
    qtbot.waitUntil(lambda: np.allclose(bars.drawn, sad.smoothed))
    now_s += 1 / 30
    bars.show_face(face)
    assert np.array_equal(bars.drawn, face.smoothed)


def test_reduced_motion_lets_bars_jump(make_window: MakeWindow) -> None:
    window = make_window(Settings(reduced_motion=True))
    face = some_face()
    sad = replace(face, smoothed=likely("sad", 0.7))
    window.live_page.faces.bars.show_face(face)
    window.live_page.faces.bars.show_face(sad)
    assert np.array_equal(window.live_page.faces.bars.drawn, sad.smoothed)


def test_heatmap_goes_on_and_off_with_its_key(window: MainWindow, qtbot: QtBot) -> None:
    # without results in between, so that only the heat differs
    run(window, qtbot)
    window.live.stop()
    result = some_result()
    window.live_page.view.show_result(result, None)
    plain = window.live_page.view.snapshot()
    press(window, Qt.Key.Key_H)
    assert window.live_page.heatmap.switch.isChecked()
    assert window.live_page.heatmap.scale.isVisible()
    assert window.live_page.view.snapshot() != plain
    window.live_page.heatmap.opacity.setValue(0)
    assert window.live_page.view.snapshot() == plain
    press(window, Qt.Key.Key_H)
    assert not window.live_page.heatmap.scale.isVisible()
    assert not window.actions_by_name["heatmap"].isChecked()


def test_each_map_says_what_it_means_and_what_not(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    window.live_page.heatmap.switch.setChecked(True)
    for row in range(window.live_page.heatmap.maps.count()):
        window.live_page.heatmap.maps.setCurrentIndex(row)
        assert "do not show" in window.live_page.heatmap.meaning.text()


def test_a_map_that_the_model_lacks_is_greyed(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    services.classifier = FakeClassifier({"attention": PLACES["attention"]})
    run(window, qtbot)
    model = window.live_page.heatmap.maps.model()
    assert isinstance(model, QStandardItemModel)
    assert [model.item(row).isEnabled() for row in range(3)] == [False, True, False]
    window.live_page.heatmap.switch.setChecked(True)
    window.live_page.heatmap.maps.setCurrentIndex(2)
    assert model.item(2).text() == "Attention, early layer"
    assert "has no such map" in window.live_page.heatmap.meaning.text()
    assert not window.grab().isNull()


def test_mirror_is_remembered(window: MainWindow, tmp_path: Path) -> None:
    window.actions_by_name["mirror"].trigger()
    window.close()
    assert json.loads((tmp_path / "settings.json").read_text())["mirror"] is True


def test_settings_bring_the_window_back_as_it_was(make_window: MakeWindow) -> None:
    window = make_window(Settings(heatmap=True, map_name="cam", heat_opacity=0.3, mirror=True))
    assert window.live_page.heatmap.choice.name == "cam"
    assert window.live_page.heatmap.choice.opacity == 0.3
    assert window.actions_by_name["heatmap"].isChecked()
    assert window.actions_by_name["mirror"].isChecked()


def test_settings_that_cannot_be_saved_are_told(make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window()
    (tmp_path / "settings.json").mkdir()
    window.actions_by_name["mirror"].trigger()
    window.store.save()
    assert "Can't save the settings" in window.notices.texts[0]


def test_recording_takes_every_result_and_none_on_the_gui_thread(
    window: MainWindow, qtbot: QtBot, services: FakeServices, clock: HeldClock
) -> None:
    run(window, qtbot)
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.recordings) and len(services.recordings[0].results) > 5)
    recording = services.recordings[0]
    clock.now_s += 3725
    qtbot.waitUntil(lambda: "● 01:02:05" in window.windowTitle())
    assert window.live_page.status_line.recording.text() == "● 01:02:05"
    assert window.actions_by_name["record"].text() == "01:02:05"
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(recording.closed_with))
    qtbot.waitUntil(lambda: "Recording saved" in "".join(window.notices.texts))
    # those that came while the session was being opened are written by the thread that opened it
    assert recording.threads <= {"ferdesk-inference", "ferdesk-chore"}
    indices = [result.frame.index for result in recording.results]
    assert indices == sorted(set(indices))
    assert window.live.status_now().num_analysed >= len(indices)
    assert "●" not in window.windowTitle()


@pytest.mark.parametrize("how", ["stop", "switch", "end", "fail", "close"])
def test_a_recording_is_closed_however_the_source_is_left(
    window: MainWindow, qtbot: QtBot, services: FakeServices, how: str
) -> None:
    run(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    source = services.prepared["camera:0"]
    match how:
        case "stop":
            window.live_page.sources.toggle_run()
        case "switch":
            window.live_page.sources.choose("demo")
        case "end":
            source.ended = True
        case "fail":
            source.error = "The cable was pulled."
        case _:
            window.close()
            assert services.recordings[0].closed_with
    qtbot.waitUntil(lambda: len(services.recordings[0].closed_with) == 1)


def test_a_recording_that_is_refused_is_told(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    services.refuses_recording = "The folder cannot be written. Choose another one."
    run(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: window.notices.texts == (services.refuses_recording,))
    assert not window.actions_by_name["record"].isChecked()
    assert window.actions_by_name["record"].isEnabled()


def test_a_recording_with_a_problem_stops_and_the_notice_stays(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    services.recordings[0].problem = "The disk is full."
    qtbot.waitUntil(lambda: bool(window.notices.texts))
    assert window.notices.texts[0].startswith("The disk is full.")
    assert window.notices.cards[0].notice.stays
    assert services.recordings[0].closed_with
    assert window.live.running


def test_a_source_that_cannot_be_opened_says_why_and_start_works_again(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    source = services.prepared["camera:0"] = FakeSource()
    source.opens_with_error = "Camera 0 is used by another program. Close it and press Start."
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.live_page.view.state.text == source.opens_with_error)
    assert window.actions_by_name["run"].text() == "Start"
    source.opens_with_error = ""
    press(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert window.live_page.view.state.title == ""


def test_a_first_camera_that_is_not_there_becomes_the_demo(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    source = services.prepared["camera:0"] = FakeSource()
    source.opens_with_error = "There is no camera 0."
    window.live_page.sources.start("camera:0", fallback="demo")
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert services.opened == ["camera:0", "demo"]
    assert window.notices.texts == ("There is no camera 0. Showing the demo instead.",)


def test_a_network_that_fails_is_not_blamed_on_the_camera(
    window: MainWindow, qtbot: QtBot, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise FerdeskError("The model full.onnx is missing.")

    monkeypatch.setattr(services, "open_pipeline", broken)
    window.live_page.sources.start("camera:0", fallback="demo")
    qtbot.waitUntil(lambda: window.live_page.view.state.text == "The model full.onnx is missing.")
    # the camera need not have been opened by then; the demo must not be
    assert "demo" not in services.opened
    assert window.notices.texts == ()


def test_a_camera_that_falls_silent_is_lost_and_comes_back(
    window: MainWindow, qtbot: QtBot, services: FakeServices, clock: HeldClock, silence: None
) -> None:
    run(window, qtbot)
    source = services.prepared["camera:0"]
    source.fall_silent(lambda: window.live.status_now().num_seen)
    shown = window.live_page.view.state
    qtbot.waitUntil(lambda: advance(clock, 0.5) and window.live_page.view.state != shown)
    assert window.live_page.view.state.dimmed
    assert "Check the cable" in window.live_page.view.state.text
    assert window.live_page.status_line.state.text() == "No signal"
    assert window.live_page.faces.headline.text() == "Last seen: happy 82 %"
    before = window.live_page.view.state.title
    clock.now_s += 7
    qtbot.waitUntil(lambda: window.live_page.view.state.title not in (before, ""))
    source.flowing.set()
    qtbot.waitUntil(lambda: window.live_page.view.state.title == "")
    assert "Source reconnected." in window.notices.texts


def test_a_recording_notes_that_its_source_was_lost_came_back_and_broke(
    window: MainWindow, qtbot: QtBot, services: FakeServices, clock: HeldClock, silence: None
) -> None:
    run(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    source, recording = services.prepared["camera:0"], services.recordings[0]
    source.fall_silent(lambda: window.live.status_now().num_seen)
    qtbot.waitUntil(lambda: advance(clock, 0.5) and recording.events == ["camera_lost"])
    source.flowing.set()
    qtbot.waitUntil(lambda: recording.events == ["camera_lost", "camera_back"])
    source.error = "The cable was pulled."
    qtbot.waitUntil(lambda: bool(recording.closed_with))
    assert recording.events == ["camera_lost", "camera_back", "source_error"]


def test_a_gpu_that_fails_in_the_middle_is_told_and_noted(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    services.classifier.device = DeviceInfo("CUDA", "")
    run(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    services.classifier.device = DeviceInfo("CPU", "CUDA failed: out of memory", True)
    qtbot.waitUntil(lambda: services.recordings[0].events == ["device_changed"])
    # the engine raises the event by itself; the window shows the status when its turn comes
    device = window.live_page.status_line.device
    qtbot.waitUntil(lambda: device.toolTip() == "CPU: CUDA failed: out of memory")
    qtbot.waitUntil(lambda: any("now runs on the CPU" in text for text in window.notices.texts))


@pytest.mark.parametrize(("kind", "word"), [("video", "End of video"), ("still", "Image")])
def test_a_film_or_picture_that_ended_stays_lit_with_its_faces(
    window: MainWindow, qtbot: QtBot, services: FakeServices, kind: SourceKind, word: str
) -> None:
    source = services.prepared["film.mp4"] = FakeSource(kind)
    page = window.live_page
    page.sources.start("film.mp4")
    qtbot.waitUntil(lambda: page.view.result is not None)
    # what is a picture is analysed, not recorded
    qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled() is (kind == "video"))
    source.ended = True
    qtbot.waitUntil(lambda: page.status_line.state.text() == word)
    assert not page.view.state.dimmed
    assert page.view.state.title == ""
    placement = page.view.view_transform()
    assert placement is not None
    point = placement.transform().map(QPointF(470, 200)).toPoint()
    QTest.mouseClick(page.view, Qt.MouseButton.LeftButton, pos=point)
    assert page.faces.headline.text() == "Shows: neutral 61 %"
    assert page.live_actions.timeline.title.text() == "Face #2"
    seen = page.live_actions._seen()
    assert seen is not None
    assert seen.face.face_id == 2
    page.view.set_heatmap(HeatmapChoice("cam", 1.0), PLACES)
    page.view.grab()
    assert page.view._look is not None
    assert page.view._look.heatmap.name == "cam"
    assert window.actions_by_name["snapshot"].isEnabled()
    assert window.actions_by_name["run"].text() == "Start"
    press(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: services.opened == ["film.mp4", "film.mp4"])


def test_a_face_that_is_nowhere_is_said(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    services.detector.detections = ()
    run(window, qtbot)
    assert window.live_page.view.state.note == "No face detected"
    assert window.live_page.faces.headline.text() == "No face"


def test_cameras_are_found_beside_the_gui(window: MainWindow, qtbot: QtBot) -> None:
    window.live.list_cameras()
    menu = window.live_page.sources.button.menu()
    qtbot.waitUntil(lambda: any(a.text() == "Studio camera" for a in menu.actions()))
    next(a for a in menu.actions() if a.text() == "Studio camera").trigger()
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert window.live_page.sources.button.toolTip() == "Studio camera"
    assert window.store.settings.last_source == "camera:0"


def test_an_opened_file_is_remembered_and_an_address_with_a_password_is_not(
    make_window: MakeWindow, services: FakeServices
) -> None:
    window = make_window(
        ask_file=lambda _page, _folder: "/videos/interview.mp4",
        ask_address=lambda _: " rtsp://ana:secret@camera.local/1 ",
    )
    window.actions_by_name["file"].trigger()
    assert window.store.settings.last_source == "/videos/interview.mp4"
    window.actions_by_name["address"].trigger()
    assert window.store.settings.last_source == "/videos/interview.mp4"
    assert "secret" not in window.windowTitle()
    assert window.live.source_name == "rtsp://ana:secret@camera.local/1"


@pytest.mark.parametrize("typed", ["nonsense", "ana:secret@camera.local/1"])
def test_what_is_typed_for_an_address_and_is_none_is_told_how_one_looks(
    make_window: MakeWindow, typed: str
) -> None:
    window = make_window(ask_address=lambda _: typed)
    window.actions_by_name["address"].trigger()
    (text,) = (text for text in window.notices.texts if "address" in text)
    assert "rtsp://host/path" in text
    assert "secret" not in text
    assert not window.live.running
    assert window.store.settings.last_source == ""


def test_a_question_that_is_cancelled_changes_nothing(make_window: MakeWindow) -> None:
    window = make_window(ask_file=lambda _page, _folder: "", ask_address=lambda _: "")
    window.actions_by_name["file"].trigger()
    window.actions_by_name["address"].trigger()
    assert not window.live.running


def test_a_snapshot_is_the_picture_with_what_is_painted_on_it(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    run(window, qtbot)
    press(window, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: bool(window.notices.texts))
    (path,) = (tmp_path / "pictures").glob("*.png")
    assert str(path) in window.notices.texts[0]
    image = QImage(str(path))
    assert (image.width(), image.height()) == (640, 480)


def test_full_screen_shows_the_picture_and_the_truth(window: MainWindow, qtbot: QtBot) -> None:
    press(window, Qt.Key.Key_F)
    assert window.isFullScreen()
    assert not window.live_page.sources.button.isVisible()
    assert not window.live_page.faces.isVisible()
    assert not window.menuBar().isVisible()
    # what must not be missed brings the line back
    assert not window.live_page.status_line.isVisible()
    window.live.streaming.emit(frozenset(("lsl",)))
    window.live.status.emit(Status(State.RUNNING))
    assert window.live_page.status_line.isVisible()
    press(window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    assert window.menuBar().isVisible()
    assert window.live_page.faces.isVisible()


def test_every_key_is_its_own_and_m_is_for_markers(window: MainWindow) -> None:
    keys = [
        key.toString()
        for action in (*window.live_page.actions(), *window.actions())
        for key in action.shortcuts()
    ]
    assert len(set(keys)) == len(keys)
    assert keys.count("M") == 1


def test_the_sheet_of_keys_blocks_nothing(window: MainWindow, qtbot: QtBot) -> None:
    press(window, Qt.Key.Key_F1)
    assert window.keys_sheet is not None
    assert window.keys_sheet.isVisible()
    assert not window.keys_sheet.isModal()
    told = dict(window.keys_sheet.entries)
    named = [a for a in window.actions_by_name if a.text() and a.shortcuts()]
    assert len(told) == len(named) + 1
    assert told["1-9"] == "Add numbered marker"
    for action in named:
        keys = ", ".join(key.toString() for key in action.shortcuts())
        assert told[keys] == action.whatsThis()
    window.keys_sheet.close()


def test_stop_twice_and_close_twice_are_harmless(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    window.live.stop()
    window.live.stop()
    window.close()
    window.close()


def test_notices_that_repeat_are_counted_and_never_flood(window: MainWindow) -> None:
    for _ in range(3):
        window.notices.show_notice(Notice("Odd.", "error", "the details"))
    assert window.notices.texts == ("Odd. (3 times)",)
    window.notices.show_notice(Notice("Passing.", stays=False))
    for i in range(MOST_SHOWN):
        window.notices.show_notice(Notice(f"Number {i}.", "warning"))
    assert len(window.notices.texts) == MOST_SHOWN
    assert "Passing." not in window.notices.texts


def test_details_are_folded_until_asked_for(window: MainWindow) -> None:
    window.notices.show_notice(Notice("Odd.", "error", "Traceback"))
    (card,) = window.notices.cards
    assert not card.details.isVisible()
    card.unfold.click()
    assert card.details.isVisible()
    assert card.details.toPlainText() == "Traceback"


RUNNING = Status(
    state=State.RUNNING,
    device=DeviceInfo("CUDA", ""),
    capture_fps=30,
    analysis_fps=29,
    latency_ms=17.6,
    num_dropped=1234,
)


def test_the_status_line_tells_device_rates_latency_and_drops(qtbot: QtBot) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    line.show_status(RUNNING)
    labels = (line.source_rate, line.analysis, line.latency, line.dropped)
    assert [label.text() for label in labels] == [
        "30 fps",
        "analysis 29 fps",
        "18 ms",
        "1,234 dropped",
    ]
    assert line.device.full_text == "CUDA"


def test_a_fallback_to_the_cpu_is_amber_and_says_why(qtbot: QtBot) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    line.show_status(replace(RUNNING, device=DeviceInfo("CPU", "no driver was found", True)))
    # the reason would be the widest text of the window for ever
    assert line.device.full_text == "CPU (GPU not used)"
    assert line.device.toolTip() == "CPU: no driver was found"
    assert line.device.property("role") == "amber"
    line.show_status(replace(RUNNING, device=DeviceInfo("CPU", "chosen", False)))
    assert line.device.property("role") == "muted"
    assert (line.device.full_text, line.device.toolTip()) == ("CPU", "CPU: chosen")
    assert device_text(DeviceInfo("CUDA", "")) == "CUDA"
    assert device_text(DeviceInfo("CUDA", "", gpu="NVIDIA RTX 3060")) == "CUDA: NVIDIA RTX 3060"


def test_an_analysis_that_lags_is_called_slower_than_the_source() -> None:
    assert not is_slower(RUNNING)
    assert is_slower(replace(RUNNING, analysis_fps=12))
    assert not is_slower(replace(RUNNING, state=State.IDLE, analysis_fps=12))


def test_rates_of_a_stopped_source_are_not_shown(qtbot: QtBot) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    line.show_status(RUNNING)
    line.show_status(Status())
    assert line.state.text() == "Stopped"
    assert not any(
        label.text() for label in (line.source_rate, line.analysis, line.latency, line.dropped)
    )


def test_an_opening_that_takes_long_counts_the_seconds() -> None:
    status = Status(State.OPENING, silent_s=4.2)
    assert view_state(status, "Camera 0", 0).text.startswith("No frame for 4 s")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("demo", "Demo"),
        ("camera:2", "Camera 2"),
        ("/videos/a b.mp4", "a b.mp4"),
        ("rtsp://ana:secret@camera.local:554/1", "camera.local"),
    ],
)
def test_sources_have_names_for_people(name: str, title: str) -> None:
    assert source_title(name) == title


def test_credentials_are_recognised() -> None:
    assert has_credentials("rtsp://ana:secret@camera.local/1")
    assert not has_credentials("rtsp://camera.local/@1")
    assert not has_credentials("/videos/a@b.mp4")


def test_time_is_written_in_full() -> None:
    assert clock_text(0.9) == "00:00:00"
    assert clock_text(3725) == "01:02:05"


def test_leaving_a_camera_whose_read_hangs_does_not_hold_the_window(
    window: MainWindow, qtbot: QtBot, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(window, qtbot)
    services.prepared["camera:0"].flowing.clear()
    # asked of the engine, not timed: a busy machine may stand still for longer than this takes
    waits_s: list[float] = []
    monkeypatch.setattr(
        "ferdesk.runtime.engine.join_all", lambda _threads, wait_s: waits_s.append(wait_s)
    )
    window.live_page.sources.toggle_run()
    assert waits_s == [0.0]
    assert window.live_page.view.state.title == "Stopped"


def test_a_session_that_opens_too_late_is_closed_at_once(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    window.live.start_recording()
    window.live.stop()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].closed_with))
    qtbot.waitUntil(lambda: not window.live.recording_active)


def test_a_camera_that_is_plugged_or_pulled_changes_the_list_by_itself(
    window: MainWindow, qtbot: QtBot, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed() -> list[str]:
        return [action.text() for action in window.live_page.sources.button.menu().actions()]

    window.live.camera_watch._timer.setInterval(1)
    window.live.watch_cameras()
    qtbot.waitUntil(lambda: "Studio camera" in listed())
    told: list[object] = []
    window.live.cameras.connect(told.append)
    services.plugged.append(SourceChoice("camera:2", "Second camera"))
    qtbot.waitUntil(lambda: "Second camera" in listed())
    services.plugged.clear()
    qtbot.waitUntil(lambda: "No camera found" in listed())
    num_listed = services.num_listed
    qtbot.waitUntil(lambda: services.num_listed > num_listed + 3)
    # what did not change is not told again
    assert len(told) == 2


def test_a_driver_that_hangs_while_it_lists_collects_no_threads(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    services.camera_list_hangs = threading.Event()
    for _ in range(3):
        window.live.camera_watch._look()
    qtbot.waitUntil(lambda: services.num_listed == 1)
    services.camera_list_hangs.set()
    qtbot.waitUntil(lambda: not window.live.camera_watch._listing)
    assert services.num_listed == 1


def test_a_format_is_asked_for_remembered_and_what_was_got_is_shown(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    assert not window.live_page.sources.format_button.isVisible()
    run(window, qtbot)
    assert window.live_page.sources.format_button.text() == "640x480 · 100 fps  ▾"
    menu = window.live_page.sources.format_button.menu()
    next(action for action in menu.actions() if action.text() == "1280x720").trigger()
    qtbot.waitUntil(lambda: len(services.asked) == 2)
    assert services.asked == [CameraFormat(), CameraFormat(1280, 720)]
    assert (window.store.settings.camera_size, window.store.settings.camera_rate) == (
        "1280x720",
        0.0,
    )
    ticked = [action.text() for action in menu.actions() if action.isChecked()]
    assert ticked == ["1280x720", "Camera default"]


def test_a_format_that_the_camera_has_not_is_told(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    source = services.prepared["camera:0"] = FakeSource()
    source._info = replace(source._info, asked=CameraFormat(1920, 1080))
    run(window, qtbot)
    qtbot.waitUntil(lambda: "it has no mode 1920x1080" in "".join(window.notices.texts))
    assert "it has no mode 1920x1080" in window.live_page.sources.format_button.toolTip()


def test_a_format_from_the_settings_is_asked_for_and_nonsense_is_not(
    make_window: MakeWindow, qtbot: QtBot, services: FakeServices
) -> None:
    window = make_window(Settings(camera_size="800x600", camera_rate=15.0))
    run(window, qtbot)
    assert services.asked == [CameraFormat(800, 600, 15.0)]
    assert make_window(Settings(camera_size="huge")).live.camera_format == CameraFormat()


def test_a_demo_has_no_format_to_choose(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    services.prepared["demo"] = FakeSource("demo")
    run(window, qtbot, "demo")
    assert not window.live_page.sources.format_button.isVisible()


def test_a_slow_opening_can_be_cancelled_and_blocks_nothing(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    opening, gate = threading.Event(), threading.Event()
    source = services.prepared["camera:0"] = FakeSource()

    def hang() -> None:
        opening.set()
        gate.wait(20)

    source.on_open = hang
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(opening.is_set)
    assert window.actions_by_name["run"].text() == "Cancel"
    assert window.live_page.view.state.title == "Opening Camera 0"
    press(window, Qt.Key.Key_F5)
    assert window.live_page.view.state.title == "Stopped"
    assert window.actions_by_name["run"].text() == "Start"
    gate.set()
    qtbot.waitUntil(lambda: source.num_closed == 1)
    assert window.live_page.view.result is None


def test_a_camera_that_is_lost_says_what_the_last_attempt_said() -> None:
    source = FakeSource().open()
    lost = Status(State.LOST, source=source, silent_s=7.4)
    assert view_state(lost, "Logi", 0).title == "No frame for 7 s"
    assert "Check the cable" in view_state(lost, "Logi", 0).text
    tried = replace(lost, num_attempts=3, trouble="There is no camera 0; plug one in.")
    assert view_state(tried, "Logi", 0).text == (
        "No signal from Logi. Trying again. There is no camera 0; plug one in."
    )


def test_the_model_can_be_chosen_in_the_status_line_and_is_remembered(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    menu = window.live_page.status_line.model.menu()
    names = [action.text() for action in menu.actions() if action.isCheckable()]
    assert names == ["Automatic (best model that is fast enough)", "fast", "full"]
    assert [action.isChecked() for action in menu.actions()][:3] == [True, False, False]
    menu.actions()[2].trigger()
    assert services.wanted_models == ["full"]
    assert window.store.settings.model == "full"
    assert [action.isChecked() for action in menu.actions()][:3] == [False, False, True]
    qtbot.waitUntil(lambda: len(services.opened) == 2)
