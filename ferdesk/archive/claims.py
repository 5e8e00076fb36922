"""Claims on files of an archive: two programs that work on one never analyse the same file."""

import contextlib
import hashlib
import os
import sys
from pathlib import Path
from typing import IO

from ferdesk.archive.plan import Item
from ferdesk.file_lock import try_lock

_FOLDER = Path(".ferdesk") / "claims"
_MOST_TRIES = 20


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
        file, free = self._locked(path)
        if file is not None:
            self._held[item.number] = path, file
        return free

    def _locked(self, path: Path) -> tuple[IO[bytes] | None, bool]:
        """The file of a claim, where it can be held, and whether no other program holds it."""
        for _ in range(_MOST_TRIES):
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                file = path.open("ab")
            except FileNotFoundError:
                continue  # another program, which has ended, removed the folder in between
            except OSError:
                return None, True
            if not try_lock(file):
                file.close()
                return None, False
            if os.fstat(file.fileno()).st_nlink > 0:
                return file, True
            # whoever held it before has removed it, and another one may be there by now
            file.close()
        return None, True

    def give_back(self, item: Item) -> None:
        path, file = self._held.pop(item.number, (None, None))
        shared = any(held_path == path for held_path, _ in self._held.values())
        if path is not None and file is not None and not shared:
            _drop(path, file)

    def close(self) -> None:
        for path, file in self._held.values():
            _drop(path, file)
        self._held.clear()
        for folder in (self._folder, self._folder.parent, *self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()  # only if it is empty


def _drop(path: Path, file: IO[bytes]) -> None:
    # removed while it is held: nobody can lock it in between and lose the name it stands for
    with contextlib.suppress(OSError):
        path.unlink()
    file.close()
    if sys.platform == "win32":
        # which removes no file that is open, nor one that another has opened meanwhile
        with contextlib.suppress(OSError):
            path.unlink()


def _key(item: Item) -> str:
    name = f"{Path(item.name).name}\0{item.size_bytes}"
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:32]
