"""Parquet export of sessions and studies, by pyarrow, an extra: ``pip install 'ferdesk[parquet]'``.

A file is written aside and moved into place.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import IO

import numpy as np

from ferdesk.core.labels import LABELS
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.replace_file import replacing
from ferdesk.sessions.annotations import texts_by_row
from ferdesk.sessions.field_columns import added_column, first_column
from ferdesk.sessions.fields import ADDED_FIELDS, FIRST_FIELDS, OTHER_FIELDS
from ferdesk.sessions.reader import Session
from ferdesk.sessions.review import Review, load_review
from ferdesk.studies.results import StudySession
from ferdesk.studies.tidy_table import tidy_columns, tidy_part

NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


def write_parquet(
    session: Session,
    path: Path,
    review: Review | None = None,
    *,
    more: Mapping[str, str] = NOTHING_MORE,
) -> None:
    """Write the session's rows under the names of ``results.csv``; float32 stays float32.

    ``label`` is a dictionary column; what a row without a face leaves empty is null. Two columns
    of the review are added: ``lane`` (null where excluded or without a face) and ``name``. Behind
    them stand the fields that came after the first version, and ``annotation`` where there are any,
    then ``more``: a column for each name with the same text in all rows, null where it is empty.

    Raises:
        RecordingError: pyarrow is not installed, or the file cannot be written.
    """
    pa = _pyarrow()
    table = session.table
    review = load_review(session) if review is None else review
    nobody = table.face_id == 0
    lane = np.zeros(len(table), np.int32)
    for one in review.shown_tracks():
        lane[one.rows(table)] = one.id
    names = {one.id: one.name for one in review.tracks}
    markers: list[str | None] = [None] * len(table)
    for row, text in table.markers:
        markers[row] = text
    columns: dict[str, object] = {"frame": table.frame, "t_s": table.t_s}
    for field in FIRST_FIELDS:
        if field.name == "label":
            labels = pa.array(table.label.clip(0), mask=nobody)
            columns["label"] = pa.DictionaryArray.from_arrays(labels, pa.array(LABELS))
        else:
            columns[field.name] = pa.array(first_column(table, field), mask=nobody)
    columns["latency_ms"] = table.latency_ms
    columns["marker"] = pa.array(markers, pa.string())
    columns["lane"] = pa.array(lane, mask=lane == 0)
    columns["name"] = pa.array([names.get(int(i)) or None for i in lane], pa.string())
    asked_for = [field for field in OTHER_FIELDS if field.name in table.added]
    for field in (*ADDED_FIELDS, *asked_for):
        if field.measured and field.name not in table.added:
            continue
        values, empty = added_column(table, field)
        columns[field.name] = pa.array(values, mask=empty)
    if review.annotations:
        texts = texts_by_row(session, review)
        columns["annotation"] = pa.array([text or None for text in texts], pa.string())
    for name, text in more.items():
        same = pa.array(np.zeros(len(table), np.int8), mask=np.full(len(table), not text))
        columns[name] = pa.DictionaryArray.from_arrays(same, pa.array([text]))
    started = session.about.get("started_utc") or ""
    about = {"ferdesk.session": session.name, "ferdesk.started_utc": str(started)}
    arrow = pa.table(columns).replace_schema_metadata(about)
    with _file_at(path) as file:
        pa.parquet.write_table(arrow, file)


def write_tidy_parquet(runs: Sequence[StudySession], path: Path) -> None:
    """Write a study's tidy table, a row group for each session.

    Columns and their order are those of the CSV, what is empty there is null.

    Raises:
        RecordingError: pyarrow is not installed, or the file cannot be written.
    """
    pa = _pyarrow()
    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "flag": pa.bool_(),
        "number": pa.float32(),
        "seconds": pa.float64(),
    }
    columns = tidy_columns(runs)
    schema = pa.schema(
        [pa.field(one.name, types[one.kind], metadata={"about": one.about}) for one in columns],
        metadata={"ferdesk.study": runs[0].study.name},
    )
    with _file_at(path) as file, pa.parquet.ParquetWriter(file, schema) as writer:
        for run in runs:
            part = tidy_part(run, columns)
            arrays = [
                pa.array(values.astype(object) if one.kind == "text" else values,
                         types[one.kind], mask=empty)
                for one, values, empty in zip(columns, part.values, part.empty, strict=True)
            ]  # fmt: skip
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _pyarrow() -> ModuleType:
    """The library, with ``pyarrow.parquet``.

    Raises:
        RecordingError: it is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise RecordingError(
            translatable("Parquet needs pyarrow: pip install 'ferdesk[parquet]', or export CSV.")
        ) from error
    module: ModuleType = pa
    return module


@contextlib.contextmanager
def _file_at(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of ``path`` when the block ends without an error.

    Raises:
        RecordingError: it cannot be written; what was there before is still there.
    """
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise RecordingError(
            translatable("{path} cannot be written: {why}.", path=path, why=error.strerror or error)
        ) from error
