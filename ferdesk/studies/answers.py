"""Answers of a study: summaries of each question by stimulus and condition of participants."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ferdesk.studies.curves import mean_and_interval
from ferdesk.studies.results import StudySession
from ferdesk.studies.study_file import QuestionKind
from ferdesk.studies.trials import Answer


@dataclass(frozen=True, slots=True)
class AnswerSummary:
    """Answers to one question after one stimulus, of participants in one condition.

    Each participant counts once, by the last answer. ``counts`` are how many gave each answer, in
    the order of their numbers, or as they came first. ``mean``, ``low`` and ``high`` are of a
    scale; NaN for buttons, and where there are too few for an interval.
    """

    question: str
    text: str
    kind: QuestionKind
    stimulus: str
    group: str
    num_answers: int
    counts: tuple[tuple[str, int], ...]
    mean: float
    low: float
    high: float
    median_reaction_s: float


def answer_summaries(runs: Sequence[StudySession]) -> list[AnswerSummary]:
    """The summaries, by question, then stimulus, then condition."""
    cells: dict[tuple[str, str, str], dict[str, Answer]] = {}
    for run in runs:
        for answer in run.answers:
            key = (answer.question, answer.stimulus, run.study.condition)
            cells.setdefault(key, {})[run.participant] = answer
    return [_summary(key, list(answers.values())) for key, answers in sorted(cells.items())]


def _summary(key: tuple[str, str, str], answers: Sequence[Answer]) -> AnswerSummary:
    question, stimulus, group = key
    counts: dict[str, int] = {}
    for one in answers:
        counts[one.answer] = counts.get(one.answer, 0) + 1
    values = np.array([np.nan if one.value is None else one.value for one in answers])
    mean, low, high = mean_and_interval(values)
    order = list(counts.items())
    if np.isfinite(values).all():
        numbers = {one.answer: one.value or 0.0 for one in answers}
        order.sort(key=lambda pair: numbers[pair[0]])
    return AnswerSummary(
        question, answers[0].text, answers[0].kind, stimulus, group, len(answers), tuple(order),
        mean, low, high, statistics.median(one.reaction_s for one in answers),
    )  # fmt: skip
