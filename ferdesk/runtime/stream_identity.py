"""Stream identity: tells the streams of one computer and source from all others on the network.

An inlet of Lab Streaming Layer that lost its outlet goes on with whichever one has the same
identity, so no two that send different faces may share it, and one that starts anew must keep it.
"""

import hashlib
import logging
import os
import platform
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from ferdesk.core.locations import is_url
from ferdesk.file_lock import take_lock
from ferdesk.paths import cache_folder

log = logging.getLogger(__name__)

_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_MAX_AT_ONCE = 99


class StreamIdentity:
    """Identity of the streams of a computer and a source, held until ``release``.

    ``name`` is a hash, so that it discloses neither. Programs that send the same source at once
    get ``-2``, ``-3``, ... behind it; the number is held by a lock, which the system drops with
    the process.
    """

    def __init__(
        self, sources: Sequence[str], *, host: str | None = None, folder: Path | None = None
    ) -> None:
        """Take the first identity that is free.

        Args:
            sources: their locations; several where one stream sends them after each other.
            host: what tells this computer from others; by default its name and its system's id.
            folder: where the locks lie, by default in the user's cache.
        """
        folder = cache_folder() / "streams" if folder is None else folder
        # users of one computer do not see each other's locks
        parts = (_host() if host is None else host, str(folder), *map(_plain, sources))
        stem = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._lock: IO[bytes] | None = None
        self.name = self._take(stem, folder)

    def release(self) -> None:
        """Let the next program have it."""
        if self._lock is not None:
            self._lock.close()

    def _take(self, stem: str, folder: Path) -> str:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(1, _MAX_AT_ONCE + 1):
                name = stem if number == 1 else f"{stem}-{number}"
                file = (folder / f"{name}.lock").open("ab", buffering=0)
                try:
                    take_lock(file)
                except (BlockingIOError, PermissionError):  # the second is Windows' word for it
                    file.close()
                except OSError:
                    file.close()
                    raise
                else:
                    self._lock = file
                    return name
        except OSError as error:
            log.warning("streams of this source cannot be told apart in %s: %s", folder, error)
        # never another's: an inlet then does not go on after a restart
        return f"{stem}-{secrets.token_hex(4)}"


def _host() -> str:
    """What tells this computer from others: images of one disk share an id, but not a name."""
    return f"{platform.node()}\n{_system_id()}"


def _system_id() -> str:
    if sys.platform == "win32":
        import winreg

        try:
            with winreg.OpenKey(
                winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography"
            ) as key:
                return str(winreg.QueryValueEx(key, "MachineGuid")[0])
        except OSError:
            return ""
    for path in _MACHINE_IDS:
        try:
            return path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
    return ""


def _plain(location: str) -> str:
    """A location in one spelling: files with their whole path, addresses without who asks."""
    if is_url(location):
        try:
            parts = urlsplit(location)
        except ValueError:
            return location
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if location.startswith("camera:") or location in ("", "demo"):
        return location
    return os.path.realpath(location)
