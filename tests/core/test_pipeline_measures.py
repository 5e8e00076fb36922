"""Measures in the flow of a frame: whose turn it is, and what the result says."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.geometry import Box
from ferdesk.core.measurer import MeasureModels, Measurer
from ferdesk.core.measures.framing import TurnedSquare
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import STAGES, Expression, FrameResult
from ferdesk.errors import ModelError
from tests.core.test_pipeline import Classifier, Detector, crowd, frame
from tests.helpers.landmarks import CANONICAL, FakeLandmarks


class SlowLandmarks(FakeLandmarks):
    """Each face takes some of a clock that the test holds."""

    now_s = 0.0
    each_s = 0.016

    def landmarks(self, image: np.ndarray, squares: Sequence[TurnedSquare]) -> list[FaceLandmarks]:
        self.now_s += self.each_s * len(squares)
        return super().landmarks(image, squares)


def pipeline_of(
    networks: FakeLandmarks, detector: Detector, parameters: PostProcessing
) -> Pipeline:
    return Pipeline(
        detector,
        Classifier(),
        post_processing=parameters,
        measurer=Measurer(lambda: MeasureModels(networks, CANONICAL)),
        clock=lambda: getattr(networks, "now_s", 0.0),
    )


ALL = PostProcessing(measures="all")


def measured_now(result: FrameResult) -> list[int]:
    return [
        face.face_id
        for face in result.faces
        if face.measures is not None and face.measures.measured_now
    ]


def test_without_a_clock_every_face_of_every_frame_is_measured() -> None:
    networks = FakeLandmarks()
    pipeline = pipeline_of(networks, crowd(5), ALL)
    for index in range(3):
        result = pipeline.process(frame(index))
        assert measured_now(result) == [1, 2, 3, 4, 5]
        assert {face.unmeasured for face in result.faces} == {""}
    assert networks.num_landmarks == networks.num_movements == 15


def test_off_costs_nothing() -> None:
    networks = FakeLandmarks()
    face = pipeline_of(networks, crowd(2), PostProcessing()).process(frame()).faces[0]
    assert (face.measures, face.unmeasured) == (None, "off")
    assert networks.num_landmarks == 0


def test_a_result_has_the_measured_angles_where_there_are_some() -> None:
    networks = FakeLandmarks(yaw_deg=20)
    pipeline = pipeline_of(networks, Detector(Box(50, 60, 80, 80)), ALL)
    face = pipeline.process(frame()).faces[0]
    assert face.yaw_deg == pytest.approx(20, abs=2)
    assert face.roll_deg == pytest.approx(0, abs=1)
    networks.presence = 0.1
    face = pipeline.process(frame(1)).faces[0]
    # the detector's estimate
    assert (face.yaw_deg, face.roll_deg, face.unmeasured) == (0.0, 3.0, "hidden")


def test_measures_can_be_switched_between_frames() -> None:
    networks = FakeLandmarks()
    pipeline = pipeline_of(networks, crowd(1), ALL)
    assert pipeline.process(frame()).faces[0].measures is not None
    pipeline.set_post_processing(PostProcessing())
    face = pipeline.process(frame(1)).faces[0]
    assert (face.measures, face.unmeasured) == (None, "off")
    pipeline.set_post_processing(PostProcessing(measures="pose"))
    measures = pipeline.process(frame(2)).faces[0].measures
    assert measures is not None
    assert measures.movements is None


def test_live_faces_are_measured_in_turn_and_none_waits_for_ever() -> None:
    networks = SlowLandmarks()
    pipeline = pipeline_of(networks, crowd(4), ALL)
    pipeline.set_pacing(FramePacing(1 / 30))
    results = [pipeline.process(frame(index)) for index in range(60)]
    # 16 ms a face leave room for one in half of a camera's interval
    turns = [measured_now(result) for result in results]
    assert sum(len(one) for one in turns[-30:]) < 1.6 * 30
    for face_id in (1, 2, 3, 4):
        assert any(face_id in one for one in turns[-6:])
    # and who waits is shown all the same
    assert all(face.measures is not None for face in results[-1].faces)


def test_live_the_chosen_face_has_about_every_second_turn() -> None:
    networks = SlowLandmarks()
    pipeline = pipeline_of(networks, crowd(5), replace(ALL, chosen_face=3))
    pipeline.set_pacing(FramePacing(1 / 30))
    turns = [measured_now(pipeline.process(frame(index))) for index in range(90)][-40:]
    counts = {face_id: sum(face_id in one for one in turns) for face_id in range(1, 6)}
    assert counts[3] > 2 * max(count for face_id, count in counts.items() if face_id != 3)
    assert min(counts.values()) > 0


def test_live_a_slow_machine_measures_one_face_in_some_frames() -> None:
    networks = SlowLandmarks()
    networks.each_s = 0.060
    pipeline = pipeline_of(networks, crowd(1), ALL)
    pipeline.set_pacing(FramePacing(1 / 30))
    turns = [measured_now(pipeline.process(frame(index))) for index in range(200)]
    assert 0.05 < np.mean([len(one) for one in turns[-60:]]) < 0.6


def test_live_measures_are_shown_without_a_break_on_a_machine_that_is_far_too_slow() -> None:
    networks = SlowLandmarks()
    networks.each_s = 0.120
    pipeline = pipeline_of(networks, crowd(1), ALL)
    pipeline.set_pacing(FramePacing(1 / 30))
    # of thirty pictures a second four are analysed
    results = [pipeline.process(frame(8 * index)) for index in range(80)]
    assert all(result.faces[0].measures is not None for result in results)
    assert 0.3 < np.mean([len(measured_now(result)) for result in results[-40:]]) < 0.7


def test_live_a_frame_is_measured_while_it_is_classified() -> None:
    began = threading.Barrier(2, timeout=5.0)

    class Meeting(SlowLandmarks):
        def landmarks(
            self, image: np.ndarray, squares: Sequence[TurnedSquare]
        ) -> list[FaceLandmarks]:
            began.wait()
            return super().landmarks(image, squares)

    class MeetingClassifier(Classifier):
        def classify(self, crops: np.ndarray) -> list[Expression]:
            began.wait()
            return super().classify(crops)

    pipeline = pipeline_of(Meeting(), crowd(1), ALL)
    pipeline.classifier = MeetingClassifier()
    pipeline.set_pacing(FramePacing(1 / 30))
    assert measured_now(pipeline.process(frame())) == [1]


def test_live_a_network_that_cannot_be_loaded_is_told_of() -> None:
    def refuse() -> MeasureModels:
        raise ModelError("The network is damaged.")

    pipeline = pipeline_of(SlowLandmarks(), crowd(1), ALL)
    pipeline.measurer = Measurer(refuse)
    pipeline.set_pacing(FramePacing(1 / 30))
    with pytest.raises(ModelError, match="damaged"):
        pipeline.process(frame())


def test_the_time_that_measuring_takes_is_a_stage_of_its_own() -> None:
    networks = SlowLandmarks()
    result = pipeline_of(networks, crowd(2), ALL).process(frame())
    assert tuple(result.stage_ms) == STAGES
    assert result.stage_ms["measure"] == pytest.approx(32)
    assert result.stage_ms["classify"] == result.stage_ms["smooth"] == 0


def test_another_source_begins_with_other_faces() -> None:
    networks = FakeLandmarks()
    pipeline = pipeline_of(networks, crowd(1), replace(ALL, chosen_face=1))
    other = pipeline.for_new_source()
    assert other.post_processing == ALL
    assert other.process(frame()).faces[0].measures is not None
