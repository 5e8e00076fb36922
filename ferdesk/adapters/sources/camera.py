"""Webcams through OpenCV: listed by name, opened in a wanted format, their failures told apart."""

import functools
import os
import platform
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ferdesk.core.types import ITS_OWN, CameraFormat, Frame, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.messages import translatable

_SILENT_AFTER_S = 1.0
"""Timeout: a camera whose reads all fail for this long gives no picture any more."""
_PAUSE_S = 0.02
_SYSFS = Path("/sys/class/video4linux")
_DEVICES = Path("/dev")
_PROCESSES = Path("/proc")
_UDEV = Path("/run/udev/data")
_QUERY_CAPABILITIES = 0x80685600  # VIDIOC_QUERYCAP of linux/videodev2.h
_NUM_CAPABILITY_BYTES = 104
_DEVICE_CAPS_KNOWN = 0x80000000
_CAPTURES = 0x1 | 0x1000
"""V4L2_CAP_VIDEO_CAPTURE and its form with several planes."""
_RAW_UP_TO = (640, 480, 30.0)
"""Up to this, USB 2 carries raw pictures; more comes at full rate as Motion JPEG only."""


class Camera:
    """Camera ``index`` of this machine as a source, in the wanted format as far as it has it."""

    def __init__(
        self,
        index: int,
        asked: CameraFormat = ITS_OWN,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._asked = asked
        self._clock = clock
        self._pause = pause
        self._capture: Any = None
        self._num_read = 0
        self._opened_s = 0.0

    def open(self) -> SourceInfo:
        """Open the camera; may take seconds, and with some drivers minutes.

        Raises:
            SourceError: there is none, this user may not use it, or another program does.
        """
        # Media Foundation's hardware transforms make opening take up to a minute on Windows
        os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
        # a camera that says nothing ends its read after this many seconds instead of ten
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        import cv2

        if platform.system() == "Linux":
            self._check_device(_DEVICES / f"video{self._index}")
        self._capture = cv2.VideoCapture(self._index)
        opened, picture = self._capture.isOpened(), None
        if opened:
            self._ask(cv2)
            opened, picture = self._capture.read()
        if not opened or picture is None:
            self.close()
            raise SourceError(self._cannot_open())
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self._opened_s = self._clock()
        height, width = picture.shape[:2]
        name = f"camera{self._index}"
        return SourceInfo(
            "camera", name, name, width, height, rate if rate > 0 else None, asked=self._asked
        )

    def read(self) -> Frame | None:
        """Next frame; waits for it.

        Raises:
            SourceError: the camera answers, but with no picture any more.
        """
        import cv2

        asked_s = self._clock()
        while (capture := self._capture) is not None:
            good, picture = capture.read()
            captured_s = self._clock()
            if good and picture is not None and picture.size:
                image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
                index, self._num_read = self._num_read, self._num_read + 1
                return Frame(image, index, captured_s - self._opened_s, captured_s)
            if captured_s - asked_s >= _SILENT_AFTER_S:
                raise SourceError(
                    translatable("Camera {number} gives no picture any more.", number=self._index)
                )
            self._pause(_PAUSE_S)
        return None

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _ask(self, cv2: Any) -> None:  # noqa: ANN401 (a module)
        """Ask for the format; what a camera does not have it replaces with what it likes."""
        asked, capture = self._asked, self._capture
        width, height, rate = _RAW_UP_TO
        if asked.width > width or asked.height > height or asked.rate_fps > rate:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        if asked.width:
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, asked.width)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, asked.height)
        if asked.rate_fps:
            capture.set(cv2.CAP_PROP_FPS, asked.rate_fps)

    def _check_device(self, device: Path) -> None:
        if not device.exists():
            raise SourceError(
                translatable(
                    "There is no camera {number}; plug one in or choose another.",
                    number=self._index,
                )
            )
        if not os.access(device, os.R_OK | os.W_OK):
            raise SourceError(
                translatable(
                    "Camera {number} may not be used by this user; add them to the "
                    "group video (sudo usermod -aG video NAME) and log in again.",
                    number=self._index,
                )
            )

    def _cannot_open(self) -> str:
        if platform.system() == "Linux":
            user = user_of(_DEVICES / f"video{self._index}", _PROCESSES)
            if user:
                return translatable(
                    "Camera {number} is used by another program, {user}; close it "
                    "there and start again.",
                    number=self._index,
                    user=user,
                )
            return translatable(
                "Camera {number} gives no picture; another program may use it. "
                "Close that, or pull the camera's plug and put it in again.",
                number=self._index,
            )
        return translatable(
            "Camera {number} cannot be opened; there is none, another program "
            "uses it, or the system's privacy settings keep programs from the "
            "camera.",
            number=self._index,
        )


def user_of(device: Path, processes: Path) -> str:
    """Name of another program that has ``device`` open, as far as this user may see it."""
    for process in processes.glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(_target(link) == device for link in (process / "fd").iterdir()):
                return (process / "comm").read_text("utf-8", "replace").strip()
        except OSError:
            continue  # another user's, or it has just ended
    return ""


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except OSError:
        return None


def list_cameras() -> list[tuple[int, str]]:
    """Cameras as (index, name), without opening one. May be slow; not for a GUI thread."""
    if platform.system() == "Linux":
        return linux_cameras(_SYSFS)
    import cv2
    from cv2_enumerate_cameras import enumerate_cameras

    # the backend that OpenCV tries first, so that its numbers are those of VideoCapture
    backend = cv2.CAP_MSMF if platform.system() == "Windows" else cv2.CAP_AVFOUNDATION
    return sorted((camera.index, camera.name) for camera in enumerate_cameras(backend))


def linux_cameras(
    sysfs: Path, udev: Path = _UDEV, devices: Path = _DEVICES
) -> list[tuple[int, str]]:
    """Cameras that the kernel lists below ``sysfs``; a device is opened only where udev is none.

    Encoders, decoders and image processors, as a Raspberry Pi has them, are no cameras.
    """
    cameras: list[tuple[int, str]] = []
    for entry in sorted(sysfs.glob("video*"), key=lambda entry: (len(entry.name), entry.name)):
        try:
            # a camera has several nodes (metadata, other formats); its first one gives pictures
            if (entry / "index").read_text("utf-8").strip() not in ("", "0"):
                continue
            name = (entry / "name").read_text("utf-8").strip()
            if not _gives_pictures(entry, udev, devices / entry.name, name):
                continue
        except OSError:
            continue
        cameras.append((int(entry.name.removeprefix("video")), name))
    return cameras


def _gives_pictures(entry: Path, udev: Path, device: Path, name: str) -> bool:
    """Whether a video node captures; True where nothing tells."""
    try:
        number = (entry / "dev").read_text("utf-8").strip()
        about = (udev / f"c{number}").read_text("utf-8", "replace")
    except OSError:
        about = ""
    for line in about.splitlines():
        if line.startswith("E:ID_V4L_CAPABILITIES="):
            return ":capture:" in line
    return _captures(device, name)


@functools.lru_cache(maxsize=64)
def _captures(device: Path, _name: str) -> bool:
    """What the driver says itself; asked once for each device, since asking opens it."""
    capabilities = _capabilities(device)
    return capabilities is None or bool(capabilities & _CAPTURES)


def _capabilities(device: Path) -> int | None:
    """The capabilities of this very node (V4L2); None where it cannot be asked."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        handle = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None
    answer = bytearray(_NUM_CAPABILITY_BYTES)
    try:
        fcntl.ioctl(handle, _QUERY_CAPABILITIES, answer)
    except OSError:
        return None
    finally:
        os.close(handle)
    of_all, of_node = struct.unpack_from("<II", answer, 84)
    return int(of_node if of_all & _DEVICE_CAPS_KNOWN else of_all)
