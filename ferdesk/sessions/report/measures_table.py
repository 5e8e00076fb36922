"""Table of a report: valence, blinks, head movement and facial movements."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.movements import with_sides_joined
from ferdesk.sessions.report.formats import clock, span
from ferdesk.sessions.summaries import WHOLE, FaceSummary

_NUM_MOVEMENTS = 6
_MEANING = (
    "Valence: probability of happy less the largest of angry, disgust, fear and sad. Head "
    "movement: by how many degrees the head turns in a second. Movements: from 0 (at rest) to 1; "
    "they are no action units; sides that differ by less than the network's noise are one. All are "
    "means over the time measured. Blinks a minute: from ten seconds on in which an open eye was "
    "measured seven times a second."
)


def measures_table(faces: Sequence[FaceSummary], starts_at_s: float = 0.0) -> str:
    """A row for each face and interval in which something was measured; empty where nothing was.

    Of the movements those are shown that differ most between the rows, or the largest of one row.
    """
    shown = [face for face in faces if face.measured.measured_s > 0]
    if not shown:
        return ""
    names, values = with_sides_joined(np.array([face.measured.movements for face in shown]))
    movements = _chosen_movements(values)
    head = "".join(f"<th>{escape(names[i])}</th>" for i in movements)
    body = []
    for face, moved in zip(shown, values.tolist(), strict=True):
        one, interval = face.measured, face.interval
        since = ""
        if interval.label != WHOLE:
            since = f" <span class=muted>{clock(interval.from_s - starts_at_s)}</span>"
        cells = "".join(_cell(moved[i], 2) for i in movements)
        body.append(
            f"<tr><td class=text>{escape(interval.label)}{since}</td>"
            f"<td class=text>{escape(face.title)}</td><td>{span(one.measured_s)}</td>"
            f"{_cell(one.valence, 2, sign=True)}{_cell(one.blink_rate, 1)}"
            f"{_cell(one.head_deg_s, 1)}{cells}</tr>"
        )
    return (
        f'<div class="wide"><table><caption>Measures of the face. {_MEANING}</caption><tr>'
        "<th>from</th><th class=text>face</th><th>measured</th><th>valence</th>"
        "<th>blinks<br><span class=muted>a minute</span></th>"
        "<th>head movement<br><span class=muted>degrees a second</span></th>"
        f"{head}</tr>{''.join(body)}</table></div>"
    )


def _chosen_movements(values: NDArray[np.floating[Any]]) -> list[int]:
    """Columns of ``values`` [rows, n], movements in their order, that are shown."""
    # without _neutral
    values = values[np.isfinite(values).all(axis=1), 1:]
    if len(values) == 0:
        return []
    weights = np.ptp(values, axis=0) if len(values) > 1 else values[0]
    return sorted((1 + np.argsort(-weights, kind="stable")[:_NUM_MOVEMENTS]).tolist())


def _cell(value: float, places: int, *, sign: bool = False) -> str:
    if not math.isfinite(value):
        return "<td class=muted>-</td>"
    # without -0.0
    return f"<td>{round(value, places) + 0.0:{'+' if sign else ''}.{places}f}</td>"
