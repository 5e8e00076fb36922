"""Sound of a recording in the window: off unless chosen, agreed to, and possible."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.settings import Settings
from ferdesk.ui.live.recording_sheet import RecordingSheet
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.sessions import write_two_faces
from tests.ui.fakes import FakeServices
from tests.ui.test_window import press, run


def sheet_of(qtbot: QtBot, video: str, *, is_file: bool = False) -> RecordingSheet:
    sheet = RecordingSheet(
        RecordingOptions(video=video), asks=True, is_file=is_file,
        microphones=lambda: ("default", "Desk"),
    )  # fmt: skip
    qtbot.addWidget(sheet)
    box = sheet.sound.microphones
    qtbot.waitUntil(lambda: box.count() == 3)
    return sheet


def choose(sheet: RecordingSheet, name: str) -> None:
    box = sheet.sound.microphones
    box.setCurrentIndex(box.findData(name))


def test_sound_is_off_until_a_microphone_is_chosen_and_those_heard_agreed(qtbot: QtBot) -> None:
    sheet = sheet_of(qtbot, "clean")
    assert sheet.answer.options.sound == ""
    assert sheet.start.isEnabled()
    choose(sheet, "Desk")
    assert sheet.answer.options.sound == ""
    assert not sheet.start.isEnabled()
    assert not sheet.sound.agreed.isHidden()
    sheet.sound.agreed.setChecked(True)
    assert sheet.answer.options.sound == "Desk"
    assert sheet.answer.heard_agreed
    assert sheet.start.isEnabled()


@pytest.mark.parametrize(
    ("video", "why"),
    [
        ("anonymous", "A video with faces blurred has no sound, as a voice tells who speaks."),
        ("off", "Sound is saved in the video; choose one."),
    ],
)
def test_a_video_that_can_have_no_sound_says_why(qtbot: QtBot, video: str, why: str) -> None:
    sheet = sheet_of(qtbot, "clean")
    choose(sheet, "Desk")
    sheet.sound.agreed.setChecked(True)
    sheet.video.setCurrentIndex(sheet.video.findData(video))
    assert sheet.answer.options.sound == ""
    assert not sheet.sound.microphones.isEnabled()
    assert sheet.sound.hint.text() == why
    assert sheet.start.isEnabled()


def test_a_file_has_no_microphone_and_asks_nobody_who_can_be_heard(qtbot: QtBot) -> None:
    sheet = sheet_of(qtbot, "clean", is_file=True)
    sheet.show()
    assert not sheet.sound.isVisible()
    # what the settings say of a camera's recordings, without the consent
    choose(sheet, "Desk")
    assert sheet.start.isEnabled()


@pytest.mark.parametrize(
    ("video", "agreed", "wanted"),
    [("clean", True, "Desk"), ("overlay", True, "Desk"), ("clean", False, ""),
     ("anonymous", True, ""), ("off", True, "")],
)  # fmt: skip
def test_record_takes_the_microphone_of_the_settings_where_it_may(
    make_window: Callable[..., MainWindow],
    qtbot: QtBot,
    services: FakeServices,
    video: str,
    agreed: bool,
    wanted: str,
) -> None:
    window = make_window(Settings(record_video=video, record_sound="Desk", sound_consent=agreed))  # type: ignore[arg-type]
    run(window, qtbot)
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.options))
    assert services.options[0].sound == wanted


@pytest.mark.parametrize("device", ["Desk", ""])
def test_review_says_whether_the_video_has_sound(
    window: MainWindow, qtbot: QtBot, services: FakeServices, device: str
) -> None:
    sound = {"sound": {"device": device}} if device else {}
    write_two_faces(services.sessions_folder() / "one", about={"video": {"mode": "clean", **sound}})
    window.show_review(services.sessions_folder() / "one")
    assert window.review is not None
    session = window.review.session
    qtbot.waitUntil(lambda: session.transport.length.text() != "")
    assert session.transport.sound.isHidden() == (device == "")
    assert device in session.transport.sound.toolTip()
