"""Files on the live page: played, paused, moved, recorded, and analysed in the background."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from ferdesk.core.types import Frame, SourceEvent, SourceKind
from ferdesk.core.video_format import VideoFormat
from ferdesk.runtime.playback import PlaybackStatus
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.settings import Settings
from ferdesk.ui.live.recording_sheet import RecordingSheet, SheetAnswer
from ferdesk.ui.live.transport_bar import position_text
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.conftest import HeldClock
from tests.ui.fakes import FakeServices, FakeSource
from tests.ui.test_window import press, run


class FakePlayed(FakeSource):
    """A film of two seconds that does what it is asked and notes it."""

    def __init__(self, kind: SourceKind = "video") -> None:
        super().__init__(kind)
        self.status = PlaybackStatus(0.5, 2.0)
        self.asked: list[tuple[str, float]] = []

    def read(self) -> Frame | None:
        frame = super().read()
        return None if frame is None else replace(frame, stretch=self.status.stretch)

    def playback(self) -> PlaybackStatus:
        return self.status

    def _note(self, name: str, value: float, **changes: object) -> None:
        self.asked.append((name, value))
        self.status = replace(self.status, **changes)  # type: ignore[arg-type]

    def set_paused(self, paused: bool) -> None:
        self._note("paused", float(paused), paused=paused, at_end=False)

    def set_loops(self, loops: bool) -> None:
        self._note("loops", float(loops), loops=loops)

    def seek(self, t_s: float) -> None:
        self._note("seek", t_s, position_s=t_s, stretch=self.status.stretch + 1)

    def step(self, by: int) -> None:
        self._note("step", by, paused=True)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")
    return path


@pytest.fixture
def played(services: FakeServices, film: Path) -> FakePlayed:
    source = FakePlayed()
    services.prepared[str(film)] = source
    return source


def play(window: MainWindow, qtbot: QtBot, film: Path) -> None:
    run(window, qtbot, str(film))
    qtbot.waitUntil(window.live_page.files.bar.isVisible)
    qtbot.waitUntil(window.actions_by_name["step_on"].isEnabled)


def test_a_file_has_a_bar_under_it_and_a_camera_has_none(
    window: MainWindow, qtbot: QtBot, film: Path, played: FakePlayed
) -> None:
    run(window, qtbot)
    bar = window.live_page.files.bar
    assert not bar.isVisible()
    play(window, qtbot, film)
    assert bar.time.text() == "0:00.5 / 0:02.0"
    assert (bar.slider.value(), bar.slider.maximum()) == (50, 200)


def test_keys_and_slider_pause_step_loop_and_move_the_film(
    window: MainWindow, qtbot: QtBot, film: Path, played: FakePlayed
) -> None:
    play(window, qtbot, film)
    played.asked.clear()
    press(window, Qt.Key.Key_K)
    qtbot.waitUntil(lambda: window.live_page.status_line.state.text() == "Paused")
    assert window.actions_by_name["play"].text() == "Play"
    press(window, Qt.Key.Key_Period)
    press(window, Qt.Key.Key_Comma)
    press(window, Qt.Key.Key_L)
    window.live_page.files.bar.slider.setValue(120)
    press(window, Qt.Key.Key_K)
    assert played.asked == [
        ("paused", 1.0),
        ("step", 1),
        ("step", -1),
        ("loops", 1.0),
        ("seek", 1.2),
        ("paused", 0.0),
    ]


def test_at_the_end_f5_begins_again_and_the_recording_is_closed(
    window: MainWindow, qtbot: QtBot, film: Path, played: FakePlayed, services: FakeServices
) -> None:
    play(window, qtbot, film)
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    played.flowing.clear()
    played.status = replace(played.status, at_end=True)
    qtbot.waitUntil(lambda: bool(services.recordings[0].closed_with))
    page = window.live_page
    qtbot.waitUntil(lambda: page.status_line.state.text() == "End of video")
    assert not page.view.state.dimmed
    assert page.view.result is not None
    assert window.actions_by_name["run"].text() == "Start"
    played.asked.clear()
    press(window, Qt.Key.Key_F5)
    assert played.asked == [("paused", 0.0)]
    played.flowing.set()


def test_a_film_that_is_recorded_is_neither_moved_nor_looped(
    window: MainWindow, qtbot: QtBot, film: Path, played: FakePlayed, services: FakeServices
) -> None:
    play(window, qtbot, film)
    press(window, Qt.Key.Key_L)
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    assert not played.status.loops
    played.asked.clear()
    qtbot.waitUntil(lambda: not window.live_page.files.bar.slider.isEnabled())
    window.live.seek(0.1)
    press(window, Qt.Key.Key_Period)
    press(window, Qt.Key.Key_L)
    assert played.asked == []
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.recordings[0].closed_with))
    qtbot.waitUntil(lambda: played.status.loops)  # as it was wanted before


def test_pausing_a_recording_pauses_its_film_and_the_other_way_round(
    window: MainWindow, qtbot: QtBot, film: Path, played: FakePlayed, services: FakeServices
) -> None:
    play(window, qtbot, film)
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(window.actions_by_name["pause_recording"].isEnabled)
    qtbot.waitUntil(lambda: bool(services.recordings[0].results))
    window.actions_by_name["pause_recording"].trigger()
    was_paused = [played.status.paused]
    assert window.actions_by_name["pause_recording"].text() == "Resume recording"
    assert "paused" in window.live_page.status_line.recording.text()
    press(window, Qt.Key.Key_K)
    assert [*was_paused, played.status.paused] == [True, False]
    assert services.recordings[0].events == ["recording_paused", "recording_resumed"]


def test_a_film_is_analysed_in_the_background_and_then_reviewed(
    window: MainWindow, qtbot: QtBot, film: Path, played: FakePlayed, services: FakeServices
) -> None:
    play(window, qtbot, film)
    services.analysis_hangs = True
    wanted: list[Path] = []
    window.live.review_wanted.disconnect()
    window.live.review_wanted.connect(wanted.append)
    window.actions_by_name["analyse_file"].trigger()
    bar = window.live_page.files.bar
    qtbot.waitUntil(lambda: bar.analysis.value() == 75)  # 1.5 of 2 seconds
    assert bar.cancel.isVisible()
    assert played.status.paused
    assert not window.actions_by_name["analyse_file"].isEnabled()
    services.analysis_hangs = False
    qtbot.waitUntil(lambda: wanted == [services.folder / "analysed"])
    assert services.analysed == [film]
    assert not bar.analysis.isVisible()


def test_an_analysis_that_is_cancelled_keeps_what_was_done(
    window: MainWindow, qtbot: QtBot, film: Path, played: FakePlayed, services: FakeServices
) -> None:
    play(window, qtbot, film)
    services.analysis_hangs = True
    wanted: list[Path] = []
    window.live.review_wanted.disconnect()
    window.live.review_wanted.connect(wanted.append)
    window.actions_by_name["analyse_file"].trigger()
    qtbot.waitUntil(window.live_page.files.bar.cancel.isVisible)
    window.live_page.files.bar.cancel.click()
    qtbot.waitUntil(lambda: any("kept" in text for text in window.notices.texts))
    assert wanted == []


def test_recording_a_film_offers_to_analyse_it_instead(
    window: MainWindow, qtbot: QtBot, film: Path, played: FakePlayed, services: FakeServices
) -> None:
    play(window, qtbot, film)
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.recordings))
    (card,) = (card for card in window.notices.cards if card.choices)
    card.choices[0].click()
    qtbot.waitUntil(lambda: services.analysed == [film])
    qtbot.waitUntil(lambda: bool(services.recordings[0].closed_with))


def test_the_sheet_gives_names_folder_length_and_countdown(qtbot: QtBot, tmp_path: Path) -> None:
    options = RecordingOptions(
        video="overlay",
        video_format=VideoFormat("mpeg4", "low"),
        length_s=90.0,
        participant="P06",
    )
    sheet = RecordingSheet(
        options, asks=True, is_file=False, ask_folder=lambda _parent, _start: str(tmp_path)
    )
    qtbot.addWidget(sheet)
    sheet.name.setText("  first   try ")
    sheet.condition.setText("control")
    sheet.notes.setPlainText("left lamp off")
    sheet.countdown.setValue(5)
    sheet.folder.setText(str(tmp_path))
    sheet.quality.setCurrentIndex(sheet.quality.findData("high"))
    assert sheet.answer == SheetAnswer(
        RecordingOptions(
            name="first try",
            participant="P06",
            condition="control",
            notes="left lamp off",
            folder=tmp_path,
            video="overlay",
            video_format=VideoFormat("mpeg4", "high"),
            length_s=90.0,
            countdown_s=5,
        ),
        asks=True,
    )


def test_record_asks_where_the_settings_say_so_and_remembers_the_person(
    make_window: Callable[..., MainWindow], qtbot: QtBot, services: FakeServices
) -> None:
    asked: list[RecordingOptions] = []

    def answer(
        _parent: object, options: RecordingOptions, asks: bool, is_file: bool, *_sound: object
    ) -> object:
        asked.append(options)
        assert asks
        assert not is_file
        filled = replace(options, name="one", participant="P07", condition="b", notes="n")
        return SheetAnswer(filled, asks=True)

    window = make_window(
        Settings(ask_before_recording=True, recording_length_s=60.0), ask_recording=answer
    )
    run(window, qtbot)
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.options))
    assert services.options[0].participant == "P07"
    assert services.options[0].about == {
        "name": "one", "participant": "P07", "condition": "b", "notes": "n"
    }  # fmt: skip
    assert asked[0].length_s == 60.0
    qtbot.waitUntil(lambda: window.live_page.recordings.state.active)
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(services.recordings[0].closed_with))
    qtbot.waitUntil(lambda: not window.live.recording_active)
    qtbot.waitUntil(window.actions_by_name["record"].isEnabled)
    press(window, Qt.Key.Key_R)
    assert (asked[1].name, asked[1].participant, asked[1].notes) == ("", "P07", "")


def test_a_countdown_is_shown_and_can_be_left(
    make_window: Callable[..., MainWindow],
    qtbot: QtBot,
    services: FakeServices,
    clock: HeldClock,
) -> None:
    window = make_window(Settings(recording_countdown_s=3))
    run(window, qtbot)
    press(window, Qt.Key.Key_R)

    def note() -> str:
        return window.live_page.view.state.note

    qtbot.waitUntil(lambda: note() == "Recording starts in 3 s")
    assert services.recordings == []
    press(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: note() == "")
    clock.now_s += 5
    press(window, Qt.Key.Key_R)
    clock.now_s += 1.5
    qtbot.waitUntil(lambda: note() == "Recording starts in 2 s")
    clock.now_s += 1.6
    qtbot.waitUntil(lambda: bool(services.recordings))


def test_a_recording_of_fixed_length_ends_by_itself_and_pauses_do_not_count(
    make_window: Callable[..., MainWindow],
    qtbot: QtBot,
    services: FakeServices,
    clock: HeldClock,
) -> None:
    window = make_window(Settings(recording_length_s=20.0))
    run(window, qtbot)
    press(window, Qt.Key.Key_R)
    line = window.live_page.status_line.recording
    qtbot.waitUntil(lambda: "/ 00:00:20" in line.text())
    clock.now_s += 10
    window.live.pause_recording(True)
    clock.now_s += 100
    window.live.pause_recording(False)
    qtbot.waitUntil(lambda: "00:00:10 /" in line.text())
    assert services.recordings[0].closed_with == []
    clock.now_s += 10.1
    qtbot.waitUntil(lambda: bool(services.recordings[0].closed_with))


def test_positions_are_told_in_minutes_or_pictures() -> None:
    assert position_text(PlaybackStatus(61.26, 3725.0)) == "1:01.3 / 1:02:05.0"
    stepped = PlaybackStatus(2.0, 28.0, stepped=True, name="c.png")
    assert position_text(stepped) == "3 / 28 · c.png"


def test_a_folder_of_pictures_can_be_opened_and_is_not_recorded(
    make_window: Callable[..., MainWindow], qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    services.prepared[str(folder)] = FakeSource("still")
    window = make_window(ask_folder=lambda _parent, _start: str(folder))
    window.actions_by_name["folder"].trigger()
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert services.opened == [str(folder)]
    assert not window.actions_by_name["record"].isEnabled()
    qtbot.waitUntil(window.actions_by_name["analyse_file"].isEnabled)


@pytest.mark.parametrize("kind_of_source", [FakeSource, FakePlayed], ids=["png", "heic"])
def test_a_single_picture_offers_nothing_that_only_films_have(
    window: MainWindow,
    qtbot: QtBot,
    services: FakeServices,
    tmp_path: Path,
    kind_of_source: Callable[[SourceKind], FakeSource],
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"picture")
    services.prepared[str(path)] = kind_of_source("still")
    page = window.live_page
    page.sources.start(str(path))
    qtbot.waitUntil(lambda: page.view.result is not None)
    qtbot.waitUntil(lambda: page.files._status.source is not None)
    qtbot.waitUntil(page.files._is_file_open)
    assert not page.files.bar.isVisible()
    for name in ("play", "step_back", "step_on", "loop", "analyse_file"):
        assert not window.actions_by_name[name].isEnabled(), name


def test_a_picture_of_a_folder_that_is_broken_is_told(
    make_window: Callable[..., MainWindow], qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    events = [SourceEvent("pictures_damaged", "a.png is not a picture.", 0.0)]

    class Told(FakeSource):
        def take_events(self) -> list[SourceEvent]:
            return [events.pop()] if events else []

    services.prepared[str(folder)] = Told("still")
    window = make_window(ask_folder=lambda _parent, _start: str(folder))
    window.actions_by_name["folder"].trigger()
    qtbot.waitUntil(lambda: any("a.png is not a picture" in t for t in window.notices.texts))
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)


def test_the_picture_is_zoomed_by_keys(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    zooming = window.live_page.view.zooming
    window.actions_by_name["zoom_in"].trigger()
    window.actions_by_name["zoom_in"].trigger()
    window.actions_by_name["zoom_out"].trigger()
    assert zooming.zoom.factor == pytest.approx(1.25)
    window.actions_by_name["zoom_whole"].trigger()
    assert zooming.zoom.factor == 1.0


def test_the_neutral_seconds_are_counted_on_the_picture(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    press(window, Qt.Key.Key_B)
    qtbot.waitUntil(
        lambda: window.live_page.view.state.note.startswith("Face #1: keep a neutral face for")
    )
