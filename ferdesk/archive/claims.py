"""Claims on files of an archive: two programs that work on one never analyse the same file."""

import contextlib
import hashlib
from pathlib import Path
from typing import IO

from ferdesk.archive.plan import Item
from ferdesk.file_lock import take_lock

_FOLDER = Path(".ferdesk") / "claims"


class Claims:
    """Claims of this program, held by locks that the system drops with the process."""

    def __init__(self, out: Path) -> None:
        self._folder = out / _FOLDER
        self._made = [folder for folder in self._folder.parents if not folder.exists()]
        self._held: dict[int, tuple[Path, IO[bytes]]] = {}

    def take(self, item: Item) -> bool:
        """Whether the item is ours; False where another program works on it now.

        Where the disk knows no locks every item is.
        """
        path = self._folder / f"{_key(item)}.lock"
        for held_path, held_file in self._held.values():
            if held_path == path:
                # two files of ours that are alike by name and size: one lock keeps both
                self._held[item.number] = path, held_file
                return True
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
        except OSError:
            return True
        try:
            take_lock(file)
        except BlockingIOError:
            file.close()
            return False
        except PermissionError:  # Windows' word for a lock that another holds
            file.close()
            return False
        except OSError:
            file.close()
            return True
        self._held[item.number] = path, file
        return True

    def give_back(self, item: Item) -> None:
        path, file = self._held.pop(item.number, (None, None))
        shared = any(held_path == path for held_path, _ in self._held.values())
        if path is not None and file is not None and not shared:
            file.close()
            with contextlib.suppress(OSError):
                path.unlink()

    def close(self) -> None:
        for path, file in self._held.values():
            file.close()
            with contextlib.suppress(OSError):
                path.unlink()
        self._held.clear()
        for folder in (self._folder, self._folder.parent, *self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()  # only if it is empty


def _key(item: Item) -> str:
    name = f"{Path(item.name).name}\0{item.size_bytes}"
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:32]
