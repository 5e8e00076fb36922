"""Sessions on disk, written as the recorder writes them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.geometry import Box, Square
from ferdesk.core.labels import LABELS
from ferdesk.core.types import Expression, FaceResult, Frame, FrameResult
from ferdesk.sessions.schema import HEADER, Moment, rows_of

Faces = Sequence[tuple[int, str]]
"""The faces of one frame: id and label; a label with ``?`` has low confidence."""


WEIGHTS = np.array([1, 2, 3, 4, 5, 6], np.float32) / 21


def spread(label: str, share: float, weights: np.ndarray) -> np.ndarray:
    """``share`` for one label, the rest over the others by ``weights``: seven different values."""
    values = np.insert((1 - share) * weights, LABELS.index(label), share)
    return np.asarray(values, np.float32)


def face(face_id: int, label: str, share: float = 0.76, detection: float = 0.9) -> FaceResult:
    """``share`` is the smoothed probability; the raw one is an eighth less."""
    name = label.strip("?")
    return FaceResult(
        face_id, Box(10.5 * face_id, 20, 60, 61.25), Square(0, 0, 60), detection,
        Expression(spread(name, share - 0.125, WEIGHTS[::-1])), spread(name, share, WEIGHTS),
        label.endswith("?"), -1.5, 250.25, 99.0, yaw_deg=12.25, pitch_deg=-7.75,
    )  # fmt: skip


@dataclass
class SessionMaker:
    """Writes a session of frames a tenth of a second apart."""

    root: Path

    def __call__(
        self,
        frames: Sequence[Faces],
        *,
        name: str = "s",
        step_s: float = 0.1,
        times: Sequence[float] | None = None,
        markers: Sequence[tuple[float, str]] = (),
        origin: str = "",
        complete: bool = True,
        **about: object,
    ) -> Path:
        folder = self.root / name
        folder.mkdir()
        lines = [HEADER]
        before_s = -step_s
        for index, faces in enumerate(frames):
            t_s = index * step_s if times is None else times[index]
            marker = ";".join(label for at, label in markers if before_s < at <= t_s)
            before_s = t_s
            frame = Frame(np.zeros((4, 4, 3), np.uint8), index, t_s, 0.0)
            result = FrameResult(frame, tuple(face(*one) for one in faces), 5.0, {})
            lines.append(rows_of(result, Moment(index, t_s, None), marker))
        (folder / "results.csv").write_text("".join(lines), "utf-8")
        table = {
            "schema": 1,
            "source": {"kind": "camera", "name": "camera0", "location": "camera:0"},
            "model": {"name": "fast"},
            "started_utc": "2026-03-04T05:06:07.000000Z",
            "rows": sum(max(1, len(faces)) for faces in frames),
            "markers": [
                {"t_s": t_s, "label": label} | ({"origin": origin} if origin else {})
                for t_s, label in markers
            ],
            "events": [],
            "complete": complete,
            **about,
        }
        (folder / "session.json").write_text(json.dumps(table), "utf-8")
        return folder


@pytest.fixture
def make_session(tmp_path: Path) -> Callable[..., Path]:
    return SessionMaker(tmp_path)
