"""The columns of a session against the text they were read from."""

import csv
import errno
import json
import mmap
import os
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from ferdesk.core.geometry import Box, Square
from ferdesk.core.labels import LABELS
from ferdesk.core.quality import LowConfidenceReason
from ferdesk.core.types import Expression, FaceResult, Frame, FrameResult
from ferdesk.errors import RecordingError
from ferdesk.sessions import table as table_module
from ferdesk.sessions.schema import HEADER, Moment, header_line, rows_of
from ferdesk.sessions.table import CACHE_FILE, NO_LABEL, Table, is_kept, read_table
from tests.helpers.results import FACE, OTHER, make_result

Maker = Callable[..., Path]
REASONS: tuple[LowConfidenceReason, ...] = get_args(LowConfidenceReason)


def test_every_number_is_the_float32_that_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines, wanted = [HEADER], []
    for index in range(3000):
        p, s = rng.dirichlet(np.full(7, 0.05), 2).astype(np.float32)
        x, y, w, h, roll, sharp, bright = (
            rng.normal(0, 10.0 ** rng.integers(-6, 6), 7).astype(np.float32).tolist()
        )
        face = FaceResult(
            1 + index % 9, Box(x, y, w, h), Square(0, 0, 1), 0.5, Expression(p), s, index % 2 == 0,
            roll, sharp, bright, reason=REASONS[index % len(REASONS)], yaw_deg=y, pitch_deg=x,
        )  # fmt: skip
        frame = Frame(np.zeros((1, 1, 3), np.uint8), index, index / 7, 0.0)
        faces = (face,) if index % 5 else ()
        lines.append(rows_of(FrameResult(frame, faces, 1.25, {}), Moment(index, index / 7, None)))
        wanted.append((face, bool(faces)))
    path = tmp_path / "results.csv"
    path.write_text("".join(lines))
    table = read_table(path)
    assert len(table) == 3000
    assert table.num_frames() == 3000
    for row, (face, shown) in enumerate(wanted):
        assert table.frame[row] == row
        assert table.t_s[row] == float(f"{row / 7:.6f}")
        assert table.latency_ms[row] == 1.25
        if not shown:
            assert table.face_id[row] == 0
            assert table.label[row] == NO_LABEL
            assert np.isnan(table.raw[row]).all()
            continue
        box = (face.box.x, face.box.y, face.box.width, face.box.height)
        assert table.box[row].tolist() == np.array(box, np.float32).tolist()
        assert (table.raw[row] == face.expression.probabilities).all()
        assert (table.smoothed[row] == face.smoothed).all()
        assert LABELS[table.label[row]] == face.label
        assert table.uncertain[row] == face.low_confidence
        assert table.roll_deg[row] == np.float32(face.roll_deg)
        assert table.sharpness[row] == np.float32(face.sharpness)
        assert table.added_numbers("yaw_deg")[row] == np.float32(face.yaw_deg)
        assert table.added_numbers("pitch_deg")[row] == np.float32(face.pitch_deg)
        assert table.added["reason"][row].decode() == face.reason


def test_markers_with_commas_quotes_blanks_and_line_ends_are_read_as_csv_does(
    make_session: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "_CHUNK_BYTES", 700)
    odd = ['say "hi", Ana', "two\nlines", "plain", "with blank", "überrascht"]
    markers = [(0.3 + i * 0.5, text) for i, text in enumerate(odd)]
    folder = make_session([[(1, "happy"), (2, "sad")]] * 30, markers=markers)
    table = read_table(folder / "results.csv")
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [text for _, text in table.markers] == odd
    assert [row for row, _ in table.markers] == [i for i, row in enumerate(rows) if row["marker"]]
    assert table.t_s.tolist() == [float(row["t_s"]) for row in rows]


def test_a_table_saved_by_another_program_with_other_line_ends_is_read(make_session: Maker) -> None:
    path = make_session([[(1, "happy")], []]) / "results.csv"
    before = read_table(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = read_table(path)
    assert after.smoothed.tolist()[0] == before.smoothed.tolist()[0]
    assert after.face_id.tolist() == [1, 0]


def test_columns_that_a_newer_program_adds_at_the_end_are_skipped(make_session: Maker) -> None:
    path = make_session([[(1, "happy")], []], markers=[(0.1, "go")]) / "results.csv"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([first + ",gaze_deg", *(line + ",odd text" for line in rest), ""]))
    table = read_table(path)
    assert table.face_id.tolist() == [1, 0]
    assert table.markers == ((1, "go"),)


@pytest.mark.parametrize("lacking", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("marker", ["go", "go on, now"])
def test_a_recording_from_before_the_last_columns_came_is_read(
    make_session: Maker, lacking: int, marker: str
) -> None:
    path = make_session([[(1, "happy?")], []], markers=[(0.1, marker)]) / "results.csv"
    whole = read_table(path)
    assert whole.added_numbers("yaw_deg").tolist()[0] == 12.25
    assert np.isnan(whole.added_numbers("yaw_deg")[1])
    lines = [line.rsplit(",", lacking)[0] for line in path.read_text().splitlines()]
    path.write_text("\n".join([*lines, ""]))
    old = read_table(path)
    assert list(old.added) == ["reason", "yaw_deg", "pitch_deg", "votes", "valence"][: 5 - lacking]
    assert old.sharpness.tolist()[0] == whole.sharpness.tolist()[0]
    assert old.markers == whole.markers
    assert np.isnan(old.added_numbers("valence")).all()


def test_half_a_last_line_is_left_out(make_session: Maker) -> None:
    path = make_session([[(1, "happy")]] * 3) / "results.csv"
    path.write_bytes(path.read_bytes()[:-30])
    assert len(read_table(path)) == 2


def test_a_table_without_rows_has_none(make_session: Maker) -> None:
    table = read_table(make_session([]) / "results.csv")
    assert (len(table), table.num_frames(), table.face_ids()) == (0, 0, [])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",happy,", ",joyful,", "there is no label 'joyful'"),
        ("0.76", "0.x6", "'0.x6' in line 2, column confidence, is no number"),
        ("0.76", "0.7.6", "no number"),
        ("5.000", "5.000,1", "line 2 has 37 columns, not 36"),
        ("-7.75,0,", "-7.75,0,7,", "line 2 has 37 columns, not 36"),
        (",happy,", ",,", "line 2: a face without a label"),
        ("\n1,", "\n,", "line 3: it has no frame or no time"),
        (",1,10.5,", ",-1,10.5,", "line 2: its face_id is none"),
    ],
)
def test_a_damaged_table_is_one_sentence(
    make_session: Maker, old: str, new: str, words: str
) -> None:
    path = make_session([[(1, "happy")]] * 3) / "results.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(RecordingError, match="is damaged") as caught:
        read_table(path)
    assert words in str(caught.value)


def test_an_empty_file_and_another_table_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.touch()
    with pytest.raises(RecordingError, match="is empty"):
        read_table(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(RecordingError, match="does not have the columns"):
        read_table(path)


def test_what_was_read_is_kept_until_the_file_changes(
    make_session: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "CACHE_FROM_ROWS", 1)
    folder = make_session([[(1, "happy")], [], [(2, "sad")]], markers=[(0.1, "go")])
    path = folder / "results.csv"
    first = read_table(path)
    assert (folder / CACHE_FILE).exists()
    with monkeypatch.context() as patched:
        patched.setattr(table_module, "_read", None)  # the text must not be read again
        second = read_table(path)
    assert second.markers == first.markers == ((1, "go"),)
    np.testing.assert_array_equal(second.smoothed, first.smoothed)
    assert second.face_id.tolist() == [1, 0, 2]
    state = path.stat()
    path.write_text(path.read_text().replace(",sad,", ",fear,"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert LABELS[read_table(path).label[2]] == "fear"


@pytest.fixture
def kept(make_session: Maker, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table whose columns are kept: rows 0, 1, 4 show faces, row 3 has a marker."""
    monkeypatch.setattr(table_module, "CACHE_FROM_ROWS", 1)
    frames = [[(1, "happy"), (2, "sad?", 0.5)], [], [], [(7, "fear", 0.25)]]
    path = make_session(frames, markers=[(0.2, "go")]) / "results.csv"
    read_table(path)
    assert is_kept(path)
    return path


def same(one: Table, other: Table) -> None:
    for item in fields(Table):
        if item.name not in ("markers", "added"):
            np.testing.assert_array_equal(getattr(one, item.name), getattr(other, item.name))
            assert getattr(one, item.name).dtype == getattr(other, item.name).dtype
    assert list(one.added) == list(other.added)
    for name in one.added:
        np.testing.assert_array_equal(one.added[name], other.added[name])
    assert one.markers == other.markers


def test_the_cache_holds_each_column_as_it_was_read(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = read_table(kept)
    kept.with_name(CACHE_FILE).unlink()
    text = read_table(kept)
    same(cached, text)
    assert text.face_id.tolist() == [1, 2, 0, 0, 7]
    assert text.uncertain.tolist() == [False, True, False, False, False]
    with pytest.raises(ValueError, match="read-only"):
        cached.raw[0, 0] = 1


@pytest.mark.parametrize("place", ["columns", "rows", "checksums", "markers", "fingerprint"])
@pytest.mark.parametrize("value", [None, -1, 10**30, True, "x", [], {}, [[9, "x"]], [["x"]], 4])
def test_a_head_that_holds_anything_else_costs_the_cache_and_no_figure(
    kept: Path, place: str, value: object
) -> None:
    cache, text = kept.with_name(CACHE_FILE), read_table(kept)
    content = cache.read_bytes()
    about = json.loads(content[:65_536])
    about[place] = value
    cache.write_bytes(json.dumps(about).encode().ljust(65_536) + content[65_536:])
    same(read_table(kept), text)


def test_no_damage_of_a_cache_changes_a_figure(kept: Path) -> None:
    cache, text = kept.with_name(CACHE_FILE), read_table(kept)
    content = cache.read_bytes()
    filled = [at for at, byte in enumerate(content) if byte not in b"\0 "]
    rng = np.random.default_rng(3)
    for at in rng.choice(filled, 150, replace=False).tolist():
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(rng.integers(8))
        cache.write_bytes(damaged)
        same(read_table(kept), text)
    for other in (content[:-1], content + b"x", content[:65_000], b"", b"[" * 70_000):
        cache.write_bytes(other)
        same(read_table(kept), text)
        assert cache.read_bytes() == content  # deleted and made again


def test_a_cache_of_another_file_or_program_is_deleted(
    kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache = kept.with_name(CACHE_FILE)
    kept.write_bytes(kept.read_bytes() + b"\n")
    monkeypatch.setattr(table_module, "CACHE_FROM_ROWS", 100)
    read_table(kept)
    assert not cache.exists()
    # what a program before this one wrote: types and places as text
    old = {"fingerprint": {}, "columns": {"frame": ["|O", 65_536, [5]]}, "markers": []}
    cache.write_bytes(json.dumps(old).encode().ljust(65_536) + bytes(4096))
    assert len(read_table(kept)) == 5
    assert not cache.exists()
    assert caplog.text.count("of no use and is deleted") == 2


def test_a_cache_that_cannot_be_deleted_or_written_costs_nothing(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = kept.with_name(CACHE_FILE)
    cache.unlink()
    cache.mkdir()
    assert len(read_table(kept)) == 5
    assert not is_kept(kept)


def test_reading_tells_how_far_it_is_and_is_given_up_by_an_error(
    make_session: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "_CHUNK_BYTES", 2000)
    monkeypatch.setattr(table_module, "CACHE_FROM_ROWS", 10)
    path = make_session([[(1, "happy")]] * 60) / "results.csv"

    def enough(share: float) -> None:
        if share > 0.5:
            raise RecordingError("It is enough.")

    with pytest.raises(RecordingError, match="enough"):
        read_table(path, progress=enough)
    assert not is_kept(path)
    shares: list[float] = []
    table = read_table(path, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert is_kept(path)
    told: list[float] = []
    assert len(read_table(path, progress=told.append)) == len(table)
    assert told == []
    path.write_bytes(path.read_bytes() + b"\n")
    assert not is_kept(path)


@pytest.mark.parametrize("field", ["1.2.3", "1.234567890.5", "1,5", "--3", "0x10"])
def test_what_is_no_number_is_told_wherever_its_faults_lie(make_session: Maker, field: str) -> None:
    path = make_session([[(1, "happy")]] * 5) / "results.csv"
    path.write_text(path.read_text().replace(",-1.5,", f",{field},", 1))
    with pytest.raises(RecordingError, match="is damaged"):
        read_table(path)


def test_the_line_of_a_fault_is_named_in_any_chunk(
    make_session: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "_CHUNK_BYTES", 700)
    path = make_session([[(1, "happy")], []] * 20, markers=[(0.5, 'a "b"')]) / "results.csv"
    lines = path.read_text().splitlines()
    lines[30] = lines[30].replace(",5.000,", ",5.0.0,")
    path.write_text("\n".join([*lines, ""]))
    with pytest.raises(RecordingError, match=r"'5\.0\.0' in line 31, column latency_ms"):
        read_table(path)


def test_numbers_with_exponents_as_other_programs_save_them_are_read(make_session: Maker) -> None:
    path = make_session([[(1, "happy")]] * 2) / "results.csv"
    path.write_text(path.read_text().replace(",250.25,", ",2.5025e2,", 1))
    assert read_table(path).sharpness.tolist() == [250.25, 250.25]


def test_blank_lines_are_no_rows_and_frames_without_faces_have_no_numbers(
    make_session: Maker,
) -> None:
    path = make_session([[], [(2, "sad")], []], markers=[(0.2, "go")]) / "results.csv"
    path.write_text(path.read_text().replace("\n1,", "\n\n1,"))
    table = read_table(path)
    assert table.face_id.tolist() == [0, 2, 0]
    assert table.label.tolist() == [NO_LABEL, LABELS.index("sad"), NO_LABEL]
    assert np.isnan(table.box[[0, 2]]).all()
    assert table.box[1].tolist() == [21.0, 20.0, 60.0, 61.25]
    assert table.latency_ms.tolist() == [5.0] * 3
    assert np.isnan(table.added_numbers("yaw_deg")[[0, 2]]).all()
    assert table.markers == ((2, "go"),)


def test_frames_without_faces_are_read_beside_dates_and_numbers_that_are_missing(
    make_session: Maker,
) -> None:
    path = make_session([[], [(2, "sad")], []]) / "results.csv"
    text = path.read_text().replace(",0.100000,,", ",0.100000,2026-03-04T05:06:07.100000Z,")
    text = text.replace(",0.200000,,", ",0.200000,2026-03-04T05:06:07.200000Z,")
    path.write_text(text.replace(",250.25,", ",,"))
    table = read_table(path)
    assert table.face_id.tolist() == [0, 2, 0]
    assert table.brightness.tolist()[1] == 99.0
    assert np.isnan(table.sharpness).all()


def test_a_quote_without_an_end_is_damage_and_no_lost_rows(make_session: Maker) -> None:
    path = make_session([[(1, "happy")]] * 30, markers=[(0.5, "go")]) / "results.csv"
    path.write_text(path.read_text().replace(",go,", ',"go,'))
    with pytest.raises(RecordingError, match="quoted text in it has no end"):
        read_table(path)


def test_a_drive_without_shared_memory_maps_is_read_with_and_without_the_cache(
    make_session: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_device(*_: object, **__: object) -> None:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(mmap, "mmap", no_device)
    monkeypatch.setattr(np, "memmap", no_device)
    monkeypatch.setattr(table_module, "CACHE_FROM_ROWS", 1)
    path = make_session([[(1, "happy")]] * 3) / "results.csv"
    assert len(read_table(path)) == 3
    assert is_kept(path)
    assert len(read_table(path)) == 3


@pytest.mark.parametrize("dated", [True, False])
def test_what_was_recorded_is_read_in_one_go_and_not_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, dated: bool
) -> None:
    def by_row(_reader: object, text: str) -> str:
        raise AssertionError(f"read row by row: {text}")

    p = np.array([0.1, 0.05, 0.15, 0.2, 0.12, 0.3, 0.08], np.float32)
    face = FaceResult(
        3, Box(1, 2, 3, 4), Square(0, 0, 1), 0.5, Expression(p), p, low_confidence=False,
        roll_deg=1.0, sharpness=2.0, brightness=3.0,
    )  # fmt: skip
    lines = [HEADER]
    for index, faces in enumerate([(face, face), (), (face,), (), ()]):
        frame = Frame(np.zeros((1, 1, 3), np.uint8), index, index / 10, 0.0)
        moment = Moment(index, index / 10, datetime(2026, 3, 4, tzinfo=UTC) if dated else None)
        lines.append(rows_of(FrameResult(frame, faces, 1.25, {}), moment, "m" * (index == 2)))
    path = tmp_path / "results.csv"
    path.write_text("".join(lines))
    monkeypatch.setattr(table_module._Reader, "_regular", by_row)
    table = read_table(path)
    assert table.face_id.tolist() == [3, 3, 0, 3, 0, 0]
    assert table.markers == ((3, "m"),)


@pytest.mark.parametrize("marker", ["", "odd, one\nof two lines"])
def test_measures_are_read_and_nan_where_a_row_has_none(tmp_path: Path, marker: str) -> None:
    hidden = replace(FACE, measures=None, unmeasured="hidden")
    assert OTHER.measures is not None
    early = replace(OTHER, measures=replace(OTHER.measures, blink_rate=None, gaze=None))
    rows = [
        rows_of(make_result(*faces), Moment(number, number / 10, None), text, "all")
        for number, (faces, text) in enumerate(
            [((FACE, early), ""), ((hidden,), marker), ((), ""), ((OTHER,), "")]
        )
    ]
    path = tmp_path / "results.csv"
    path.write_text(header_line("all") + "".join(rows), "utf-8")
    table = read_table(path)
    assert table.face_id.tolist() == [3, 5, 3, 0, 5]
    assert table.added_numbers("head_z_cm")[[0, 1, 4]].tolist() == [61.5, 62.5, 62.5]
    assert np.isnan(table.added_numbers("head_z_cm")[[2, 3]]).all()
    assert np.isnan(table.added_numbers("blink_rate")).tolist() == [False, True, True, True, False]
    assert np.isnan(table.added_numbers("gaze_yaw_deg")).tolist() == [0, 1, 1, 1, 0]
    assert table.added_numbers("m_noseSneerRight")[4] == 70 + 51 / 16
    assert table.added["unmeasured"].tolist() == [b"", b"", b"hidden", b"", b""]
    assert table.markers == (((2, marker),) if marker else ())
