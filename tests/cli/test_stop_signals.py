"""Programs that are asked to end close what they record; asked twice, they end at once."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ferdesk.sessions.reader import problems_of, read_session
from ferdesk.stop_signals import on_stop_signals, stop_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
CHECKOUT = Path(__file__).parents[2]
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

WINDOW = """
    import os, sys
    from pathlib import Path
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    from ferdesk import app
    from ferdesk.factory.services import WindowServices
    from ferdesk.settings import Settings, save_settings

    home = Path(sys.argv[1])
    save_settings(Settings(consent=app.CONSENT_VERSION), home / "settings.json")
    services = WindowServices(root=home / "sessions")
    qt = QApplication([])
    began = []

    def look():
        for window in qt.topLevelWidgets():
            live = getattr(window, "live", None)
            page = getattr(window, "live_page", None)
            if page is None:
                continue
            if page.view.result is not None and not began:
                began.append(True)
                live.start_recording()
            for rows in (home / "sessions").glob("*/results.csv"):
                if rows.stat().st_size > 2000:
                    print("recording", flush=True)
                    timer.stop()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(50)
    code = app.run_app(services, source="demo", settings_file=home / "settings.json",
                       reports_folder=home / "reports")
    services.close()
    sys.exit(code)
"""


def run(code: str, *arguments: str, home: Path) -> "subprocess.Popen[str]":
    environment = {
        **os.environ, "HOME": str(home), "PYTHONPATH": str(CHECKOUT),
        "QT_QPA_PLATFORM": "offscreen",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def wait_for_rows(folder: Path, child: "subprocess.Popen[str]") -> None:
    deadline_s = time.monotonic() + 60
    while not any(path.stat().st_size > 2000 for path in folder.glob("*/results.csv")):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(100)
@pytest.mark.parametrize("number", NUMBERS)
def test_the_window_closes_its_recording(tmp_path: Path, number: signal.Signals) -> None:
    child = run(WINDOW, str(tmp_path), home=tmp_path)
    wait_for_rows(tmp_path / "sessions", child)
    child.send_signal(number)
    _, told = child.communicate(timeout=60)
    assert (child.returncode, "Traceback" in told) == (0, False), told
    (folder,) = (tmp_path / "sessions").iterdir()
    session = read_session(folder)
    assert session.complete
    assert problems_of(session) == []


@pytest.mark.slow
@pytest.mark.timeout(100)
@pytest.mark.parametrize("number", NUMBERS)
def test_analyze_closes_its_session(tmp_path: Path, number: signal.Signals) -> None:
    code = "import sys; from ferdesk.cli.main import main; sys.exit(main())"
    arguments = ("analyze", "demo", "--duration", "600", "--out", str(tmp_path / "out"))
    child = run(code, *arguments, home=tmp_path)
    wait_for_rows(tmp_path / "out", child)
    child.send_signal(number)
    _, told = child.communicate(timeout=60)
    assert (child.returncode, "Traceback" in told) == (1, False), told
    session = read_session(tmp_path / "out" / "demo")
    assert session.complete
    assert [event["event"] for event in session.about["events"]] == ["stopped"]


def test_a_second_signal_ends_at_once_though_a_library_computes(tmp_path: Path) -> None:
    code = """
        import ctypes, sys
        from ferdesk.stop_signals import on_stop_signals
        with on_stop_signals(lambda _: None, noticed=lambda: print("noticed", flush=True)):
            print("computing", flush=True)
            while True:
                ctypes.CDLL(None).usleep(50_000_000)
    """
    child = run(code, home=tmp_path)
    assert child.stdout is not None
    assert child.stdout.readline() == "computing\n"
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    # two that wait for a process that does not run are one
    assert child.stdout.readline() == "noticed\n"
    child.send_signal(signal.SIGINT)
    began_s = time.monotonic()
    child.communicate(timeout=20)
    assert child.returncode == 128 + signal.SIGINT
    assert time.monotonic() - began_s < 5


def test_signals_are_as_before_behind_it_and_one_that_is_ignored_stays_so() -> None:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    asked: list[int] = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert signal.SIGHUP not in stop_signals()
        with on_stop_signals(asked.append):
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            ends_s = time.monotonic() + 10
            while not asked and time.monotonic() < ends_s:
                time.sleep(0.01)
    finally:
        signal.signal(signal.SIGHUP, before[signal.SIGHUP])
    assert asked == [signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in NUMBERS} == before


def test_a_stop_while_the_program_is_still_imported_ends_it_without_a_traceback() -> None:
    code = """
    import importlib.abc, os, signal, sys

    class Stop(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name == "ferdesk.cli.main":
                os.kill(os.getpid(), signal.SIGINT)

    sys.meta_path.insert(0, Stop())
    from ferdesk.__main__ import main
    main()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), "models"],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
