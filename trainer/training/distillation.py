"""Knowledge distillation: teachers from checkpoints, runs or exported models, and soft targets.

Axes: N faces, K expressions.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ferdesk.core.labels import NUM_LABELS
from ferdesk.errors import DataError
from trainer.data.cache import read_arrays, write_arrays
from trainer.data.fer2013 import Fer2013
from trainer.models.network import Network
from trainer.recipes.config import Recipe, recipe_from
from trainer.scoring.evaluate import (
    Views,
    file_sha256,
    shift_of,
    softmax,
    torch_both_heads,
    torch_classifier,
    view_logits,
)
from trainer.training.build import build_network
from trainer.training.checkpoint import load_checkpoint
from trainer.training.errors import TrainingStopped
from trainer.training.initial_weights import load_initial_weights

_PART = 1024
"""Faces per chunk, after which the logits are saved."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Teacher network: its recipe, weights, file and the file's digest."""

    recipe: Recipe
    weights: dict[str, Tensor]
    temperature: float
    """Divides its logits; 1 for a checkpoint, which has none yet."""
    place: str
    sha256: str
    crowd_temperature: float = 1.0
    """Divides its crowd head's logits, where it has one."""

    @property
    def has_crowd(self) -> bool:
        """Whether it has a crowd head."""
        return self.recipe.architecture.crowd

    def network(self) -> Network:
        """Network in eval mode, with logits calibrated as in the teacher's file."""
        network = build_network(self.recipe)
        network.load_state_dict(self.weights)
        if not network.angular:  # unit rows cannot carry a temperature
            with torch.no_grad():
                network.head.weight.div_(self.temperature)
                if network.head.bias is not None:
                    network.head.bias.div_(self.temperature)
        if network.crowd_head is not None:
            with torch.no_grad():
                network.crowd_head.weight.div_(self.crowd_temperature)
                network.crowd_head.bias.div_(self.crowd_temperature)
        return network.eval()


def load_teacher(place: Path, student: Recipe) -> Teacher:
    """Teacher from a checkpoint (.pt), a run's folder, or a model exported by ferdesk (.onnx).

    Of a folder the checkpoint counts that the run's own rule chooses.

    Raises:
        DataError: missing, broken, an int8 model, or of another view than ``student``'s where
            both must look at the same one.
    """
    path = _file_of(place)
    if path.suffix == ".onnx":
        start = load_initial_weights(path)
        shape = {**start.shape, "name": path.stem}
        if start.crowd:
            shape["crowd_weight"] = 1.0
        found = Teacher(
            recipe_from(shape, str(path)), start.both_heads(), start.temperature or 1.0,
            str(place), file_sha256(path), start.crowd_temperature,
        )  # fmt: skip
    else:
        checkpoint = load_checkpoint(path)
        found = Teacher(
            checkpoint.recipe, checkpoint.evaluated_weights(), 1.0, str(place), file_sha256(path)
        )
    if student.distill_view == "same" and found.recipe.crop_px != student.crop_px:
        raise DataError(
            f"The teacher {place} takes crops of {found.recipe.crop_px} pixels, the student of "
            f"{student.crop_px}; both must take the same view (or set distill_view=ten)."
        )
    return found


def _file_of(place: Path) -> Path:
    if not place.is_dir():
        return place
    last, best = place / "last.pt", place / "best.pt"
    if not last.is_file():
        raise DataError(f"The folder {place} holds no run (no last.pt); give a .pt or .onnx file.")
    chosen_best = best.is_file() and load_checkpoint(last).recipe.select == "public"
    return best if chosen_best else last


def teacher_probabilities(
    teachers: Sequence[Teacher],
    data: Fer2013,
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    notice: Callable[[str], None] = lambda _: None,
    stop_requested: Callable[[], bool] = lambda: False,
    *,
    crowd: bool = False,
) -> NDArray[np.float32]:
    """Soft targets [N, 7] of Training: teachers' mean probabilities at ``distill_temperature``.

    With ``crowd`` those of their crowd heads, at temperature 1. Each sees the unaugmented faces by
    ``recipe.distill_view``. Its logits are saved in ``folder`` chunk by chunk, so that a resumed
    run computes nothing twice.

    Raises:
        TrainingStopped: ``stop_requested``.
        ValueError: the recipe asks for the student's own views.
    """
    if recipe.distill_view == "same":
        raise ValueError("with distill_view=same soft targets are computed at each step")
    views: Views = recipe.distill_view
    pixels = data.splits["training"].pixels
    total = np.zeros((len(pixels), NUM_LABELS))
    for number, teacher in enumerate(teachers):
        words = [teacher.sha256, data.sha256, recipe.distill_view, len(pixels)]
        if teacher.has_crowd:
            words.append("both heads")  # of one run
        width = 2 * NUM_LABELS if teacher.has_crowd else NUM_LABELS
        key = hashlib.sha256(json.dumps(words).encode()).hexdigest()
        path = folder / f"taught-{key[:16]}.npz"
        arrays = read_arrays(path, ("logits",))
        logits = np.zeros((0, width)) if arrays is None else arrays["logits"]
        if len(logits) < len(pixels):
            notice(
                f"Teacher {number + 1} of {len(teachers)}, {teacher.place}: computing soft targets "
                f"of {len(pixels) - len(logits)} faces (views: {recipe.distill_view})."
            )
        by_heads = torch_both_heads if teacher.has_crowd else torch_classifier
        classify = by_heads(teacher.network().to(device), teacher.recipe.crop_px)
        shift_px = shift_of(teacher.recipe.crop_px)
        while len(logits) < len(pixels):
            if stop_requested():
                raise TrainingStopped(
                    f"Stopped while soft targets were computed; they are saved in {folder}: "
                    "--resume continues."
                )
            part = pixels[len(logits) : len(logits) + _PART]
            logits = np.concatenate([logits, view_logits(classify, part, views, shift_px)])
            write_arrays(path, {"logits": logits.astype(np.float32)})
        temperature = 1.0 if crowd else recipe.distill_temperature
        head = slice(NUM_LABELS, None) if crowd else slice(NUM_LABELS)
        total += softmax(logits[:, head].astype(np.float32).astype(np.float64) / temperature)
    return (total / len(teachers)).astype(np.float32)
