"""Try a packaged program as a stranger would: elsewhere, without Python, without a network.

    python packaging/check.py [FOLDER]

FOLDER is dist/ferdesk by default. It is copied to another place, and its self-test runs there
with an empty environment; on Linux in a network namespace without any network, where that is
allowed. The exit code is the self-test's.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ("SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "LOCALAPPDATA", "APPDATA")
"""What Windows needs to start any program at all."""


def offline() -> list[str]:
    """The words before a command that take its network away; none where that is not allowed."""
    unshare = shutil.which("unshare")
    for options in (["-n"], ["-r", "-n"]):
        if unshare and not subprocess.run([unshare, *options, "true"], check=False).returncode:
            return [unshare, *options]
    return []


def program_of(folder: Path) -> Path:
    """The program in a built folder, or in a macOS application."""
    if folder.suffix == ".app":
        return folder / "Contents" / "MacOS" / "ferdesk"
    return folder / ("ferdesk.exe" if os.name == "nt" else "ferdesk")


def check(folder: Path) -> int:
    """Copy ``folder`` away and run its self-test there; returns its exit code."""
    with tempfile.TemporaryDirectory(prefix="somewhere else ") as away:
        copy = Path(away) / folder.name
        shutil.copytree(folder, copy, symlinks=True)
        home = Path(away) / "home"
        home.mkdir()
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {"HOME": str(home), "PATH": str(home)}
        before = offline()
        sys.stdout.write(f"{folder.name}, {'without' if before else 'with'} a network:\n")
        sys.stdout.flush()
        command = [*before, str(program_of(copy)), "--self-test"]
        return subprocess.run(command, cwd=home, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(check(Path((sys.argv[1:] or [str(ROOT / "dist" / "ferdesk")])[0]).resolve()))
