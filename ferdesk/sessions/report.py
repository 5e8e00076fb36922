"""A report that is one HTML file: its pictures are SVG inside it, the network is never asked."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.sessions.reader import Marker, Session
from ferdesk.sessions.review import Review, Track, load_review
from ferdesk.sessions.summaries import (
    MIN_GROUP,
    WHOLE,
    Comparison,
    FaceSummary,
    calibration_error,
    compare,
    profile,
    summarize,
)

COLOURS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#8C8C8C",
}
_WIDTH, _LEFT, _RIGHT = 960, 8, 8
_PLOT = _WIDTH - _LEFT - _RIGHT
_BINS = 480
_SHOWN_TRACKS = 12
"""More faces than this are listed and not drawn."""
_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  color: #1d2126; background: #fff; margin: 0; }
main { max-width: 1024px; margin: 0 auto; padding: 40px 32px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; font-weight: 650; letter-spacing: -.01em; }
h2 { font-size: 20px; margin: 48px 0 12px; font-weight: 650; }
h3 { font-size: 16px; margin: 28px 0 8px; font-weight: 650; }
p { margin: 8px 0; max-width: 76ch; }
.muted, caption, figcaption { color: #5b6470; }
.facts { display: flex; flex-wrap: wrap; gap: 8px 32px; margin: 20px 0 0; padding: 0; }
.facts div { min-width: 88px; }
.facts dt { color: #5b6470; font-size: 13px; }
.facts dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.note { background: #f5f6f8; border-left: 3px solid #9aa3ad; padding: 10px 16px; margin: 20px 0;
  border-radius: 0 4px 4px 0; }
.note.warn { border-color: #b35c00; background: #fdf5ea; }
.note p { margin: 2px 0; }
figure { margin: 12px 0 20px; }
figcaption { font-size: 13px; margin-top: 4px; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  fill: #5b6470; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 8px 0 4px; }
caption { text-align: left; font-size: 13px; padding-bottom: 4px; }
th, td { padding: 4px 14px 4px 0; text-align: right; border-bottom: 1px solid #e6e9ed;
  white-space: nowrap; }
th { font-weight: 600; font-size: 13px; color: #3c444d; }
th:first-child, td:first-child, .text { text-align: left; }
td.text { white-space: normal; }
.wide { overflow-x: auto; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin: 8px 0; }
.key span::before { content: ""; display: inline-block; width: 10px; height: 10px;
  border-radius: 2px; margin-right: 6px; background: var(--c); }
.cell { text-align: center; padding: 4px 10px; min-width: 62px; }
dl.terms dt { font-weight: 600; margin-top: 10px; }
dl.terms dd { margin: 0; max-width: 76ch; }
footer { margin-top: 56px; font-size: 13px; color: #5b6470; }
@media print { main { padding: 0; } h2 { break-after: avoid; }
  figure, table { break-inside: avoid; } }
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions that are held against another group's."""

    name: str
    sessions: tuple[Session, ...]


def html_report(
    sessions: Sequence[Session],
    *,
    reviews: Sequence[Review] | None = None,
    groups: tuple[Group, Group] | None = None,
    made: datetime,
    version: str,
) -> str:
    """The whole page.

    Args:
        sessions: each gets a chapter.
        reviews: names, merges and so on; by default those saved beside the sessions.
        groups: two groups to compare; by default, of two sessions the first with the second.
        made: the date that the page carries.
        version: of the program.
    """
    chosen = [load_review(s) for s in sessions] if reviews is None else list(reviews)
    if groups is None and len(sessions) == 2:
        groups = (
            Group(sessions[0].name, (sessions[0],)),
            Group(sessions[1].name, (sessions[1],)),
        )
    by_folder = {s.folder: review for s, review in zip(sessions, chosen, strict=True)}
    title = sessions[0].name if len(sessions) == 1 else f"{len(sessions)} sessions"
    parts = [
        _chapter(s, r, alone=len(sessions) == 1) for s, r in zip(sessions, chosen, strict=True)
    ]
    if groups is not None:
        parts.insert(0, _comparison(groups, by_folder))
    heading = "" if len(sessions) == 1 else f"<h1>{escape(title)}</h1>"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · ferdesk report</title><style>{_STYLE}</style></head>"
        f"<body><main>{heading}{''.join(parts)}{_terms(sessions)}"
        f"<footer>Made by ferdesk {escape(version)} on "
        f"{made.astimezone().strftime('%Y-%m-%d %H:%M')}.</footer></main></body></html>\n"
    )


def _chapter(session: Session, review: Review, *, alone: bool) -> str:
    summaries = summarize(session, review)
    markers = review.all_markers(session)
    tracks = [track for track in review.shown_tracks() if any(_track_seen(track, summaries))]
    tracks.sort(key=lambda track: -_of_track(track, summaries).seen_s)
    drawn = sorted(tracks[:_SHOWN_TRACKS], key=lambda track: track.id)
    heading = "h1" if alone else "h2"
    parts = [
        f"<{heading}>{escape(session.name)}</{heading}>",
        _facts(session, review, len(tracks), markers),
        _trust(session, summaries),
        _warnings(session, review),
    ]
    if not tracks:
        return "".join([*parts, "<p>No face was seen in this session.</p>"])
    level = "h2" if alone else "h3"
    parts += [
        f"<{level}>Overview</{level}>",
        _overview(session, drawn, markers),
        _key(unsure=True),
        _times_table(summaries, "Time with each expression, and share of the certain time"),
    ]
    if len(tracks) > len(drawn):
        parts.append(
            f"<p class=muted>Drawn are the {len(drawn)} faces that were seen longest, of "
            f"{len(tracks)}; the table has all.</p>"
        )
    for track in drawn:
        parts.append(_track_section(session, track, _of_track(track, summaries), markers, review))
    if markers:
        parts.append(f"<{level}>Between the markers</{level}>")
        parts.append(_intervals_table(summarize(session, review, by_marker=True)))
    parts.append(_remarks(review, level))
    return "".join(parts)


def _track_seen(track: Track, summaries: Sequence[FaceSummary]) -> Iterable[bool]:
    return (face.track == track.id and face.seen_s > 0 for face in summaries)


def _of_track(track: Track, summaries: Sequence[FaceSummary]) -> FaceSummary:
    return next(face for face in summaries if face.track == track.id)


def _facts(session: Session, review: Review, num_faces: int, markers: Sequence[Marker]) -> str:
    about = session.about
    started = session.started_utc
    source, picture = about.get("source") or {}, about.get("picture") or {}
    excluded = sum(track.excluded for track in review.tracks)
    facts = [
        ("Began", started.astimezone().strftime("%Y-%m-%d %H:%M:%S") if started else "unknown"),
        ("Length", _clock(session.length_s)),
        ("Source", str(source.get("location") or source.get("name") or "unknown")),
        ("Picture", f"{picture.get('width', '?')} x {picture.get('height', '?')}"),
        ("Faces", f"{num_faces}" + (f" ({excluded} excluded)" if excluded else "")),
        ("Markers", str(len(markers))),
        ("Frames analysed", f"{session.table.num_frames():,}"),
        ("Model", str((about.get("model") or {}).get("name") or "unknown")),
    ]
    inner = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    return f'<dl class="facts">{inner}</dl>'


def _trust(session: Session, summaries: Sequence[FaceSummary]) -> str:
    """What the figures are worth, before any of them."""
    sentences = [
        "Each label says what a face shows, not what a person feels. Shares are rounded to whole "
        "per cent, as the model is not more exact than that."
    ]
    accuracy = _accuracy(session)
    error = calibration_error(session)
    if accuracy is not None and error is not None:
        sentences.append(
            f"On pictures it had never seen (FER2013), the model named the right one of seven "
            f"labels in {accuracy * 100:.0f} of 100, and its probabilities were off by "
            f"{max(1, round(error * 100))} points on average; on your pictures it may be worse. "
            "Smaller differences mean nothing."
        )
    else:
        sentences.append("How well its model is calibrated is not recorded with this session.")
    seen = sum(face.seen_s for face in summaries)
    if seen > 0:
        unsure = sum(face.uncertain_s for face in summaries) / seen
        sentences.append(
            f"{_percent(unsure)} of the time the label was marked uncertain; that time is counted "
            "apart and in no label."
        )
    return f'<div class="note"><p>{"</p><p>".join(sentences)}</p></div>'


def _accuracy(session: Session) -> float | None:
    model = session.about.get("model")
    table = model.get("accuracy") if isinstance(model, dict) else None
    for split in ("private_test", "public_test"):
        try:
            return float(table[split]["one_crop"]["accuracy"])  # type: ignore[index]
        except (KeyError, TypeError, ValueError):
            continue
    return None


def _warnings(session: Session, review: Review) -> str:
    lines = list(review.warnings)
    if not session.complete:
        lines.append(
            "This session was cut off; everything up to there is shown. "
            f"“ferdesk sessions repair {session.name}” closes it properly."
        )
    for name, text in (
        ("frames_lost", "analysed frames were not written, as the disk did not keep up"),
        ("frames_dropped", "frames were not analysed for lack of time"),
    ):
        if isinstance(number := session.about.get(name), int) and number > 0:
            lines.append(f"{number:,} {text}.")
    events = session.about.get("events")
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict):
            lines.append(f"{_clock(_number(event.get('t_s')))}: {event.get('text', '')}")
    if not lines:
        return ""
    return (
        f'<div class="note warn">{"".join(f"<p>{escape(line)}</p>" for line in lines[:20])}</div>'
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _overview(session: Session, tracks: Sequence[Track], markers: Sequence[Marker]) -> str:
    """A strip for each track, coloured by the label that took most of each moment."""
    row, gap, top = 18, 22, 26 if markers else 6
    height = top + len(tracks) * (row + gap) + 22
    length_s = max(session.length_s, 0.001)
    inside = []
    for number, track in enumerate(tracks):
        y = top + number * (row + gap)
        inside.append(f'<text x="{_LEFT}" y="{y + 12}">{escape(track.title)}</text>')
        inside.append(
            f'<rect x="{_LEFT}" y="{y + 16}" width="{_PLOT}" height="{row}" fill="#f1f3f5"/>'
        )
        for start, end, label in _strip(session, track, length_s):
            colour = "#d5d9de" if label < 0 else COLOURS[LABELS[label]]
            x, width = _LEFT + start * _PLOT / _BINS, (end - start) * _PLOT / _BINS
            inside.append(
                f'<rect x="{x:.1f}" y="{y + 16}" width="{width:.1f}" height="{row}" '
                f'fill="{colour}"/>'
            )
    inside.append(_flags(markers, length_s, top, height - 18))
    inside.append(_time_axis(length_s, height - 18))
    return _figure(height, inside, "Labels over time; where nothing is drawn the face was not seen")


def _strip(session: Session, track: Track, length_s: float) -> list[tuple[int, int, int]]:
    """Runs (first bin, end bin, label) of a track; -1 is uncertain, gaps are left out."""
    table, rows = session.table, track.rows(session.table)
    bins = np.minimum((table.t_s[rows] / length_s * _BINS).astype(int), _BINS - 1)
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
    """Bins between two analysed frames take the one before: they are no gap of the face."""
    frames = max(1, session.table.num_frames())
    longest = max(1, math.ceil(2 * _BINS / frames))
    last = -longest - 1
    for index in range(len(most)):
        if most[index] > -2:
            last = index
        elif last >= 0 and index - last <= longest and index < len(most):
            most[index] = most[last]


def _track_section(
    session: Session,
    track: Track,
    face: FaceSummary,
    markers: Sequence[Marker],
    review: Review,
) -> str:
    merged = len({segment.face_id for segment in track.segments})
    said = f"Seen for {_span(face.seen_s)}."
    if merged > 1:
        said += f" Merged from {merged} recorded faces."
    if face.small:
        said += " That is too short for its shares to mean much."
    return (
        f"<h3>{escape(track.title)}</h3><p class=muted>{said}</p>"
        f"{_share_bar(face)}{_lines(session, track, markers)}{_key()}{_changes_table(face)}"
    )


def _share_bar(face: FaceSummary) -> str:
    """The time seen, cut into the labels and what is uncertain."""
    if face.seen_s <= 0:
        return ""
    parts = [(label, face.label_s[i] / face.seen_s) for i, label in enumerate(LABELS)]
    parts.append(("uncertain", face.uncertain_share))
    inside, x = [], float(_LEFT)
    for label, share in parts:
        width = share * _PLOT
        if width <= 0:
            continue
        colour = COLOURS.get(label, "#d5d9de")
        text = f"{label} {_percent(share)}"
        inside.append(
            f'<rect x="{x:.1f}" y="0" width="{max(width - 1, 0.5):.1f}" height="26" rx="2" '
            f'fill="{colour}"><title>{text}</title></rect>'
        )
        if width > 7.5 * len(text) + 8:
            inside.append(f'<text x="{x + 6:.1f}" y="17" style="fill:{_ink(label)}">{text}</text>')
        x += width
    return _figure(26, inside, "Share of the time seen", "Shares of the time this face was seen")


def _ink(label: str) -> str:
    return "#fff" if label in ("angry", "disgust", "sad") else "#1d2126"


def _lines(session: Session, track: Track, markers: Sequence[Marker]) -> str:
    """The seven smoothed probabilities over time, averaged in bins; uncertain times shaded."""
    table, rows = session.table, track.rows(session.table)
    length_s = max(session.length_s, 0.001)
    top, plot = (26 if markers else 8), 150
    bottom, height = top + plot, top + plot + 18
    bins = np.minimum((table.t_s[rows] / length_s * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    frames = max(1, table.num_frames())
    gap = max(1.5, 2.5 * _BINS / frames)
    inside = []
    for share in (0, 0.5, 1):
        y = bottom - share * plot
        inside.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#e6e9ed"/>'
        )
        if share:
            inside.append(
                f'<text x="{_WIDTH - _RIGHT}" y="{y + 12}" text-anchor="end">'
                f"{_percent(share)}</text>"
            )
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
            f'<path d="{"".join(path)}" fill="none" stroke="{COLOURS[label]}" stroke-width="1.6" '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )
    inside.append(_flags(markers, length_s, top, bottom))
    inside.append(_time_axis(length_s, bottom))
    return _figure(
        height, inside, "Smoothed probabilities over time", "Smoothed probabilities over time"
    )


def _flags(markers: Sequence[Marker], length_s: float, top: float, bottom: float) -> str:
    """Markers as lines with their labels on top, where there is room for them."""
    inside, free_from = [], -math.inf
    for marker in markers:
        if not 0 <= marker.t_s <= length_s:
            continue
        x = _LEFT + marker.t_s / length_s * _PLOT
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
    step = next((s for s in steps if length_s / s <= 10), steps[-1])
    inside = []
    for number in range(int(length_s / step) + 1):
        x = _LEFT + number * step / length_s * _PLOT
        anchor = "start" if number == 0 else "end" if x > _WIDTH - 24 else "middle"
        text = _clock(number * step) if step >= 1 else f"{number * step:.1f} s"
        inside.append(f'<text x="{x:.1f}" y="{y + 14}" text-anchor="{anchor}">{text}</text>')
    return "".join(inside)


def _figure(height: float, inside: Sequence[str], title: str, caption: str | None = None) -> str:
    said = f"<figcaption>{escape(caption or title)}</figcaption>"
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}">{"".join(inside)}</svg>{said}</figure>'
    )


def _key(*, unsure: bool = False) -> str:
    items = [(label, COLOURS[label]) for label in LABELS]
    if unsure:
        items.append(("uncertain", "#d5d9de"))
    inner = "".join(f'<span style="--c:{colour}">{label}</span>' for label, colour in items)
    return f'<div class="key">{inner}</div>'


def _times_table(faces: Sequence[FaceSummary], caption: str) -> str:
    head = "".join(f"<th>{label}</th>" for label in (*LABELS, "uncertain", "seen"))
    body = []
    for face in faces:
        if face.seen_s <= 0:
            continue
        cells = "".join(
            f"<td>{_span(face.label_s[i])}<br>"
            f"<span class=muted>{_percent(face.shares[i])}</span></td>"
            if face.label_s[i] > 0
            else "<td class=muted>0</td>"
            for i in range(len(LABELS))
        )
        body.append(
            f"<tr><td>{escape(face.title)}</td>{cells}<td>{_span(face.uncertain_s)}<br>"
            f"<span class=muted>{_percent(face.uncertain_share)} of all</span></td>"
            f"<td>{_span(face.seen_s)}</td></tr>"
        )
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><tr><th>face</th>{head}</tr>'
        f"{''.join(body)}</table></div>"
    )


def _intervals_table(faces: Sequence[FaceSummary]) -> str:
    head = "".join(f"<th>{label}</th>" for label in LABELS)
    body = []
    for face in faces:
        if face.seen_s <= 0:
            continue
        interval = face.interval
        span = (
            ""
            if interval.label == WHOLE
            else f" <span class=muted>{_clock(interval.from_s)}</span>"
        )
        cells = "".join(
            f"<td>{_percent(share)}</td>" if share > 0 else "<td class=muted>0</td>"
            for share in face.shares
        )
        body.append(
            f"<tr><td class=text>{escape(interval.label)}{span}</td><td class=text>"
            f"{escape(face.title)}</td>{cells}<td>{_percent(face.uncertain_share)}</td>"
            f"<td>{_span(face.seen_s)}</td></tr>"
        )
    return (
        '<div class="wide"><table><caption>From each marker to the next: shares of the certain '
        "time</caption><tr><th>from</th><th class=text>face</th>"
        f"{head}<th>uncertain</th><th>seen</th></tr>{''.join(body)}</table></div>"
    )


def _changes_table(face: FaceSummary) -> str:
    """Changes as a table whose cells are darker the more there are."""
    used = [i for i in range(len(LABELS)) if face.changes[i].any() or face.changes[:, i].any()]
    if not used:
        return "<p class=muted>The label did not change.</p>"
    most = int(face.changes.max())
    head = "".join(f"<th class=cell>{LABELS[i]}</th>" for i in used)
    body = []
    for i in used:
        cells = []
        for j in used:
            count = int(face.changes[i, j])
            depth = 0.08 + 0.42 * count / most if count else 0
            style = f' style="background:rgba(0,114,178,{depth:.2f})"' if count else ""
            cells.append(f"<td class=cell{style}>{count or ('' if i != j else '-')}</td>")
        body.append(f"<tr><td>{LABELS[i]}</td>{''.join(cells)}</tr>")
    total = int(face.changes.sum())
    return (
        f'<div class="wide"><table><caption>Changes of the label, {total} in all: from the line '
        f"to the column</caption><tr><th>from</th>{head}</tr>{''.join(body)}</table></div>"
    )


def _remarks(review: Review, level: str) -> str:
    if not review.comments and not review.notes:
        return ""
    titles = {track.id: track.title for track in review.tracks}
    rows = "".join(
        f"<tr><td>{_clock(c.t_s)}</td><td class=text>"
        f"{escape(titles.get(c.track, '') if c.track is not None else '')}</td>"
        f"<td class=text>{escape(c.text)}</td></tr>"
        for c in review.comments
    )
    table = f"<table>{rows}</table>" if rows else ""
    notes = f"<p>{escape(review.notes)}</p>" if review.notes else ""
    return f"<{level}>Comments</{level}>{notes}{table}"


def _comparison(groups: tuple[Group, Group], reviews: dict[Path, Review]) -> str:
    sessions = [session for group in groups for session in group.sessions]
    errors = [calibration_error(session) for session in sessions]
    known = [error for error in errors if error is not None]
    profiles = [
        [profile(session, reviews.get(session.folder)) for session in group.sessions]
        for group in groups
    ]
    result = compare(
        profiles[0],
        profiles[1],
        first_name=groups[0].name,
        second_name=groups[1].name,
        calibration_error=max(known) if len(known) == len(errors) and known else None,
    )
    if not all(result.profiles):
        return "<h2>Comparison</h2><p>One of the groups shows no face, so nothing is compared.</p>"
    return (
        f"<h2>Comparison</h2>{_dots(result)}{_comparison_table(result)}{_comparison_note(result)}"
    )


def _dots(result: Comparison) -> str:
    """A dot for each session, a bar for its group's mean."""
    row, left = 40, 92
    width = _WIDTH - left - 48
    inside = []
    for number, label in enumerate(LABELS):
        y = number * row + 24
        inside.append(f'<text x="{_LEFT}" y="{y + 4}" style="fill:#1d2126">{label}</text>')
        inside.append(f'<line x1="{left}" x2="{left + width}" y1="{y}" y2="{y}" stroke="#e6e9ed"/>')
        for group, offset in ((0, -7), (1, 7)):
            mean = (result.first, result.second)[group][number]
            filled = COLOURS[label] if group == 0 else "#fff"
            for one in result.profiles[group]:
                inside.append(
                    f'<circle cx="{left + one.mean[number] * width:.1f}" cy="{y + offset}" r="4" '
                    f'fill="{filled}" stroke="{COLOURS[label]}" stroke-width="1.6"/>'
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
        f"Mean probability of each expression, a dot a session: filled {result.first_name}, "
        f"open {result.second_name}; upright lines are the groups' means"
    )
    return _figure(height, inside, "Comparison", caption)


def _comparison_table(result: Comparison) -> str:
    first, second = escape(result.first_name), escape(result.second_name)
    interval = result.low is not None
    head = f"<th></th><th>{first}</th><th>{second}</th><th>difference</th>"
    head += "<th>95 %</th>" if interval else ""
    rows = []
    for i, label in enumerate(LABELS):
        points = round(100 * result.difference[i])
        cells = f"<td>{_percent(result.first[i])}</td><td>{_percent(result.second[i])}</td>"
        said = f"{points:+d} points" if points else "none"
        if result.calibration_error is not None and not result.beyond_calibration[i]:
            said = f"<span class=muted>{said}, within the error</span>"
        cells += f"<td>{said}</td>"
        if result.low is not None and result.high is not None:
            cells += f"<td>{100 * result.low[i]:+.0f} to {100 * result.high[i]:+.0f}</td>"
        rows.append(f"<tr><td>{label}</td>{cells}</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _comparison_note(result: Comparison) -> str:
    counts = " and ".join(str(len(group)) for group in result.profiles)
    text = f"{counts} sessions; each counts once."
    if result.low is None:
        text += f" With fewer than {MIN_GROUP} sessions in a group there is no interval."
    if result.calibration_error is None:
        text += " The models' calibration error is not recorded, so no difference can be judged."
    else:
        points = max(1, round(100 * result.calibration_error))
        text += (
            f" “Within the error” is what is not larger than the model's calibration error "
            f"({points} points)."
        )
    return f"<p class=muted>{text}</p>"


def _terms(sessions: Sequence[Session]) -> str:
    terms = (
        ("Seen", "A row stands for the time to the next analysed frame, at most half a second."),
        (
            "Time with a label",
            "Seen time in which its smoothed probability is the largest, uncertain rows left out.",
        ),
        ("Share", "Time with a label, divided by all certain time of that face."),
        (
            "Change",
            "A label held for 0.3 s or longer, followed by another such within a second; shorter "
            "ones are taken for flicker.",
        ),
        ("Mean probability", "The model's raw probabilities, averaged over the time seen."),
        ("Uncertain", "The rule of the program's documentation, recorded with each row."),
    )
    inner = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in terms)
    return f'<h2>What the figures mean</h2><dl class="terms">{inner}</dl>'


def _percent(share: float) -> str:
    if math.isnan(share):
        return "-"
    if 0 < share < 0.005:
        return "< 1 %"
    return f"{share * 100:.0f} %"


def _span(seconds: float) -> str:
    """Tenths of a second below a minute, whole seconds above."""
    return f"{seconds:.1f} s" if seconds < 59.95 else _clock(seconds)


def _clock(seconds: float) -> str:
    whole = round(max(0.0, seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
