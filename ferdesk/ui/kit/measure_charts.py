"""Charts of measures: which lines share an axis, and their values live and in recorded rows."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import NUM_LABELS
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.measures.valence import valence
from ferdesk.core.types import FaceResult
from ferdesk.sessions.table import Table
from ferdesk.ui.kit.language import mark

_MOST_DEG = 60.0
_MOST_GAZE_DEG = 45.0
_WIDEST = 0.2
"""An open eye is about 0.1."""
_LONGEST_TURN_S = 0.5
"""Lines go on while other faces have their turn, for as long as live."""
_ANGLES = ("yaw_deg", "pitch_deg", "roll_deg")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A line: its name, and the columns of the rows whose mean it is."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Chart of up to seven lines, on an axis from ``low`` to ``high`` in ``unit``."""

    title: str
    low: float
    high: float
    unit: str
    lines: tuple[ChartLine, ...]

    def ticks(self) -> list[tuple[float, str]]:
        """Numbers at the lower end, the middle and the upper end, by their share of the axis."""
        numbers = ((0.0, self.low), (0.5, (self.low + self.high) / 2), (1.0, self.high))
        return [(at, f"{value:g}{self.unit}") for at, value in numbers]

    def text_of(self, value: float) -> str:
        """A value in words; a dash for none."""
        if not math.isfinite(value):
            return "–"  # noqa: RUF001
        return f"{value:+.0f}{self.unit}" if self.unit else f"{value:.2f}"

    def shares(self, values: Floats) -> Floats:
        """Values [...] as shares of the axis; what lies beyond an end is put there."""
        shares = (values - self.low) / (self.high - self.low)
        return np.asarray(np.clip(shares, 0.0, 1.0), np.float32)


def _one(name: str, column: str = "") -> ChartLine:
    return ChartLine(name, (column or f"m_{name}",))


def _both(name: str) -> ChartLine:
    return ChartLine(name, (f"m_{name}Left", f"m_{name}Right"))


def _sides(*names: str) -> tuple[ChartLine, ...]:
    return tuple(_one(f"{name}{side}") for name in names for side in ("Left", "Right"))


def _moving(title: str, *lines: ChartLine) -> Chart:
    return Chart(title, 0.0, 1.0, "", lines)


CHARTS: dict[str, Chart] = {
    "pose": Chart(
        mark("Head pose"), -_MOST_DEG, _MOST_DEG, "°",
        tuple(_one(name, f"{name}_deg") for name in ("yaw", "pitch", "roll")),
    ),
    "valence": Chart(mark("Valence"), -1.0, 1.0, "", (_one("valence", "valence"),)),
    "eyes": Chart(
        mark("Eyes open"), 0.0, _WIDEST, "",
        (_one("left eye", "eye_open_left"), _one("right eye", "eye_open_right")),
    ),
    "gaze": Chart(
        mark("Gaze"), -_MOST_GAZE_DEG, _MOST_GAZE_DEG, "°",
        (_one("gaze yaw", "gaze_yaw_deg"), _one("gaze pitch", "gaze_pitch_deg")),
    ),
    "movements": _moving(
        mark("Movements"),
        _one("jawOpen"), _both("mouthSmile"), _both("mouthFrown"), _one("browInnerUp"),
        _both("browDown"), _both("eyeBlink"),
    ),
    "brows": _moving(
        mark("Movements: brows"), _one("browInnerUp"), *_sides("browDown", "browOuterUp")
    ),
    "lids": _moving(mark("Movements: lids"), *_sides("eyeBlink", "eyeSquint", "eyeWide")),
    "looks": _moving(
        mark("Movements: looks"),
        *(_both(f"eyeLook{way}") for way in ("Up", "Down", "In", "Out")),
    ),
    "cheeks": _moving(
        mark("Movements: cheeks and nose"), _one("cheekPuff"), *_sides("cheekSquint", "noseSneer")
    ),
    "jaw": _moving(
        mark("Movements: jaw"), *(_one(f"jaw{way}") for way in ("Open", "Forward", "Left", "Right"))
    ),
    "corners": _moving(
        mark("Movements: mouth's corners"), *_sides("mouthSmile", "mouthFrown", "mouthDimple")
    ),
    "lips": _moving(
        mark("Movements: lips"), *_sides("mouthPress", "mouthStretch", "mouthLowerDown")
    ),
    "mouth": _moving(
        mark("Movements: mouth"),
        *_sides("mouthUpperUp"), _one("mouthPucker"), _one("mouthFunnel"), _one("mouthClose"),
        _one("mouthLeft"), _one("mouthRight"),
    ),
    "rolls": _moving(
        mark("Movements: lips rolled and shrugged"),
        *(_one(f"mouth{what}") for what in ("RollLower", "RollUpper", "ShrugLower", "ShrugUpper")),
    ),
}  # fmt: skip
"""What can be plotted; every movement by its name, and where one line stands for both sides, the
mean of both."""

LINES: tuple[tuple[Chart, ChartLine], ...] = tuple(
    (chart, line) for chart in CHARTS.values() for line in chart.lines
)
_OTHERS = (
    "yaw_deg", "pitch_deg", "roll_deg", "valence", "eye_open_left", "eye_open_right",
    "gaze_yaw_deg", "gaze_pitch_deg",
)  # fmt: skip
_COLUMNS = (*_OTHERS, *(f"m_{name}" for name in MOVEMENTS))
_LINE_COLUMNS = tuple([_COLUMNS.index(column) for column in line.columns] for _, line in LINES)
_FIRST = np.array([columns[0] for columns in _LINE_COLUMNS])
_LAST = np.array([columns[-1] for columns in _LINE_COLUMNS])
_LOW = np.array([chart.low for chart, _ in LINES], np.float32)
_SPAN = np.array([chart.high - chart.low for chart, _ in LINES], np.float32)


def plotted_values(face: FaceResult) -> Floats:
    """Values of all ``LINES`` [n], as shares of their axes' lengths; NaN where none is."""
    values = np.full(len(_COLUMNS), np.nan, np.float32)
    if face.classifiable:
        values[3] = valence(face.expression.probabilities)
    measures = face.measures
    if measures is not None:
        pose = measures.pose
        values[:3] = pose.yaw_deg, pose.pitch_deg, pose.roll_deg
        if measures.openness is not None:
            values[4:6] = measures.openness.left, measures.openness.right
        if measures.gaze is not None:
            values[6:8] = measures.gaze.yaw_deg, measures.gaze.pitch_deg
        if measures.movements is not None:
            values[len(_OTHERS) :] = measures.movements
    shares = ((values[_FIRST] + values[_LAST]) / 2 - _LOW) / _SPAN
    return np.asarray(np.clip(shares, 0.0, 1.0), np.float32)


def recorded_values(chart: Chart, table: Table, rows: NDArray[np.int64]) -> Floats:
    """Values [k, n] of a chart's lines in ``rows`` of a session; NaN where there is none."""
    return np.stack(
        [
            np.mean([_column(table, column, rows) for column in line.columns], axis=0)
            for line in chart.lines
        ]
    ).astype(np.float32)


def recorded_shares(chart: Chart, table: Table, rows: NDArray[np.int64]) -> Floats:
    """The same as shares of the axis, [7, n]: as many lines as there are labels, the rest NaN.

    ``rows`` are those of one face. Of rows without a turn the shares lie between their neighbours':
    a face that is measured in every second one has lines too.
    """
    values = np.full((NUM_LABELS, len(rows)), np.nan, np.float32)
    values[: len(chart.lines)] = chart.shares(recorded_values(chart, table, rows))
    reasons = table.added.get("unmeasured")
    if reasons is not None:
        waiting = reasons[rows] == b"waiting"
        for line in values[: len(chart.lines)]:
            _go_on(line, table.t_s[rows], waiting)
    return values


def _go_on(line: Floats, times: NDArray[np.float64], waiting: NDArray[np.bool_]) -> None:
    """Fill what is ``waiting`` of ``line`` [n] between values that lie close enough, in place."""
    known = np.flatnonzero(np.isfinite(line))
    empty = np.flatnonzero(waiting & ~np.isfinite(line))
    after = np.searchsorted(known, empty)
    between = (after > 0) & (after < len(known))
    empty, after = empty[between], after[between]
    near = times[known[after]] - times[known[after - 1]] <= _LONGEST_TURN_S
    if near.any():
        line[empty[near]] = np.interp(times[empty[near]], times[known], line[known])


def recorded_charts(table: Table) -> list[str]:
    """Names of the charts of which a session has something."""
    return [
        name
        for name, chart in CHARTS.items()
        if any(
            bool(np.isfinite(_column(table, column, slice(None))).any())
            for line in chart.lines
            for column in line.columns[:1]
        )
    ]


def _column(table: Table, name: str, rows: NDArray[np.int64] | slice) -> Floats:
    column = (table.roll_deg if name == "roll_deg" else table.added_numbers(name))[rows]
    presence = table.added.get("presence")
    if name not in _ANGLES or presence is None:
        return column
    # in rows without landmarks the angles are a detector's estimate, which is another instrument
    return np.where(np.isfinite(presence[rows]), column, np.float32(np.nan))
