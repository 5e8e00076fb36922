"""What is drawn of hours: bins that hide no peak, gaps that stay gaps, lines that stand still."""

import numpy as np
import pytest

from ferdesk.core.labels import LABELS
from ferdesk.sessions.table import Table, _empty
from ferdesk.ui.review.downsampling import ABSENT, LOW_CONFIDENCE, TrackLines
from ferdesk.ui.review.times import length_text, moment_text, read_moment


def lines_of(table: Table, step_s: float) -> TrackLines:
    return TrackLines(table, np.arange(len(table)), step_s)


def table_of(t_s: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Table:
    n = len(t_s)
    rng = np.random.default_rng(0)
    values = {name: getattr(_empty(), name) for name in Table.__slots__}
    raw = rng.dirichlet(np.ones(7), n).astype(np.float32)
    values |= {
        "frame": np.arange(n),
        "t_s": t_s,
        "face_id": np.ones(n, np.int32),
        "detection": np.ones(n, np.float32),
        "label": np.zeros(n, np.int8),
        "uncertain": np.zeros(n, bool),
        "raw": raw,
        "smoothed": raw,
    }
    return Table(**values)


def test_no_peak_is_lost_however_far_the_view_is() -> None:
    table = table_of(np.arange(100_000) / 30)
    table.smoothed[54_321, 3] = 2.0
    lines = lines_of(table, 1 / 30)
    view = lines.view(0.0, 100_000 / 30, 300, smoothed=True)
    assert view.low is not None
    assert view.high is not None
    assert len(view.times) <= 700
    assert view.high[3].max() == 2.0
    assert np.all(view.low <= view.middle + 1e-6)
    assert np.all(view.middle <= view.high + 1e-6)
    assert view.times[view.high[3].argmax()] == pytest.approx(54_321 / 30, abs=8)


def test_few_rows_are_drawn_as_they_are() -> None:
    table = table_of(np.arange(1000) / 30)
    view = lines_of(table, 1 / 30).view(10.01, 11.0, 300, smoothed=False)
    assert view.low is None
    assert view.times[0] < 10.01 < view.times[1]
    first = round(view.times[0] * 30)
    assert np.array_equal(view.middle[:, 0], table.raw[first])


@pytest.mark.parametrize("most", [5, 50, 2000])
def test_a_gap_is_a_gap_at_every_width(most: int) -> None:
    t_s = np.concatenate((np.arange(900) / 30, 60 + np.arange(900) / 30))
    view = lines_of(table_of(t_s), 1 / 30).view(0.0, 90.0, most, smoothed=True)
    empty = np.isnan(view.middle[0])
    assert empty.any()
    assert np.all((view.times[empty] > 29) & (view.times[empty] < 61))


def test_bins_between_slow_frames_are_no_gaps() -> None:
    # two frames a second, looked at in bins of a quarter of one
    t_s = np.arange(4000) / 2
    view = lines_of(table_of(t_s), 0.5).view(0.0, 800.0, 700, smoothed=True)
    assert not np.isnan(view.middle).any()


def test_the_points_stand_still_while_the_view_moves() -> None:
    lines = lines_of(table_of(np.arange(100_000) / 30), 1 / 30)
    one = lines.view(500.0, 1500.0, 300, smoothed=True)
    other = lines.view(507.3, 1507.3, 300, smoothed=True)
    common = set(np.round(one.times, 6)) & set(np.round(other.times, 6))
    assert len(common) > 0.95 * len(one.times)


def test_a_column_has_the_label_that_most_of_its_rows_have() -> None:
    table = table_of(np.arange(90) / 30)
    table.label[:40] = 2
    table.uncertain[60:] = True
    lines = lines_of(table, 1 / 30)
    assert lines.columns(np.array([0.0, 1.0, 2.0, 3.0, 4.0])).tolist() == [
        2,
        0,
        LOW_CONFIDENCE,
        ABSENT,
    ]
    # closer than the frames: what stands between two rows is what the first one says
    assert set(lines.columns(np.linspace(0.5, 0.6, 40)).tolist()) == {2}


def test_a_lane_without_a_row_is_empty() -> None:
    lines = lines_of(table_of(np.zeros(0)), 1 / 30)
    assert len(lines.view(0.0, 1.0, 100, smoothed=True).times) == 0
    assert lines.columns(np.linspace(0, 1, 5)).tolist() == [ABSENT] * 4
    assert lines.row_at(0.5) is None


def test_the_values_at_a_moment_are_those_of_the_last_row_and_none_in_a_gap() -> None:
    t_s = np.array([0.0, 0.1, 0.2, 5.0])
    lines = lines_of(table_of(t_s), 0.1)
    assert [lines.row_at(t) for t in (0.0, 0.15, 0.2, 0.8, 3.0, 5.0, 5.3)] == [
        0, 1, 2, 2, None, 3, 3,
    ]  # fmt: skip
    assert len(LABELS) == 7


@pytest.mark.parametrize(
    ("text", "t_s"),
    [("12.5", 12.5), ("1:02", 62.0), ("1:02:03,25", 3723.25), ("", None), ("-3", None),
     ("1:2:3:4", None), ("nan", None), ("one", None)],
)  # fmt: skip
def test_times_are_read_as_people_write_them(text: str, t_s: float | None) -> None:
    assert read_moment(text) == t_s


def test_times_are_written_in_full() -> None:
    assert moment_text(3723.2496) == "1:02:03.250"
    assert moment_text(59.9999) == "0:01:00.000"
    assert length_text(14_400) == "4:00:00"
