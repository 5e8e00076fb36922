"""Annotations of a session beside the model's labels: what of each the model says as well."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.sessions.reader import Session
from ferdesk.sessions.review import Annotation, Review, Track
from ferdesk.sessions.summaries import row_weights


@dataclass(frozen=True, slots=True)
class AnnotatedRange:
    """Annotation of one track, with the time it was seen and the model's labels in it.

    ``confident_s`` is the part of ``seen_s`` without low confidence, ``agreed_s`` the part of that
    in which the model gives the annotation's label: NaN for a text that is none of LABELS.
    """

    annotation: Annotation
    track: Track
    seen_s: float
    confident_s: float
    agreed_s: float

    @property
    def agreement(self) -> float:
        """Share of the confident time, NaN where there is none."""
        return self.agreed_s / self.confident_s if self.confident_s > 0 else float("nan")


def annotated_ranges(session: Session, review: Review) -> list[AnnotatedRange]:
    """Each annotation with each shown track that it is about, by time."""
    return list(_ranges(session, review))


def _ranges(session: Session, review: Review) -> Iterator[AnnotatedRange]:
    if not review.annotations:
        return
    table, weights = session.table, row_weights(session)
    rows_of = {track.id: track.rows(table) for track in review.shown_tracks()}
    for one in review.annotations:
        index = LABELS.index(one.label) if one.label in LABELS else -1
        for track in review.shown_tracks():
            if one.track not in (track.id, None):
                continue
            rows = _within(session, rows_of[track.id], one)
            if one.track is None and len(rows) == 0:
                continue
            sure = rows[~table.uncertain[rows]]
            agreed = float(weights[sure[table.label[sure] == index]].sum())
            yield AnnotatedRange(
                one,
                track,
                float(weights[rows].sum()),
                float(weights[sure].sum()),
                agreed if index >= 0 else float("nan"),
            )


def texts_by_row(session: Session, review: Review) -> list[str]:
    """[n] the labels of the annotations that each row lies in, joined by ``;``."""
    texts = [""] * len(session.table)
    rows_of = {track.id: track.rows(session.table) for track in review.shown_tracks()}
    for one in review.annotations:
        for track_id, rows in rows_of.items():
            if one.track in (track_id, None):
                for row in _within(session, rows, one).tolist():
                    texts[row] = f"{texts[row]};{one.label}" if texts[row] else one.label
    return texts


def _within(session: Session, rows: NDArray[np.int64], one: Annotation) -> NDArray[np.int64]:
    t_s = session.table.t_s[rows]
    return rows[(t_s >= one.from_s) & (t_s < one.to_s)]
