"""Figures and rows for other programs: summary tables, and the layouts of OpenFace and py-feat."""

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np

from ferdesk.core.labels import LABELS
from ferdesk.core.locations import shown_source
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.measures.pose import about_axes_deg
from ferdesk.errors import RecordingError
from ferdesk.sessions.annotations import annotated_ranges, texts_by_row
from ferdesk.sessions.measured_figures import MeasuredFigures
from ferdesk.sessions.openface_columns import blink_column, gaze_columns, place_columns
from ferdesk.sessions.reader import Session
from ferdesk.sessions.review import Review, Track, load_review
from ferdesk.sessions.summaries import FaceSummary, summarize
from ferdesk.sessions.table import Table

Layout = Literal["openface", "pyfeat"]
PYFEAT_EMOTIONS = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "happiness",
    "sad": "sadness", "surprise": "surprise", "neutral": "neutral",
}  # fmt: skip

SUMMARY_COLUMNS = (
    "session", "face", "name", "interval", "from_s", "to_s", "seen_s", "uncertain_s",
    *(f"{label}_s" for label in LABELS),
    *(f"mean_{label}" for label in LABELS),
    "changes", "mean_valence", "measured_s", "blinks", "blinks_per_min", "head_deg_per_s",
)  # fmt: skip
MOVEMENT_COLUMNS = tuple(f"mean_m_{name}" for name in MOVEMENTS)
"""Behind the summary's columns, where a session has movements."""
FACES_COLUMNS = (
    "session", "picture", "face", "name", "x", "y", "width", "height", "label", "confidence",
    "uncertain", *(f"p_{label}" for label in LABELS), *(f"s_{label}" for label in LABELS),
)  # fmt: skip
ANNOTATION_COLUMNS = (
    "session", "face", "name", "from_s", "to_s", "label", "seen_s", "confident_s", "agreed_s",
)  # fmt: skip
CHANGES_COLUMNS = ("session", "face", "name", "interval", "from_label", "to_label", "count")


def summary_csv(sessions: Sequence[Session], reviews: Sequence[Review] | None = None) -> str:
    """A line for each face over the whole session, and for each of its intervals between markers.

    Times have milliseconds and means three places: more than that is not known. MOVEMENT_COLUMNS
    follow where one of the sessions has movements.
    """
    moved = any(f"m_{MOVEMENTS[0]}" in session.table.added for session in sessions)

    def rows_of(session: str, face: FaceSummary) -> Iterator[tuple[object, ...]]:
        for row in _summary_rows(session, face):
            yield (*row, *(_or_empty(v, 3) for v in face.measured.movements)) if moved else row

    columns = (*SUMMARY_COLUMNS, *MOVEMENT_COLUMNS) if moved else SUMMARY_COLUMNS
    return _csv(columns, _each_summary(sessions, reviews, rows_of))


def changes_csv(sessions: Sequence[Session], reviews: Sequence[Review] | None = None) -> str:
    """A line for each pair of labels that followed each other, with how often."""
    return _csv(CHANGES_COLUMNS, _each_summary(sessions, reviews, _changes_rows))


def annotations_csv(sessions: Sequence[Session], reviews: Sequence[Review] | None = None) -> str:
    """A line for each annotation and face, with how long the model gives the same label."""
    chosen = [load_review(s) for s in sessions] if reviews is None else reviews
    rows = (
        (
            plain_text(session.name),
            one.track.id,
            plain_text(one.track.name),
            _seconds(one.annotation.from_s),
            _seconds(one.annotation.to_s),
            plain_text(one.annotation.label),
            _seconds(one.seen_s),
            _seconds(one.confident_s),
            _seconds(one.agreed_s),
        )
        for session, review in zip(sessions, chosen, strict=True)
        for one in annotated_ranges(session, review)
    )
    return _csv(ANNOTATION_COLUMNS, rows)


def faces_csv(sessions: Sequence[Session], reviews: Sequence[Review] | None = None) -> str:
    """A line for each face of each picture, with the picture's name; sessions of pictures only."""
    chosen = [load_review(s) for s in sessions] if reviews is None else reviews
    rows = (
        row
        for session, review in zip(sessions, chosen, strict=True)
        if session.of_pictures
        for row in _face_rows(session, review)
    )
    return _csv(FACES_COLUMNS, rows)


def _face_rows(session: Session, review: Review) -> Iterator[tuple[object, ...]]:
    table = session.table
    names = {one.frame: one.file for one in session.pictures}
    source = session.about.get("source")
    alone = str(source.get("location") or "") if isinstance(source, dict) else ""
    found = [(row, t) for t in review.shown_tracks() for row in t.rows(table).tolist()]
    for row, track in sorted(found, key=lambda one: one[0]):
        yield (
            plain_text(session.name),
            plain_text(names.get(int(table.frame[row]), "" if names else alone)),
            track.id,
            plain_text(track.name),
            *(f"{value:.2f}" for value in table.box[row]),
            LABELS[table.label[row]],
            f"{table.confidence[row]:.4f}",
            int(table.uncertain[row]),
            *(f"{value:.4f}" for value in (*table.raw[row], *table.smoothed[row])),
        )


def rows_csv(session: Session, layout: Layout, review: Review | None = None) -> str:
    """The session's rows in another program's layout, for its users' scripts.

    Only what has a counterpart and was recorded is given; nothing is made up for the rest. Faces
    carry the ids of their tracks; excluded tracks are left out. A review with annotations adds a
    column for them.
    """
    review = load_review(session) if review is None else review
    write = _openface_rows if layout == "openface" else _pyfeat_rows
    texts = texts_by_row(session, review) if review.annotations else None
    header, numbered = write(session, review)
    if texts is not None:
        # behind the other program's columns, which its users' scripts find by name
        header = (*header, "annotation")
    rows = (row if texts is None else (*row, plain_text(texts[number])) for number, row in numbered)
    # OpenFace writes a blank behind each comma of its header
    return (", " if layout == "openface" else ",").join(header) + "\r\n" + _csv((), rows)


def _each_summary(
    sessions: Sequence[Session],
    reviews: Sequence[Review] | None,
    rows_of: Callable[[str, FaceSummary], Iterator[tuple[object, ...]]],
) -> Iterator[tuple[object, ...]]:
    chosen = [load_review(s) for s in sessions] if reviews is None else reviews
    for session, review in zip(sessions, chosen, strict=True):
        summaries = summarize(session, review)
        if review.all_markers(session):
            summaries += summarize(session, review, by_marker=True)
        for summary in summaries:
            yield from rows_of(session.name, summary)


def _summary_rows(session: str, face: FaceSummary) -> Iterator[tuple[object, ...]]:
    yield (
        *_of(session, face),
        _seconds(face.interval.from_s),
        _seconds(face.interval.to_s),
        _seconds(face.seen_s),
        _seconds(face.low_confidence_s),
        *(_seconds(value) for value in face.label_s),
        *("" if math.isnan(value) else f"{value:.3f}" for value in face.mean),
        int(face.changes.sum()),
        *_measured(face.measured),
    )


def _measured(one: MeasuredFigures) -> Iterator[object]:
    yield _or_empty(one.valence, 3)
    yield _seconds(one.measured_s) if one.measured_s > 0 else ""
    yield "" if one.blinks is None else one.blinks
    yield _or_empty(one.blink_rate, 2)
    yield _or_empty(one.head_deg_s, 2)


def _changes_rows(session: str, face: FaceSummary) -> Iterator[tuple[object, ...]]:
    for one, other in np.argwhere(face.changes):
        count = int(face.changes[one, other])
        yield (*_of(session, face), LABELS[one], LABELS[other], count)


def _of(session: str, face: FaceSummary) -> tuple[str, int, str, str]:
    name = face.title if face.title != f"#{face.track}" else ""
    return plain_text(session), face.track, plain_text(name), plain_text(face.interval.label)


def plain_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _seconds(value: float) -> str:
    return _or_empty(value, 3)


def _minutes_and_seconds(seconds: float) -> str:
    """MM:SS, cut to whole seconds as py-feat does, so that its users' ``%M:%S`` reads it."""
    whole = int(round(seconds, 6))
    return f"{whole // 60:02d}:{whole % 60:02d}"


def _or_empty(value: float, places: int) -> str:
    """A number, or nothing where the recording has none."""
    return f"{value + 0.0:.{places}f}" if math.isfinite(value) else ""  # no -0.00


def _csv(header: Sequence[str], rows: Iterator[tuple[object, ...]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _turns_deg(table: Table) -> Callable[[int], tuple[float, float, float]]:
    """Turns of a row about axes to the right, down and away, in degrees; NaN where not known.

    Estimates of a detector are too rough for the order of turns to matter: they get the signs only.
    """
    # once: a column that a recording has not is made anew each time that it is asked for
    names = "yaw_deg", "pitch_deg", "presence"
    yaws, pitches, presence = (table.added_numbers(name) for name in names)

    def turns_of(row: int) -> tuple[float, float, float]:
        yaw, pitch, roll = (float(one[row]) for one in (yaws, pitches, table.roll_deg))
        if math.isfinite(float(presence[row])):
            return about_axes_deg(yaw, pitch, roll)
        return pitch, -yaw, roll

    return turns_of


def _tracks_by_row(
    table: Table, tracks: Sequence[Track]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """[n] the track of each row, 0 where it belongs to none that is shown."""
    track_of = np.zeros(len(table), np.int64)
    for track in tracks:
        track_of[track.rows(table)] = track.id
    return track_of


def _openface_rows(
    session: Session, review: Review
) -> tuple[tuple[str, ...], Iterator[tuple[int, tuple[object, ...]]]]:
    table, track_of = session.table, _tracks_by_row(session.table, review.shown_tracks())
    gaze, place, blink = gaze_columns(table), place_columns(table), blink_column(table, track_of)
    header = (
        "frame", "face_id", "timestamp", "confidence", "success", *gaze, *place,
        "pose_Rx", "pose_Ry", "pose_Rz", *blink,
    )  # fmt: skip
    turns_of = _turns_deg(table)

    def rows() -> Iterator[tuple[int, tuple[object, ...]]]:
        for row in _rows_to_show(table, track_of):
            # OpenFace counts frames from 1 and people from 0
            start = (int(table.frame[row]) + 1, max(0, int(track_of[row]) - 1))
            if track_of[row] == 0:
                yield row, (*start, f"{table.t_s[row]:.3f}", 0, 0, *[""] * (len(header) - 5))
                continue
            score = f"{table.detection[row]:.3f}"
            turns = (_or_empty(math.radians(angle), 4) for angle in turns_of(row))
            yield (
                row,
                (
                    *start,
                    f"{table.t_s[row]:.3f}",
                    score,
                    1,
                    *(_or_empty(float(one[row]), 4) for one in gaze.values()),
                    *(_or_empty(float(one[row]), 1) for one in place.values()),
                    *turns,
                    *(_or_empty(float(one[row]), 0) for one in blink.values()),
                ),
            )

    return header, rows()


def _pyfeat_rows(
    session: Session, review: Review
) -> tuple[tuple[str, ...], Iterator[tuple[int, tuple[object, ...]]]]:
    header = (
        "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore",
        "Pitch", "Roll", "Yaw",
        *PYFEAT_EMOTIONS.values(), "input", "frame", "approx_time", "Identity",
    )  # fmt: skip
    table, track_of = session.table, _tracks_by_row(session.table, review.shown_tracks())
    titles = {track.id: track.name or f"Person_{track.id - 1}" for track in review.tracks}
    source = plain_text(shown_source(session.about.get("source")))
    order = [LABELS.index(label) for label in PYFEAT_EMOTIONS]
    turns_of = _turns_deg(table)

    def rows() -> Iterator[tuple[int, tuple[object, ...]]]:
        for row in _rows_to_show(table, track_of):
            seconds = float(table.t_s[row])
            end = (source, int(table.frame[row]), _minutes_and_seconds(seconds))
            if track_of[row] == 0:
                yield row, (*[""] * 15, *end, "")
                continue
            x_deg, y_deg, z_deg = turns_of(row)
            yield (
                row,
                (
                    *(f"{value:.2f}" for value in table.box[row]),
                    f"{table.detection[row]:.3f}",
                    # degrees, positive up, clockwise, and to the picture's left
                    *(_or_empty(angle, 2) for angle in (-x_deg, z_deg, y_deg)),
                    *(f"{value:.5f}" for value in table.raw[row, order]),
                    *end,
                    plain_text(titles[int(track_of[row])]),
                ),
            )

    return header, rows()


def _rows_to_show(table: Table, track_of: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    """Rows of shown tracks, and the first row of each frame that has none of them."""
    shown = track_of > 0
    starts = table.frame_starts()
    if len(starts) == 0:
        return []
    ends = np.append(starts[1:], len(table))
    counts = np.add.reduceat(shown, starts)
    empty = starts[(counts == 0) & (ends > starts)]
    rows: list[int] = np.union1d(np.flatnonzero(shown), empty).tolist()
    return rows


def check_layout(name: str) -> Layout:
    """``name`` as a layout.

    Raises:
        RecordingError: there is no such layout.
    """
    if name == "openface":
        return "openface"
    if name == "pyfeat":
        return "pyfeat"
    raise RecordingError(f"There is no layout {name!r}; there are openface, pyfeat and parquet.")
