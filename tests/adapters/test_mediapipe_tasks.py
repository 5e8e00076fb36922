"""MediaPipe's package behind its door, with a stand-in of the same surface."""

import importlib
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ferdesk.adapters.networks import mediapipe_tasks
from ferdesk.adapters.networks.mediapipe_tasks import MediaPipeDetector, MediaPipeLandmarker
from ferdesk.core.geometry import Box
from ferdesk.errors import ModelError
from ferdesk.factory.analysis_options import AnalysisOptions


class FakeTask:
    """A task that works until a picture ends it, and says when it is closed."""

    def __init__(self, package: "FakePackage", result: Callable[[np.ndarray], object]) -> None:
        self._handle: object | None = object()
        self._package, self._result = package, result
        self._ended = False

    def detect(self, image: Any) -> object:
        self._package.seen.append(image)
        if self._ended or self._package.refuses > 0:
            self._package.refuses -= 1
            self._ended = True
            raise RuntimeError("Graph has errors")
        return self._result(image.pixels)

    def close(self) -> None:
        if self._handle:
            self._package.reports += 1
        self._handle = None


class FakePackage:
    """The package's surface, as far as it is used; pixels are read as its C code reads them."""

    __version__ = "1.2.3"
    ImageFormat = SimpleNamespace(SRGB=1)

    def __init__(self) -> None:
        self.tasks = SimpleNamespace(
            BaseOptions=lambda model_asset_buffer: model_asset_buffer, vision=self
        )
        self.seen: list[Any] = []
        self.made: list[tuple[str, bytes]] = []
        self.refuses = self.reports = 0
        self.FaceDetector = SimpleNamespace(create_from_options=self._detector)
        self.FaceLandmarker = SimpleNamespace(create_from_options=self._landmarker)
        self.alive: list[FakeTask] = []

    def FaceDetectorOptions(self, base_options: bytes) -> bytes:
        return base_options

    def FaceLandmarkerOptions(self, base_options: bytes, **_more: object) -> bytes:
        return base_options

    def Image(self, image_format: int, data: np.ndarray) -> SimpleNamespace:
        assert image_format == 1
        memory = data.base if data.base is not None and not data.flags.owndata else data
        # rows and pixels as if each followed the one before, whatever the strides say
        flat = np.frombuffer(np.asarray(memory).tobytes(), np.uint8)[: data.size]
        return SimpleNamespace(pixels=flat.reshape(data.shape))

    def _detector(self, options: bytes) -> FakeTask:
        self.made.append(("detector", options))
        return self._keep(FakeTask(self, _detected))

    def _landmarker(self, options: bytes) -> FakeTask:
        self.made.append(("landmarker", options))
        return self._keep(FakeTask(self, _landmarks))

    def _keep(self, task: FakeTask) -> FakeTask:
        self.alive.append(task)
        return task


def _detected(pixels: np.ndarray) -> object:
    def one(x: int, score: float) -> SimpleNamespace:
        shares = [(0.40, 0.5), (0.60, 0.45), (0.5, 0.6), (0.5, 0.7), (0.3, 0.5), (0.7, 0.5)]
        return SimpleNamespace(
            bounding_box=SimpleNamespace(origin_x=x, origin_y=7, width=40, height=44),
            categories=[SimpleNamespace(score=score)],
            keypoints=[SimpleNamespace(x=px, y=py) for px, py in shares],
        )

    return SimpleNamespace(detections=[one(3, 0.6), one(60, 0.9)][: 2 if pixels.any() else 0])


def _landmarks(_pixels: np.ndarray) -> object:
    point = SimpleNamespace(x=0.25, y=0.5, z=-0.125)
    return SimpleNamespace(
        face_landmarks=[[point] * 478],
        face_blendshapes=[[SimpleNamespace(score=i / 52) for i in range(52)]],
        facial_transformation_matrixes=[np.diag([1.0, 2.0, 3.0, 1.0])],
    )


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> FakePackage:
    fake = FakePackage()
    monkeypatch.setitem(sys.modules, "mediapipe", fake)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    return fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "face_landmarker.task", "w") as archive:
        archive.writestr("face_detector.tflite", b"the detector")
        archive.writestr("face_landmarks_detector.tflite", b"the landmarks")
    return tmp_path


PICTURE = np.arange(64 * 96 * 3, dtype=np.uint8).reshape(64, 96, 3) + np.uint8(1)


def test_detections_have_the_tasks_boxes_and_angles_by_descending_score(
    package: FakePackage, folder: Path
) -> None:
    first, second = MediaPipeDetector(folder).detect(PICTURE)
    assert package.made == [("detector", b"the detector")]
    assert (first.box, first.score) == (Box(60, 7, 40, 44), 0.9)
    assert (second.box, second.score) == (Box(3, 7, 40, 44), 0.6)
    # right eye at (38.4, 32), left at (57.6, 28.8): shares of width and of height
    assert first.roll_deg == pytest.approx(-9.46, abs=0.01)
    assert first.confirmed


def test_pixels_are_handed_over_in_the_order_of_the_picture(
    package: FakePackage, folder: Path
) -> None:
    turned = PICTURE[:, ::-1]
    assert not turned.flags.c_contiguous
    MediaPipeDetector(folder).detect(turned)
    assert (package.seen[0].pixels == turned).all()


def test_a_refused_picture_does_not_end_the_detector(package: FakePackage, folder: Path) -> None:
    detector = MediaPipeDetector(folder)
    package.refuses = 1
    assert len(detector.detect(PICTURE)) == 2
    assert len(package.made) == 2
    package.refuses = 2
    # twice refused: no face is known of this picture, and the next one is seen again
    assert detector.detect(PICTURE) == []
    assert len(detector.detect(PICTURE)) == 2


def test_no_task_is_ever_closed_since_that_reports(package: FakePackage, folder: Path) -> None:
    detector, landmarker = MediaPipeDetector(folder), MediaPipeLandmarker(folder)
    package.refuses = 1
    detector.detect(PICTURE)
    landmarker.faces(PICTURE)
    detector.close()
    landmarker.close()
    for task in package.alive:
        task.close()  # as the package's own __del__ does
    assert package.reports == 0
    detector.close()


def test_what_the_package_sends_goes_to_a_proxy_that_is_not_there(
    package: FakePackage, folder: Path
) -> None:
    MediaPipeDetector(folder)
    assert os.environ["https_proxy"] == "http://127.0.0.1:9"


def test_a_version_that_cannot_be_kept_from_reporting_is_refused(
    package: FakePackage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package.FaceDetector, "create_from_options", lambda _options: object())
    with pytest.raises(ModelError, match=r"install mediapipe==1\.2\.3"):
        MediaPipeDetector(folder)


def test_landmarks_are_in_pixels_with_depth_scaled_as_x(package: FakePackage, folder: Path) -> None:
    (face,) = MediaPipeLandmarker(folder).faces(PICTURE)
    assert face.points.shape == (478, 3)
    assert face.points[477].tolist() == [24.0, 32.0, -12.0]
    assert face.movements[51] == pytest.approx(51 / 52)
    assert face.matrix[1, 1] == 2.0


def test_without_the_package_the_sentence_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    monkeypatch.setenv("https_proxy", "")
    with pytest.raises(ModelError, match=r"pip install 'ferdesk\[mediapipe\]'"):
        MediaPipeDetector(folder)
    monkeypatch.setattr(mediapipe_tasks, "_PYTHONS", ((3, 7), (3, 9)))
    with pytest.raises(ModelError, match=r"made for Python 3\.7 to 3\.9 and this is 3\."):
        MediaPipeDetector(folder)


@pytest.mark.parametrize("task", [MediaPipeDetector, MediaPipeLandmarker])
def test_where_the_bundle_is_missing_too_the_package_is_what_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: type[MediaPipeDetector | MediaPipeLandmarker],
) -> None:
    """As in the packaged program, which has neither."""
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    monkeypatch.setenv("https_proxy", "")
    with pytest.raises(ModelError, match="MediaPipe is not installed"):
        task(tmp_path)


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", None])
def test_a_package_that_is_not_there_leaves_the_proxy_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch, proxy: str | None
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    monkeypatch.setenv("https_proxy", proxy or "")
    if proxy is None:
        monkeypatch.delenv("https_proxy")
    with pytest.raises(ModelError):
        MediaPipeDetector(folder)
    assert os.environ.get("https_proxy") == proxy


def test_a_package_that_cannot_load_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> object:
        raise OSError("libmediapipe.so: cannot open shared object file")

    monkeypatch.setattr(importlib, "import_module", broken)
    monkeypatch.setenv("https_proxy", "")
    with pytest.raises(ModelError, match=r"cannot be used: libmediapipe\.so"):
        MediaPipeDetector(folder)


def test_a_damaged_bundle_is_refused_before_the_package_is_loaded(
    package: FakePackage, tmp_path: Path
) -> None:
    (tmp_path / "face_landmarker.task").write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"face_landmarker\.task cannot be loaded"):
        MediaPipeDetector(tmp_path)
    assert package.made == []


def test_a_session_says_that_whole_pictures_were_searched_and_nothing_else(tmp_path: Path) -> None:
    options = AnalysisOptions(tmp_path, detector="mediapipe", thorough=True)
    assert options.settings()["search"] == "whole picture"
    assert AnalysisOptions(tmp_path, thorough=True).settings()["search"] == "every frame"
    assert AnalysisOptions(tmp_path).settings()["search"] == "key frames"
