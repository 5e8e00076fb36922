"""Networks that others learn from: checkpoints, runs or exported files, asked once or always.

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
from trainer.cache import read_arrays, write_arrays
from trainer.checkpoint import load_checkpoint
from trainer.config import Recipe, recipe_from
from trainer.data import Fer2013
from trainer.errors import TrainingStopped
from trainer.evaluate import (
    Views,
    file_sha256,
    shift_of,
    softmax,
    torch_classifier,
    torch_crowd,
    view_logits,
)
from trainer.models import Network
from trainer.networks import build_network
from trainer.start import load_start

_PART = 1024
"""Faces after which what was said is written down."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """A trained network: its recipe, its weights, its file and the digest of that."""

    recipe: Recipe
    weights: dict[str, Tensor]
    temperature: float
    """Divides its logits; 1 for a checkpoint, which has none yet."""
    place: str
    sha256: str
    crowd_temperature: float = 1.0
    """Divides its second head's logits, where it has one."""

    @property
    def has_crowd(self) -> bool:
        """Whether it also says how people would vote."""
        return self.recipe.architecture.crowd

    def network(self) -> Network:
        """In eval mode, with logits as calibrated as its file's."""
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
    """A teacher from a checkpoint (.pt), a run's folder, or a model that ferdesk exported (.onnx).

    Of a folder the checkpoint counts that the run's own rule chooses.

    Raises:
        DataError: missing, broken, an int8 model, or of another view than ``student``'s where
            both must look at the same one.
    """
    path = _file_of(place)
    if path.suffix == ".onnx":
        start = load_start(path)
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
            f"The teacher {place} looks at {found.recipe.crop_px} pixels, the student at "
            f"{student.crop_px}; both must see the same view (or set distill_view=ten)."
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


def opinion(
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
    """The teachers' mean probabilities for Training, [N, 7], at the temperature of distillation.

    With ``crowd`` those of their second heads, how people would vote, at temperature 1.

    Each looks at the faces as they are, by ``recipe.distill_view``. What one has said is kept in
    ``folder``, part by part, so that a run that goes on asks nobody twice.

    Raises:
        TrainingStopped: ``stop_requested``.
        ValueError: they are to see the student's own views.
    """
    if recipe.distill_view == "same":
        raise ValueError("teachers of the same view are asked at each step")
    views: Views = recipe.distill_view
    pixels = data.splits["training"].pixels
    total = np.zeros((len(pixels), NUM_LABELS))
    for number, teacher in enumerate(teachers):
        words = [teacher.sha256, data.sha256, recipe.distill_view, len(pixels)]
        if crowd:
            words.append("crowd")
        key = hashlib.sha256(json.dumps(words).encode()).hexdigest()
        path = folder / f"taught-{key[:16]}.npz"
        arrays = read_arrays(path, ("logits",))
        said = np.zeros((0, NUM_LABELS)) if arrays is None else arrays["logits"]
        if len(said) < len(pixels):
            notice(
                f"Teacher {number + 1} of {len(teachers)}, {teacher.place}, looks at the "
                f"{len(pixels) - len(said)} faces ({recipe.distill_view}), once."
            )
        by_head = torch_crowd if crowd else torch_classifier
        classify = by_head(teacher.network().to(device), teacher.recipe.crop_px)
        shift_px = shift_of(teacher.recipe.crop_px)
        while len(said) < len(pixels):
            if stop_requested():
                raise TrainingStopped(
                    f"Stopped while teachers looked; what they said is in {folder}: --resume "
                    "goes on from there."
                )
            part = pixels[len(said) : len(said) + _PART]
            said = np.concatenate([said, view_logits(classify, part, views, shift_px)])
            write_arrays(path, {"logits": said.astype(np.float32)})
        temperature = 1.0 if crowd else recipe.distill_temperature
        total += softmax(said.astype(np.float32).astype(np.float64) / temperature)
    return (total / len(teachers)).astype(np.float32)
