"""The columns of ``results.csv``, the rows of a result, and the content of ``session.json``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.sessions.fields import (
    ADDED_FIELDS,
    CSV_FIELDS,
    FIRST_FIELDS,
    OTHER_FIELDS,
    FaceField,
    Kind,
    added_fields,
)

SCHEMA = 1
RESULTS_FILE = "results.csv"
SESSION_FILE = "session.json"
VIDEO_FILE = "video.mp4"
PICTURES_FOLDER = "pictures"
"""Copies of the pictures of a session of picture files, in place of a video."""
FACES_FILE = "faces.csv"
"""The faces of a session of pictures, with the pictures' names."""
REVIEW_FILE = "review.json"

ADDED_COLUMNS: tuple[str, ...] = tuple(one.name for one in ADDED_FIELDS)
"""Came after the first version; recordings without them, or without the last ones, are read too."""
COLUMNS: tuple[str, ...] = tuple(one.name for one in CSV_FIELDS if one.name not in ADDED_COLUMNS)
"""What every recording has, in this order: a header begins with them."""
OTHER_COLUMNS: tuple[str, ...] = tuple(one.name for one in OTHER_FIELDS)
"""Stand behind all others where they were asked for."""


@cache
def header_line(choice: MeasuresChoice = "off", *, both_labels: bool = False) -> str:
    """The first line of ``results.csv``, with this choice of measures.

    With ``both_labels`` OTHER_COLUMNS stand at its end.
    """
    added = [one.name for one in added_fields(choice)]
    return ",".join((*COLUMNS, *added, *(OTHER_COLUMNS if both_labels else ()))) + "\n"


HEADER = header_line()


@dataclass(frozen=True, slots=True)
class Moment:
    """When a result belongs in its session: frame number, seconds, and UTC where known."""

    frame: int
    t_s: float
    utc: datetime | None


def rows_of(
    result: FrameResult,
    moment: Moment,
    marker: str = "",
    choice: MeasuresChoice = "off",
    *,
    both_labels: bool = False,
) -> str:
    """The lines of one analysed frame: one a face, or one with an empty ``face_id``.

    They have the columns of ``header_line`` with the same options.
    """
    time_utc = "" if moment.utc is None else utc_text(moment.utc)
    start = f"{moment.frame},{moment.t_s:.6f},{time_utc}"
    latency = f"{result.latency_ms:.3f}"
    if not result.faces:
        num_added = len(added_fields(choice)) + len(OTHER_FIELDS) * both_labels
        face, added = "," * len(FIRST_FIELDS), "," * num_added
        return f"{start}{face},{latency},{_quoted(marker)}{added}\n"
    lines = []
    for one in result.faces:
        face, added = _face_texts(one, choice)
        other = _other_texts(one) if both_labels else ""
        lines.append(f"{start},{face},{latency},{_quoted(marker)},{added}{other}\n")
        marker = ""
    return "".join(lines)


@cache
def _written(choice: MeasuresChoice) -> tuple[tuple[FaceField, ...], tuple[int, ...]]:
    """The fields of a face, and which of them are numbers."""
    fields = (*FIRST_FIELDS, *added_fields(choice))
    return fields, tuple(i for i, one in enumerate(fields) if one.kind == "number")


def _face_texts(face: FaceResult, choice: MeasuresChoice) -> tuple[str, str]:
    """The face's first fields and those that were added later, joined by commas."""
    fields, are_numbers = _written(choice)
    values = [one.get(face) for one in fields]
    # all numbers at once: making a float32 of each costs more than writing it
    numbers = iter(np.array([values[i] for i in are_numbers], np.float32))
    texts = [_text(one.kind, value, numbers) for one, value in zip(fields, values, strict=True)]
    return ",".join(texts[: len(FIRST_FIELDS)]), ",".join(texts[len(FIRST_FIELDS) :])


def _other_texts(face: FaceResult) -> str:
    """The values of OTHER_FIELDS, each behind a comma."""
    numbers = np.array([one.get(face) for one in OTHER_FIELDS], np.float32)
    return "".join("," if np.isnan(number) else f",{decimal(number)}" for number in numbers)


def _text(kind: Kind, value: float | str | None, numbers: Iterator[np.float32]) -> str:
    if kind == "number":
        number = next(numbers)
        return "" if value is None else decimal(number)
    if value is None:
        return ""
    return _quoted(value) if isinstance(value, str) else str(int(value))


def decimal(number: np.float32) -> str:
    """A plain decimal, never with an exponent, that gives the same float32 when read again."""
    text = str(number)  # in nearly all cases the same as the slower function's
    if "e" in text:
        return np.format_float_positional(number, trim="-")
    return text.removesuffix(".0")


def _quoted(text: str) -> str:
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def utc_text(moment: datetime) -> str:
    """ISO 8601 with microseconds and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class SessionHeader:
    """What is known when a session begins; becomes ``session.json``."""

    program_version: str
    model: dict[str, object]
    provider: str
    provider_reason: str
    source: dict[str, object]
    width: int
    height: int
    settings: dict[str, object]
    started_utc: datetime
    file_starts_utc: datetime | None = None
    device: dict[str, object] = field(default_factory=dict)
    rate_fps: float | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    """``name``, ``participant``, ``condition`` and ``notes``, where somebody gave them."""
    study: Mapping[str, object] = field(default_factory=dict)
    """The study that it belongs to, where it does; see ``studies.trials``."""
    pictures: tuple[str, ...] = ()
    """Names of the picture files of a session of pictures, by their numbers."""
    both_labels: bool = False
    """Rows have OTHER_COLUMNS, too."""

    def utc_at(self, t_s: float, *, live: bool) -> datetime | None:
        """UTC of a moment of the session: a file has one only where it carries a date."""
        start = self.started_utc if live else self.file_starts_utc
        return None if start is None else start + timedelta(seconds=t_s)


@dataclass(slots=True)
class SessionCounts:
    """What a session has counted.

    ``frames_dropped`` were seen and not analysed for lack of time; ``frames_lost`` were analysed
    and not written, as the disk did not keep up. ``first_t_s`` is where a file's recording begins;
    None for a live one, which begins at 0.
    """

    frames_seen: int = 0
    frames_analysed: int = 0
    frames_dropped: int = 0
    frames_lost: int = 0
    rows: int = 0
    first_t_s: float | None = None
    last_t_s: float = 0.0
    face_ids: set[int] = field(default_factory=set)
    video: dict[str, object] | None = None
    markers: list[dict[str, object]] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)
    baselines: list[dict[str, object]] = field(default_factory=list)
    pictures: list[dict[str, object]] = field(default_factory=list)

    def begin_at(self, t_s: float) -> None:
        """A file's time at which the recording starts; what was noted before stands there."""
        self.first_t_s = t_s
        for entry in (*self.markers, *self.events, *self.baselines):
            entry["t_s"] = round(t_s, 6)

    def add_picture(self, header: SessionHeader, number: int, width: int, height: int) -> None:
        """One more of the pictures that ``header`` names."""
        about = {"frame": number, "file": header.pictures[number]}
        self.pictures.append({**about, "width": width, "height": height})


def session_table(
    header: SessionHeader, counts: SessionCounts, ended_utc: datetime | None, *, complete: bool
) -> dict[str, object]:
    """The content of ``session.json``."""
    starts_at_s = counts.first_t_s or 0.0
    return {
        "schema": SCHEMA,
        "program": {"name": "ferdesk", "version": header.program_version},
        "model": header.model,
        "provider": header.provider,
        "provider_reason": header.provider_reason,
        "device": header.device,
        "source": header.source,
        "picture": {
            "width": header.width,
            "height": header.height,
            "rate_fps": header.rate_fps,
        },
        "settings": header.settings,
        **header.about,
        **({"study": dict(header.study)} if header.study else {}),
        "started_utc": utc_text(header.started_utc),
        "film_started_utc": (
            None if header.file_starts_utc is None else utc_text(header.file_starts_utc)
        ),
        "ended_utc": None if ended_utc is None else utc_text(ended_utc),
        "frames_seen": counts.frames_seen,
        "frames_analysed": counts.frames_analysed,
        "frames_dropped": counts.frames_dropped,
        "frames_lost": counts.frames_lost,
        "rows": counts.rows,
        "starts_at_s": round(starts_at_s, 6),
        "length_s": round(max(counts.last_t_s - starts_at_s, 0.0), 6),
        "num_faces": len(counts.face_ids),
        "video": counts.video,
        # copies: the recorder goes on while this is written
        "markers": list(counts.markers),
        "events": list(counts.events),
        "baselines": list(counts.baselines),
        **({"pictures": list(counts.pictures)} if header.pictures else {}),
        "complete": complete,
    }


def picture_file(number: int) -> str:
    """The name of a picture's copy, by its number from 0."""
    return f"{number + 1:05d}.jpg"


def picture_number(name: str) -> int | None:
    """The number of a copy, from 0; None for other files."""
    stem, _, suffix = name.partition(".")
    return int(stem) - 1 if suffix == "jpg" and stem.isdecimal() and stem.isascii() else None
