"""Training begins from a checkpoint's weights, or from those inside a model that the app opens."""

import dataclasses
from pathlib import Path

import pytest
import torch

from ferdesk.errors import DataError
from trainer.data.fer2013 import Fer2013
from trainer.delivery.export import Identity, export
from trainer.recipes.config import Recipe
from trainer.training.initial_weights import load_initial_weights
from trainer.training.loop import fit

# seconds of work; a busy machine may take many times that
pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(("pool", "loss"), [("gap", "softmax"), ("paper", "a-softmax")])
def test_an_exported_model_gives_back_its_networks_weights(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, pool: str, loss: str
) -> None:
    recipe = dataclasses.replace(tiny_recipe, pool=pool, loss=loss, epochs=1)  # type: ignore[arg-type]
    checkpoint = fit(recipe, tiny_data, tmp_path / "run")
    path = tmp_path / "model.onnx"
    export(checkpoint, Identity("model", "1"), tiny_data.splits["public"], path, half_weights=False)

    start = load_initial_weights(path)  # proves that it answers as the file does

    assert start.shape["width"] == 4
    assert start.shape["pool"] == pool
    assert start.temperature is not None
    for name, value in checkpoint.weights.items():
        if name.startswith("head.") or name.endswith("num_batches_tracked"):
            continue
        assert torch.equal(start.weights[name], value), name
    head = checkpoint.model().class_weight()
    torch.testing.assert_close(start.weights["head.weight"], head, atol=1e-5, rtol=1e-4)


def test_the_shipped_model_can_be_trained_further() -> None:
    start = load_initial_weights(Path(__file__).parents[2] / "assets" / "models" / "fast.onnx")
    assert start.shape["width"] == 32


def test_training_starts_where_the_checkpoint_ended(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    first = fit(tiny_recipe, tiny_data, tmp_path / "first")
    start = load_initial_weights(tmp_path / "first" / "last.pt")
    still = dataclasses.replace(tiny_recipe, learning_rate=1e-9, weight_decay=0.0, epochs=1)
    second = fit(still, tiny_data, tmp_path / "second", start=start.weights, max_steps=1)
    torch.testing.assert_close(second.weights["stem.weight"], first.weights["stem.weight"])
    # another loss has another last layer, which begins anew
    angular = dataclasses.replace(still, loss="a-softmax")
    third = fit(angular, tiny_data, tmp_path / "third", start=start.weights, max_steps=1)
    torch.testing.assert_close(third.weights["stem.weight"], first.weights["stem.weight"])


def test_weights_of_another_network_are_refused(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    start = fit(tiny_recipe, tiny_data, tmp_path / "first", max_steps=1).weights
    for values in ({"width": 8}, {"attention": "none"}):
        other = dataclasses.replace(tiny_recipe, **values)
        with pytest.raises(DataError, match="are of another network"):
            fit(other, tiny_data, tmp_path / "other", start=start)
        assert not (tmp_path / "other" / "last.pt").exists()


def test_a_model_without_our_weights_asks_for_a_checkpoint(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    faces = helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 1, 48, 48])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1])
    node = helper.make_node("ReduceMean", ["faces", "axes"], ["logits"], keepdims=0)
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    graph = helper.make_graph([node], "means", [faces], [logits], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(DataError, match=r"no weights that can be trained .* give a checkpoint"):
        load_initial_weights(tmp_path / "other.onnx")
