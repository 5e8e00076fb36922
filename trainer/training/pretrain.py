"""Greedy layer-wise pre-training of the stacked auto-encoder: denoising, sparse, plain.

Each layer learns to reconstruct what it is shown: the first, the face from one with hidden pixels;
the others, the activations of the layer below, which stays as it is. Axes: B faces, C features.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from ferdesk.errors import DataError, FerdeskError
from trainer.data.augment import NUM_RANDOMS, augment
from trainer.models.baselines import StackedAutoEncoder
from trainer.recipes.config import Recipe
from trainer.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from trainer.training.distributed import ALONE, Group
from trainer.training.errors import TrainingStopped
from trainer.training.run_log import RunLog

Kind = Literal["denoising", "sparse", "plain"]
KINDS: tuple[Kind, ...] = ("denoising", "sparse", "plain")
FILE = "pretrain.pt"
SAVE_EVERY_S = 60.0
REPORT_EVERY_STEPS = 25


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of pre-training; ``loss`` is the layer's own, ``step`` counts over all layers."""

    layer: Kind
    epoch: float
    step: int
    num_steps: int
    loss: float
    images_per_s: float
    epoch_ended: bool


def corrupted(x_BC: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Masking noise: a random ``share`` of the values of ``x_BC`` set to 0, the mean grey."""
    kept = torch.rand(x_BC.shape, generator=generator, device=x_BC.device) >= share
    return x_BC * kept


def sparsity_penalty(activation_BC: Tensor, target: float) -> Tensor:
    """Sparsity penalty: sum_j KL(target || mean_j) over the batch's mean activations.

    KL(p || q) = p log(p / q) + (1 - p) log((1 - p) / (1 - q)). Activations lie in [0, 1].
    """
    mean_C = activation_BC.mean(0).clamp(1e-6, 1 - 1e-6)
    active = target * (math.log(target) - mean_C.log())
    silent = (1 - target) * (math.log(1 - target) - (1 - mean_C).log())
    return (active + silent).sum()


def reconstruction_error(rebuilt_BC: Tensor, x_BC: Tensor) -> Tensor:
    """Reconstruction error: half the squared distance, summed over features, mean over faces."""
    return 0.5 * (rebuilt_BC - x_BC).square().sum(1).mean()


class GreedyPretraining:
    """Greedy pre-training, each step determined by the recipe's seed and the step's number."""

    def __init__(self, model: StackedAutoEncoder, recipe: Recipe, pixels_NHW: Tensor) -> None:
        self.model, self.recipe, self.pixels = model, recipe, pixels_NHW
        device = pixels_NHW.device
        encoders = [cast("nn.Linear", layer) for layer in model.encoders]
        # from here on no weight is drawn from torch's own generator: a resumed run draws the same
        generator = torch.Generator().manual_seed(recipe.seed)
        self.decoders = nn.ModuleList(_decoder(layer, generator) for layer in encoders).to(device)
        self.generator = torch.Generator(device)
        self.step = 0
        self.steps_per_epoch = len(pixels_NHW) // recipe.batch
        self.steps_per_layer = self.steps_per_epoch * recipe.pretrain_epochs
        self.num_steps = self.steps_per_layer * len(encoders)
        self.optimizer = self._optimizer(0)

    @property
    def layer(self) -> int:
        """Index of the layer that is trained now, or was trained last."""
        return min(self.step // self.steps_per_layer, len(self.decoders) - 1)

    def update(self) -> Tensor:
        """Train the current layer for one step; returns its loss, still on the device."""
        recipe, layer = self.recipe, self.layer
        within = self.step % self.steps_per_layer
        if within == 0:
            self.optimizer = self._optimizer(layer)
        epoch, position = divmod(within, self.steps_per_epoch)
        rng = np.random.default_rng([recipe.seed, layer, epoch, 2])
        order = rng.permutation(len(self.pixels))
        chosen = order[position * recipe.batch : (position + 1) * recipe.batch]
        self.generator.manual_seed(recipe.seed * 1_000_003 + self.step)
        views = np.random.default_rng([recipe.seed, layer, epoch, position, 3])
        random_BD = views.random((recipe.batch, NUM_RANDOMS), dtype=np.float32)
        device = self.pixels.device
        faces_BHW = self.pixels[torch.from_numpy(chosen).to(device)]
        faces_B1HW = augment(faces_BHW, recipe, torch.from_numpy(random_BD).to(device))
        with torch.no_grad():
            x_BC = self.model.encode(self.model.normalise(faces_B1HW), layer)
        loss, _ = self.losses(layer, x_BC)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        return loss.detach()

    def losses(self, layer: int, x_BC: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of ``layer`` on its inputs, and the reconstruction error in it."""
        recipe, kind = self.recipe, KINDS[layer]
        shown_BC = x_BC
        if kind == "denoising":
            shown_BC = corrupted(x_BC, recipe.corruption, self.generator)
        hidden_BC = torch.sigmoid(self.model.encoders[layer](shown_BC))
        rebuilt_BC = self.decoders[layer](hidden_BC)
        if layer > 0:  # activations lie in [0, 1], normalised grey values anywhere
            rebuilt_BC = torch.sigmoid(rebuilt_BC)
        error = reconstruction_error(rebuilt_BC, x_BC)
        if kind == "sparse" and recipe.sparsity_weight:
            penalty = sparsity_penalty(hidden_BC, recipe.sparsity)
            return error + recipe.sparsity_weight * penalty, error
        return error, error

    def state(self) -> dict[str, Any]:
        """State without the network's own weights, for a checkpoint."""
        return {"decoders": self.decoders.state_dict(), "adam": self.optimizer.state_dict()}

    def restore(self, step: int, state: dict[str, Any]) -> None:
        """Restore step and state from a checkpoint."""
        self.step = step
        self.decoders.load_state_dict(state["decoders"])
        self.optimizer = self._optimizer(max(step - 1, 0) // self.steps_per_layer)
        self.optimizer.load_state_dict(state["adam"])

    def _optimizer(self, layer: int) -> torch.optim.Optimizer:
        """Adam over one layer and its decoder: it needs no rate of its own for each layer."""
        parameters = [*self.model.encoders[layer].parameters(), *self.decoders[layer].parameters()]
        return torch.optim.Adam(parameters, lr=self.recipe.pretrain_learning_rate)


def _decoder(encoder: nn.Linear, generator: torch.Generator) -> nn.Linear:
    decoder = nn.Linear(encoder.out_features, encoder.in_features)
    nn.init.xavier_uniform_(decoder.weight, generator=generator)
    nn.init.zeros_(decoder.bias)
    return decoder


def pretrain(
    model: StackedAutoEncoder,
    recipe: Recipe,
    pixels_NHW: Tensor,
    folder: Path,
    *,
    data_sha256: str,
    commit: str,
    group: Group = ALONE,
    report: Callable[[Progress], None] = lambda _: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> None:
    """Pre-train ``model`` in place; resumes from ``pretrain.pt`` in ``folder``.

    Each epoch appends a row with its layer and mean loss to the run's ``log.jsonl``; its steps are
    negative there and end at 0, where fine-tuning begins. Every process of a group does the same
    work, which is small, and the first one's weights are kept.

    Args:
        model: on the device of ``pixels_NHW``.
        recipe: its fields for zhang, augmentation, batch and seed.
        pixels_NHW: the training faces, [N, 48, 48] uint8.
        folder: of the run; it exists.
        data_sha256: of the data file, noted in ``pretrain.pt``.
        commit: of this program, noted there too.
        group: the processes of the run; the first of them writes the files.
        report: called every few steps.
        stop_requested: asked after each step; True saves and ends.

    Raises:
        TrainingStopped: stopped, a full disk, or a loss that is not finite.
        DataError: ``pretrain.pt`` is of another recipe or other data.
    """
    work = GreedyPretraining(model, recipe, pixels_NHW)
    path = folder / FILE
    found = group.from_first(lambda: _found(path, recipe, data_sha256))
    if found is not None:
        model.load_state_dict(found.weights)
        work.restore(found.step, found.optimizer)
    run_log = RunLog(folder, work.step - work.num_steps) if group.writes else None

    def save() -> None:
        if not group.writes:
            return
        saved = Checkpoint(
            recipe, work.step, model.state_dict(), None, work.state(), data_sha256, commit
        )
        try:
            save_checkpoint(saved, path)
        except OSError as error:
            raise TrainingStopped(f"The checkpoint {path} cannot be written: {error}.") from error

    losses: list[Tensor] = []
    saved_s = timed_s = time.monotonic()
    timed_step = work.step
    while work.step < work.num_steps:
        kind = KINDS[work.layer]
        losses.append(work.update())
        epoch_ended = work.step % work.steps_per_epoch == 0
        stopping = group.any(stop_requested())
        if not (epoch_ended or stopping) and work.step % REPORT_EVERY_STEPS:
            continue
        mean_loss = torch.stack(losses).mean().item()
        if not math.isfinite(mean_loss):
            raise TrainingStopped(
                f"The loss of the {kind} layer is no longer finite at step {work.step} of "
                "pre-training; start again with a lower pretrain_learning_rate and another --out."
            )
        now_s = time.monotonic()
        images_per_s = (work.step - timed_step) * recipe.batch / max(now_s - timed_s, 1e-9)
        epoch = (work.step - 1) % work.steps_per_layer + 1
        epoch_share = epoch / work.steps_per_epoch
        if epoch_ended:
            row = {
                "phase": "pre-training", "layer": kind, "epoch": round(epoch_share),
                "step": work.step - work.num_steps, "loss": mean_loss, "images_per_s": images_per_s,
            }  # fmt: skip
            if run_log is not None:
                try:
                    run_log.write(row)
                except FerdeskError as error:
                    raise TrainingStopped(str(error)) from error
            losses.clear()
            timed_s, timed_step = now_s, work.step
        if epoch_ended or stopping or now_s - saved_s > SAVE_EVERY_S:
            save()
            saved_s = now_s
        report(
            Progress(
                kind, epoch_share, work.step, work.num_steps, mean_loss, images_per_s, epoch_ended
            )
        )
        if stopping:
            raise TrainingStopped(
                f"Stopped at step {work.step} of pre-training. {path} is whole: --resume goes on "
                "from there."
            )
    if group.size > 1:  # on several GPUs sums may differ in the last digit
        model.load_state_dict(group.from_first(lambda: _on_cpu(model)))


def _on_cpu(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.cpu() for name, value in model.state_dict().items()}


def _found(path: Path, recipe: Recipe, data_sha256: str) -> Checkpoint | None:
    if not path.exists():
        return None
    found = load_checkpoint(path)
    if found.recipe != recipe or found.data_sha256 != data_sha256:
        raise DataError(
            f"{path} is of another recipe or another data file; resume with the same --preset, "
            "--set values and --data, or choose another --out."
        )
    return found
