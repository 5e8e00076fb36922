"""A display in memory (Xvfb), for what only Qt's xcb platform shows."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def why_none() -> str:
    """Why there is no such display here; empty where there is one."""
    if sys.platform != "linux":
        return "X11 is Linux's"
    return "" if shutil.which("Xvfb") else "Xvfb is not installed"


@contextlib.contextmanager
def xvfb(width: int = 1280, height: int = 720) -> Iterator[str]:
    """The name of a display of that size, for ``DISPLAY``."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten",
         "tcp"],
        pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as told:
            number = told.readline().strip()
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


def run_tests_on(display: str, *tests: str, timeout_s: float = 300) -> str:
    """Run pytest on ``tests`` with Qt's xcb platform; what it said where it failed."""
    on = {"QT_QPA_PLATFORM": "xcb", "DISPLAY": display, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x", *tests],
        env={**os.environ, **on}, cwd=CHECKOUT,
        capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout[-4000:] + done.stderr[-2000:]
