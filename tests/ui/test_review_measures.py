"""Measures in review: what is plotted, its axis, and what was not measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.labels import LABELS
from ferdesk.sessions.table import Table
from ferdesk.ui.kit.measure_charts import CHARTS, recorded_charts, recorded_shares, recorded_values
from ferdesk.ui.review.downsampling import TrackLines
from tests.helpers.sessions import frame_time, write_two_faces
from tests.ui.review_page import Opener
from tests.ui.test_review_lines import table_of


def measured_table(num: int) -> Table:
    """Rows of which every third has no landmarks; the jaw opens from 0 to 1."""
    rise = np.linspace(0, 1, num).astype(np.float32)
    rise[::3] = np.nan
    shares = {"m_jawOpen": 1.0, "m_mouthSmileLeft": 0.5, "m_mouthSmileRight": 0.25}
    added = {name: (rise * share).astype(np.float32) for name, share in shares.items()}
    return replace(table_of(np.arange(num) / 30), added=added)


def test_lines_of_a_chart_are_shares_of_its_axis_and_the_mean_of_both_sides() -> None:
    table = measured_table(7)
    shares = recorded_shares(CHARTS["movements"], table, np.arange(7))
    assert shares.shape == (7, 7)
    assert np.isnan(shares[:, ::3]).all()
    assert shares[0, 4] == pytest.approx(4 / 6)
    assert shares[1, 4] == pytest.approx(4 / 6 * 0.375)
    assert np.isnan(shares[2:]).all()


@pytest.mark.parametrize("num", [200, 40_000])
def test_rows_without_landmarks_make_no_hole_and_no_zero(num: int) -> None:
    lines = TrackLines(measured_table(num), np.arange(num), 1 / 30)
    view = lines.view(0.0, num / 30, 200, smoothed="movements")
    jaw = view.middle[0]
    known = np.isfinite(jaw)
    expected = view.times / (num / 30)
    assert np.abs(jaw[known] - expected[known]).max() < 0.02
    if num > 1000:
        # summed up: each bin has some rows that were measured
        assert known[2:-2].all()
    assert not np.isfinite(view.middle[5]).any()


def test_a_face_that_has_every_second_turn_has_lines() -> None:
    rise = np.linspace(0, 1, 60).astype(np.float32)
    reasons = np.zeros(60, "S12")
    reasons[1::2] = b"waiting"
    reasons[21] = b"hidden"
    rise[reasons != b""] = np.nan
    t_s = np.arange(60) / 30
    t_s[40:] += 1.0
    # after row 38 the face was away for a second
    table = replace(table_of(t_s), added={"m_jawOpen": rise, "unmeasured": reasons})
    jaw = recorded_shares(CHARTS["jaw"], table, np.arange(60))[0]
    known = np.isfinite(jaw)
    assert np.flatnonzero(~known).tolist() == [21, 39, 59]
    assert jaw[known] == pytest.approx(np.linspace(0, 1, 60)[known], abs=1e-6)


def test_angles_are_the_measured_ones_where_anything_is_measured() -> None:
    angles = np.array([10, 20, 30], np.float32)
    presence = np.array([0.9, np.nan, 0.8], np.float32)
    added = {"yaw_deg": angles, "pitch_deg": -angles}
    estimated = replace(
        table_of(np.arange(3) / 30), roll_deg=(angles / 2).astype(np.float32), added=added
    )
    measured = replace(estimated, added={**added, "presence": presence})
    rows = np.arange(3)
    # without landmarks a detector's estimates are all that there is
    assert recorded_values(CHARTS["pose"], estimated, rows)[0].tolist() == [10, 20, 30]
    found = recorded_values(CHARTS["pose"], measured, rows)
    assert np.isnan(found[:, 1]).all()
    assert found[:, [0, 2]].tolist() == [[10, 30], [-10, -30], [5, 15]]


def test_only_what_a_session_has_is_offered() -> None:
    assert recorded_charts(measured_table(9))[:2] == ["movements", "jaw"]
    assert "gaze" not in recorded_charts(measured_table(9))


def test_another_plot_has_its_axis_its_lines_and_its_values(
    tmp_path: Path, open_session: Opener
) -> None:
    view = open_session(write_two_faces(tmp_path / "one", num_frames=24))
    timeline = view.timeline
    row = timeline.legend_row
    assert [row.choice.itemData(i) for i in range(3)] == ["", "pose", "valence"]
    view.player.seek(frame_time(3) + 0.011)
    assert "%" in timeline.legend[LABELS[0]].text()
    row.choice.setCurrentIndex(row.choice.findData("pose"))
    shown = [one.text() for one in timeline.legend.values() if not one.isHidden()]
    assert [text.split()[0] for text in shown] == ["yaw", "pitch", "roll"]
    assert all(text.endswith("°") for text in shown)
    assert not timeline.smoothing.isEnabled()
    drawn = timeline.plot.curves[LABELS[0]].getData()[1]
    # the first face looks 41.25 degrees to the right, of 60 either way
    assert drawn[0] == pytest.approx((41.25 + 60) / 120, abs=1e-3)
    ticks = timeline.plot.getAxis("left")._tickLevels[0]
    assert [text for _, text in ticks] == ["-60°", "0°", "60°"]
    row.choice.setCurrentIndex(0)
    assert timeline.smoothing.isEnabled()
    assert sum(not one.isHidden() for one in timeline.legend.values()) == len(LABELS)
