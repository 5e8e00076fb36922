"""Parquet export of sessions, by pyarrow, which is an extra: ``pip install 'ferdesk[parquet]'``."""

from pathlib import Path

import numpy as np

from ferdesk.adapters.outputs.parquet_file import load_pyarrow, parquet_file
from ferdesk.core.labels import LABELS
from ferdesk.sessions.annotations import texts_by_row
from ferdesk.sessions.field_columns import added_column, first_column
from ferdesk.sessions.fields import ADDED_FIELDS, FIRST_FIELDS, OTHER_FIELDS
from ferdesk.sessions.reader import Session
from ferdesk.sessions.review import Review, load_review


def write_parquet(session: Session, path: Path, review: Review | None = None) -> None:
    """Write the session's rows under the names of ``results.csv``; float32 stays float32.

    ``label`` is a dictionary column; what a row without a face leaves empty is null. Two columns
    of the review are added: ``lane`` (null where excluded or without a face) and ``name``. Behind
    them stand the fields that came after the first version, and ``annotation`` where there are any.

    Raises:
        RecordingError: pyarrow is not installed, or the file cannot be written.
    """
    pa = load_pyarrow()
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
    started = session.about.get("started_utc") or ""
    about = {"ferdesk.session": session.name, "ferdesk.started_utc": str(started)}
    arrow = pa.table(columns).replace_schema_metadata(about)
    with parquet_file(path) as file:
        pa.parquet.write_table(arrow, file)
