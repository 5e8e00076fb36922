"""Places of running ferdesks: a small file for each that takes commands, for programs of its user.

The file holds the address with its token, so that a script needs neither; it is readable by its
user alone, and gone with the stream. A killed program's is left behind, and not taken for one.
"""

import contextlib
import json
import logging
import os
import platform
import socket
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ferdesk.errors import RemoteError
from ferdesk.paths import cache_folder

log = logging.getLogger(__name__)

ADDRESS_VARIABLE = "FERDESK_ADDRESS"
"""The environment's variable with the address of the ferdesk that is meant."""
_LARGEST_BYTES = 4096
_ANSWERS_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a running ferdesk: its ``address`` with the token, and its port."""

    address: str
    port: int


def places_folder() -> Path:
    """Where the files of this user's running programs lie."""
    return cache_folder() / "remote"


class Announcement:
    """Announcement of an address to this user's programs, until ``withdraw``."""

    def __init__(self, address: str, folder: Path | None = None) -> None:
        """Write the file; where that fails, a script needs the address that the window shows."""
        folder = folder or places_folder()
        host = platform.node()
        # a home folder may be shared by several computers, each with the same ports
        computer = zlib.crc32(host.encode(errors="surrogateescape"))
        self._path = folder / f"{urlsplit(address).port}-{computer:08x}.json"
        self._text = json.dumps({"address": address, "host": host}) + "\n"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(OSError):
                folder.chmod(0o700)
            # made for nobody else before there is anything in it
            aside = folder / f"{self._path.stem}-{os.getpid()}.new"
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
                f.write(self._text)
            aside.replace(self._path)
        except OSError as error:
            log.warning("the address for other programs is not kept: %s", error)

    def withdraw(self) -> None:
        """Remove the file, unless another program has its port by now."""
        with contextlib.suppress(OSError):
            if self._path.read_text("utf-8") == self._text:
                self._path.unlink()


def running(folder: Path | None = None) -> tuple[Place, ...]:
    """The ferdesks of this user and computer that take commands now, by their ports."""
    found = []
    with contextlib.suppress(OSError):
        for path in sorted((folder or places_folder()).glob("*.json")):
            place = _read(path)
            if place is not None and _listens(place.port):
                found.append(place)
    return tuple(sorted(found, key=lambda place: place.port))


def find_address(port: int | None = None, folder: Path | None = None) -> str:
    """The address of the ferdesk that is meant: named by the environment, or the only one.

    Args:
        port: of the one that is meant, where several run.
        folder: where their files lie.

    Raises:
        RemoteError: none takes commands, or several do.
    """
    if port is None and (named := os.environ.get(ADDRESS_VARIABLE, "")):
        return named
    found = running(folder)
    chosen = [place for place in found if port is None or place.port == port]
    if len(chosen) == 1:
        return chosen[0].address
    if not chosen:
        where = "" if port is None else f" on port {port}"
        raise RemoteError(
            f"No ferdesk takes commands{where}: switch on “Stream over WebSocket” and “Commands "
            "from other programs” in its window."
        )
    ports = ", ".join(str(place.port) for place in chosen)
    raise RemoteError(f"Several ferdesks take commands (ports {ports}); name one port.")


def _read(path: Path) -> Place | None:
    try:
        with path.open("rb") as file:
            table = json.loads(file.read(_LARGEST_BYTES))
        address, host = table["address"], table["host"]
        port = urlsplit(address).port
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    # another computer's, in a home folder that both share
    return None if port is None or host != platform.node() else Place(address, port)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_ANSWERS_WITHIN_S):
            return True
    except OSError:
        return False
