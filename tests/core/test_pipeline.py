"""The flow of a frame, and what core may import."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import Detection, DeviceInfo, Expression, Frame, ModelInfo


class Detector:
    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes

    def detect(self, image: np.ndarray) -> list[Detection]:
        return [Detection(box, 0.9, SHORT_RANGE, 3.0) for box in self.boxes]

    def close(self) -> None:
        pass


class Classifier:
    info = ModelInfo("fake", "1", "", "", {}, "", "", {})
    device = DeviceInfo("CPU", "")

    def __init__(self) -> None:
        self.batches: list[int] = []

    def classify(self, crops: np.ndarray) -> list[Expression]:
        self.batches.append(len(crops))
        return [Expression(np.full(7, 1 / 7, np.float32)) for _ in crops]


def frame(index: int = 0) -> Frame:
    return Frame(np.full((240, 320, 3), 80, np.uint8), index, index / 30, 0.0)


def test_all_faces_of_a_frame_are_classified_in_one_run() -> None:
    classifier = Classifier()
    boxes = [Box(10 + 70 * i, 50, 50, 50) for i in range(4)]
    result = Pipeline(Detector(*boxes), classifier).process(frame())
    assert classifier.batches == [4]
    assert [face.face_id for face in result.faces] == [1, 2, 3, 4]


def test_a_frame_without_a_face_runs_no_network() -> None:
    classifier = Classifier()
    result = Pipeline(Detector(), classifier).process(frame())
    assert result.faces == ()
    assert classifier.batches == []


def test_a_fresh_pipeline_counts_its_faces_from_one() -> None:
    pipeline = Pipeline(Detector(Box(10, 10, 50, 50)), Classifier())
    pipeline.process(frame())
    assert pipeline.for_new_source().process(frame(9)).faces[0].face_id == 1


def test_the_picture_handed_on_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        frame().image[0, 0] = 1


def test_brightness_is_the_crops_mean_and_boxes_are_not_clipped() -> None:
    box = Box(-20, -20, 60, 60)
    face = Pipeline(Detector(box), Classifier()).process(frame()).faces[0]
    assert face.brightness == pytest.approx(80, abs=0.1)
    assert face.box == box


def test_core_works_where_no_vision_library_is_installed() -> None:
    code = (
        "import sys\n"
        "for name in ('cv2', 'PySide6', 'platformdirs', 'onnxruntime', 'torch'):\n"
        "    sys.modules[name] = None\n"
        "import ferdesk.core.pipeline, ferdesk.core.crop, ferdesk.core.heatmap\n"
        "import ferdesk.runtime.engine\n"
        "from ferdesk import Pipeline\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def crowd(count: int) -> Detector:
    return Detector(*(Box(10 + 60 * i, 50, 50, 50) for i in range(count)))


class SlowClassifier(Classifier):
    """Each face takes 20 ms of a clock that the test holds."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def classify(self, crops: np.ndarray) -> list[Expression]:
        self.now_s += 0.020 * len(crops)
        return super().classify(crops)


def test_a_tight_budget_classifies_fewer_faces_in_turn_and_shows_them_all() -> None:
    classifier = SlowClassifier()
    pipeline = Pipeline(crowd(4), classifier, clock=lambda: classifier.now_s)
    pipeline.set_pacing(FramePacing(1 / 30))
    results = [pipeline.process(frame(index)) for index in range(160)]
    assert all(len(result.faces) == 4 for result in results)
    # 20 ms a face leave room for one in a camera's interval, sometimes for two
    assert sum(classifier.batches[-30:]) < 1.6 * 30
    for face_id in range(1, 5):
        assert any(result.faces[face_id - 1].classified_now for result in results[-4:])
    assert not results[-1].complete


def test_every_face_is_classified_where_a_recording_wants_it_however_slow() -> None:
    classifier = SlowClassifier()
    pipeline = Pipeline(crowd(4), classifier, clock=lambda: classifier.now_s)
    pipeline.set_pacing(FramePacing(1 / 30, every_face=True))
    results = [pipeline.process(frame(index)) for index in range(40)]
    assert classifier.batches == [4] * 40
    assert all(result.complete for result in results)


def test_a_new_face_is_classified_at_once() -> None:
    classifier = SlowClassifier()
    detector = crowd(4)
    pipeline = Pipeline(detector, classifier, clock=lambda: classifier.now_s)
    pipeline.set_pacing(FramePacing(1 / 30))
    for index in range(60):
        pipeline.process(frame(index))
    detector.boxes = (*detector.boxes, Box(10, 150, 50, 50))
    newest = pipeline.process(frame(60)).faces[-1]
    assert (newest.face_id, newest.classified_now) == (5, True)


def test_the_two_halves_give_what_the_whole_gives() -> None:
    whole, halves = (Pipeline(crowd(2), Classifier()) for _ in range(2))
    for index in range(5):
        expected = whole.process(frame(index))
        got = halves.classify(halves.detect(frame(index)))
        assert [f.box for f in got.faces] == [f.box for f in expected.faces]
        assert [f.smoothed.tolist() for f in got.faces] == [
            f.smoothed.tolist() for f in expected.faces
        ]


def test_a_face_that_is_turned_away_is_not_judged_and_its_values_stay() -> None:
    class Turned(Detector):
        def detect(self, image: np.ndarray) -> list[Detection]:
            return [replace(found, yaw_deg=50.0) for found in super().detect(image)]

    box = Box(60, 60, 100, 100)
    (seen,) = Pipeline(Detector(box), Classifier()).process(frame(0)).faces
    (turned,) = Pipeline(Turned(box), Classifier()).process(frame(0)).faces
    assert (turned.low_confidence, turned.reason, turned.classifiable) == (True, "turned", False)
    assert turned.yaw_deg == 50
    np.testing.assert_array_equal(turned.smoothed, seen.smoothed)
