"""The settings dialog, driven by keyboard and mouse through the window that it belongs to."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel
from pytestqt.qtbot import QtBot

from ferdesk.settings import MACHINE, Language, Settings, load_settings
from ferdesk.ui.kit.language import install_language
from ferdesk.ui.preferences.editors import Amount, FolderEdit, Limit
from ferdesk.ui.preferences.settings_dialog import SettingsDialog
from ferdesk.ui.preferences.settings_pages import PAGES
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.fakes import FakeServices

MakeWindow = Callable[..., MainWindow]


def open_dialog(window: MainWindow) -> SettingsDialog:
    assert QTest.qWaitForWindowActive(window)
    QTest.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    dialog = window.preferences.dialog
    assert dialog is not None
    assert dialog.isVisible()
    return dialog


def run(window: MainWindow, qtbot: QtBot) -> None:
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled())


def choose(dialog: SettingsDialog, name: str, value: object) -> None:
    """As with the arrow keys: the row of ``value`` becomes current and is activated."""
    combo = dialog.editors[name]
    assert isinstance(combo, QComboBox)
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())


def type_figure(dialog: SettingsDialog, name: str, figure: str) -> None:
    amount = dialog.editors[name]
    assert isinstance(amount, Amount)
    amount.box.selectAll()
    QTest.keyClicks(amount.box, figure)
    QTest.keyClick(amount.box, Qt.Key.Key_Return)


def test_every_setting_for_people_has_its_control(window: MainWindow) -> None:
    hidden = {
        "consent",
        "window_geometry",
        "dock_state",
        "marker_names",
        "map_name",
        "cam_label",
        "timeline_s",
        "recent_files",
        "file_folder",
        "measured_model",
        "measured_for",
    }
    shown = [row.name for _, rows in PAGES for row in rows]
    assert len(set(shown)) == len(shown)
    assert set(shown) == {item.name for item in fields(Settings)} - hidden
    assert set(open_dialog(window).editors) == set(shown)


def test_what_is_typed_reaches_the_analysis_at_once(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    dialog = open_dialog(window)
    type_figure(dialog, "smoothing_tau_s", "1.5")
    type_figure(dialog, "uncertain_below", "90")
    type_figure(dialog, "smallest_face_px", "60")
    post_processing = window.live.post_processing
    assert (post_processing.smoothing_tau_s, post_processing.smallest_face_px) == (1.5, 60.0)
    assert post_processing.confidence_threshold == 0.9
    qtbot.waitUntil(
        lambda: (
            window.live_page.view.result is not None
            and window.live_page.view.result.faces[0].low_confidence
        )
    )


def test_the_slider_and_the_figure_are_one_value(window: MainWindow) -> None:
    dialog = open_dialog(window)
    amount = dialog.editors["uncertain_below"]
    assert isinstance(amount, Amount)
    amount.slider.setFocus()
    QTest.keyClick(amount.slider, Qt.Key.Key_Right)
    assert amount.box.value() == 45.0
    assert window.store.settings.uncertain_below == 0.45


def test_overlays_go_with_their_boxes_and_come_back(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    dialog = open_dialog(window)
    window.live.stop()
    assert window.live_page.view.result is not None
    full = window.live_page.view.snapshot()
    for name in ("show_boxes", "show_labels"):
        box = dialog.editors[name]
        assert isinstance(box, QCheckBox)
        QTest.keyClick(box, Qt.Key.Key_Space)
        assert window.live_page.view.snapshot() != full
        QTest.keyClick(box, Qt.Key.Key_Space)
        assert window.live_page.view.snapshot() == full


def test_the_dialog_follows_what_the_window_changes(window: MainWindow) -> None:
    dialog = open_dialog(window)
    mirror = dialog.editors["mirror"]
    assert isinstance(mirror, QCheckBox)
    window.actions_by_name["mirror"].trigger()
    assert mirror.isChecked()
    QTest.keyClick(mirror, Qt.Key.Key_Space)
    assert not window.actions_by_name["mirror"].isChecked()
    assert not window.store.settings.mirror


def test_another_model_or_device_opens_the_source_anew(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    dialog = open_dialog(window)
    choose(dialog, "model", "full")
    assert services.wanted_models == ["full"]
    qtbot.waitUntil(lambda: services.opened == ["camera:0", "camera:0"])
    choose(dialog, "provider", "cpu")
    assert services.devices == ["cpu"]
    assert services.detectors == []  # what the command line chose stays
    qtbot.waitUntil(lambda: len(services.opened) == 3)
    choose(dialog, "detector", "mediapipe")
    assert services.detectors == ["mediapipe"]
    assert services.devices == ["cpu"]  # and so does a device
    qtbot.waitUntil(lambda: len(services.opened) == 4)


def test_a_camera_format_is_asked_for(window: MainWindow) -> None:
    dialog = open_dialog(window)
    choose(dialog, "camera_size", "1280x720")
    choose(dialog, "camera_rate", 60.0)
    asked = window.live.camera_format
    assert (asked.width, asked.height, asked.rate_fps) == (1280, 720, 60.0)


def test_a_source_that_is_chosen_starts(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    dialog = open_dialog(window)
    window.live.list_cameras()
    combo = dialog.editors["last_source"]
    assert isinstance(combo, QComboBox)
    qtbot.waitUntil(lambda: combo.findText("Studio camera") >= 0)
    choose(dialog, "last_source", "camera:0")
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert services.opened == ["camera:0"]


def test_labels_may_come_from_fer2013_where_the_model_knows_votes(
    window: MainWindow, services: FakeServices, qtbot: QtBot
) -> None:
    info = services.classifier.info
    services.classifier.info = replace(info, has_votes=True)
    run(window, qtbot)
    dialog = open_dialog(window)
    editor = dialog.editors["labels_from"]
    assert editor.isEnabled()
    chosen = [window.live.post_processing.labels_from]
    choose(dialog, "labels_from", "fer2013")
    chosen.append(window.live.post_processing.labels_from)
    assert chosen == ["votes", "fer2013"]
    services.classifier.info = info  # an older model
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: not editor.isEnabled())
    assert editor.toolTip() == "This model knows FER2013's labels only."


def test_a_recording_is_not_ended_by_the_settings(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    dialog = open_dialog(window)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: not dialog.editors["model"].isEnabled())
    assert dialog.recording_note.isVisible()
    assert dialog.editors["mirror"].isEnabled()
    assert not dialog.reset_button.isEnabled()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: dialog.editors["model"].isEnabled())


def test_settings_are_exported_and_imported(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    window = make_window(Settings(mirror=True, theme="light", consent=1, last_source="demo"))
    path = tmp_path / "mine.json"
    window.preferences.ask_save = lambda _: str(tmp_path / "mine")
    window.preferences.ask_open = lambda _: str(path)
    dialog = open_dialog(window)
    QTest.mouseClick(dialog.export_button, Qt.MouseButton.LeftButton)
    assert set(json.loads(path.read_text())) & set(MACHINE) == set()
    entries = {"mirror": False, "font_scale": 99, "consent": 7, "last_source": "camera:9"}
    path.write_text(json.dumps(entries))
    QTest.mouseClick(dialog.import_button, Qt.MouseButton.LeftButton)
    assert window.store.settings == Settings(consent=1, last_source="demo")
    assert any("font_scale" in text for text in window.notices.texts)


def test_a_file_that_holds_no_settings_is_told_and_left_as_it_is(
    window: MainWindow, tmp_path: Path
) -> None:
    path = tmp_path / "thesis.json"
    path.write_text("{{{")
    window.preferences.ask_open = lambda _: str(path)
    dialog = open_dialog(window)
    QTest.mouseClick(dialog.import_button, Qt.MouseButton.LeftButton)
    assert "contains no settings" in window.notices.texts[0]
    assert path.read_text() == "{{{"
    assert window.store.settings == Settings()


def test_a_reset_is_undone_by_the_same_button(make_window: MakeWindow) -> None:
    window = make_window(Settings(mirror=True, smoothing_tau_s=2.0, consent=1))
    dialog = open_dialog(window)
    QTest.mouseClick(dialog.reset_button, Qt.MouseButton.LeftButton)
    assert window.store.settings == Settings(consent=1)
    assert dialog.reset_button.text() == "Undo reset"
    QTest.mouseClick(dialog.reset_button, Qt.MouseButton.LeftButton)
    assert window.store.settings == Settings(mirror=True, smoothing_tau_s=2.0, consent=1)
    assert dialog.reset_button.text() == "Reset"


def test_what_was_set_is_there_the_next_time(window: MainWindow, tmp_path: Path) -> None:
    dialog = open_dialog(window)
    choose(dialog, "theme", "light")
    type_figure(dialog, "font_scale", "125")
    window.close()
    loaded = load_settings(tmp_path / "settings.json")
    assert (loaded.settings.theme, loaded.settings.font_scale) == ("light", 1.25)
    assert loaded.warnings == ()


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_no_tabs_title_is_cut_off(
    qapp: QApplication, make_window: Callable[..., MainWindow], language: Language
) -> None:
    install_language(qapp, language)
    try:
        window = make_window(Settings(language=language))
        bar = open_dialog(window).tabs.tabBar()
        shown = bar.visibleRegion().boundingRect()
        assert all(shown.contains(bar.tabRect(tab)) for tab in range(bar.count()))
    finally:
        install_language(qapp, "en")


@pytest.mark.parametrize("height_px", [300, 640])
def test_no_control_is_cut_by_the_hint_below_it(window: MainWindow, height_px: int) -> None:
    dialog = open_dialog(window)
    dialog.resize(580, height_px)
    for tab in range(dialog.tabs.count()):
        dialog.tabs.setCurrentIndex(tab)
        shown = [editor for editor in dialog.editors.values() if editor.isVisible()]
        assert shown
        cut = [e for e in shown if e.height() < e.minimumSizeHint().height()]
        assert cut == []
        for note in dialog.tabs.currentWidget().findChildren(QLabel):
            assert note.height() >= note.heightForWidth(note.width())


def test_a_recordings_length_may_be_no_limit_and_its_folder_the_usual_one(
    window: MainWindow, tmp_path: Path
) -> None:
    dialog = open_dialog(window)
    limit, folder = dialog.editors["recording_length_s"], dialog.editors["recording_folder"]
    assert isinstance(limit, Limit)
    assert isinstance(folder, FolderEdit)
    assert limit.box.text() == "No limit"
    limit.box.setValue(90)
    folder.ask = lambda _parent, _start: str(tmp_path)
    folder.choose_button.click()
    settings = window.store.settings
    assert (settings.recording_length_s, settings.recording_folder) == (90.0, str(tmp_path))
    limit.box.setValue(0)
    folder.usual_button.click()
    settings = window.store.settings
    assert (settings.recording_length_s, settings.recording_folder) == (None, "")
