"""The figures, each against numbers written out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.labels import LABELS
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review
from ferdesk.sessions.summaries import (
    Profile,
    calibration_error,
    compare,
    count_changes,
    intervals_of,
    profile,
    row_durations,
    summarize,
)

Maker = Callable[..., Path]
HAPPY, SAD, NEUTRAL = (LABELS.index(label) for label in ("happy", "sad", "neutral"))


def test_time_in_each_expression_and_the_share_of_low_confidence(make_session: Maker) -> None:
    frames = [[(1, "happy")]] * 6 + [[(1, "sad")]] * 2 + [[(1, "sad?")]] * 2
    (face,) = summarize(read_session(make_session(frames)))
    assert face.seen_s == pytest.approx(1.0)
    assert face.label_s[HAPPY] == pytest.approx(0.6)
    assert face.label_s[SAD] == pytest.approx(0.2)
    assert face.low_confidence_s == pytest.approx(0.2)
    assert face.shares[HAPPY] == pytest.approx(0.75)
    assert face.low_confidence_share == pytest.approx(0.2)
    # raw: an eighth less than smoothed; of the rest, happy gets 3 / 21 in rows of sad
    assert face.mean[HAPPY] == pytest.approx(0.6 * 0.635 + 0.4 * 0.365 * 3 / 21)
    assert face.mean.sum() == pytest.approx(1.0)


def test_a_row_stands_for_the_time_to_the_next_frame_and_never_for_a_long_gap(
    make_session: Maker,
) -> None:
    folder = make_session([[(1, "happy"), (2, "sad")], [], [(1, "happy")]], step_s=0.2)
    text = (folder / "results.csv").read_text()
    (folder / "results.csv").write_text(text.replace("2,0.400000", "2,9.200000"))
    assert row_durations(read_session(folder).table).tolist() == pytest.approx([0.2, 0.2, 0.5, 0.5])


def test_figures_between_markers(make_session: Maker) -> None:
    frames = [[(1, "neutral")]] * 10 + [[(1, "happy")]] * 10
    folder = make_session(frames, markers=[(0.5, "film A"), (1.0, "film B")])
    faces = summarize(read_session(folder), by_marker=True)
    assert [face.interval.label for face in faces] == [
        "before the first marker", "film A", "film B",
    ]  # fmt: skip
    assert [face.seen_s for face in faces] == pytest.approx([0.5, 0.5, 1.0])
    assert faces[2].shares[HAPPY] == 1.0
    assert faces[1].shares[NEUTRAL] == 1.0


def test_excluded_tracks_are_left_out_and_merged_ones_are_one(make_session: Maker) -> None:
    session = read_session(make_session([[(1, "happy"), (2, "sad"), (3, "fear")]] * 10))
    review = load_review(session).excluding(3).merged(1, 2)
    (face,) = summarize(session, review)
    assert face.seen_s == pytest.approx(1.0)


def labels_every_tenth(*runs: tuple[str, int]) -> list[int]:
    return [LABELS.index(label) for label, count in runs for _ in range(count)]


def changes(labels: Sequence[int], times: Sequence[float] | None = None) -> dict[str, int]:
    t_s = np.arange(len(labels)) / 10 if times is None else np.asarray(times)
    counted = count_changes(t_s, np.asarray(labels, np.int8))
    return changes_of(counted)


def test_changes_count_runs_and_leave_flicker_out() -> None:
    labels = labels_every_tenth(("neutral", 10), ("fear", 2), ("neutral", 5), ("happy", 10))
    assert changes(labels) == {"neutral>happy": 1}


def test_changes_are_not_counted_over_a_gap() -> None:
    labels = labels_every_tenth(("neutral", 10), ("happy", 10))
    times = [*np.arange(10) / 10, *(np.arange(10) / 10 + 5)]
    assert changes(labels, times) == {}


def test_there_and_back_is_two_changes() -> None:
    labels = labels_every_tenth(("neutral", 5), ("happy", 5), ("neutral", 5))
    assert changes(labels) == {"neutral>happy": 1, "happy>neutral": 1}
    assert changes([]) == {}


def test_a_face_that_was_not_seen_has_no_shares(make_session: Maker) -> None:
    session = read_session(make_session([[(1, "happy")]] * 3 + [[]] * 9, markers=[(0.9, "late")]))
    _, late = summarize(session, by_marker=True)
    assert late.seen_s == 0
    assert np.isnan(late.mean).all()
    assert np.isnan(late.shares).all()
    assert late.small


def test_intervals_without_markers_are_the_whole_and_markers_after_the_end_are_skipped(
    make_session: Maker,
) -> None:
    assert [one.label for one in intervals_of([], 5.0)] == ["whole session"]
    folder = make_session([[]] * 5, markers=[(0.0, "a"), (0.0, "b"), (99.0, "late")])
    session = read_session(folder)
    assert [one.label for one in intervals_of(session.markers, session.length_s)] == ["b"]


def of_mean(label: int, share: float) -> Profile:
    mean = np.full(7, (1 - share) / 6)
    mean[label] = share
    return Profile("", 10.0, mean, mean, 0.0)


def test_groups_are_compared_by_session_and_small_ones_get_no_interval() -> None:
    few = compare([of_mean(HAPPY, 0.2)] * 2, [of_mean(HAPPY, 0.5)] * 3)
    assert few.difference[HAPPY] == pytest.approx(0.3)
    assert few.low is None
    assert not few.beyond_calibration.any()
    shares = (0.2, 0.25, 0.3, 0.2, 0.25)
    many = compare(
        [of_mean(HAPPY, share) for share in shares],
        [of_mean(HAPPY, share + 0.3) for share in shares],
        calibration_error=0.06,
    )
    assert many.low is not None
    assert many.high is not None
    assert 0.2 < many.low[HAPPY] < 0.3 < many.high[HAPPY] < 0.4
    assert many.beyond_calibration.tolist() == [label == HAPPY for label in range(7)]


def test_sessions_without_a_face_do_not_count_in_a_group(make_session: Maker) -> None:
    empty = profile(read_session(make_session([[]] * 5, name="empty")))
    full = profile(read_session(make_session([[(1, "happy")]] * 5, name="full")))
    result = compare([empty, full], [full])
    assert [len(group) for group in result.profiles] == [1, 1]
    assert result.difference[HAPPY] == 0


def test_the_calibration_error_is_the_models_own(make_session: Maker) -> None:
    accuracy = {"private_test": {"one_crop": {"accuracy": 0.68, "ece": 0.04}}}
    folder = make_session([[]], model={"name": "fast", "accuracy": accuracy})
    assert calibration_error(read_session(folder)) == 0.04
    assert calibration_error(read_session(make_session([[]], name="old"))) is None


TIMES = [0.0, 0.2, 0.5, 0.6, 1.0, 1.6, 2.4, 2.5]
"""Each row counts until the next frame, at most 0.5 s: 0.2 0.3 0.1 0.4 0.5 0.5 0.1 0.1."""
FRAMES = [
    [(1, "happy", 0.5)],
    [(1, "happy", 0.75), (2, "fear", 0.625)],
    [(1, "happy", 0.5), (2, "surprise", 0.5)],
    [(1, "sad", 0.5)],
    [(1, "sad?", 0.375)],
    [(2, "neutral", 0.875)],
    [(2, "neutral?", 0.375)],
    [(2, "neutral", 0.75)],
]


def test_all_figures_of_two_faces_at_uneven_times(make_session: Maker) -> None:
    session = read_session(make_session(FRAMES, times=TIMES))
    assert row_durations(session.table).tolist() == pytest.approx(
        [0.2, 0.3, 0.3, 0.1, 0.1, 0.4, 0.5, 0.5, 0.1, 0.1]
    )
    one, two = summarize(session)
    assert (one.track, one.title, two.track, two.title) == (1, "#1", 2, "#2")
    assert (one.seen_s, two.seen_s) == pytest.approx((1.5, 1.1))
    assert one.label_s.tolist() == pytest.approx([0, 0, 0, 0.6, 0.4, 0, 0])
    assert two.label_s.tolist() == pytest.approx([0, 0, 0.3, 0, 0, 0.1, 0.6])
    assert (one.low_confidence_s, two.low_confidence_s) == pytest.approx((0.5, 0.1))
    assert one.shares.tolist() == pytest.approx([0, 0, 0, 0.6, 0.4, 0, 0])
    assert two.shares.tolist() == pytest.approx([0, 0, 0.3, 0, 0, 0.1, 0.6])
    assert (one.low_confidence_share, two.low_confidence_share) == pytest.approx((1 / 3, 1 / 11))
    # raw, an eighth less than smoothed, weighted by time; of the rest happy gets 3/21 beside sad
    happy = 0.2 * 0.375 + 0.3 * 0.625 + 0.1 * 0.375 + (0.4 * 0.625 + 0.5 * 0.75) * 3 / 21
    assert one.mean[HAPPY] == pytest.approx(happy / 1.5)
    assert one.mean.sum() == pytest.approx(1.0)
    # sad from 0.6 s is held for 0 s only: its one confident row is followed by none
    assert changes_of(one.changes) == {}
    assert not one.small
    whole = profile(session)
    assert whole.seen_s == pytest.approx(2.6)
    assert whole.shares.tolist() == pytest.approx([0, 0, 0.15, 0.3, 0.2, 0.05, 0.3])
    assert whole.low_confidence_share == pytest.approx(0.6 / 2.6)
    assert whole.mean.tolist() == pytest.approx(((one.mean * 1.5 + two.mean * 1.1) / 2.6).tolist())


def test_intervals_begin_at_markers_that_lie_between_rows(make_session: Maker) -> None:
    markers = [(1.7, "film B"), (0.45, "film A"), (0.45, "again")]
    session = read_session(make_session(FRAMES, times=TIMES, markers=markers))
    found = {(f.track, f.interval.label): f for f in summarize(session, by_marker=True)}
    assert [(i.label, i.from_s, i.to_s) for i in intervals_of(session.markers, 2.5)] == [
        ("before the first marker", 0.0, 0.45), ("again", 0.45, 1.7), ("film B", 1.7, np.inf),
    ]  # fmt: skip
    seen = {key: round(face.seen_s, 6) for key, face in found.items()}
    assert seen == {
        (1, "before the first marker"): 0.5, (1, "again"): 1.0, (1, "film B"): 0.0,
        (2, "before the first marker"): 0.3, (2, "again"): 0.6, (2, "film B"): 0.2,
    }  # fmt: skip
    assert found[1, "again"].shares.tolist() == pytest.approx([0, 0, 0, 0.2, 0.8, 0, 0])
    assert found[1, "again"].low_confidence_share == pytest.approx(0.5)
    assert found[2, "film B"].low_confidence_s == pytest.approx(0.1)


def test_a_row_at_the_markers_very_moment_belongs_to_what_it_begins(make_session: Maker) -> None:
    session = read_session(make_session(FRAMES, times=TIMES, markers=[(0.5, "A"), (2.5, "B")]))
    seen = [round(f.seen_s, 6) for f in summarize(session, by_marker=True)]
    assert seen == [0.5, 1.0, 0.0, 0.3, 0.7, 0.1]


def changes_of(counted: np.ndarray) -> dict[str, int]:
    return {
        f"{LABELS[i]}>{LABELS[j]}": int(counted[i, j]) for i, j in np.argwhere(counted).tolist()
    }


@pytest.mark.parametrize(("held", "counts"), [(2, False), (3, True), (4, True)])
def test_a_run_counts_from_three_tenths_of_a_second(held: int, counts: bool) -> None:
    labels = labels_every_tenth(("neutral", 9), ("fear", held), ("happy", 9))
    wanted = {"neutral>fear": 1, "fear>happy": 1} if counts else {"neutral>happy": 1}
    assert changes(labels, [i * 0.1000001 for i in range(len(labels))]) == wanted


@pytest.mark.parametrize(("gap_s", "counts"), [(0.9, True), (1.1, False)])
def test_a_change_over_a_gap_counts_up_to_one_second(gap_s: float, counts: bool) -> None:
    labels = labels_every_tenth(("neutral", 9), ("happy", 9))
    times = [*np.arange(9) / 10, *(np.arange(9) / 10 + 0.8 + gap_s)]
    assert changes(labels, times) == ({"neutral>happy": 1} if counts else {})


def test_a_low_confidence_row_between_two_labels_is_no_label(make_session: Maker) -> None:
    frames = [[(1, "happy")]] * 5 + [[(1, "fear?")]] * 5 + [[(1, "sad")]] * 5
    (face,) = summarize(read_session(make_session(frames)))
    assert changes_of(face.changes) == {"happy>sad": 1}


def test_a_comparison_is_second_minus_first_of_equal_sessions(make_session: Maker) -> None:
    long = profile(read_session(make_session([[(1, "happy", 0.625)]] * 90, name="long")))
    short = profile(read_session(make_session([[(1, "happy", 0.375)]] * 10, name="short")))
    other = profile(read_session(make_session([[(1, "sad", 0.625)]] * 10, name="other")))
    result = compare([long, short], [other], first_name="a", second_name="b")
    assert (result.first_name, result.second_name) == ("a", "b")
    assert result.first[HAPPY] == pytest.approx((0.5 + 0.25) / 2)
    assert result.second[HAPPY] == pytest.approx(0.5 * 3 / 21)
    assert result.difference[HAPPY] == pytest.approx(0.5 * 3 / 21 - 0.375)
    assert result.difference[SAD] > 0
    again = compare([long] * 5, [other] * 5)
    assert again.low is not None
    assert again.low.tolist() == pytest.approx(again.difference.tolist())
    assert compare([long] * 4, [other] * 9).low is None
