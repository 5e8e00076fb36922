"""MediaPipe's real package, where it is installed: the detector, the reference, and its silence."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.cli.compare import comparison
from ferdesk.core.geometry import Region
from ferdesk.paths import assets_folder, detectors_folder, mediapipe_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

pytest.importorskip("mediapipe", reason="ferdesk[mediapipe] is not installed")


@pytest.fixture
def portrait() -> np.ndarray:
    decoded = cv2.imread(str(assets_folder() / "demo" / "collins.webp"))
    assert decoded is not None
    return decoded[:, :, ::-1]


def test_it_finds_the_face_that_our_short_range_network_finds(portrait: np.ndarray) -> None:
    from ferdesk.adapters.networks.mediapipe_tasks import MediaPipeDetector

    (found,) = MediaPipeDetector(mediapipe_folder()).detect(portrait)
    height, width = portrait.shape[:2]
    whole = Region(0, 0, width, height)
    (ours,) = MediaPipeNetworks(detectors_folder()).detect_short_range(portrait, whole)
    # the network sees the face in 28 pixels, and the two resize the picture in their own ways
    assert found.box.iou(ours.box) > 0.75
    assert found.roll_deg == pytest.approx(ours.roll_deg, abs=12.0)


def test_ours_is_what_it_measures() -> None:
    demo = assets_folder() / "demo"
    result = comparison([demo / "collins.webp", demo / "hopper.webp"])
    assert len(result.faces) == 2
    for face in result.faces:
        assert face.own.mean_landmark < 0.02
        assert face.from_same_points.movement_off < 1e-3
        assert abs(face.from_same_points.yaw_deg) < 0.01


SCRIPT = """
import numpy as np
from ferdesk.adapters.networks.mediapipe_tasks import MediaPipeDetector
from ferdesk.paths import mediapipe_folder
detector = MediaPipeDetector(mediapipe_folder())
for side in (64, 200):
    detector.detect(np.zeros((side, side, 3), np.uint8))
detector.close()
MediaPipeDetector(mediapipe_folder())  # left to the end of the program
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_nothing_leaves_the_machine(tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    environment = {k: v for k, v in os.environ.items() if k.lower() != "https_proxy"}
    subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(trace), sys.executable,
         "-c", SCRIPT],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)}, check=True,
    )  # fmt: skip
    lines = [line for line in trace.read_text().splitlines() if "sin" in line]
    assert [line for line in lines if '"127.0.0.1"' not in line] == []
