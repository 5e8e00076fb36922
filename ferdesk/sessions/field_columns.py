"""Columns of a table by the fields of a result: the values of a field, and where it is empty."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.sessions.fields import FaceField
from ferdesk.sessions.table import NO_LABEL, Table

_BOX = ("x", "y", "width", "height")


def first_column(table: Table, field: FaceField) -> NDArray[Any]:
    """[n] the column of a field that every recording has; ``label`` as an index of LABELS."""
    if field.family:
        values = table.raw if field.family == "p" else table.smoothed
        return values[:, LABELS.index(field.key)]
    if field.name in _BOX:
        return table.box[:, _BOX.index(field.name)]
    column: NDArray[Any] = getattr(table, field.name)
    return column


def added_column(table: Table, field: FaceField) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """[n] the column of a field that came later, and where it is empty."""
    if field.kind == "text":
        words = table.added.get(field.name, np.zeros(len(table), "S1"))
        return words.astype("U"), words == b""
    numbers = table.added_numbers(field.name)
    empty = np.isnan(numbers)
    dtype = {"number": np.float32, "integer": np.int32, "flag": np.bool_}[field.kind]
    return np.where(empty, 0, numbers).astype(dtype), empty


def column_of(table: Table, field: FaceField) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """[n] the column of any field, ``label`` as its text; empty in rows without a face."""
    if field.added:
        return added_column(table, field)
    nobody = table.face_id == 0
    if field.name == "label":
        return np.array((*LABELS, ""))[
            np.where(table.label == NO_LABEL, len(LABELS), table.label)
        ], nobody
    return first_column(table, field), nobody
