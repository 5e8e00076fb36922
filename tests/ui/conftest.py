"""A window with small fakes behind it, and a check that nothing is left running."""

import gc
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ferdesk.settings import Settings
from ferdesk.ui.live.dialogs import Dialogs
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.review.session_view import SessionView
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.fakes import FakeServices

_MUCH_GARBAGE = 20_000
_PATIENCE_MS = 20_000
"""How long what must happen is waited for: a busy machine may stand still for seconds."""


class PatientBot(QtBot):
    """pytest-qt's bot, which waits longer before it gives up."""

    def waitUntil(
        self, callback: Callable[[], bool | None], *, timeout: int = _PATIENCE_MS
    ) -> None:
        super().waitUntil(callback, timeout=timeout)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


class HeldClock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    services = FakeServices(tmp_path)
    yield services
    services.release()


@pytest.fixture
def silence() -> None:
    """In a test that asks for it, a camera that gives nothing for a second is lost."""


@pytest.fixture(autouse=True)
def no_camera_is_lost(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A held clock that jumps, or a busy machine, is no silence of the camera."""
    if "silence" not in request.fixturenames:
        monkeypatch.setattr("ferdesk.runtime.run.LOST_AFTER_S", math.inf)


@pytest.fixture(autouse=True)
def garbage_is_collected_on_the_gui_thread() -> Iterator[None]:
    """As in the program (``ferdesk.ui.kit.gui_gc``): a worker that collects brings Qt down."""
    gc.disable()
    yield
    if gc.get_count()[0] > _MUCH_GARBAGE:
        gc.collect()
    gc.enable()


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    until_s = time.monotonic() + _PATIENCE_MS / 1000
    # one that was told to end may still be about to
    while (left := _threads()) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert not left


def _threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("ferdesk")]


@pytest.fixture
def make_window(
    qtbot: QtBot, services: FakeServices, clock: HeldClock, tmp_path: Path
) -> Callable[..., MainWindow]:
    def make(settings: Settings | None = None, **asks: Any) -> MainWindow:
        window = MainWindow(
            Live(services, clock=clock),
            settings or Settings(),
            settings_path=tmp_path / "settings.json",
            pictures_folder=tmp_path / "pictures",
            corrections_folder=tmp_path / "corrections",
            dialogs=replace(Dialogs(ask_quit=lambda _window: True), **asks),
        )
        qtbot.addWidget(window, before_close_func=lambda _: services.release())
        window.show()
        return window

    return make


@pytest.fixture
def window(make_window: Callable[..., MainWindow]) -> MainWindow:
    return make_window()


@pytest.fixture
def open_session(
    window: MainWindow, qtbot: QtBot, clock: HeldClock
) -> Callable[[Path], SessionView]:
    """Opens a session's folder on the review page, which then plays by ``clock``."""

    def open_session(folder: Path) -> SessionView:
        window.show_review(folder)
        assert window.review is not None
        page = window.review
        page.session.player._clock = clock
        qtbot.waitUntil(lambda: page.shows_session and page.session.folder == folder)
        return page.session

    return open_session
