"""The training loop: FER2013 in memory, augmented in batches, resumable at any step."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ferdesk.errors import DataError, FerdeskError
from trainer.augment import augment, center_crop
from trainer.checkpoint import Checkpoint, current_commit, load_checkpoint, save_checkpoint
from trainer.config import Recipe
from trainer.data import Faces, Fer2013
from trainer.losses import Annealing, a_softmax_logits, cross_entropy, squared_hinge
from trainer.models import Network
from trainer.networks import build_network

SAVE_EVERY_S = 60.0
CHECK_EVERY_STEPS = 25


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands; ``public_accuracy`` is None until an epoch has been evaluated."""

    epoch: float
    step: int
    num_steps: int
    loss: float
    learning_rate: float
    images_per_s: float
    public_accuracy: float | None


class TrainingStopped(FerdeskError):
    """A run that ended early; what it saved until then is whole."""


def fit(
    recipe: Recipe,
    data: Fer2013,
    folder: Path,
    *,
    device: str = "cpu",
    compile_model: bool = False,
    bf16: bool = False,
    resume: bool = False,
    max_steps: int | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Checkpoint:
    """Train ``recipe`` and return the checkpoint that its selection rule chooses.

    Leaves ``last.pt`` (saved at least once a minute), ``best.pt`` (highest accuracy on
    PublicTest, one crop) and ``log.jsonl`` in ``folder``. PrivateTest is never touched.

    Args:
        recipe: what to train.
        data: the splits; Training is trained on, PublicTest is watched.
        folder: of this run.
        device: a torch device.
        compile_model: use torch.compile.
        bf16: run the convolutions in bfloat16; losses and weights stay in float32.
        resume: go on from ``last.pt`` where there is one.
        max_steps: stop there, for timing and tests; the schedule stays that of the whole run.
        report: called every few steps.
        stop_requested: asked after each step; True saves and ends.

    Raises:
        TrainingStopped: stopped, out of memory, a full disk, or a loss that is not finite.
        DataError: the folder holds another run, or cannot be made.
    """
    return _Run(recipe, data, folder, device, compile_model, bf16, resume).train(
        max_steps, report, stop_requested
    )


class _Run:
    def __init__(
        self,
        recipe: Recipe,
        data: Fer2013,
        folder: Path,
        device: str,
        compile_model: bool,
        bf16: bool,
        resume: bool,
    ) -> None:
        self.recipe, self.data, self.folder = recipe, data, folder
        self.device = torch.device(device)
        self.bf16 = bf16
        torch.manual_seed(recipe.seed)
        training = data.splits["training"]
        if len(training) < recipe.batch:
            raise DataError(
                f"Training has {len(training)} faces, fewer than the batch of {recipe.batch}."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"The folder {folder} cannot be made: {error}.") from error
        self.pixels = torch.from_numpy(training.pixels).to(self.device)
        self.labels = torch.from_numpy(training.labels).to(self.device)
        self.steps_per_epoch = len(training) // recipe.batch
        self.num_steps = self.steps_per_epoch * recipe.epochs
        # torch 2.14 on a CPU with AVX2 writes past the end of channels-last arrays of 4 channels
        narrow = recipe.width < 8 and self.device.type == "cpu"
        self.memory_format = torch.contiguous_format if narrow else torch.channels_last
        self.model: Network = build_network(recipe).to(  # type: ignore[call-overload]
            self.device, memory_format=self.memory_format
        )
        self.averaged: Network | None = None
        if recipe.average:
            self.averaged = build_network(recipe).to(self.device)
        self.optimizer = _optimizer(self.model, recipe, self.device)
        self.annealing = Annealing(
            recipe.annealing_base, recipe.annealing_gamma, recipe.annealing_minimum
        )
        self.generator = torch.Generator(self.device)
        self.step = 0
        self.scores: dict[str, float] = {}
        self.commit = current_commit()
        if resume and (folder / "last.pt").exists():
            self._restore(load_checkpoint(folder / "last.pt", device))
        elif (folder / "last.pt").exists():
            raise DataError(
                f"{folder} already holds a run; add --resume to go on, or choose another --out."
            )
        else:
            self.model.prepare(self.pixels)
        if self.averaged is not None and not self.step:
            self.averaged.load_state_dict(self.model.state_dict())
        self.embed: Callable[[Tensor], Tensor] = self.model.embed
        if compile_model:
            self.embed = torch.compile(self.model.embed)

    def train(
        self,
        max_steps: int | None,
        report: Callable[[Progress], None],
        stop_requested: Callable[[], bool],
    ) -> Checkpoint:
        try:
            self._train(max_steps, report, stop_requested)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            raise TrainingStopped(
                f"The device's memory is full at a batch of {self.recipe.batch}; free it and "
                "--resume, or start again with a smaller batch (--set "
                f"batch={max(1, self.recipe.batch // 2)}) and another --out."
            ) from error
        if self.recipe.select == "public" and (self.folder / "best.pt").exists():
            return load_checkpoint(self.folder / "best.pt")
        return load_checkpoint(self.folder / "last.pt")

    def _train(
        self,
        max_steps: int | None,
        report: Callable[[Progress], None],
        stop_requested: Callable[[], bool],
    ) -> None:
        last_step = self.num_steps if max_steps is None else min(self.num_steps, max_steps)
        saved_s = timed_s = time.monotonic()
        timed_step = self.step
        losses: list[Tensor] = []
        self.model.train()
        for indices_B in self._batches(last_step):
            loss, learning_rate = self._update(indices_B)
            losses.append(loss)
            self.step += 1
            epoch_ended = self.step % self.steps_per_epoch == 0
            stopping = stop_requested()
            checked = epoch_ended or stopping or self.step == last_step
            if not checked and self.step % CHECK_EVERY_STEPS:
                continue
            mean_loss = torch.stack(losses).mean().item()
            losses.clear()
            if not (math.isfinite(mean_loss) and self._weights_are_finite()):
                raise TrainingStopped(
                    f"Loss or weights are no longer finite at step {self.step}; start again with a "
                    "lower learning_rate and another --out. The checkpoints that "
                    f"{self.folder} may hold are from before that."
                )
            now_s = time.monotonic()
            images = (self.step - timed_step) * self.recipe.batch
            images_per_s = images / max(now_s - timed_s, 1e-9)
            if epoch_ended:
                self._evaluate_epoch(mean_loss, learning_rate, images_per_s)
            if checked or now_s - saved_s > SAVE_EVERY_S:
                self._save("last.pt")
                saved_s = time.monotonic()
            report(
                Progress(
                    self.step / self.steps_per_epoch, self.step, self.num_steps, mean_loss,
                    learning_rate, images_per_s, self.scores.get("public"),
                )
            )  # fmt: skip
            if epoch_ended:
                timed_s, timed_step = time.monotonic(), self.step
            if stopping and self.step < last_step:
                raise TrainingStopped(
                    f"Stopped at step {self.step}. {self.folder / 'last.pt'} is whole: "
                    "--resume goes on from there."
                )

    def _weights_are_finite(self) -> bool:
        values = self.model.state_dict().values()
        return bool(torch.stack([torch.isfinite(value).all() for value in values]).all())

    def _batches(self, last_step: int) -> Iterator[Tensor]:
        """Indices of the faces of each step, from here on; each epoch is a permutation."""
        while self.step < last_step:
            epoch, start = divmod(self.step, self.steps_per_epoch)
            rng = np.random.default_rng([self.recipe.seed, epoch])
            order = torch.from_numpy(rng.permutation(len(self.labels))).to(self.device)
            for within in range(start, self.steps_per_epoch):
                if self.step >= last_step:
                    return
                yield order[within * self.recipe.batch : (within + 1) * self.recipe.batch]

    def _update(self, indices_B: Tensor) -> tuple[Tensor, float]:
        """One step of SGD; returns the loss (still on the device) and the learning rate."""
        recipe = self.recipe
        learning_rate = learning_rate_at(recipe, self.step / self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.generator.manual_seed(recipe.seed * 1_000_003 + self.step)
        faces_B1HW = augment(self.pixels[indices_B], recipe, self.generator)
        target_B = self.labels[indices_B]
        other_B, share = target_B, 1.0
        if recipe.mixup:
            rng = np.random.default_rng([recipe.seed, self.step, 1])
            share = float(rng.beta(recipe.mixup, recipe.mixup))
            faces_B1HW = share * faces_B1HW + (1 - share) * faces_B1HW.flip(0)
            other_B = target_B.flip(0)
        faces_B1HW = faces_B1HW.contiguous(memory_format=self.memory_format)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            embedding_BC = self.embed(faces_B1HW)
        embedding_BC = embedding_BC.float()
        loss = share * self._loss(embedding_BC, target_B)
        if share < 1.0:
            loss = loss + (1 - share) * self._loss(embedding_BC, other_B)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self._update_average()
        return loss.detach(), learning_rate

    def _loss(self, embedding_BC: Tensor, target_B: Tensor) -> Tensor:
        recipe = self.recipe
        weight_KC = self.model.class_weight()
        if recipe.loss == "a-softmax":
            logits_BK = a_softmax_logits(
                embedding_BC, weight_KC, target_B, recipe.margin, self.annealing.at(self.step)
            )
        else:
            logits_BK = F.linear(embedding_BC, weight_KC, self.model.head.bias)
        if recipe.loss == "squared-hinge":
            return squared_hinge(logits_BK, target_B)
        return cross_entropy(logits_BK, target_B, recipe.label_smoothing)

    @torch.no_grad()
    def _update_average(self) -> None:
        if self.averaged is None:
            return
        # the first steps are forgotten quickly, or the random start would linger
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        pairs = zip(
            self.averaged.state_dict().values(), self.model.state_dict().values(), strict=True
        )
        for kept, new in pairs:
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)

    def _evaluate_epoch(self, loss: float, learning_rate: float, images_per_s: float) -> None:
        judged = self.averaged if self.averaged is not None else self.model
        accuracy = center_accuracy(judged, self.data.splits["public"], self.recipe.crop_px)
        self.model.train()
        self.scores["public"] = accuracy
        epoch = self.step // self.steps_per_epoch
        if accuracy > self.scores.get("best_public", 0.0):
            self.scores["best_public"] = accuracy
            self.scores["best_epoch"] = float(epoch)
            self._save("best.pt")
        row = {
            "epoch": epoch, "step": self.step, "loss": loss, "learning_rate": learning_rate,
            "images_per_s": images_per_s, "public": accuracy,
        }  # fmt: skip
        path = self.folder / "log.jsonl"
        try:
            with path.open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
        except OSError as error:
            raise TrainingStopped(f"The log {path} cannot be written: {error}.") from error

    def _save(self, name: str) -> None:
        average = None if self.averaged is None else self.averaged.state_dict()
        checkpoint = Checkpoint(
            recipe=self.recipe,
            step=self.step,
            weights=self.model.state_dict(),
            average=average,
            optimizer=self.optimizer.state_dict(),
            data_sha256=self.data.sha256,
            commit=self.commit,
            scores=dict(self.scores),
        )
        try:
            save_checkpoint(checkpoint, self.folder / name)
        except OSError as error:
            raise TrainingStopped(
                f"The checkpoint {self.folder / name} cannot be written: {error}."
            ) from error

    def _restore(self, checkpoint: Checkpoint) -> None:
        if checkpoint.recipe != self.recipe:
            raise DataError(
                f"{self.folder} holds a run of another recipe; resume with the same preset and "
                "--set values, or choose another --out."
            )
        if checkpoint.data_sha256 != self.data.sha256:
            raise DataError(f"{self.folder} holds a run on another data file.")
        self.model.load_state_dict(checkpoint.weights)
        if self.averaged is not None and checkpoint.average is not None:
            self.averaged.load_state_dict(checkpoint.average)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.step, self.scores = checkpoint.step, dict(checkpoint.scores)


def _is_out_of_memory(error: RuntimeError) -> bool:
    # the CPU's allocator raises a plain RuntimeError, and words it differently on Windows
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def learning_rate_at(recipe: Recipe, epoch: float) -> float:
    """The learning rate at a (fractional) epoch: warm-up, then a cosine to 0 or steps.

    Steps are constant to ``step_from``, and first drop ``step_every`` epochs after it.
    """
    if epoch < recipe.warmup:
        return recipe.learning_rate * (epoch + 0.01) / recipe.warmup
    if recipe.schedule == "cosine":
        share = (epoch - recipe.warmup) / max(recipe.epochs - recipe.warmup, 1e-9)
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * share))
    num_drops = max(0, int((epoch - recipe.step_from) // recipe.step_every))
    return float(recipe.learning_rate * recipe.step_factor**num_drops)


@torch.no_grad()
def center_accuracy(model: Network, faces: Faces, crop_px: int) -> float:
    """Share of ``faces`` whose expression the largest logit names, one centre crop each."""
    model.eval()
    device = next(model.parameters()).device
    correct = 0
    for start in range(0, len(faces), 512):
        pixels = torch.from_numpy(faces.pixels[start : start + 512]).to(device)
        predicted = model(center_crop(pixels, crop_px)).argmax(1).cpu().numpy()
        correct += int((predicted == faces.labels[start : start + 512]).sum())
    return correct / max(len(faces), 1)


def _optimizer(model: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    """SGD; norms, biases and a head of unit rows are not decayed."""
    decayed: list[Any] = []
    kept: list[Any] = []
    for name, parameter in model.named_parameters():
        unit_rows = name == "head.weight" and recipe.loss == "a-softmax"
        (kept if parameter.ndim < 2 or unit_rows else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        groups,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        fused=device.type == "cuda",
    )
