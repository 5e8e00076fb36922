"""Invariants of marker files: read as they were meant or refused in one sentence, never guessed."""

import codecs
import csv
import io
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import given
from hypothesis import strategies as st

from ferdesk.errors import RecordingError
from ferdesk.sessions.marker_columns import Unit, Wanted
from ferdesk.sessions.markers import clean_label, read_markers
from ferdesk.sessions.reader import Session, read_session
from tests.helpers.strategies import (
    LABEL_TEXTS,
    TEXTS,
    check_sentence,
    damaged,
    fresh_folder,
)
from tests.sessions.conftest import SessionMaker


@cache
def session() -> Session:
    """Twenty minutes; nothing is written into its folder, so one serves all examples."""
    root = Path(mkdtemp(prefix="ferdesk-invariants-"))
    return read_session(SessionMaker(root)([[(1, "happy")]] * 120, step_s=10.0))


def markers_of(content: bytes, wanted: Wanted | None = None) -> list[tuple[float, str]] | str:
    """The markers, or the sentence that refuses them."""
    with fresh_folder() as folder:
        (folder / "m.csv").write_bytes(content)
        try:
            found = read_markers(folder / "m.csv", session(), wanted=wanted)
        except RecordingError as error:
            check_sentence(error, str(folder / "m.csv"))
            return str(error)
    times = [marker.t_s for marker in found]
    assert times == sorted(times)
    assert all(marker.label == clean_label(marker.label) != "" for marker in found)
    return [(marker.t_s, marker.label) for marker in found]


LABELS = st.one_of(
    LABEL_TEXTS,
    st.sampled_from(
        ["film A, sad", "film; B", 'a "quoted" one', "0,5", "1.5", "time", "label", "tab\there",
         "-1", "'", '"', "00:00:01", "n/a", "sep=;", "stop"]
    ),
)  # fmt: skip
TIMES = st.integers(0, 1_200_000).map(lambda ms: ms / 1000)
TABLES = st.lists(st.tuples(TIMES, LABELS), min_size=1, max_size=6)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])


def written(
    rows: list[tuple[float, str]], delimiter: str, decimal: str, header: bool, encoding: str
) -> bytes:
    text = io.StringIO()
    out = csv.writer(text, delimiter=delimiter)
    if header:
        out.writerow(["time", "label"])
    out.writerows((f"{t_s:.3f}".replace(".", decimal), label) for t_s, label in rows)
    return text.getvalue().encode(encoding)


@given(TABLES, st.sampled_from("\t;,"), st.sampled_from(".,"), st.booleans(), ENCODINGS)
def test_each_marker_has_the_time_and_label_that_were_written_or_the_file_is_refused(
    rows: list[tuple[float, str]], delimiter: str, decimal: str, header: bool, encoding: str
) -> None:
    found = markers_of(written(rows, delimiter, decimal, header, encoding))
    wanted = sorted((t_s, clean_label(label)) for t_s, label in rows)
    if not isinstance(found, str):
        assert sorted(found) == wanted


@given(TABLES, ENCODINGS)
def test_the_form_that_the_docs_recommend_is_never_refused(
    rows: list[tuple[float, str]], encoding: str
) -> None:
    rows = [(t_s, clean_label(label)) for t_s, label in rows if "\0" not in label]
    found = markers_of(written([(0.0, "start"), *rows], ",", ".", True, encoding))
    assert found == sorted([(0.0, "start"), *rows], key=lambda row: row[0])


@given(TABLES, st.sampled_from([(Unit.MS, 1000.0), (Unit.US, 1_000_000.0)]))
def test_a_unit_that_is_said_holds_for_every_line(
    rows: list[tuple[float, str]], unit: tuple[Unit, float]
) -> None:
    text = "time,label\n" + "".join(f"{round(t_s * unit[1])},x\n" for t_s, _ in rows)
    found = markers_of(text.encode(), Wanted(unit=unit[0]))
    assert found == [(t_s, "x") for t_s, _ in sorted(rows)]


@given(st.lists(TIMES, min_size=1, max_size=5))
def test_dates_lie_at_their_distance_from_the_sessions_start(times: list[float]) -> None:
    started = session().started_utc
    assert started is not None
    dates = [(started + timedelta(seconds=t_s)).isoformat() for t_s in times]
    text = "time,label\n" + "".join(f"{date},x\n" for date in dates)
    assert markers_of(text.encode()) == [(t_s, "x") for t_s in sorted(times)]


CELLS = st.one_of(
    TEXTS,
    st.sampled_from(
        ["time", "onset", "label", "trial_type", "duration", "Behavior", "Time (s)", "begin time",
         "1", "1.5", "2,5", "1e3", "00:00:05", "2026-03-04T05:06:08Z", "n/a", '"', "ms", "\r", "\0"]
    ),
)  # fmt: skip


@given(
    st.lists(st.lists(CELLS, max_size=5), max_size=6),
    st.sampled_from("\t;,"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-16-le", "cp1252"]),
)
def test_any_table_is_markers_or_one_sentence(
    rows: list[list[str]], delimiter: str, ending: str, encoding: str
) -> None:
    text = ending.join(delimiter.join(row) for row in rows)
    markers_of(text.encode(encoding, "replace"))


@given(
    st.binary(max_size=120),
    st.sampled_from([b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"sep=;\n", b"PK\x03\x04"]),
    st.builds(
        Wanted,
        time_column=st.sampled_from(["", "1", "time", "0", "99"]),
        label_column=st.sampled_from(["", "2", "label", "1"]),
        unit=st.sampled_from([None, *Unit]),
        encoding=st.sampled_from(["", "gbk", "utf-16", "cp1252", "rot13", "no such"]),
    ),
)
def test_any_bytes_are_markers_or_one_sentence(data: bytes, start: bytes, wanted: Wanted) -> None:
    markers_of(start + data, wanted)


@given(TABLES, st.sampled_from("\t;,"), st.data())
def test_a_damaged_table_is_markers_or_one_sentence(
    rows: list[tuple[float, str]], delimiter: str, data: st.DataObject
) -> None:
    markers_of(data.draw(damaged(written(rows, delimiter, ".", True, "utf-8"))))
