"""The queue page: files come, wait, are analysed in order, and what went wrong can be read."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from ferdesk.app import open_window
from ferdesk.cli.window_analysis import find_for_window, work_for_window
from ferdesk.factory.models import bundled_models
from ferdesk.factory.services import WindowServices
from ferdesk.runtime.analysis_queue import AnalysisQueue, QueuedFile, QueueEntry, QueueOptions
from ferdesk.runtime.queue_file import load_queue
from ferdesk.sessions.reader import read_session
from ferdesk.settings import LoadedSettings, Settings
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.queue import queue_runner
from ferdesk.ui.queue.page import QueuePage
from ferdesk.ui.queue.queue_model import LENGTH_COLUMN, QueueModel, state_text
from ferdesk.ui.queue.queue_questions import QueueQuestions
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.sessions import write_two_faces
from tests.helpers.videos import write_film
from tests.ui.fakes import FakeServices, FakeSource
from tests.ui.test_accessibility import nameless
from tests.ui.test_shell import drop, texts


@dataclass
class Asked:
    """Answers to the page's questions, which the test gives."""

    files: list[str] = field(default_factory=list)
    folder: str = ""
    out: str = ""
    stops: bool = True
    quits: bool = True
    questions: list[str] = field(default_factory=list)

    def all(self) -> QueueQuestions:
        def answer(name: str, value: bool) -> bool:
            self.questions.append(name)
            return value

        return QueueQuestions(
            lambda _page, _at: self.files,
            lambda _page, _at: self.folder,
            lambda _page, _at: self.out,
            lambda _page: answer("stop", self.stops),
            lambda _page: answer("quit", self.quits),
        )


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def window(qtbot: QtBot, services: FakeServices, asked: Asked, tmp_path: Path) -> MainWindow:
    window = MainWindow(
        Live(services),
        Settings(),
        settings_path=tmp_path / "settings.json",
        queue_questions=asked.all(),
    )
    qtbot.addWidget(window, before_close_func=_release(services, asked))
    window.show()
    return window


def _release(services: FakeServices, asked: Asked) -> Callable[[QWidget], None]:
    def release(_window: QWidget) -> None:
        asked.quits = True
        services.release()

    return release


@pytest.fixture
def page(window: MainWindow) -> QueuePage:
    window.show_queue()
    page = window.queueing.page
    assert page is not None
    return page


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.mp4" for name in "abc"]
    for path in paths:
        path.touch()
    return paths


def add(page: QueuePage, qtbot: QtBot, *names: str) -> None:
    num = page.model.rowCount()
    page.add([Path("/films") / name for name in names])
    qtbot.waitUntil(lambda: page.model.rowCount() == num + len(names))


def shown(page: QueuePage, column: int) -> list[str]:
    model = page.model
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def select(page: QueuePage, *rows: int) -> None:
    flags = QItemSelectionModel.SelectionFlag
    page.table.clearSelection()
    for row in rows:
        page.table.selectionModel().select(page.model.index(row, 0), flags.Select | flags.Rows)


def do(page: QueuePage, name: str) -> None:
    action = page.actions_by_name[name]
    assert action.isEnabled(), action.toolTip()
    action.trigger()


def start(page: QueuePage, qtbot: QtBot) -> None:
    do(page, "start")
    qtbot.waitUntil(lambda: any(one.startswith("analysing") for one in shown(page, 2)))


def enabled(page: QueuePage) -> set[str]:
    return {action.objectName() for action in page.actions_by_name if action.isEnabled()}


# ---- what is in it


def test_an_empty_queue_says_what_to_do(page: QueuePage, window: MainWindow) -> None:
    assert page.stack.currentIndex() == 1
    assert enabled(page) == {"live", "files", "folder", "show"}
    assert window.windowTitle() == "Analyse files · ferdesk"
    assert texts(window.menus.queue)[:3] == ["Live", "Add files…", "Add folder…"]


def test_files_are_chosen_and_dropped_and_come_once(
    page: QueuePage, window: MainWindow, asked: Asked, qtbot: QtBot, films: list[Path]
) -> None:
    first, second, third = films
    asked.files = [str(second), str(first)]
    do(page, "files")
    qtbot.waitUntil(lambda: shown(page, 0) == ["b.mp4", "a.mp4"])
    drop(window, QUrl("https://host/stream"), QUrl.fromLocalFile(str(first)))
    assert window.shows_queue
    asked.folder = str(third)
    do(page, "folder")
    qtbot.waitUntil(lambda: shown(page, 0) == ["b.mp4", "a.mp4", "c.mp4"])
    assert shown(page, 1) == ["0:00:10", "0:00:11", "0:00:10"]
    assert shown(page, 2) == ["waiting"] * 3


def test_what_is_no_film_is_told(page: QueuePage, window: MainWindow, qtbot: QtBot) -> None:
    page.add([Path("/films/notes.txt")])
    qtbot.waitUntil(lambda: "There is nothing in /films/notes.txt." in window.notices.texts)


def test_the_selection_moves_and_leaves_and_stays_selected(page: QueuePage, qtbot: QtBot) -> None:
    add(page, qtbot, "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    select(page, 2, 3)
    do(page, "up")
    assert shown(page, 0) == ["a.mp4", "c.mp4", "d.mp4", "b.mp4"]
    assert [entry.file.path.name for entry in page.selected] == ["c.mp4", "d.mp4"]
    do(page, "down")
    select(page, 0)
    do(page, "remove")
    assert shown(page, 0) == ["b.mp4", "c.mp4", "d.mp4"]


def test_several_files_on_the_live_page_are_offered_to_the_queue(
    window: MainWindow, qtbot: QtBot, films: list[Path]
) -> None:
    drop(window, *(QUrl.fromLocalFile(str(path)) for path in films[:2]))
    (card,) = window.notices.cards
    card.choices[0].click()
    qtbot.waitUntil(lambda: window.shows_queue)
    page = window.queueing.opened()
    qtbot.waitUntil(lambda: shown(page, 0) == ["a.mp4", "b.mp4"])


# ---- the work


def test_files_are_analysed_with_the_options_and_open_in_review(
    page: QueuePage, window: MainWindow, services: FakeServices, qtbot: QtBot, tmp_path: Path,
    asked: Asked,
) -> None:  # fmt: skip
    session = write_two_faces(tmp_path / "results" / "b")
    services.crew.done["b.mp4"] = session
    add(page, qtbot, "a.mp4", "b.mp4")
    asked.out = str(tmp_path / "results")
    page.options.choose.click()
    page.options.measures.setCurrentIndex(page.options.measures.findData("pose"))
    page.options.frames.setCurrentIndex(page.options.frames.findData("every"))
    page.options.every.setValue(7)
    page.options.redo.setChecked(True)
    start(page, qtbot)
    assert not page.options.out.isEnabled()
    assert shown(page, 2) == ["analysing 25%", "waiting"]
    assert enabled(page) >= {"pause", "stop"}
    assert "start" not in enabled(page)
    services.crew.goes_on.set()
    qtbot.waitUntil(lambda: shown(page, 2) == ["done", "done"])
    assert services.crew.options == [
        QueueOptions(tmp_path / "results", measures="pose", every=7, redo=True)
    ]
    qtbot.waitUntil(lambda: page.options.out.isEnabled())
    assert "The queue has ended; all files are analysed." in window.notices.texts
    assert page.status.text().startswith("2 of 2 files")
    select(page, 1)
    page.table.doubleClicked.emit(page.model.index(1, 0))
    assert window.review is not None
    review = window.review
    qtbot.waitUntil(lambda: review.shows_session and review.session.folder == session)


def test_errors_can_be_read_and_copied_and_a_file_tried_again(
    page: QueuePage, window: MainWindow, services: FakeServices, qtbot: QtBot
) -> None:
    services.crew.fails = {"a.mp4": "a.mp4 is no video.", "c.mp4": "The disk is full."}
    services.crew.goes_on.set()
    add(page, qtbot, "a.mp4", "b.mp4", "c.mp4")
    do(page, "start")
    qtbot.waitUntil(lambda: shown(page, 2) == ["failed", "done", "failed"])
    qtbot.waitUntil(lambda: not page.runner.running)
    assert "The queue has ended; 2 files could not be analysed." in window.notices.texts
    assert "2 failed" in page.status.text()
    assert shown(page, 3)[0] == "a.mp4 is no video."
    select(page, 2)
    assert page.about.text() == "c.mp4: The disk is full."
    do(page, "copy")
    assert QGuiApplication.clipboard().text() == "/films/c.mp4: The disk is full."
    page.table.clearSelection()
    do(page, "copy")
    assert QGuiApplication.clipboard().text().splitlines() == [
        "/films/a.mp4: a.mp4 is no video.",
        "/films/c.mp4: The disk is full.",
    ]
    services.crew.fails = {}
    select(page, 0)
    do(page, "retry")
    do(page, "start")
    qtbot.waitUntil(lambda: shown(page, 2) == ["done", "done", "failed"])
    qtbot.waitUntil(lambda: not page.runner.running)
    do(page, "clear")
    assert page.stack.currentIndex() == 1


def test_a_pause_lets_the_file_rest_and_go_on(
    page: QueuePage, services: FakeServices, qtbot: QtBot
) -> None:
    add(page, qtbot, "a.mp4")
    start(page, qtbot)
    qtbot.waitUntil(lambda: services.crew.allowed is None)
    do(page, "pause")
    qtbot.waitUntil(lambda: services.crew.allowed == 0)
    assert shown(page, 2) == ["paused 25%"]
    assert page.actions_by_name["start"].text() == "Go on"
    assert "paused" in page.status.text()
    do(page, "start")
    qtbot.waitUntil(lambda: services.crew.allowed is None)
    assert page.actions_by_name["start"].text() == "Start"
    services.crew.goes_on.set()
    qtbot.waitUntil(lambda: not page.runner.running)


def test_a_stop_asks_and_what_was_in_work_waits(
    page: QueuePage, services: FakeServices, qtbot: QtBot, asked: Asked, window: MainWindow
) -> None:
    add(page, qtbot, "a.mp4", "b.mp4")
    start(page, qtbot)
    asked.stops = False
    do(page, "stop")
    assert page.runner.running
    assert not page.runner.stopping
    asked.stops = True
    do(page, "stop")
    qtbot.waitUntil(lambda: not page.runner.running)
    assert asked.questions == ["stop", "stop"]
    assert shown(page, 2) == ["waiting", "waiting"]
    assert "Analysis stopped; finished sessions are kept." in window.notices.texts


def test_whoever_is_elsewhere_hears_of_the_end_and_comes_back(
    page: QueuePage, window: MainWindow, services: FakeServices, qtbot: QtBot
) -> None:
    add(page, qtbot, "a.mp4")
    start(page, qtbot)
    window.show_live()
    services.crew.goes_on.set()
    qtbot.waitUntil(lambda: "The queue has ended; all files are analysed." in window.notices.texts)
    card = next(c for c in window.notices.cards if c.notice.topic == "queue")
    assert [choice.text() for choice in card.choices] == ["Show queue"]
    card.choices[0].click()
    qtbot.waitUntil(lambda: window.shows_queue)


def test_where_nothing_can_begin_the_reason_is_told(
    page: QueuePage, services: FakeServices, qtbot: QtBot, window: MainWindow
) -> None:
    services.crew.error = "The model is broken."
    add(page, qtbot, "a.mp4")
    do(page, "start")
    qtbot.waitUntil(lambda: "The model is broken." in window.notices.texts)
    assert "start" in enabled(page)


def test_the_queue_waits_for_a_live_picture_that_is_too_slow(
    page: QueuePage, services: FakeServices, qtbot: QtBot, window: MainWindow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    add(page, qtbot, "a.mp4")
    do(page, "start")
    qtbot.waitUntil(lambda: page.runner.rests)
    page.runner.refresh()
    assert services.crew.allowed in (0, -1)
    assert "waiting for the live picture to leave time; stop it" in page.status.text()
    window.live.stop()
    qtbot.waitUntil(lambda: services.crew.allowed is None)
    services.crew.goes_on.set()
    qtbot.waitUntil(lambda: not page.runner.running)


# ---- closing, and the next start


def test_closing_asks_while_files_are_analysed_and_the_next_start_offers_the_rest(
    page: QueuePage, window: MainWindow, qtbot: QtBot, asked: Asked, tmp_path: Path,
    services: FakeServices,
) -> None:  # fmt: skip
    add(page, qtbot, "a.mp4", "b.mp4")
    start(page, qtbot)
    asked.quits = False
    assert not window.close()
    assert window.isVisible()
    assert page.runner.running
    asked.quits = True
    assert window.close()
    assert asked.questions == ["quit", "quit"]
    kept = load_queue(tmp_path / "queue.json")
    assert [file.path.name for file in kept.files] == ["a.mp4", "b.mp4"]
    again = open_window(services, LoadedSettings(Settings()), tmp_path / "settings.json", source="")
    qtbot.addWidget(again, before_close_func=_release(services, asked))
    wanted = "2 files of the last queue are not analysed yet."
    qtbot.waitUntil(lambda: wanted in again.notices.texts)
    again.show_queue()
    page = again.queueing.opened()
    assert shown(page, 0) == ["a.mp4", "b.mp4"]
    assert not page.runner.running


def test_of_two_windows_the_first_keeps_its_queue_and_the_second_says_so(
    page: QueuePage, window: MainWindow, qtbot: QtBot, asked: Asked, tmp_path: Path,
    services: FakeServices,
) -> None:  # fmt: skip
    add(page, qtbot, "a.mp4", "b.mp4")
    page.runner.save()
    others = FakeServices(tmp_path)
    second = open_window(others, LoadedSettings(Settings()), tmp_path / "settings.json", source="")
    qtbot.addWidget(second, before_close_func=lambda _window: others.release())
    second.queueing.offer_kept()
    assert not any("last queue" in text for text in second.notices.texts)
    other = second.queueing.opened()
    assert other.model.rowCount() == 0
    told = "Another window keeps its queue; the queue of this one is not kept for the next start."
    assert told in second.notices.texts
    assert told not in window.notices.texts
    other.runner.queue.add([QueuedFile(tmp_path / "c.mp4", (), 100, 2.0)])
    other.runner.save()
    assert second.close()
    assert window.close()
    names = [file.path.name for file in load_queue(tmp_path / "queue.json").files]
    assert names == ["a.mp4", "b.mp4"]
    third = open_window(services, LoadedSettings(Settings()), tmp_path / "settings.json", source="")
    qtbot.addWidget(third, before_close_func=_release(services, asked))
    assert shown(third.queueing.opened(), 0) == names
    assert third.close()
    assert not (tmp_path / "queue.json.lock").exists()


def test_a_file_that_another_program_has_does_not_read_as_done() -> None:
    entry = QueueEntry(3, QueuedFile(Path("a.mp4")), "skipped", problem="Another program has it.")
    assert state_text(entry, resting=False) == "left out"
    assert state_text(replace(entry, folder=Path("a")), resting=False) == "done already"


def test_what_is_finished_is_not_offered_again(
    page: QueuePage, window: MainWindow, qtbot: QtBot, tmp_path: Path, services: FakeServices
) -> None:
    services.crew.goes_on.set()
    add(page, qtbot, "a.mp4")
    do(page, "start")
    qtbot.waitUntil(lambda: shown(page, 2) == ["done"])
    qtbot.waitUntil(lambda: not page.runner.running)
    assert window.close()
    assert json.loads((tmp_path / "queue.json").read_text())["files"] == []


def test_progress_alone_does_not_write_the_kept_queue_again(
    page: QueuePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(page, qtbot, "a.mp4")
    runner = page.runner
    runner.save()
    written: list[int] = []

    def save(_path: Path, _options: QueueOptions, files: Sequence[QueuedFile]) -> str:
        written.append(len(files))
        return ""

    monkeypatch.setattr(queue_runner, "save_queue", save)
    number = runner.entries[0].number
    assert runner.queue.take(number)
    runner.queue.advance(number, 0.5, 9)
    runner.save()
    assert written == []
    runner.queue.end(number, "done", Path("a"))
    runner.save()
    assert written == [0]
    runner.set_options(replace(runner.options, every=7))
    runner.save()
    assert written == [0, 0]


def test_a_queue_that_cannot_be_kept_is_told_and_tried_again_without_a_change(
    page: QueuePage, window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr(queue_runner, "SAVE_AGAIN_MS", 20)
    page.runner.save()
    (tmp_path / "queue.json").unlink(missing_ok=True)
    (tmp_path / "queue.json").mkdir()
    add(page, qtbot, "a.mp4")
    told = "The queue cannot be kept for the next start: "
    qtbot.waitUntil(lambda: any(text.startswith(told) for text in window.notices.texts))
    (tmp_path / "queue.json").rmdir()
    qtbot.waitUntil((tmp_path / "queue.json").is_file)
    qtbot.waitUntil(lambda: "The queue is kept for the next start again." in window.notices.texts)
    assert not any(text.startswith(told) for text in window.notices.texts)
    assert [file.path.name for file in load_queue(tmp_path / "queue.json").files] == ["a.mp4"]


def test_a_queue_that_could_not_be_kept_is_tried_once_more_at_the_end(
    page: QueuePage, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    page.runner.save()
    (tmp_path / "queue.json").unlink(missing_ok=True)
    (tmp_path / "queue.json").mkdir()
    add(page, qtbot, "a.mp4")
    page.runner.save()
    (tmp_path / "queue.json").rmdir()
    assert window.close()
    assert [file.path.name for file in load_queue(tmp_path / "queue.json").files] == ["a.mp4"]


def test_the_folder_of_a_user_who_is_not_there_is_taken_as_it_stands(page: QueuePage) -> None:
    page.options.out.setText("~nobody-of-this-name/out")
    assert page.options.options.out == Path("~nobody-of-this-name/out")


# ---- how it looks


def test_every_control_has_a_name_and_the_page_fits_a_small_screen(
    page: QueuePage, qtbot: QtBot, services: FakeServices, window: MainWindow
) -> None:
    services.crew.fails = {f"{'x' * 40}.mp4": "It cannot be read: " + "long " * 40}
    services.crew.goes_on.set()
    add(page, qtbot, f"{'x' * 40}.mp4", "b.mp4")
    do(page, "start")
    qtbot.waitUntil(lambda: not page.runner.running)
    select(page, 0)
    assert nameless(page) == []
    least = window.minimumSizeHint()
    assert least.width() <= 1024
    assert least.height() <= 640


def test_a_study_that_locks_its_model_fixes_the_labels(
    page: QueuePage, window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    assert page.options.labels_from.isEnabled()
    assert page.options.options.labels_from == "votes"
    window.store.remember(lock_model=True, labels_from="fer2013")
    window.show_live()
    window.show_queue()
    assert not page.options.labels_from.isEnabled()
    services.crew.goes_on.set()
    add(page, qtbot, "a.mp4")
    do(page, "start")
    qtbot.waitUntil(lambda: not page.runner.running)
    assert services.crew.options[0].labels_from == "fer2013"
    assert not page.options.labels_from.isEnabled()
    window.store.remember(lock_model=False)
    window.show_queue()
    assert page.options.labels_from.isEnabled()


def test_while_folders_are_looked_through_the_page_says_so(page: QueuePage, qtbot: QtBot) -> None:
    page.add([Path("/films/a.mp4")])
    assert page.status.text() == "looking for files…"
    qtbot.waitUntil(lambda: page.status.text() == "0 of 1 file")


def test_a_recording_behind_the_page_is_shown(
    page: QueuePage, window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    services.prepared["camera:0"] = FakeSource()
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.live.can_record)
    window.live.start_recording()
    qtbot.waitUntil(lambda: page.recording.text().startswith("●"))
    window.live.stop_recording()


def test_the_report_of_all_is_of_what_is_done(
    page: QueuePage, window: MainWindow, qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        services.crew.done[f"{name}.mp4"] = write_two_faces(tmp_path / "results" / name)
    services.crew.fails = {"c.mp4": "It is damaged."}
    services.crew.goes_on.set()
    add(page, qtbot, "a.mp4", "b.mp4", "c.mp4")
    do(page, "start")
    qtbot.waitUntil(lambda: not page.runner.running)
    do(page, "report")
    path = tmp_path / "results" / "report.html"
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(lambda: f"Report saved in {path}." in window.notices.texts)


@pytest.mark.parametrize("most_chapters", [24, 1], ids=["chapters", "archive"])
def test_the_report_of_all_leaves_out_what_cannot_be_read_and_says_so(
    page: QueuePage,
    window: MainWindow,
    qtbot: QtBot,
    services: FakeServices,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most_chapters: int,
) -> None:
    monkeypatch.setattr("ferdesk.ui.review.library_work.MOST_CHAPTERS", most_chapters)
    for name in ("a", "b", "c"):
        services.crew.done[f"{name}.mp4"] = write_two_faces(tmp_path / "results" / name)
    services.crew.goes_on.set()
    add(page, qtbot, "a.mp4", "b.mp4", "c.mp4")
    do(page, "start")
    qtbot.waitUntil(lambda: not page.runner.running)
    (tmp_path / "results" / "b" / "results.csv").write_bytes(b"")
    do(page, "report")
    path = tmp_path / "results" / "report.html"
    qtbot.waitUntil(lambda: f"Report saved in {path}." in window.notices.texts)
    (told,) = (text for text in window.notices.texts if "left out" in text)
    assert str(tmp_path / "results" / "b") in told
    assert told.endswith("That session is left out.")
    assert "2 sessions" in path.read_text("utf-8")
    (tmp_path / "results" / "c" / "results.csv").write_bytes(b"")
    do(page, "report")
    text = "Sessions that cannot be read are left out of the report: 2."
    qtbot.waitUntil(lambda: text in window.notices.texts)
    (card,) = (card for card in window.notices.cards if card.notice.text == text)
    assert card.notice.details.count("That session is left out.") == 2


# ---- with real workers


@pytest.mark.skipif(not bundled_models(), reason="no expression model ships")
@pytest.mark.timeout(240)
def test_two_small_films_and_a_broken_one_for_real(qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "sad"
    folder.mkdir(parents=True)
    for number in (3, 5):
        write_film(folder / f"film{number}.mp4", number)
    (folder / "broken.mp4").write_bytes(b"no film")
    services = WindowServices(
        provider="cpu", root=tmp_path / "out", find=find_for_window, queue_work=work_for_window
    )
    window = MainWindow(Live(services), Settings(), queue_questions=Asked().all())
    qtbot.addWidget(window)
    window.show()
    window.queue_files([tmp_path / "in"])
    page = window.queueing.opened()
    qtbot.waitUntil(lambda: page.model.rowCount() == 3)
    do(page, "start")
    qtbot.waitUntil(lambda: not page.runner.running, timeout=200_000)
    assert shown(page, 0) == ["broken.mp4", "film3.mp4", "film5.mp4"]
    assert shown(page, 2) == ["failed", "done", "done"]
    assert "broken.mp4" in shown(page, 3)[0]
    for number in (3, 5):
        session = read_session(tmp_path / "out" / f"film{number}")
        assert (len(session.rows), session.about["condition"]) == (number, "sad")
    page.add([tmp_path / "in"])
    qtbot.waitUntil(lambda: shown(page, 2) == ["waiting"] * 3)
    select(page, 0)
    do(page, "remove")
    do(page, "start")
    qtbot.waitUntil(lambda: not page.runner.running, timeout=200_000)
    assert shown(page, 2) == ["done already"] * 2
    services.close()


def test_a_picture_has_no_length(qtbot: QtBot) -> None:
    queue = AnalysisQueue()
    queue.add([QueuedFile(Path("photo.jpg"), length_s=0.04), QueuedFile(Path("a.mp4"), length_s=2)])
    model = QueueModel()
    model.set_entries(queue.entries, resting=False)
    lengths = [model.index(row, LENGTH_COLUMN).data() for row in range(2)]
    assert lengths == ["", "0:00:02"]
