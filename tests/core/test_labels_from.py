"""Labels from people's votes or from FER2013: which of a model's two answers is passed on."""

from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.geometry import Box, Framing
from ferdesk.core.labels import LABELS, lift_rare_labels
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import Detection, DeviceInfo, Expression, Frame, MapPlace, ModelInfo

DATA_SET = np.array([0.04, 0.06, 0.50, 0.10, 0.12, 0.08, 0.10], np.float32)
VOTES = np.array([0.08, 0.02, 0.04, 0.16, 0.10, 0.12, 0.48], np.float32)
CAM = np.arange(7 * 36, dtype=np.float32).reshape(7, 6, 6)
BOTH = Expression(DATA_SET, {"attention": CAM[0], "cam": CAM}, crowd=VOTES, crowd_cam=-CAM)
PLACE = MapPlace(2, 2, 8, -0.2, 0.3)
OTHER_PLACE = MapPlace(2, 2, 8, -0.4, 0.6)


def test_disgust_fear_and_anger_are_lifted_as_documented() -> None:
    lifted = lift_rare_labels(VOTES)
    # roots of .1 over .0860, .0175 and .0361
    weights = VOTES * np.array([1.07833, 2.39046, 1.66436, 1, 1, 1, 1])
    np.testing.assert_allclose(lifted, weights / weights.sum(), rtol=1e-4)
    assert lifted.dtype == np.float32
    assert lifted.sum() == pytest.approx(1, abs=1e-6)


def test_votes_bring_their_probabilities_and_their_class_activation() -> None:
    voted = BOTH.labelled_from("votes")
    np.testing.assert_array_equal(voted.probabilities, lift_rare_labels(VOTES))
    np.testing.assert_array_equal(voted.maps["cam"], -CAM)
    np.testing.assert_array_equal(voted.maps["attention"], CAM[0])
    assert voted.labels_from == "votes"
    assert voted.other is DATA_SET
    assert voted.crowd is VOTES


def test_fer2013s_label_leaves_the_classifiers_values_as_they_are() -> None:
    same = BOTH.labelled_from("fer2013")
    assert same is BOTH
    assert same.labels_from == "fer2013"
    assert same.other is VOTES


def test_a_class_activation_of_the_other_answer_is_not_shown() -> None:
    assert set(replace(BOTH, crowd_cam=None).labelled_from("votes").maps) == {"attention"}


def test_a_model_without_votes_has_no_choice() -> None:
    old = Expression(DATA_SET, {"cam": CAM})
    assert old.labelled_from("votes") is old
    assert old.other is None
    info = ModelInfo("old", "1", "", "", {}, "", "", {"cam": PLACE})
    assert info.labels_from("votes") == "fer2013"
    assert info.maps_of("votes") == {"cam": PLACE}


def test_the_maps_places_are_those_of_the_chosen_answer() -> None:
    places = {"attention": PLACE, "cam": PLACE}
    info = ModelInfo("n", "1", "", "", {}, "", "", places, True, OTHER_PLACE)  # type: ignore[arg-type]
    assert info.maps_of("fer2013") == places
    assert info.maps_of("votes") == {"attention": PLACE, "cam": OTHER_PLACE}
    assert replace(info, votes_cam=None).maps_of("votes") == {"attention": PLACE}


class Detector:
    def detect(self, image: np.ndarray) -> list[Detection]:
        return [Detection(Box(10, 10, 60, 60), 0.9, Framing(1.0, 0.0), 0.0)]

    def close(self) -> None:
        pass


class Classifier:
    info = ModelInfo("both", "1", "", "", {}, "", "", {}, has_votes=True)
    device = DeviceInfo("CPU", "")

    def classify(self, crops: np.ndarray) -> list[Expression]:
        return [BOTH for _ in crops]


def frame(index: int) -> Frame:
    return Frame(np.full((90, 90, 3), 90, np.uint8), index, index / 10, 0.0)


def test_what_was_chosen_goes_on_to_smoothing_label_and_result_and_begins_there_anew() -> None:
    pipeline = Pipeline(Detector(), Classifier(), post_processing=PostProcessing(1.0))
    (face,) = pipeline.process(frame(0)).faces
    assert (face.label, face.expression.labels_from) == ("neutral", "votes")
    np.testing.assert_allclose(face.smoothed, lift_rare_labels(VOTES), atol=1e-6)
    pipeline.set_post_processing(pipeline.post_processing.with_labels_from("fer2013"))
    (face,) = pipeline.process(frame(1)).faces
    # nothing of the votes is smoothed into it
    np.testing.assert_allclose(face.smoothed, DATA_SET, atol=1e-6)
    assert (face.label, face.expression.labels_from) == ("fear", "fer2013")


def test_other_labels_end_the_baselines_that_were_measured_on_these() -> None:
    from ferdesk.core.baseline import Baseline

    before = PostProcessing(0.7).with_baseline(3, Baseline((-1.0,) + 6 * (0.0,)))
    assert before.with_labels_from("votes") is before
    after = before.with_labels_from("fer2013")
    assert (after.baselines, after.smoothing_tau_s) == ({}, 0.7)
    assert after.table()["labels_from"] == "fer2013"


def test_the_labels_order_is_that_of_the_shares_that_lift() -> None:
    even = np.full(7, 1 / 7, np.float32)
    assert [LABELS[i] for i in np.argsort(-lift_rare_labels(even))[:3]] == [
        "disgust", "fear", "angry",
    ]  # fmt: skip
