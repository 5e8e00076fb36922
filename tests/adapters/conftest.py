"""Small model files and pictures that the adapters' tests need."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.labels import LABELS

METADATA = {
    "ferdesk.schema": "1",
    "labels": json.dumps(list(LABELS)),
    "name": "tiny",
    "version": "1",
    "architecture": "a mean and a matrix",
    "trained_on": "nothing",
    "accuracy": "{}",
    "licence": "MIT",
    "map_region": "[2, 2, 44, 44]",
    "map_stride": '{"attention": 8, "attention_mid": 2, "cam": 8}',
    "map_range": '{"attention": [0, 1], "attention_mid": [0, 1], "cam": [-1, 1]}',
}

ModelMaker = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path) -> ModelMaker:
    """Writes an ONNX file: logits are the mean grey value times (0, 1, ... 6) / 255."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    def make(
        *,
        metadata: dict[str, str | None] | None = None,
        num_labels: int = 7,
        input_name: str = "faces",
        output_name: str = "logits",
        with_map: bool = True,
        crowd_labels: int = 0,
        side: int = 48,
    ) -> Path:
        weight = (np.arange(num_labels, dtype=np.float32) / 255)[None]
        initializers = [
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(np.array([2, 3], np.int64), "axes"),
            numpy_helper.from_array(np.array(1 / 255, np.float32), "scale"),
        ]
        nodes = [
            helper.make_node("ReduceMean", [input_name, "axes"], ["mean"], keepdims=0),
            helper.make_node("MatMul", ["mean", "weight"], [output_name]),
        ]
        outputs = [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, ["n", num_labels])]
        if crowd_labels:  # the opposite of the logits
            minus = -np.arange(crowd_labels, dtype=np.float32)[None] / 255
            initializers.append(numpy_helper.from_array(minus, "minus"))
            nodes.append(helper.make_node("MatMul", ["mean", "minus"], ["crowd"]))
            outputs.append(
                helper.make_tensor_value_info("crowd", TensorProto.FLOAT, ["n", crowd_labels])
            )
        if with_map:
            nodes.append(
                helper.make_node(
                    "AveragePool", [input_name], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]
                )
            )
            nodes.append(helper.make_node("Mul", ["pooled", "scale"], ["attention"]))
            outputs.append(
                helper.make_tensor_value_info(
                    "attention", TensorProto.FLOAT, ["n", 1, side // 8, side // 8]
                )
            )
        faces = helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["n", 1, side, side])
        graph = helper.make_graph(nodes, "tiny", [faces], outputs, initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        model.ir_version = 9
        for key, value in {**METADATA, **(metadata or {})}.items():
            if value is not None:
                model.metadata_props.add(key=key, value=value)
        checker.check_model(model)
        path = tmp_path / "tiny.onnx"
        save(model, path)
        return path

    return make
