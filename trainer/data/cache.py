"""Cache of arrays in the user's cache folder: anything there can be recomputed."""

import contextlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.paths import cache_folder
from ferdesk.replace_file import replacing


def cached_file(name: str, folder: Path | None = None) -> Path:
    """Path of ``name`` in the cache: in ``folder``, by default the user's."""
    return (folder or cache_folder()) / name


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]] | None:
    """Arrays ``names`` of an .npz file; None where it is missing, broken or of another kind."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return None


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an .npz file atomically; a failure is ignored, as a cache only saves time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            np.savez(file, **arrays)
