"""Training loop: FER2013 on the device, one launch per step, resumable at any step."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from ferdesk.errors import DataError, FerdeskError
from trainer.data.fer2013 import Fer2013, Split
from trainer.data.ferplus import FerPlus
from trainer.models.baselines import StackedAutoEncoder
from trainer.models.network import Network
from trainer.recipes.config import Recipe
from trainer.training.build import build_network
from trainer.training.checkpoint import Checkpoint, current_commit, load_checkpoint, save_checkpoint
from trainer.training.distributed import ALONE, Group, GroupLost, synchronise_norms
from trainer.training.epoch_plan import learning_rate_at
from trainer.training.errors import CannotTrain, MemoryFull, TrainingStopped
from trainer.training.folder_lock import alone_in
from trainer.training.initial_weights import initialise
from trainer.training.pretrain import Progress as Pretraining
from trainer.training.pretrain import pretrain
from trainer.training.progress import Progress
from trainer.training.resume import checkpoint_to_resume
from trainer.training.run_log import RunLog
from trainer.training.step import TrainingStep, is_out_of_memory, memory_format
from trainer.training.targets import training_targets
from trainer.training.timed_schedule import NO_END, TimedSchedule
from trainer.training.watch import public_scores, weights_are_finite

SAVE_EVERY_S = 60.0
"""At least so often ``last.pt`` is written."""
SAVE_SHARE = 0.03
"""Share of the time that saving at the ends of epochs may take."""
CHECK_EVERY_STEPS = 25
"""How often the host waits for a processor's loss; a GPU runs ahead four times as far."""


def fit(
    recipe: Recipe,
    data: Fer2013,
    folder: Path,
    *,
    device: str = "cpu",
    compile_model: bool = False,
    autotune: bool = False,
    cuda_graph: bool = True,
    bf16: bool = False,
    resume: bool = False,
    start: dict[str, Tensor] | None = None,
    votes: Mapping[Split, FerPlus] | None = None,
    max_steps: int | None = None,
    minutes: float | None = None,
    events: bool = False,
    group: Group = ALONE,
    report: Callable[[Progress], None] = lambda _: None,
    notice: Callable[[str], None] = lambda _: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Checkpoint:
    """Train ``recipe``; returns the checkpoint that its selection rule chooses.

    Leaves ``last.pt`` (saved at least once a minute), ``best.pt`` (highest accuracy on
    PublicTest, one crop) and ``log.jsonl`` in ``folder``. PrivateTest is never touched.

    Args:
        recipe: what to train.
        data: the splits; Training is trained on, PublicTest is watched.
        folder: of this run.
        device: a torch device.
        compile_model: use torch.compile.
        autotune: let the compiler time kernels for minutes, for long runs with large batches.
        cuda_graph: on CUDA, launch each step as one graph.
        bf16: run the convolutions in bfloat16; losses and weights stay in float32.
        resume: go on from ``last.pt`` where there is one.
        start: weights to begin from in place of random ones, as of ``Checkpoint``; those of the
            last layer are left out where their shape differs. A resumed run has its own.
        votes: FER+'s, for a recipe with a crowd head; PublicTest's are watched.
        max_steps: stop there, for timing and tests; the schedule stays that of the whole run.
        minutes: of training, over which the whole schedule is laid, however many steps they allow;
            ``epochs`` then only sets the proportions of the schedule's parts.
        events: write TensorBoard's events into ``folder/events``.
        group: the processes that share each batch; the first of them writes the files.
        report: called every few steps.
        notice: takes a sentence for the user about what is not as wished but goes on.
        stop_requested: asked after each step (on several GPUs every few); True saves and ends.

    Raises:
        TrainingStopped: stopped, a full disk, another process of the group gone; ``CannotTrain``
            where a loss is not finite, ``MemoryFull`` where memory
            is too small.
        DataError: the folder holds another run, one goes on in it, or it cannot be made; the
            weights to start from do not fit; the batch cannot be shared out.
    """
    try:
        with alone_in(folder, writes=group.writes):
            run = _Run(
                recipe, data, folder, device, compile_model=compile_model, autotune=autotune,
                cuda_graph=cuda_graph, bf16=bf16, resume=resume, start=start, votes=votes,
                group=group, notice=notice, stop_requested=stop_requested,
            )  # fmt: skip
            return run.train(max_steps, events, report, stop_requested, minutes)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryFull(
            f"The device's memory is full at a batch of {recipe.batch}; free it and --resume, or "
            "start again with a smaller batch (--set "
            f"batch={max(1, recipe.batch // 2)}) and another --out."
        ) from error


class _Run:
    def __init__(
        self,
        recipe: Recipe,
        data: Fer2013,
        folder: Path,
        device: str,
        *,
        compile_model: bool = False,
        autotune: bool = False,
        cuda_graph: bool = True,
        bf16: bool = False,
        resume: bool = False,
        start: dict[str, Tensor] | None = None,
        votes: Mapping[Split, FerPlus] | None = None,
        group: Group = ALONE,
        notice: Callable[[str], None] = lambda _: None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self._called_s = time.monotonic()
        self.recipe, self.data, self.folder, self.group = recipe, data, folder, group
        self.device = torch.device(device)
        self.bf16, self.notice = bf16, notice
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            if self.device.index is not None:
                torch.cuda.set_device(self.device)  # a capture takes place on the current one
        training = data.splits["training"]
        if len(training) < recipe.batch:
            raise DataError(
                f"Training has {len(training)} faces, fewer than the batch of {recipe.batch}."
            )
        group.check_batch(recipe.batch)
        if (recipe.crowd_weight > 0) != (votes is not None):
            raise DataError(
                "The crowd head learns FER+'s votes: a crowd_weight above 0 and --ferplus go "
                "together."
            )
        self.votes = votes
        checkpoint = group.from_first(
            lambda: checkpoint_to_resume(folder, recipe, data.sha256, resume)
        )
        torch.manual_seed(recipe.seed)
        self.model = self._network()
        if checkpoint is None:
            self.model.prepare(torch.from_numpy(training.pixels).to(self.device))
        if checkpoint is None and start is not None:
            initialise(self.model, start)
        for module in self.model.first_stages(recipe.freeze_stages):
            module.requires_grad_(False)
        self.model = synchronise_norms(self.model, group, self.device)
        self.averaged = self._network() if recipe.average else None
        if self.averaged is not None:
            self.averaged.load_state_dict(self.model.state_dict())
            self.averaged.eval()
        self.update = TrainingStep(
            recipe, self.model, self.averaged, training, bf16=bf16, compiled=compile_model,
            group=group, cuda_graph=cuda_graph, autotune=autotune, notice=notice,
            **training_targets(
                recipe, data, votes, folder, self.device, group, notice, stop_requested
            ),
        )  # fmt: skip
        self.steps_per_epoch = self.update.steps_per_epoch
        self.num_steps = self.steps_per_epoch * recipe.epochs
        self.step = 0
        self.scores: dict[str, float] = {}
        self.commit = current_commit()
        # weights to start from have been pre-trained, or have learned already
        self._pretrains = checkpoint is None and start is None
        self._timed: TimedSchedule | None = None
        """Schedule over minutes, where time sets the run's length."""
        self._best: Checkpoint | None = None
        """The best so far, where it is not on the disk yet."""
        if checkpoint is not None:
            self._restore(checkpoint)
        for network in (self.model, self.averaged):
            if network is not None:
                group.copy_from_first(network.state_dict().values())

    def _network(self) -> Network:
        network: Network = build_network(self.recipe).to(  # type: ignore[call-overload]
            self.device, memory_format=memory_format(self.recipe, self.device)
        )
        return network

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.model.load_state_dict(checkpoint.weights)
        if self.averaged is not None and checkpoint.average is not None:
            self.averaged.load_state_dict(checkpoint.average)
        self.update.load_optimizer(checkpoint.optimizer)
        self.step, self.scores = checkpoint.step, dict(checkpoint.scores)
        if checkpoint.losses is not None:
            self.update.losses_S.copy_(checkpoint.losses)

    def train(
        self,
        max_steps: int | None,
        events: bool,
        report: Callable[[Progress], None],
        stop_requested: Callable[[], bool],
        minutes: float | None = None,
    ) -> Checkpoint:
        if minutes is not None:
            if self.group.size > 1:
                raise DataError("--minutes is for one process; several would not end together.")
            # what was made ready and compiled takes of the minutes, but not of the schedule
            self.update.prepare()
            left = minutes - (time.monotonic() - self._called_s) / 60
            trained_s = self.scores.get("trained_s", 0.0)
            self._timed = TimedSchedule(self.recipe, max(left, 1e-3), trained_s)
            self.num_steps = self.step if self._timed.is_over else NO_END
        last_step = self.num_steps if max_steps is None else min(self.num_steps, max_steps)
        run_log = None
        try:
            if self._pretrains and isinstance(self.model, StackedAutoEncoder):
                self._pretrain(self.model, report, stop_requested)
            if self.group.writes and self.step < last_step:
                run_log = RunLog(self.folder, self.step, events=events, notice=self.notice)
            self._train(last_step, run_log, report, stop_requested)
        except GroupLost as error:
            raise TrainingStopped(
                f"{error}, so this one ends too, at step {self.step}. What {self.folder} holds is "
                "whole: start all again with --resume."
            ) from error
        finally:
            if run_log is not None:
                run_log.close()
            if self._best is not None:  # the run broke off with the best so far in memory alone
                with contextlib.suppress(OSError):
                    save_checkpoint(self._best, self.folder / "best.pt")
        return self.group.from_first(self._chosen)

    def _pretrain(
        self,
        model: StackedAutoEncoder,
        report: Callable[[Progress], None],
        stop_requested: Callable[[], bool],
    ) -> None:
        rate, epochs = self.recipe.pretrain_learning_rate, self.recipe.pretrain_epochs

        def tell(state: Pretraining) -> None:
            report(
                Progress(
                    state.epoch, state.step, state.num_steps, state.loss, rate,
                    state.images_per_s, None, None, epochs, state.epoch_ended,
                    f"pre-training, {state.layer} layer",
                )
            )  # fmt: skip

        pretrain(
            model, self.recipe, self.update.pixels_NHW, self.folder,
            data_sha256=self.data.sha256, commit=self.commit, group=self.group, report=tell,
            stop_requested=stop_requested,
        )  # fmt: skip
        if self.averaged is not None:
            self.averaged.load_state_dict(model.state_dict())

    def _chosen(self) -> Checkpoint:
        if self.recipe.select == "public" and (self.folder / "best.pt").exists():
            return load_checkpoint(self.folder / "best.pt")
        return load_checkpoint(self.folder / "last.pt")

    def _train(
        self,
        last_step: int,
        run_log: RunLog | None,
        report: Callable[[Progress], None],
        stop_requested: Callable[[], bool],
    ) -> None:
        saved_s = timed_s = time.monotonic()
        save_took_s = 0.0
        timed_step = self.step
        on_cpu = self.device.type == "cpu"
        check_every = CHECK_EVERY_STEPS if on_cpu else 4 * CHECK_EVERY_STEPS
        first_unread = self.step % self.steps_per_epoch
        self._to_train_mode()
        if self.step < last_step:
            self.update.begin_epoch(self.step // self.steps_per_epoch, first_unread)
        if self._timed is not None:
            self._timed.start()
        while self.step < last_step:
            if self._timed is not None:
                self.scores["trained_s"] = self._timed.tick()
                self.update.set_next_rate(self._timed.rate)
                if self._timed.is_over:
                    last_step = self.step + 1
            self.update()
            self.step += 1
            within = self.step % self.steps_per_epoch
            # a run that ends by the clock is evaluated where it ends
            epoch_ended = within == 0 or (self._timed is not None and self.step == last_step)
            checked = epoch_ended or self.step == last_step or self.step % check_every == 0
            # between GPUs the question itself would be an exchange in every step
            asks = checked or on_cpu or self.group.size == 1
            stopping = asks and self.group.any(stop_requested())
            if not (checked or stopping):
                continue
            loss = self._mean_loss(first_unread, within or self.steps_per_epoch)
            first_unread = within
            now_s = time.monotonic()
            images_per_s = (self.step - timed_step) * self.recipe.batch / max(now_s - timed_s, 1e-9)
            rate, num_steps, num_epochs = self._schedule(last_step)
            saving = self.group.any(
                stopping
                or self.step == last_step
                or now_s - saved_s > SAVE_EVERY_S
                or (epoch_ended and now_s - saved_s > save_took_s / SAVE_SHARE)
            )
            self._check_finite(loss, weights_too=saving or epoch_ended)
            if epoch_ended:
                self._evaluate_epoch(run_log, rate, images_per_s)
            if saving:
                save_s = time.monotonic()
                self._save()
                saved_s = time.monotonic()
                save_took_s = saved_s - save_s
            report(
                Progress(
                    self.step / self.steps_per_epoch, self.step, num_steps, loss, rate,
                    images_per_s, self.scores.get("public"), self.scores.get("best_public"),
                    num_epochs, epoch_ended,
                )
            )  # fmt: skip
            if epoch_ended:
                timed_s, timed_step = time.monotonic(), self.step
                if self.step < last_step:
                    self.update.begin_epoch(self.step // self.steps_per_epoch)
            if stopping and self.step < last_step:
                raise TrainingStopped(
                    f"Stopped at step {self.step}. {self.folder / 'last.pt'} is whole: "
                    "--resume goes on from there."
                )

    def _schedule(self, last_step: int) -> tuple[float, int, int]:
        """Learning rate of the last step, and the run's expected number of steps and epochs."""
        if self._timed is None:
            rate = learning_rate_at(self.recipe, (self.step - 1) / self.steps_per_epoch)
            return rate, self.num_steps, self.recipe.epochs
        steps = self.step if self.step == last_step else self._timed.expected_steps(self.step)
        return self._timed.rate, steps, math.ceil(steps / self.steps_per_epoch)

    def _to_train_mode(self) -> None:
        self.model.train()
        for module in self.model.first_stages(self.recipe.freeze_stages):
            module.eval()
        if self.recipe.freeze_norms:
            for module in self.model.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def _mean_loss(self, first: int, end: int) -> float:
        """Mean loss of the epoch's steps in [first, end), over all faces."""
        losses = self.update.losses_S[first:end]
        if self.group.size > 1:  # from here on each process holds the losses over all faces
            losses.copy_(self.group.mean(losses))
        return losses.mean().item()

    def _check_finite(self, loss: float, weights_too: bool) -> None:
        if math.isfinite(loss) and not (weights_too and not weights_are_finite(self.model)):
            return
        raise CannotTrain(
            f"Loss or weights are no longer finite at step {self.step}; start again with a "
            "lower learning_rate and another --out. The checkpoints that "
            f"{self.folder} may hold are from before that."
        )

    def _evaluate_epoch(
        self, run_log: RunLog | None, learning_rate: float, images_per_s: float
    ) -> None:
        epoch = math.ceil(self.step / self.steps_per_epoch)
        evaluated = self.averaged if self.averaged is not None else self.model
        accuracy, crowd = public_scores(
            evaluated, self.data.splits["public"], self.votes, self.recipe.crop_px,
            bf16=self.bf16, group=self.group,
        )  # fmt: skip
        self._to_train_mode()
        if accuracy is not None:
            self.scores |= {"public": accuracy, **crowd}
        if accuracy is not None and accuracy > self.scores.get("best_public", 0.0):
            self.scores["best_public"] = accuracy
            self.scores["best_epoch"] = float(epoch)
            if self.group.writes:
                self._best = self._checkpoint(copied=True)
        loss = self._mean_loss(0, self.step % self.steps_per_epoch or self.steps_per_epoch)
        if run_log is not None:
            row = {
                "epoch": epoch, "step": self.step, "loss": loss, "learning_rate": learning_rate,
                "images_per_s": images_per_s, "public": accuracy, **crowd,
            }  # fmt: skip
            try:
                run_log.write(row)
            except FerdeskError as error:
                raise TrainingStopped(str(error)) from error

    def _checkpoint(self, copied: bool = False) -> Checkpoint:
        def own(table: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: value.clone() for name, value in table.items()} if copied else table

        average = None if self.averaged is None else own(self.averaged.state_dict())
        optimizer = self.update.optimizer.state_dict()
        if copied:
            optimizer = {
                **optimizer,
                "state": {number: own(state) for number, state in optimizer["state"].items()},
            }
        return Checkpoint(
            recipe=self.recipe,
            step=self.step,
            weights=own(self.model.state_dict()),
            average=average,
            optimizer=optimizer,
            data_sha256=self.data.sha256,
            commit=self.commit,
            scores=dict(self.scores),
            losses=self.update.losses_S.clone(),
        )

    def _save(self) -> None:
        """Write the pending checkpoints; ``best.pt`` first, as ``last.pt`` refers to it."""
        if not self.group.writes:
            return
        for name, checkpoint in (("best.pt", self._best), ("last.pt", self._checkpoint())):
            if checkpoint is None:
                continue
            try:
                save_checkpoint(checkpoint, self.folder / name)
            except OSError as error:
                raise TrainingStopped(
                    f"The checkpoint {self.folder / name} cannot be written: {error}."
                ) from error
        self._best = None
