"""Charts of a study's report: SVG in the page, small panels on one clock since onset."""

from collections.abc import Container, Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.core.palette import LABEL_COLOURS
from ferdesk.studies.figures import CellCurves
from ferdesk.studies.results import BLINKS, SIGNALS

_WIDTH, _COLUMNS, _GAP = 960, 4, 20
_PANEL_WIDTH = (_WIDTH - (_COLUMNS - 1) * _GAP) / _COLUMNS
_LEFT, _TOP, _PLOT, _BELOW = 40, 20, 92, 26
_PANEL_HEIGHT = _TOP + _PLOT + _BELOW
_MOST_POINTS = 80
"""Points of a participant's line; the mean and its band have all."""
_MOST_SINGLE = 60
"""With more participants than this their lines would be a grey block."""
GROUP_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#5b6470", "#a6761d")
_DASHES = ("", "6 3", "2 2", "8 3 2 3", "1 3", "10 4")
_INK = "#1d2126"


def curves_chart(by_group: Mapping[str, Mapping[int, CellCurves]], groups: Sequence[str]) -> str:
    """Panels of curves: in each the participants' thin lines, the mean and its band.

    Args:
        by_group: curves of each condition by the index of their signal.
        groups: all conditions of the study, also those without a curve here: each has the same
            colour and dashes in every chart.
    """
    signals = sorted({signal for group in by_group.values() for signal in group})
    rows = -(-len(signals) // _COLUMNS)
    height = rows * (_PANEL_HEIGHT + 8)
    ends_s = max((one.ends_s for group in by_group.values() for one in group.values()), default=0.0)
    if ends_s <= 0:
        return "<p class=muted>No participant has a curve.</p>"
    inside = []
    for number, signal in enumerate(signals):
        x = (number % _COLUMNS) * (_PANEL_WIDTH + _GAP)
        y = (number // _COLUMNS) * (_PANEL_HEIGHT + 8)
        shown = {name: group[signal] for name, group in by_group.items() if signal in group}
        panel = _panel(signal, shown, groups, ends_s)
        inside.append(f'<g transform="translate({x:.1f} {y})">{panel}</g>')
    counts = sorted(
        {len(one.participants) for group in by_group.values() for one in group.values()}
    )
    many = counts[-1] > _MOST_SINGLE
    caption = (
        "Mean over participants with its 95 % interval (shaded) over the seconds since onset"
        + ("." if many else "; thin lines are participants.")
    )
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Curves since onset">{"".join(inside)}</svg>'
        f"<figcaption>{caption}</figcaption></figure>{_groups_key(by_group, groups)}"
    )


def _groups_key(shown: Container[str], groups: Sequence[str]) -> str:
    """What the lines of a chart stand for, drawn as they are there."""
    if len(groups) < 2:
        return ""
    items = "".join(
        '<span><svg viewBox="0 0 32 10" aria-hidden="true"><path d="M0 5H32" '
        f"{_stroke(group_colour(number), number)}/></svg>{escape(name or 'no condition')}</span>"
        for number, name in enumerate(groups)
        if name in shown
    )
    return f'<div class="key lines">{items}</div>'


def group_colour(number: int) -> str:
    """The colour of the condition of that number; more conditions begin again."""
    return GROUP_COLOURS[number % len(GROUP_COLOURS)]


def _stroke(colour: str, number: int) -> str:
    """The line of a condition's mean: where colours begin again, its dashes are others."""
    dash = _DASHES[(number + number // len(GROUP_COLOURS)) % len(_DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{colour}" stroke-width="2" fill="none"{dashes}'


def _panel(
    signal: int, shown: Mapping[str, CellCurves], groups: Sequence[str], ends_s: float
) -> str:
    name = "blinks a minute" if signal == BLINKS else SIGNALS[signal]
    low, high = _range(name, shown)
    title = name.removeprefix("m_")
    inside = [
        f'<text x="{_LEFT}" y="13" style="fill:{_INK};font-weight:600">{escape(title)}</text>'
    ]
    for value in (low, (low + high) / 2, high):
        y = _y(value, low, high)
        label = f"{value * 100:.0f} %" if name in LABELS else f"{value + 0.0:.2g}"
        inside.append(
            f'<line x1="{_LEFT}" x2="{_PANEL_WIDTH:.1f}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="#e6e9ed"/><text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end" '
            f'style="font-size:10px">{label}</text>'
        )
    for share in (0.0, 0.5, 1.0):
        x = _x(share * ends_s, ends_s)
        anchor = ("start", "middle", "end")[round(2 * share)]
        inside.append(
            f'<text x="{x:.1f}" y="{_TOP + _PLOT + 14}" text-anchor="{anchor}" '
            f'style="font-size:10px">{share * ends_s:.3g} s</text>'
        )
    for group, curves in shown.items():
        number = groups.index(group)
        colour = LABEL_COLOURS.get(name, _INK) if len(groups) == 1 else group_colour(number)
        inside.append(_lines(curves, colour, number, (low, high), ends_s))
    return "".join(inside)


def _range(name: str, shown: Mapping[str, CellCurves]) -> tuple[float, float]:
    """Probabilities from 0 to 1, valence from -1 to 1, movements as far as they go."""
    if name in LABELS:
        return 0.0, 1.0
    if name == "valence":
        return -1.0, 1.0
    values = np.concatenate([one.single.ravel() for one in shown.values()])
    values = values[np.isfinite(values)]
    step = 10.0 if name == "blinks a minute" else 0.1
    return 0.0, max(step, step * float(np.ceil(values.max() / step)) if len(values) else step)


def _lines(
    curves: CellCurves, colour: str, number: int, limits: tuple[float, float], ends_s: float
) -> str:
    drawn, inside = curves.drawn, []
    low = np.where(drawn, curves.band.low, np.nan)
    high = np.where(drawn, curves.band.high, np.nan)
    for start, end in _runs(np.isfinite(low) & np.isfinite(high)):
        places = range(start, end)
        edge = [(places_at, high[places_at]) for places_at in places]
        edge += [(places_at, low[places_at]) for places_at in reversed(places)]
        points = " ".join(
            f"{_x(curves.t_s[i], ends_s):.1f},{_y(value, *limits):.1f}" for i, value in edge
        )
        inside.append(f'<polygon points="{points}" fill="{colour}" fill-opacity="0.2"/>')
    if len(curves.participants) <= _MOST_SINGLE:
        step = max(1, -(-len(curves.t_s) // _MOST_POINTS))
        for who, values in zip(curves.participants, curves.single, strict=True):
            path = _path(curves.t_s[::step], values[::step], limits, ends_s)
            inside.append(
                f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="0.7" '
                f'stroke-opacity="0.4"><title>{escape(who)}</title></path>'
            )
    path = _path(curves.t_s, np.where(drawn, curves.band.mean, np.nan), limits, ends_s)
    inside.append(f'<path d="{path}" {_stroke(colour, number)} stroke-linejoin="round"/>')
    return "".join(inside)


def _path(
    t_s: NDArray[np.float64],
    values: NDArray[np.float64],
    limits: tuple[float, float],
    ends_s: float,
) -> str:
    parts = []
    for start, end in _runs(np.isfinite(values)):
        points = [
            f"{_x(t_s[i], ends_s):.1f} {_y(values[i], *limits):.1f}" for i in range(start, end)
        ]
        # a single moment is drawn as a dot of a line
        parts.append("M" + "L".join(points if len(points) > 1 else points * 2))
    return "".join(parts)


def _runs(known: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end of each stretch of known values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _x(t_s: float, ends_s: float) -> float:
    return float(_LEFT + t_s / ends_s * (_PANEL_WIDTH - _LEFT))


def _y(value: float, low: float, high: float) -> float:
    return float(_TOP + _PLOT - (np.clip(value, low, high) - low) / (high - low) * _PLOT)
