"""Session reader: a recording from its folder, whole or interrupted, and checks of its contract."""

import contextlib
import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ferdesk.core.labels import LABELS, LabelsFrom
from ferdesk.errors import RecordingError
from ferdesk.messages import counted, translatable
from ferdesk.sessions.schema import (
    COLUMNS,
    PICTURES_FOLDER,
    RESULTS_FILE,
    SCHEMA,
    SESSION_FILE,
    VIDEO_FILE,
)
from ferdesk.sessions.table import Table, read_table

_FACE_NUMBERS = tuple(
    name
    for name in COLUMNS[COLUMNS.index("x") : COLUMNS.index("marker")]
    if name not in ("label", "latency_ms")
)


_FIRST_YEAR, _LAST_YEAR = 1800, 9000


@dataclass(frozen=True, slots=True)
class Marker:
    """Marker: a moment with a label. ``origin``: ``recorded``, ``review``, or a file's name."""

    t_s: float
    label: str
    origin: str = "recorded"


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """Picture of a session of pictures: its ``frame`` in the rows, its file's name, its size."""

    frame: int
    file: str
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Session:
    """Session: ``about`` the content of ``session.json``, ``table`` the rows as columns."""

    folder: Path
    about: dict[str, Any]
    table: Table

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        """The rows as text, as they stand in the file; slow for long sessions."""
        text = (self.folder / RESULTS_FILE).read_bytes()
        whole = text[: text.rfind(b"\n") + 1].decode("utf-8-sig", errors="replace")
        return list(csv.DictReader(io.StringIO(whole, newline="")))

    @property
    def complete(self) -> bool:
        return bool(self.about.get("complete"))

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def title(self) -> str:
        """The name that the user gave, or the folder's."""
        name = self.about.get("name")
        return name.strip() if isinstance(name, str) and name.strip() else self.name

    @property
    def kind(self) -> str:
        """``camera``, ``video``, ``still`` and so on; empty where it is not known."""
        return kind_of(self.about)

    @cached_property
    def first_row_s(self) -> float:
        """The first row's ``t_s``."""
        return float(self.table.t_s[0]) if len(self.table) else 0.0

    @cached_property
    def starts_at_s(self) -> float:
        """The recording's start in ``t_s``: 0 but for a film, which is recorded from somewhere on.

        Users see times since this moment; rows, markers and edits keep their ``t_s``.
        """
        return self.first_row_s if self.kind == "video" else min(0.0, self.first_row_s)

    @cached_property
    def ends_at_s(self) -> float:
        """The last row's ``t_s``: the largest, since times never fall in a sound session."""
        return float(self.table.t_s.max()) if len(self.table) else 0.0

    @property
    def length_s(self) -> float:
        """Seconds from the recording's start to the last row."""
        return self.ends_at_s - self.starts_at_s

    @cached_property
    def video_starts_at_s(self) -> float:
        """The ``t_s`` of the recorded video's first frame; in the video file it stands at 0."""
        video = self.about.get("video")
        starts_at_s = video.get("starts_at_s") if isinstance(video, dict) else None
        if not isinstance(starts_at_s, int | float) or isinstance(starts_at_s, bool):
            return self.first_row_s
        # a damaged file may hold any number; what lies outside the rows is no start
        inside = self.first_row_s - 1.0 <= starts_at_s <= self.ends_at_s
        return float(starts_at_s) if inside else self.first_row_s

    @property
    def started_utc(self) -> datetime | None:
        """The moment of ``t_s`` 0, where it is known: when the recording or the film began."""
        if self.kind in ("video", "still"):
            return parse_utc(self.about.get("film_started_utc"))
        return parse_utc(self.about.get("started_utc"))

    @property
    def labels_from(self) -> LabelsFrom:
        """Where the labels come from; recordings from before people's votes had FER2013's."""
        settings = self.about.get("settings")
        voted = isinstance(settings, dict) and settings.get("labels_from") == "votes"
        return "votes" if voted else "fer2013"

    @property
    def markers(self) -> tuple[Marker, ...]:
        """Those set while recording, in time's order."""
        found = []
        entries = self.about.get("markers")
        for entry in entries if isinstance(entries, list) else ():
            with contextlib.suppress(TypeError, ValueError, KeyError, OverflowError):
                if math.isfinite(t_s := float(entry["t_s"])):
                    found.append(Marker(t_s, str(entry["label"])))
        return tuple(sorted(found, key=lambda marker: marker.t_s))

    @property
    def video(self) -> Path | None:
        """The recorded video, where there is one."""
        path = self.folder / VIDEO_FILE
        return path if path.is_file() else None

    @property
    def film(self) -> Path | None:
        """What can be looked at: the video, or the folder of pictures; None where nothing is."""
        folder = self.folder / PICTURES_FOLDER
        return folder if self.of_pictures and folder.is_dir() else self.video

    @property
    def video_mode(self) -> str:
        """``clean``, ``overlay`` or ``anonymous``; empty where it is not said."""
        video = self.about.get("video")
        return str(video.get("mode") or "") if isinstance(video, dict) else ""

    @property
    def sound_device(self) -> str:
        """The microphone that is heard in the recorded video; empty where none is."""
        video = self.about.get("video")
        sound = video.get("sound") if isinstance(video, dict) else None
        return str(sound.get("device") or "") if isinstance(sound, dict) else ""

    @property
    def of_pictures(self) -> bool:
        """Whether its frames are pictures without a time: each counts once."""
        return self.kind in ("still", "pictures")

    @cached_property
    def pictures(self) -> tuple[PictureInfo, ...]:
        """The picture files of a session of several, in their order; none for anything else."""
        entries = self.about.get("pictures")
        found = []
        for entry in entries if isinstance(entries, list) else ():
            with contextlib.suppress(TypeError, ValueError, KeyError, OverflowError):
                width, height = int(entry["width"]), int(entry["height"])
                # a name and no path: it is looked for in folders
                file = Path(str(entry["file"])).name
                if width > 0 and height > 0:
                    found.append(PictureInfo(int(entry["frame"]), file, width, height))
        return tuple(found)

    @cached_property
    def _sizes(self) -> dict[int, tuple[int, int]]:
        return {one.frame: (one.width, one.height) for one in self.pictures}

    @cached_property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the source's picture, or of what holds all boxes."""
        picture = self.about.get("picture")
        try:
            width, height = int(picture["width"]), int(picture["height"])  # type: ignore[index]
        except (TypeError, KeyError, ValueError, OverflowError):
            width = height = 0
        if not (16 <= width <= 16384 and 16 <= height <= 16384):
            box = self.table.box[self.table.face_id > 0]
            far = (box[:, :2] + box[:, 2:]).max(axis=0, initial=64)
            width, height = (int(np.clip(side, 64, 16384)) for side in far)
        return width, height

    def picture_size_of(self, row: int) -> tuple[int, int]:
        """Width and height of the picture that a row was found in."""
        return self._sizes.get(int(self.table.frame[row]), self.picture_size)

    def faces(self) -> list[dict[str, str]]:
        """Rows that show a face."""
        return [row for row in self.rows if row["face_id"]]

    def face_ids(self) -> list[int]:
        return self.table.face_ids()

    def frames_with_faces(self) -> list[bool]:
        """For each analysed frame in order, whether it shows a face."""
        return [bool(shown) for shown in self.table.face_id[self.table.frame_starts()] > 0]


def read_session(folder: Path, *, progress: Callable[[float], object] = lambda _: None) -> Session:
    """Open a session folder, also one that a killed program left; a cut last line is left out.

    ``progress`` is told the share that is read, 0 to 1, where that takes long.

    Raises:
        RecordingError: the folder is no session, or its files cannot be read.
    """
    about = read_about(folder)
    return Session(folder, about, read_table(folder / RESULTS_FILE, progress=progress))


def read_about(folder: Path) -> dict[str, Any]:
    """The content of ``session.json``.

    Raises:
        RecordingError: there is none, or it cannot be read.
    """
    try:
        about = json.loads((folder / SESSION_FILE).read_text("utf-8"))
    except FileNotFoundError as error:
        raise RecordingError(
            translatable(
                "{path} is not a session: it lacks {file}.",
                path=folder,
                file=SESSION_FILE,
            )
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise RecordingError(
            translatable("The session {path} cannot be read: {why}.", path=folder, why=error)
        ) from error
    if not isinstance(about, dict):
        raise RecordingError(
            translatable("The session {path} cannot be read: it is not a JSON object.", path=folder)
        )
    return about


def kind_of(about: dict[str, Any]) -> str:
    """The kind of source that ``session.json`` names; empty where it names none."""
    source = about.get("source")
    return str(source.get("kind") or "") if isinstance(source, dict) else ""


def parse_utc(text: object) -> datetime | None:
    """A moment as ``session.json`` writes it; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None  # another zone, or a length added, would be out of datetime's range
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def problems_of(session: Session) -> list[str]:
    """What in a session does not keep the contract, a sentence each; empty for a valid one."""
    problems: list[str] = []
    if session.about.get("schema") != SCHEMA:
        problems.append(f"schema is {session.about.get('schema')}, not {SCHEMA}")
    if not session.complete:
        problems.append("the session was not closed properly")
    if session.about.get("rows") != len(session.rows):
        problems.append(
            f"{counted(len(session.rows), 'row')}, session.json says {session.about.get('rows')}"
        )
    analysed = len({row["frame"] for row in session.rows})
    if session.about.get("frames_analysed") != analysed:
        problems.append(
            f"{counted(analysed, 'frame')}, session.json says "
            f"{session.about.get('frames_analysed')}"
        )
    before = (-1, -math.inf)
    for number, row in enumerate(session.rows, start=2):
        try:
            now = (int(row["frame"]), float(row["t_s"]))
            if now < before or now[1] < before[1]:
                problems.append(f"line {number}: time runs backwards")
            before = now
            problems += [f"line {number}: {problem}" for problem in _row_problems(row)]
        except (TypeError, ValueError) as error:
            problems.append(f"line {number}: {error}")
    return problems


def _row_problems(row: dict[str, str]) -> list[str]:
    float(row["latency_ms"])
    if not row["face_id"]:
        filled = [name for name in (*_FACE_NUMBERS, "label") if row[name]]
        return [f"no face, but {', '.join(filled)}"] if filled else []
    problems = []
    values = {name: float(row[name]) for name in _FACE_NUMBERS}
    for kind in ("p", "s"):
        total = sum(values[f"{kind}_{label}"] for label in LABELS)
        if abs(total - 1) > 1e-4:
            problems.append(f"{kind}_* sum to {total}")
    largest = max(LABELS, key=lambda label: values[f"s_{label}"])
    if row["label"] != largest or values["confidence"] != values[f"s_{largest}"]:
        problems.append(f"label {row['label']} is not the largest s_*")
    if int(row["face_id"]) < 1 or not 0 <= values["detection"] <= 1:
        problems.append("face_id or detection out of range")
    return problems
