"""Summary statistics of a session: time with each label, changes, by face and between markers.

Each figure is defined in ``docs/summaries.md``; the constants here are part of the definitions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.sessions.measured_figures import MeasuredFigures, measured_figures
from ferdesk.sessions.reader import Marker, Session
from ferdesk.sessions.review import Review, Track, load_review
from ferdesk.sessions.table import Table

LONGEST_STEP_S = 0.5
"""A row counts until the next analysed frame, but never for more than this."""
SHORTEST_RUN_S = 0.3
"""A label held for less counts as flicker, and not as a change."""
LONGEST_GAP_S = 1.0
"""After a longer gap a face's labels are a new sequence: no change is counted over it."""
MIN_GROUP = 5
"""Groups with fewer sessions get no interval."""
RESAMPLES = 2000
SHARE_HEADING = "Share of the confident time"
SHARE_MEANING = "Time with a label, divided by all of that face's time without low confidence."
"""The one share that reports, tables and comparisons give for a label."""
WHOLE = "whole session"
BEFORE = "before the first marker"


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a session, ``from_s <= t_s < to_s``, named after the marker that begins it."""

    label: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, eq=False)
class FaceSummary:
    """Figures of one track in one interval.

    ``seen_s`` is the time it was seen; ``label_s`` [7] the part of it with each label, rows of low
    confidence left out; ``low_confidence_s`` the rest. ``mean`` [7] are the model's probabilities
    ``p_*`` averaged over the time seen, NaN where it was not. ``changes`` [7, 7] counts changes of
    the label, from the row's to the column's. ``measured`` has valence and what else was measured.
    ``small`` tracks were seen for less than a second.
    """

    track: int
    title: str
    interval: Interval
    seen_s: float
    label_s: NDArray[np.float64]
    low_confidence_s: float
    mean: NDArray[np.float64]
    changes: NDArray[np.int64]
    measured: MeasuredFigures

    @property
    def shares(self) -> NDArray[np.float64]:
        """[7] shares of the labels (SHARE_MEANING); NaN where there is no confident time."""
        total = self.label_s.sum()
        return self.label_s / total if total > 0 else np.full(len(LABELS), np.nan)

    @property
    def low_confidence_share(self) -> float:
        return self.low_confidence_s / self.seen_s if self.seen_s > 0 else float("nan")

    @property
    def small(self) -> bool:
        return self.seen_s < 1.0


def row_durations(table: Table) -> NDArray[np.float64]:
    """[n] seconds that each row counts: to the next analysed frame, ``LONGEST_STEP_S`` at most.

    The last frame counts for as long as the one before; all rows of a frame for the same time.
    """
    starts = table.frame_starts()
    if len(starts) == 0:
        return np.zeros(0)
    steps = np.diff(table.t_s[starts])
    steps = np.append(steps, steps[-1] if len(steps) else 0.0)
    steps = np.clip(steps, 0.0, LONGEST_STEP_S)
    return np.repeat(steps, np.diff(np.append(starts, len(table))))


def row_weights(session: Session) -> NDArray[np.float64]:
    """[n] seconds that each row counts; 1 a row in a session of pictures, which have no time."""
    if session.of_pictures:
        return np.ones(len(session.table))
    return row_durations(session.table)


def intervals_of(
    markers: Sequence[Marker], ends_at_s: float, starts_at_s: float = 0.0
) -> list[Interval]:
    """From each marker to the next, and what comes before the first; the whole without markers.

    All times are ``t_s``.
    """
    if not markers:
        return [Interval(WHOLE, starts_at_s, np.inf)]
    ordered = sorted(markers, key=lambda marker: marker.t_s)
    edges = [marker.t_s for marker in ordered]
    intervals = [Interval(BEFORE, starts_at_s, edges[0])] if edges[0] > starts_at_s else []
    ends = [*edges[1:], np.inf]
    for marker, start, end in zip(ordered, edges, ends, strict=True):
        if start < end and start <= ends_at_s:
            intervals.append(Interval(marker.label, start, end))
    return intervals


def summarize(
    session: Session, review: Review | None = None, *, by_marker: bool = False
) -> list[FaceSummary]:
    """Figures of each track that is not excluded, over the whole or between its markers."""
    review = load_review(session) if review is None else review
    markers = review.all_markers(session) if by_marker else ()
    intervals = intervals_of(markers, session.ends_at_s, session.starts_at_s)
    durations = row_weights(session)
    return [
        _summarize(session, durations, track, track_rows, interval)
        for track in review.shown_tracks()
        for track_rows in (track.rows(session.table),)
        for interval in intervals
    ]


def _summarize(
    session: Session,
    durations: NDArray[np.float64],
    track: Track,
    rows: NDArray[np.int64],
    interval: Interval,
) -> FaceSummary:
    table = session.table
    t_s = table.t_s[rows]
    rows = rows[(t_s >= interval.from_s) & (t_s < interval.to_s)]
    spent, label, low = durations[rows], table.label[rows], table.uncertain[rows]
    seen_s = float(spent.sum())
    confident = ~low
    label_s = np.zeros(len(LABELS))
    np.add.at(label_s, label[confident], spent[confident])
    with np.errstate(invalid="ignore"):
        mean = (table.raw[rows].astype(np.float64) * spent[:, None]).sum(axis=0) / seen_s
    if seen_s == 0:
        mean = np.full(len(LABELS), np.nan)
    return FaceSummary(
        track=track.id,
        title=track.title,
        interval=interval,
        seen_s=seen_s,
        label_s=label_s,
        low_confidence_s=float(spent[low].sum()),
        mean=mean,
        changes=count_changes(table.t_s[rows][confident], label[confident]),
        measured=measured_figures(table, rows, spent, timed=not session.of_pictures),
    )


def count_changes(t_s: NDArray[np.float64], label: NDArray[np.int8]) -> NDArray[np.int64]:
    """[7, 7] int64: how often a label followed another in a face's confident rows.

    Labels are joined into runs; one that is shorter than ``SHORTEST_RUN_S`` is left out, and
    where the same label stands on both sides of it, that is one run. Nothing is counted over a gap
    longer than ``LONGEST_GAP_S``.
    """
    changes = np.zeros((len(LABELS), len(LABELS)), np.int64)
    if len(t_s) == 0:
        return changes
    breaks = np.flatnonzero((np.diff(label) != 0) | (np.diff(t_s) > LONGEST_GAP_S)) + 1
    starts = np.concatenate(([0], breaks))
    ends = np.concatenate((breaks, [len(t_s)]))
    last = -1
    last_end_s = -np.inf
    for start, end in zip(starts, ends, strict=True):
        begin_s = float(t_s[start])
        # a run lasts until the next begins, unless there is a gap between them
        next_s = float(t_s[end]) if end < len(t_s) else float(t_s[end - 1])
        end_s = next_s if next_s - t_s[end - 1] <= LONGEST_GAP_S else float(t_s[end - 1])
        if begin_s - last_end_s > LONGEST_GAP_S:
            last = -1
        last_end_s = end_s
        if end_s - begin_s < SHORTEST_RUN_S:
            continue
        current = int(label[start])
        if last >= 0 and current != last:
            changes[last, current] += 1
        last = current
    return changes


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A session for comparisons: all tracks together, weighted by the time they were seen."""

    name: str
    seen_s: float
    shares: NDArray[np.float64]
    mean: NDArray[np.float64]
    low_confidence_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two groups of sessions; ``difference`` is second minus first, of the mean probabilities.

    ``first`` and ``second`` [7] are means over the sessions, each counting once. ``low`` and
    ``high`` [7] bound the difference (95 %, bootstrap over sessions), None with fewer than
    ``MIN_GROUP`` sessions in a group. ``beyond_calibration`` [7] says where the difference is
    larger than the model's expected calibration error; False where that is unknown.
    """

    first_name: str
    second_name: str
    profiles: tuple[tuple[Profile, ...], tuple[Profile, ...]]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    difference: NDArray[np.float64]
    low: NDArray[np.float64] | None
    high: NDArray[np.float64] | None
    calibration_error: float | None
    beyond_calibration: NDArray[np.bool_]


def profile(session: Session, review: Review | None = None) -> Profile:
    """One session's figures over all tracks that are not excluded."""
    return profile_of(session.name, summarize(session, review))


def profile_of(name: str, summaries: Sequence[FaceSummary]) -> Profile:
    """The figures of these faces together."""
    faces = [face for face in summaries if face.seen_s > 0]
    seen_s = sum(face.seen_s for face in faces)
    nothing = np.full(len(LABELS), np.nan)
    if seen_s == 0:
        return Profile(name, 0.0, nothing, nothing, float("nan"))
    label_s = np.sum([face.label_s for face in faces], axis=0)
    mean = np.sum([face.mean * face.seen_s for face in faces], axis=0) / seen_s
    shares = label_s / label_s.sum() if label_s.sum() > 0 else nothing
    low = sum(face.low_confidence_s for face in faces) / seen_s
    return Profile(name, seen_s, shares, mean, low)


def compare(
    first: Sequence[Profile],
    second: Sequence[Profile],
    *,
    first_name: str = "first",
    second_name: str = "second",
    calibration_error: float | None = None,
    seed: int = 0,
) -> Comparison:
    """Hold two groups of sessions against each other; sessions that show no face are left out."""
    groups = tuple(tuple(p for p in group if p.seen_s > 0) for group in (first, second))
    values = [np.array([p.mean for p in group]).reshape(-1, len(LABELS)) for group in groups]
    nothing = np.full(len(LABELS), np.nan)
    means = [v.mean(axis=0) if len(v) else nothing for v in values]
    difference = means[1] - means[0]
    low = high = None
    if min(len(v) for v in values) >= MIN_GROUP:
        rng = np.random.default_rng(seed)
        drawn = [v[rng.integers(0, len(v), (RESAMPLES, len(v)))].mean(axis=1) for v in values]
        low, high = np.percentile(drawn[1] - drawn[0], [2.5, 97.5], axis=0)
    beyond = np.zeros(len(LABELS), bool)
    if calibration_error is not None:
        beyond = np.abs(difference) > calibration_error
    return Comparison(
        first_name, second_name, (groups[0], groups[1]), means[0], means[1], difference,
        low, high, calibration_error, beyond,
    )  # fmt: skip


def calibration_error(session: Session) -> float | None:
    """The expected calibration error of the session's labels, in [0, 1], where it is recorded."""
    return _figure(session, "ece", "ece")


def label_accuracy(session: Session) -> float | None:
    """Share of unseen faces on which the session's labels are right, where it is recorded.

    Right is what most of the people chose, or FER2013's label: what the labels come from.
    """
    return _figure(session, "accuracy", "plurality")


def _figure(session: Session, of_fer2013: str, of_votes: str) -> float | None:
    """A figure of the model's file by one crop, on PrivateTest where it was judged there."""
    model = session.about.get("model")
    by_votes = session.labels_from == "votes"
    key = "votes_accuracy" if by_votes else "accuracy"
    table = model.get(key) if isinstance(model, dict) else None
    part, name = ("crowd", of_votes) if by_votes else ("one_crop", of_fer2013)
    for split in ("private_test", "public_test"):
        try:
            return float(table[split][part][name])  # type: ignore[index]
        except (KeyError, TypeError, ValueError):
            continue
    return None
