"""Plan of the recipe search: its stages, the recipes that they make, and where runs are kept.

The command is ``ferdesk-train ladder``; docs/training.md describes the search.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.recipes.config import Recipe, as_table, load_recipe, recipe_from


@dataclass(frozen=True, slots=True)
class Stage:
    """Search stage: ``variants`` are recipe fields laid over the best recipe so far.

    ``min_gain`` in points of accuracy: the stage is kept where its best variant gains more. It is
    below 0 for what training for live faces needs even at a small cost, and above 0 for what makes
    every later run slow and would otherwise be kept by chance every other time. ``epoch_factor``
    multiplies the number of epochs. ``name`` is part of the stored runs' names, so it stays.
    """

    name: str
    what: str
    variants: tuple[Mapping[str, Any], ...]
    min_gain: float = 0.0
    epoch_factor: int = 1


BASELINE = "paper"
"""Name of the recipe that the search starts from; part of stored runs' names."""

STAGES: tuple[Stage, ...] = (
    Stage("gap", "global average pooling over the whole last map", ({"pool": "gap"},)),
    Stage(
        "cosine", "softmax, Nesterov momentum from 0.1, cosine schedule to 0, batches of 128",
        (
            {
                "loss": "softmax", "learning_rate": 0.1, "nesterov": True, "schedule": "cosine",
                "warmup": 2.0, "batch": 128,
            },
        ),
    ),
    Stage(
        "average", "exponential moving average of the weights",
        ({"average": 0.998}, {"average": 0.999}),
    ),
    Stage(
        "geometry", "rotation, scale and shift, or the scatter of a detector's boxes",
        (
            {"rotation_deg": 12.0, "scale": 0.15, "shift": 0.08},
            {"rotation_deg": 15.0, "scale": 0.2, "shift": 0.1},
            {"box_scatter": 1.0},
        ),
    ),
    Stage("smoothing", "label smoothing", ({"label_smoothing": 0.1},)),
    Stage("erasing", "random erasing", ({"erase": 0.3}, {"erase": 0.5})),
    Stage("mixup", "mixup", ({"mixup": 0.2}, {"mixup": 0.5}, {"mixup": 1.0})),
    Stage("cutmix", "CutMix", ({"cutmix": 0.2},)),
    Stage(
        "worse pictures", "corruptions: contrast, low light, blur, compression and small faces",
        (
            {"light": 0.3, "dark": 0.1, "blur": 0.1, "jpeg": 0.1, "small": 0.1},
            {"light": 0.2, "dark": 0.05, "blur": 0.05, "jpeg": 0.05, "small": 0.05},
        ),
        min_gain=-1.0,
    ),
    Stage(
        "sam", "sharpness-aware minimisation",
        ({"sam_rho": 0.05}, {"sam_rho": 0.1}, {"sam_rho": 1.0, "sam_adaptive": True}),
        min_gain=0.2,
    ),
    Stage("larger", "larger input", ({"input_px": 56}, {"input_px": 64}), min_gain=0.2),
    Stage("longer", "twice the epochs", ({},), min_gain=0.2, epoch_factor=2),
)  # fmt: skip
"""Stages in the order of docs/training.md: the largest expected gain first."""

STUDENTS: tuple[Mapping[str, Any], ...] = ({"distill_alpha": 0.7}, {"distill_alpha": 0.9})
"""Weights of the distillation loss that are tried for each student."""
NO_TEACHER: Mapping[str, Any] = {"teacher": ()}
"""Control: a network of the student's size that is trained on the labels alone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Search plan: stages, seeds, folders and device. ``minutes`` 0 means no time limit.

    ``overrides`` (``field=value``) lie over every recipe, for machines that cannot train the
    paper's width; the report lists them. ``members`` is the number of networks in the ensemble.
    """

    stages: tuple[Stage, ...]
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

    def baseline(self) -> Recipe:
        """Baseline recipe: the paper's method, evaluated at the last epoch of its schedule.

        Raises:
            DataError: an override is no valid field and value.
        """
        fields = ["pool=paper", "select=last", *self.overrides]
        recipe = load_recipe("cbam-resnet-asoftmax", fields)
        return dataclasses.replace(recipe, name=BASELINE)

    def extend(self, best: Recipe, stage: Stage, variant: Mapping[str, Any]) -> Recipe:
        """Recipe ``best`` with a variant's fields; overrides lie over all but the epoch factor.

        A learning rate that belongs to a variant's batch is scaled linearly to the batch that an
        override demands.
        """
        overridden = self._overridden()
        values = {**as_table(best), **variant}
        if "batch" in overridden and {"batch", "learning_rate"} <= variant.keys():
            values["learning_rate"] *= overridden["batch"] / variant["batch"]
        recipe = recipe_from({**values, **overridden, "name": stage.name}, stage.name)
        return dataclasses.replace(recipe, epochs=best.epochs * stage.epoch_factor)

    def student(
        self, best: Recipe, seeds: Sequence[int], variant: Mapping[str, Any], name: str
    ) -> Recipe:
        """Student recipe: ``best`` distilled from the members of ``seeds``.

        ``fast`` has half the width and no enlarged input.
        """
        teachers = tuple(str(self.folder(best, seed) / "last.pt") for seed in seeds)
        values = {**as_table(best), "teacher": teachers, **variant, "name": name}
        if name == "fast":
            values |= {"width": max(1, best.width // 2), "input_px": 0}
        return recipe_from(values, name)

    def member_seeds(self) -> tuple[int, ...]:
        """Seeds of the ensemble's members: the search's seeds first, then further ones."""
        more = (seed for seed in range(1, self.members + len(self.seeds) + 1))
        return tuple(dict.fromkeys((*self.seeds, *more)))[: self.members]

    def folder(self, recipe: Recipe, seed: int) -> Path:
        """Folder of the run of ``recipe`` with ``seed``."""
        return self.runs / self.key(recipe) / f"seed{seed}"

    def key(self, recipe: Recipe) -> str:
        """Key of a recipe whatever its seed: the stage's name and a digest of the fields."""
        values = {k: v for k, v in as_table(recipe).items() if k not in ("name", "seed")}
        # the same members in another folder are the same teachers
        values["teacher"] = [str(Path(*Path(place).parts[-3:])) for place in recipe.teacher]
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        return f"{recipe.name.replace(' ', '-')}-{digest[:8]}"

    def _overridden(self) -> dict[str, Any]:
        names = [override.partition("=")[0].strip() for override in self.overrides]
        baseline = as_table(self.baseline())
        return {name: baseline[name] for name in names}


def changed_fields(recipe: Recipe, plan: Plan) -> str:
    """Fields in which ``recipe`` differs from the baseline, as ``field=value`` texts."""
    baseline = as_table(plan.baseline())
    ignored = ("name", "seed", "teacher")
    pairs = [
        f"{key}={value}"
        for key, value in as_table(recipe).items()
        if key not in ignored and value != baseline[key]
    ]
    return ", ".join(pairs) or "the paper's recipe"


def as_toml(recipe: Recipe) -> str:
    """TOML text that ``--preset`` reads: the recipe's name and all fields that are no default."""
    defaults = as_table(Recipe())
    lines = [f"name = {json.dumps(recipe.name)}"]
    for key, value in as_table(recipe).items():
        if key == "name" or value == defaults[key]:
            continue
        plain = list(value) if isinstance(value, tuple) else value
        lines.append(f"{key} = {json.dumps(plain)}")
    return "\n".join(lines) + "\n"
