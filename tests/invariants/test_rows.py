"""Invariants of ``results.csv``: no row is lost, times never fall, no reader crashes."""

import csv
import io
import json
from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ferdesk.core.types import FaceResult
from ferdesk.errors import RecordingError
from ferdesk.sessions.catalogue import entry_of, repair
from ferdesk.sessions.export import rows_csv, summary_csv
from ferdesk.sessions.reader import problems_of, read_session
from ferdesk.sessions.report import html_report
from ferdesk.sessions.schema import HEADER, RESULTS_FILE, SESSION_FILE, Moment, rows_of
from ferdesk.sessions.table import Table, read_table
from tests.helpers.results import make_result
from tests.helpers.strategies import (
    LABEL_TEXTS,
    SIMPLE_FRAMES,
    check_sentence,
    damaged,
    frames,
    fresh_folder,
)
from tests.sessions.conftest import Faces, SessionMaker

MADE = datetime(2026, 3, 5, tzinfo=UTC)
Frames = list[tuple[float, tuple[FaceResult, ...]]]


def text_of(analysed: Frames, markers: dict[int, str]) -> str:
    return HEADER + "".join(
        rows_of(make_result(*faces), Moment(3 * number, t_s, None), markers.get(number, ""))
        for number, (t_s, faces) in enumerate(analysed)
    )


def read(text: bytes) -> Table:
    with fresh_folder() as folder:
        (folder / RESULTS_FILE).write_bytes(text)
        return read_table(folder / RESULTS_FILE)


MARKED = st.dictionaries(st.integers(0, 5), LABEL_TEXTS, max_size=3)


@given(frames(), MARKED)
def test_every_row_is_read_back_as_it_was_written(
    analysed: Frames, markers: dict[int, str]
) -> None:
    table = read(text_of(analysed, markers).encode())
    rows = [
        (3 * number, t_s, face)
        for number, (t_s, faces) in enumerate(analysed)
        for face in faces or (None,)
    ]
    assert table.frame.tolist() == [frame for frame, _, _ in rows]
    assert table.t_s.tolist() == [t_s for _, t_s, _ in rows]
    assert table.face_id.tolist() == [face.face_id if face else 0 for _, _, face in rows]
    for index, (_, _, face) in enumerate(rows):
        if face is None:
            assert np.isnan(table.box[index]).all()
            continue
        box = face.box
        np.testing.assert_array_equal(
            table.box[index], np.array([box.x, box.y, box.width, box.height], np.float32)
        )
        np.testing.assert_array_equal(table.raw[index], face.expression.probabilities)
        np.testing.assert_array_equal(table.smoothed[index], face.smoothed)
        measured = (table.roll_deg, table.sharpness, table.brightness,
                    *(table.added_numbers(name) for name in ("yaw_deg", "pitch_deg")))  # fmt: skip
        given_ = (face.roll_deg, face.sharpness, face.brightness, face.yaw_deg, face.pitch_deg)
        assert [float(one[index]) for one in measured] == list(given_)
        assert bool(table.uncertain[index]) == face.low_confidence
        assert table.added["reason"][index].decode() == face.reason
    first_rows = table.frame_starts()
    wanted = [(int(first_rows[n]), m) for n, m in sorted(markers.items()) if n < len(analysed)]
    assert list(table.markers) == wanted


@given(frames(), MARKED)
def test_any_csv_reader_sees_the_same_cells(analysed: Frames, markers: dict[int, str]) -> None:
    text = text_of(analysed, markers)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == sum(max(1, len(faces)) for _, faces in analysed)
    assert all(None not in row and None not in row.values() for row in rows)
    shown = [row["marker"] for row in rows if row["marker"]]
    assert shown == [m for n, m in sorted(markers.items()) if n < len(analysed)]


@given(frames(), MARKED, st.data())
def test_a_cut_anywhere_costs_the_cut_row_and_none_before_it(
    analysed: Frames, markers: dict[int, str], data: st.DataObject
) -> None:
    text = text_of(analysed, markers).encode()
    at = data.draw(st.integers(len(HEADER), len(text)))
    table = read(text[:at])
    whole = read(text)
    assert len(table) == text[:at].count(b"\n") - 1
    assert table.t_s.tolist() == whole.t_s.tolist()[: len(table)]
    np.testing.assert_array_equal(table.smoothed, whole.smoothed[: len(table)])


@given(SIMPLE_FRAMES, st.data())
def test_a_cut_session_is_repaired_with_every_whole_row(
    analysed: list[Faces], data: st.DataObject
) -> None:
    with fresh_folder() as root:
        folder = SessionMaker(root)(analysed, complete=False)
        path = folder / RESULTS_FILE
        text = path.read_bytes()
        at = data.draw(st.integers(len(HEADER), len(text)))
        path.write_bytes(text[:at])
        entry = repair(folder)
        assert path.read_bytes() == text[: text.rfind(b"\n", 0, at) + 1]
        session = read_session(folder)
        assert entry.complete
        assert entry.num_rows == len(session.table) == text[:at].count(b"\n") - 1
        assert problems_of(session) == []


@given(SIMPLE_FRAMES, st.data())
def test_damage_anywhere_is_one_sentence_or_rows_and_never_a_crash(
    analysed: list[Faces], data: st.DataObject
) -> None:
    with fresh_folder() as root:
        folder = SessionMaker(root)(analysed, complete=data.draw(st.booleans()))
        path = folder / RESULTS_FILE
        path.write_bytes(data.draw(damaged(path.read_bytes())))
        entry_of(folder)
        try:
            session = read_session(folder)
        except RecordingError as error:
            check_sentence(error)
        else:
            assert all(len(getattr(session.table, name)) == len(session.table)
                       for name in ("t_s", "face_id", "box", "label", "smoothed"))  # fmt: skip
            problems_of(session)
            assert html_report([session], made=MADE, version="0").startswith("<!")
            summary_csv([session])
            rows_csv(session, "pyfeat")
        try:
            repair(folder)
        except RecordingError as error:
            check_sentence(error)


@given(st.binary(max_size=400), st.binary(max_size=200))
def test_a_folder_of_anything_is_listed_and_refused_in_one_sentence(
    rows: bytes, about: bytes
) -> None:
    with fresh_folder() as folder:
        (folder / RESULTS_FILE).write_bytes(rows)
        (folder / SESSION_FILE).write_bytes(about)
        assert entry_of(folder).folder == folder
        for use in (read_session, repair):
            try:
                use(folder)
            except RecordingError as error:
                check_sentence(error)
            else:
                json.loads((folder / SESSION_FILE).read_text("utf-8"))
        assert (folder / RESULTS_FILE).read_bytes() == rows
