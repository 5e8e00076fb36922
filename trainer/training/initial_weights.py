"""Initial weights of a run, from a checkpoint or from a model that ferdesk exported."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ferdesk.errors import DataError
from trainer.models.network import Network
from trainer.recipes.config import Recipe, recipe_from
from trainer.training.checkpoint import load_checkpoint

_CROWD = "crowd_head."
PARITY = 1e-3
"""Largest allowed difference between the file's logits and those of the network made from it."""


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """Initial ``weights`` of a network, and the recipe fields that such a network needs.

    ``temperature`` divides the logits, where the source has one. ``crowd`` are the crowd head's
    weights, empty where the source has none, and ``crowd_temperature`` divides its logits.
    """

    weights: dict[str, Tensor]
    shape: dict[str, Any]
    temperature: float | None
    source: str
    crowd: dict[str, Tensor] = field(default_factory=dict)
    crowd_temperature: float = 1.0

    def both_heads(self) -> dict[str, Tensor]:
        """Weights with the crowd head's, as ``fit`` takes them."""
        return {**self.weights, **self.crowd}


def load_initial_weights(path: Path) -> InitialWeights:
    """Initial weights from a checkpoint (``.pt``) or an exported model (``.onnx``).

    Raises:
        DataError: missing, broken, of another program, or an int8 model, which has no weights
            that could be trained further.
    """
    if path.suffix == ".onnx":
        return _from_onnx(path)
    checkpoint = load_checkpoint(path)
    found = checkpoint.evaluated_weights()
    crowd = {name: value for name, value in found.items() if name.startswith(_CROWD)}
    weights = {name: value for name, value in found.items() if name not in crowd}
    return InitialWeights(weights, shape_of(checkpoint.recipe), None, path.name, crowd)


def initialise(model: Network, start: dict[str, Tensor]) -> None:
    """Initialise ``model`` from the weights ``start``; a last layer of another shape stays random.

    Raises:
        DataError: the networks differ in more than that.
    """
    own = model.state_dict()
    fitting = {
        name: value
        for name, value in start.items()
        if name in own and own[name].shape == value.shape
    }
    heads = ("head.", _CROWD)
    strange = [name for name in {*own, *start} - fitting.keys() if not name.startswith(heads)]
    if strange:
        raise DataError(
            f"The weights to start from are of another network ({min(strange)} does not fit); "
            "choose the preset, width and attention of the run that they come from."
        )
    model.load_state_dict({**own, **fitting})


def shape_of(recipe: Recipe) -> dict[str, Any]:
    """Recipe fields that determine the weights' shapes and the network's input."""
    return {
        "system": recipe.system, "width": recipe.width, "attention": recipe.attention,
        "pool": recipe.pool, "loss": recipe.loss, "crop_px": recipe.crop_px,
        "input_px": recipe.input_px,
    }  # fmt: skip


def _from_onnx(path: Path) -> InitialWeights:
    """The named weights inside the graph; the last layer's are cam's, times what divides them."""
    import onnx
    from onnx import numpy_helper

    from trainer.scoring.evaluate import onnx_classifier
    from trainer.training.build import build_network

    classify = onnx_classifier(path)  # refuses what is no model of ours
    graph = onnx.load(path).graph
    table = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    try:
        text, temperature = metadata["architecture"], float(metadata["temperature"])
        attention = re.search(r"attention ([a-z-]+)", text)
        pool = re.search(r"pooling (gap|paper)", text)
        stem = table.get("model.stem.weight", table.get("model.stem.weight.half"))
        (cam,) = [node for node in graph.node if "cam" in node.output]
        if attention is None or pool is None or stem is None:
            raise KeyError("architecture")
        shape = {
            "system": "cbam-resnet", "width": int(stem.shape[0]), "attention": attention.group(1),
            "pool": pool.group(1), "loss": "softmax",
            "crop_px": int(json.loads(metadata["crop"])["inner_px"]),
            "input_px": int(json.loads(metadata["crop"]).get("input_px", 0)),
        }  # fmt: skip
        recipe = recipe_from(shape, str(path))
        network = build_network(recipe)
        weights = network.state_dict()
        for name in weights:
            value = table.get(f"model.{name}", table.get(f"model.{name}.half"))
            if value is not None:
                weights[name] = torch.from_numpy(value.astype(np.float32))
            elif not (name.endswith("num_batches_tracked") or name.startswith("head.")):
                raise KeyError(name)
        side = recipe.input_px or recipe.crop_px
        cells = 16 if recipe.pool == "paper" else ((side + 7) // 8) ** 2
        weights |= _head("head", cam, table, metadata["cam_bias"], cells, temperature)
        network.load_state_dict(weights)
        crowd: dict[str, Tensor] = {}
        crowd_temperature = float(metadata.get("crowd_temperature", 1.0))
        for node in graph.node:
            if "crowd_cam" in node.output:
                text = metadata["crowd_cam_bias"]
                crowd = _head("crowd_head", node, table, text, cells, crowd_temperature)
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
        raise DataError(
            f"{path} holds no weights that can be trained further (an int8 model, or one that "
            "ferdesk-train did not export); give a checkpoint, last.pt or best.pt."
        ) from error
    _check_parity(network, recipe.crop_px, temperature, classify, path)
    return InitialWeights(weights, shape, temperature, path.name, crowd, crowd_temperature)


def _head(
    name: str,
    node: Any,  # noqa: ANN401, onnx has no types
    table: Mapping[str, NDArray[Any]],
    bias: str,
    cells: int,
    temperature: float,
) -> dict[str, Tensor]:
    """Weights of a last layer, from the convolution that makes its class activation."""
    kernel = table.get(node.input[1], table.get(f"{node.input[1]}.half"))
    if kernel is None:
        raise KeyError(name)
    weight = kernel[:, :, 0, 0].astype(np.float32) * (temperature * cells)
    return {
        f"{name}.weight": torch.from_numpy(weight),
        f"{name}.bias": torch.from_numpy(np.array(json.loads(bias), np.float32) * temperature),
    }


def _check_parity(
    network: torch.nn.Module,
    crop_px: int,
    temperature: float,
    classify: Any,  # noqa: ANN401
    path: Path,
) -> None:
    """Check that the rebuilt network gives the file's logits on random pixels."""
    from trainer.scoring.evaluate import torch_classifier

    pixels = np.random.default_rng(0).integers(0, 256, (8, 48, 48), dtype=np.uint8)
    network.eval()
    ours = torch_classifier(network, crop_px, temperature)(pixels)  # type: ignore[arg-type]
    difference = float(np.abs(ours - classify(pixels)).max())
    if not difference <= PARITY:
        raise DataError(
            f"The network rebuilt from {path} differs from it by {difference:.2g} (at most "
            f"{PARITY} is allowed); give a checkpoint, last.pt or best.pt."
        )
