"""Training targets beside the labels: FER+'s votes, and soft targets of teachers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.fer2013 import Fer2013, Split
from trainer.data.ferplus import FerPlus
from trainer.recipes.config import Recipe
from trainer.training.distillation import Teacher, load_teacher, teacher_probabilities
from trainer.training.distributed import Group


def training_targets(
    recipe: Recipe,
    data: Fer2013,
    votes: Mapping[Split, FerPlus] | None,
    folder: Path,
    device: torch.device,
    group: Group,
    notice: Callable[[str], None],
    stop_requested: Callable[[], bool],
) -> dict[str, Any]:
    """Votes, and teachers or their precomputed soft targets, as ``TrainingStep`` takes them.

    Only the first process reads files. Where soft targets are precomputed, those of the teachers'
    crowd heads are mixed into the votes, by ``distill_alpha``.

    Raises:
        DataError: a teacher cannot be read, or does not fit the recipe.
        TrainingStopped: ``stop_requested``.
    """
    targets: dict[str, Any] = {}
    if votes is not None:
        targets["votes_NK"] = torch.from_numpy(votes["training"].shares())
    if not recipe.teacher:
        return targets

    def load() -> tuple[list[Teacher], NDArray[np.float32] | None, NDArray[np.float32] | None]:
        teachers = [load_teacher(Path(place), recipe) for place in recipe.teacher]
        if recipe.distill_view == "same":
            return teachers, None, None
        common = (data, recipe, folder, device, notice, stop_requested)
        with_crowd = [teacher for teacher in teachers if votes is not None and teacher.has_crowd]
        crowd_NK = teacher_probabilities(with_crowd, *common, crowd=True) if with_crowd else None
        return [], teacher_probabilities(teachers, *common), crowd_NK

    teachers, soft_targets_NK, crowd_NK = group.from_first(load)
    if crowd_NK is not None:
        alpha = recipe.distill_alpha
        targets["votes_NK"] = (1 - alpha) * targets["votes_NK"] + alpha * torch.from_numpy(crowd_NK)
    if soft_targets_NK is not None:
        return {**targets, "soft_targets_NK": torch.from_numpy(soft_targets_NK)}
    return {**targets, "teachers": [teacher.network().to(device) for teacher in teachers]}
