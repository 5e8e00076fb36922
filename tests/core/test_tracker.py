"""Faces keep their ids."""

import numpy as np

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.tracking.tracker import Tracker
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
    ann, ben = look(1, -1, 0, 0), look(0, 0, 1, -1)
    tracker = Tracker()
    tracker.update([face(0), face(300)], 0.0, [ann, ben])
    for step in range(1, 20):
        tracker.update([face(0), face(60, side=90)], step / 30, [ben, ben])
    assert [t.face_id for t in tracker.update([face(0)], 1.0, [ann])] == [1]
