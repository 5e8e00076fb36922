"""Webcams through OpenCV."""

import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ferdesk.core.types import Frame, SourceInfo
from ferdesk.errors import SourceError

_MAX_FAILED_READS = 30
_SYSFS = Path("/sys/class/video4linux")


class Camera:
    """Camera ``index`` of this machine, at the resolution that it prefers."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._capture: Any = None
        self._num_read = 0
        self._opened_s = 0.0

    def open(self) -> SourceInfo:
        """Open the camera; may take seconds.

        Raises:
            SourceError: there is none, or another program uses it.
        """
        # Media Foundation's hardware transforms make opening take up to a minute on Windows
        os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        import cv2

        if sys.platform == "linux" and not Path(f"/dev/video{self._index}").exists():
            raise SourceError(f"There is no camera {self._index}; plug one in or choose another.")
        self._capture = cv2.VideoCapture(self._index)
        opened, picture = self._capture.isOpened(), None
        if opened:
            opened, picture = self._capture.read()
        if not opened or picture is None:
            self.close()
            raise SourceError(
                f"Camera {self._index} cannot be opened; there is none, or another program uses it."
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._opened_s = time.monotonic()
        height, width = picture.shape[:2]
        name = f"camera{self._index}"
        return SourceInfo("camera", name, name, width, height, rate if rate > 0 else None)

    def read(self) -> Frame | None:
        """Wait for the next picture.

        Raises:
            SourceError: the camera answers, but with no picture any more.
        """
        import cv2

        for _ in range(_MAX_FAILED_READS):
            capture = self._capture
            if capture is None:
                return None
            good, picture = capture.read()
            captured_s = time.monotonic()
            if good and picture is not None:
                image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
                index, self._num_read = self._num_read, self._num_read + 1
                return Frame(image, index, captured_s - self._opened_s, captured_s)
            time.sleep(0.03)
        raise SourceError(
            f"Camera {self._index} gives no picture any more; plug it in again and start."
        )

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()


def list_cameras() -> list[tuple[int, str]]:
    """Cameras as (index, name), without opening them where the system tells their names."""
    if platform.system() == "Linux":
        return _linux_cameras(_SYSFS)
    # other systems tell OpenCV no names; the first cameras are offered and opening finds out
    return [(index, f"Camera {index}") for index in range(2)]


def _linux_cameras(sysfs: Path) -> list[tuple[int, str]]:
    cameras: list[tuple[int, str]] = []
    for entry in sorted(sysfs.glob("video*"), key=lambda entry: (len(entry.name), entry.name)):
        try:
            # a camera has several nodes (metadata, other formats); its first one gives pictures
            if (entry / "index").read_text("utf-8").strip() not in ("", "0"):
                continue
            name = (entry / "name").read_text("utf-8").strip()
        except OSError:
            continue
        cameras.append((int(entry.name.removeprefix("video")), name))
    return cameras
