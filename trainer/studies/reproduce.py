"""Reproduction of the paper's tables: trains what is missing, and stores its predictions.

Every step leaves its result on disk before the next begins, and is skipped where its result is
there: an interrupted call goes on where it was, and later calls add seeds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.data.fer2013 import Faces, Fer2013
from trainer.data.jaffe import Jaffe, JaffeCrop
from trainer.evaluation import cross_validation
from trainer.evaluation.cross_validation import SCHEMES, TEST_OF, Scheme
from trainer.evaluation.figures import figures
from trainer.evaluation.predictions import (
    FerTest,
    Origin,
    Predictions,
    Test,
    file_name,
    load_predictions,
    machine,
    predict,
    same_recipe,
    save_predictions,
    selection_of,
    utc_now,
)
from trainer.evaluation.predictors import load_classifier
from trainer.recipes.config import Recipe, as_table, load_recipe
from trainer.scoring.evaluate import Classifier, Views, file_sha256, shift_of
from trainer.scoring.evaluate import as_table as as_scores
from trainer.scoring.private_looks import log_private, refuse_second_look_by_file
from trainer.studies.paper import TABLES
from trainer.training import loop
from trainer.training.checkpoint import current_commit, load_checkpoint
from trainer.training.errors import TrainingStopped
from trainer.training.progress import Progress
from trainer.training.svm import FILE as SHALLOW_FILE
from trainer.training.svm import fit_shallow, load_shallow
from trainer.training.time_limit import Limit


@dataclass(frozen=True, slots=True)
class Plan:
    """Reproduction plan: tables, seeds, folders, device. ``minutes`` 0 means no time limit."""

    tables: tuple[str, ...]
    seeds: tuple[int, ...]
    overrides: tuple[str, ...]
    runs: Path
    out: Path
    command: str
    final: bool = False
    device: str = "cpu"
    compile_model: bool = False
    bf16: bool = False
    minutes: float = 0.0
    jaffe_crop: JaffeCrop = "paper"

    def presets(self) -> tuple[str, ...]:
        """Presets of the plan's tables, each once."""
        return tuple(dict.fromkeys(name for table in self.tables for name in TABLES[table]))

    def recipe(self, preset: str, seed: int = 1) -> Recipe:
        """The preset with the plan's overrides, which are for networks only."""
        overrides = self.overrides if load_recipe(preset, []).is_network else ()
        return load_recipe(preset, [*overrides, f"seed={seed}"])

    def folder(self, preset: str, seed: int) -> Path:
        """Folder of the run of a preset with a seed."""
        return self.runs / preset / f"seed{seed}"

    def recipes(self) -> dict[str, dict[str, object]]:
        """Recipes of all presets as plain values."""
        return {preset: as_table(self.recipe(preset)) for preset in self.presets()}


@dataclass(frozen=True, slots=True)
class Step:
    """Step of a reproduction: one trained system and seed."""

    preset: str
    recipe: Recipe
    folder: Path

    @property
    def seed(self) -> int:
        return self.recipe.seed


Ahead = Callable[[Sequence[Step], Callable[[], bool], Callable[[Step], None]], None]
"""Trains steps on FER2013, several at a time, as far as it can; asks whether to stop, and tells of
each that has ended."""
COMPILED_FROM_STEPS = 3_000
"""Shorter trainings, as on JAFFE's folds, take less time than compiling them."""


class Reproduction:
    """Reproduction of a plan on its data sets.

    ``show`` gets a line for each piece of work, ``progress`` where a training stands;
    ``stop_requested`` is asked between training steps. Where ``ahead`` is given, it trains the
    networks of a seed before they are gone through one by one.
    """

    def __init__(
        self,
        plan: Plan,
        fer: Fer2013,
        jaffe: Jaffe | None,
        show: Callable[[str], None],
        progress: Callable[[Progress], None],
        stop_requested: Callable[[], bool],
        ahead: Ahead | None = None,
    ) -> None:
        self.plan, self.fer, self.jaffe, self.ahead = plan, fer, jaffe, ahead
        self.show, self.progress = show, progress
        self.limit = Limit(plan.minutes, stop_requested)

    def run(self) -> None:
        """Train and predict what is missing: one seed of every system first, then the next.

        Raises:
            TimeIsUp: the plan's minutes are over.
            TrainingStopped: stopped by the user, out of memory, a loss that is not finite.
        """
        for seed in self.plan.seeds:
            steps = [
                Step(
                    preset, self.plan.recipe(preset, seed), self.plan.runs / preset / f"seed{seed}"
                )
                for preset in self.plan.presets()
            ]
            if self.ahead is not None and (lacking := self._lacking(steps)):
                self.ahead(lacking, self.limit.reached, self._judge_finished)
            # what is trained is judged though the time is over
            for step in steps:
                self._judge_finished(step)
            for step in steps:
                self._system(step)

    def _judge_finished(self, step: Step) -> None:
        """Store the predictions on FER2013 of a run that is at its end; any other waits."""
        lacking = [w for w in self._not_stored(step) if w[0] in ("public", "private")]
        if not (lacking and step.recipe.is_network and self._is_trained(step)):
            return
        for test, selection in lacking:
            if test == "public" or test == "private":
                self._predict(step, test, selection)

    def _is_trained(self, step: Step) -> bool:
        last = step.folder / "last.pt"
        if not last.exists():
            return False
        kept = load_checkpoint(last)
        steps_per_epoch = len(self.fer.splits["training"]) // step.recipe.batch
        return kept.step >= steps_per_epoch * step.recipe.epochs and same_recipe(
            as_table(kept.recipe), as_table(step.recipe)
        )

    def _lacking(self, steps: Sequence[Step]) -> list[Step]:
        """Networks of which something is not stored."""
        return [s for s in steps if s.recipe.is_network and self._not_stored(s)]

    def _not_stored(self, step: Step) -> list[tuple[Test, str]]:
        return [wanted for wanted in self._wanted(step) if not self._is_stored(step, *wanted)]

    def _system(self, step: Step) -> None:
        if not (wanted := self._not_stored(step)):
            return
        self.limit.check_time()
        # a run that is finished returns at once
        self.show(f"{step.preset}, seed {step.seed}: training on FER2013")
        self._train(step.recipe, self.fer, step.folder, None)
        for test, selection in wanted:
            if test == "public" or test == "private":
                self._predict(step, test, selection)
        for scheme in SCHEMES:
            if self.jaffe is not None and (TEST_OF[scheme], self._selection(step)) in wanted:
                self._jaffe(step, scheme, self.jaffe)

    def _wanted(self, step: Step) -> list[tuple[Test, str]]:
        """The tests and choices of epoch of one system and seed."""
        splits: list[Test] = ["public", "private"] if self.plan.final else ["public"]
        wanted = [(test, selection) for selection in self._models(step) for test in splits]
        if self.jaffe is not None:
            wanted += [(TEST_OF[scheme], self._selection(step)) for scheme in SCHEMES]
        return wanted

    def _is_stored(self, step: Step, test: Test, selection: str) -> bool:
        """Whether these predictions are there, of this recipe and data."""
        path = self.plan.out / "logits" / file_name(step.preset, test, selection, step.seed)
        if not path.exists():
            return False
        kept = load_predictions(path).origin
        return kept.data_sha256 == self._data_sha256(test) and same_recipe(
            kept.recipe, as_table(step.recipe)
        )

    def _data_sha256(self, test: Test) -> str:
        on_jaffe = test.startswith("jaffe") and self.jaffe is not None
        return self.jaffe.sha256 if on_jaffe and self.jaffe is not None else self.fer.sha256

    def _models(self, step: Step) -> dict[str, Path]:
        """The files that a finished run leaves, by the choice of epoch that they stand for."""
        if not step.recipe.is_network:
            return {"last": step.folder / SHALLOW_FILE}
        best, last = step.folder / "best.pt", step.folder / "last.pt"
        # a run in which no epoch had anything right has no best one
        return {"best": best if best.exists() or not last.exists() else last, "last": last}

    def _selection(self, step: Step) -> str:
        """The choice of epoch that counts, by the recipe's own rule."""
        return selection_of(as_table(step.recipe))

    def _train(self, recipe: Recipe, data: Fer2013, folder: Path, start: Path | None) -> None:
        """One run to its end, or to where it is stopped.

        Raises:
            TimeIsUp: the plan's minutes ended it; what it saved is whole.
            TrainingStopped: anything else ended it.
        """
        weights = None if start is None else load_checkpoint(start).evaluated_weights()
        try:
            if recipe.is_network:
                loop.fit(
                    recipe, data, folder,
                    device=self.plan.device, compile_model=self._compiles(recipe, data),
                    bf16=self.plan.bf16, resume=True, start=weights, report=self.progress,
                    notice=self.show, stop_requested=self.limit.reached,
                )  # fmt: skip
            else:
                fit_shallow(recipe, data, folder, resume=True, stop_requested=self.limit.reached)
        except TrainingStopped:
            self.limit.check_time()
            raise

    def _compiles(self, recipe: Recipe, data: Fer2013) -> bool:
        num_steps = recipe.epochs * (len(data.splits["training"]) // recipe.batch)
        return self.plan.compile_model and num_steps >= COMPILED_FROM_STEPS

    def _predict(self, step: Step, test: FerTest, selection: str) -> None:
        """Logits of one test; a look at PrivateTest is logged."""
        path = self._models(step)[selection]
        origin = self._origin(step, test, selection, path)
        self.show(f"{step.preset}, seed {step.seed}, {selection}: looking at {test}")
        loaded = load_classifier(path, self.plan.device)
        if test == "private":
            known = self._of_same_weights(step, selection, loaded.about.weights_sha256)
            if known is not None:  # best and last may be the same epoch
                self._save(Predictions(origin, known))
                return
            refuse_second_look_by_file(path, loaded.about.weights_sha256)
        faces = self.fer.splits[test]
        found = predict(loaded.classify, faces.pixels, shift_of(loaded.crop_px), origin)
        self._save(found)
        if test == "private":
            by_views = {
                f"{views}_crop": as_scores(figures(found.logits[views], faces.labels).scores)
                for views in ("one", "ten")
            }
            log_private(
                {
                    "what": "ferdesk-train reproduce",
                    "system": step.preset,
                    "seed": step.seed,
                    "selection": selection,
                    "sha256": origin.model_sha256,
                    "weights_sha256": loaded.about.weights_sha256,
                    "commit": current_commit(),
                    "scores": by_views,
                }
            )

    def _of_same_weights(
        self, step: Step, selection: str, weights_sha256: str | None
    ) -> Mapping[Views, NDArray[np.float32]] | None:
        """Logits on PrivateTest of the other choice of epoch, where its weights are the same."""
        for other, path in self._models(step).items():
            if other != selection and weights_sha256 and self._is_stored(step, "private", other):
                about = load_classifier(path).about
                if about.weights_sha256 == weights_sha256:
                    name = file_name(step.preset, "private", other, step.seed)
                    return load_predictions(self.plan.out / "logits" / name).logits
        return None

    def _jaffe(self, step: Step, scheme: Scheme, jaffe: Jaffe) -> None:
        """Fine-tune and test on JAFFE's folds, from the model that counts."""
        selection = self._selection(step)
        chosen = self._models(step)[selection]
        if step.recipe.is_network:
            recipe = cross_validation.fine_tuning(step.recipe)
        else:  # C is not chosen on the fold that judges, but stays what PublicTest chose
            recipe = replace(step.recipe, svm_c=load_shallow(chosen).c)
        origin = self._origin(step, TEST_OF[scheme], selection, chosen)
        folds = cross_validation.folds_of(jaffe, scheme, step.seed)

        def fold(recipe: Recipe, training: Faces, held: Faces, folder: Path) -> Classifier:
            self.limit.check_time()
            data = Fer2013({"training": training, "public": held}, jaffe.sha256)
            inner = Step(step.preset, recipe, folder)
            self._train(recipe, data, folder, chosen if recipe.is_network else None)
            return load_classifier(self._models(inner)["last"], self.plan.device).classify

        found = cross_validation.cross_validate(
            recipe, jaffe, folds, step.folder / f"jaffe-{self.plan.jaffe_crop}-{scheme}", fold,
            lambda name: self.show(f"{step.preset}, seed {step.seed}: JAFFE {scheme}, {name}"),
        )  # fmt: skip
        details = {
            "crop": self.plan.jaffe_crop,
            "folds": [fold.name for fold in folds],
            "fine_tuning": as_table(recipe),
        }
        self._save(Predictions(replace(origin, details=details), found))

    def _save(self, predictions: Predictions) -> None:
        origin = predictions.origin
        name = file_name(origin.system, origin.test, origin.selection, origin.seed)
        save_predictions(predictions, self.plan.out / "logits" / name)

    def _origin(self, step: Step, test: Test, selection: str, path: Path) -> Origin:
        return Origin(
            system=step.preset,
            test=test,
            seed=step.seed,
            selection=selection,
            recipe=as_table(step.recipe),
            data_sha256=self._data_sha256(test),
            model_sha256=file_sha256(path),
            training_commit=load_classifier(path).about.commit,
            command=self.plan.command,
            date=utc_now(),
            machine=machine(),
        )
