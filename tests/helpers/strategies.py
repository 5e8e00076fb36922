"""Hypothesis strategies: results, sessions, JSON and texts as the world may bring them."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from ferdesk.core.geometry import Box
from ferdesk.core.labels import LABELS
from ferdesk.core.quality import LowConfidenceReason
from ferdesk.core.types import Expression, FaceResult
from ferdesk.sessions.markers import clean_label
from tests.helpers.results import FACE

TEXTS = st.text(max_size=12)
"""Any characters but halves of surrogate pairs."""
ODD_TEXTS = st.one_of(
    TEXTS,
    st.sampled_from(
        ["", "\ud800", "=1+1", "<b>x</b>", "[red]", "a\0b", "2026-03-04T05:06:07Z", "1e400", "nan",
         "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "../..", "\u202eabc", "video"]
    ),
)  # fmt: skip
ODD_NUMBERS = st.one_of(
    st.integers(-3, 40),
    st.sampled_from([2**31, 2**53, 2**63, -(2**63), 10**400, -1]),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -0.0]),
)
ODD = st.one_of(st.none(), st.booleans(), ODD_NUMBERS, ODD_TEXTS)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    ODD,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(ODD_TEXTS, inner, max_size=4)
    ),
    max_leaves=8,
)
"""What a JSON file may hold, as Python's reader takes it: NaN and Infinity too."""
LABEL_TEXTS = TEXTS.map(clean_label).filter(bool)

_REASONS: list[LowConfidenceReason] = ["", "unclear", "small", "turned", "blurred", "dark"]


def _float32(data: bytes) -> NDArray[np.float32]:
    """Any numbers that a float32 can be; drawn as bytes, since drawing each takes far longer."""
    return np.nan_to_num(np.frombuffer(data, np.float32), nan=0.0, posinf=1.0, neginf=-1.0)


def _shares(data: bytes) -> NDArray[np.float32]:
    """[7] float32 that sum to 1, tiny ones among them."""
    weights = 0.5 ** (np.frombuffer(data, np.uint8) / 4.0)
    return np.asarray(weights / weights.sum(), np.float32)


def _face(face_id: int, numbers: bytes, raw: bytes, smoothed: bytes, reason: str) -> FaceResult:
    x, y, width, height, roll, sharpness, brightness, yaw, pitch, detection = (
        float(number) for number in _float32(numbers)
    )
    return replace(
        FACE,
        face_id=face_id,
        box=Box(x, y, width, height),
        detection_score=abs(detection) % 1.0,
        expression=Expression(_shares(raw)),
        smoothed=_shares(smoothed),
        low_confidence=reason != "",
        roll_deg=roll,
        sharpness=sharpness,
        brightness=brightness,
        reason=reason,  # type: ignore[arg-type]
        yaw_deg=yaw,
        pitch_deg=pitch,
    )


def faces(face_id: int) -> st.SearchStrategy[FaceResult]:
    """A face whose every number may be any float32."""
    seven = st.binary(min_size=7, max_size=7)
    return st.builds(
        _face,
        st.just(face_id),
        st.binary(min_size=40, max_size=40),
        seven,
        seven,
        st.sampled_from(_REASONS),
    )


@st.composite
def frames(draw: st.DrawFn, max_size: int = 5) -> list[tuple[float, tuple[FaceResult, ...]]]:
    """Analysed frames: the time, which never falls, and the faces."""
    t_s, made = 0.0, []
    for _ in range(draw(st.integers(0, max_size))):
        ids = sorted(draw(st.sets(st.integers(1, 2**31 - 1), max_size=2)))
        made.append((round(t_s, 6), tuple(draw(faces(face_id)) for face_id in ids)))
        t_s += draw(st.floats(1e-3, 100.0))
    return made


SIMPLE_FRAMES = st.lists(
    st.lists(
        st.tuples(st.sampled_from([2, 5, 6, 9]), st.sampled_from([*LABELS, "sad?"])),
        max_size=3,
        unique_by=lambda face: face[0],
    ),
    min_size=1,
    max_size=12,
)
"""Frames for ``SessionMaker``: of each, ids and labels."""


@st.composite
def damaged(draw: st.DrawFn, content: bytes, start: int = 0) -> bytes:
    """``content`` with some of its bytes from ``start`` on replaced, cut out or doubled."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(start, max(start, len(data))))
        length = draw(st.integers(0, 20))
        piece = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(
                    [b"\n", b'"', b",", b"\0", b"\xff", b"nan", b"-1", b"9" * 30, b"\r"]
                ),
                st.just(bytes(data[at : at + length]) * 2),
            )
        )
        data[at : at + length] = piece
    return bytes(data)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """An empty folder for one example; ``tmp_path`` is one for all of them."""
    with tempfile.TemporaryDirectory(prefix="ferdesk-invariants-") as folder:
        yield Path(folder)


def check_sentence(error: Exception, *parts: str) -> None:
    """What a person reads of an error is one line, with ``parts`` in it."""
    text = str(error)
    assert len(text.splitlines()) == 1
    assert all(part in text for part in parts)
