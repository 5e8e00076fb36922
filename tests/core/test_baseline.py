"""A neutral baseline: the shift, its bounds, its collection, and its way through the pipeline."""

from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.baseline import MOST_SHIFT, Baseline, NeutralSeconds, offsets_table
from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box, Square
from ferdesk.core.labels import LABELS
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import (
    Detection,
    DeviceInfo,
    Expression,
    FaceResult,
    Frame,
    FrameResult,
    ModelInfo,
)

# a face that rests and looks sad to the network: angry .05, disgust .01, fear .04, happy .02,
# sad .50, surprise .02, neutral .36
RESTING = np.array([0.05, 0.01, 0.04, 0.02, 0.50, 0.02, 0.36], dtype=np.float32)


def test_the_shift_brings_a_resting_face_to_the_target() -> None:
    # the target's log-odds: log(.05 / .70) = -2.639057
    # from which sad's log(.50 / .36) leaves -2.967561, angry's log(.05 / .36) leaves -0.664976,
    # fear's log(.04 / .36) leaves -0.441833; the rest is below the target and stays
    baseline = Baseline.of(np.stack([RESTING] * 30))
    assert baseline.offsets == pytest.approx(
        (-0.664976, 0.0, -0.441833, 0.0, -2.967561, 0.0, 0.0), abs=1e-5
    )
    assert baseline.num_frames == 30
    after = baseline.apply(RESTING)
    # sad .50 e^-2.967561 = .025714, angry .025714, fear .025714, with the rest .487143 in all
    assert after == pytest.approx(
        [0.052786, 0.020528, 0.052786, 0.041056, 0.052786, 0.041056, 0.739003], abs=1e-4
    )
    assert after.sum() == pytest.approx(1.0)
    assert after.dtype == np.float32


def test_the_mean_is_of_the_logits_not_of_the_probabilities() -> None:
    strong = np.array([0.01, 0.01, 0.01, 0.01, 0.80, 0.01, 0.15], dtype=np.float32)
    # mean log-odds of sad: (log(.50/.36) + log(.80/.15)) / 2 = 1.001250, over the bound
    assert Baseline.of(np.stack([RESTING, strong])).offsets[LABELS.index("sad")] == -MOST_SHIFT


def test_a_face_that_reads_neutral_already_is_left_as_it_is() -> None:
    neutral = np.array([0.02, 0.01, 0.02, 0.02, 0.03, 0.01, 0.89], dtype=np.float32)
    baseline = Baseline.of(neutral[None])
    assert baseline.offsets == (0.0,) * 7
    assert baseline.apply(RESTING) == pytest.approx(RESTING, abs=1e-6)


def test_a_strong_expression_stays_visible_over_any_baseline() -> None:
    worst = Baseline((0.0, 0.0, 0.0, 0.0, -MOST_SHIFT, 0.0, 0.0))
    weeping = np.array([0.01, 0.0, 0.01, 0.0, 0.96, 0.0, 0.02], dtype=np.float32)
    # .96 e^-3 = .047796 against .04
    assert worst.apply(weeping)[LABELS.index("sad")] == pytest.approx(0.54440, abs=1e-4)


def test_a_probability_of_zero_is_no_accident() -> None:
    certain = np.array([0, 0, 0, 1, 0, 0, 0], dtype=np.float32)
    baseline = Baseline.of(certain[None])
    assert baseline.offsets[LABELS.index("happy")] == -MOST_SHIFT
    assert np.isfinite(baseline.apply(certain)).all()


def test_what_is_lowered_is_told_the_most_first() -> None:
    baseline = Baseline.of(RESTING[None])
    assert [label for label, _ in baseline.lowered] == ["sad", "angry", "fear"]
    table = offsets_table(baseline)
    assert table is not None
    assert list(table) == list(LABELS)
    assert offsets_table(None) is None


def result(t_s: float, *face_ids: int, classified_now: bool = True) -> FrameResult:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), round(t_s * 10), t_s, t_s)
    box, square = Box(0, 0, 50, 50), Square(0, 0, 50)
    faces = tuple(
        FaceResult(
            face_id,
            box,
            square,
            0.9,
            Expression(RESTING),
            RESTING,
            False,
            0.0,
            1.0,
            1.0,
            classified_now,
        )
        for face_id in face_ids
    )
    return FrameResult(frame, faces, 1.0, {})


def test_three_seconds_are_collected_and_counted() -> None:
    seconds = NeutralSeconds(2)
    said = [seconds.add(result(5 + i / 10, 1, 2)) for i in range(31)]
    assert said == ["running"] * 30 + ["done"]
    assert seconds.share == 1.0
    half = NeutralSeconds(2)
    assert half.share == 0.0
    half.add(result(5.0, 2))
    half.add(result(6.2, 2))
    assert half.share == pytest.approx(0.4)
    assert seconds.baseline() == replace(Baseline.of(RESTING[None]), num_frames=31)
    label, share = seconds.most_seen()
    assert label == "sad"
    assert share == pytest.approx(0.5)


def test_a_short_absence_is_forgiven_and_a_long_one_ends_it() -> None:
    seconds = NeutralSeconds(2)
    assert seconds.add(result(0.0, 2)) == "running"
    assert seconds.add(result(0.4, 1)) == "running"
    assert seconds.add(result(0.5, 2)) == "running"
    assert seconds.add(result(0.9, 1)) == "running"
    assert seconds.add(result(1.1, 1)) == "lost"


def test_a_face_that_was_never_there_is_lost() -> None:
    seconds = NeutralSeconds(7)
    assert seconds.add(result(0.0, 1)) == "running"
    assert seconds.add(result(0.6, 1)) == "lost"


def test_a_source_that_begins_anew_ends_it() -> None:
    seconds = NeutralSeconds(2)
    seconds.add(result(4.0, 2))
    assert seconds.add(result(0.0, 2)) == "lost"


def test_other_labels_begin_the_seconds_anew() -> None:
    seconds = NeutralSeconds(2)
    for i in range(20):
        assert seconds.add(result(i / 10, 2)) == "running"
    others = []
    for i in range(20, 51):
        one = result(i / 10, 2)
        voted = Expression(RESTING[::-1].copy(), fer2013=RESTING)
        others.append(seconds.add(replace(one, faces=(replace(one.faces[0], expression=voted),))))
    assert others == ["running"] * 30 + ["done"]
    assert seconds.baseline() == replace(Baseline.of(RESTING[None, ::-1]), num_frames=31)


def test_old_classifications_are_not_counted_again() -> None:
    seconds = NeutralSeconds(2)
    for i in range(40):
        assert seconds.add(result(i / 10, 2, classified_now=i == 0)) == "running"
    assert [seconds.add(result(4 + i / 10, 2)) for i in range(4)][-1] == "done"


class Detector:
    def detect(self, image: np.ndarray) -> list[Detection]:
        boxes = (Box(10, 50, 60, 60), Box(200, 50, 60, 60))
        return [Detection(box, 0.9, SHORT_RANGE, 0.0) for box in boxes]

    def close(self) -> None:
        pass


class Classifier:
    info = ModelInfo("fake", "1", "", "", {}, "", "", {})
    device = DeviceInfo("CPU", "")

    def classify(self, crops: np.ndarray) -> list[Expression]:
        return [Expression(RESTING) for _ in crops]


def frame(index: int) -> Frame:
    # with grain, since a flat face is too blurred to be classified
    grain = np.random.default_rng(0).integers(60, 100, (240, 320, 3), dtype=np.uint8)
    return Frame(grain, index, index / 30, 0.0)


def test_the_pipeline_shifts_one_face_and_keeps_the_raw_values() -> None:
    pipeline = Pipeline(
        Detector(), Classifier(), post_processing=PostProcessing(smoothing_tau_s=0.0)
    )
    pipeline.process(frame(0))
    pipeline.set_post_processing(
        pipeline.post_processing.with_baseline(1, Baseline.of(RESTING[None]))
    )
    first, second = pipeline.process(frame(1)).faces
    assert first.label == "neutral"
    assert first.baseline_applied
    assert first.smoothed[6] == pytest.approx(0.739, abs=1e-3)
    assert np.array_equal(first.expression.probabilities, RESTING)
    assert second.label == "sad"
    assert not second.baseline_applied
    pipeline.set_post_processing(pipeline.post_processing.with_baseline(1, None))
    assert pipeline.process(frame(2)).faces[0].label == "sad"


def test_another_source_has_other_people() -> None:
    tuned = PostProcessing(smoothing_tau_s=0.0).with_baseline(1, Baseline.of(RESTING[None]))
    fresh = Pipeline(Detector(), Classifier(), post_processing=tuned).for_new_source()
    assert fresh.post_processing == PostProcessing(smoothing_tau_s=0.0)


def test_the_rule_for_uncertain_can_be_changed() -> None:
    pipeline = Pipeline(
        Detector(), Classifier(), post_processing=PostProcessing(confidence_threshold=0.6)
    )
    assert pipeline.process(frame(0)).faces[0].low_confidence
    pipeline.set_post_processing(PostProcessing(confidence_threshold=0.3))
    assert not pipeline.process(frame(1)).faces[0].low_confidence
