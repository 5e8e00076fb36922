"""What an epoch shows, and with what numbers: decided by the recipe's seed and the epoch alone.

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
    """One epoch as tables, a row for each step.

    ``order_SB`` int64: the faces' places in the split, each at most once; ``random_SBD`` float32
    in [0, 1); ``rate_S`` learning rates; ``annealing_S`` A-Softmax's lambda; ``share_S`` mixup's
    share of the first face; ``keep_S`` what the average of the weights keeps of itself; float32.
    """

    order_SB: Tensor
    random_SBD: Tensor
    rate_S: Tensor
    annealing_S: Tensor
    share_S: Tensor
    keep_S: Tensor

    def tables(self) -> list[Tensor]:
        return [
            self.order_SB, self.random_SBD, self.rate_S, self.annealing_S, self.share_S,
            self.keep_S,
        ]  # fmt: skip


def plan_epoch(recipe: Recipe, num_faces: int, epoch: int, group: Group = ALONE) -> EpochPlan:
    """The plan of ``epoch`` (from 0) for this process: a permutation, and numbers for each face.

    The faces left over by the last whole batch are not shown in this epoch.
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
    share_S = np.ones(steps)
    if recipe.mixup:
        share_S = np.random.default_rng([recipe.seed, epoch, 2]).beta(
            recipe.mixup, recipe.mixup, steps
        )
    step_S = epoch * steps + np.arange(steps)
    annealing = Annealing(recipe.annealing_base, recipe.annealing_gamma, recipe.annealing_minimum)
    # the first steps are forgotten quickly, or the random start would linger
    keep_S = np.minimum(recipe.average, (1 + step_S) / (10 + step_S))
    return EpochPlan(
        order_SB=torch.from_numpy(np.ascontiguousarray(order_SB)),
        random_SBD=torch.from_numpy(np.ascontiguousarray(random_SBD)),
        rate_S=_floats([learning_rate_at(recipe, step / steps) for step in step_S.tolist()]),
        annealing_S=_floats([annealing.at(step) for step in step_S.tolist()]),
        share_S=_floats(share_S.tolist()),
        keep_S=_floats(keep_S.tolist()),
    )


def _floats(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


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
