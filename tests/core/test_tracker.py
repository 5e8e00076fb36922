"""Faces keep their ids."""

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.tracker import Tracker
from ferdesk.core.types import Box, Detection


def face(x: float, y: float = 100, side: float = 100, *, sure: bool = True) -> Detection:
    return Detection(Box(x, y, side, side), 0.9, SHORT_RANGE, 0.0, sure)


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


def test_an_unsure_find_continues_a_face_and_begins_none() -> None:
    tracker = Tracker()
    assert ids(tracker, [face(0, sure=False)], 0.0) == []
    assert ids(tracker, [face(0)], 0.03) == [1]
    assert ids(tracker, [face(2, sure=False), face(400, sure=False)], 0.06) == [1]
