"""Where things lie: assets in checkout, wheel and packaged program; the user's folders."""

import os
import sys
from pathlib import Path

_NAME = "ferdesk"
_MOST_BYTES = 200
"""Most file systems take 255 for a name; the rest is for -2 and endings."""


def file_name_of(text: str) -> str:
    """``text`` as every file system takes it for a name, cut where it is too long; may be empty."""
    safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in text).strip(". ")
    # at a character's border: half of one is left out
    return safe.encode()[:_MOST_BYTES].decode(errors="ignore").rstrip(". ")


def assets_folder() -> Path:
    """The folder with models and pictures that ships with the program."""
    bundled = getattr(sys, "_MEIPASS", None)
    candidates = [Path(__file__).parent / "assets", Path(__file__).parents[1] / "assets"]
    if bundled is not None:
        candidates.insert(0, Path(bundled) / _NAME / "assets")
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    return candidates[-1]


def detectors_folder() -> Path:
    """Where the networks lie that find faces."""
    return assets_folder() / "detectors"


def landmarks_folder() -> Path:
    """Where the networks lie that find landmarks and movements, and the canonical face."""
    return assets_folder() / "landmarks"


def mediapipe_folder() -> Path:
    """Where the networks lie in the form that MediaPipe's own package takes."""
    return assets_folder() / "mediapipe"


def models_folder() -> Path:
    return assets_folder() / "models"


def licences_folder() -> Path | None:
    """The licences of all that the packaged program brings along; None elsewhere."""
    if not getattr(sys, "frozen", False):
        return None
    program = Path(sys.executable).parent
    places = (program / "licences", program.parent / "Resources" / "licences")
    return next((place for place in places if place.is_dir()), None)


def program_command() -> list[str]:
    """The command that starts this program again, also where it is packaged."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "ferdesk"]


THREADS_VARIABLE = "FERDESK_THREADS"
WORKER_COMMAND = "analysis-worker"
"""What ``analyze`` starts for each of its jobs; of no use to people."""


def threads_of_process() -> int | None:
    """How many threads the expression network may have on the CPU; None where nobody says.

    Set for the workers of an archive, of which each core has one.
    """
    text = os.environ.get(THREADS_VARIABLE, "")
    return int(text) if text.isascii() and text.isdecimal() and int(text) > 0 else None


def docs_folder() -> Path | None:
    """The documentation as Markdown, from the checkout or as it ships; None without."""
    places = (assets_folder() / "docs", Path(__file__).parents[1] / "docs")
    return next((place for place in places if (place / "guide.md").is_file()), None)


def cache_folder() -> Path:
    """The user's cache: what lies there can be made again."""
    try:
        from platformdirs import user_cache_path
    except ImportError:  # training runs on machines that have little more than torch
        return Path.home() / ".cache" / _NAME
    return user_cache_path(_NAME, appauthor=False)


def config_folder() -> Path:
    from platformdirs import user_config_path

    return user_config_path(_NAME, appauthor=False)


def log_folder() -> Path:
    from platformdirs import user_log_path

    return user_log_path(_NAME, appauthor=False)


def sessions_folder() -> Path:
    """Where recordings go unless the user says otherwise."""
    from platformdirs import user_documents_path

    return user_documents_path() / _NAME
