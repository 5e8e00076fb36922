"""``ferdesk doctor --compare-mediapipe``, with a stand-in for MediaPipe's landmarker."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ferdesk.adapters.networks import mediapipe_tasks
from ferdesk.adapters.networks.mediapipe_tasks import ReferenceFace
from ferdesk.cli import inspect
from ferdesk.cli.main import app
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.core.measures.pose import pose_matrix
from ferdesk.core.types import Frame
from ferdesk.errors import EXIT_OK, EXIT_USAGE, ModelError
from ferdesk.factory.models import measure_models
from ferdesk.paths import assets_folder

SHIFT_PX = 2.0


class StandIn:
    """What MediaPipe would say if it found our face two pixels further right."""

    version = "1.2.3"

    def __init__(self, _folder: Path) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def faces(self, image: np.ndarray) -> list[ReferenceFace]:
        from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
        from ferdesk.cli.compare import _of_ferdesk
        from ferdesk.paths import detectors_folder

        models = measure_models()
        frame = Frame(image, 0, 0.0, 0.0)
        (ours,) = _of_ferdesk(MediaPipeNetworks(detectors_folder(), models.networks), models, frame)
        points = ours.points + np.array([SHIFT_PX, 0, 0], np.float32)
        (movements,) = models.networks.movements([FaceLandmarks(points, 1.0)])
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = pose_matrix(
            models.face, points, image.shape[1], image.shape[0]
        )
        return [ReferenceFace(points, movements, matrix)]


def test_a_shift_is_told_in_shares_of_the_eyes_and_is_gone_from_the_same_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mediapipe_tasks, "MediaPipeLandmarker", StandIn)
    picture = assets_folder() / "demo" / "collins.webp"
    done = CliRunner().invoke(app, ["doctor", "--compare-mediapipe", "--json", str(picture)])
    assert done.exit_code == EXIT_OK, done.output
    told = json.loads(done.output)
    (face,) = told["faces"]
    assert (told["only_mediapipe"], told["only_ferdesk"]) == (0, 0)
    # about 140 pixels from eye to eye
    assert face["own"]["mean_landmark"] == pytest.approx(SHIFT_PX / 130, rel=0.2)
    assert face["from_same_points"]["mean_landmark"] == 0
    assert face["from_same_points"]["movement_off"] < 1e-5


def test_without_the_package_one_sentence_and_no_other_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    monkeypatch.setenv("https_proxy", "")
    with pytest.raises(ModelError, match=r"ferdesk\[mediapipe\]"):
        inspect.doctor(compare_mediapipe=True)


def test_files_without_the_comparison_are_a_mistake() -> None:
    done = CliRunner().invoke(app, ["doctor", "picture.png"])
    assert done.exit_code == EXIT_USAGE


def test_an_anonymous_video_is_not_left_to_a_detector_that_misses_faces() -> None:
    words = ["analyze", "demo", "--detector", "mediapipe", "--video-mode", "anonymous"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == EXIT_USAGE
    assert "anonymous video needs" in done.output
