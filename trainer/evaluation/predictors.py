"""Predictors from a checkpoint (.pt), an exported model (.onnx) or SVMs (.npz)."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ferdesk.errors import DataError
from trainer.recipes.config import Recipe
from trainer.scoring.evaluate import (
    Classifier,
    onnx_classifier,
    onnx_crop_px,
    onnx_crowd,
    open_session,
    torch_classifier,
    torch_crowd,
)
from trainer.training.checkpoint import load_checkpoint, weights_sha256

SUFFIXES = (".pt", ".onnx", ".npz")


@dataclass(frozen=True, slots=True)
class About:
    """Description of a model file; ``recipe`` and ``data_sha256`` are None for an exported model.

    ``description`` is one line for people; ``commit`` is ``unknown`` where the file has none.
    ``weights_sha256`` is of a checkpoint's weights, whatever file they lie in.
    """

    name: str
    description: str
    recipe: Recipe | None
    commit: str
    data_sha256: str | None
    weights_sha256: str | None = None


class Loaded(NamedTuple):
    """Loaded predictor: ``classify`` takes faces [N, 48, 48] uint8 to logits [N, 7] float64.

    ``crop_px`` is the side of the centre that it looks at, from which the ten views follow.
    ``crowd`` is as ``classify``, by the crowd head; None where the model has none.
    """

    classify: Classifier
    crop_px: int
    about: About
    crowd: Classifier | None = None


def load_classifier(path: Path, device: str = "cpu") -> Loaded:
    """Predictor from a checkpoint, an exported model or SVMs, by the file's ending.

    Args:
        path: of the file.
        device: where torch runs a checkpoint; the others run on the CPU.

    Raises:
        DataError: the file is missing, broken, not one of ours, or has another ending.
    """
    if path.suffix == ".pt":
        checkpoint = load_checkpoint(path, device)
        recipe = checkpoint.recipe
        model = checkpoint.model().to(device)
        text = f"{recipe.system}, width {recipe.width}, {recipe.loss}, step {checkpoint.step}"
        about = About(
            recipe.name, text, recipe, checkpoint.commit, checkpoint.data_sha256,
            weights_sha256(checkpoint.evaluated_weights()),
        )  # fmt: skip
        crowd = None if model.crowd_head is None else torch_crowd(model, recipe.crop_px)
        return Loaded(torch_classifier(model, recipe.crop_px), recipe.crop_px, about, crowd)
    if path.suffix == ".npz":
        from trainer.training.svm import load_shallow

        svms = load_shallow(path)
        text = f"{svms.recipe.system}, {len(svms.mean)} features, C = {svms.c:g}"
        about = About(svms.recipe.name, text, svms.recipe, svms.commit, svms.data_sha256)
        return Loaded(svms.classify, svms.recipe.crop_px, about)
    if path.suffix == ".onnx":
        metadata = open_session(path).get_modelmeta().custom_metadata_map
        name, text = metadata.get("name", path.stem), metadata.get("architecture", "unknown")
        about = About(name, text, None, metadata.get("commit", "unknown"), None)
        return Loaded(onnx_classifier(path), onnx_crop_px(path), about, onnx_crowd(path))
    raise DataError(f"{path} is none of {', '.join(SUFFIXES)}; give a model that was trained here.")
