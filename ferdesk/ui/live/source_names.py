"""Source names: titles for people, and the camera to begin with."""

import re
from collections.abc import Sequence
from pathlib import Path

from ferdesk.core.locations import host_of, is_url
from ferdesk.runtime.ports import SourceChoice
from ferdesk.ui.kit.language import mark, tr

DEMO = SourceChoice("demo", mark("Demo"))
_ODD_CAMERAS = re.compile(r"(?i)\b(ir|infrared|depth|virtual|loopback|obs|dummy)\b")


def best_camera(cameras: Sequence[SourceChoice]) -> str:
    """The camera to begin with: the first that shows people as eyes do; empty for none."""
    plain = [c for c in cameras if not _ODD_CAMERAS.search(c.title)]
    return next((camera.name for camera in (*plain, *cameras)), "")


def source_title(name: str) -> str:
    """``name`` in words for people; an address loses its user and password."""
    if name == DEMO.name:
        return tr(DEMO.title)
    if name.startswith("camera:"):
        return tr("Camera {number}").format(number=name.removeprefix("camera:"))
    if is_url(name):
        return host_of(name)
    return Path(name).name
