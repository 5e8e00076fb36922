"""The ladder: from the paper's recipe to the best one, a rung at a time, chosen on PublicTest.

Each rung lays some fields over the best recipe so far, in one or several variants, trained for
every seed. The best variant's mean by one crop decides: a rung that gains is kept, and the next
one stands on it. At the top, networks of the last recipe are trained for more seeds, and their
mean opinion is distilled into one of that width (``full``) and one of half of it (``fast``).

What to do next follows from the stored predictions alone (``assess``), so a call may be cut
off at any minute, and the same command goes on.
"""

import contextlib
import dataclasses
import gc
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.fer2013 import Fer2013
from trainer.evaluation.predictions import (
    Origin,
    Predictions,
    file_name,
    load_predictions,
    machine,
    predict,
    same_recipe,
    save_predictions,
    stamp,
)
from trainer.evaluation.predictors import load_classifier
from trainer.recipes.config import Recipe, as_table, load_recipe, recipe_from
from trainer.scoring.evaluate import Views, file_sha256, shift_of, softmax
from trainer.scoring.statistics import Spread, spread
from trainer.training import loop
from trainer.training.errors import CannotTrain, MemoryFull, TrainingStopped
from trainer.training.step import is_out_of_memory
from trainer.training.time_limit import Limit


@dataclass(frozen=True, slots=True)
class Rung:
    """One step up: ``variants`` are fields laid over the best recipe so far.

    ``least_gain`` in points: the rung is kept where its best variant gains more; below 0 for what
    belongs to training anyway as long as it costs little, above 0 for what makes every later run
    costly and would else be kept by chance every other time. ``times_epochs`` trains longer.
    """

    name: str
    what: str
    variants: tuple[Mapping[str, Any], ...]
    least_gain: float = 0.0
    times_epochs: int = 1


GROUND = "paper"
ENSEMBLE = "ensemble"
_VIEWS: tuple[Views, ...] = ("one", "ten")
RUNGS: tuple[Rung, ...] = (
    Rung("gap", "all cells of the last map are averaged", ({"pool": "gap"},)),
    Rung(
        "cosine", "softmax, Nesterov's momentum from 0.1, a long cosine to 0, batches of 128",
        (
            {
                "loss": "softmax", "learning_rate": 0.1, "nesterov": True, "schedule": "cosine",
                "warmup": 2.0, "batch": 128,
            },
        ),
    ),
    Rung("average", "an average of the weights", ({"average": 0.998}, {"average": 0.999})),
    Rung(
        "geometry", "rotation, scale and shift, or boxes as detectors scatter them",
        (
            {"rotation_deg": 12.0, "scale": 0.15, "shift": 0.08},
            {"rotation_deg": 15.0, "scale": 0.2, "shift": 0.1},
            {"box_scatter": 1.0},
        ),
    ),
    Rung("smoothing", "label smoothing", ({"label_smoothing": 0.1},)),
    Rung("erasing", "rectangles covered", ({"erase": 0.3}, {"erase": 0.5})),
    Rung("mixup", "two faces mixed", ({"mixup": 0.2}, {"mixup": 0.5}, {"mixup": 1.0})),
    Rung("cutmix", "squares of other faces with their labels", ({"cutmix": 0.2},)),
    Rung(
        "worse pictures", "light, low light, blur, compression and small faces",
        (
            {"light": 0.3, "dark": 0.1, "blur": 0.1, "jpeg": 0.1, "small": 0.1},
            {"light": 0.2, "dark": 0.05, "blur": 0.05, "jpeg": 0.05, "small": 0.05},
        ),
        least_gain=-1.0,
    ),
    Rung(
        "sam", "sharpness-aware minimisation",
        ({"sam_rho": 0.05}, {"sam_rho": 0.1}, {"sam_rho": 1.0, "sam_adaptive": True}),
        least_gain=0.2,
    ),
    Rung(
        "larger", "faces enlarged at first", ({"input_px": 56}, {"input_px": 64}), least_gain=0.2
    ),
    Rung("longer", "twice the epochs", ({},), least_gain=0.2, times_epochs=2),
)  # fmt: skip
"""In the order of docs/training.md; what pays most stands first."""

STUDENTS: tuple[Mapping[str, Any], ...] = ({"distill_alpha": 0.7}, {"distill_alpha": 0.9})
"""How much of what a student learns is the teachers' opinion; both are tried."""
ALONE: Mapping[str, Any] = {"teacher": ()}
"""A network of the student's size that learns from the labels alone, for comparison."""

_LEAST_BATCH = 16
"""Where memory is full the batch is halved, but not below this."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is climbed and where. ``minutes`` 0 means without limit.

    ``overrides`` (``field=value``) lie over every recipe, for machines that cannot train the
    paper's width; they are reported. ``members`` seeds make the ensemble.
    """

    rungs: tuple[Rung, ...]
    seeds: tuple[int, ...]
    overrides: tuple[str, ...]
    runs: Path
    out: Path
    command: str
    members: int = 5
    device: str = "cpu"
    compile_model: bool = False
    bf16: bool = False
    minutes: float = 0.0

    def ground(self) -> Recipe:
        """The paper's method with the last epoch of its schedule: nothing is chosen within a "
        "run.
        """
        fields = ["pool=paper", "select=last", *self.overrides]
        recipe = load_recipe("cbam-resnet-asoftmax", fields)
        return dataclasses.replace(recipe, name=GROUND)

    def step_up(self, best: Recipe, rung: Rung, variant: Mapping[str, Any]) -> Recipe:
        """``best`` with a variant's fields; overrides still lie over all but longer training.

        A rate that belongs to a variant's batch is scaled to the batch that an override demands.
        """
        overridden = self._overridden()
        values = {**as_table(best), **variant}
        if "batch" in overridden and {"batch", "learning_rate"} <= variant.keys():
            values["learning_rate"] *= overridden["batch"] / variant["batch"]
        recipe = recipe_from({**values, **overridden, "name": rung.name}, rung.name)
        epochs = best.epochs * rung.times_epochs
        return dataclasses.replace(recipe, epochs=epochs)

    def student(
        self, best: Recipe, seeds: Sequence[int], variant: Mapping[str, Any], name: str
    ) -> Recipe:
        """``best`` learning from the members of these seeds, with half its width for ``fast``."""
        teachers = tuple(str(self.folder(best, seed) / "last.pt") for seed in seeds)
        values = {**as_table(best), "teacher": teachers, **variant, "name": name}
        if name == "fast":
            values |= {"width": max(1, best.width // 2), "input_px": 0}
        return recipe_from(values, name)

    def member_seeds(self) -> tuple[int, ...]:
        """The seeds of the ladder first, then others."""
        more = (seed for seed in range(1, self.members + len(self.seeds) + 1))
        return tuple(dict.fromkeys((*self.seeds, *more)))[: self.members]

    def folder(self, recipe: Recipe, seed: int) -> Path:
        return self.runs / self.key(recipe) / f"seed{seed}"

    def key(self, recipe: Recipe) -> str:
        """A name for a recipe whatever its seed: the rung's, and a digest of its fields."""
        values = {k: v for k, v in as_table(recipe).items() if k not in ("name", "seed")}
        # the same members in another folder are the same teachers
        values["teacher"] = [str(Path(*Path(place).parts[-3:])) for place in recipe.teacher]
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        return f"{recipe.name.replace(' ', '-')}-{digest[:8]}"

    def _overridden(self) -> dict[str, Any]:
        names = [override.partition("=")[0].strip() for override in self.overrides]
        ground = as_table(self.ground())
        return {name: ground[name] for name in names}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A recipe and seed whose predictions are not stored yet."""

    recipe: Recipe
    folder: Path


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A variant of a rung with what it did on PublicTest, by seed."""

    recipe: Recipe
    variant: Mapping[str, Any]
    correct: NDArray[np.bool_]
    """[S, N], one crop."""
    correct_ten: NDArray[np.bool_]
    seeds: tuple[int, ...]

    @property
    def by_one(self) -> Spread:
        return spread(self.correct)

    @property
    def by_ten(self) -> Spread:
        return spread(self.correct_ten)


@dataclass(frozen=True, slots=True)
class Failed:
    """A variant that cannot be trained here, and why."""

    recipe: Recipe
    variant: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run could not be trained here; a full memory leaves a smaller batch to be tried."""

    why: str
    memory: bool


@dataclass(frozen=True, slots=True, eq=False)
class Gain:
    """How much better one recipe is than another on the same faces, in points.

    ``interval`` (95 %) comes from the scatter over faces; ``deviation`` is that of the seeds'
    differences, NaN for one seed.
    """

    points: float
    interval: tuple[float, float]
    deviation: float


@dataclass(slots=True, eq=False)
class Climbed:
    """A rung that was tried: its variants, the best of them, its gain, and whether it is kept.

    ``best`` and ``gain`` are None where no variant can be trained here.
    """

    rung: Rung
    tried: list[Tried]
    failed: list[Failed]
    best: Tried | None
    gain: Gain | None
    kept: bool


@dataclass(slots=True, eq=False)
class State:
    """How far the ladder is climbed; ``wanted`` is what has to be trained before it goes on."""

    ground: Tried | None = None
    best: Tried | None = None
    """The best recipe so far."""
    climbed: list[Climbed] = field(default_factory=list)
    top: Recipe | None = None
    """The best recipe, once every rung was tried."""
    ensemble: tuple[float, float] | None = None
    """Accuracy of the members' mean opinion on PublicTest, by one crop and by ten."""
    members: Tried | None = None
    left_out: dict[int, str] = field(default_factory=dict)
    """Seeds of members that could not be trained, and why."""
    students: dict[str, list[Tried]] = field(default_factory=dict)
    failed: dict[str, list[Failed]] = field(default_factory=dict)
    """Students that could not be trained."""
    wanted: list[Wanted] = field(default_factory=list)
    wanted_for: str = ""

    def chosen(self, name: str) -> Tried | None:
        """What ships under this name: the best on PublicTest, None before the top is reached.

        ``full`` is a student or, where none is better than they are on average, a member.
        """
        found = list(self.students.get(name, ()))
        if name == "full" and self.top is not None:
            found += [tried for tried in (self.members or self.best,) if tried is not None]
        return max(found, key=lambda tried: tried.by_one.mean, default=None)


def gain_of(new: Tried, old: Tried) -> Gain:
    """Paired over the faces, and over the seeds where both have the same number."""
    difference_N = 100 * (new.correct.mean(axis=0) - old.correct.mean(axis=0))
    points = float(difference_N.mean())
    half = 1.96 * float(difference_N.std(ddof=1)) / np.sqrt(len(difference_N))
    deviation = float("nan")
    if len(new.correct) == len(old.correct) > 1:
        by_seed = 100 * (new.correct.mean(axis=1) - old.correct.mean(axis=1))
        deviation = float(by_seed.std(ddof=1))
    return Gain(points, (points - half, points + half), deviation)


def assess(plan: Plan, fer: Fer2013) -> State:
    """Where the ladder stands by what is stored, and what is wanted next."""
    state = State()

    def tried(
        recipe: Recipe, variant: Mapping[str, Any], seeds: Sequence[int]
    ) -> Tried | Failed | None:
        recipe = _that_fits(plan, recipe, seeds)
        for seed in seeds:
            if (failure := _failure(plan, recipe, seed)) is not None:
                return Failed(recipe, variant, failure.why)
        found = {seed: load_stored(plan, fer, recipe, seed) for seed in seeds}
        lacking = [seed for seed, each in found.items() if each is None]
        state.wanted += [
            Wanted(dataclasses.replace(recipe, seed=seed), plan.folder(recipe, seed))
            for seed in lacking
        ]
        if lacking:
            return None
        labels = fer.splits["public"].labels
        one, ten = (
            np.stack([each.logits[views].argmax(1) == labels for each in found.values() if each])
            for views in _VIEWS
        )
        return Tried(recipe, variant, one, ten, tuple(seeds))

    best = tried(plan.ground(), {}, plan.seeds)
    if not isinstance(best, Tried):
        state.wanted_for = GROUND
        return state
    state.ground = state.best = best
    for rung in plan.rungs:
        recipes = [(plan.step_up(best.recipe, rung, variant), variant) for variant in rung.variants]
        # an override may make a variant equal to what it stands on
        fresh = [pair for pair in recipes if not _same(pair[0], best.recipe)]
        if not fresh:
            continue
        found = [tried(recipe, variant, plan.seeds) for recipe, variant in fresh]
        if state.wanted:
            state.wanted_for = rung.name
            return state
        whole = [each for each in found if isinstance(each, Tried)]
        failed = [each for each in found if isinstance(each, Failed)]
        winner = max(whole, key=lambda each: each.by_one.mean, default=None)
        gain = None if winner is None else gain_of(winner, best)
        kept = gain is not None and gain.points > rung.least_gain
        state.climbed.append(Climbed(rung, whole, failed, winner, gain, kept))
        if kept and winner is not None:
            best = state.best = winner
    state.top = best.recipe
    return _assess_top(plan, fer, state, tried)


def _assess_top(
    plan: Plan,
    fer: Fer2013,
    state: State,
    tried: Callable[[Recipe, Mapping[str, Any], Sequence[int]], Tried | Failed | None],
) -> State:
    """The members, their mean opinion, and the students."""
    assert state.top is not None
    seeds = plan.member_seeds()
    for seed in seeds:
        if (failure := _failure(plan, state.top, seed)) is not None:
            state.left_out[seed] = failure.why
    seeds = tuple(seed for seed in seeds if seed not in state.left_out)
    if len(seeds) < 2:
        return state
    members = tried(state.top, {}, seeds)
    if not isinstance(members, Tried):
        state.wanted_for = ENSEMBLE
        return state
    state.members = members
    labels = fer.splits["public"].labels
    stored = [load_stored(plan, fer, state.top, seed) for seed in seeds]
    shares = []
    for views in _VIEWS:
        said = [softmax(each.logits[views].astype(np.float64)) for each in stored if each]
        shares.append(float((np.mean(said, axis=0).argmax(1) == labels).mean()))
    state.ensemble = (shares[0], shares[1])
    for name in ("full", "fast"):
        variants = STUDENTS if name == "full" else (*STUDENTS, ALONE)
        found = [
            tried(plan.student(state.top, seeds, variant, name), variant, plan.seeds)
            for variant in variants
        ]
        state.students[name] = [each for each in found if isinstance(each, Tried)]
        state.failed[name] = [each for each in found if isinstance(each, Failed)]
        if state.wanted:
            state.wanted_for = name
            return state
    return state


def _same(one: Recipe, other: Recipe) -> bool:
    return same_recipe(as_table(one), as_table(other))


def _stored_path(plan: Plan, recipe: Recipe, seed: int) -> Path:
    return plan.out / "logits" / file_name(plan.key(recipe), "public", "last", seed)


def _failed_path(plan: Plan, recipe: Recipe, seed: int, memory: bool) -> Path:
    what = "-memory" if memory else ""
    return plan.out / "failed" / f"{plan.key(recipe)}-seed{seed}{what}.txt"


def _failure(plan: Plan, recipe: Recipe, seed: int) -> Failure | None:
    """Why a run could not be trained here; None where it was not tried or went well.

    Remove the file to try again, on a larger machine say.
    """
    for memory in (False, True):
        with contextlib.suppress(FileNotFoundError):
            path = _failed_path(plan, recipe, seed, memory)
            return Failure(path.read_text("utf-8").strip(), memory)
    return None


def _can_be_halved(recipe: Recipe) -> bool:
    return recipe.batch >= 2 * _LEAST_BATCH


def _that_fits(plan: Plan, recipe: Recipe, seeds: Sequence[int]) -> Recipe:
    """The recipe; where memory was full, with half its batch and rate, as often as is needed."""
    while _can_be_halved(recipe):
        failures = [_failure(plan, recipe, seed) for seed in seeds]
        if not any(failure is not None and failure.memory for failure in failures):
            break
        recipe = dataclasses.replace(
            recipe, batch=recipe.batch // 2, learning_rate=recipe.learning_rate / 2
        )
    return recipe


def load_stored(plan: Plan, fer: Fer2013, recipe: Recipe, seed: int) -> Predictions | None:
    """What a recipe and seed said of PublicTest; None where it is not stored for this data."""
    path = _stored_path(plan, recipe, seed)
    if not path.exists():
        return None
    found = load_predictions(path)
    same_faces = found.num_faces == len(fer.splits["public"])
    return found if found.origin.data_sha256 == fer.sha256 and same_faces else None


Ahead = Callable[[Sequence[Wanted], Callable[[], bool]], None]
"""Trains several at a time, as far as it can; asks whether to stop."""


class Climb:
    """Trains what the ladder wants next, until nothing is wanted.

    ``show`` gets a line for each piece of work, ``progress`` where a training stands. Where
    ``ahead`` is given, it trains all that is wanted side by side before each is gone through.
    ``written`` is called after each prediction, so that the report keeps up.
    """

    def __init__(
        self,
        plan: Plan,
        fer: Fer2013,
        show: Callable[[str], None],
        progress: Callable[[loop.Progress], None],
        stop_requested: Callable[[], bool],
        ahead: Ahead | None = None,
        written: Callable[[], object] = lambda: None,
    ) -> None:
        self.plan, self.fer, self.show, self.progress = plan, fer, show, progress
        self.ahead, self.written = ahead, written
        self.limit = Limit(plan.minutes, stop_requested)

    def run(self) -> State:
        """Climb to the top.

        Raises:
            TimeIsUp: the plan's minutes are over.
            TrainingStopped: stopped by the user, out of memory, a loss that is not finite.
        """
        while (state := assess(self.plan, self.fer)).wanted:
            if self.ahead is not None and len(state.wanted) > 1:
                self.limit.check()
                self.show(f"{state.wanted_for}: {len(state.wanted)} runs side by side")
                self.ahead(state.wanted, self.limit.reached)
            hopeless: set[str] = set()
            for number, wanted in enumerate(state.wanted, 1):
                key = self.plan.key(wanted.recipe)
                if key in hopeless:  # a variant needs all its seeds
                    continue
                self.limit.check()
                self.show(
                    f"{state.wanted_for}, run {number} of {len(state.wanted)}: "
                    f"{told(wanted.recipe, self.plan)}, seed {wanted.recipe.seed}"
                )
                failure = self._attempt(wanted)
                if failure is not None and failure.memory:
                    # what the failed run held is free only now
                    failure = self._attempt(wanted)
                if failure is not None:
                    smaller = failure.memory and _can_be_halved(wanted.recipe)
                    if state.wanted_for == GROUND and not smaller:
                        raise CannotTrain(failure.why)
                    # one member fewer is no reason for smaller batches
                    self._note_failure(wanted, failure, smaller and state.wanted_for != ENSEMBLE)
                    if state.wanted_for != ENSEMBLE:
                        hopeless.add(key)
                self.written()
        return state

    def _attempt(self, wanted: Wanted) -> Failure | None:
        """Train and judge; a failure that would come again is returned."""
        # a finished run and its CUDA graph hold each other until they are collected
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            self._train(wanted)
            self._predict(wanted)
        except CannotTrain as error:
            return Failure(str(error), isinstance(error, MemoryFull))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return Failure("The device's memory is full when PublicTest is judged.", memory=True)
        return None

    def _train(self, wanted: Wanted) -> None:
        try:
            loop.fit(
                wanted.recipe, self.fer, wanted.folder, device=self.plan.device,
                compile_model=self.plan.compile_model, bf16=self.plan.bf16, resume=True,
                report=self.progress, notice=self.show, stop_requested=self.limit.reached,
            )  # fmt: skip
        except TrainingStopped:
            self.limit.check_time()
            raise

    def _note_failure(self, wanted: Wanted, failure: Failure, again: bool) -> None:
        """A variant that cannot be trained here must not end an unattended climb."""
        if again:
            self.show(
                f"Memory is full at a batch of {wanted.recipe.batch}; half of it is tried, at half "
                "the rate."
            )
        else:
            self.show(f"This is left out: {failure.why}")
        path = _failed_path(self.plan, wanted.recipe, wanted.recipe.seed, failure.memory)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(failure.why + "\n", encoding="utf-8")

    def _predict(self, wanted: Wanted) -> None:
        path = wanted.folder / "last.pt"
        loaded = load_classifier(path, self.plan.device)
        origin = Origin(
            system=self.plan.key(wanted.recipe),
            test="public",
            seed=wanted.recipe.seed,
            selection="last",
            recipe=as_table(wanted.recipe),
            data_sha256=self.fer.sha256,
            model_sha256=file_sha256(path),
            training_commit=loaded.about.commit,
            command=self.plan.command,
            date=stamp(),
            machine=machine(),
        )
        pixels = self.fer.splits["public"].pixels
        found = predict(loaded.classify, pixels, shift_of(loaded.crop_px), origin)
        save_predictions(found, _stored_path(self.plan, wanted.recipe, wanted.recipe.seed))


def told(recipe: Recipe, plan: Plan) -> str:
    """What a recipe has that the ground has not, in ``field=value``."""
    ground = as_table(plan.ground())
    ignored = ("name", "seed", "teacher")
    pairs = [
        f"{key}={value}"
        for key, value in as_table(recipe).items()
        if key not in ignored and value != ground[key]
    ]
    return ", ".join(pairs) or "the paper's recipe"


def as_toml(recipe: Recipe) -> str:
    """The recipe as a file that ``--preset`` reads: what is not a default, and its name."""
    defaults = as_table(Recipe())
    lines = [f"name = {json.dumps(recipe.name)}"]
    for key, value in as_table(recipe).items():
        if key == "name" or value == defaults[key]:
            continue
        written = list(value) if isinstance(value, tuple) else value
        lines.append(f"{key} = {json.dumps(written)}")
    return "\n".join(lines) + "\n"
