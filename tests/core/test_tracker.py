"""Faces keep their ids."""

import math

import numpy as np
import pytest

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.tracking.tracker import Tracker, _cost, _occluded, _Track
from ferdesk.core.types import Detection


def face(x: float, y: float = 100, side: float = 100, *, confirmed: bool = True) -> Detection:
    return Detection(Box(x, y, side, side), 0.9, SHORT_RANGE, 0.0, confirmed)


def ids(tracker: Tracker, detections: list[Detection], t_s: float) -> list[int]:
    return [tracked.face_id for tracked in tracker.update(detections, t_s)]


def test_a_moving_face_keeps_its_id() -> None:
    tracker = Tracker()
    for step in range(30):
        assert ids(tracker, [face(10.0 * step)], step / 30) == [1]


def test_two_faces_keep_their_ids_whatever_the_order() -> None:
    tracker = Tracker()
    assert ids(tracker, [face(0), face(400)], 0.0) == [1, 2]
    tracked = tracker.update([face(402), face(3)], 0.03)
    assert {t.face_id: t.detection.box.x for t in tracked} == {1: 3, 2: 402}


def test_an_id_survives_half_a_second_of_loss() -> None:
    tracker = Tracker()
    assert ids(tracker, [face(0)], 0.0) == [1]
    for step in range(1, 15):
        assert ids(tracker, [], step / 30) == []
    assert ids(tracker, [face(5)], 0.5) == [1]


def test_a_face_that_comes_back_later_gets_a_new_id() -> None:
    tracker = Tracker()
    assert ids(tracker, [face(0)], 0.0) == [1]
    assert ids(tracker, [face(0)], 2.0) == [2]


def test_ids_are_never_used_again() -> None:
    tracker = Tracker()
    seen = [ids(tracker, [face(0)], 5.0 * step)[0] for step in range(4)]
    assert seen == [1, 2, 3, 4]


def test_a_lost_face_is_not_in_the_result() -> None:
    tracker = Tracker()
    tracker.update([face(0), face(400)], 0.0)
    assert ids(tracker, [face(400)], 0.03) == [2]


def test_people_who_cross_keep_their_ids() -> None:
    tracker = Tracker()
    for step in range(40):
        left, right = face(20.0 * step, y=100), face(800 - 20.0 * step, y=130)
        tracked = tracker.update([right, left] if step % 2 else [left, right], step / 30)
        by_id = {t.face_id: t.detection.box.x for t in tracked}
        assert by_id == {1: left.box.x, 2: right.box.x}, step


def test_a_far_larger_face_is_another_face() -> None:
    tracker = Tracker()
    tracker.update([face(0, side=50)], 0.0)
    assert ids(tracker, [face(0, side=200)], 0.03) == [2]


def test_a_clock_that_runs_backwards_forgets_the_faces() -> None:
    tracker = Tracker()
    tracker.update([face(0)], 10.0)
    assert ids(tracker, [face(0)], 0.0) == [2]


def test_an_unconfirmed_detection_continues_a_track_and_begins_none() -> None:
    tracker = Tracker()
    assert ids(tracker, [face(0, confirmed=False)], 0.0) == []
    assert ids(tracker, [face(0)], 0.03) == [1]
    assert ids(tracker, [face(2, confirmed=False), face(400, confirmed=False)], 0.06) == [1]


def test_an_id_survives_a_full_second_of_loss() -> None:
    tracker = Tracker()
    for step in range(10):
        assert ids(tracker, [face(2.0 * step)], step / 30) == [1]
    assert ids(tracker, [face(40)], 9 / 30 + 1.0) == [1]


def test_the_pairing_is_the_best_for_all_together() -> None:
    # each detection alone is nearest to face 2; only together is it plain who is who
    tracker = Tracker()
    tracker.update([face(0), face(50)], 0.0)
    tracked = tracker.update([face(30), face(80)], 0.1)
    assert {t.face_id: t.detection.box.x for t in tracked} == {1: 30, 2: 80}


def look(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def test_two_people_who_hide_each_other_are_told_apart_by_their_looks() -> None:
    ann, ben = look(1, -1, 0, 0), look(0, 0, 1, -1)
    tracker = Tracker()
    for step in range(15):
        tracker.update([face(20.0 * step), face(580 - 20.0 * step)], step / 30, [ann, ben])
    # they meet, only Ann is seen, and both turn back where they came from
    assert [t.face_id for t in tracker.update([face(290)], 0.6, [ann])] == [1]
    tracked = tracker.update([face(230), face(350)], 0.7, [ann, ben])
    assert {t.face_id: t.detection.box.x for t in tracked} == {1: 230, 2: 350}


def test_a_stranger_in_the_place_of_one_who_left_gets_an_id_of_their_own() -> None:
    tracker = Tracker()
    tracker.update([face(100)], 0.0, [look(1, -1, 0, 0)])
    assert [t.face_id for t in tracker.update([face(100)], 0.6, [look(0, 0, 1, -1)])] == [2]


def test_a_covered_face_does_not_take_on_the_look_of_what_covers_it() -> None:
    # Ben's head is before Ann's for long enough that hers would have become his; then she is not
    # seen for so long that she must look like herself to be known again
    ann, ben = look(1, -1, 0, 0), look(0, 0, 1, -1)
    tracker = Tracker()
    tracker.update([face(0), face(300)], 0.0, [ann, ben])
    for step in range(1, 20):
        tracker.update([face(0), face(60, side=90)], step / 30, [ben, ben])
    assert [t.face_id for t in tracker.update([face(0)], 1.1, [ann])] == [1]


@pytest.mark.parametrize("t_s", [0.1, 0.45])
def test_the_filter_is_the_textbooks_for_a_velocity_that_decays(t_s: float) -> None:
    box = Box(0, 0, 100, 100)
    track = _Track(1, box, 0.0, 0.0, velocity_x=30.0, velocity_y=-20.0)
    tau_s, r = 0.35, 0.06**2
    decay = math.exp(-t_s / tau_s)
    step = np.array([[1.0, tau_s * (1 - decay)], [0.0, decay]])
    # white acceleration noise of 8 sides a second squared
    noise = 64 * np.array([[t_s**3 / 3, t_s**2 / 2], [t_s**2 / 2, t_s]])
    covariance = step @ np.diag([r, 4.0]) @ step.T + noise
    predicted = track.kalman_predict(t_s)
    assert (predicted.box.x, predicted.box.y) == pytest.approx((30 * step[0, 1], -20 * step[0, 1]))
    assert (predicted.box.width, predicted.box.height) == (100, 100)
    assert (predicted.velocity_x, predicted.velocity_y) == pytest.approx((30 * decay, -20 * decay))
    assert (predicted.position_var, predicted.cross_var, predicted.velocity_var) == pytest.approx(
        (covariance[0, 0], covariance[0, 1], covariance[1, 1])
    )
    gain = covariance[:, 0] / (covariance[0, 0] + r)
    seen = Box(predicted.box.x + 12.0, predicted.box.y - 7.0, 100, 100)
    updated = predicted.kalman_update(seen, None, occluded=False)
    expected = covariance - np.outer(gain, covariance[0])
    assert updated.box == seen
    assert (updated.velocity_x, updated.velocity_y) == pytest.approx(
        (30 * decay + 12 * gain[1], -20 * decay - 7 * gain[1])
    )
    assert (updated.position_var, updated.cross_var, updated.velocity_var) == pytest.approx(
        (expected[0, 0], expected[0, 1], expected[1, 1])
    )
    # a jump of nine sides a frame is no speed of a face: ten sides a second at most
    jumped = predicted.kalman_update(Box(900, -900, 100, 100), None, occluded=False)
    assert (jumped.velocity_x, jumped.velocity_y) == (1000, -1000)


def test_the_cost_of_a_pair_is_known() -> None:
    ann = look(1, 0)
    track = _Track(1, Box(0, 0, 100, 100), 0.0, 0.0, appearance=ann)

    def cost(box: Box, appearance: np.ndarray | None = None, t_s: float = 0.1) -> float:
        return _cost(track, box, appearance, t_s)

    # 6 pixels are 0.06 sides, over sqrt(0.06^2 + 0.06^2): 0.5 in squared deviations
    assert cost(Box(6, 0, 100, 100)) == pytest.approx(0.5)
    assert cost(Box(0, -6, 100, 100)) == pytest.approx(0.5)
    # (log(1.1) / 0.25)^2, with the centre in its place
    assert cost(Box(-5, -5, 110, 110)) == pytest.approx(0.145345, abs=1e-5)
    # cosine similarity 0.6 adds 10 * 0.4
    assert cost(Box(0, 0, 100, 100), look(0.6, 0.8)) == pytest.approx(4.0)
    # the gate: four deviations are 33.94 pixels here, and twice the side is another face
    assert cost(Box(33.9, 0, 100, 100)) == pytest.approx((0.339**2) / 0.0072)
    assert cost(Box(34.0, 0, 100, 100)) == math.inf
    assert cost(Box(-49.9, -49.9, 199.8, 199.8)) < math.inf
    assert cost(Box(-50.1, -50.1, 200.2, 200.2)) == math.inf
    assert cost(Box(25.1, 25.1, 49.8, 49.8)) == math.inf
    # the re-identification gate holds after 0.4 s of loss, below a similarity of 0.1
    assert cost(Box(0, 0, 100, 100), look(0.09, 1), 0.41) == math.inf
    assert cost(Box(0, 0, 100, 100), look(0.09, 1), 0.39) < math.inf
    assert cost(Box(0, 0, 100, 100), look(0.11, 1), 0.41) < math.inf


def test_an_appearance_follows_by_fifteen_percent_and_keeps_its_norm() -> None:
    track = _Track(1, Box(0, 0, 100, 100), 0.0, 0.0, appearance=look(1, 0))
    updated = track.kalman_update(track.box, look(0, 1), occluded=False).appearance
    # the mean of both, 0.85 to 0.15, has the norm 0.863134
    assert updated == pytest.approx([0.984783, 0.173785], abs=1e-5)
    assert track.kalman_update(track.box, look(0, 1), occluded=True).appearance is track.appearance
    bare = _Track(1, Box(0, 0, 100, 100), 0.0, 0.0)
    first = bare.kalman_update(bare.box, look(0, 1), occluded=True).appearance
    assert first == pytest.approx([0, 1])


def test_boxes_that_share_three_tenths_of_the_smaller_occlude_each_other() -> None:
    large, wide = Box(0, 0, 100, 100), Box(0, 0, 100, 20)
    assert _occluded([large, Box(69, 0, 100, 100)]) == [True, True]
    assert _occluded([large, Box(71, 0, 100, 100)]) == [False, False]
    assert _occluded([large, Box(40, 40, 10, 10), Box(300, 0, 50, 50)]) == [True, True, False]
    # crossing strips: 20 x 20 of 2000
    assert _occluded([wide, Box(0, -40, 20, 100)]) == [False, False]
    assert _occluded([]) == []


def test_a_lost_face_is_known_for_a_second_and_a_quarter() -> None:
    for lost_s, face_id in [(1.24, 1), (1.26, 2)]:
        tracker = Tracker()
        tracker.update([face(0)], 0.0)
        assert ids(tracker, [face(0)], lost_s) == [face_id]


ANN, LIKE_ANN, NOT_ANN = (1, 0, 0, 0), (0.86, 0.51, 0, 0), (0.84, 0.54, 0, 0)


@pytest.mark.parametrize(
    ("wait_s", "x", "values", "face_id"),
    [
        (2.9, 60, LIKE_ANN, 1),
        # who looks otherwise, or stands elsewhere, may be another person
        (2.9, 60, NOT_ANN, 2),
        (2.9, 110, LIKE_ANN, 2),
        (3.1, 0, ANN, 2),
    ],
)
def test_a_face_keeps_its_id_over_seconds_in_which_nobody_looked(
    wait_s: float, x: float, values: tuple[float, ...], face_id: int
) -> None:
    tracker = Tracker()
    for step in range(10):
        # it hurries, but who knows for how long
        tracker.update([face(20.0 * step - 180)], step / 30, [look(*ANN)])
    tracked = tracker.update([face(x)], 0.3 + wait_s, [look(*values)])
    assert [one.face_id for one in tracked] == [face_id]


def test_a_face_that_was_looked_for_keeps_its_id_no_longer_for_its_looks() -> None:
    tracker = Tracker()
    tracker.update([face(0)], 0.0, [look(*ANN)])
    tracker.update([], 0.5, [])
    assert [t.face_id for t in tracker.update([face(0)], 2.0, [look(*ANN)])] == [2]


def test_of_two_who_stand_close_each_is_continued_by_who_looks_the_same() -> None:
    ann, ben = look(*ANN), look(0, 0, 1, 0)
    tracker = Tracker()
    tracker.update([face(0), face(60)], 0.0, [ann, ben])
    tracked = tracker.update([face(0), face(60)], 2.0, [ben, ann])
    assert {t.face_id: t.detection.box.x for t in tracked} == {1: 60, 2: 0}


def test_no_loss_lets_a_face_jump_further_than_one_and_a_half_sides() -> None:
    for x, face_id in [(155, 1), (165, 2)]:
        tracker = Tracker()
        tracker.update([face(0)], 0.0)
        assert ids(tracker, [face(x)], 0.5) == [face_id]
