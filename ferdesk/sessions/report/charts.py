"""Charts of a report: SVG in the page, drawn from a session's table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.core.palette import LABEL_COLOURS
from ferdesk.sessions.reader import Marker, Session
from ferdesk.sessions.report.formats import clock, percent, span
from ferdesk.sessions.review import Track
from ferdesk.sessions.summaries import SHARE_HEADING, Comparison, FaceSummary

_WIDTH, _LEFT, _RIGHT = 960, 8, 48
_PLOT = _WIDTH - _LEFT - _RIGHT
_BINS = 480
_LOW_CONFIDENCE = "#d5d9de"


@dataclass(frozen=True, slots=True)
class _TimeScale:
    """Time axis of a session's chart: from the recording's start to its last row."""

    starts_at_s: float
    length_s: float

    @classmethod
    def of(cls, session: Session) -> "_TimeScale":
        return cls(session.starts_at_s, max(session.length_s, 0.001))

    def share(self, t_s: float) -> float:
        """Where a moment lies, 0 to 1."""
        return (t_s - self.starts_at_s) / self.length_s

    def bins(self, t_s: NDArray[np.float64]) -> NDArray[np.int64]:
        """[n] the bin of each moment."""
        places = (t_s - self.starts_at_s) / self.length_s * _BINS
        # a damaged file may hold times before the first
        return np.asarray(np.clip(places, 0, _BINS - 1).astype(np.int64))


def overview_chart(session: Session, tracks: Sequence[Track], markers: Sequence[Marker]) -> str:
    """Overview: a strip for each track, coloured by the most frequent label of each moment."""
    row, gap, top = 18, 22, 26 if markers else 6
    height = top + len(tracks) * (row + gap) + 22
    scale = _TimeScale.of(session)
    inside = []
    for number, track in enumerate(tracks):
        y = top + number * (row + gap)
        inside.append(f'<text x="{_LEFT}" y="{y + 12}">{escape(track.title)}</text>')
        inside.append(
            f'<rect x="{_LEFT}" y="{y + 16}" width="{_PLOT}" height="{row}" fill="#f1f3f5"/>'
        )
        for start, end, label in _strip(session, track, scale):
            colour = _LOW_CONFIDENCE if label < 0 else LABEL_COLOURS[LABELS[label]]
            x, width = _LEFT + start * _PLOT / _BINS, (end - start) * _PLOT / _BINS
            inside.append(
                f'<rect x="{x:.1f}" y="{y + 16}" width="{width:.1f}" height="{row}" '
                f'fill="{colour}"/>'
            )
    inside.append(_flags(markers, scale, top, height - 18))
    inside.append(_time_axis(scale.length_s, height - 18))
    return _figure(height, inside, "Labels over time; blank where the face was not seen")


def _strip(session: Session, track: Track, scale: _TimeScale) -> list[tuple[int, int, int]]:
    """Runs (first bin, end bin, label) of a track; -1 is low confidence, gaps are left out."""
    table, rows = session.table, track.rows(session.table)
    bins = scale.bins(table.t_s[rows])
    labels = np.where(table.uncertain[rows], len(LABELS), table.label[rows])
    counts = np.zeros((_BINS, len(LABELS) + 1))
    np.add.at(counts, (bins, labels), 1)
    most = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), -2)
    _fill_short_gaps(most, session)
    most[most == len(LABELS)] = -1
    edges = np.flatnonzero(np.diff(most)) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), _BINS]
    return [
        (start, end, int(most[start]))
        for start, end in zip(starts, ends, strict=True)
        if most[start] > -2
    ]


def _fill_short_gaps(most: NDArray[np.int64], session: Session) -> None:
    """Fill bins between two analysed frames with the one before: the face was there."""
    frames = max(1, session.table.num_frames())
    longest = max(1, math.ceil(2 * _BINS / frames))
    last = -longest - 1
    for index in range(len(most)):
        if most[index] > -2:
            last = index
        elif last >= 0 and index - last <= longest and index < len(most):
            most[index] = most[last]


def share_bar(face: FaceSummary) -> str:
    """Bar of the labels' shares, the same as in the tables."""
    if not face.label_s.sum() > 0:
        return "<p class=muted>All of its time had low confidence.</p>"
    inside, x = [], float(_LEFT)
    for label, share in zip(LABELS, face.shares.tolist(), strict=True):
        width = share * _PLOT
        if width <= 0:
            continue
        text = f"{label} {percent(share)}"
        inside.append(
            f'<rect x="{x:.1f}" y="0" width="{max(width - 1, 0.5):.1f}" height="26" rx="2" '
            f'fill="{LABEL_COLOURS[label]}"><title>{text}</title></rect>'
        )
        if width > 7.5 * len(text) + 8:
            inside.append(f'<text x="{x + 6:.1f}" y="17" style="fill:{_ink(label)}">{text}</text>')
        x += width
    caption = (
        f"{SHARE_HEADING}: {span(float(face.label_s.sum()))} of {span(face.seen_s)} seen; "
        f"low confidence {percent(face.low_confidence_share)} of the time seen"
    )
    return _figure(26, inside, SHARE_HEADING, caption)


def _ink(label: str) -> str:
    return "#fff" if label in ("angry", "disgust", "sad") else "#1d2126"


def curves_chart(session: Session, track: Track, markers: Sequence[Marker]) -> str:
    """Curves of the seven smoothed probabilities over time, averaged in bins."""
    table, rows = session.table, track.rows(session.table)
    scale = _TimeScale.of(session)
    top, plot = (26 if markers else 8), 150
    bottom, height = top + plot, top + plot + 18
    bins = scale.bins(table.t_s[rows])
    counts = np.bincount(bins, minlength=_BINS)
    frames = max(1, table.num_frames())
    gap = max(1.5, 2.5 * _BINS / frames)
    inside = []
    for share in (0, 0.5, 1):
        y = bottom - share * plot
        inside.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#e6e9ed"/>'
        )
        if share > 0:
            inside.append(f'<text x="{_WIDTH - _RIGHT + 6}" y="{y + 4}">{percent(share)}</text>')
    filled = np.flatnonzero(counts)
    for index, label in enumerate(LABELS):
        sums = np.bincount(bins, weights=table.smoothed[rows, index], minlength=_BINS)
        values = sums[filled] / counts[filled]
        path, before = [], -math.inf
        for place, value in zip(filled.tolist(), values.tolist(), strict=True):
            x = _LEFT + (place + 0.5) * _PLOT / _BINS
            path.append(
                f"{'M' if place - before > gap else 'L'}{x:.1f} {bottom - value * plot:.1f}"
            )
            before = place
        inside.append(
            f'<path d="{"".join(path)}" fill="none" stroke="{LABEL_COLOURS[label]}" '
            'stroke-width="1.6" '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )
    inside.append(_flags(markers, scale, top, bottom))
    inside.append(_time_axis(scale.length_s, bottom))
    return _figure(
        height, inside, "Smoothed probabilities over time", "Smoothed probabilities over time"
    )


def _flags(markers: Sequence[Marker], scale: _TimeScale, top: float, bottom: float) -> str:
    """Flags: markers as lines, with their labels on top where there is room."""
    inside, free_from = [], -math.inf
    for marker in markers:
        if not 0 <= scale.share(marker.t_s) <= 1:
            continue
        x = _LEFT + scale.share(marker.t_s) * _PLOT
        inside.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 12}" y2="{bottom}" stroke="#1d2126" '
            f'stroke-width="1" stroke-dasharray="2 3"><title>{escape(marker.label)}</title></line>'
        )
        text = marker.label if len(marker.label) <= 24 else marker.label[:23] + "…"
        width = 6.6 * len(text)
        at = min(x + 4, _WIDTH - width)
        if at >= free_from:
            inside.append(
                f'<text x="{at:.1f}" y="{top - 12}" style="fill:#1d2126">{escape(text)}</text>'
            )
            free_from = at + width + 8
    return "".join(inside)


def _time_axis(length_s: float, y: float) -> str:
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
    # a damaged time may be of any size: never more than ten ticks
    step = next((s for s in steps if length_s / s <= 10), length_s / 10)
    inside = []
    for number in range(int(length_s / step) + 1):
        x = _LEFT + number * step / length_s * _PLOT
        anchor = "start" if number == 0 else "end" if x > _WIDTH - 24 else "middle"
        text = clock(number * step) if step >= 1 else f"{number * step:.1f} s"
        inside.append(f'<text x="{x:.1f}" y="{y + 14}" text-anchor="{anchor}">{text}</text>')
    return "".join(inside)


def comparison_chart(result: Comparison) -> str:
    """Comparison: a dot for each session, a bar for its group's mean."""
    row, left = 40, 92
    width = _WIDTH - left - 48
    inside = []
    for number, label in enumerate(LABELS):
        y = number * row + 24
        inside.append(f'<text x="{_LEFT}" y="{y + 4}" style="fill:#1d2126">{label}</text>')
        inside.append(f'<line x1="{left}" x2="{left + width}" y1="{y}" y2="{y}" stroke="#e6e9ed"/>')
        for group, offset in ((0, -7), (1, 7)):
            mean = (result.first, result.second)[group][number]
            filled = LABEL_COLOURS[label] if group == 0 else "#fff"
            for one in result.profiles[group]:
                inside.append(
                    f'<circle cx="{left + one.mean[number] * width:.1f}" cy="{y + offset}" r="4" '
                    f'fill="{filled}" stroke="{LABEL_COLOURS[label]}" stroke-width="1.6"/>'
                )
            x = left + mean * width
            inside.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y + offset - 7}" y2="{y + offset + 7}" '
                'stroke="#1d2126" stroke-width="2"/>'
            )
    height = len(LABELS) * row + 30
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = left + share * width
        inside.append(f'<text x="{x:.0f}" y="{height - 4}" text-anchor="middle">{share:.0%}</text>')
    caption = (
        f"Mean probability of each expression, one dot per session: filled {result.first_name}, "
        f"open {result.second_name}; vertical lines are the groups' means"
    )
    return _figure(height, inside, "Comparison", caption)


def _figure(height: float, inside: Sequence[str], title: str, caption: str | None = None) -> str:
    below = f"<figcaption>{escape(caption or title)}</figcaption>"
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}">{"".join(inside)}</svg>{below}</figure>'
    )


def legend(*, low_confidence: bool = False) -> str:
    items = [(label, LABEL_COLOURS[label]) for label in LABELS]
    if low_confidence:
        items.append(("low confidence", _LOW_CONFIDENCE))
    inner = "".join(f'<span style="--c:{colour}">{label}</span>' for label, colour in items)
    return f'<div class="key">{inner}</div>'
