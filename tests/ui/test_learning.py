"""Correct and learn: what is stored, seen, undone, deleted, and trained on."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ferdesk.core.crop import crop_face
from ferdesk.ui.learning.training import (
    TrainerCommand,
    Training,
    as_text,
    find_trainer,
    fit_words,
    model_of,
)
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.test_window import run
from trainer.data.folder import load_folder


def stored(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.png"))


def correct(window: MainWindow, qtbot: QtBot, key: Qt.Key) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_C)
    menu = window.live_page.live_actions.label_menu
    qtbot.waitUntil(menu.isVisible)
    QTest.keyClick(menu, key)


def test_two_keys_store_the_face_as_the_network_saw_it(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    run(window, qtbot)
    result = window.live_page.view.result
    assert result is not None
    correct(window, qtbot, Qt.Key.Key_5)
    qtbot.waitUntil(lambda: bool(window.notices.texts))
    (picture,) = stored(tmp_path / "corrections")
    assert picture.parent.name == "sad"
    assert str(picture) in window.notices.texts[0]
    assert "stays on this computer" in window.notices.texts[0]
    image = QImage(str(picture))
    assert image.format() is QImage.Format.Format_Grayscale8
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(48, image.bytesPerLine())[:, :48]
    expected = crop_face(result.frame.image, result.faces[0].square)
    assert np.abs(rows.astype(float) - expected).max() <= 0.5
    about = json.loads(picture.with_suffix(".json").read_text("utf-8"))
    assert (about["label"], about["shown"], about["source"]) == ("sad", "happy", "camera:fake")
    assert about["p"]["happy"] == pytest.approx(0.82)
    assert about["model"]["name"] == "full"
    assert not list(picture.parent.glob(".*"))


def test_the_trainer_reads_what_was_stored(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    run(window, qtbot)
    correct(window, qtbot, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: len(stored(tmp_path / "corrections")) == 1)
    correct(window, qtbot, Qt.Key.Key_7)
    qtbot.waitUntil(lambda: len(stored(tmp_path / "corrections")) == 2)
    faces = load_folder(tmp_path / "corrections")
    assert [Path(name).parent.name for name in faces.names] == ["angry", "neutral"]
    assert faces.faces.pixels.shape == (2, 48, 48)


def test_escape_stores_nothing(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    run(window, qtbot)
    correct(window, qtbot, Qt.Key.Key_Escape)
    assert not window.live_page.live_actions.label_menu.isVisible()
    assert stored(tmp_path / "corrections") == []


def test_a_digit_alone_is_no_correction(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    run(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_3)
    assert not window.live_page.live_actions.label_menu.isVisible()
    assert not (tmp_path / "corrections").exists()


def test_the_notice_undoes_it(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    run(window, qtbot)
    correct(window, qtbot, Qt.Key.Key_4)
    qtbot.waitUntil(lambda: bool(window.notices.cards))
    undo = window.notices.cards[0].choices[0]
    assert undo.text() == "Undo"
    QTest.mouseClick(undo, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: stored(tmp_path / "corrections") == [])
    # the label goes after the picture
    qtbot.waitUntil(lambda: list((tmp_path / "corrections" / "happy").iterdir()) == [])


def test_the_panel_counts_shows_and_deletes(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    run(window, qtbot)
    QTest.keyClick(
        window,
        Qt.Key.Key_C,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    panel = window.live_page.live_actions.corrections
    assert panel.isVisible()
    correct(window, qtbot, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: panel.faces.count() == 1)
    correct(window, qtbot, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: panel.faces.count() == 2)
    assert panel.label.currentText() == "disgust: 2"
    assert panel.train.isEnabled()
    assert not panel.delete.isEnabled()
    panel.faces.setCurrentRow(0)
    QTest.mouseClick(panel.delete, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.faces.count() == 1)
    assert len(stored(tmp_path / "corrections")) == 1
    panel.faces.setCurrentRow(0)
    panel.faces.setFocus()
    QTest.keyClick(panel.faces, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: stored(tmp_path / "corrections") == [])
    qtbot.waitUntil(lambda: not panel.train.isEnabled())


def test_a_folder_that_cannot_be_written_is_told(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "corrections").write_text("a file in its place")
    run(window, qtbot)
    correct(window, qtbot, Qt.Key.Key_4)
    qtbot.waitUntil(lambda: bool(window.notices.texts))
    assert "Can't save the face" in window.notices.texts[0]
    assert window.live.running


def test_without_a_face_there_is_nothing_to_correct(window: MainWindow) -> None:
    assert not window.live_page.live_actions.correct_button.isEnabled()
    QTest.keyClick(window, Qt.Key.Key_C)
    assert not window.live_page.live_actions.label_menu.isVisible()


def test_where_torch_is_missing_the_command_is_shown_to_copy(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    run(window, qtbot)
    window.live_page.dock_area.docks["corrections"].show()
    panel = window.live_page.live_actions.corrections
    correct(window, qtbot, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: panel.faces.count() == 1)
    correct(window, qtbot, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: panel.faces.count() == 2)
    window.live_page.live_actions.learning.training.find = lambda: TrainerCommand(
        ("ferdesk-train",), "No torch."
    )
    QTest.mouseClick(panel.train, Qt.MouseButton.LeftButton)
    assert panel.progress.text() == "No torch."
    text = panel.command.text()
    assert text.startswith(f"ferdesk-train fit --folder {tmp_path / 'corrections'} --out ")
    QTest.mouseClick(panel.copy, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == text


SCRIPT = """
import pathlib, sys, time
print("epoch 1 of 2", flush=True)
model = pathlib.Path(sys.argv[sys.argv.index("--model") + 1])
if "WAIT" in sys.argv[1]:
    time.sleep(60)
model.parent.mkdir(parents=True)
model.write_bytes(b"onnx")
print("Held-out faces right, before: 1; after: 2.", flush=True)
"""


def script(tmp_path: Path, name: str) -> TrainerCommand:
    path = tmp_path / name
    path.write_text(SCRIPT)
    return TrainerCommand((sys.executable, str(path), name))


def test_a_training_runs_as_a_process_and_its_model_is_offered(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    monkeypatch.setattr(window.live, "use_model", used.append)
    window.live_page.live_actions.learning.training.find = lambda: script(tmp_path, "go.py")
    window.live_page.dock_area.docks["corrections"].show()
    window.live_page.live_actions.learning.train()
    panel = window.live_page.live_actions.corrections
    assert panel.cancel.isVisible()
    qtbot.waitUntil(lambda: bool(window.notices.cards), timeout=25_000)
    card = window.notices.cards[0]
    assert "Training finished" in card.text.text()
    assert panel.progress.text() == "Held-out faces right, before: 1; after: 2."
    assert panel.train.isVisible()
    card.choices[0].click()
    qtbot.waitUntil(lambda: len(used) == 1)
    assert used[0].endswith("mine.onnx")


def test_a_training_can_be_cancelled(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.live_page.live_actions.learning.training.find = lambda: script(tmp_path, "WAIT.py")
    window.live_page.dock_area.docks["corrections"].show()
    window.live_page.live_actions.learning.train()
    panel = window.live_page.live_actions.corrections
    qtbot.waitUntil(lambda: panel.progress.text() == "epoch 1 of 2", timeout=25_000)
    QTest.mouseClick(panel.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: not window.live_page.live_actions.learning.training.running, timeout=25_000
    )
    assert "cancelled" in window.notices.texts[0]


def test_a_training_ends_with_the_program(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.live_page.live_actions.learning.training.find = lambda: script(tmp_path, "WAIT.py")
    window.live_page.live_actions.learning.train()
    training = window.live_page.live_actions.learning.training
    process = training._process
    assert process is not None
    qtbot.waitUntil(lambda: process.processId() > 0, timeout=25_000)
    window.close()
    assert not training.running


def test_a_trainer_that_cannot_start_or_fails_is_told(qtbot: QtBot, tmp_path: Path) -> None:
    training = Training()
    ended: list[tuple[object, str]] = []
    training.finished.connect(lambda model, said: ended.append((model, said)))
    training.start([str(tmp_path / "nothing")], tmp_path / "m.onnx")
    qtbot.waitUntil(lambda: len(ended) == 1)
    training.start([sys.executable, "-c", "print('no faces'); raise SystemExit(3)"], tmp_path / "m")
    qtbot.waitUntil(lambda: len(ended) == 2, timeout=25_000)
    assert ended[1] == (None, "no faces")


def test_the_trainer_is_found_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert find_trainer() == TrainerCommand((sys.executable, "-m", "trainer"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    missing = find_trainer()
    assert not missing.there
    assert missing.words == ("ferdesk-train",)


def test_the_command_is_fit_with_the_folder_and_a_model() -> None:
    run_folder = Path("/runs/a b")
    words = fit_words(["ferdesk-train"], Path("/faces"), run_folder, Path("/m/fast.onnx"))
    assert words == [
        "ferdesk-train", "fit", "--folder", "/faces", "--out", "/runs/a b",
        "--model", str(model_of(run_folder)), "--from", "/m/fast.onnx",
    ]  # fmt: skip
    if sys.platform != "win32":
        assert "'/runs/a b'" in as_text(words)
