"""Page of a report: chapters of sessions, their comparison, what the figures mean.

One HTML file: its charts are SVG in it, its style is in it, and the network is never asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from ferdesk.core.locations import shown_source
from ferdesk.errors import RecordingError
from ferdesk.messages import counted, translatable
from ferdesk.paths import assets_folder
from ferdesk.sessions.annotations import annotated_ranges
from ferdesk.sessions.comparability import LABELS_FROM_WORDS, differences, model_text
from ferdesk.sessions.reader import Marker, Session, parse_utc
from ferdesk.sessions.report.charts import (
    comparison_chart,
    curves_chart,
    legend,
    overview_chart,
    share_bar,
)
from ferdesk.sessions.report.formats import clock, moment, percent, span
from ferdesk.sessions.report.measures_table import measures_table
from ferdesk.sessions.report.pictures import (
    PicturesOf,
    SessionPictures,
    face_picture,
    no_pictures,
    picture_sheet,
    portrait,
)
from ferdesk.sessions.report.tables import (
    annotations_table,
    changes_table,
    comparison_table,
    faces_table,
    intervals_table,
    measured_table,
    times_table,
)
from ferdesk.sessions.review import Review, Track, load_review
from ferdesk.sessions.summaries import (
    MIN_GROUP,
    SHARE_MEANING,
    Comparison,
    FaceSummary,
    calibration_error,
    compare,
    label_accuracy,
    profile,
    summarize,
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Whatever the texts of a session contain, the page runs and fetches nothing."""
_SHOWN_TRACKS = 12
"""More faces than this are listed and not drawn."""


@dataclass(frozen=True, slots=True)
class Group:
    """Group of sessions, compared with another."""

    name: str
    sessions: tuple[Session, ...]


def group_names(first: Sequence[Session], second: Sequence[Session]) -> tuple[str, str]:
    """Names for two groups: what each has in common and the other has not, else A and B.

    A session alone gives its own name; several their condition, or their folder.
    """
    names = [_common(first), _common(second)]
    if names[0] == names[1] or not all(names):
        return "A", "B"
    return names[0], names[1]


def _common(sessions: Sequence[Session]) -> str:
    if len(sessions) == 1:
        return sessions[0].title
    for value_of in (_condition, lambda session: session.folder.parent.name):
        values = {value_of(session) for session in sessions}
        if len(values) == 1 and (value := values.pop()):
            return value
    return ""


def _condition(session: Session) -> str:
    return str(session.about.get("condition") or "")


def html_report(
    sessions: Sequence[Session],
    *,
    reviews: Sequence[Review] | None = None,
    groups: tuple[Group, Group] | None = None,
    pictures_of: PicturesOf = no_pictures,
    made: datetime,
    version: str,
) -> str:
    """The whole page.

    Args:
        sessions: each gets a chapter.
        reviews: names, merges and so on; by default those saved beside the sessions.
        groups: two groups to compare; by default, of two sessions the first with the second.
        pictures_of: opens the pictures that a session keeps.
        made: the date that the page carries.
        version: of the program.
    """
    chosen = [load_review(s) for s in sessions] if reviews is None else list(reviews)
    if groups is None and len(sessions) == 2:
        names = group_names(sessions[:1], sessions[1:])
        one, other = (
            Group(name, (session,)) for name, session in zip(names, sessions, strict=True)
        )
        groups = (one, other)
    by_folder = {s.folder: review for s, review in zip(sessions, chosen, strict=True)}
    title = sessions[0].title if len(sessions) == 1 else f"{len(sessions)} sessions"
    parts = []
    for session, review in zip(sessions, chosen, strict=True):
        with pictures_of(session) as pictures:
            parts.append(_chapter(session, review, pictures, alone=len(sessions) == 1))
    if groups is not None:
        parts.insert(0, _comparison(groups, by_folder))
    heading = "" if len(sessions) == 1 else f"<h1>{escape(title)}</h1>"
    content = f"{heading}{''.join(parts)}{_terms(sessions)}"
    return whole_page(title, content, made=made, version=version)


def whole_page(title: str, content: str, *, made: datetime, version: str) -> str:
    """A page of its own around ``content``, which is HTML; ``title`` is plain text."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)} · ferdesk report</title><style>{_style()}</style></head>"
        f"<body><main>{content}"
        f"<footer>Made by ferdesk {escape(version)} on "
        f"{made.astimezone().strftime('%Y-%m-%d %H:%M')}.</footer></main></body></html>\n"
    )


def _style() -> str:
    path = assets_folder() / "report" / "report.css"
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise RecordingError(
            translatable("{path} is missing; install ferdesk again.", path=path)
        ) from error


def _chapter(
    session: Session, review: Review, pictures: SessionPictures | None, *, alone: bool
) -> str:
    summaries = summarize(session, review)
    markers = review.all_markers(session)
    of_track = {face.track: face for face in summaries}
    tracks = [track for track in review.shown_tracks() if of_track[track.id].seen_s > 0]
    tracks.sort(key=lambda track: -of_track[track.id].seen_s)
    drawn = sorted(tracks[:_SHOWN_TRACKS], key=lambda track: track.id)
    heading = "h1" if alone else "h2"
    parts = [
        f"<{heading}>{escape(session.title)}</{heading}>",
        _facts(session, review, len(tracks), markers),
        _trust(session, summaries),
        _warnings(session, review),
    ]
    if not tracks:
        where = "these pictures" if session.of_pictures else "this session"
        return "".join([*parts, f"<p>No face was seen in {where}.</p>"])
    level = "h2" if alone else "h3"
    if session.of_pictures:
        tracks.sort(key=lambda track: track.id)
        parts.append(f"<{level}>Faces</{level}>{picture_sheet(session, tracks, pictures)}")
        if any(of_track[track.id].seen_s > 1 for track in tracks):
            parts.append(times_table(summaries, of_pictures=True))
        parts.append(faces_table(session, tracks, lambda row: face_picture(session, row, pictures)))
        parts += _annotations(session, review, level)
        return "".join([*parts, _remarks(session, review, level)])
    parts += [
        f"<{level}>Overview</{level}>",
        overview_chart(session, drawn, markers),
        legend(low_confidence=True),
        times_table(summaries),
        measured_table(session.table, tracks),
        measures_table(summaries),
    ]
    if len(tracks) > len(drawn):
        parts.append(
            f"<p class=muted>The charts show the {len(drawn)} faces seen longest, of "
            f"{len(tracks)}; the table lists all.</p>"
        )
    for track in drawn:
        face = portrait(session, track, pictures)
        parts.append(_track_section(session, track, of_track[track.id], markers, face))
    if markers:
        parts.append(f"<{level}>Between the markers</{level}>")
        between = summarize(session, review, by_marker=True)
        parts.append(intervals_table(between, session.starts_at_s))
        parts.append(measures_table(between, session.starts_at_s))
    parts += _annotations(session, review, level)
    parts.append(_remarks(session, review, level))
    return "".join(parts)


def _annotations(session: Session, review: Review, level: str) -> list[str]:
    """What people saw beside what the model says, where anybody has said it."""
    ranges = annotated_ranges(session, review)
    if not ranges:
        return []
    return [f"<{level}>Annotations</{level}>", annotations_table(session, ranges)]


def _facts(session: Session, review: Review, num_faces: int, markers: Sequence[Marker]) -> str:
    about = session.about
    source, picture = _table(about.get("source")), _table(about.get("picture"))
    excluded = sum(track.excluded for track in review.tracks)
    made = moment(parse_utc(about.get("started_utc")))
    is_film = session.kind == "video"
    num_frames = session.table.num_frames()
    facts = [
        *([("Filmed", moment(session.started_utc))] if is_film else []),
        ("Analysed" if is_film or session.of_pictures else "Started", made),
        ("Pictures", f"{num_frames:,}") if session.of_pictures
        else ("Length", clock(session.length_s)),
        *[(key.capitalize(), text) for key in ("participant", "condition")
          if (text := str(about.get(key) or ""))],
        *([("In the video", _place(session))] if session.starts_at_s > 0 else []),
        ("Source", shown_source(source) or "unknown"),
        *([("Resolution", f"{picture.get('width', '?')} x {picture.get('height', '?')}")]
          if session.kind != "pictures" else []),
        ("Faces", f"{num_faces}" + (f" ({excluded} excluded)" if excluded else "")),
        *([] if session.of_pictures else [
            ("Markers", str(len(markers))), ("Frames analysed", f"{num_frames:,}"),
        ]),
        ("Model", model_text(about) or "unknown"),
        ("Labels from", LABELS_FROM_WORDS[session.labels_from]),
    ]  # fmt: skip
    inner = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    return f'<dl class="facts">{inner}</dl>'


def _place(session: Session) -> str:
    """Which part of its film was recorded, in the film's own time."""
    return f"{clock(session.starts_at_s)} to {clock(session.ends_at_s)}"


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _trust(session: Session, summaries: Sequence[FaceSummary]) -> str:
    """How exact the figures are, before any of them."""
    sentences = [
        "A label describes a face's expression, not what a person feels. Shares are rounded to "
        "whole per cent, as the model is no more exact than that."
    ]
    accuracy = label_accuracy(session)
    error = calibration_error(session)
    if accuracy is not None and error is not None:
        right = (
            "was the one that most of ten people chose in about"
            if session.labels_from == "votes"
            else "was right in"
        )
        sentences.append(
            f"On unseen images of FER2013, the model's label {right} {accuracy * 100:.0f} of "
            f"100 (seven labels), and its probabilities were off by "
            f"{max(1, round(error * 100))} points on average; on your recordings it may be worse. "
            "Smaller differences mean nothing."
        )
    else:
        sentences.append("This session does not record how well its model is calibrated.")
    seen = sum(face.seen_s for face in summaries)
    if seen > 0:
        low = sum(face.low_confidence_s for face in summaries) / seen
        what = "faces" if session.of_pictures else "time seen"
        sentences.append(
            f"{percent(low)} of the {what} had low confidence; it is counted apart, and for no "
            "label."
        )
    return f'<div class="note"><p>{"</p><p>".join(sentences)}</p></div>'


def _warnings(session: Session, review: Review) -> str:
    lines = list(review.warnings)
    if not session.complete:
        lines.append(
            "This session was interrupted; everything up to there is shown. "
            f"Repair it with “ferdesk sessions repair {session.name}”."
        )
    for name, text in (
        ("frames_lost", "analysed frames were lost, as the disk did not keep up"),
        ("frames_dropped", "frames were skipped because analysis was busy"),
    ):
        if isinstance(number := session.about.get(name), int) and number > 0:
            lines.append(f"{number:,} {text}.")
    events = session.about.get("events")
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict):
            since_s = _number(event.get("t_s")) - session.starts_at_s
            when = "" if session.of_pictures else f"{clock(since_s)}: "
            lines.append(f"{when}{event.get('text', '')}")
    if not lines:
        return ""
    return (
        f'<div class="note warn">{"".join(f"<p>{escape(line)}</p>" for line in lines[:20])}</div>'
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _track_section(
    session: Session,
    track: Track,
    face: FaceSummary,
    markers: Sequence[Marker],
    picture: str,
) -> str:
    merged = len({segment.face_id for segment in track.segments})
    text = f"Seen for {span(face.seen_s)}."
    if merged > 1:
        text += f" Merged from {counted(merged, 'recorded face')}."
    if face.small:
        text += " That is too short for its shares to mean much."
    return (
        f'<div class="person">{picture}<div><h3>{escape(track.title)}</h3>'
        f"<p class=muted>{text}</p></div></div>"
        f"{share_bar(face)}{curves_chart(session, track, markers)}{legend()}{changes_table(face)}"
    )


def _remarks(session: Session, review: Review, level: str) -> str:
    if not review.comments and not review.notes:
        return ""
    titles = {track.id: track.title for track in review.tracks}
    rows = "".join(
        f"<tr><td>{clock(c.t_s - session.starts_at_s)}</td><td class=text>"
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
        return "<h2>Comparison</h2><p>One of the groups has no face, so nothing is compared.</p>"
    warnings = "".join(f"<p>{escape(line)}</p>" for line in differences(sessions))
    warnings = f'<div class="note warn">{warnings}</div>' if warnings else ""
    parts = (warnings, comparison_chart(result), comparison_table(result), _comparison_note(result))
    return f"<h2>Comparison</h2>{''.join(parts)}"


def _comparison_note(result: Comparison) -> str:
    counts = " and ".join(str(len(group)) for group in result.profiles)
    text = f"{counts} sessions, each counted once."
    if result.low is None:
        text += f" Intervals need at least {MIN_GROUP} sessions in each group."
    if result.calibration_error is None:
        text += " The calibration error is not recorded, so no difference can be assessed."
    else:
        points = max(1, round(100 * result.calibration_error))
        text += (
            f" “Within the error”: not larger than the model's calibration error ({points} points)."
        )
    return f"<p class=muted>{text}</p>"


_PICTURE_TERMS = (
    ("Label", "The expression with the largest probability."),
    (
        "Low confidence",
        "Faces marked by the program's rule; column “uncertain”. They are counted for no label.",
    ),
    ("Probability", "The model's, for this picture alone."),
)
_TERMS = (
    ("Seen", "Each row counts until the next analysed frame, for at most half a second."),
    (
        "Time with a label",
        "Time seen with this label as the largest smoothed probability, low confidence left out.",
    ),
    ("Low confidence", "Time seen in rows marked by the program's rule; column “uncertain”."),
    ("Share", SHARE_MEANING),
    (
        "Change",
        "A label held for at least 0.3 s, followed by another such label within a second; "
        "shorter ones count as flicker.",
    ),
    ("Mean probability", "The model's raw probabilities, averaged over the time seen."),
)


def _terms(sessions: Sequence[Session]) -> str:
    terms = _PICTURE_TERMS if all(session.of_pictures for session in sessions) else _TERMS
    inner = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in terms)
    return f'<h2>What the figures mean</h2><dl class="terms">{inner}</dl>'
