"""Recorded runs of a study: who took part before, and where a participant stopped."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferdesk.errors import RecordingError, StudyError
from ferdesk.sessions.catalogue import list_sessions
from ferdesk.sessions.reader import read_about
from ferdesk.studies.order import StimulusOrder
from ferdesk.studies.trials import (
    MARKER_ORIGIN,
    StudyOfSession,
    Trial,
    parse_marker,
    read_trials,
    study_of,
)


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """Recorded run: a session in which somebody took part in a study, and its trials.

    ``marked`` is the last trial whose onset is a marker, 0 for none: a killed program leaves no row
    of the stimulus that was there.
    """

    folder: Path
    study: StudyOfSession
    trials: tuple[Trial, ...]
    marked: int = 0

    @property
    def next_trial(self) -> int | None:
        """The trial, from 1, behind the last one that was begun; None where none is left.

        A stimulus that was stopped or cut off in the middle is not shown again: it is known by
        now. Nor is one that could not be shown, where others came behind it: those are known, too.
        """
        begun = [
            one.trial
            for one in self.trials
            if one.phase == "stimulus" and one.onset_t_s is not None
        ]
        following = 1 + max((*begun, self.marked, (self.study.resumed_from or 1) - 1))
        return following if following <= len(self.study.order) else None

    @property
    def order(self) -> StimulusOrder:
        """The order that the participant had, for a session that goes on."""
        study = self.study
        return StimulusOrder(study.order, study.order_rule, study.order_seed, study.row)


def recorded_runs(root: Path, study_name: str) -> list[RecordedRun]:
    """The runs of that study among the sessions in ``root``, the newest first.

    Raises:
        RecordingError: ``root`` cannot be read.
    """
    runs = []
    for entry in list_sessions(root):
        if entry.state == "unreadable":
            continue
        try:
            about = read_about(entry.folder)
            study = study_of(about)
            if study is None or study.name != study_name:
                continue
        except RecordingError:
            continue  # its report says what is wrong with it; others go on
        try:
            trials = read_trials(entry.folder)
        except StudyError:
            trials = ()  # markers say who took part, and how far
        runs.append(RecordedRun(entry.folder, study, trials, _last_marked(about)))
    return runs


def _last_marked(about: Mapping[str, Any]) -> int:
    markers = about.get("markers")
    labels = [
        str(one.get("label"))
        for one in (markers if isinstance(markers, list) else ())
        # none of another program, and none that somebody typed
        if isinstance(one, dict) and one.get("origin") == MARKER_ORIGIN
    ]
    found = [marker for label in labels if (marker := parse_marker(label)) is not None]
    onsets = [one.trial for one in found if one.phase == "stimulus" and one.is_onset]
    return max(onsets, default=0)


def num_shown_before(participant: str, runs: Iterable[RecordedRun]) -> int:
    """How many stimuli were shown to their end, in the newest session and those it goes on from.

    ``runs`` are the newest first.
    """
    shown: set[int] = set()
    for run in runs:
        if run.study.participant != participant:
            continue
        shown.update(
            one.trial for one in run.trials if one.phase == "stimulus" and one.status == "shown"
        )
        if run.study.resumed_from is None:
            break
    return len(shown)


def participants_of(runs: Iterable[RecordedRun]) -> list[str]:
    """Codes of the participants, each once, those who came first before the others."""
    codes: dict[str, None] = {}
    for run in reversed(list(runs)):
        codes.setdefault(run.study.participant, None)
    return list(codes)


def number_of(participant: str, participants: Sequence[str]) -> int:
    """How many others came before ``participant``, from 0: decides the row of a Latin square."""
    return participants.index(participant) if participant in participants else len(participants)
