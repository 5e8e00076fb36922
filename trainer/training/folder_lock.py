"""Lock on the folder of a run: two trainings never write into one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ferdesk.errors import DataError
from ferdesk.file_lock import locked

_FILE = ".training.lock"


@contextlib.contextmanager
def alone_in(folder: Path, *, writes: bool = True) -> Iterator[None]:
    """Hold ``folder`` for one training; of a group of processes only the one that ``writes`` does.

    A folder made for that goes again where nothing was written into it.

    Raises:
        DataError: another training runs there, or the folder cannot be made.
    """
    if not writes:
        yield
        return
    with contextlib.ExitStack() as held:
        if not folder.exists():
            held.callback(_remove_if_empty, folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder / _FILE, wait_s=0))
        except BlockingIOError as error:
            raise DataError(
                f"Another training writes into {folder}; wait for its end, or choose another --out."
            ) from error
        except OSError as error:
            raise DataError(f"The folder {folder} cannot be made: {error}.") from error
        yield


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
