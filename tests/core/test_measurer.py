"""The measurer: whom it measures, what it remembers, and why it leaves somebody out."""

from collections.abc import Sequence

import numpy as np
import pytest

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.measurer import MeasureModels, Measurer
from ferdesk.core.measures.framing import TurnedSquare
from ferdesk.core.measures.movements import MOVEMENTS, mirrored
from ferdesk.core.types import Detection
from tests.helpers.landmarks import CANONICAL, SMILE, FakeLandmarks

IMAGE = np.full((360, 640, 3), 120, np.uint8)


def face(x: float = 100.0, width: float = 80.0) -> Detection:
    return Detection(Box(x, 60.0, width, width), 0.9, SHORT_RANGE, roll_deg=5.0)


def measurer_of(networks: FakeLandmarks) -> Measurer:
    return Measurer(lambda: MeasureModels(networks, CANONICAL))


def test_switched_off_it_opens_nothing() -> None:
    def never() -> MeasureModels:
        raise AssertionError

    measured = Measurer(never).measure(IMAGE, {1: face()}, [1], 0.0, "off")
    assert (measured.faces, measured.reasons) == ({}, {1: "off"})


def test_landmarks_and_pose_alone_cost_no_movements() -> None:
    networks = FakeLandmarks(yaw_deg=20)
    one = measurer_of(networks).measure(IMAGE, {4: face()}, [4], 0.0, "pose").faces[4]
    assert one.pose.yaw_deg == pytest.approx(20, abs=2)
    assert (one.movements, one.openness, one.gaze, one.blink_rate) == (None,) * 4
    assert networks.num_movements == 0
    assert networks.squares == [TurnedSquare(140.0, 100.0, 120.0, 5.0)]


def test_all_measures_come_with_all() -> None:
    one = measurer_of(FakeLandmarks()).measure(IMAGE, {4: face()}, [4], 0.0, "all").faces[4]
    assert one.movements == pytest.approx(SMILE)
    assert one.openness is not None
    assert one.gaze is not None
    assert one.measured_now
    assert one.smoothed == pytest.approx(one.landmarks.points)


def test_a_face_that_the_network_does_not_see_has_no_measures_and_a_reason() -> None:
    networks = FakeLandmarks()
    measurer = measurer_of(networks)
    assert 4 in measurer.measure(IMAGE, {4: face()}, [4], 0.0, "all").faces
    networks.presence = 0.3
    measured = measurer.measure(IMAGE, {4: face()}, [4], 0.04, "all")
    # nor are those from before shown
    assert (measured.faces, measured.reasons) == ({}, {4: "hidden"})
    assert measurer.measure(IMAGE, {4: face()}, [], 0.08, "all").faces == {}


def test_a_face_of_20_pixels_is_too_small() -> None:
    networks = FakeLandmarks()
    measured = measurer_of(networks).measure(IMAGE, {4: face(width=20.0)}, [4], 0.0, "all")
    assert measured.reasons == {4: "small"}
    assert networks.num_landmarks == 0


def test_a_face_that_waits_keeps_its_measures_for_a_while_and_says_so() -> None:
    measurer = measurer_of(FakeLandmarks())
    both = {4: face(), 7: face(300.0)}
    assert measurer.measure(IMAGE, both, [4], 0.0, "all").reasons == {4: "", 7: "waiting"}
    measured = measurer.measure(IMAGE, both, [7], 0.1, "all")
    assert measured.reasons == {4: "waiting", 7: ""}
    assert not measured.faces[4].measured_now
    assert measured.faces[7].measured_now
    assert 4 not in measurer.measure(IMAGE, both, [7], 0.8, "all").faces


def test_what_is_drawn_of_a_face_that_waits_moves_with_its_box() -> None:
    measurer = measurer_of(FakeLandmarks())
    before = measurer.measure(IMAGE, {4: face()}, [4], 0.0, "all").faces[4]
    # its left and upper edges moved by 30 and 0, and it is half as large again
    after = measurer.measure(IMAGE, {4: face(130.0, 120.0)}, [], 0.1, "all").faces[4]
    wanted = (before.smoothed - [140.0, 100.0, 0.0]) * 1.5 + [190.0, 120.0, 0.0]
    assert after.smoothed == pytest.approx(wanted, abs=1e-3)
    assert after.smoothed.dtype == np.float32
    # the landmarks themselves are what was measured
    assert after.landmarks is before.landmarks
    still = measurer.measure(IMAGE, {4: face()}, [], 0.2, "all").faces[4]
    assert still.smoothed == pytest.approx(before.smoothed, abs=1e-3)


def test_a_face_that_one_frame_lacks_keeps_its_rate_of_blinks_and_one_that_left_does_not() -> None:
    measurer = measurer_of(FakeLandmarks())

    def rate_after(times: Sequence[float]) -> float | None:
        rates = [
            measurer.measure(IMAGE, {4: face()}, [4], t_s, "all").faces[4].blink_rate
            for t_s in times
        ]
        return rates[-1]

    steps = np.arange(0, 12, 0.1).tolist()
    assert rate_after(steps) == 0
    assert measurer.measure(IMAGE, {}, [], 12.0, "all").faces == {}
    assert rate_after([12.1, 12.2]) == 0
    assert measurer.measure(IMAGE, {}, [], 23.0, "all").faces == {}
    assert rate_after([23.1, 23.2]) is None


def test_faces_of_one_frame_go_through_the_network_at_once() -> None:
    networks = FakeLandmarks()
    measured = measurer_of(networks).measure(IMAGE, {1: face(), 2: face(300.0)}, [2, 1], 0.0, "all")
    assert set(measured.faces) == {1, 2}
    assert [one.center_x for one in networks.squares] == [340.0, 140.0]


def test_the_mean_with_the_mirror_image_swaps_sides_and_squares() -> None:
    networks = FakeLandmarks()
    one = measurer_of(networks).measure(IMAGE, {4: face()}, [4], 0.0, "mean").faces[4]
    assert one.movements == pytest.approx((SMILE + mirrored(SMILE)) / 2)
    assert one.movements is not None
    left, right = (MOVEMENTS.index(f"mouthSmile{side}") for side in ("Left", "Right"))
    assert one.movements[left] == one.movements[right]
    assert networks.squares == [TurnedSquare(500.0, 100.0, 120.0, -5.0)]


def test_another_source_begins_anew_with_the_same_networks() -> None:
    networks = FakeLandmarks()
    measurer = measurer_of(networks)
    measurer.measure(IMAGE, {4: face()}, [4], 0.0, "all")
    assert measurer.for_new_source().measure(IMAGE, {4: face()}, [], 0.01, "all").faces == {}
