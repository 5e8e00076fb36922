"""Drops: what may be dropped on the window, as sources."""

from pathlib import Path

from PySide6.QtCore import QMimeData

from ferdesk.core.locations import is_url


def dropped_sources(data: QMimeData) -> list[str]:
    """Paths of files, sessions and folders of pictures, and addresses of streams."""
    # imported here, as below: a start has no session
    from ferdesk.sessions.schema import SESSION_FILE

    found = []
    for url in data.urls():
        if url.isLocalFile():
            path = Path(url.toLocalFile())
            if path.is_file():
                found.append(str(path.parent) if path.name == SESSION_FILE else str(path))
            elif path.is_dir():
                found.append(str(path))
        elif url.scheme() in ("rtsp", "http", "https"):
            found.append(url.toString())
    return found


def is_session(place: str) -> bool:
    """Whether ``place`` is the folder of a recorded session."""
    from ferdesk.sessions.schema import RESULTS_FILE, SESSION_FILE

    if is_url(place):
        return False
    folder = Path(place)
    return folder.is_dir() and any(
        (folder / name).exists() for name in (SESSION_FILE, RESULTS_FILE)
    )
