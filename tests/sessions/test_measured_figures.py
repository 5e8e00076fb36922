"""Figures of measures, against numbers written out by hand: table, CSV and report."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.measures.blinks import Blink, Side
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.measures.pose import HeadPose
from ferdesk.core.types import FaceResult
from ferdesk.sessions.export import MOVEMENT_COLUMNS, SUMMARY_COLUMNS, summary_csv
from ferdesk.sessions.reader import Session, read_session
from ferdesk.sessions.report import html_report
from ferdesk.sessions.schema import Moment, header_line, rows_of
from ferdesk.sessions.summaries import summarize
from tests.helpers.results import FACE, made_measures, make_result
from tests.sessions.test_report import Page

STEP_S = 0.05
NUM = 400
JAW, SMILE = MOVEMENTS.index("jawOpen"), MOVEMENTS.index("mouthSmileLeft")


def face_at(index: int) -> FaceResult:
    """Ten seconds at rest, then ten in which the head turns 10 degrees a second and talks.

    Both eyes blink at 3 s, the left one 0.1 s later than the right; the left one alone at 13 s.
    """
    t_s = index * STEP_S
    moving = t_s >= 10
    movements = np.zeros(52, np.float32)
    movements[0], movements[JAW], movements[SMILE] = 0.9, 0.5 if moving else 0.25, 0.125
    blinks: tuple[Blink, ...] = ()
    if index == 64:
        blinks = (Blink("right", 3.0, 0.2, 0.8),)
    if index in (66, 266):
        blinks = (Blink("left", t_s - 0.2, 0.2, 0.8),)
    yaw = 10 * (t_s - 10) if moving else 0.0
    measures = replace(
        made_measures(0),
        pose=HeadPose(yaw, -3.0, 4.5, 1.0, 2.0, 60.0),
        movements=movements,
        blinks=blinks,
    )
    return replace(FACE, yaw_deg=yaw, pitch_deg=-3.0, roll_deg=4.5, measures=measures)


def made(
    folder: Path,
    face_of: Callable[[int], FaceResult] = face_at,
    number: int = NUM,
    marker_s: float | None = 10.0,
) -> Session:
    folder.mkdir()
    lines = [header_line("all")]
    for index in range(number):
        moment = Moment(index, index * STEP_S, None)
        lines.append(rows_of(make_result(face_of(index)), moment, choice="all"))
    (folder / "results.csv").write_text("".join(lines), "utf-8")
    markers = [] if marker_s is None else [{"t_s": marker_s, "label": "talks"}]
    table = {
        "schema": 1, "complete": True, "rows": number, "markers": markers,
        "source": {"kind": "camera", "name": "camera0"}, "settings": {"measures": "all"},
        "length_s": (number - 1) * STEP_S,
    }  # fmt: skip
    (folder / "session.json").write_text(json.dumps(table), "utf-8")
    return read_session(folder)


def test_blinks_of_both_eyes_count_once_and_the_rate_is_by_the_minute(tmp_path: Path) -> None:
    (face,) = summarize(made(tmp_path / "s"))
    assert face.measured.blinks == 2
    assert face.measured.eyes_s == pytest.approx(20.0)
    assert face.measured.blink_rate == pytest.approx(6.0)


def test_figures_are_those_of_each_interval(tmp_path: Path) -> None:
    rest, talks = summarize(made(tmp_path / "s"), by_marker=True)
    assert (rest.measured.blinks, talks.measured.blinks) == (1, 1)
    assert rest.measured.movements[[JAW, SMILE]] == pytest.approx([0.25, 0.125])
    assert talks.measured.movements[[JAW, SMILE]] == pytest.approx([0.5, 0.125])
    assert rest.measured.head_deg_s == pytest.approx(0.0, abs=1e-3)
    assert talks.measured.head_deg_s == pytest.approx(10.0, rel=0.03)
    # (8 - 9) / 64, as the made result has it
    assert rest.measured.valence == pytest.approx(-1 / 64)


def test_head_movement_hardly_grows_with_the_noise_of_single_frames(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, NUM)

    def shaking(index: int) -> FaceResult:
        one = face_at(index)
        return replace(one, yaw_deg=one.yaw_deg + noise[index])

    every = summarize(made(tmp_path / "a", shaking), by_marker=True)[1]
    other = summarize(made(tmp_path / "b", face_at), by_marker=True)[1]
    assert every.measured.head_deg_s == pytest.approx(other.measured.head_deg_s, rel=0.05)


def test_with_less_than_ten_seconds_there_is_no_rate(tmp_path: Path) -> None:
    (face,) = summarize(made(tmp_path / "s", number=180, marker_s=None))
    assert face.measured.blinks == 1
    assert np.isnan(face.measured.blink_rate)


def test_rows_that_were_not_measured_count_for_nothing(tmp_path: Path) -> None:
    def hidden(index: int) -> FaceResult:
        away = replace(face_at(index), measures=None, unmeasured="hidden", yaw_deg=80.0)
        return away if index >= 300 else face_at(index)

    (face,) = summarize(made(tmp_path / "s", hidden))
    assert face.measured.measured_s == face.measured.eyes_s == pytest.approx(15.0)
    assert face.measured.movements[JAW] == pytest.approx((200 * 0.25 + 100 * 0.5) / 300)
    # the estimate of 80 degrees is no turn of the head
    assert face.measured.head_deg_s < 5


def test_a_face_that_takes_turns_blinks_no_more_often(tmp_path: Path) -> None:
    def every_second(index: int) -> FaceResult:
        if index in (64, 66, 266) or index % 2 == 0:
            return face_at(index)
        return replace(face_at(index), measures=None, unmeasured="waiting")

    (face,) = summarize(made(tmp_path / "s", every_second))
    assert face.measured.blinks == 2
    # but for the last row, behind which nothing is known
    assert face.measured.eyes_s == pytest.approx(20.0, abs=0.06)
    assert face.measured.blink_rate == pytest.approx(6.0, rel=0.01)

    def hidden(index: int) -> FaceResult:
        if index % 4 == 0:
            return face_at(index)
        return replace(face_at(index), measures=None, unmeasured="waiting")

    # 0.2 s from one turn to the next: too long to know of blinks in between
    (face,) = summarize(made(tmp_path / "h", hidden))
    assert (face.measured.eyes_s, face.measured.blinks) == (0.0, None)
    assert np.isnan(face.measured.blink_rate)


def test_no_blinks_are_counted_while_no_eye_was_followed(tmp_path: Path) -> None:
    def unknown_at_first(index: int) -> FaceResult:
        one = face_at(index)
        assert one.measures is not None
        sides: tuple[Side, ...] = () if index < 100 else ("left",) if index < 300 else ("right",)
        return replace(one, measures=replace(one.measures, blinks_followed=sides))

    (face,) = summarize(made(tmp_path / "s", unknown_at_first))
    # the blink of both eyes at 3 s is not known, the left one's at 13 s is
    assert face.measured.eyes_s == pytest.approx(15.0)
    assert face.measured.blinks == 1
    assert face.measured.blink_rate == pytest.approx(4.0)


def test_the_summary_has_a_line_for_each_interval_with_all_movements(tmp_path: Path) -> None:
    text = summary_csv([made(tmp_path / "s")])
    whole, rest, talks = csv.DictReader(io.StringIO(text))
    assert list(whole) == [*SUMMARY_COLUMNS, *MOVEMENT_COLUMNS]
    assert (whole["blinks"], whole["blinks_per_min"]) == ("2", "6.00")
    assert [one["mean_m_jawOpen"] for one in (whole, rest, talks)] == ["0.375", "0.250", "0.500"]
    assert whole["mean_valence"] == "-0.016"
    assert whole["measured_s"] == "20.000"
    assert rest["head_deg_per_s"] == "0.00"


def test_a_session_without_measures_has_valence_alone(tmp_path: Path) -> None:
    session = made(tmp_path / "s")
    lines = [header_line(), rows_of(make_result(FACE), Moment(0, 0.0, None))]
    (session.folder / "results.csv").write_text("".join(lines), "utf-8")
    session = read_session(session.folder)
    row = next(csv.DictReader(io.StringIO(summary_csv([session]))))
    assert list(row) == list(SUMMARY_COLUMNS)
    assert [row[name] for name in SUMMARY_COLUMNS[-4:]] == ["", "", "", ""]
    page = html_report([session], made=datetime(2026, 3, 5, tzinfo=UTC), version="1")
    assert "Measures of the face" not in page


def test_the_report_shows_what_moved_between_the_markers(tmp_path: Path) -> None:
    html = html_report([made(tmp_path / "s")], made=datetime(2026, 3, 5, tzinfo=UTC), version="1")
    whole, between = [table for table in Page(html).tables if "measured" in table[0]]
    assert "jawOpen" in whole[0]
    assert whole[1][3:6] == ["-0.02", "6.0", whole[1][5]]
    jaw = between[0].index("jawOpen")
    assert [row[jaw] for row in between[1:]] == ["0.25", "0.50"]
    assert "_neutral" not in between[0]
