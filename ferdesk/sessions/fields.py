"""Fields of a face's result: name, unit, meaning and value, once for every output.

``results.csv``, LSL, the WebSocket and Parquet are written from ``FACE_FIELDS``, and the tables in
docs/ are tested against it. A new line at its end arrives in all of them, behind what they had.
What is measured of a face is written where that is switched on (``added_fields``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from ferdesk.core.labels import LABELS
from ferdesk.core.measures.blinks import Blink, Side
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.measures.valence import valence
from ferdesk.core.measures.values import FaceMeasures, MeasuresChoice
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
    recordings without it are read as well. ``measured`` is the choice with which it is written,
    empty for always; its ``get`` gives None where it was not measured.
    """

    get: Callable[[FaceResult], float | str | None]
    added: bool = False
    measured: Literal["", "pose", "all"] = ""


def _number(
    name: str, unit: str, group: str, about: str, get: Callable[[FaceResult], float]
) -> FaceField:
    return FaceField(name, "number", unit, group, about, get=get)


def _later(
    name: str, unit: str, group: str, about: str, get: Callable[[FaceResult], float]
) -> FaceField:
    return FaceField(name, "number", unit, group, about, get=get, added=True)


def _of_pose(
    name: str, unit: str, group: str, about: str, get: Callable[[FaceMeasures], float | None]
) -> FaceField:
    return FaceField(
        name, "number", unit, group, about, get=_measured(get), added=True, measured="pose"
    )


def _of_all(
    name: str, unit: str, group: str, about: str, get: Callable[[FaceMeasures], float | None]
) -> FaceField:
    return FaceField(
        name, "number", unit, group, about, get=_measured(get), added=True, measured="all"
    )


def _measured(
    get: Callable[[FaceMeasures], float | None],
) -> Callable[[FaceResult], float | None]:
    """Nothing for a face that was not measured in this very frame."""

    def of_face(face: FaceResult) -> float | None:
        measures = face.measures
        return get(measures) if measures is not None and measures.measured_now else None

    return of_face


def _blink(side: Side, get: Callable[[Blink], float]) -> Callable[[FaceMeasures], float | None]:
    def of_measures(measures: FaceMeasures) -> float | None:
        if measures.openness is None or side not in measures.blinks_followed:
            return None
        return next((get(blink) for blink in measures.blinks if blink.side == side), 0.0)

    return of_measures


def _movement(index: int) -> Callable[[FaceMeasures], float | None]:
    return lambda one: None if one.movements is None else float(one.movements[index])


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
    _later(
        "valence", "unitless", "Expression",
        "raw probability of happy less the largest of angry, disgust, fear and sad",
        lambda face: valence(face.expression.probabilities),
    ),
    FaceField(
        "unmeasured", "text", "", "Quality",
        "why the columns that follow are empty, and the angles are estimates",
        get=lambda face: None if face.unmeasured == "off" else face.unmeasured,
        added=True, measured="pose",
    ),
    _of_pose(
        "presence", "probability", "Quality", "whether a face is there, by the landmark network",
        lambda one: one.landmarks.presence,
    ),
    _of_pose(
        "head_x_cm", "centimeters", "Pose", "the head's place, to the picture's right",
        lambda one: one.pose.x_cm,
    ),
    _of_pose("head_y_cm", "centimeters", "Pose", "the same, down", lambda one: one.pose.y_cm),
    _of_pose(
        "head_z_cm", "centimeters", "Pose", "the same, away from the camera",
        lambda one: one.pose.z_cm,
    ),
    _of_all(
        "eye_open_left", "unitless", "Eyes",
        "openness of the person's left eye: about 0.1 open, 0.03 closed",
        lambda one: None if one.openness is None else one.openness.left,
    ),
    _of_all(
        "eye_open_right", "unitless", "Eyes", "the same of the right eye",
        lambda one: None if one.openness is None else one.openness.right,
    ),
    _of_all(
        "blink_left_s", "seconds", "Eyes",
        "length of a blink of the left eye that ended in this frame, else 0",
        _blink("left", lambda blink: blink.length_s),
    ),
    _of_all(
        "blink_left_depth", "unitless", "Eyes", "by which share it closed, else 0",
        _blink("left", lambda blink: blink.depth),
    ),
    _of_all(
        "blink_right_s", "seconds", "Eyes", "length of a blink of the right eye",
        _blink("right", lambda blink: blink.length_s),
    ),
    _of_all(
        "blink_right_depth", "unitless", "Eyes", "by which share it closed",
        _blink("right", lambda blink: blink.depth),
    ),
    _of_all(
        "blink_rate", "per minute", "Eyes", "blinks a minute, over the last minute",
        lambda one: one.blink_rate,
    ),
    _of_all(
        "gaze_yaw_deg", "degrees", "Eyes",
        "gaze relative to the head, positive to the person's left; an estimate",
        lambda one: None if one.gaze is None else one.gaze.yaw_deg,
    ),
    _of_all(
        "gaze_pitch_deg", "degrees", "Eyes", "the same, positive down; an estimate",
        lambda one: None if one.gaze is None else one.gaze.pitch_deg,
    ),
    *(
        FaceField(
            f"m_{name}", "number", "unitless", "Movement", f"movement {name}, 0 to 1", "m",
            get=_measured(_movement(index)), added=True, measured="all",
        )
        for index, name in enumerate(MOVEMENTS)
    ),
)  # fmt: skip

FIRST_FIELDS: tuple[FaceField, ...] = tuple(one for one in FACE_FIELDS if not one.added)
ADDED_FIELDS: tuple[FaceField, ...] = tuple(one for one in FACE_FIELDS if one.added)

REPORT_FIELDS: tuple[FaceField, ...] = tuple(
    one
    for one in FACE_FIELDS
    if one.kind == "number"
    and not one.measured
    and one.name != "valence"
    and (one.added or one.group == "Pose")
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
"""What a row of ``results.csv`` has, in its order, where all is measured."""


@cache
def added_fields(choice: MeasuresChoice = "off") -> tuple[FaceField, ...]:
    """Fields that came after the first version and are written with this choice of measures."""
    written = {"off": ("",), "pose": ("", "pose")}.get(choice, ("", "pose", "all"))
    return tuple(one for one in ADDED_FIELDS if one.measured in written)


def choice_of(settings: Mapping[str, object]) -> MeasuresChoice:
    """What was measured in a session, as the settings in its ``session.json`` say."""
    choices: tuple[MeasuresChoice, ...] = ("pose", "all", "mean")
    return next((one for one in choices if one == settings.get("measures")), "off")


def numeric(fields: Sequence[FaceField]) -> tuple[FaceField, ...]:
    """Those that a stream of numbers can carry."""
    return tuple(one for one in fields if one.kind != "text")
