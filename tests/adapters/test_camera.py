"""Webcams by a stand-in of ``cv2.VideoCapture`` with its signatures: formats, failures, names."""

import os
import platform
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ferdesk.adapters.sources import camera
from ferdesk.adapters.sources.camera import Camera, linux_cameras, list_cameras, user_of
from ferdesk.core.types import ITS_OWN, CameraFormat
from ferdesk.errors import SourceError

Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


class FakeCapture:
    """``cv2.VideoCapture(index)``: has modes, and fails as the test says."""

    modes = ((640, 480, 30.0), (1280, 720, 30.0), (1920, 1080, 30.0))
    opens = True
    reads = True
    instances: list["FakeCapture"]

    def __init__(self, index: int, apiPreference: int = cv2.CAP_ANY) -> None:
        self.index = index
        self.calls: list[tuple[int, float]] = []
        self.wanted = {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FPS: 30.0}
        self.released = False
        type(self).instances.append(self)

    def isOpened(self) -> bool:
        return self.opens and not self.released

    def set(self, propId: int, value: float) -> bool:
        self.calls.append((propId, value))
        self.wanted[propId] = value
        return True

    def get(self, propId: int) -> float:
        return self._mode()[2] if propId == cv2.CAP_PROP_FPS else 0.0

    def read(self, image: Picture | None = None) -> tuple[bool, Picture | None]:
        assert not self.released, "read after release: a crash in the real one"
        if not self.reads:
            return False, None
        width, height, _ = self._mode()
        picture = np.zeros((height, width, 3), np.uint8)
        picture[..., 0] = 200  # blue comes first
        return True, picture

    def release(self) -> None:
        self.released = True

    def _mode(self) -> tuple[int, int, float]:
        """As drivers do: the mode that is nearest to the width asked for."""
        width = self.wanted[cv2.CAP_PROP_FRAME_WIDTH]
        return min(self.modes, key=lambda mode: abs(mode[0] - width))


class Clock:
    def __init__(self) -> None:
        self.now_s = 10.0

    def __call__(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def capture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[FakeCapture]:
    class Capture(FakeCapture):
        instances = []  # noqa: RUF012 (each test's own)

    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "video0").touch()
    (tmp_path / "proc").mkdir()
    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    monkeypatch.setattr(camera, "_DEVICES", tmp_path / "dev")
    monkeypatch.setattr(camera, "_PROCESSES", tmp_path / "proc")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    return Capture


Make = Callable[..., Camera]


@pytest.fixture
def make(capture: type[FakeCapture]) -> Make:
    def make(asked: CameraFormat = ITS_OWN) -> Camera:
        clock = Clock()
        return Camera(0, asked, clock=clock, pause=clock.pause)

    return make


def test_a_camera_left_alone_is_asked_for_nothing(make: Make, capture: type[FakeCapture]) -> None:
    webcam = make()
    info = webcam.open()
    assert (info.width, info.height, info.rate_fps, info.refused) == (640, 480, 30.0, "")
    assert capture.instances[0].calls == []
    frame = webcam.read()
    assert frame is not None
    assert frame.image[0, 0].tolist() == [0, 0, 200]
    webcam.close()
    assert capture.instances[0].released
    assert webcam.read() is None


def test_a_size_and_a_rate_are_asked_for_and_given(make: Make, capture: type[FakeCapture]) -> None:
    info = make(CameraFormat(1280, 720, 30.0)).open()
    assert (info.width, info.height, info.refused) == (1280, 720, "")
    # Motion JPEG first: a size set before it would be one of the raw modes
    assert dict(capture.instances[0].calls) == {
        cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"MJPG")),
        cv2.CAP_PROP_FRAME_WIDTH: 1280.0,
        cv2.CAP_PROP_FRAME_HEIGHT: 720.0,
        cv2.CAP_PROP_FPS: 30.0,
    }
    assert capture.instances[0].calls[0][0] == cv2.CAP_PROP_FOURCC


def test_what_a_camera_gives_instead_is_said(make: Make) -> None:
    info = make(CameraFormat(2560, 1440, 60.0)).open()
    assert (info.width, info.height, info.rate_fps) == (1920, 1080, 30.0)
    assert info.refused == (
        "camera0 gives 1920x1080 at 30 fps; it has no mode 2560x1440 at 60 fps."
    )


def test_no_camera_is_a_sentence(make: Make) -> None:
    camera._DEVICES.joinpath("video0").unlink()
    with pytest.raises(SourceError, match="There is no camera 0; plug one in"):
        make().open()


@pytest.mark.parametrize("how", ["opens", "reads"])
def test_a_camera_that_another_program_uses_is_a_sentence_with_its_name(
    make: Make, capture: type[FakeCapture], how: str
) -> None:
    setattr(capture, how, False)
    with pytest.raises(SourceError, match="gives no picture; another program may use it"):
        make().open()
    fds = camera._PROCESSES / "4242" / "fd"
    fds.mkdir(parents=True)
    (fds / "7").symlink_to(camera._DEVICES / "video0")
    (fds / "1").touch()
    (fds.parent / "comm").write_text("cheese\n")
    with pytest.raises(SourceError, match="is used by another program, cheese; close it there"):
        make().open()
    assert all(one.released for one in capture.instances)


def test_this_program_is_not_the_other_one(tmp_path: Path) -> None:
    fds = tmp_path / str(os.getpid()) / "fd"
    fds.mkdir(parents=True)
    (fds / "3").symlink_to("/dev/video0")
    assert user_of(Path("/dev/video0"), tmp_path) == ""


def test_a_camera_that_this_user_may_not_use_is_a_sentence(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SourceError, match=r"may not be used by this user; .*group video"):
        make().open()


def test_reads_that_fail_for_a_second_are_a_loss(make: Make, capture: type[FakeCapture]) -> None:
    webcam = make()
    webcam.open()
    capture.reads = False
    with pytest.raises(SourceError, match="Camera 0 gives no picture any more"):
        webcam.read()
    webcam.close()


def test_one_bad_read_is_none(make: Make, capture: type[FakeCapture]) -> None:
    webcam = make()
    webcam.open()
    answers = iter([False, False, True])

    def read(self: FakeCapture) -> tuple[bool, Picture | None]:
        good = next(answers)
        return good, np.zeros((480, 640, 3), np.uint8) if good else None

    capture.read = read  # type: ignore[method-assign,assignment]
    frame = webcam.read()
    assert frame is not None
    assert frame.index == 0


def test_linux_tells_names_and_each_camera_once(tmp_path: Path) -> None:
    for node, index, name in [("video0", 0, "Logi"), ("video1", 1, "Logi"), ("video10", 0, "Cap")]:
        (tmp_path / node).mkdir()
        (tmp_path / node / "index").write_text(f"{index}\n")
        (tmp_path / node / "name").write_text(f"{name}\n")
    assert linux_cameras(tmp_path) == [(0, "Logi"), (10, "Cap")]


def test_a_camera_pulled_while_it_is_listed_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "video0").mkdir()
    (tmp_path / "video0" / "index").write_text("0\n")
    assert linux_cameras(tmp_path) == []


PI = {  # as a Raspberry Pi's kernel lists them, each with index 0, and what udev or V4L2 says
    "video10": ("bcm2835-codec-decode", "", 0x84204000),
    "video11": ("bcm2835-codec-encode", "", 0x84204000),
    "video13": ("bcm2835-isp-output0", "video_output:", 0x84202000),
    "video19": ("rpivid", "", 0x84204000),
}


def write_node(sysfs: Path, node: str, name: str, number: int) -> None:
    (sysfs / node).mkdir()
    (sysfs / node / "index").write_text("0\n")
    (sysfs / node / "name").write_text(f"{name}\n")
    (sysfs / node / "dev").write_text(f"81:{number}\n")


def test_codecs_and_image_processors_are_no_cameras_as_udev_says(tmp_path: Path) -> None:
    sysfs, udev = tmp_path / "sysfs", tmp_path / "udev"
    sysfs.mkdir()
    udev.mkdir()
    nodes = {**PI, "video0": ("Logi", "capture:", 0)}
    for number, (node, (name, can, _)) in enumerate(nodes.items()):
        write_node(sysfs, node, name, number)
        (udev / f"c81:{number}").write_text(f"E:ID_V4L_VERSION=2\nE:ID_V4L_CAPABILITIES=:{can}\n")
    assert linux_cameras(sysfs, udev, tmp_path) == [(0, "Logi")]


def test_where_there_is_no_udev_the_driver_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sysfs, asked = tmp_path / "sysfs", []
    sysfs.mkdir()
    answers: dict[str, int | None] = {node: bits for node, (_, _, bits) in PI.items()}
    answers |= {"video0": 0x84A00001, "video1": 0x85201000, "video2": None}
    for number, node in enumerate(answers):
        write_node(sysfs, node, f"name of {node}", number)

    def capabilities(device: Path) -> int | None:
        asked.append(device.name)
        return answers[device.name]

    monkeypatch.setattr("ferdesk.adapters.sources.camera._capabilities", capabilities)
    for _ in range(2):
        found = linux_cameras(sysfs, tmp_path / "no-udev", tmp_path)
        # one that may not be asked stays in the list: opening it says why
        assert [number for number, _ in found] == [0, 1, 2]
    assert sorted(asked) == sorted(answers)


@pytest.mark.parametrize(
    ("system", "backend"), [("Windows", cv2.CAP_MSMF), ("Darwin", cv2.CAP_AVFOUNDATION)]
)
def test_elsewhere_the_names_come_with_opencvs_numbers(
    monkeypatch: pytest.MonkeyPatch, system: str, backend: int
) -> None:
    asked: list[int] = []

    def enumerate_cameras(apiPreference: int = cv2.CAP_ANY) -> list[Any]:
        asked.append(apiPreference)
        info = types.SimpleNamespace
        return [info(index=1, name="Virtual"), info(index=0, name="FaceTime HD")]

    module = types.ModuleType("cv2_enumerate_cameras")
    module.enumerate_cameras = enumerate_cameras  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cv2_enumerate_cameras", module)
    monkeypatch.setattr(platform, "system", lambda: system)
    assert list_cameras() == [(0, "FaceTime HD"), (1, "Virtual")]
    assert asked == [backend]


@pytest.mark.parametrize("size", ["1280", "1280x", "x720", "0x0", "1280x720x3", "-1x5", "big"])
def test_what_is_no_resolution_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match="write one like 1280x720"):
        CameraFormat.of(size)


def test_a_resolution_is_read() -> None:
    assert CameraFormat.of("1280x720", 30.0) == CameraFormat(1280, 720, 30.0)
    assert CameraFormat.of("", 15.0) == CameraFormat(0, 0, 15.0)
