"""Rows on disk."""

import csv
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from ferdesk.core.geometry import Box, Square
from ferdesk.core.labels import LABELS
from ferdesk.core.types import Expression, FaceResult, Frame, FrameResult
from ferdesk.sessions.schema import ADDED_COLUMNS, COLUMNS, HEADER, Moment, rows_of

CONTRACT = (
    "frame,t_s,time_utc,face_id,x,y,width,height,detection,label,confidence,uncertain,"
    "p_angry,p_disgust,p_fear,p_happy,p_sad,p_surprise,p_neutral,"
    "s_angry,s_disgust,s_fear,s_happy,s_sad,s_surprise,s_neutral,"
    "roll_deg,sharpness,brightness,latency_ms,marker"
)


def face(face_id: int = 1, probabilities: np.ndarray | None = None) -> FaceResult:
    p = probabilities if probabilities is not None else np.eye(7, dtype=np.float32)[3]
    return FaceResult(
        face_id, Box(-3.5, 2, 40, 41), Square(0, 0, 48), 0.875, Expression(p), p, False,
        -1.25, 1234.5, 99.0,
    )  # fmt: skip


def result(*faces: FaceResult) -> FrameResult:
    return FrameResult(Frame(np.zeros((4, 4, 3), np.uint8), 7, 0.25, 0.0), faces, 12.3456, {})


def parse(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader([HEADER, *text.splitlines()]))


def test_the_columns_are_the_contracts() -> None:
    # what came later stands behind
    assert HEADER == CONTRACT + ",reason,yaw_deg,pitch_deg\n"


def test_a_face_fills_every_column() -> None:
    moment = Moment(7, 0.25, datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    (row,) = parse(rows_of(result(face()), moment, "start"))
    assert None not in row.values()
    assert row["frame"] == "7"
    assert row["time_utc"] == "2026-01-02T03:04:05.678901Z"
    assert (row["x"], row["label"], row["uncertain"]) == ("-3.5", "happy", "0")
    assert row["latency_ms"] == "12.346"
    assert row["marker"] == "start"


def test_the_reason_of_low_confidence_is_one_word_behind_the_marker() -> None:
    doubtful = replace(face(), low_confidence=True, reason="turned")
    line = rows_of(result(doubtful), Moment(7, 0.25, None))
    assert line.endswith(",turned,0,0\n")
    (row,) = parse(line)
    assert (row["uncertain"], row["reason"]) == ("1", "turned")


def test_a_frame_without_a_face_leaves_the_face_columns_empty() -> None:
    (row,) = parse(rows_of(result(), Moment(7, 0.25, None)))
    filled = {name for name, value in row.items() if value}
    assert filled == {"frame", "t_s", "latency_ms"}
    assert len(row) == len((*COLUMNS, *ADDED_COLUMNS))
    assert None not in row.values()


def test_numbers_are_plain_decimals_that_round_trip_float32() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.dirichlet(np.full(7, 0.05)).astype(np.float32)
        (row,) = parse(rows_of(result(face(probabilities=p)), Moment(0, 0.0, None)))
        texts = [row[f"p_{label}"] for label in LABELS]
        assert not any("e" in text for text in texts)
        np.testing.assert_array_equal(np.array(texts, np.float32), p)


def test_a_marker_stands_on_a_frames_first_row_only_and_survives_commas() -> None:
    rows = parse(rows_of(result(face(1), face(2)), Moment(0, 0.0, None), 'a, "b"'))
    assert [row["marker"] for row in rows] == ['a, "b"', ""]
