"""MediaPipe's face detection networks as ONNX: ``python scripts/convert_detectors.py TFLITE OUT``.

MediaPipe's own program looks at one square at a time, through its own graph of tasks. As ONNX the
same networks run in ferdesk's one runtime, several pictures at once and pictures of any size; the
short range of 128 pixels only (``--fixed``). The weights are those of the TFLite file, half
precision as they are stored there.

Needs ``ai-edge-litert``, ``tflite``, ``onnx`` and ``onnxruntime``. Says by how much the outputs
differ from those of the TFLite file.
"""

# ruff: noqa: T201
import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import tflite
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from onnx import TensorProto, helper, numpy_helper

SOURCE = "MediaPipe face detection, Google, Apache-2.0; converted from TFLite, weights unchanged"
_BLOCK = 8
"""ONNX Runtime's kernels take channels by eight; others are stored with zeros behind them."""
_OPERATORS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if name.isupper()}
_RELU = 1


class Source:
    """A TFLite file: its operators in order, and its constants with sparse weights filled in."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._model = tflite.Model.GetRootAs(self.content, 0)
        self.graph = self._model.Subgraphs(0)
        # the interpreter unpacks sparse and half-precision weights while it runs
        self._interpreter = Interpreter(
            model_content=self.content,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self._interpreter.invoke()

    def operators(self):
        """Name, inputs, output and options of each; those that only unpack weights are left out."""
        for index in range(self.graph.OperatorsLength()):
            operator = self.graph.Operators(index)
            code = self._model.OperatorCodes(operator.OpcodeIndex())
            name = _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            if name not in ("DEQUANTIZE", "DENSIFY"):
                inputs = [operator.Inputs(i) for i in range(operator.InputsLength())]
                yield name, inputs, operator.Outputs(0), operator.BuiltinOptions()

    def constant(self, tensor: int) -> np.ndarray:
        return np.array(self._interpreter.get_tensor(tensor))

    def shape(self, tensor: int) -> list[int]:
        return [int(n) for n in self.graph.Tensors(tensor).ShapeAsNumpy()]


def _options(kind: type, table):
    options = kind()
    options.Init(table.Bytes, table.Pos)
    return options


def stored_channels(source: Source) -> dict[int, int]:
    """How many channels each tensor is stored with: eights, and the same along a residual path.

    Where channels were added between two blocks by padding, the tensor before has them already, as
    zeros, so that nothing has to be moved.
    """
    parent: dict[int, int] = {}

    def find(tensor: int) -> int:
        while parent.setdefault(tensor, tensor) != tensor:
            tensor = parent[tensor]
        return tensor

    pooled = set()
    for name, inputs, output, _ in source.operators():
        if name == "MAX_POOL_2D":
            pooled.add(output)
        if name == "PAD" and (inputs[0] in pooled or inputs[0] == source.graph.Inputs(0)):
            continue
        if name in ("ADD", "RELU", "PRELU", "PAD", "DEPTHWISE_CONV_2D", "MAX_POOL_2D"):
            for tensor in inputs if name == "ADD" else inputs[:1]:
                parent[find(tensor)] = find(output)
    most: dict[int, int] = defaultdict(int)
    for tensor in parent:
        most[find(tensor)] = max(most[find(tensor)], source.shape(tensor)[-1])
    return {
        tensor: -(-most[find(tensor)] // _BLOCK) * _BLOCK
        for tensor in parent
        if most[find(tensor)] >= _BLOCK
    }


class Conversion:
    """The ONNX graph as it grows."""

    def __init__(
        self, source: Source, channels: dict[int, int] | None = None, *, fixed: bool = False
    ) -> None:
        self.source = source
        self._fixed = fixed
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.channels = stored_channels(source) if channels is None else channels

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weights(self, values: np.ndarray) -> str:
        """A constant in half precision, which the runtime widens once."""
        name = f"w{len(self.constants)}"
        half = values.astype(np.float16)
        assert np.array_equal(half.astype(np.float32), values), "weights were half precision"
        self.constants.append(numpy_helper.from_array(half, name))
        return self.node("Cast", [name], name + "_wide", to=TensorProto.FLOAT)

    def exact(self, values: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def width(self, tensor: int) -> int:
        return self.channels.get(tensor, self.source.shape(tensor)[-1])

    def convert(self) -> onnx.ModelProto:
        source, graph = self.source, self.source.graph
        self.begin("pictures", graph.Inputs(0), middle=127.5, reach=127.5)
        self.operators()
        # outputs take the place of inputs where the runtime knows that their sizes are the same
        sides = source.shape(graph.Inputs(0))[1:3] if self._fixed else ["h", "w"]
        ends = {source.shape(graph.Outputs(i))[-1]: graph.Outputs(i) for i in range(2)}
        for end, tensor in (("boxes", ends[16]), ("scores", ends[1])):
            self.node("Identity", [_name(tensor)], end)
        return self.model(
            "face_detection",
            [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", *sides, 3])],
            [
                helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", "anchors", 16]),
                helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", "anchors", 1]),
            ],
            SOURCE,
        )

    def begin(self, name: str, tensor: int, middle: float, reach: float) -> None:
        """Pictures [n, h, w, 3] uint8 as they come, for a convolution of (value - middle) / reach.

        Colours that lie beside each other are one channel of rows [n, 1, h, 3 w] for a convolution
        whose kernel, stride and padding are three times as wide: the same sum, and nothing is
        transposed. ``reach`` goes into its weights. (Landmarks: 5.4 ms instead of 5.6.)
        """
        self._picture, self._reach = tensor, reach
        # a 0 keeps the size as it is named; -1 would be a size of its own, and ONNX Runtime would
        # no longer know which outputs may take the place of an input
        self.node("Reshape", [name, self.exact(np.array([0, 0, -1], np.int64))], "flat")
        self.node("Unsqueeze", ["flat", self.exact(np.array([1], np.int64))], "rows")
        self.node("Cast", ["rows"], "wide", to=TensorProto.FLOAT)
        self.node("Sub", ["wide", self.exact(np.float32(middle))], _name(tensor))

    def operators(self) -> None:
        """All operators of the source in their order; each has a method of its name."""
        self._beside: dict[int, tuple[str, list[int]]] = {}
        self._last: dict[int, str] = {}
        self._fewer: dict[int, int] = {}
        for name, inputs, output, table in self.source.operators():
            getattr(self, "_" + name.lower())(inputs, output, table)

    def model(self, name: str, inputs, outputs, source: str) -> onnx.ModelProto:
        made = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        model.doc_string = source
        onnx.checker.check_model(model)
        return model

    def _activated(self, code: int, output: int, name: str) -> None:
        assert code in (0, _RELU), f"activation {code}"
        if code:
            self.node("Relu", [name], _name(output))

    def _conv(self, inputs, output, options, weights: np.ndarray, groups: int) -> None:
        """Weights [out, in / groups, h, w]; zeros are put where channels are only stored."""
        tensor, bias = inputs[0], self.source.constant(inputs[2])
        num_out, num_in = self.width(output), 1 if groups > 1 else self.width(tensor)
        filled = np.zeros((num_out, num_in, *weights.shape[2:]), np.float32)
        filled[: weights.shape[0], : weights.shape[1]] = weights
        bias = np.concatenate([bias, np.zeros(num_out - len(bias), np.float32)])
        _, height, width, _ = self.source.shape(tensor)
        before, pads = self._beside.get(tensor, (_name(tensor), [0, 0, 0, 0]))
        if options.Padding() == tflite.Padding.SAME:
            top, bottom = _same(height, weights.shape[2], options.StrideH())
            left, right = _same(width, weights.shape[3], options.StrideW())
            pads = [top, left, bottom, right]
        strides = [options.StrideH(), options.StrideW()]
        if before == _name(self._picture):
            # three values a pixel, in a row
            rows = filled.transpose(0, 2, 3, 1).reshape(num_out, 1, weights.shape[2], -1)
            reach = self.exact(np.float32(1 / self._reach))
            weighed = self.node("Mul", [self.weights(rows), reach], "weighed")
            strides[1], pads = strides[1] * 3, [pads[0], pads[1] * 3, pads[2], pads[3] * 3]
        else:
            weighed = self.weights(filled)
        code = options.FusedActivationFunction()
        name = _name(output) + ("_raw" if code else "")
        self.node(
            "Conv", [before, weighed, self.weights(bias)], name,
            strides=strides, pads=pads, group=num_out if groups > 1 else 1,
        )  # fmt: skip
        self._activated(code, output, name)

    def _conv_2d(self, inputs, output, table) -> None:
        weights = self.source.constant(inputs[1]).transpose(0, 3, 1, 2)
        self._conv(inputs, output, _options(tflite.Conv2DOptions, table), weights, 1)

    def _depthwise_conv_2d(self, inputs, output, table) -> None:
        weights = self.source.constant(inputs[1]).transpose(3, 0, 1, 2)
        options = _options(tflite.DepthwiseConv2DOptions, table)
        self._conv(inputs, output, options, weights, len(weights))

    def _add(self, inputs, output, table) -> None:
        code = _options(tflite.AddOptions, table).FusedActivationFunction()
        for one, other in zip(inputs, inputs[::-1], strict=True):
            if one in self._fewer:
                self._add_fewer(self._fewer[one], other, output, code)
                return
        name = _name(output) + ("_raw" if code else "")
        self.node("Add", [_name(tensor) for tensor in inputs], name)
        self._activated(code, output, name)

    def _add_fewer(self, fewer: int, tensor: int, output: int, code: int) -> None:
        """Sum of a convolution and of fewer channels: of two convolutions one has a sum.

        Zeros for the other channels would first have to be made, by a convolution. (Landmarks: 5.4
        ms instead of 5.5.)
        """
        (conv,) = (node for node in self.nodes if node.output[0] == _name(tensor))
        attributes = {one.name: helper.get_attribute_value(one) for one in conv.attribute}
        assert conv.op_type == "Conv"
        assert attributes == {"strides": [1, 1], "pads": [0, 0, 0, 0], "group": 1}
        self.nodes.remove(conv)
        parts = []
        for part, first, end in (
            ("_first", 0, self.width(fewer)),
            ("_rest", self.width(fewer), self.width(output)),
        ):
            name = _name(tensor) + part
            bounds = [self.exact(np.array([at], np.int64)) for at in (first, end)]
            constants = [
                self.node("Slice", [constant, *bounds], name + of)
                for constant, of in zip(conv.input[1:], ("_weights", "_bias"), strict=True)
            ]
            last = self.node("Conv", [conv.input[0], *constants], name)
            if not parts:
                last = self.node("Add", [last, _name(fewer)], name + "_sum")
            parts.append(self.node("Relu", [last], name + "_bent") if code else last)
        self.node("Concat", parts, _name(output), axis=1)

    def _relu(self, inputs, output, table) -> None:
        self.node("Relu", [_name(inputs[0])], _name(output))

    def _pad(self, inputs, output, table) -> None:
        amounts = self.source.constant(inputs[1])
        if amounts[3].any():
            self._widen(inputs[0], output)
        else:
            # the convolution that follows pads for itself
            (top, bottom), (left, right) = amounts[1], amounts[2]
            pads = [int(n) for n in (top, left, bottom, right)]
            self._beside[output] = (_name(inputs[0]), pads)

    def _widen(self, tensor: int, output: int) -> None:
        """More channels, which are zeros: stored already, or left to the sum that follows."""
        if self.width(tensor) == self.width(output):
            self.node("Identity", [_name(tensor)], _name(output))
        else:
            self._fewer[output] = tensor

    def _max_pool_2d(self, inputs, output, table) -> None:
        options = _options(tflite.Pool2DOptions, table)
        sides = [options.FilterHeight(), options.FilterWidth()]
        strides = [options.StrideH(), options.StrideW()]
        assert sides == strides, "windows without overlap"
        self.node("MaxPool", [_name(inputs[0])], _name(output), kernel_shape=sides, strides=strides)

    def _resize_bilinear(self, inputs, output, table) -> None:
        assert _options(tflite.ResizeBilinearOptions, table).HalfPixelCenters()
        old, new = self.source.shape(inputs[0]), self.source.shape(output)
        scales = np.array([1, 1, new[1] / old[1], new[2] / old[2]], np.float32)
        self.node(
            "Resize", [_name(inputs[0]), "", self.exact(scales)], _name(output), mode="linear"
        )

    def _depth_to_space(self, inputs, output, table) -> None:
        """Channels (y, x, c) become pixels; written for channels last, in which a reshape follows.

        There pixels change places as a whole, and a transpose is needed anyway. (4.4 ms instead of
        4.5 for the full range.)
        """
        block = _options(tflite.DepthToSpaceOptions, table).BlockSize()
        name, width = _name(output), self.source.shape(output)[-1]
        last = self.node("Transpose", [_name(inputs[0])], name + "_last", perm=[0, 2, 3, 1])
        rows = self.exact(np.array([0, 0, 0, block, block * width], np.int64))
        self.node("Reshape", [last, rows], name + "_rows")
        self.node("Transpose", [name + "_rows"], name + "_pixels", perm=[0, 1, 3, 2, 4])
        self._last[output] = name + "_pixels"

    def _reshape(self, inputs, output, table) -> None:
        if inputs[0] in self._last:
            flat = self._last[inputs[0]]
        else:
            flat = self.node(
                "Transpose", [_name(inputs[0])], _name(output) + "_nhwc", perm=[0, 2, 3, 1]
            )
        shape = self.exact(np.array([0, -1, self.source.shape(output)[-1]], np.int64))
        self.node("Reshape", [flat, shape], _name(output))

    def _concatenation(self, inputs, output, table) -> None:
        self.node("Concat", [_name(tensor) for tensor in inputs], _name(output), axis=1)


def _name(tensor: int) -> str:
    return f"t{tensor}"


def _same(length: int, kernel: int, stride: int) -> tuple[int, int]:
    assert stride == 1 or length % stride == 0, "the same padding at every size"
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def difference(content: bytes, model: bytes) -> dict[str, float]:
    """The largest difference of each output on a picture of noise."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    shape = interpreter.get_input_details()[0]["shape"]
    picture = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    interpreter.set_tensor(0, (picture.astype(np.float32) / 127.5 - 1).astype(np.float32))
    interpreter.invoke()
    wanted = {
        details["shape"][-1]: interpreter.get_tensor(details["index"])
        for details in interpreter.get_output_details()
    }
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    boxes, scores = session.run(["boxes", "scores"], {"pictures": picture})
    return {
        "boxes": float(np.abs(boxes - wanted[16]).max()),
        "scores": float(np.abs(scores - wanted[1]).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Face detection networks from TFLite to ONNX.")
    parser.add_argument("tflite", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--fixed", action="store_true", help="of one size only (short range: 1.5 ms instead of 1.7)"
    )
    options = parser.parse_args()
    source = Source(options.tflite.read_bytes())
    content = Conversion(source, fixed=options.fixed).convert().SerializeToString()
    options.out.write_bytes(content)
    print(f"{options.out}: {len(content):,} bytes, off by {difference(source.content, content)}")


if __name__ == "__main__":
    main()
