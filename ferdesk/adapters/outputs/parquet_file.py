"""Parquet files by pyarrow: the library where it is installed, and a file that is written whole."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import IO

from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.replace_file import replacing


def load_pyarrow() -> ModuleType:
    """The library, with ``pyarrow.parquet``.

    Raises:
        RecordingError: it is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise RecordingError(
            translatable("Parquet needs pyarrow: pip install 'ferdesk[parquet]', or export CSV.")
        ) from error
    module: ModuleType = pa
    return module


@contextlib.contextmanager
def parquet_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of ``path`` when the block ends without an error.

    Raises:
        RecordingError: it cannot be written; what was there before is still there.
    """
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise RecordingError(
            translatable("{path} cannot be written: {why}.", path=path, why=error.strerror or error)
        ) from error
