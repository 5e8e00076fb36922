"""Recipe search: from the paper's recipe to the best one, stage by stage, selected on PublicTest.

Each stage lays recipe fields over the best recipe so far, in one or several variants, each trained
for every seed. The variant with the highest mean accuracy by one crop is kept where it gains, and
the next stage extends it. Of the final recipe further networks are trained, and their mean
probabilities are distilled into one network of that width (``full``) and one of half of it
(``fast``). PrivateTest is never read. The command is ``ferdesk-train ladder``.
"""

import gc
from collections.abc import Callable, Sequence

import torch

from trainer.data.fer2013 import Fer2013
from trainer.evaluation.predictions import Origin, machine, predict, save_predictions, utc_now
from trainer.evaluation.predictors import load_classifier
from trainer.recipes.config import as_table
from trainer.scoring.evaluate import file_sha256, shift_of
from trainer.studies.recipe_search_plan import BASELINE, Plan, changed_fields
from trainer.studies.recipe_search_state import (
    ENSEMBLE,
    PendingRun,
    SearchState,
    TrainingFailure,
    assess,
    can_halve_batch,
    failure_path,
    predictions_path,
)
from trainer.training import loop
from trainer.training.errors import CannotTrain, MemoryFull, TrainingStopped
from trainer.training.progress import Progress
from trainer.training.step import is_out_of_memory
from trainer.training.time_limit import Limit

TrainInParallel = Callable[[Sequence[PendingRun], Callable[[], bool]], None]
"""Trains several runs at a time as far as it can; the second argument asks whether to stop."""


class RecipeSearch:
    """Trains and evaluates pending runs until none is left.

    Args:
        plan: stages, seeds, folders and device.
        fer: FER2013; Training is trained on, PublicTest selects.
        show: takes a line for each piece of work.
        progress: takes the state of a training, every few steps.
        stop_requested: asked after each step; True ends the search.
        train_in_parallel: where given, trains all pending runs side by side before each is
            evaluated.
        predicted: called after each stored prediction, for the report.
    """

    def __init__(
        self,
        plan: Plan,
        fer: Fer2013,
        show: Callable[[str], None],
        progress: Callable[[Progress], None],
        stop_requested: Callable[[], bool],
        train_in_parallel: TrainInParallel | None = None,
        predicted: Callable[[], object] = lambda: None,
    ) -> None:
        self.plan, self.fer, self.show, self.progress = plan, fer, show, progress
        self.train_in_parallel, self.predicted = train_in_parallel, predicted
        self.limit = Limit(plan.minutes, stop_requested)

    def run(self) -> SearchState:
        """Run the search to its end, and return its final state.

        Raises:
            TimeIsUp: the plan's minutes are over.
            TrainingStopped: stopped by the user, out of memory, a loss that is not finite.
        """
        while (state := assess(self.plan, self.fer)).pending:
            if self.train_in_parallel is not None and len(state.pending) > 1:
                self.limit.check()
                self.show(f"{state.pending_for}: {len(state.pending)} runs in parallel")
                self.train_in_parallel(state.pending, self.limit.reached)
            failed_keys: set[str] = set()
            for number, run in enumerate(state.pending, 1):
                key = self.plan.key(run.recipe)
                if key in failed_keys:  # a variant needs all its seeds
                    continue
                self.limit.check()
                self.show(
                    f"{state.pending_for}, run {number} of {len(state.pending)}: "
                    f"{changed_fields(run.recipe, self.plan)}, seed {run.recipe.seed}"
                )
                failure = self._attempt(run)
                if failure is not None and failure.memory:
                    # what the failed run held is free only now
                    failure = self._attempt(run)
                if failure is not None:
                    smaller = failure.memory and can_halve_batch(run.recipe)
                    if state.pending_for == BASELINE and not smaller:
                        raise CannotTrain(failure.why)
                    # one member fewer is no reason for smaller batches
                    self._record_failure(run, failure, smaller and state.pending_for != ENSEMBLE)
                    if state.pending_for != ENSEMBLE:
                        failed_keys.add(key)
                self.predicted()
        return state

    def _attempt(self, run: PendingRun) -> TrainingFailure | None:
        """Train and evaluate; a failure that would come again is returned."""
        # a finished run and its CUDA graph hold each other until they are collected
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            self._train(run)
            self._predict(run)
        except CannotTrain as error:
            return TrainingFailure(str(error), isinstance(error, MemoryFull))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return TrainingFailure("Evaluating PublicTest ran out of device memory.", memory=True)
        return None

    def _train(self, run: PendingRun) -> None:
        try:
            loop.fit(
                run.recipe, self.fer, run.folder, device=self.plan.device,
                compile_model=self.plan.compile_model, bf16=self.plan.bf16, resume=True,
                report=self.progress, notice=self.show, stop_requested=self.limit.reached,
            )  # fmt: skip
        except TrainingStopped:
            self.limit.check_time()
            raise

    def _record_failure(self, run: PendingRun, failure: TrainingFailure, again: bool) -> None:
        """A variant that cannot be trained here must not end an unattended search."""
        if again:
            self.show(
                f"Out of memory at a batch of {run.recipe.batch}; trying half the batch at half "
                "the learning rate."
            )
        else:
            self.show(f"Left out: {failure.why}")
        path = failure_path(self.plan, run.recipe, run.recipe.seed, failure.memory)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(failure.why + "\n", encoding="utf-8")

    def _predict(self, run: PendingRun) -> None:
        path = run.folder / "last.pt"
        loaded = load_classifier(path, self.plan.device)
        origin = Origin(
            system=self.plan.key(run.recipe),
            test="public",
            seed=run.recipe.seed,
            selection="last",
            recipe=as_table(run.recipe),
            data_sha256=self.fer.sha256,
            model_sha256=file_sha256(path),
            training_commit=loaded.about.commit,
            command=self.plan.command,
            date=utc_now(),
            machine=machine(),
        )
        pixels = self.fer.splits["public"].pixels
        found = predict(loaded.classify, pixels, shift_of(loaded.crop_px), origin)
        save_predictions(found, predictions_path(self.plan, run.recipe, run.recipe.seed))
