"""The program as a whole: it opens at once, starts something, and survives what no one expected."""

import json
import locale
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ferdesk.app import UnexpectedErrors, forget_foreign_qt, open_window, run_app
from ferdesk.settings import LoadedSettings, Settings, load_settings
from ferdesk.ui.preferences.consent import CONSENT_VERSION
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.fakes import FakeServices, FakeSource


@pytest.fixture
def style() -> Iterator[None]:
    """What ``run_app`` changes for the whole program is put back."""
    yield
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setStyleSheet("")


def window_of(qtbot: QtBot, services: FakeServices, window: MainWindow) -> MainWindow:
    qtbot.addWidget(window, before_close_func=lambda _: services.release())
    return window


def test_the_window_is_there_before_a_source_is_asked_for(
    qtbot: QtBot, services: FakeServices
) -> None:
    loaded = LoadedSettings(Settings())
    window = window_of(qtbot, services, open_window(services, loaded, None, source="demo"))
    assert window.isVisible()
    assert services.opened == []
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert services.opened == ["demo"]


def test_without_a_source_the_last_one_is_used(qtbot: QtBot, services: FakeServices) -> None:
    loaded = LoadedSettings(Settings(last_source="/videos/a.mp4"))
    window = window_of(qtbot, services, open_window(services, loaded, None, source=None))
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert services.opened == ["/videos/a.mp4"]


def test_without_a_camera_it_opens_on_the_demo_and_says_so(
    qtbot: QtBot, services: FakeServices
) -> None:
    services.prepared["camera:0"] = FakeSource()
    services.prepared["camera:0"].opens_with_error = "There is no camera 0."
    loaded = LoadedSettings(Settings())
    window = window_of(
        qtbot, services, open_window(services, loaded, None, source=None, notice="Hello.")
    )
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert window.notices.texts == ("Hello.", "There is no camera 0. Showing the demo instead.")
    assert window.store.settings.last_source == ""


def test_garbage_settings_cost_a_warning_and_not_the_start(
    qtbot: QtBot, services: FakeServices, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{{{")
    window = window_of(
        qtbot, services, open_window(services, load_settings(path), path, source="demo")
    )
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert "cannot be read" in window.notices.texts[0]
    assert (tmp_path / "settings.json.bad").exists()


@pytest.mark.usefixtures("style")
def test_run_app_starts_and_leaves_nothing_behind(
    qtbot: QtBot, services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number_locales: list[tuple[int, str]] = []
    monkeypatch.setattr(locale, "setlocale", lambda *wanted: number_locales.append(wanted))
    hooks = (sys.excepthook, threading.excepthook)
    seen: list[bool] = []

    def close_when_running() -> None:
        # windows of other tests may not be collected yet
        windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]
        window = next((w for w in windows if w.isVisible()), None)
        if window is not None and window.live_page.view.result is not None:
            seen.append(True)
            timer.stop()
            services.release()
            window.close()

    timer = QTimer(interval=20)
    timer.timeout.connect(close_when_running)
    timer.start()
    (tmp_path / "settings.json").write_text(json.dumps({"consent": CONSENT_VERSION}))
    code = run_app(
        services,
        source="demo",
        settings_file=tmp_path / "settings.json",
        reports_folder=tmp_path,
    )
    assert (code, seen) == (0, [True])
    assert "window_geometry" in (tmp_path / "settings.json").read_text()
    assert (sys.excepthook, threading.excepthook) == hooks
    # or a German system's libraries would read 0,5 for a half
    assert (locale.LC_NUMERIC, "C") in number_locales


def test_what_no_one_caught_is_logged_and_told_with_its_details(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    errors = UnexpectedErrors()
    told: list[Any] = []
    errors.notified.connect(told.append)
    try:
        raise ValueError("nobody thought of this")
    except ValueError as error:
        with caplog.at_level(logging.CRITICAL):
            errors.report(ValueError, error, error.__traceback__)
    assert "nobody thought of this" in caplog.text
    assert told[0].level == "error"
    assert "nobody thought of this" not in told[0].text
    assert "Traceback" in told[0].details


def test_the_paths_of_another_qt_are_dropped_and_others_kept() -> None:
    environ = {
        "QT_QPA_PLATFORM_PLUGIN_PATH": "/venv/site-packages/cv2/qt/plugins",
        "QT_QPA_FONTDIR": "/usr/share/fonts",
        "HOME": "/home/ana",
    }
    forget_foreign_qt(environ)
    assert environ == {"QT_QPA_FONTDIR": "/usr/share/fonts", "HOME": "/home/ana"}
    forget_foreign_qt(os.environ)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None cannot die from Python 3.12 on")
def test_qt_calls_do_not_use_up_none(qtbot: QtBot) -> None:
    # PySide6 6.12.0 takes a reference to None with each call that returns nothing; Python 3.11
    # then stops the program after seconds of painting
    timer = QTimer()
    before = sys.getrefcount(None)
    for _ in range(1000):
        timer.setInterval(10)
    assert sys.getrefcount(None) > before - 500


def test_importing_the_window_brings_nothing_slow() -> None:
    code = "import sys, ferdesk.app; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "PySide6" in loaded
    assert not {"cv2", "onnxruntime", "pyqtgraph", "torch"} & set(loaded)
    # nor what reads, reviews and reports sessions, of which a start has none
    assert not {"ferdesk.sessions.reader", "ferdesk.sessions.report"} & set(loaded)
    assert "ferdesk.ui.review.page" not in loaded
