"""Values of a study's run: its plan, its outcome, what it waits for and what has come."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from PySide6.QtGui import QScreen

from ferdesk.studies.order import StimulusOrder
from ferdesk.studies.study_file import Stimulus, Study
from ferdesk.studies.trials import Answer, Phase, Status, Trial


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Plan of a run: the study, the participant's order, and the trial, from 1, to begin with.

    ``num_shown`` is how many stimuli the participant has been shown in earlier sessions.
    """

    study: Study
    order: StimulusOrder
    participant: str = ""
    condition: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    first_trial: int = 1
    num_shown: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class StudyAnswer:
    """Answer of the dialog: what to run, on which screen, and whether nothing is recorded."""

    plan: RunPlan
    screen: QScreen
    preview: bool = False


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Outcome of a run: whether all was shown, ``num_shown`` of ``num_all``, and what went wrong.

    ``stopped`` is true where somebody ended it; ``problems`` are sentences.
    """

    finished: bool
    stopped: bool
    num_shown: int
    num_all: int
    problems: tuple[str, ...] = ()


class TrialNotes(Protocol):
    """Where trials and answers are noted: ``studies.trial_log.TrialLog``, or nowhere."""

    def add_trial(self, trial: Trial) -> None: ...

    def add_answer(self, answer: Answer) -> None: ...


class NoNotes:
    """Notes of a preview: none."""

    def add_trial(self, trial: Trial) -> None:
        """Keep nothing."""

    def add_answer(self, answer: Answer) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What the script waits for: the first of these."""

    scene: int | None = None
    until_s: float | None = None
    """On the run's clock, which stands still while the run is held."""
    key: bool = False
    answer: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """What has come: when on the monotonic clock, and an answer's text and number."""

    kind: Literal["begin", "scene", "time", "key", "answer"]
    at_s: float
    text: str = ""
    value: float | None = None


class ShownTrial:
    """Trial under way: moments are on the monotonic clock, None until they have come."""

    def __init__(self, number: int, stimulus: Stimulus, phase: Phase) -> None:
        self.number, self.stimulus, self.phase = number, stimulus, phase
        self.onset_s: float | None = None
        self.end_s: float | None = None
        self.held_s = 0.0
        """For how long the study was held while it was there."""
        self.note = ""
        self.broke_off = False


class Stopped(Exception):
    """The run ends in the middle of what it shows."""

    def __init__(self, status: Status, note: str) -> None:
        super().__init__(note)
        self.status, self.note = status, note
