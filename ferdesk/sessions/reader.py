"""Reading a session folder, whole or cut off, and checking that it keeps its contract."""

import csv
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferdesk.core.labels import LABELS
from ferdesk.errors import RecordingError
from ferdesk.sessions.schema import COLUMNS, RESULTS_FILE, SCHEMA, SESSION_FILE

_FACE_NUMBERS = tuple(
    name
    for name in COLUMNS[COLUMNS.index("x") : COLUMNS.index("marker")]
    if name not in ("label", "latency_ms")
)


@dataclass(frozen=True, slots=True)
class Session:
    """A recording: ``rows`` as text by column, ``about`` the content of ``session.json``."""

    folder: Path
    about: dict[str, Any]
    rows: list[dict[str, str]]

    @property
    def complete(self) -> bool:
        return bool(self.about.get("complete"))

    def faces(self) -> list[dict[str, str]]:
        """Rows that show a face."""
        return [row for row in self.rows if row["face_id"]]

    def face_ids(self) -> list[int]:
        return sorted({int(row["face_id"]) for row in self.faces()})

    def frames_with_faces(self) -> list[bool]:
        """For each analysed frame in order, whether it shows a face."""
        seen: dict[str, bool] = {}
        for row in self.rows:
            seen[row["frame"]] = bool(row["face_id"])
        return list(seen.values())


def read_session(folder: Path) -> Session:
    """Open a session folder, also one that a killed program left; a cut last line is left out.

    Raises:
        RecordingError: the folder is no session, or its files cannot be read.
    """
    try:
        about = json.loads((folder / SESSION_FILE).read_text("utf-8"))
        text = (folder / RESULTS_FILE).read_bytes()
    except FileNotFoundError as error:
        raise RecordingError(f"{folder} is not a session: it lacks {error.filename}.") from error
    except (OSError, ValueError) as error:
        raise RecordingError(f"The session {folder} cannot be read: {error}.") from error
    whole = text[: text.rfind(b"\n") + 1].decode("utf-8", errors="replace")
    reader = csv.DictReader(io.StringIO(whole, newline=""))
    if reader.fieldnames is None or tuple(reader.fieldnames[: len(COLUMNS)]) != COLUMNS:
        raise RecordingError(f"{folder / RESULTS_FILE} does not have the columns of a session.")
    return Session(folder, about, list(reader))


def problems_of(session: Session) -> list[str]:
    """What in a session does not keep the contract, a sentence each; empty for a valid one."""
    problems: list[str] = []
    if session.about.get("schema") != SCHEMA:
        problems.append(f"schema is {session.about.get('schema')}, not {SCHEMA}")
    if not session.complete:
        problems.append("the session was not closed properly")
    if session.about.get("rows") != len(session.rows):
        problems.append(f"{len(session.rows)} rows, session.json says {session.about.get('rows')}")
    analysed = len({row["frame"] for row in session.rows})
    if session.about.get("frames_analysed") != analysed:
        problems.append(
            f"{analysed} frames, session.json says {session.about.get('frames_analysed')}"
        )
    before = (-1, -math.inf)
    for number, row in enumerate(session.rows, start=2):
        try:
            now = (int(row["frame"]), float(row["t_s"]))
            if now < before:
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
