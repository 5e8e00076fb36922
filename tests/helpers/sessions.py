"""Sessions on disk in which every value differs: two faces, raw is not smoothed, uneven times.

The times are those of a film of 24 frames a second of which every other is analysed: they begin
where the caller says and are no multiples of anything that the code counts in.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box
from ferdesk.core.labels import LABELS
from ferdesk.core.types import Expression, FaceResult
from ferdesk.sessions.schema import HEADER, Moment, rows_of
from tests.helpers.results import FACE, OTHER, make_result

STEP_S = 2 / 24
FIRST_ID, SECOND_ID = 4, 9


def likely(label: str, share: float) -> NDArray[np.float32]:
    """[7]: ``share`` for ``label``, what is left in seven unequal parts for the others."""
    rest = np.array([1, 2, 3, 4, 5, 6, 7], np.float64)
    rest[LABELS.index(label)] = 0
    values = rest / rest.sum() * (1 - share)
    values[LABELS.index(label)] = share
    return np.asarray(values, np.float32)


def frame_time(index: int, starts_at_s: float = 0.0) -> float:
    """When the analysed frame was taken, to the microsecond that is written."""
    return round(starts_at_s + index * STEP_S, 6)


def first_face(index: int) -> FaceResult:
    """Happy, rising by a per cent a frame, 40 times; by each frame alone it is a surprise."""
    rise = index % 40
    return replace(
        FACE,
        face_id=FIRST_ID,
        box=Box(3.5 + rise, 5.25, 16.75, 21.5),
        expression=Expression(likely("surprise", 0.41 + rise / 200)),
        smoothed=likely("happy", 0.50 + rise / 100),
        low_confidence=False,
        reason="",
    )


def second_face(index: int) -> FaceResult:
    """Sad with low confidence, falling by half a per cent a frame; by each frame alone angry."""
    fall = index % 40
    return replace(
        OTHER,
        face_id=SECOND_ID,
        box=Box(61.25, 11.5 + fall / 4, 19.25, 27.125),
        expression=Expression(likely("angry", 0.36 + fall / 300)),
        smoothed=likely("sad", 0.45 - fall / 200),
        low_confidence=True,
        reason="turned",
    )


def write_two_faces(
    folder: Path,
    *,
    num_frames: int = 24,
    second_leaves_after: int = 12,
    starts_at_s: float = 0.0,
    markers: Sequence[tuple[float, str]] = (),
    about: Mapping[str, object] = MappingProxyType({}),
) -> Path:
    """A session of the two faces, of whom the second leaves; ``about`` goes into session.json."""
    folder.mkdir(parents=True)
    lines, num_rows = [HEADER], 0
    for index in range(num_frames):
        t_s = frame_time(index, starts_at_s)
        faces = [first_face(index)]
        if index < second_leaves_after:
            faces.append(second_face(index))
        lines.append(rows_of(make_result(*faces, index=2 * index), Moment(2 * index, t_s, None)))
        num_rows += len(faces)
    (folder / "results.csv").write_text("".join(lines), "utf-8")
    table: dict[str, object] = {
        "schema": 1,
        "source": {"kind": "camera", "name": "camera0", "location": "camera:0"},
        "model": {"name": "full"},
        "picture": {"width": 96, "height": 54},
        "started_utc": "2026-03-04T05:06:07.000000Z",
        "rows": num_rows,
        "num_faces": 2,
        "markers": [{"t_s": t_s, "label": label} for t_s, label in markers],
        "events": [],
        "complete": True,
        **about,
    }
    (folder / "session.json").write_text(json.dumps(table), "utf-8")
    return folder
