"""Content of an analysed file: the hash by which a session and its file know each other again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ferdesk.errors import SourceError
from ferdesk.messages import translatable


@dataclass(frozen=True, slots=True)
class SourceContent:
    """Content of a file: SHA-256 of its bytes, its size, and when it was last changed."""

    sha256: str
    size_bytes: int
    modified_ns: int

    def table(self) -> dict[str, object]:
        """What ``session.json`` says of it under ``source``."""
        return {
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "modified_ns": self.modified_ns,
        }


def content_of(path: Path) -> SourceContent:
    """The content of a regular file, read once.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size_bytes, modified_ns = stamp_of(path)
    except OSError as error:
        raise SourceError(
            translatable("{path} cannot be read: {why}.", path=path, why=error.strerror or error)
        ) from error
    return SourceContent(digest, size_bytes, modified_ns)


def stamp_of(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds, which are had without reading.

    Raises:
        OSError: there is no such file.
    """
    about = path.stat()
    return about.st_size, about.st_mtime_ns
