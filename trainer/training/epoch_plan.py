"""Plan of an epoch: order, random numbers and schedules, from the recipe's seed and the epoch.

Made on the host from NumPy's generators, so that it is the same on every device and for any number
of processes, and needs no state to go on from.

Axes: S steps of an epoch, B faces of a step that one process sees, D random numbers of a face.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.data.augment import NUM_RANDOMS
from trainer.models.losses import Annealing
from trainer.recipes.config import Recipe
from trainer.training.distributed import ALONE, Group


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """Plan of one epoch as tables, one row per step.

    ``order_SB`` int64: the faces' places in the split, each at most once; ``random_SBD`` float32
    in [0, 1); ``rate_S`` learning rates; ``annealing_S`` A-Softmax's lambda; ``mixup_lambda_S``
    mixup's lambda; ``ema_decay_S`` the decay of the weights' moving average; all float32.
    """

    order_SB: Tensor
    random_SBD: Tensor
    rate_S: Tensor
    annealing_S: Tensor
    mixup_lambda_S: Tensor
    ema_decay_S: Tensor

    def tables(self) -> list[Tensor]:
        """All tables, in the order of the fields."""
        return [
            self.order_SB, self.random_SBD, self.rate_S, self.annealing_S, self.mixup_lambda_S,
            self.ema_decay_S,
        ]  # fmt: skip


def plan_epoch(recipe: Recipe, num_faces: int, epoch: int, group: Group = ALONE) -> EpochPlan:
    """Plan of ``epoch`` (from 0) for this process: a permutation, and random numbers per face.

    Faces beyond the last whole batch are left out of this epoch.
    """
    steps, batch = num_faces // recipe.batch, recipe.batch
    order = np.random.default_rng([recipe.seed, epoch]).permutation(num_faces)
    order_SB = order[: steps * batch].reshape(steps, batch)
    random_SBD = np.random.default_rng([recipe.seed, epoch, 1]).random(
        (steps, batch, NUM_RANDOMS), dtype=np.float32
    )
    rows = group.rows(batch)
    if group.size > 1:
        order_SB, random_SBD = order_SB[:, rows], random_SBD[:, rows]
    mixup_lambda_S = np.ones(steps)
    if recipe.mixup:
        mixup_lambda_S = np.random.default_rng([recipe.seed, epoch, 2]).beta(
            recipe.mixup, recipe.mixup, steps
        )
    step_S = epoch * steps + np.arange(steps)
    annealing = Annealing(recipe.annealing_base, recipe.annealing_gamma, recipe.annealing_minimum)
    # a small decay at first, or the random initialisation would linger in the average
    ema_decay_S = np.minimum(recipe.average, (1 + step_S) / (10 + step_S))
    return EpochPlan(
        order_SB=torch.from_numpy(np.ascontiguousarray(order_SB)),
        random_SBD=torch.from_numpy(np.ascontiguousarray(random_SBD)),
        rate_S=_floats([learning_rate_at(recipe, step / steps) for step in step_S.tolist()]),
        annealing_S=_floats([annealing.at(step) for step in step_S.tolist()]),
        mixup_lambda_S=_floats(mixup_lambda_S.tolist()),
        ema_decay_S=_floats(ema_decay_S.tolist()),
    )


def _floats(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def learning_rate_at(recipe: Recipe, epoch: float) -> float:
    """Learning rate at a (fractional) epoch: linear warm-up, then cosine to 0 or steps.

    Steps are constant to ``step_from``, and first drop ``step_every`` epochs after it.
    """
    if epoch < recipe.warmup:
        return recipe.learning_rate * (epoch + 0.01) / recipe.warmup
    if recipe.schedule == "cosine":
        progress = (epoch - recipe.warmup) / max(recipe.epochs - recipe.warmup, 1e-9)
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
    num_drops = max(0, int((epoch - recipe.step_from) // recipe.step_every))
    return float(recipe.learning_rate * recipe.step_factor**num_drops)
