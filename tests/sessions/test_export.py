"""Exports, each read again by the reader that its users would use."""

import csv
import io
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.labels import LABELS
from ferdesk.sessions.export import (
    PYFEAT_EMOTIONS,
    changes_csv,
    check_layout,
    rows_csv,
    summary_csv,
)
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review
from tests.helpers.outputs import write_session
from tests.helpers.results import FACE, OTHER, make_result

ESTIMATED = tuple(replace(face, measures=None) for face in (FACE, OTHER))
Maker = Callable[..., Path]
MADE = datetime(2026, 3, 5, tzinfo=UTC)
ACCURACY = {"private_test": {"one_crop": {"accuracy": 0.68, "ece": 0.04}}}


def busy(make_session: Maker, name: str = "s") -> Path:
    frames = [[(1, "happy"), (2, "neutral")]] * 10 + [[(1, "sad?")]] * 5 + [[]] * 5
    frames += [[(2, "surprise")]] * 10
    return make_session(
        frames, name=name, markers=[(0.5, "film A")], model={"name": "fast", "accuracy": ACCURACY}
    )


def test_pandas_reads_the_summary(make_session: Maker) -> None:
    pandas = pytest.importorskip("pandas")
    session = read_session(busy(make_session))
    review = load_review(session).named(1, "=Ana")
    table = pandas.read_csv(io.StringIO(summary_csv([session], [review])))
    whole = table[table["interval"] == "whole session"]
    assert whole["face"].tolist() == [1, 2]
    assert whole["name"].tolist()[0] == "'=Ana"  # no spreadsheet takes it for a formula
    assert whole["happy_s"].tolist() == [1.0, 0.0]
    assert whole["uncertain_s"].tolist() == [0.5, 0.0]
    assert table["interval"].tolist().count("film A") == 2
    changes = pandas.read_csv(io.StringIO(changes_csv([session], [review])))
    assert changes.empty  # neutral and surprise are a second and more apart


def test_pandas_reads_a_session_in_the_five_lines_of_the_docs(make_session: Maker) -> None:
    pytest.importorskip("pandas")
    folder = busy(make_session)
    docs = Path(__file__).parents[2] / "docs" / "interchange.md"
    code = re.search(r"```python\n(.*?)```", docs.read_text("utf-8"), re.DOTALL)
    assert code is not None
    lines = [line for line in code[1].splitlines() if line]
    assert len(lines) <= 5
    names: dict[str, object] = {}
    exec("\n".join(lines).replace("SESSION", str(folder)), names)
    shares = names["shares"]
    assert shares.loc[1, "happy"] == pytest.approx(1.0)  # type: ignore[attr-defined]


def test_openface_scripts_find_their_columns(make_session: Maker) -> None:
    pandas = pytest.importorskip("pandas")
    session = read_session(busy(make_session))
    text = rows_csv(session, "openface", load_review(session).excluding(2))
    assert text.startswith("frame, face_id, timestamp, confidence, success,")
    table = pandas.read_csv(io.StringIO(text), skipinitialspace=True)
    assert table["frame"].tolist() == list(range(1, 31))
    assert table["success"].sum() == 15
    assert table.loc[0, "face_id"] == 0
    assert table.loc[3, "timestamp"] == pytest.approx(0.3)
    assert table.loc[0, "pose_Rz"] == pytest.approx(np.deg2rad(-1.5), abs=1e-4)


def test_py_feat_scripts_find_their_columns(make_session: Maker) -> None:
    pandas = pytest.importorskip("pandas")
    session = read_session(busy(make_session))
    table = pandas.read_csv(io.StringIO(rows_csv(session, "pyfeat")))
    emotions = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    seen = table[table["Identity"].notna()]
    assert seen[emotions].sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-4)
    assert seen.iloc[0]["happiness"] == pytest.approx(0.635)  # the raw one
    assert seen.iloc[0]["FaceRectX"] == 10.5
    assert set(seen["Identity"]) == {"Person_0", "Person_1"}
    assert table["frame"].nunique() == 30


def test_openface_gets_estimates_of_the_heads_turn_in_its_own_signs(tmp_path: Path) -> None:
    write_session(make_result(*ESTIMATED), tmp_path)
    text = rows_csv(read_session(tmp_path), "openface")
    rows = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
    for row, face in zip(rows, ESTIMATED, strict=True):
        # pitch down and roll clockwise are positive, yaw is to the picture's left
        wanted = np.deg2rad([face.pitch_deg, -face.yaw_deg, face.roll_deg])
        turns = [float(row[name]) for name in ("pose_Rx", "pose_Ry", "pose_Rz")]
        assert turns == pytest.approx(wanted.tolist(), abs=1e-4)


def test_py_feat_gets_estimates_of_the_heads_turn_in_its_own_signs(tmp_path: Path) -> None:
    write_session(make_result(*ESTIMATED), tmp_path)
    rows = list(csv.DictReader(io.StringIO(rows_csv(read_session(tmp_path), "pyfeat"))))
    for row, face in zip(rows, ESTIMATED, strict=True):
        # pitch up and roll clockwise are positive, yaw is to the picture's left
        wanted = [-face.pitch_deg, face.roll_deg, -face.yaw_deg]
        assert [float(row[name]) for name in ("Pitch", "Roll", "Yaw")] == pytest.approx(
            wanted, abs=0.0051
        )
        box = [float(row[f"FaceRect{name}"]) for name in ("X", "Y", "Width", "Height")]
        wanted = [face.box.x, face.box.y, face.box.width, face.box.height]
        assert box == pytest.approx(wanted, abs=0.0051)
        assert float(row["FaceScore"]) == pytest.approx(face.detection_score, abs=5e-4)
        emotions = [float(row[PYFEAT_EMOTIONS[label]]) for label in LABELS]
        assert emotions == pytest.approx(face.expression.probabilities.tolist(), abs=1e-5)


def test_py_feats_own_format_reads_its_times(make_session: Maker) -> None:
    times = [0.0, 0.9999, 59.9996, 60.0, 299.9999, 300.0, 3599.99951, 6000.0]
    session = read_session(make_session([[(1, "sad")]] * len(times), times=times))
    rows = csv.DictReader(io.StringIO(rows_csv(session, "pyfeat")))
    shown = [row["approx_time"] for row in rows]
    assert shown == ["00:00", "00:00", "00:59", "01:00", "04:59", "05:00", "59:59", "100:00"]
    for text in shown[:-1]:
        time.strptime(text, "%M:%S")  # as the scripts of its users read them


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@a", "\tx"])
def test_a_marker_is_exact_in_the_rows_and_no_formula_in_a_spreadsheets_table(
    make_session: Maker, label: str
) -> None:
    frames = [[(1, "sad")]] * 4
    session = read_session(make_session(frames, markers=[(0.1, label), (0.2, "a=1")]))
    if label.isprintable():
        assert [row["marker"] for row in session.rows] == ["", label, "a=1", ""]
    table = list(csv.DictReader(io.StringIO(summary_csv([session]), newline="")))
    assert {row["interval"] for row in table} >= {f"'{label}", "a=1"}


@pytest.mark.parametrize("layout", ["openface", "pyfeat", "parquet"])
def test_a_recording_from_before_yaw_and_pitch_leaves_them_empty(
    layout: str, tmp_path: Path
) -> None:
    write_session(make_result(FACE, OTHER), tmp_path)
    path = tmp_path / "results.csv"
    rows = [line.split(",") for line in path.read_text("utf-8").splitlines()]
    end = rows[0].index("yaw_deg")
    lines = [",".join(row[:end]) + "\n" for row in rows]
    path.write_text("".join(lines), "utf-8")
    session = read_session(tmp_path)
    if layout == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        from ferdesk.adapters.outputs.parquet_export import write_parquet

        write_parquet(session, tmp_path / "s.parquet")
        table = parquet.read_table(tmp_path / "s.parquet")
        assert table["yaw_deg"].null_count == table["pitch_deg"].null_count == 2
        assert table["roll_deg"].to_pylist() == [FACE.roll_deg, OTHER.roll_deg]
        assert table["reason"].to_pylist() == ["turned", None]
        return
    text = rows_csv(session, check_layout(layout))
    names = {"openface": ("pose_Rx", "pose_Ry", "pose_Rz"), "pyfeat": ("Pitch", "Yaw", "Roll")}
    for row in csv.DictReader(io.StringIO(text), skipinitialspace=True):
        turns = [row[name] for name in names[layout]]
        assert turns[:2] == ["", ""]
        assert turns[2]


def test_parquet_has_every_row_and_its_float32(make_session: Maker, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    from ferdesk.adapters.outputs.parquet_export import write_parquet

    session = read_session(busy(make_session))
    path = tmp_path / "s.parquet"
    write_parquet(session, path, load_review(session).named(1, "Ana").excluding(2))
    table = parquet.read_table(path)
    assert table.num_rows == len(session.table)
    values = table["p_happy"].to_numpy()
    np.testing.assert_array_equal(values, session.table.raw[:, LABELS.index("happy")])
    assert table["label"].to_pylist()[0] == "happy"
    marked = [row for row, text in enumerate(table["marker"].to_pylist()) if text]
    assert marked == [table["t_s"].to_pylist().index(0.5)]
    assert table["name"].to_pylist()[:2] == ["Ana", None]
    assert table["lane"].to_pylist()[:2] == [1, None]
    assert table["face_id"].null_count == 5
