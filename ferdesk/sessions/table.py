"""Table of a session: ``results.csv`` as numpy columns.

numpy's own reader takes the text in chunks. The columns of a long table are kept beside it (see
``column_cache``), good for as long as the file has the same size and date.
"""

import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions import column_cache
from ferdesk.sessions.fields import ADDED_FIELDS, OTHER_FIELDS
from ferdesk.sessions.schema import ADDED_COLUMNS, COLUMNS, OTHER_COLUMNS, RESULTS_FILE

NO_LABEL = -1
CACHE_FILE = "columns.cache"
CACHE_FROM_ROWS = 20_000
"""Shorter tables are read as fast as their cache."""
_CHUNK_BYTES = 131_072
"""numpy reads one in a few milliseconds, in which no other thread runs."""
_MOST_QUOTED_BYTES = 16_000_000
# the csv module's own limit is 131,072 characters a field, and markers may be long texts
csv.field_size_limit(max(csv.field_size_limit(), _MOST_QUOTED_BYTES))
"""A quoted text without an end: the file is damaged."""
_EMPTY = "nan"
"""Stands for an empty field where numpy's reader wants a number."""
_LARGEST_WHOLE, _LARGEST_ID = 2.0**53, 2**31 - 1

_COLUMNS: dict[str, tuple[np.dtype[Any], tuple[str, ...]]] = {
    "frame": (np.dtype("<i8"), ("frame",)),
    "t_s": (np.dtype("<f8"), ("t_s",)),
    "face_id": (np.dtype("<i4"), ("face_id",)),
    "box": (np.dtype("<f4"), ("x", "y", "width", "height")),
    "detection": (np.dtype("<f4"), ("detection",)),
    "label": (np.dtype("i1"), ("label",)),
    "confidence": (np.dtype("<f4"), ("confidence",)),
    "uncertain": (np.dtype("?"), ("uncertain",)),
    "raw": (np.dtype("<f4"), tuple(f"p_{label}" for label in LABELS)),
    "smoothed": (np.dtype("<f4"), tuple(f"s_{label}" for label in LABELS)),
    "roll_deg": (np.dtype("<f4"), ("roll_deg",)),
    "sharpness": (np.dtype("<f4"), ("sharpness",)),
    "brightness": (np.dtype("<f4"), ("brightness",)),
    "latency_ms": (np.dtype("<f4"), ("latency_ms",)),
}
"""The columns of a ``Table``: their types, and what of the file they are made of."""
_TEXTS = {"label": "S9", "marker": "U1", "reason": "S24", "unmeasured": "S12"}
"""How numpy reads a text; of a marker it is enough to see that there is one."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of a session, column by column, in the file's order; n rows, read-only.

    ``frame`` [n] int64; ``t_s`` [n] float64; ``face_id`` [n] int32, 0 in a row without a face.
    ``box`` [n, 4] float32: x, y, width, height in pixels; ``raw`` and ``smoothed`` [n, 7] float32
    in LABELS' order; ``label`` [n] int8 is an index of LABELS or NO_LABEL; ``uncertain`` [n] bool.
    What a row without a face leaves empty is NaN. ``markers``: rows that have one, and its text.
    ``added``: columns of ADDED_FIELDS and OTHER_FIELDS, as far as the file has them; [n] float32,
    or bytes of texts.
    """

    frame: NDArray[np.int64]
    t_s: NDArray[np.float64]
    face_id: NDArray[np.int32]
    box: NDArray[np.float32]
    detection: NDArray[np.float32]
    label: NDArray[np.int8]
    confidence: NDArray[np.float32]
    uncertain: NDArray[np.bool_]
    raw: NDArray[np.float32]
    smoothed: NDArray[np.float32]
    roll_deg: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    brightness: NDArray[np.float32]
    latency_ms: NDArray[np.float32]
    markers: tuple[tuple[int, str], ...] = ()
    added: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def face_ids(self) -> list[int]:
        """The ids of all faces, ascending."""
        return [int(face_id) for face_id in np.unique(self.face_id) if face_id > 0]

    def num_frames(self) -> int:
        """Analysed frames; rows of one frame stand together."""
        return 0 if len(self) == 0 else 1 + int(np.count_nonzero(np.diff(self.frame)))

    def added_numbers(self, name: str) -> NDArray[np.float32]:
        """[n] a column of ``added``; NaN in a recording from before it came."""
        column = self.added.get(name)
        return np.full(len(self), np.nan, np.float32) if column is None else column

    def frame_starts(self) -> NDArray[np.int64]:
        """[num_frames] int64: each analysed frame's first row."""
        if len(self) == 0:
            return np.zeros(0, np.int64)
        return np.concatenate(([0], 1 + np.flatnonzero(np.diff(self.frame))))


def read_table(path: Path, *, progress: Callable[[float], object] = lambda _: None) -> Table:
    """Read ``results.csv``; a last line without an end, as a killed program leaves it, is left out.

    Args:
        path: the file.
        progress: is told the share that is read, 0 to 1, where there is no cache; an error that it
            raises ends the reading.

    Raises:
        RecordingError: it cannot be read, or is no such table; the sentence names the line.
    """
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if state.st_size == 0:
                raise RecordingError(
                    translatable(
                        "{path} is empty; it does not have the columns of a session.", path=path
                    )
                )
            header = _header(path, file)
            cache, layout = path.with_name(CACHE_FILE), _layout(header)
            kept = column_cache.load(cache, state, layout)
            if kept is not None and (table := _of_cache(kept)) is not None:
                return table
            table = _read(path, file, header, progress)
            if len(table) >= CACHE_FROM_ROWS:
                columns = {name: getattr(table, name) for name in _COLUMNS} | dict(table.added)
                column_cache.save(
                    cache, state, layout, {n: columns[n] for n in layout}, table.markers
                )
            return table
    except FileNotFoundError as error:
        raise RecordingError(
            translatable(
                "{path} is not a session: it lacks {file}.",
                path=path.parent,
                file=RESULTS_FILE,
            )
        ) from error
    except OSError as error:
        raise RecordingError(
            translatable("{path} cannot be read: {why}.", path=path, why=error.strerror or error)
        ) from error


def is_kept(path: Path) -> bool:
    """Whether ``read_table(path)`` finds its columns in the cache."""
    try:
        return column_cache.is_current(path.with_name(CACHE_FILE), path.stat())
    except OSError:
        return False


def _header(path: Path, file: IO[bytes]) -> tuple[str, ...]:
    """The columns' names; leaves ``file`` at the first row."""
    line = file.readline(_CHUNK_BYTES)
    names = line.decode("utf-8-sig", "replace").split(",")
    header = tuple(name.strip().strip('"') for name in names)
    if header[: len(COLUMNS)] != COLUMNS:
        raise RecordingError(
            translatable("{path} does not have the columns of a session.", path=path)
        )
    return header


def _added(header: Sequence[str]) -> dict[str, np.dtype[Any]]:
    """Those of the columns that came later which the file has, and their types."""
    return {
        one.name: np.dtype(_TEXTS.get(one.name, "<f4"))
        for one in (*ADDED_FIELDS, *OTHER_FIELDS)
        if one.name in header
    }


def _layout(header: Sequence[str]) -> dict[str, np.dtype[Any]]:
    """Names and types of a table's columns, one value of them a row."""
    own = {
        name: kind if len(parts) == 1 else np.dtype((kind, (len(parts),)))
        for name, (kind, parts) in _COLUMNS.items()
    }
    return own | _added(header)


def _of_cache(kept: column_cache.Kept) -> Table | None:
    """The table of a cache; None where its markers or labels are none."""
    columns = dict(kept.columns)
    num_rows, label = len(columns["frame"]), columns["label"]
    try:
        markers = tuple((int(row), str(text)) for row, text in kept.markers)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return None
    if not all(0 <= row < num_rows for row, _ in markers):
        return None
    if num_rows and (label.min() < NO_LABEL or label.max() >= len(LABELS)):
        return None
    known = (*ADDED_COLUMNS, *OTHER_COLUMNS)
    added = {name: columns.pop(name) for name in known if name in columns}
    return Table(**columns, markers=markers, added=added)


def _read(
    path: Path, file: IO[bytes], header: tuple[str, ...], progress: Callable[[float], object]
) -> Table:
    size = os.fstat(file.fileno()).st_size
    reader = _Reader(header)
    done = file.tell()
    try:
        for chunk in _chunks(file):
            reader.add(chunk.decode("utf-8", "replace"))
            done += len(chunk)
            progress(done / size)
    except (ValueError, csv.Error) as error:
        raise RecordingError(
            translatable("{path} is damaged: {why}.", path=path, why=error)
        ) from error
    return reader.table()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Whole lines, some at a time; a marker may hold a line end between quotes."""
    rest = b""
    while block := file.read(_CHUNK_BYTES):
        rest += block
        end = rest.rfind(b"\n") + 1
        if rest.count(b'"', 0, end) % 2:
            # the last quote begins a text that is not whole: cut before its line
            end = rest.rfind(b"\n", 0, rest.rfind(b'"', 0, end)) + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > _MOST_QUOTED_BYTES:
            break
    if b"\n" in rest:
        raise ValueError("a quoted text in it has no end")


class _Reader:
    """Text of rows in, columns out."""

    def __init__(self, header: tuple[str, ...]) -> None:
        self._header = header
        added = _added(header)
        own = [name for _, parts in _COLUMNS.values() for name in parts]
        names = [*own, "marker", *added]
        wide = ("frame", "t_s", "face_id")
        self._kinds = [(n, _TEXTS.get(n, "<f8" if n in wide else "<f4")) for n in names]
        self._places = [header.index(name) for name in names]
        self._numbers = frozenset(header.index(n) for n in names if n not in _TEXTS)
        self._added = tuple(added)
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._markers: list[tuple[int, str]] = []
        self._num_rows = 0
        self._line = 2
        self._fillings = self._make_fillings()
        # where faces are measured, most rows lack something
        measured = {one.name for one in ADDED_FIELDS if one.measured}
        self._words = (
            [_EMPTY if i in self._numbers else "" for i in range(len(header))]
            if measured & set(header)
            else []
        )

    def _make_fillings(self) -> list[tuple[str, str]]:
        """What a frame without a face leaves empty, and the same with a word for no number."""
        first, end = COLUMNS.index("face_id"), COLUMNS.index("latency_ms")
        face = [_EMPTY if i in self._numbers else "" for i in range(first, end)]
        run, filled = "," * (len(face) + 1), f",{','.join(face)},"
        tail = 0
        while len(self._header) - 1 - tail in self._numbers:
            tail += 1
        # without a date there is one comma more
        pairs = [("," + run, "," + filled), (run, filled)]
        return [*pairs, ("," * tail + "\n", f",{_EMPTY}" * tail + "\n")] if tail else pairs

    def _filled_by_line(self, text: str) -> str:
        """A word for each number that is missing, in rows without quotes."""
        lines = text.split("\n")
        for i, line in enumerate(lines):
            parts = line.split(",")
            if len(parts) == len(self._words):
                lines[i] = ",".join(
                    [part or word for part, word in zip(parts, self._words, strict=True)]
                )
        return "\n".join(lines)

    def add(self, text: str) -> None:
        """Raises ``ValueError`` or ``csv.Error`` where a field holds what it should not."""
        filled = text
        if self._words:
            filled = self._filled_by_line(text)
        elif self._fillings[1][0] in text:
            for empty, full in self._fillings:
                filled = filled.replace(empty, full)
        try:
            rows = self._load(filled)
            as_wanted = text.count(",") == len(rows) * (len(self._header) - 1)
            if '"' in text or not as_wanted:
                raise ValueError
        except ValueError:
            rows = self._load(self._regular(text))
        self._parts.append(self._columns(rows))
        if (rows["marker"] != "").any():
            fields = (row for row in csv.reader(io.StringIO(text, newline="")) if row)
            at = COLUMNS.index("marker")
            marked = ((number, row[at]) for number, row in enumerate(fields))
            self._markers += [(self._num_rows + number, one) for number, one in marked if one]
        self._num_rows += len(rows)
        self._line += text.count("\n")

    def table(self) -> Table:
        def joined(name: str) -> NDArray[Any]:
            column = np.concatenate([part[name] for part in self._parts])
            column.setflags(write=False)
            return column

        if not self._parts:
            self._parts.append(self._columns(np.zeros(0, self._kinds)))
        return Table(
            **{name: joined(name) for name in _COLUMNS},
            markers=tuple(self._markers),
            added={name: joined(name) for name in self._added},
        )

    def _load(self, text: str) -> NDArray[Any]:
        if not text.strip():
            return np.zeros(0, self._kinds)
        return np.loadtxt(
            io.StringIO(text), self._kinds, comments=None, delimiter=",", quotechar='"',
            usecols=self._places, ndmin=1,
        )  # fmt: skip

    def _regular(self, text: str) -> str:
        """The same rows, checked one by one, with a word for each number that is missing."""
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        reader = csv.reader(io.StringIO(text, newline=""))
        for row in reader:
            line = self._line + reader.line_num - 1
            if row and len(row) != len(self._header):
                raise ValueError(f"line {line} has {len(row)} columns, not {len(self._header)}")
            for index in self._numbers if row else ():
                row[index] = row[index] or _EMPTY
                try:
                    float(row[index])
                except ValueError:
                    name = self._header[index]
                    raise ValueError(
                        f"{row[index]!r} in line {line}, column {name}, is no number"
                    ) from None
            writer.writerow(row)
        return lines.getvalue()

    def _columns(self, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
        whole = np.isfinite(rows["t_s"]) & (np.abs(rows["frame"]) < _LARGEST_WHOLE)
        self._refuse(rows, ~whole, "it has no frame or no time")
        face_id = np.nan_to_num(rows["face_id"])
        self._refuse(rows, (face_id < 0) | (face_id > _LARGEST_ID), "its face_id is none")
        label = np.full(len(rows), NO_LABEL - 1, np.int8)
        label[rows["label"] == b""] = NO_LABEL
        for index, name in enumerate(LABELS):
            label[rows["label"] == name.encode()] = index
        self._refuse(rows, label < NO_LABEL, "there is no label", "label")
        self._refuse(rows, (label == NO_LABEL) & (face_id > 0), "a face without a label")
        made = {"face_id": face_id, "label": label, "uncertain": rows["uncertain"] == 1}
        columns = {}
        for name, (kind, parts) in _COLUMNS.items():
            if name in made:
                columns[name] = made[name].astype(kind)
            elif len(parts) == 1:
                columns[name] = rows[parts[0]].astype(kind)
            else:
                columns[name] = np.stack([rows[part] for part in parts], axis=1)
        return columns | {name: rows[name].copy() for name in self._added}

    def _refuse(
        self, rows: NDArray[Any], wrong: NDArray[np.bool_], why: str, column: str = ""
    ) -> None:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            what = f" {rows[column][row].decode('latin-1')!r}" if column else ""
            raise ValueError(f"line {self._line + row}: {why}{what}")


def _empty() -> Table:
    return _Reader((*COLUMNS,)).table()
