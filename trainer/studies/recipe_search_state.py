"""State of the recipe search, computed from the stored predictions alone.

What is to be trained next follows from the files on disk (``assess``), so a call may be cut off at
any moment and the same command goes on. Axes: S seeds, N faces of PublicTest.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.fer2013 import Fer2013
from trainer.evaluation.predictions import Predictions, file_name, load_predictions, same_recipe
from trainer.recipes.config import Recipe, as_table
from trainer.scoring.evaluate import Views, softmax
from trainer.scoring.statistics import SeedAccuracy, accuracy_over_seeds
from trainer.studies.recipe_search_plan import BASELINE, NO_TEACHER, STUDENTS, Plan, Stage

ENSEMBLE = "ensemble"
_VIEWS: tuple[Views, ...] = ("one", "ten")
_MIN_BATCH = 16
"""A batch that does not fit into memory is halved, but not below this."""


@dataclass(frozen=True, slots=True)
class PendingRun:
    """Recipe and seed whose predictions are not stored yet, and the run's folder."""

    recipe: Recipe
    folder: Path


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Variant that was trained for every seed, with its results on PublicTest.

    ``correct`` and ``correct_ten_crop`` [S, N] bool: whether each face was classified right by one
    crop and by ten crops; rows in the order of ``seeds``.
    """

    recipe: Recipe
    variant: Mapping[str, Any]
    correct: NDArray[np.bool_]
    correct_ten_crop: NDArray[np.bool_]
    seeds: tuple[int, ...]

    @property
    def one_crop(self) -> SeedAccuracy:
        """Accuracy over seeds by one centre crop."""
        return accuracy_over_seeds(self.correct)

    @property
    def ten_crop(self) -> SeedAccuracy:
        """Accuracy over seeds by ten crops."""
        return accuracy_over_seeds(self.correct_ten_crop)


@dataclass(frozen=True, slots=True)
class FailedTrial:
    """Variant that cannot be trained on this machine, and the reason."""

    recipe: Recipe
    variant: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class TrainingFailure:
    """Reason why a run failed; ``memory`` where a smaller batch may succeed."""

    why: str
    memory: bool


@dataclass(frozen=True, slots=True, eq=False)
class Gain:
    """Difference in accuracy between two recipes on the same faces, in points.

    ``interval`` (95 %) is normal, from the standard error over faces; ``deviation`` is the sample
    standard deviation of the seeds' differences, NaN for one seed.
    """

    points: float
    interval: tuple[float, float]
    deviation: float


@dataclass(slots=True, eq=False)
class StageResult:
    """Result of one stage: its trials, the best of them, its gain, and whether it is kept.

    ``best`` and ``gain`` are None where no variant can be trained on this machine.
    """

    stage: Stage
    trials: list[Trial]
    failed: list[FailedTrial]
    best: Trial | None
    gain: Gain | None
    kept: bool


@dataclass(slots=True, eq=False)
class SearchState:
    """Progress of the search; ``pending`` are the runs to train before it can go on."""

    baseline: Trial | None = None
    best: Trial | None = None
    """The best recipe so far."""
    stages: list[StageResult] = field(default_factory=list)
    final_recipe: Recipe | None = None
    """The best recipe, once every stage has been tried."""
    ensemble: tuple[float, float] | None = None
    """Accuracy of the members' mean probabilities on PublicTest, by one crop and by ten crops."""
    members: Trial | None = None
    failed_members: dict[int, str] = field(default_factory=dict)
    """Seeds of members that could not be trained, and the reasons."""
    students: dict[str, list[Trial]] = field(default_factory=dict)
    failed: dict[str, list[FailedTrial]] = field(default_factory=dict)
    """Students that could not be trained."""
    pending: list[PendingRun] = field(default_factory=list)
    pending_for: str = ""
    """Name of the stage, ensemble or student that ``pending`` belongs to."""

    def selected(self, name: str) -> Trial | None:
        """Trial that ships as ``name``: the best on PublicTest, None before the final recipe.

        ``full`` is a student or, where no student is better than the members on average, a member.
        """
        found = list(self.students.get(name, ()))
        if name == "full" and self.final_recipe is not None:
            found += [trial for trial in (self.members or self.best,) if trial is not None]
        return max(found, key=lambda trial: trial.one_crop.mean, default=None)


def gain_of(new: Trial, old: Trial) -> Gain:
    """Gain of ``new`` over ``old``, paired over faces, and over seeds where both have as many."""
    difference_N = 100 * (new.correct.mean(axis=0) - old.correct.mean(axis=0))
    points = float(difference_N.mean())
    half = 1.96 * float(difference_N.std(ddof=1)) / np.sqrt(len(difference_N))
    deviation = float("nan")
    if len(new.correct) == len(old.correct) > 1:
        by_seed = 100 * (new.correct.mean(axis=1) - old.correct.mean(axis=1))
        deviation = float(by_seed.std(ddof=1))
    return Gain(points, (points - half, points + half), deviation)


def assess(plan: Plan, fer: Fer2013) -> SearchState:
    """State of the search by the stored predictions, with the runs that are pending."""
    state = SearchState()

    def trial_of(
        recipe: Recipe, variant: Mapping[str, Any], seeds: Sequence[int]
    ) -> Trial | FailedTrial | None:
        recipe = _fit_to_memory(plan, recipe, seeds)
        for seed in seeds:
            if (failure := recorded_failure(plan, recipe, seed)) is not None:
                return FailedTrial(recipe, variant, failure.why)
        found = {seed: load_stored_predictions(plan, fer, recipe, seed) for seed in seeds}
        lacking = [seed for seed, each in found.items() if each is None]
        state.pending += [
            PendingRun(dataclasses.replace(recipe, seed=seed), plan.folder(recipe, seed))
            for seed in lacking
        ]
        if lacking:
            return None
        labels = fer.splits["public"].labels
        one, ten = (
            np.stack([each.logits[views].argmax(1) == labels for each in found.values() if each])
            for views in _VIEWS
        )
        return Trial(recipe, variant, one, ten, tuple(seeds))

    best = trial_of(plan.baseline(), {}, plan.seeds)
    if not isinstance(best, Trial):
        state.pending_for = BASELINE
        return state
    state.baseline = state.best = best
    for stage in plan.stages:
        recipes = [
            (plan.extend(best.recipe, stage, variant), variant) for variant in stage.variants
        ]
        # an override may make a variant equal to the recipe that it extends
        different = [
            pair for pair in recipes if not same_recipe(as_table(pair[0]), as_table(best.recipe))
        ]
        if not different:
            continue
        found = [trial_of(recipe, variant, plan.seeds) for recipe, variant in different]
        if state.pending:
            state.pending_for = stage.name
            return state
        trials = [each for each in found if isinstance(each, Trial)]
        failed = [each for each in found if isinstance(each, FailedTrial)]
        winner = max(trials, key=lambda each: each.one_crop.mean, default=None)
        gain = None if winner is None else gain_of(winner, best)
        kept = gain is not None and gain.points > stage.min_gain
        state.stages.append(StageResult(stage, trials, failed, winner, gain, kept))
        if kept and winner is not None:
            best = state.best = winner
    state.final_recipe = best.recipe
    return _assess_final(plan, fer, state, trial_of)


def _assess_final(
    plan: Plan,
    fer: Fer2013,
    state: SearchState,
    trial_of: Callable[[Recipe, Mapping[str, Any], Sequence[int]], Trial | FailedTrial | None],
) -> SearchState:
    """The ensemble's members, their mean probabilities, and the students."""
    assert state.final_recipe is not None
    seeds = plan.member_seeds()
    for seed in seeds:
        if (failure := recorded_failure(plan, state.final_recipe, seed)) is not None:
            state.failed_members[seed] = failure.why
    seeds = tuple(seed for seed in seeds if seed not in state.failed_members)
    if len(seeds) < 2:
        return state
    members = trial_of(state.final_recipe, {}, seeds)
    if not isinstance(members, Trial):
        state.pending_for = ENSEMBLE
        return state
    state.members = members
    labels = fer.splits["public"].labels
    stored = [load_stored_predictions(plan, fer, state.final_recipe, seed) for seed in seeds]
    accuracies = []
    for views in _VIEWS:
        probabilities = [softmax(each.logits[views].astype(np.float64)) for each in stored if each]
        accuracies.append(float((np.mean(probabilities, axis=0).argmax(1) == labels).mean()))
    state.ensemble = (accuracies[0], accuracies[1])
    for name in ("full", "fast"):
        variants = STUDENTS if name == "full" else (*STUDENTS, NO_TEACHER)
        found = [
            trial_of(plan.student(state.final_recipe, seeds, variant, name), variant, plan.seeds)
            for variant in variants
        ]
        state.students[name] = [each for each in found if isinstance(each, Trial)]
        state.failed[name] = [each for each in found if isinstance(each, FailedTrial)]
        if state.pending:
            state.pending_for = name
            return state
    return state


def predictions_path(plan: Plan, recipe: Recipe, seed: int) -> Path:
    """File of the stored predictions of a recipe and seed on PublicTest."""
    return plan.out / "logits" / file_name(plan.key(recipe), "public", "last", seed)


def failure_path(plan: Plan, recipe: Recipe, seed: int, memory: bool) -> Path:
    """File that records why a run failed."""
    what = "-memory" if memory else ""
    return plan.out / "failed" / f"{plan.key(recipe)}-seed{seed}{what}.txt"


def recorded_failure(plan: Plan, recipe: Recipe, seed: int) -> TrainingFailure | None:
    """Recorded reason why a run failed; None where it was not tried or succeeded.

    Removing the file makes the search try again, on a larger machine for example.
    """
    for memory in (False, True):
        with contextlib.suppress(FileNotFoundError):
            path = failure_path(plan, recipe, seed, memory)
            return TrainingFailure(path.read_text("utf-8").strip(), memory)
    return None


def can_halve_batch(recipe: Recipe) -> bool:
    """Whether half of the recipe's batch is still large enough to train with."""
    return recipe.batch >= 2 * _MIN_BATCH


def _fit_to_memory(plan: Plan, recipe: Recipe, seeds: Sequence[int]) -> Recipe:
    """The recipe with batch and learning rate halved for each recorded failure for memory."""
    while can_halve_batch(recipe):
        failures = [recorded_failure(plan, recipe, seed) for seed in seeds]
        if not any(failure is not None and failure.memory for failure in failures):
            break
        recipe = dataclasses.replace(
            recipe, batch=recipe.batch // 2, learning_rate=recipe.learning_rate / 2
        )
    return recipe


def load_stored_predictions(
    plan: Plan, fer: Fer2013, recipe: Recipe, seed: int
) -> Predictions | None:
    """Stored predictions of a recipe and seed on PublicTest; None where there are none for ``fer``.

    Raises:
        DataError: the file is broken.
    """
    path = predictions_path(plan, recipe, seed)
    if not path.exists():
        return None
    found = load_predictions(path)
    same_faces = found.num_faces == len(fer.splits["public"])
    return found if found.origin.data_sha256 == fer.sha256 and same_faces else None
