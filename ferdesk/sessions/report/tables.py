"""Tables of a report: times, intervals between markers, changes, comparisons."""

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.sessions.annotations import AnnotatedRange
from ferdesk.sessions.fields import REPORT_FIELDS
from ferdesk.sessions.reader import Session
from ferdesk.sessions.report.formats import clock, clock_tenths, percent, span
from ferdesk.sessions.review import Annotation, Track
from ferdesk.sessions.summaries import SHARE_HEADING, WHOLE, Comparison, FaceSummary
from ferdesk.sessions.table import NO_LABEL, Table


def times_table(faces: Sequence[FaceSummary], *, of_pictures: bool = False) -> str:
    """Times of each face with each label, and their shares; ``of_pictures``: their numbers."""
    amount = _number_of if of_pictures else span
    what = "Pictures" if of_pictures else "Time"
    head = "".join(f"<th>{label}</th>" for label in (*LABELS, "low confidence", "seen"))
    body = []
    for face in faces:
        if face.seen_s <= 0:
            continue
        cells = "".join(
            f"<td>{amount(face.label_s[i])}<br>"
            f"<span class=muted>{percent(face.shares[i])}</span></td>"
            if face.label_s[i] > 0
            else "<td class=muted>0</td>"
            for i in range(len(LABELS))
        )
        body.append(
            f"<tr><td>{escape(face.title)}</td>{cells}<td>{amount(face.low_confidence_s)}<br>"
            f"<span class=muted>{percent(face.low_confidence_share)} of seen</span></td>"
            f"<td>{amount(face.seen_s)}</td></tr>"
        )
    return (
        f'<div class="wide"><table><caption>{what} with each expression. {SHARE_HEADING}</caption>'
        f"<tr><th>face</th>{head}</tr>"
        f"{''.join(body)}</table></div>"
    )


def _number_of(pictures: float) -> str:
    return f"{pictures:.0f}"


def measured_table(table: Table, tracks: Sequence[Track]) -> str:
    """Medians of what the field table has beside the expressions, with the middle nine tenths."""
    head = "".join(
        f'<th title="{escape(field.about)}">{escape(field.name)}<br>'
        f"<span class=muted>{escape(field.unit)}</span></th>"
        for field in REPORT_FIELDS
    )
    body = []
    for track in sorted(tracks, key=lambda track: track.id):
        rows = track.rows(table)
        cells = "".join(
            f"<td>{_middle(_column(table, field.name)[rows])}</td>" for field in REPORT_FIELDS
        )
        body.append(f"<tr><td>{escape(track.title)}</td>{cells}</tr>")
    return (
        '<div class="wide"><table><caption>Head pose and other values: median, and 5th to 95th '
        f"percentile, of all rows</caption><tr><th>face</th>{head}</tr>"
        f"{''.join(body)}</table></div>"
    )


def _column(table: Table, name: str) -> NDArray[np.float32]:
    """Column of a number of the field table, [n] float32; NaN where the recording lacks it."""
    first: NDArray[np.float32] | None = getattr(table, name, None)
    return table.added_numbers(name) if first is None else first


def _middle(values: NDArray[np.float32]) -> str:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return "<span class=muted>not recorded</span>"
    low, median, high = np.percentile(known, [5, 50, 95])
    # without -0.0
    low, median, high = (round(float(value), 1) + 0.0 for value in (low, median, high))
    return f"{median:.1f}<br><span class=muted>{low:.1f} to {high:.1f}</span>"


def intervals_table(faces: Sequence[FaceSummary], starts_at_s: float = 0.0) -> str:
    """Shares of each face between the markers; times are since ``starts_at_s``."""
    head = "".join(f"<th>{label}</th>" for label in LABELS)
    body = []
    for face in faces:
        if face.seen_s <= 0:
            continue
        interval = face.interval
        begins = clock(interval.from_s - starts_at_s)
        since = "" if interval.label == WHOLE else f" <span class=muted>{begins}</span>"
        cells = "".join(
            f"<td>{percent(share)}</td>" if share != 0 else "<td class=muted>0</td>"
            for share in face.shares
        )
        body.append(
            f"<tr><td class=text>{escape(interval.label)}{since}</td><td class=text>"
            f"{escape(face.title)}</td>{cells}<td>{percent(face.low_confidence_share)}</td>"
            f"<td>{span(face.seen_s)}</td></tr>"
        )
    return (
        f'<div class="wide"><table><caption>From each marker to the next. {SHARE_HEADING}; low '
        "confidence as a share of the time seen</caption><tr><th>from</th><th class=text>face</th>"
        f"{head}<th>low confidence</th><th>seen</th></tr>{''.join(body)}</table></div>"
    )


def changes_table(face: FaceSummary) -> str:
    """Changes from label to label, darker the more there are."""
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
        f'<div class="wide"><table><caption>Changes of the label, {total} in total: from row '
        f"to column</caption><tr><th>from</th>{head}</tr>{''.join(body)}</table></div>"
    )


def comparison_table(result: Comparison) -> str:
    """Mean probabilities of two groups, and their difference."""
    first, second = escape(result.first_name), escape(result.second_name)
    interval = result.low is not None
    head = f"<th></th><th>{first}</th><th>{second}</th><th>difference</th>"
    head += "<th>95 %</th>" if interval else ""
    rows = []
    for i, label in enumerate(LABELS):
        points = round(100 * result.difference[i])
        cells = f"<td>{percent(result.first[i])}</td><td>{percent(result.second[i])}</td>"
        text = f"{points:+d} points" if points else "none"
        if result.calibration_error is not None and not result.beyond_calibration[i]:
            text = f"<span class=muted>{text}, within the error</span>"
        cells += f"<td>{text}</td>"
        if result.low is not None and result.high is not None:
            cells += f"<td>{100 * result.low[i]:+.0f} to {100 * result.high[i]:+.0f}</td>"
        rows.append(f"<tr><td>{label}</td>{cells}</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def annotations_table(session: Session, ranges: Sequence[AnnotatedRange]) -> str:
    """Annotations beside the model's labels: by time, or by picture where there is none."""
    of_pictures = session.of_pictures
    place = _pictures_of if of_pictures else _time_of
    kind = " class=text" if of_pictures else ""
    body = "".join(
        f"<tr><td{kind}>{escape(place(session, one.annotation))}</td>"
        f"<td class=text>{escape(one.track.title)}</td>"
        f"<td class=text>{escape(one.annotation.label)}</td>"
        f"<td>{f'{one.seen_s:.0f}' if of_pictures else span(one.seen_s)}</td>"
        f"<td>{percent(one.agreement)}</td></tr>"
        for one in ranges
    )
    share = "confident faces" if of_pictures else "confident time"
    where = "<th class=text>picture</th>" if of_pictures else "<th>time</th>"
    seen = "faces" if of_pictures else "seen"
    return (
        f'<div class="wide"><table><caption>What people saw, and the share of the {share} in '
        f"which the model gives the same label</caption><tr>{where}<th class=text>face</th>"
        f"<th class=text>annotation</th><th>{seen}</th><th>same label</th></tr>{body}</table></div>"
    )


def _time_of(session: Session, annotation: Annotation) -> str:
    """From when to when, since the recording's start."""
    starts_at_s = session.starts_at_s
    return (
        f"{clock_tenths(annotation.from_s - starts_at_s)} to "
        f"{clock_tenths(annotation.to_s - starts_at_s)}"
    )


def _pictures_of(session: Session, annotation: Annotation) -> str:
    """The picture that is annotated, or the first and the last of several."""
    table = session.table
    within = (table.t_s >= annotation.from_s) & (table.t_s < annotation.to_s)
    frames = table.frame[within]
    if not len(frames):
        return ""
    names = {one.frame: one.file for one in session.pictures}
    ends = (int(frames.min()), int(frames.max()))
    shown = [names.get(frame, f"{frame + 1}") for frame in dict.fromkeys(ends)]
    return " to ".join(shown)


def faces_table(
    session: Session, tracks: Sequence[Track], face_picture: Callable[[int], str]
) -> str:
    """Faces by expressions of a session of pictures; there is no time to share.

    ``face_picture`` gives the picture of a row's face, empty for none.
    """
    table = session.table
    names = {one.frame: one.file for one in session.pictures}
    head = "".join(f"<th>{label}</th>" for label in LABELS)
    found = [(row, track) for track in tracks for row in track.rows(table).tolist()]
    body = []
    for row, track in sorted(found, key=lambda one: one[0]):
        index = int(table.label[row])
        label = "" if index == NO_LABEL else LABELS[index]
        low = "low confidence" if table.uncertain[row] else ""
        cells = "".join(f"<td>{percent(float(value))}</td>" for value in table.smoothed[row])
        file = (
            f"<td class=text>{escape(names.get(int(table.frame[row]), ''))}</td>" if names else ""
        )
        body.append(
            f"<tr><td>{face_picture(row)}{escape(track.title)}</td>{file}"
            f"<td class=text>{label}</td>{cells}<td class=text>{low}</td></tr>"
        )
    file = "<th class=text>picture</th>" if names else ""
    return (
        '<div class="wide"><table><caption>Faces and the probability of each expression</caption>'
        f"<tr><th>face</th>{file}<th class=text>label</th>{head}<th></th></tr>{''.join(body)}"
        "</table></div>"
    )
