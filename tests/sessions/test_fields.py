"""The fields of a result arrive, each under its name, in every output."""

import json
import math
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from ferdesk.core.labels import LABELS
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.types import FaceResult
from ferdesk.sessions.fields import ADDED_FIELDS, CSV_FIELDS, FACE_FIELDS, FIRST_FIELDS
from ferdesk.sessions.schema import Moment, header_line, rows_of
from tests.helpers.outputs import OUTPUTS
from tests.helpers.results import (
    FACE,
    LATENCY_MS,
    OTHER,
    made_measures,
    make_result,
    named_values,
)

ROOT = Path(__file__).parents[2]
TEXTS = {one.name for one in FACE_FIELDS if one.kind == "text"}


@pytest.mark.parametrize("face", [FACE, OTHER])
def test_the_helpers_values_all_differ(face: FaceResult) -> None:
    numbers = {name: value for name, value in named_values(face).items() if name not in TEXTS}
    del numbers["confidence"]  # one of the smoothed values
    assert len({*numbers.values(), 7, LATENCY_MS}) == len(numbers) + 2


@pytest.mark.parametrize("name", [one.name for one in FACE_FIELDS])
@pytest.mark.parametrize("output", OUTPUTS)
def test_each_named_value_arrives(output: str, name: str, tmp_path: Path) -> None:
    if output == "lsl" and name in TEXTS:
        pytest.skip("a stream of numbers carries no texts")
    if output == "parquet":
        pytest.importorskip("pyarrow")
    rows = OUTPUTS[output](make_result(FACE, OTHER), tmp_path)
    wanted = [named_values(face)[name] for face in (FACE, OTHER)]
    if name in TEXTS:
        assert [row[name] or "" for row in rows] == wanted
    else:
        assert [float(row[name]) for row in rows] == wanted


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_frames_own_values_arrive(output: str, tmp_path: Path) -> None:
    if output == "parquet":
        pytest.importorskip("pyarrow")
    rows = OUTPUTS[output](make_result(FACE, OTHER), tmp_path)
    assert [float(row["frame"]) for row in rows] == [7, 7]
    assert [float(row["latency_ms"]) for row in rows] == [LATENCY_MS, LATENCY_MS]


def test_what_came_first_keeps_its_place_and_what_came_later_stands_behind() -> None:
    assert (*FIRST_FIELDS, *ADDED_FIELDS) == FACE_FIELDS
    assert [one.name for one in ADDED_FIELDS][:3] == ["reason", "yaw_deg", "pitch_deg"]
    names = [one.name for one in CSV_FIELDS]
    assert len(set(names)) == len(names)
    from ferdesk.adapters.outputs.lsl_stream import CHANNELS

    p, s = ([f"{kind}_{label}" for label in LABELS] for kind in "ps")
    assert [one.name for one in CHANNELS] == [
        "frame", "face_id", "x", "y", "width", "height", "detection", "confidence", "uncertain",
        *p, *s, "roll_deg", "sharpness", "brightness", "latency_ms", "yaw_deg", "pitch_deg",
        "votes", "valence",
    ]  # fmt: skip
    units = {one.name: one.unit for one in CHANNELS}
    assert (units["yaw_deg"], units["x"], units["p_sad"]) == ("degrees", "pixels", "probability")


def test_what_is_not_measured_is_left_out_or_empty(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    hidden = replace(FACE, measures=None, unmeasured="hidden")
    stale = replace(made_measures(0), measured_now=False)
    waiting = replace(OTHER, measures=stale, unmeasured="waiting")
    for output, through in OUTPUTS.items():
        for row, why in zip(
            through(make_result(hidden, waiting), tmp_path), ("hidden", "waiting"), strict=True
        ):
            assert row.get("unmeasured", why) == why
            for name in ("head_z_cm", "blink_left_s", "gaze_yaw_deg", "m_jawOpen"):
                value = row.get(name)
                assert value in (None, "") or math.isnan(value), (output, name)
            assert float(row["yaw_deg"]) in (FACE.yaw_deg, OTHER.yaw_deg)


def test_columns_of_measures_are_written_where_they_are_switched_on() -> None:
    always = header_line("off")
    assert header_line("pose").startswith(always.strip() + ",unmeasured,presence,head_x_cm,")
    assert header_line("pose").strip().endswith(",head_z_cm")
    assert header_line("all").startswith(header_line("pose").strip() + ",eye_open_left,")
    assert header_line("all") == header_line("mean")
    assert header_line("all").strip().endswith("m_noseSneerRight")
    for choice in ("off", "pose", "all"):
        for rows in (make_result(FACE, OTHER), make_result()):
            text = rows_of(rows, Moment(0, 0.0, None), choice=choice)
            commas = header_line(choice).count(",")
            assert {line.count(",") for line in text.splitlines()} == {commas}


def test_a_blink_that_did_not_end_is_0_and_without_eyes_it_is_empty(tmp_path: Path) -> None:
    none_yet = replace(FACE, measures=replace(made_measures(0), blinks=(), blink_rate=None))
    pose_only = replace(OTHER, measures=replace(made_measures(1), openness=None, movements=None))
    first, second = OUTPUTS["csv"](make_result(none_yet, pose_only), tmp_path)
    assert (first["blink_left_s"], first["blink_rate"]) == ("0", "")
    assert (second["blink_left_s"], second["m_jawOpen"], second["head_x_cm"]) == ("", "", "4.125")


def test_lsl_has_channels_for_what_is_measured() -> None:
    from ferdesk.adapters.outputs.lsl_stream import channels, sample

    assert len(channels("all")) == len(sample(make_result(FACE), FACE, "all"))
    assert len(channels("off")) + 4 == len(channels("pose")) < len(channels("mean"))
    units = {one.name: one.unit for one in channels("mean")}
    assert (units["head_z_cm"], units["gaze_yaw_deg"]) == ("centimeters", "degrees")


def test_one_line_in_the_table_brings_a_new_field_to_every_output(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    code = """
        import importlib.util
        import json
        import types
        from pathlib import Path
        name = "ferdesk.sessions.fields"
        text = Path(importlib.util.find_spec(name).origin).read_text("utf-8")
        end = ")  # fmt: skip\\n\\nFIRST_FIELDS"
        assert text.count(end) == 1
        line = '_later("area_px", "pixels", "Size", "made up", lambda face: face.box.area),\\n'
        fields = sys.modules[name] = types.ModuleType(name)
        exec(text.replace(end, line + end), fields.__dict__)
        from tests.helpers.outputs import OUTPUTS
        from tests.helpers.results import FACE, OTHER, make_result
        rows = {k: out(make_result(FACE, OTHER), Path("folder")) for k, out in OUTPUTS.items()}
        print(json.dumps({k: [float(row["area_px"]) for row in v] for k, v in rows.items()}))
        """
    (tmp_path / "folder").mkdir()
    start = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    arrived = json.loads(done.stdout)
    assert list(arrived) == list(OUTPUTS)
    for output, values in arrived.items():
        assert values == pytest.approx([FACE.box.area, OTHER.box.area], rel=1e-5), output


def table_of(page: str, heading: str) -> dict[str, list[str]]:
    """The first column's names of the table under ``heading``, and the other cells of each."""
    text = (ROOT / "docs" / page).read_text("utf-8").split(heading, 1)[1]
    rows: dict[str, list[str]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if rows and not line.startswith("|"):
            break
        for name in _names(cells[0]) if line.startswith("| `") else ():
            rows[name] = cells[1:]
    return rows


def _names(cell: str) -> list[str]:
    """`a`, `b` are two names; `p_angry` ... `p_neutral` are seven."""
    names = re.findall(r"`(\w+)`", cell)
    if "..." in cell:
        kind = names[0].split("_")[0]
        if kind == "m":
            return [f"m_{name}" for name in MOVEMENTS]
        return [f"{kind}_{label}" for label in LABELS]
    return names


def test_the_docs_have_every_column_in_its_order() -> None:
    rows = table_of("sessions.md", "## The columns of `results.csv`")
    assert list(rows) == [one.name for one in CSV_FIELDS]
    for one in CSV_FIELDS:
        assert rows[one.name][0] == one.unit, one.name


def test_the_docs_have_every_channel_in_its_order() -> None:
    from ferdesk.adapters.outputs.lsl_stream import CHANNELS

    rows = table_of("streams.md", "## Lab Streaming Layer")
    assert list(rows) == [one.name for one in CHANNELS]
    for one in CHANNELS:
        assert rows[one.name][0] == one.unit, one.name


def test_the_docs_schema_has_every_value_that_the_websocket_sends() -> None:
    page = (ROOT / "docs" / "streams.md").read_text("utf-8")
    schema = json.loads(page.split("```json\n", 1)[1].split("```", 1)[0])
    face = schema["oneOf"][1]["properties"]["faces"]["items"]["properties"]
    wanted = dict.fromkeys(one.family or one.name for one in FACE_FIELDS)
    assert list(face) == list(wanted)
    kinds = {"number": "number", "integer": "integer", "flag": "boolean", "text": "string"}
    for one in FACE_FIELDS:
        if not one.family:
            assert face[one.name]["type"] == kinds[one.kind], one.name


def test_the_docs_of_the_exports_name_columns_that_exist() -> None:
    page = (ROOT / "docs" / "interchange.md").read_text("utf-8")
    names = {one.name for one in CSV_FIELDS}
    for name in re.findall(r"`(\w+_deg|p_\w+|s_\w+)`", page):
        assert name in names
