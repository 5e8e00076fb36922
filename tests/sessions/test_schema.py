"""Rows on disk."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ferdesk.core.geometry import Box
from ferdesk.core.labels import LABELS
from ferdesk.core.types import Expression
from ferdesk.sessions.fields import added_fields
from ferdesk.sessions.schema import (
    COLUMNS,
    HEADER,
    Moment,
    SessionCounts,
    SessionHeader,
    decimal,
    header_line,
    rows_of,
    session_table,
)
from tests.helpers.results import FACE, OTHER, make_result

CONTRACT = (
    "frame,t_s,time_utc,face_id,x,y,width,height,detection,label,confidence,uncertain,"
    "p_angry,p_disgust,p_fear,p_happy,p_sad,p_surprise,p_neutral,"
    "s_angry,s_disgust,s_fear,s_happy,s_sad,s_surprise,s_neutral,"
    "roll_deg,sharpness,brightness,latency_ms,marker"
)


BYTES = """\
7,0.250000,2026-01-02T03:04:05.678901Z,3,11.5,7.25,20.75,31.5,0.9375,angry,0.265625,1,\
0.03125,0.0625,0.09375,0.125,0.140625,0.171875,0.375,\
0.265625,0.21875,0.1875,0.15625,0.109375,0.046875,0.015625,\
-4.5,321.25,87.5,12.625,"a, ""b""\",turned,41.25,-12.75,0,-0.015625
7,0.250000,2026-01-02T03:04:05.678901Z,5,48.25,16.5,18.125,25.625,0.8125,happy,0.265625,0,\
0.171875,0.375,0.03125,0.0625,0.09375,0.125,0.140625,\
0.109375,0.046875,0.015625,0.265625,0.21875,0.1875,0.15625,\
8.25,654.5,132.75,12.625,,,-17.5,21.625,1,-0.3125
7,0.250000,2026-01-02T03:04:05.678901Z,3,-0,0.0000001,16777216,0.1,1,angry,0.265625,0,\
0.00000001,1,0.1,0.33333334,0.6666667,0.00003,0,\
0.265625,0.21875,0.1875,0.15625,0.109375,0.046875,0.015625,\
-0.00001,1000000000,0.33333334,12.625,,,41.25,-12.75,0,-0.6666666
"""
"""As version 0.1 wrote them, with what came later behind."""
AWKWARD = replace(
    FACE,
    box=Box(-0.0, 1e-7, 16777216.0, 0.1),
    detection_score=1.0,
    low_confidence=False,
    reason="",
    expression=Expression(np.array([1e-8, 1, 0.1, 1 / 3, 2 / 3, 3e-5, 0], np.float32)),
    roll_deg=-1e-5,
    sharpness=1e9,
    brightness=1 / 3,
)


def parse(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader([HEADER, *text.splitlines()]))


def test_the_columns_are_the_contracts() -> None:
    # what came later stands behind
    assert HEADER == CONTRACT + ",reason,yaw_deg,pitch_deg,votes,valence\n"


def test_the_bytes_of_a_row_stay_what_they_were() -> None:
    moment = Moment(7, 0.25, datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    assert rows_of(make_result(FACE, OTHER, AWKWARD), moment, 'a, "b"') == BYTES
    empty = "8,0.500000,,,,,,,,,,,,,,,,,,,,,,,,,,,,12.625,x,,,,,\n"
    assert rows_of(make_result(), Moment(8, 0.5, None), "x") == empty


def test_the_other_answer_stands_at_the_end_where_it_is_asked_for() -> None:
    moment = Moment(7, 0.25, None)
    text = rows_of(make_result(FACE, OTHER), moment, both_labels=True)
    text += rows_of(make_result(), moment, both_labels=True)
    rows = list(csv.DictReader([header_line(both_labels=True), *text.splitlines()]))
    assert OTHER.expression.fer2013 is not None
    other = decimal(OTHER.expression.fer2013[2])
    assert [row["other_fear"] for row in rows] == ["", other, ""]
    assert all(None not in row.values() and None not in row for row in rows)
    assert rows[1]["p_fear"] == decimal(OTHER.expression.probabilities[2]) != other
    assert rows[1]["votes"] == "1"


def test_a_frame_without_a_face_leaves_the_face_columns_empty() -> None:
    (row,) = parse(rows_of(make_result(), Moment(7, 0.25, None)))
    filled = {name for name, value in row.items() if value}
    assert filled == {"frame", "t_s", "latency_ms"}
    assert len(row) == len((*COLUMNS, *added_fields()))
    assert None not in row.values()


def test_numbers_are_plain_decimals_that_round_trip_float32() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.dirichlet(np.full(7, 0.05)).astype(np.float32)
        (row,) = parse(
            rows_of(make_result(replace(FACE, expression=Expression(p))), Moment(0, 0.0, None))
        )
        texts = [row[f"p_{label}"] for label in LABELS]
        assert not any("e" in text for text in texts)
        np.testing.assert_array_equal(np.array(texts, np.float32), p)


def test_a_marker_stands_on_a_frames_first_row_only_and_survives_commas() -> None:
    rows = parse(rows_of(make_result(FACE, OTHER), Moment(0, 0.0, None), 'a, "b"'))
    assert [row["marker"] for row in rows] == ['a, "b"', ""]


def test_the_fast_way_to_write_a_number_is_numpys_own_shortest_decimal() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, np.uint32)
    for number in bits.view(np.float32):
        assert decimal(number) == np.format_float_positional(number, trim="-")


@pytest.mark.parametrize(
    "marker", ["a, b", '"hi" to her', "two\nlines", "old\rline", '",\n"', "plain"]
)
def test_any_marker_is_read_again_as_it_was(marker: str) -> None:
    line = rows_of(make_result(FACE), Moment(7, 0.25, None), marker)
    (row,) = csv.DictReader(io.StringIO(HEADER + line, newline=""))
    assert row["marker"] == marker
    assert row["reason"] == FACE.reason


HEADER_OF_A_SESSION = SessionHeader(
    program_version="1.2.3",
    model={"name": "fast"},
    provider="CUDA",
    provider_reason="asked for",
    source={"kind": "video"},
    width=641,
    height=361,
    settings={"smooth_s": 0.5},
    started_utc=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    file_starts_utc=datetime(2020, 7, 8, 9, 10, 11, 12, tzinfo=UTC),
    device={"gpu": "one"},
    rate_fps=29.5,
)


def test_the_sessions_file_says_each_thing_under_its_name() -> None:
    counts = SessionCounts(
        frames_seen=90, frames_analysed=70, frames_dropped=14, frames_lost=6, rows=123,
        first_t_s=1.25, last_t_s=8.76543219, face_ids={1, 4, 9}, video={"codec": "vp9"},
        markers=[{"label": "go"}], events=[{"event": "slept"}], baselines=[{"face_id": 4}],
    )  # fmt: skip
    ended = datetime(2026, 1, 2, 3, 5, 6, 7, tzinfo=UTC)
    table = session_table(HEADER_OF_A_SESSION, counts, ended, complete=True)
    assert table == {
        "schema": 1,
        "program": {"name": "ferdesk", "version": "1.2.3"},
        "model": {"name": "fast"},
        "provider": "CUDA",
        "provider_reason": "asked for",
        "device": {"gpu": "one"},
        "source": {"kind": "video"},
        "picture": {"width": 641, "height": 361, "rate_fps": 29.5},
        "settings": {"smooth_s": 0.5},
        "started_utc": "2026-01-02T03:04:05.000006Z",
        "film_started_utc": "2020-07-08T09:10:11.000012Z",
        "ended_utc": "2026-01-02T03:05:06.000007Z",
        "frames_seen": 90,
        "frames_analysed": 70,
        "frames_dropped": 14,
        "frames_lost": 6,
        "rows": 123,
        "starts_at_s": 1.25,
        "length_s": 7.515432,
        "num_faces": 3,
        "video": {"codec": "vp9"},
        "markers": [{"label": "go"}],
        "events": [{"event": "slept"}],
        "baselines": [{"face_id": 4}],
        "complete": True,
    }


@pytest.mark.parametrize("live", [True, False])
def test_a_recording_is_dated_by_the_clock_and_a_file_by_its_own_date(live: bool) -> None:
    start = HEADER_OF_A_SESSION.started_utc if live else HEADER_OF_A_SESSION.file_starts_utc
    assert start is not None
    assert HEADER_OF_A_SESSION.utc_at(2.5, live=live) == start + timedelta(seconds=2.5)
    undated = replace(HEADER_OF_A_SESSION, file_starts_utc=None)
    assert (undated.utc_at(2.5, live=live) is None) is not live
