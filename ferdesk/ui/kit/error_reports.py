"""Error reports: a text file for the developers, without images and names."""

import contextlib
import faulthandler
import getpass
import logging
import os
import platform
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ferdesk.core.locations import without_credentials

log = logging.getLogger(__name__)

KEPT = 10
MOST_A_RUN = 5
_LOG_LINES = 200
_PACKAGES = ("PySide6-Essentials", "numpy", "opencv-python-headless", "onnxruntime")
_NATIVE = "crash-*.txt"
_HOMES = re.compile(r"(?i)((?:/home/|/Users/|[A-Z]:\\+Users\\+))[^/\\\s\"':]+")


def scrubbed(text: str) -> str:
    """``text`` without the user's name in paths and without passwords in addresses."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~").replace(home.replace("\\", "\\\\"), "~")
    text = without_credentials(_HOMES.sub(r"\1USER", text))
    name = ""
    with contextlib.suppress(OSError, KeyError, ImportError):
        name = getpass.getuser()
    # as a whole folder only: a user called "core" must not take that word from the text
    return re.sub(rf"(?<=[/\\]){re.escape(name)}(?=[/\\])", "USER", text) if name else text


class Reports:
    """Error reports: at most a few a run in ``folder``, one for each kind of error."""

    def __init__(
        self, folder: Path, facts: Callable[[], Mapping[str, str]] = dict, version: str = ""
    ) -> None:
        """``facts`` says at that moment what runs: device, model, kind of source."""
        self.folder = folder
        self._version = version
        self.facts = facts
        self._written: dict[str, Path] = {}
        self._native: IO[str] | None = None

    def write(self, details: str) -> Path | None:
        """The report of ``details``; None where it cannot be written or there are enough."""
        if details in self._written:
            return self._written[details]
        if len(self._written) >= MOST_A_RUN:
            return None
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
        path = self.folder / f"report-{stamp}.txt"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(self._text(details), encoding="utf-8")
            for old in sorted(self.folder.glob("report-*.txt"))[:-KEPT]:
                old.unlink()
        except OSError as error:
            log.warning("no report can be written: %s", error)
            return None
        self._written[details] = path
        return path

    def watch_native_crashes(self) -> None:
        """Let the interpreter write a traceback where a library brings the program down."""
        if faulthandler.is_enabled():
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._native = (self.folder / f"crash-{os.getpid()}.txt").open("w", encoding="utf-8")
        except OSError as error:
            log.warning("crashes cannot be noted: %s", error)
            return
        faulthandler.enable(self._native)

    def end_watch(self) -> None:
        if self._native is not None:
            faulthandler.disable()
            self._native.close()
            Path(self._native.name).unlink(missing_ok=True)
            self._native = None

    def of_last_crash(self) -> Path | None:
        """The report of a run that was brought down, once; None where all ended well."""
        traces = sorted(self.folder.glob(_NATIVE))
        if not traces:
            return None
        import psutil

        newest: Path | None = None
        for left in traces:
            number = left.stem.removeprefix("crash-")
            if number.isdecimal() and psutil.pid_exists(int(number)):
                continue  # another window that runs
            with contextlib.suppress(OSError):
                trace = left.read_text(encoding="utf-8", errors="replace")
                left.unlink()
                if trace.strip():
                    newest = self.write(f"The program was brought down.\n\n{trace}") or newest
        return newest

    def _text(self, details: str) -> str:
        facts = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "ferdesk": self._version,
            **_versions(),
        }
        with contextlib.suppress(Exception):
            facts.update(self.facts())
        parts = [
            "A report of ferdesk. It holds no pictures; user names and passwords were taken out.",
            "\n".join(f"{name}: {value}" for name, value in facts.items()),
            details.strip(),
            f"The end of the log:\n{_tail(self.folder / 'ferdesk.log')}",
        ]
        return scrubbed("\n\n".join(parts)) + "\n"


def _versions() -> dict[str, str]:
    from importlib import metadata

    found = {
        "Python": platform.python_version(),
        "system": platform.platform(),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    for package in (*_PACKAGES, "onnxruntime-gpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(none)"
    return "\n".join(lines[-_LOG_LINES:])
