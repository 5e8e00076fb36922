"""Fields of a face's result: name, unit, meaning and value, once for every output.

``results.csv``, LSL, the WebSocket and Parquet are written from ``FACE_FIELDS``, and the tables in
docs/ are tested against it. A new line at its end arrives in all of them, behind what they had.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ferdesk.core.labels import LABELS
from ferdesk.core.types import FaceResult

Kind = Literal["number", "integer", "flag", "text"]
"""``number`` is float32 in every output that knows it; ``flag`` is 0 or 1, or false or true."""


@dataclass(frozen=True, slots=True)
class Field:
    """One named value.

    ``unit`` and ``group`` are the channel's unit and type in LSL, in XDF's words; ``about`` says
    what the value is, in the docs' words. The WebSocket puts the members of a ``family`` into one
    object of that name.
    """

    name: str
    kind: Kind
    unit: str
    group: str
    about: str
    family: str = ""

    @property
    def key(self) -> str:
        """The name within the family."""
        return self.name.removeprefix(f"{self.family}_") if self.family else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceField(Field):
    """A value of one face: ``get`` takes it from a result.

    One that is ``added`` came after the first version. It stands behind everything else, and
    recordings without it are read as well.
    """

    get: Callable[[FaceResult], float | str]
    added: bool = False


def _number(
    name: str, unit: str, group: str, about: str, get: Callable[[FaceResult], float]
) -> FaceField:
    return FaceField(name, "number", unit, group, about, get=get)


def _later(
    name: str, unit: str, group: str, about: str, get: Callable[[FaceResult], float]
) -> FaceField:
    return FaceField(name, "number", unit, group, about, get=get, added=True)


def _raw(index: int) -> Callable[[FaceResult], float]:
    return lambda face: float(face.expression.probabilities[index])


def _smoothed(index: int) -> Callable[[FaceResult], float]:
    return lambda face: float(face.smoothed[index])


def _other(index: int) -> Callable[[FaceResult], float]:
    return lambda face: float("nan" if (p := face.expression.other) is None else p[index])


FRAME = Field("frame", "integer", "count", "Index", "the frame's index in the source, from 0")
TIME = Field("t_s", "number", "seconds", "Time", "seconds since the start; in a file, its own time")
TIME_UTC = Field("time_utc", "text", "", "Time", "the same as a date, ISO 8601 with Z")
LATENCY = Field(
    "latency_ms", "number", "milliseconds", "Quality", "from the frame's arrival to its result"
)
MARKER = Field("marker", "text", "", "Marker", "markers set since the frame before, joined by `;`")

FACE_FIELDS: tuple[FaceField, ...] = (
    FaceField(
        "face_id", "integer", "count", "Index", "the face's id, from 1",
        get=lambda face: face.face_id,
    ),
    _number("x", "pixels", "Position", "left edge of the face's box", lambda face: face.box.x),
    _number("y", "pixels", "Position", "its upper edge", lambda face: face.box.y),
    _number("width", "pixels", "Size", "its width", lambda face: face.box.width),
    _number("height", "pixels", "Size", "its height", lambda face: face.box.height),
    _number(
        "detection", "probability", "Quality", "the detector's score",
        lambda face: face.detection_score,
    ),
    FaceField(
        "label", "text", "", "Expression", "the largest of the smoothed probabilities",
        get=lambda face: face.label,
    ),
    _number(
        "confidence", "probability", "Expression", "that probability",
        lambda face: face.confidence,
    ),
    FaceField(
        "uncertain", "flag", "boolean", "Quality", "1 where the label has low confidence",
        get=lambda face: face.low_confidence,
    ),
    *(
        FaceField(
            f"p_{label}", "number", "probability", "Expression",
            f"raw probability of {label} in this frame", "p", get=_raw(index),
        )
        for index, label in enumerate(LABELS)
    ),
    *(
        FaceField(
            f"s_{label}", "number", "probability", "Expression",
            f"probability of {label}, smoothed over time", "s", get=_smoothed(index),
        )
        for index, label in enumerate(LABELS)
    ),
    _number(
        "roll_deg", "degrees", "Pose", "the head's roll, clockwise", lambda face: face.roll_deg
    ),
    _number(
        "sharpness", "unitless", "Quality", "variance of the Laplacian of the face's crop",
        lambda face: face.sharpness,
    ),
    _number(
        "brightness", "unitless", "Quality", "mean of the face's crop, 0 to 255",
        lambda face: face.brightness,
    ),
    FaceField(
        "reason", "text", "", "Quality", "why confidence is low, empty where it is not",
        get=lambda face: face.reason, added=True,
    ),
    _later(
        "yaw_deg", "degrees", "Pose",
        "the head's yaw, positive to the picture's right; an estimate",
        lambda face: face.yaw_deg,
    ),
    _later(
        "pitch_deg", "degrees", "Pose", "the head's pitch, positive down; an estimate",
        lambda face: face.pitch_deg,
    ),
    FaceField(
        "votes", "flag", "boolean", "Expression",
        "1 where label and probabilities are people's votes, 0 where FER2013's label",
        get=lambda face: face.expression.labels_from == "votes", added=True,
    ),
)  # fmt: skip

FIRST_FIELDS: tuple[FaceField, ...] = tuple(one for one in FACE_FIELDS if not one.added)
ADDED_FIELDS: tuple[FaceField, ...] = tuple(one for one in FACE_FIELDS if one.added)

REPORT_FIELDS: tuple[FaceField, ...] = tuple(
    one for one in FACE_FIELDS if one.kind == "number" and (one.added or one.group == "Pose")
)
"""What a report summarises beside the expressions; a number that is added later is among them."""

OTHER_FIELDS: tuple[FaceField, ...] = tuple(
    FaceField(
        f"other_{label}", "number", "probability", "Expression",
        f"raw probability of {label} by the answer that labels do not come from", "other",
        get=_other(index), added=True,
    )
    for index, label in enumerate(LABELS)
)  # fmt: skip
"""What a recording has where it was asked for; empty where the model knows one answer."""

CSV_FIELDS: tuple[Field, ...] = (
    FRAME, TIME, TIME_UTC, *FIRST_FIELDS, LATENCY, MARKER, *ADDED_FIELDS,
)  # fmt: skip
"""What a row of ``results.csv`` has, in its order."""


def numeric(fields: Sequence[FaceField]) -> tuple[FaceField, ...]:
    """Those that a stream of numbers can carry."""
    return tuple(one for one in fields if one.kind != "text")
