"""What ships is compared with its list when it is loaded."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ferdesk import integrity
from ferdesk.adapters.networks.face_detector import SHORT_RANGE_FILE, MediaPipeNetworks
from ferdesk.adapters.networks.face_landmarks import (
    BLENDSHAPES_FILE,
    CANONICAL_FACE_FILE,
    LANDMARKS_FILE,
    MediaPipeLandmarks,
    load_canonical_face,
)
from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.errors import ModelError
from ferdesk.factory.models import bundled_models
from ferdesk.paths import detectors_folder, landmarks_folder, models_folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return Path(shutil.copytree(models_folder(), tmp_path / "models"))


def damage(path: Path) -> None:
    """Change one bit in the middle, which no loader needs to notice."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.skipif(not bundled_models(), reason="no expression model ships here")
def test_a_damaged_network_is_refused_in_a_sentence(models: Path) -> None:
    path = models / bundled_models()[0].name
    damage(path)
    with pytest.raises(ModelError, match=r"is damaged: .* Installing ferdesk again") as caught:
        OnnxClassifier(path, "cpu")
    assert str(path) in str(caught.value)


def test_a_damaged_face_detector_is_refused_in_a_sentence(tmp_path: Path) -> None:
    detectors = Path(shutil.copytree(detectors_folder(), tmp_path / "detectors"))
    damage(detectors / SHORT_RANGE_FILE)
    with pytest.raises(ModelError, match=rf"{SHORT_RANGE_FILE} is damaged"):
        MediaPipeNetworks(detectors)


@pytest.mark.parametrize("name", [LANDMARKS_FILE, BLENDSHAPES_FILE])
def test_a_damaged_landmark_network_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(landmarks_folder(), tmp_path / "landmarks"))
    damage(folder / name)
    face = FaceLandmarks(np.zeros((478, 3), np.float32), 1.0)
    with pytest.raises(ModelError, match=rf"{name} is damaged"):
        MediaPipeLandmarks(folder).movements([face])


def test_a_damaged_canonical_face_is_refused_in_a_sentence(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(landmarks_folder(), tmp_path / "landmarks"))
    damage(folder / CANONICAL_FACE_FILE)
    with pytest.raises(ModelError, match=rf"{CANONICAL_FACE_FILE} is damaged"):
        load_canonical_face(folder)
    (folder / CANONICAL_FACE_FILE).unlink()
    with pytest.raises(ModelError, match=rf"{CANONICAL_FACE_FILE} cannot be loaded: No such"):
        load_canonical_face(folder)


@pytest.mark.parametrize("folder", [detectors_folder(), landmarks_folder()])
def test_every_shipped_network_is_in_its_list(folder: Path) -> None:
    shipped = {path.name for path in folder.iterdir() if path.suffix in (".onnx", ".npz")}
    assert set(integrity.read_sums(folder)) == shipped


def test_a_model_of_the_users_own_is_compared_with_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    # of no content: SHA-256, FIPS 180-4
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert integrity.check_content(path, b"") == empty
    (tmp_path / integrity.SUMS_FILE).write_text(f"{'0' * 64}  theirs.onnx\n")
    assert integrity.check_content(path, b"") == empty


@pytest.mark.parametrize("second", [" ", "*"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lists_of_either_form_are_read(tmp_path: Path, second: str, end: str) -> None:
    line = f"{'0' * 64} {second}a model.onnx{end}"
    (tmp_path / integrity.SUMS_FILE).write_bytes(line.encode())
    assert integrity.read_sums(tmp_path) == {"a model.onnx": "0" * 64}


def test_a_list_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / integrity.SUMS_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="SHA256SUMS cannot be read"):
        integrity.check_content(tmp_path / "a.onnx", b"")
