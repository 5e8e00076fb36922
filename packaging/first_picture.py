"""How long the packaged program takes from its start to the first picture in its window.

    python packaging/first_picture.py [FOLDER] [--times N] [--cold]

The demo is the source. Without a display Qt draws to memory. With --cold the system forgets the
program's files before each start (Linux), as after switching the machine on.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import check

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 120.0


def forget(folder: Path) -> None:
    """Drop what the system keeps in memory of the files in ``folder``."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def seconds(folder: Path) -> float:
    """One start, as the program's own log tells it."""
    with tempfile.TemporaryDirectory() as home:
        settings = Path(home) / ".config" / "ferdesk" / "settings.json"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps({"consent": 1, "language": "en"}), encoding="utf-8")
        environment = {"HOME": home, "PATH": home, "QT_QPA_PLATFORM": "offscreen"}
        if "DISPLAY" in os.environ:
            environment |= {"QT_QPA_PLATFORM": "xcb", "DISPLAY": os.environ["DISPLAY"]}
        command = [str(check.program_of(folder)), "--source", "demo"]
        program = subprocess.Popen(command, env=environment, cwd=home, stderr=subprocess.DEVNULL)
        log = Path(home) / ".local" / "state" / "ferdesk" / "log" / "ferdesk.log"
        deadline_s = time.monotonic() + PATIENCE_S
        try:
            while time.monotonic() < deadline_s and program.poll() is None:
                text = log.read_text(encoding="utf-8") if log.is_file() else ""
                if found := re.search(r"first picture ([\d.]+) s", text):
                    return float(found.group(1))
                time.sleep(0.1)
        finally:
            program.terminate()
            program.wait(10)
    raise SystemExit(f"{folder} showed no picture.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist" / "ferdesk")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--cold", action="store_true")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    taken = []
    for _ in range(asked.times):
        if asked.cold:
            forget(folder)
        taken.append(seconds(folder))
    each = ", ".join(f"{value:.1f}" for value in taken)
    sys.stdout.write(f"first picture after {statistics.median(taken):.1f} s (each: {each})\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
