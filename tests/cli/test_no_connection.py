"""The window and the self-test open no connection that leaves this machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ferdesk.ui.preferences.consent import CONSENT_VERSION

CHECKOUT = Path(__file__).parents[2]
TRACED = "trace=socket,connect,sendto,sendmsg,sendmmsg,bind,listen"
# MediaPipe was seen to report a minute after a detector was made, and when it is closed
RUNS_S = 75.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]


def environment(home: Path) -> dict[str, str]:
    """What a user has: none of the variables that silence libraries in tests and CI."""
    silencers = {"CI", "ORT_DISABLE_TELEMETRY", "https_proxy", "HTTPS_PROXY"}
    kept = {name: value for name, value in os.environ.items() if name not in silencers}
    return {**kept, "HOME": str(home), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(CHECKOUT)}


def addresses(trace: Path) -> list[str]:
    """The calls that name an address of the internet other than this machine's own."""
    lines = [line for line in trace.read_text(errors="replace").splitlines() if "sin" in line]
    return [line for line in lines if '"127.0.0.1"' not in line and '"::1"' not in line]


def strace(trace: Path, *words: str, home: Path) -> "subprocess.Popen[str]":
    command = ["strace", "-f", "-qq", "-e", TRACED, "-o", str(trace)]
    return subprocess.Popen(
        [*command, sys.executable, "-m", "ferdesk", *words],
        cwd=home, env=environment(home), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / ".config" / "ferdesk"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"consent": CONSENT_VERSION}))
    return tmp_path / "home"


def test_the_window_connects_to_nobody(home: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    window = strace(trace, "--source", "demo", home=home)
    log = home / ".local" / "state" / "ferdesk" / "log" / "ferdesk.log"
    try:
        deadline_s = time.monotonic() + 120
        while not (log.is_file() and "first picture" in log.read_text("utf-8")):
            assert window.poll() is None, window.communicate()
            assert time.monotonic() < deadline_s, "the window showed nothing in two minutes"
            time.sleep(0.2)
        with pytest.raises(subprocess.TimeoutExpired):
            window.wait(RUNS_S)  # it goes on; a report would come in this time
    finally:
        os.killpg(window.pid, signal.SIGTERM)
        window.communicate(timeout=30)
    assert trace.stat().st_size > 0
    assert addresses(trace) == []


def test_the_self_test_connects_to_nobody(home: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    done = strace(trace, "--self-test", home=home)
    said, complained = done.communicate(timeout=280)
    if "ptrace" in complained:
        pytest.skip("this machine does not allow strace")
    assert done.returncode == 0, said + complained
    assert addresses(trace) == []
