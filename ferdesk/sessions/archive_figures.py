"""Figures of an archive: hundreds of sessions by file, face and condition, one open at a time."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.errors import RecordingError
from ferdesk.sessions.comparability import model_text
from ferdesk.sessions.export import plain_text
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review
from ferdesk.sessions.summaries import MIN_GROUP, RESAMPLES, Profile, profile_of, summarize

WITHOUT_CONDITION = "no condition"


@dataclass(frozen=True, slots=True, eq=False)
class FaceFigures:
    """Figures of one face of a session; ``shares`` and ``mean`` [7] float64 as in its report."""

    title: str
    seen_s: float
    low_confidence_share: float
    shares: NDArray[np.float64]
    mean: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FileFigures:
    """Figures of one session of an archive; ``profile`` is of all its faces together."""

    session: str
    source: str
    participant: str
    condition: str
    model: str
    complete: bool
    length_s: float
    profile: Profile
    faces: tuple[FaceFigures, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ConditionFigures:
    """Figures of a condition: means over its sessions that show a face, each counting once.

    ``mean`` [7] float64 are the labels' mean probabilities; ``low`` and ``high`` [7] bound them
    (95 %, bootstrap over sessions), None with fewer than ``MIN_GROUP`` sessions.
    """

    name: str
    num_sessions: int
    num_without_face: int
    num_participants: int
    seen_s: float
    low_confidence_share: float
    mean: NDArray[np.float64]
    low: NDArray[np.float64] | None
    high: NDArray[np.float64] | None


def figures_of(
    folders: Iterable[Path], left_out: Callable[[str], object] | None = None
) -> Iterator[FileFigures]:
    """The figures of each session, read one after the other: memory does not grow with them.

    ``left_out`` is told, in a sentence, of each session that cannot be read.

    Raises:
        RecordingError: a session cannot be read, without ``left_out``.
    """
    for folder in folders:
        try:
            session = read_session(folder)
            faces = summarize(session, load_review(session))
        except RecordingError as error:
            if left_out is None:
                raise
            left_out(str(error))
            continue
        summaries = [face for face in faces if face.seen_s > 0]
        about = session.about
        source = about.get("source")
        yield FileFigures(
            session=session.name,
            source=str(source.get("location") or "") if isinstance(source, dict) else "",
            participant=str(about.get("participant") or ""),
            condition=str(about.get("condition") or ""),
            model=model_text(about),
            complete=about.get("complete") is True,
            length_s=session.length_s,
            profile=profile_of(session.name, summaries),
            faces=tuple(
                FaceFigures(
                    face.title, face.seen_s, face.low_confidence_share, face.shares, face.mean
                )
                for face in summaries
            ),
        )


def by_condition(files: Sequence[FileFigures], *, seed: int = 0) -> list[ConditionFigures]:
    """The figures of each condition, in the order of their names."""
    names = sorted({one.condition for one in files})
    return [
        _condition(name, [one for one in files if one.condition == name], seed) for name in names
    ]


def _condition(name: str, files: Sequence[FileFigures], seed: int) -> ConditionFigures:
    profiles = [one.profile for one in files if one.profile.seen_s > 0]
    means = np.array([one.mean for one in profiles]).reshape(-1, len(LABELS))
    low = high = None
    if len(means) >= MIN_GROUP:
        drawn = np.random.default_rng(seed).integers(0, len(means), (RESAMPLES, len(means)))
        low, high = np.percentile(means[drawn].mean(axis=1), [2.5, 97.5], axis=0)
    nothing = np.full(len(LABELS), np.nan)
    return ConditionFigures(
        name=name or WITHOUT_CONDITION,
        num_sessions=len(files),
        num_without_face=len(files) - len(profiles),
        num_participants=len({one.participant for one in files if one.participant}),
        seen_s=sum(one.seen_s for one in profiles),
        low_confidence_share=(
            float(np.mean([one.low_confidence_share for one in profiles]))
            if profiles
            else float("nan")
        ),
        mean=means.mean(axis=0) if len(means) else nothing,
        low=low,
        high=high,
    )


FACE_COLUMNS = (
    "session", "source", "participant", "condition", "model", "complete", "face", "seen_s",
    "low_confidence_share", *(f"share_{label}" for label in LABELS),
    *(f"mean_{label}" for label in LABELS),
)  # fmt: skip


def faces_csv(files: Iterable[FileFigures]) -> str:
    """A line for each face of each session, and one without a face for a session that has none."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(FACE_COLUMNS)
    for one in files:
        file = (
            *map(plain_text, (one.session, one.source, one.participant, one.condition, one.model)),
            int(one.complete),
        )
        for face in one.faces:
            numbers = (face.low_confidence_share, *face.shares, *face.mean)
            writer.writerow(
                (*file, plain_text(face.title), f"{face.seen_s:.3f}", *map(_number, numbers))
            )
        if not one.faces:
            writer.writerow((*file, "", "0.000", *[""] * (1 + 2 * len(LABELS))))
    return text.getvalue()


def _number(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else ""


ROWS_VIEW = """-- All rows of this archive as one table, without a copy of them.
-- In this folder: duckdb -init archive.sql
create or replace view archive as
select parse_path(filename)[-2] as session, * exclude (filename)
from read_csv('*/results.csv', filename = true, union_by_name = true, header = true,
              types = {'marker': 'VARCHAR', 'time_utc': 'VARCHAR'});
"""
"""A DuckDB view over the CSV files, which stay the only place where the rows are."""
