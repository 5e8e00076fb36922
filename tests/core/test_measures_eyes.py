"""Eyes: gaze against made turns, and blinks in made sequences at many rates."""

import itertools

import numpy as np
import pytest

from ferdesk.core.measures.blinks import Blink, BlinkDetector, BlinkRate
from ferdesk.core.measures.eyes import Openness, gaze, openness
from ferdesk.core.measures.pose import pose_matrix, rotation_of
from tests.helpers.landmarks import CANONICAL, blinking, seen_by_camera, with_irises

SIZE = (1280, 720)
RATES = [15.0, 24.0, 30.0, 60.0]


@pytest.mark.parametrize("head", [(0, 0, 0), (20, 0, 0), (0, -15, 0), (-15, 10, 20)])
@pytest.mark.parametrize("turn", [(0, 0), (20, 0), (-20, 0), (0, 15), (0, -15), (12, -9)])
def test_gaze_follows_made_turns_of_the_eyes_with_the_head_turned_too(
    head: tuple[float, float, float], turn: tuple[float, float]
) -> None:
    points = seen_by_camera(rotation_of(*head), (2.0, 1.0, 60.0), SIZE, with_irises(*turn))
    rotation, _ = pose_matrix(CANONICAL, points, *SIZE)
    found = gaze(CANONICAL, points, rotation)
    assert found is not None
    assert (found.yaw_deg, found.pitch_deg) == pytest.approx(turn, abs=4.0)


def test_closed_eyes_look_nowhere() -> None:
    points = seen_by_camera(np.eye(3), (0, 0, 60), SIZE)
    for upper, lower in itertools.chain(
        ((160, 144), (159, 145), (158, 153)), ((387, 373), (386, 374), (385, 380))
    ):
        points[upper] = points[lower]
    assert gaze(CANONICAL, points, np.eye(3)) is None
    assert openness(points).left == openness(points).right == 0


def test_each_eye_is_its_own() -> None:
    points = seen_by_camera(np.eye(3), (0, 0, 60), SIZE)
    wide = openness(points)
    for upper, lower in ((160, 144), (159, 145), (158, 153)):
        points[upper] = points[lower]
    # 33 and 133 are the corners of the person's right eye
    assert openness(points).right == 0
    assert openness(points).left == pytest.approx(wide.left) != 0


def follow(
    shares: np.ndarray, t_s: np.ndarray, when_open: float = 0.1, others: np.ndarray | None = None
) -> list[Blink]:
    """Blinks of a left eye; the right one does the same, or ``others``."""
    detector = BlinkDetector()
    right = shares if others is None else others
    found = [
        detector.update(Openness(when_open * one, when_open * other), at_s)
        for one, other, at_s in zip(shares.tolist(), right.tolist(), t_s.tolist(), strict=True)
    ]
    return [blink for blinks in found for blink in blinks if blink.side == "left"]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("off", [0.0, 0.3, 0.6, 0.9])
def test_a_blink_is_found_once_at_every_rate(rate: float, off: float) -> None:
    t_s = np.arange(0, 4, 1 / rate) + off / rate
    (blink,) = follow(blinking(t_s, 2.0, 0.3), t_s)
    # half of the way down and up at 2.07 and 2.23
    assert blink.start_s == pytest.approx(2.08, abs=0.035)
    assert blink.length_s == pytest.approx(0.14, abs=0.06)
    assert blink.depth == pytest.approx(0.8, abs=0.2)
    assert blink.side == "left"


@pytest.mark.parametrize("rate", RATES)
def test_blinks_in_quick_succession_are_counted_each(rate: float) -> None:
    t_s = np.arange(0, 6, 1 / rate)
    shares = np.minimum(blinking(t_s, 2.0, 0.3), blinking(t_s, 2.5, 0.3))
    assert len(follow(shares, t_s)) == 2


@pytest.mark.parametrize("rate", RATES)
def test_closed_eyes_are_no_blink(rate: float) -> None:
    t_s = np.arange(0, 9, 1 / rate)
    assert follow(np.where((t_s > 3) & (t_s < 4.2), 0.2, 1.0), t_s) == []


@pytest.mark.parametrize("rate", RATES)
def test_looking_down_is_no_blink(rate: float) -> None:
    t_s = np.arange(0, 9, 1 / rate)
    for length_s in (0.3, 2.0):
        down = np.where((t_s > 3) & (t_s < 3 + length_s), 0.58, 1.0)
        assert follow(down, t_s) == []


def test_a_blink_while_looking_down_for_long_is_one() -> None:
    t_s = np.arange(0, 30, 1 / 30)
    down = np.where(t_s > 3, 0.6, 1.0)
    assert len(follow(down * blinking(t_s, 20.0, 0.25), t_s)) == 1


def test_an_eye_never_seen_open_does_not_blink() -> None:
    t_s = np.arange(0, 9, 1 / 30)
    assert follow(blinking(t_s, 4.0, 0.3), t_s, when_open=0.03) == []


@pytest.mark.parametrize("rate", RATES)
def test_a_lid_that_closes_partly_is_a_blink_where_both_do_and_only_for_a_moment(
    rate: float,
) -> None:
    t_s = np.arange(0, 4, 1 / rate)
    partly = np.where((t_s > 2) & (t_s < 2.14), 0.56, 1.0)
    assert len(follow(partly, t_s)) == 1
    # one eye alone, as behind glasses or at the edge of a head that turns
    assert follow(partly, t_s, others=np.ones(len(t_s))) == []
    longer = np.where((t_s > 2) & (t_s < 2.4), 0.56, 1.0)
    assert follow(longer, t_s) == []


def test_one_eye_that_closes_is_a_blink_of_that_eye() -> None:
    t_s = np.arange(0, 4, 1 / 30)
    wink = blinking(t_s, 2.0, 0.3)
    assert len(follow(wink, t_s, others=np.ones(len(t_s)))) == 1
    assert follow(np.ones(len(t_s)), t_s, others=wink) == []


def test_a_blink_soon_after_eyes_that_were_closed_for_long_is_one() -> None:
    t_s = np.arange(0, 8, 1 / 24)
    shares = np.where(t_s < 5.8, 0.2, blinking(t_s, 6.3, 0.25))
    assert len(follow(shares, t_s)) == 1


def test_a_blink_of_eyes_that_smile_is_one_though_they_were_wide_open_before() -> None:
    t_s = np.arange(0, 12, 1 / 24)
    # raised brows, then a smile, after which the lids come up a little less
    when_open = np.where(t_s < 5, 1.05, np.where(t_s < 10, 0.80, 0.64))
    assert len(follow(when_open * blinking(t_s, 9.8, 0.4), t_s)) == 1


@pytest.mark.parametrize("rate", [2.0, 5.0, 6.0])
def test_with_too_few_pictures_a_second_no_blink_is_known_nor_that_there_is_none(
    rate: float,
) -> None:
    detector, of_face = BlinkDetector(), BlinkRate()
    for t_s in np.arange(0, 40, 1 / rate).tolist():
        closed = abs(t_s % 4 - 2) < 0.2
        blinks = detector.update(Openness(*(0.02, 0.02) if closed else (0.1, 0.1)), t_s)
        assert (blinks, detector.followed) == ((), ())
        assert of_face.update(blinks, t_s, followed=bool(detector.followed)) is None


def test_an_eye_is_followed_once_it_was_seen_open_and_not_across_a_gap() -> None:
    detector = BlinkDetector()
    known = {}
    for t_s in (*np.arange(0, 1, 0.1), *np.arange(1.5, 2, 0.1)):
        # the right eye is never seen open
        detector.update(Openness(left=0.1, right=0.02), float(t_s))
        known[round(float(t_s), 1)] = detector.followed
    assert known[0.4] == ()
    assert known[0.6] == known[0.9] == ("left",)
    assert known[1.5] == ()
    assert known[1.7] == ("left",)


def test_what_happened_in_a_gap_is_not_made_up() -> None:
    t_s = np.concatenate([np.arange(0, 2, 1 / 30), np.arange(3, 5, 1 / 30)])
    shares = np.where((t_s > 1.9) & (t_s < 3.1), 0.2, 1.0)
    assert follow(shares, t_s) == []


def test_time_that_goes_back_begins_anew() -> None:
    t_s = np.concatenate([np.arange(5, 7, 1 / 30), np.arange(0, 4, 1 / 30)])
    assert len(follow(blinking(t_s, 2.0, 0.3), t_s)) == 1


def test_both_eyes_at_once_are_one_blink_of_the_rate() -> None:
    rate = BlinkRate()
    left, right = Blink("left", 4.0, 0.2, 0.8), Blink("right", 4.05, 0.2, 0.8)
    assert rate.update((), 0.0, followed=False) is None
    assert rate.update((left, right), 5.0, followed=True) is None
    later = Blink("left", 11.0, 0.2, 0.8)
    assert rate.update((later,), 12.0, followed=True) == pytest.approx(2 / 12 * 60)
    # after a minute the window moves on
    assert rate.update((), 66.0, followed=True) == pytest.approx(1 / 61 * 60)


def test_time_in_which_no_eye_was_followed_does_not_lower_the_rate() -> None:
    rate, found = BlinkRate(), None
    for index in range(1, 401):
        t_s = index / 10
        # of forty seconds the face is hidden for twenty
        seen = t_s <= 10 or t_s > 30
        blinks = (Blink("left", t_s - 0.2, 0.1, 0.8),) if seen and index % 50 == 0 else ()
        if seen:
            found = rate.update(blinks, t_s, followed=index not in (1, 301))
    # four blinks in twenty seconds
    assert found == pytest.approx(12.0, rel=0.02)
