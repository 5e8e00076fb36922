"""``results.csv`` as columns, without a loop over its rows.

The separators of a piece of the file are found at once, and the digits of all its numbers are taken
together, eight places at a time. What was read is kept beside the file as columns that are mapped
into memory (``columns.cache``), good for as long as the file has the same size and date.
"""

import csv
import io
import json
import logging
import mmap
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions.fields import ADDED_FIELDS
from ferdesk.sessions.schema import ADDED_COLUMNS, COLUMNS, RESULTS_FILE

log = logging.getLogger(__name__)

NO_LABEL = -1
CACHE_FILE = "columns.cache"
_CACHE_FORMAT = 2
CACHE_FROM_ROWS = 20_000
"""Shorter tables are read as fast as their cache."""
_HEAD_BYTES = 65_536
_PIECE_BYTES = 2_000_000
"""With smaller ones two threads wait for each other between numpy's calls: 8 s instead of 1.3."""
_AT = {name: index for index, name in enumerate(COLUMNS)}
_FACE_NUMBERS = (
    "x", "y", "width", "height", "detection", "confidence",
    *(f"p_{label}" for label in LABELS), *(f"s_{label}" for label in LABELS),
    "roll_deg", "sharpness", "brightness", "latency_ms",
)  # fmt: skip
_MOST_PLACES = 24
"""A number with more, of which there are few, is below 1e-14."""
_SCALES = 10.0 ** np.maximum(np.arange(_MOST_PLACES + 1) - 1, 0)
"""For each place of the point from the right (0: none), what the number is divided by."""
_NINE_SCALES = np.append(0.0, 9 * _SCALES[1:])
_SEPARATORS_END = ord("-")
"""Comma, line ends, quotes and blanks lie below this, all that numbers are made of above."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of a session, column by column, in the file's order; n rows, read-only.

    ``frame`` [n] int64; ``t_s`` [n] float64; ``face_id`` [n] int32, 0 in a row without a face.
    ``box`` [n, 4] float32: x, y, width, height in pixels; ``raw`` and ``smoothed`` [n, 7] float32
    in LABELS' order; ``label`` [n] int8 is an index of LABELS or NO_LABEL; ``uncertain`` [n] bool.
    What a row without a face leaves empty is NaN. ``markers``: rows that have one, and its text.
    ``added``: columns of ADDED_FIELDS, as far as the file has them; [n] float32, or bytes of texts.
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


def read_table(
    path: Path,
    *,
    progress: Callable[[float], object] = lambda _: None,
    num_threads: int | None = None,
) -> Table:
    """Read ``results.csv``; a last line without an end, as a killed program leaves it, is left out.

    Args:
        path: the file.
        progress: is told the share that is read, 0 to 1, where there is no cache; an error that it
            raises ends the reading.
        num_threads: that read; by default as many as help.

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
            cache = path.with_name(CACHE_FILE)
            if (kept := _from_cache(cache, state)) is not None:
                return kept
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                table = _read(path, content, progress, num_threads)
            if len(table) >= CACHE_FROM_ROWS:
                _keep(table, cache, state)
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
        with path.with_name(CACHE_FILE).open("rb") as file:
            about = json.loads(file.read(_HEAD_BYTES))
        return bool(about["fingerprint"] == _fingerprint(path.stat()))
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _fingerprint(state: os.stat_result) -> dict[str, int]:
    return {"format": _CACHE_FORMAT, "bytes": state.st_size, "modified_ns": state.st_mtime_ns}


def _from_cache(cache: Path, state: os.stat_result) -> Table | None:
    """The columns that an earlier reading kept; None where they are of another file, or none."""
    try:
        with cache.open("rb") as file:
            about = json.loads(file.read(_HEAD_BYTES))
        if about.pop("fingerprint") != _fingerprint(state):
            return None
        columns = {
            name: np.memmap(cache, dtype, "r", offset, tuple(shape))
            if 0 not in shape
            else np.zeros(shape, dtype)
            for name, (dtype, offset, shape) in about["columns"].items()
        }
        markers = tuple((int(row), str(text)) for row, text in about["markers"])
        added = {name: columns.pop(name) for name in ADDED_COLUMNS if name in columns}
        return Table(**columns, markers=markers, added=added)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("%s is of no use: %s", cache, error)
        return None


def _keep(table: Table, cache: Path, state: os.stat_result) -> None:
    """Write the columns beside the file, as well as it goes: a folder may be read-only."""
    columns = {**_own_columns(table), **table.added}
    places = {}
    offset = _HEAD_BYTES
    for name, column in columns.items():
        places[name] = (column.dtype.str, offset, column.shape)
        offset += -(-column.nbytes // 64) * 64
    about = {"fingerprint": _fingerprint(state), "columns": places, "markers": table.markers}
    head = json.dumps(about).encode()
    if len(head) > _HEAD_BYTES:
        return  # hundreds of markers; the table is read from its text
    aside = cache.with_name(f"{cache.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        try:
            with aside.open("wb") as file:
                file.write(head.ljust(_HEAD_BYTES))
                for name, column in columns.items():
                    file.seek(places[name][1])
                    file.write(column.tobytes())
                file.truncate(offset)
            aside.replace(cache)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
    except OSError as error:
        log.info("the columns are not kept in %s: %s", cache, error)


def _own_columns(table: Table) -> dict[str, NDArray[Any]]:
    names = (item.name for item in fields(Table) if item.name not in ("markers", "added"))
    return {name: getattr(table, name) for name in names}


def _read(
    path: Path,
    content: mmap.mmap,
    progress: Callable[[float], object],
    num_threads: int | None,
) -> Table:
    start = content.find(b"\n") + 1
    header = tuple(content[: start or len(content)].decode("utf-8-sig", "replace").split(","))
    header = tuple(name.strip().strip('"') for name in header)
    if header[: len(COLUMNS)] != COLUMNS:
        raise RecordingError(
            translatable("{path} does not have the columns of a session.", path=path)
        )
    pieces = list(_pieces(content, start))
    # numpy lets other threads run while it counts, so two cores do almost twice as much
    with ThreadPoolExecutor(num_threads or min(4, os.cpu_count() or 1), "ferdesk-read") as pool:
        parts = []
        try:
            for part in pool.map(lambda piece: _parse(content, piece, header), pieces):
                parts.append(part)
                progress(len(parts) / len(pieces))
        except ValueError as error:
            raise RecordingError(
                translatable("{path} is damaged: {why}.", path=path, why=error)
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
    return _join(parts)


def _pieces(content: mmap.mmap, start: int) -> Iterator[tuple[int, int]]:
    """Ranges of whole lines; a marker may hold a line end between quotes."""
    end = content.rfind(b"\n") + 1
    quoted = content.find(b'"', start) >= 0
    while start < end:
        stop = min(start + _PIECE_BYTES, end)
        stop = content.find(b"\n", stop - 1) + 1
        while quoted and content[start:stop].count(b'"') % 2 and stop < end:
            stop = content.find(b"\n", stop) + 1
        yield start, stop
        start = stop


def _parse(content: mmap.mmap, piece: tuple[int, int], header: tuple[str, ...]) -> Table:
    # a copy: a view that outlives an error would keep the file from being closed
    text = np.frombuffer(content[piece[0] : piece[1]], np.uint8)
    breaks = np.flatnonzero(text < _SEPARATORS_END).astype(np.int32)
    if len(breaks) % len(header) == 0:
        ends = breaks.reshape(-1, len(header))
        # a marker with a comma, a blank or a quote in it makes a line irregular
        lines_end = (text[ends[:, -1]] == ord("\n")).all()
        if lines_end and (text[ends[:, :-1]] == ord(",")).all():
            return _columns(text, ends, header)
    return _parse_slowly(content[piece[0] : piece[1]], header, piece[0])


def _parse_slowly(content: bytes, header: tuple[str, ...], offset: int) -> Table:
    """The same through the csv module: it knows quotes; the lines are then made regular."""
    lines: list[bytes] = []
    markers: list[tuple[int, str]] = []
    # what a newer program added may hold anything
    known = [*range(len(COLUMNS)), *(header.index(i) for i in ADDED_COLUMNS if i in header)]
    reader = csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""))
    for row in reader:
        if len(row) != len(header):
            raise ValueError(f"a line near byte {offset} has {len(row)} columns, not {len(header)}")
        if row[_AT["marker"]]:
            markers.append((len(lines), row[_AT["marker"]]))
            row[_AT["marker"]] = ""
        lines.append(",".join(row[i] for i in known).encode() + b"\n")
    text = np.frombuffer(b"".join(lines), np.uint8)
    breaks = np.flatnonzero(text < _SEPARATORS_END).astype(np.int32)
    if len(breaks) != len(lines) * len(known):
        raise ValueError(f"a line near byte {offset} holds what is no number")
    table = _columns(text, breaks.reshape(-1, len(known)), tuple(header[i] for i in known))
    return replace(table, markers=tuple(markers))


def _columns(text: NDArray[np.uint8], ends: NDArray[np.int32], header: tuple[str, ...]) -> Table:
    """``ends`` [rows, columns]: where each field in ``text`` ends."""
    # words that begin before a field are looked at before they are masked
    behind = 8 + -(len(text) + _MOST_PLACES) % 8
    text = np.concatenate((np.zeros(_MOST_PLACES, np.uint8), text, np.zeros(behind, np.uint8)))
    ends = np.ascontiguousarray(ends.T) + np.int32(_MOST_PLACES)
    starts = np.empty_like(ends)
    starts[1:] = ends[:-1] + 1
    starts[0, 0], starts[0, 1:] = _MOST_PLACES, ends[-1, :-1] + 1
    which = [_AT[name] for name in ("frame", "t_s", "face_id", "uncertain")]
    frame, t_s, face_id, uncertain = _numbers(text, starts[which], ends[which])
    which = [_AT[name] for name in _FACE_NUMBERS]
    numbers = _numbers(text, starts[which], ends[which]).astype(np.float32)
    named = dict(zip(_FACE_NUMBERS, numbers, strict=True))
    starts_of_markers, ends_of_markers = starts[_AT["marker"]], ends[_AT["marker"]]
    marked = np.flatnonzero(ends_of_markers > starts_of_markers)
    added: dict[str, NDArray[Any]] = {}
    for one in ADDED_FIELDS:
        if one.name in header:
            index = header.index(one.name)
            take = _words if one.kind == "text" else _numbers
            column = take(text, starts[index], ends[index])
            added[one.name] = column if one.kind == "text" else column.astype(np.float32)
    if np.isnan(frame).any() or np.isnan(t_s).any():
        raise ValueError("a line has no frame or no time")
    return Table(
        frame=frame.astype(np.int64),
        t_s=t_s,
        face_id=np.nan_to_num(face_id).astype(np.int32),
        box=np.stack([named[name] for name in ("x", "y", "width", "height")], axis=1),
        detection=named["detection"],
        label=_labels(text, starts[_AT["label"]], ends[_AT["label"]]),
        confidence=named["confidence"],
        uncertain=uncertain == 1,
        raw=np.stack([named[f"p_{label}"] for label in LABELS], axis=1),
        smoothed=np.stack([named[f"s_{label}"] for label in LABELS], axis=1),
        roll_deg=named["roll_deg"],
        sharpness=named["sharpness"],
        brightness=named["brightness"],
        latency_ms=named["latency_ms"],
        markers=tuple(
            (int(row), _text(text, starts_of_markers[row], ends_of_markers[row])) for row in marked
        ),
        added=added,
    )


def _text(text: NDArray[np.uint8], start: int, end: int) -> str:
    return text[start:end].tobytes().decode("utf-8", "replace")


def _words(
    text: NDArray[np.uint8], starts: NDArray[np.int32], ends: NDArray[np.int32]
) -> NDArray[np.bytes_]:
    """[n] bytes: short texts, each cut out of the same width."""
    widths = ends - starts
    width = max(1, int(widths.max(initial=1)))
    places = np.arange(width)
    letters = text.take(starts[:, None] + places, mode="clip")
    letters[places >= widths[:, None]] = 0
    words: NDArray[np.bytes_] = letters.view(f"S{width}")[:, 0]
    return words


def _labels(
    text: NDArray[np.uint8], starts: NDArray[np.int32], ends: NDArray[np.int32]
) -> NDArray[np.int8]:
    """Labels [n] by their first two letters, in which all seven differ."""
    known = np.full(1 << 16, NO_LABEL - 1, np.int8)
    for index, label in enumerate(LABELS):
        known[(ord(label[0]) << 8) + ord(label[1])] = index
    codes = (text[starts].astype(np.uint16) << 8) + text[starts + 1]
    labels = np.where(starts == ends, np.int8(NO_LABEL), known[codes])
    if (labels < NO_LABEL).any():
        row = int(np.flatnonzero(labels < NO_LABEL)[0])
        raise ValueError(f"there is no label {_text(text, starts[row], ends[row])!r}")
    return labels.astype(np.int8)


def _numbers(
    text: NDArray[np.uint8], starts: NDArray[np.int32], ends: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Plain decimals of the same shape as ``starts``; NaN where a field is empty.

    Eight places are taken at a time, as one 64-bit number whose bytes are the digits.
    """
    shape = starts.shape
    starts, ends = starts.ravel(), ends.ravel()
    widths = ends - starts
    empty = widths == 0
    negative = text[starts] == ord("-")
    widths -= negative
    longest = int(widths.max(initial=0))
    words = text.view("<u8")
    total, point = _eight(words, ends - 8, widths)
    if longest > 8:
        higher, far = _eight(words, ends - 16, widths - 8)
        total += higher * 1e8
        if (far * point).any():
            raise ValueError("a field holds what is no number")
        point += far + 8 * (far > 0)
    if longest > 16:
        some = np.flatnonzero(widths > 16)
        higher, far = _eight(words, ends[some] - 24, widths[some] - 16)
        # at most nine digits of a float32 count, those before them are zeros
        total[some] += higher * 1e16
        point[some] += far + 16 * (far > 0)
    scale = _SCALES.take(point, mode="clip")
    # the point took a place of its own, as a zero; take it out of the digits before it
    whole = np.floor(total / (scale * 10))
    whole *= _NINE_SCALES.take(point, mode="clip")
    total -= whole
    total /= scale
    np.negative(total, out=total, where=negative)
    total[empty] = np.nan
    for index in np.flatnonzero(widths > _MOST_PLACES):
        total[index] = float(_text(text, starts[index], ends[index]))
    return total.reshape(shape)


def _eight(
    words: NDArray[np.uint64], at: NDArray[np.int32], widths: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The number in eight places, and the point's place from the right, from 1 (0: no point).

    ``widths`` says how many of the places, counted from the last, belong to the field; ``at`` is
    the first one's byte. Whole words are fetched and put together: numpy fetches them five times
    as fast as those that begin anywhere.
    """
    index = at.astype(np.intp)
    shift = ((index & 7) << 3).astype(np.uint64)
    index >>= 3
    values = words.take(index, mode="clip")
    values >>= shift
    index += 1
    # a shift by all 64 bits gives 0, as it should where the word begins at its place
    values |= words.take(index, mode="clip") << (np.uint64(64) - shift)
    values ^= np.uint64(0x3030303030303030)
    kept = 64 - 8 * np.clip(widths, 0, 8)
    values &= np.uint64(0xFFFFFFFFFFFFFFFF) << kept.astype(np.uint64)
    # what is left of a point has a bit that no digit has
    point = values & np.uint64(0x1010101010101010)
    point >>= np.uint64(4)
    values ^= point * np.uint64(0x1E)
    wrong = np.bitwise_or.reduce(values + np.uint64(0x0606060606060606), initial=np.uint64(0))
    # two points, or a minus or slash, which have that bit too
    odd = (point & (point - np.uint64(1))) | (values & (point * np.uint64(0xFF)))
    odd = np.bitwise_or.reduce(odd, initial=np.uint64(0))
    if wrong & np.uint64(0xF0F0F0F0F0F0F0F0) or odd:
        raise ValueError("a field holds what is no number")
    values *= np.uint64(2561)
    values >>= np.uint64(8)
    values &= np.uint64(0x00FF00FF00FF00FF)
    values *= np.uint64(6553601)
    values >>= np.uint64(16)
    values &= np.uint64(0x0000FFFF0000FFFF)
    values *= np.uint64(42949672960001)
    values >>= np.uint64(32)
    # the point in byte k brings that byte of the factor to the top that holds its place, 8 - k
    point *= np.uint64(0x0807060504030201)
    point >>= np.uint64(56)
    # below 2^63, and signed numbers become floats much faster
    return values.view(np.int64).astype(np.float64), point.view(np.int64)


def _join(parts: Sequence[Table]) -> Table:
    markers: list[tuple[int, str]] = []
    offset = 0
    for part in parts:
        markers += [(row + offset, text) for row, text in part.markers]
        offset += len(part)
    if not parts:
        return _empty()

    def joined(name: str) -> NDArray[Any]:
        column = np.concatenate([{**_own_columns(part), **part.added}[name] for part in parts])
        column.setflags(write=False)
        return column

    return Table(
        **{name: joined(name) for name in _own_columns(parts[0])},
        markers=tuple(markers),
        added={name: joined(name) for name in parts[0].added},
    )


def _empty() -> Table:
    def one() -> NDArray[np.float32]:
        return np.zeros(0, np.float32)

    return Table(
        np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int32), np.zeros((0, 4), np.float32),
        one(), np.zeros(0, np.int8), one(), np.zeros(0, bool), np.zeros((0, 7), np.float32),
        np.zeros((0, 7), np.float32), one(), one(), one(), one(),
    )  # fmt: skip
