"""A study from its dialog to its files, and what may come between."""

import errno
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.factory.recordings import new_folder, session_header
from ferdesk.runtime.recording import SessionOutput
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.runtime.status import Status
from ferdesk.sessions.reader import problems_of, read_session
from ferdesk.studies.order import order_for
from ferdesk.studies.recorded import recorded_runs
from ferdesk.studies.study_file import Question, read_study
from ferdesk.studies.trials import parse_marker, read_answers, read_trials, study_of, study_table
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.shell.main_window import MainWindow
from ferdesk.ui.studies.clip_reader import ClipReader
from ferdesk.ui.studies.corner import Corner
from ferdesk.ui.studies.participant_screen import ParticipantScreen
from ferdesk.ui.studies.question_page import QuestionPage
from ferdesk.ui.studies.study_actions import StudyActions
from ferdesk.ui.studies.study_dialog import StudyDialog
from tests.helpers.studies import TOML, write_study
from tests.sessions.conftest import SessionMaker
from tests.ui.fakes import LEFT_FACE, FakeServices
from tests.ui.test_room import turn


class WritingServices(FakeServices):
    """Records as the program does."""

    writers: tuple[SessionWriter, ...] = ()

    def start_recording(self, status: Status, options: RecordingOptions) -> SessionOutput:
        self.options.append(options)
        assert status.source is not None
        assert status.model is not None
        assert status.device is not None
        folder = new_folder(self.sessions_folder(), options.name)
        header = session_header(
            status.source, status.model, status.device, {},
            about=options.about, study=options.study,
        )  # fmt: skip
        writer = SessionWriter(folder, header, live=True)
        self.writers = (*self.writers, writer)
        return writer


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    services = WritingServices(tmp_path)
    yield services
    services.release()


@pytest.fixture
def window(qtbot: QtBot, services: FakeServices, tmp_path: Path) -> MainWindow:
    """A window with the true clock, whose camera runs."""
    from ferdesk.settings import Settings

    window = MainWindow(Live(services), Settings(), settings_path=tmp_path / "settings.json")
    qtbot.addWidget(window, before_close_func=lambda _: services.release())
    window.show()
    window.live.start("camera:0")
    qtbot.waitUntil(lambda: window.live.can_record)
    return window


def open_dialog(window: MainWindow, qtbot: QtBot, folder: Path) -> tuple[StudyActions, StudyDialog]:
    window.run_study(folder)
    assert window.studies is not None
    dialog = window.studies.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.checked)
    return window.studies, dialog


def fill(dialog: StudyDialog, code: str = "P7") -> None:
    dialog.participant.setText(code)
    dialog.condition.setCurrentText("late")
    age = dialog.input_of("age")
    assert isinstance(age, QLineEdit)
    age.setText("31")
    dialog.consent.setChecked(True)


class Participant:
    """Somebody who answers when asked and goes on when told to."""

    def __init__(self, studies: StudyActions, qtbot: QtBot) -> None:
        self.studies, self.qtbot = studies, qtbot

    def text(self) -> str:
        screen = self.studies.screen
        return "" if screen is None else screen.canvas.scene.text

    def waits(self) -> bool:
        return self.studies.run is not None and self.studies.run.waits_for_key

    def reads(self, text: str) -> None:
        """Wait for a text and go on."""
        self.qtbot.waitUntil(lambda: self.text() == text and self.waits())
        self.press(Qt.Key.Key_Space)

    def press(self, key: Qt.Key) -> None:
        assert self.studies.screen is not None
        QTest.keyClick(self.studies.screen, key)

    def answers(self, question: str, key: Qt.Key) -> None:
        screen = self.studies.screen
        assert screen is not None
        self.qtbot.waitUntil(
            lambda: screen.questions.isVisible() and screen.questions.question_id == question
        )
        QTest.keyClick(screen.questions, key)


def session_of(services: FakeServices) -> Path:
    return max(services.sessions_folder().iterdir(), key=lambda one: one.stat().st_mtime_ns)


def test_a_study_is_run_from_its_file_to_those_of_the_session(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    studies, dialog = open_dialog(window, qtbot, write_study(tmp_path / "study"))
    assert dialog.why_not_start() == "Enter the participant's code."
    fill(dialog)
    assert dialog.why_not_start() == ""
    dialog.start()
    someone = Participant(studies, qtbot)
    someone.reads("Look at what comes.")
    someone.answers("liked", Qt.Key.Key_4)
    someone.answers("known", Qt.Key.Key_2)
    someone.reads("The rain.")
    someone.reads("Thank you.")
    qtbot.waitUntil(lambda: not studies.active and not window.live.recording_active)
    folder = session_of(services)
    qtbot.waitUntil(lambda: read_session(folder).complete)
    session = read_session(folder)
    assert problems_of(session) == []
    assert (session.about["participant"], session.about["condition"]) == ("P7", "late")
    about = study_of(session.about)
    assert about is not None
    assert (about.name, about.version, about.order) == (
        "Colours",
        "2",
        ("red", "rest", "film", "words"),
    )
    assert about.fields == {"age": "31"}

    trials = read_trials(folder)
    assert [(one.trial, one.stimulus, one.kind, one.status) for one in trials] == [
        (0, "baseline", "pause", "shown"), (1, "red", "image", "shown"),
        (2, "rest", "pause", "shown"), (3, "film", "video", "shown"),
        (4, "words", "text", "shown"),
    ]  # fmt: skip
    assert [one.condition for one in trials] == ["", "warm", "", "cold", ""]
    assert [one.planned_s for one in trials] == [1.0, 0.25, 0.1, None, None]
    assert {one.method for one in trials} == {"repaint"}
    times = [t for one in trials for t in (one.onset_t_s, one.end_t_s) if t is not None]
    assert len(times) == 10
    assert times == sorted(times)
    for one, least_s in zip(trials[:4], (1.0, 0.25, 0.1, 0.4), strict=True):
        assert one.onset_t_s is not None
        assert one.end_t_s is not None
        # to half a refresh, and however much later a busy machine is
        assert one.end_t_s - one.onset_t_s >= least_s - 0.02
    first = trials[1]
    assert session.started_utc is not None
    assert first.onset_utc is not None
    assert first.onset_t_s is not None
    offset_s = (first.onset_utc - session.started_utc).total_seconds()
    assert offset_s == pytest.approx(first.onset_t_s, abs=0.005)

    liked, known = read_answers(folder)
    assert (liked.trial, liked.stimulus, liked.question) == (1, "red", "liked")
    assert (liked.answer, liked.value, liked.text) == ("4", 4.0, "How much did you like it?")
    assert (known.trial, known.answer, known.value) == (3, "No", None)
    assert liked.reaction_s > 0
    assert first.end_t_s is not None
    assert liked.t_s >= first.end_t_s

    # markers say the same as the rows, so that all that knows markers knows the study
    found = {(m.trial, m.is_onset): one.t_s
             for one in session.markers if (m := parse_marker(one.label))}  # fmt: skip
    assert len(found) == 10
    for one in trials:
        assert found[one.trial, True] == pytest.approx(one.onset_t_s, abs=2e-6)
        assert found[one.trial, False] == pytest.approx(one.end_t_s, abs=2e-6)


def test_a_preview_shows_everything_and_records_nothing(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    toml = TOML.replace('[baseline]\nduration_s = 1\ntext = "Rest."\n', "")
    studies, dialog = open_dialog(window, qtbot, write_study(tmp_path / "study", toml))
    assert dialog.preview_button.isEnabled()
    assert not dialog.start_button.isEnabled()
    dialog.start(preview=True)
    someone = Participant(studies, qtbot)
    someone.reads("Look at what comes.")
    someone.answers("liked", Qt.Key.Key_1)
    someone.answers("known", Qt.Key.Key_1)
    someone.reads("The rain.")
    someone.reads("Thank you.")
    qtbot.waitUntil(lambda: not studies.active)
    assert services.options == []
    assert not services.sessions_folder().exists()


SHORT = """
[study]
name = "Two"
[[stimuli]]
id = "first"
kind = "text"
text = "One"
[[stimuli]]
id = "second"
kind = "text"
text = "Two"
[[stimuli]]
id = "third"
kind = "text"
text = "Three"
"""


def begin(window: MainWindow, qtbot: QtBot, folder: Path, code: str) -> Participant:
    studies, dialog = open_dialog(window, qtbot, folder)
    dialog.participant.setText(code)
    dialog.consent.setChecked(True)
    dialog.start()
    return Participant(studies, qtbot)


def stop(someone: Participant) -> None:
    studies = someone.studies
    assert studies.screen is not None
    if studies.screen.question_box is None:
        someone.press(Qt.Key.Key_Escape)
    box = studies.screen.question_box
    assert box is not None
    button = next(one for one in box.buttons() if one.text() == "Stop the study")
    button.click()


def test_who_was_stopped_goes_on_at_the_next_stimulus(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "study", SHORT)
    someone = begin(window, qtbot, folder, "P1")
    someone.reads("One")
    qtbot.waitUntil(lambda: someone.text() == "Two" and someone.waits())
    stop(someone)
    qtbot.waitUntil(lambda: not window.live.recording_active and not someone.studies.active)
    stopped = session_of(services)
    assert [(one.stimulus, one.status) for one in read_trials(stopped)] == [
        ("first", "shown"), ("second", "stopped"),
    ]  # fmt: skip
    qtbot.waitUntil(
        lambda: window.live.can_record and not window.live_page.recording_state.changing
    )

    studies, dialog = open_dialog(window, qtbot, folder)
    dialog.participant.setText("P1")
    dialog.consent.setChecked(True)
    assert dialog.before.text() == "P1 took part before, up to stimulus 2 of 3."
    assert "used before" in dialog.why_not_start()
    dialog.again.setChecked(True)
    assert dialog.why_not_start() == ""
    # another's choice is not this one's
    dialog.participant.setText("P2")
    dialog.participant.setText("P1")
    assert "used before" in dialog.why_not_start()
    dialog.go_on.setChecked(True)
    assert dialog.why_not_start() == "Record with the participant's consent only."
    dialog.consent.setChecked(True)
    told: list[str] = []
    studies.notified.connect(lambda notice: told.append(notice.text))
    dialog.start()
    someone = Participant(studies, qtbot)
    someone.reads("Three")
    someone.reads("This is the end. Thank you for taking part.")
    qtbot.waitUntil(lambda: not window.live.recording_active and not studies.active)
    second = session_of(services)
    assert second != stopped
    assert [(one.trial, one.stimulus) for one in read_trials(second)] == [(3, "third")]
    about = json.loads((second / "session.json").read_text("utf-8"))
    assert about["study"]["resumed_from"] == 3
    # the second was stopped in the middle
    qtbot.waitUntil(lambda: "Study finished: 2 of 3 stimuli were shown." in told)
    assert about["study"]["order"] == ["first", "second", "third"]


def test_escape_that_was_not_meant_goes_on(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    someone = begin(window, qtbot, write_study(tmp_path / "study", SHORT), "P1")
    qtbot.waitUntil(lambda: someone.text() == "One" and someone.waits())
    someone.press(Qt.Key.Key_Escape)
    assert someone.studies.run is not None
    assert someone.studies.run.held
    assert someone.studies.screen is not None
    box = someone.studies.screen.question_box
    assert box is not None
    box.defaultButton().click()
    qtbot.waitUntil(someone.waits)
    someone.reads("One")
    someone.reads("Two")
    someone.reads("Three")
    stop(someone)
    qtbot.waitUntil(lambda: not window.live.recording_active)
    notes = [one.note for one in read_trials(session_of(services))]
    # it was there for longer, below a question
    assert re.fullmatch(r"The study was held for \d+\.\d s meanwhile\.", notes[0])
    assert notes[1:] == ["", ""]


def test_a_stimulus_that_is_stopped_has_no_second_of_the_question(
    window: MainWindow,
    qtbot: QtBot,
    services: FakeServices,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    someone = begin(window, qtbot, write_study(tmp_path / "study", SHORT), "P1")
    qtbot.waitUntil(lambda: someone.text() == "One" and someone.waits())
    someone.press(Qt.Key.Key_Escape)
    run = someone.studies.run
    assert run is not None
    now_s = run._clock
    # somebody thinks about the question for long
    monkeypatch.setattr(run, "_clock", lambda: now_s() + 1000)
    stop(someone)
    qtbot.waitUntil(lambda: not window.live.recording_active)
    (only,) = read_trials(session_of(services))
    assert (only.status, only.note) == ("stopped", "")
    assert only.onset_t_s is not None
    assert only.end_t_s is not None
    assert 0 <= only.end_t_s - only.onset_t_s < 900


def test_an_operators_marker_is_none_of_the_studys(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    someone = begin(window, qtbot, write_study(tmp_path / "study", SHORT), "P1")
    qtbot.waitUntil(lambda: someone.text() == "One" and someone.waits())
    window.live.mark("stimulus 3 onset: third")
    stop(someone)
    qtbot.waitUntil(lambda: not window.live.recording_active)
    about = json.loads((session_of(services) / "session.json").read_text("utf-8"))
    assert [(one["label"], one.get("origin")) for one in about["markers"]] == [
        ("stimulus 1 onset: first", "study"),
        ("stimulus 3 onset: third", None),
        ("stimulus 1 end: first", "study"),
    ]
    (run,) = recorded_runs(services.sessions_folder(), "Two")
    assert run.next_trial == 2


def test_a_camera_that_ends_in_the_middle_is_told_and_nothing_is_lost(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    told: list[str] = []
    someone = begin(window, qtbot, write_study(tmp_path / "study", SHORT), "P1")
    someone.studies.notified.connect(lambda notice: told.append(notice.text))
    someone.reads("One")
    qtbot.waitUntil(lambda: someone.text() == "Two" and someone.waits())
    services.prepared["camera:0"].error = "The camera was pulled out."
    qtbot.waitUntil(lambda: any("ended after" in text for text in told))
    assert not someone.studies.active
    assert told[-1].startswith("The camera was pulled out.")
    assert "start it again with the same code to go on" in told[-1]
    first, second = read_trials(session_of(services))
    assert (first.status, second.status) == ("shown", "failed")
    assert second.note == "The camera was pulled out."
    assert second.onset_t_s is not None


def test_a_screen_that_vanishes_holds_the_study_on_the_other_one(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    told: list[str] = []
    someone = begin(window, qtbot, write_study(tmp_path / "study", SHORT), "P1")
    studies = someone.studies
    studies.notified.connect(lambda notice: told.append(notice.text))
    qtbot.waitUntil(lambda: someone.text() == "One" and someone.waits())
    studies.screen_removed(QGuiApplication.primaryScreen())
    assert told[-1] == "The participant's screen was disconnected; the study waits on this one."
    assert studies.run is not None
    assert studies.run.held
    assert studies.screen is not None
    assert studies.screen.isVisible()
    box = studies.screen.question_box
    assert box is not None
    box.defaultButton().click()
    someone.reads("One")
    qtbot.waitUntil(lambda: someone.text() == "Two" and someone.waits())
    stop(someone)
    qtbot.waitUntil(lambda: not window.live.recording_active)
    qtbot.waitUntil(lambda: read_session(session_of(services)).complete)
    about = json.loads((session_of(services) / "session.json").read_text("utf-8"))
    assert [one["event"] for one in about["events"]] == ["screen_removed"]


def test_a_stimulus_that_broke_meanwhile_is_left_out_and_told(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    toml = SHORT + '[[stimuli]]\nid = "red"\nkind = "image"\nfile = "red.jpg"\nduration_s = 0.1\n'
    folder = write_study(tmp_path / "study", toml)
    told: list[str] = []
    someone = begin(window, qtbot, folder, "P1")
    someone.studies.notified.connect(lambda notice: told.append(notice.text))
    (folder / "red.jpg").write_bytes(b"\xff\xd8\xff")
    for text in ("One", "Two", "Three", "This is the end. Thank you for taking part."):
        someone.reads(text)
    qtbot.waitUntil(lambda: not window.live.recording_active and bool(told))
    last = read_trials(session_of(services))[-1]
    assert (last.stimulus, last.status, last.onset_t_s) == ("red", "failed", None)
    assert "red.jpg" in last.note
    assert last.note in told[-1]


def test_a_mistake_in_the_file_is_shown_and_nothing_can_begin(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "study", TOML.replace('"red.jpg"', '"blue.jpg"'))
    window.run_study(folder)
    assert window.studies is not None
    dialog = window.studies.dialog
    assert dialog is not None
    assert "there is no file 'blue.jpg'" in dialog.problem.text()
    assert not dialog.start_button.isEnabled()
    assert not dialog.preview_button.isEnabled()
    dialog.start()
    dialog.start(preview=True)
    assert not window.studies.active


def test_the_dialog_asks_for_what_the_study_needs(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _, dialog = open_dialog(window, qtbot, write_study(tmp_path / "study"))
    dialog.participant.setText("P1")
    assert dialog.why_not_start() == "Choose the condition."
    dialog.condition.setCurrentText("early")
    assert dialog.why_not_start() == "Fill in “Age in years”."
    age = dialog.input_of("age")
    assert isinstance(age, QLineEdit)
    age.setText("thirty")
    assert dialog.why_not_start() == "“Age in years” must be a number."
    age.setText("30")
    assert dialog.why_not_start() == "Record with the participant's consent only."
    dialog.consent.setChecked(True)
    assert dialog.start_button.isEnabled()
    assert isinstance(dialog.condition, QComboBox)
    assert [dialog.condition.itemText(n) for n in range(3)] == ["", "early", "late"]


def test_who_goes_on_is_asked_for_consent_alone(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "study")
    study = read_study(folder)
    order = order_for(study, "P1", 0)
    table = study_table(study, order, "P1", "late", {"age": "31"})
    services.sessions_folder().mkdir()
    SessionMaker(services.sessions_folder())(
        [[(1, "happy")]], study=table, participant="P1", condition="late"
    )
    _, dialog = open_dialog(window, qtbot, folder)
    dialog.consent.setChecked(True)
    dialog.participant.setText("P1")
    assert not dialog.consent.isChecked()
    dialog.go_on.setChecked(True)
    age = dialog.input_of("age")
    assert isinstance(age, QLineEdit)
    assert (dialog.condition.currentText(), age.text()) == ("late", "31")
    assert dialog.why_not_start() == "Record with the participant's consent only."
    # another's are not taken for this one's
    dialog.participant.setText("P2")
    assert (dialog.condition.currentText(), age.text()) == ("", "")


def test_who_is_heard_agrees_to_be_heard(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study", SHORT)
    _, dialog = open_dialog(window, qtbot, folder)
    assert dialog.consent.text() == "The participant has agreed to be recorded"
    # others have agreed before; this participant has not
    window.store.remember(record_sound="Desk", sound_consent=True)
    window.live.video = "clean"
    _, dialog = open_dialog(window, qtbot, folder)
    assert dialog.consent.text() == "The participant has agreed to be recorded, with sound"
    assert not dialog.consent.isChecked()


def test_nothing_that_the_dialog_asks_is_scrolled_away(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _, dialog = open_dialog(window, qtbot, write_study(tmp_path / "study"))
    dialog.move(0, 0)
    bar = dialog._scroll.verticalScrollBar()
    height = dialog.height()
    for text in (dialog.problem, dialog.without_sound, dialog.before):
        text.setText("A sentence of some lines, as those of several films are. " * 6)
        text.setVisible(True)
    dialog._grow()
    inside = dialog._scroll.widget()
    form = None if inside is None else inside.layout()
    assert inside is not None
    assert form is not None
    qtbot.waitUntil(lambda: inside.height() >= form.totalHeightForWidth(inside.width()))
    assert bar.maximum() == 0
    assert dialog.height() > height
    # what is missing stands beside the buttons, also where the screen is too low
    dialog.resize(dialog.width(), 24 * 8)
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert dialog.missing.isVisible()
    assert not dialog._scroll.isAncestorOf(dialog.missing)


def test_tab_goes_through_what_the_dialog_asks_as_it_is_read(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _, dialog = open_dialog(window, qtbot, write_study(tmp_path / "study", TOML))
    fill(dialog)
    assert QTest.qWaitForWindowActive(dialog)
    dialog.folder.setFocus()
    met: list[QWidget | None] = []
    while (focus := QApplication.focusWidget()) not in met:
        met.append(focus)
        assert focus is not None
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    wanted = [
        dialog.participant, dialog.condition, dialog.input_of("age"), dialog.screens,
        dialog.consent, dialog.start_button, dialog.preview_button,
    ]  # fmt: skip
    assert [one for one in met if one in wanted] == wanted


def test_a_camera_that_starts_meanwhile_is_seen_by_the_dialog(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.actions_by_name["run"].trigger()
    qtbot.waitUntil(lambda: not window.live.running)
    _, dialog = open_dialog(window, qtbot, write_study(tmp_path / "study", TOML))
    assert dialog.missing.text() == "Start the camera first."
    window.actions_by_name["run"].trigger()
    qtbot.waitUntil(lambda: dialog.missing.text() == "Enter the participant's code.")


def test_the_wheel_changes_no_answer_in_passing(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _, dialog = open_dialog(window, qtbot, write_study(tmp_path / "study"))
    dialog.condition.setCurrentText("early")
    dialog.condition.clearFocus()
    assert not turn(dialog.condition)
    assert dialog.condition.currentText() == "early"


def test_closing_the_program_keeps_what_was_shown(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    someone = begin(window, qtbot, write_study(tmp_path / "study", SHORT), "P1")
    someone.reads("One")
    qtbot.waitUntil(lambda: someone.text() == "Two" and someone.waits())
    window.end()
    folder = session_of(services)
    assert [one.status for one in read_trials(folder)] == ["shown", "stopped"]
    assert read_session(folder).complete


def test_a_full_disk_ends_the_study_and_says_so(
    window: MainWindow, qtbot: QtBot, services: WritingServices, tmp_path: Path
) -> None:
    told: list[str] = []
    someone = begin(window, qtbot, write_study(tmp_path / "study", SHORT), "P1")
    someone.studies.notified.connect(lambda notice: told.append(notice.text))
    someone.reads("One")
    qtbot.waitUntil(lambda: someone.text() == "Two" and someone.waits())
    services.writers[-1]._fail(OSError(errno.ENOSPC, "No space left on device"))
    qtbot.waitUntil(lambda: bool(told) and "ended after 1 of 3 stimuli" in told[-1])
    assert "the disk is full" in told[-1]
    assert [one.status for one in read_trials(session_of(services))] == ["shown", "failed"]


def test_a_decoder_that_is_behind_leaves_out_what_is_too_late(qtbot: QtBot) -> None:
    class Slow:
        def __init__(self) -> None:
            self.number = -1
            self.may_go_on = threading.Event()

        def read(self) -> tuple[NDArray[np.uint8], float] | None:
            self.number += 1
            if self.number == 1:
                self.may_go_on.wait(20)
            return (np.full((2, 4, 3), self.number, np.uint8), self.number / 16)

        def close(self) -> None:
            pass

    clip = Slow()
    reader = ClipReader(lambda: clip, QSize(4, 2))
    qtbot.waitUntil(lambda: reader.ready)
    first = reader.take()
    assert first is not None
    assert first.image.pixelColor(3, 1).red() == 0
    reader.skip_before(0.7)
    clip.may_go_on.set()
    qtbot.waitUntil(lambda: reader.peek() is not None)
    picture = reader.take()
    assert picture is not None
    # of each fifth of a second one is kept, so that something moves
    assert (picture.t_s, picture.image.pixelColor(0, 0).red()) == (0.25, 4)
    assert reader.num_skipped >= 3
    qtbot.waitUntil(lambda: reader.peek() is not None)
    following = reader.take()
    assert following is not None
    assert following.t_s == 0.5
    reader.close()
    reader.join()


def test_pictures_of_a_clip_that_is_over_are_let_go(qtbot: QtBot) -> None:
    class Endless:
        number = -1

        def read(self) -> tuple[NDArray[np.uint8], float] | None:
            self.number += 1
            return np.zeros((2, 4, 3), np.uint8), self.number / 16

        def close(self) -> None:
            pass

    reader = ClipReader(Endless, QSize(4, 2))
    qtbot.waitUntil(lambda: reader._pictures.full() and reader.ready)
    reader.close()
    reader.join()
    assert reader._pictures.empty()
    assert reader.take() is None


def test_a_double_click_goes_on_once(qtbot: QtBot) -> None:
    screen = ParticipantScreen(lambda: 7.0, "raster")
    qtbot.addWidget(screen, before_close_func=lambda _: screen.end())
    went: list[float] = []
    screen.went_on.connect(went.append)
    place, left = QPointF(5, 5), Qt.MouseButton.LeftButton
    for kind in (
        QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease,
        QEvent.Type.MouseButtonDblClick, QEvent.Type.MouseButtonRelease,
    ):  # fmt: skip
        event = QMouseEvent(kind, place, place, left, left, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(screen, event)
    assert went == [7.0]


def test_a_digit_that_is_held_answers_one_question(qtbot: QtBot) -> None:
    page = QuestionPage(lambda: 7.0)
    qtbot.addWidget(page)
    given: list[str] = []
    page.answered.connect(lambda text, _value, _at_s: given.append(text))
    for repeats in (False, True, True):
        page.ask(Question("liked", "Did you like it?", "buttons", ("Yes", "No")))
        press = QKeyEvent(
            QEvent.Type.KeyPress, Qt.Key.Key_2, Qt.KeyboardModifier.NoModifier, "2", repeats
        )
        QApplication.sendEvent(page, press)
    assert given == ["No"]


def test_a_participant_sees_their_label_only_where_the_study_asks_for_it(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    someone = begin(window, qtbot, write_study(tmp_path / "study", SHORT), "P1")
    qtbot.waitUntil(lambda: someone.text() == "One" and someone.waits())
    studies = someone.studies
    assert studies.screen is not None
    assert studies.screen.findChildren(Corner) == []
    stop(someone)
    qtbot.waitUntil(lambda: not window.live.recording_active)
    toml = SHORT.replace('name = "Two"', 'name = "Own"\nshow_labels = true')
    folder = write_study(tmp_path / "own", toml)
    studies, dialog = open_dialog(window, qtbot, folder)
    dialog.start(preview=True)
    assert studies.screen is not None
    (corner,) = studies.screen.findChildren(Corner)
    qtbot.waitUntil(lambda: corner.text == "happy")
    stop(Participant(studies, qtbot))


def test_the_corner_goes_to_the_screen_that_is_left(qtbot: QtBot) -> None:
    class Seen(QWidget):
        size_px = QSize(1920, 1080)

        def screen(self) -> Any:
            return SimpleNamespace(size=lambda: self.size_px)

    seen = Seen()
    qtbot.addWidget(seen)
    corner = Corner(seen, face=True, label=False)
    assert corner.geometry() == QRect(1520, 776, 384, 288)
    seen.size_px = QSize(1280, 720)
    corner.place()
    assert corner.geometry() == QRect(1008, 512, 256, 192)


def test_the_baseline_phase_becomes_the_neutral_baseline_of_the_one_face(
    window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    toml = SHORT + "[baseline]\nduration_s = 4\nneutral = true\n"
    folder = write_study(tmp_path / "study", toml)
    told: list[str] = []
    someone = begin(window, qtbot, folder, "P1")
    someone.studies.notified.connect(lambda notice: told.append(notice.text))
    qtbot.waitUntil(lambda: "No neutral baseline was taken" in " ".join(told))
    stop(someone)
    qtbot.waitUntil(
        lambda: (
            window.live.can_record
            and not window.live.recording_active
            and not window.live_page.recording_state.changing
        )
    )
    services.detector.detections = (LEFT_FACE,)
    window.live.start("camera:0")
    qtbot.waitUntil(lambda: window.live.can_record)
    someone = begin(window, qtbot, folder, "P2")
    calibration = window.live_page.live_actions.calibration
    qtbot.waitUntil(lambda: calibration.face_id is not None)
    stop(someone)
    # nobody rests any more
    assert calibration.face_id is None
    qtbot.waitUntil(lambda: not window.live.recording_active)
