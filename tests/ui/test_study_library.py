"""The library on sessions of a study: its button, report and exports."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.ui.review.library import Library
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.study_sessions import write_run
from tests.sessions.conftest import SessionMaker
from tests.ui.fakes import FakeServices


def library_of(window: MainWindow, qtbot: QtBot) -> Library:
    QTest.keyClick(window, Qt.Key.Key_F7)
    assert window.review is not None
    library = window.review.library
    qtbot.waitUntil(lambda: library._read)
    return library


def select(library: Library, *names: str) -> None:
    library.select([library.root / name for name in names])


def is_told(window: MainWindow, text: str) -> bool:
    """Whether a notice has said it."""
    return text in "".join(window.notices.texts)


def test_the_selected_sessions_of_a_study_get_its_report_and_exports(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    root = services.sessions_folder()
    for code in ("P1", "P2"):
        write_run(root, code)
    library = library_of(window, qtbot)
    select(library, "run-P1", "run-P2")
    button = library.study_button
    assert button.isVisibleTo(library)
    stem = root / "study-Water and wood"
    wanted = [Path(f"{stem}{end}") for end in (".html", ".csv", ".parquet", "-bids")]
    for action, path in zip(button.menu().actions(), wanted, strict=True):
        action.trigger()
        qtbot.waitUntil(partial(is_told, window, str(path)))
    assert "<h2>lake</h2>" in wanted[0].read_text("utf-8")
    assert (wanted[3] / "sub-P2" / "beh").is_dir()
    assert services.parquets == [wanted[2]]


def test_a_damaged_session_is_named_and_the_others_get_their_report(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    root = services.sessions_folder()
    for code in ("P1", "P2"):
        write_run(root, code)
    (root / "run-P1" / "stimuli.csv").write_text("trial\n1\n", "utf-8")
    library = library_of(window, qtbot)
    select(library, "run-P1", "run-P2")
    library.study_button.make("csv")
    path = root / "study-Water and wood.csv"
    qtbot.waitUntil(partial(is_told, window, str(path)))
    assert is_told(window, "stimuli.csv, line 1, cannot be read")
    assert "P2" in path.read_text("utf-8")


def test_the_button_is_there_for_sessions_of_one_study_alone(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    root = services.sessions_folder()
    write_run(root, "P1")
    write_run(root, "P2", study={"name": "Fire"})
    SessionMaker(root)([[(1, "happy")]], name="other")
    library = library_of(window, qtbot)
    shown = {}
    for names in (("run-P1",), ("run-P1", "run-P2"), ("run-P1", "other"), ("other",)):
        select(library, *names)
        shown[names] = library.study_button.isVisibleTo(library)
    assert list(shown.values()) == [True, False, False, False]
    library.search.setText("fire")
    assert [entry.name for entry in library.model.entries] == ["run-P2"]
