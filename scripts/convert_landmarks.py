"""MediaPipe's face landmark networks as ONNX: ``python scripts/convert_landmarks.py TASK OUT_DIR``.

``TASK`` is MediaPipe's ``face_landmarker.task``, an archive. Written are ``face_landmarks.onnx``
(pictures of faces -> 478 points and the presence of a face), ``face_blendshapes.onnx`` (146 of the
points -> 52 movements) and ``canonical_face.npz`` (the face on which the head's pose is measured).
The number of faces is free. Needs what ``convert_detectors.py`` needs, and says by how much the
outputs differ from those of the TFLite files.
"""

# ruff: noqa: T201
import argparse
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import tflite
from ai_edge_litert.interpreter import Interpreter
from convert_detectors import Conversion, Source, _name, _options
from onnx import TensorProto, helper

SOURCE = "MediaPipe face landmarker, Google, Apache-2.0; converted from TFLite, weights unchanged"
NUM_POINTS = 478
_POINTS_SEEN = 146


class LandmarkConversion(Conversion):
    """The landmark network: pictures [n, 256, 256, 3] uint8 -> points, presence."""

    def convert(self) -> onnx.ModelProto:
        graph = self.source.graph
        self.begin("pictures", graph.Inputs(0), np.float32(1 / 255), np.float32(0))
        self.operators()
        # points, presence before the logistic function, and a third that MediaPipe does not use
        points, presence = graph.Outputs(0), graph.Outputs(1)
        assert self.source.shape(points)[-1] == NUM_POINTS * 3
        shape = self.exact(np.array([-1, NUM_POINTS, 3], np.int64))
        self.node("Reshape", [_name(points), shape], "points")
        self.node("Reshape", [_name(presence), self.exact(np.array([-1], np.int64))], "logit")
        self.node("Sigmoid", ["logit"], "presence")
        self._drop_unused("points", "presence")
        return self.model(
            "face_landmarks",
            [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", 256, 256, 3])],
            [
                helper.make_tensor_value_info("points", TensorProto.FLOAT, ["n", NUM_POINTS, 3]),
                helper.make_tensor_value_info("presence", TensorProto.FLOAT, ["n"]),
            ],
            SOURCE,
        )

    def _drop_unused(self, *ends: str) -> None:
        needed, kept = set(ends), []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                needed |= set(node.input)
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = [constant for constant in self.constants if constant.name in needed]

    def _prelu(self, inputs, output, table) -> None:
        """PReLU as (1 - a) relu(x) + a x: two convolutions of one pixel, each channel its own.

        ONNX Runtime keeps channels in blocks for convolutions, and leaves the blocks for a PRelu.
        """
        slopes = self.source.constant(inputs[1]).reshape(-1, 1, 1, 1).astype(np.float32)
        name, before = _name(output), _name(inputs[0])
        assert len(slopes) == self.width(output)
        self.node("Relu", [before], name + "_up")
        for part, of, weights in (("_a", name + "_up", 1 - slopes), ("_b", before, slopes)):
            self.node("Conv", [of, self.exact(weights)], name + part, group=len(slopes))
        self.node("Add", [name + "_a", name + "_b"], name)

    def _logistic(self, inputs, output, table) -> None:
        self.node("Sigmoid", [_name(inputs[0])], _name(output))

    def _reshape(self, inputs, output, table) -> None:
        shape = self.exact(np.array([-1, self.source.shape(output)[-1]], np.int64))
        self.node("Reshape", [_name(inputs[0]), shape], _name(output))


class BlendshapeConversion(Conversion):
    """The blendshape network: points [n, 146, 2] -> [n, 52]. Axes stay as TFLite has them."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, channels={})

    def convert(self) -> onnx.ModelProto:
        graph = self.source.graph
        self.produced = {graph.Inputs(0)}
        self.node("Identity", ["points"], _name(graph.Inputs(0)))
        for name, inputs, output, table in self.source.operators():
            getattr(self, "_" + name.lower())(inputs, output, table)
            self.produced.add(output)
        shape = self.exact(np.array([-1, 52], np.int64))
        self.node("Reshape", [_name(graph.Outputs(0)), shape], "movements")
        return self.model(
            "face_blendshapes",
            [helper.make_tensor_value_info("points", TensorProto.FLOAT, ["n", _POINTS_SEEN, 2])],
            [helper.make_tensor_value_info("movements", TensorProto.FLOAT, ["n", 52])],
            SOURCE,
        )

    def _operand(self, tensor: int) -> str:
        if tensor in self.produced:
            return _name(tensor)
        return self.exact(self.source.constant(tensor).astype(np.float32))

    def _elementwise(self, kind: str, inputs, output) -> None:
        self.node(kind, [self._operand(tensor) for tensor in inputs], _name(output))

    def _add(self, inputs, output, table) -> None:
        self._elementwise("Add", inputs, output)

    def _sub(self, inputs, output, table) -> None:
        self._elementwise("Sub", inputs, output)

    def _mul(self, inputs, output, table) -> None:
        self._elementwise("Mul", inputs, output)

    def _div(self, inputs, output, table) -> None:
        self._elementwise("Div", inputs, output)

    def _sqrt(self, inputs, output, table) -> None:
        self._elementwise("Sqrt", inputs, output)

    def _neg(self, inputs, output, table) -> None:
        self._elementwise("Neg", inputs, output)

    def _logistic(self, inputs, output, table) -> None:
        self._elementwise("Sigmoid", inputs, output)

    def _axes(self, tensor: int) -> list[int]:
        return [int(axis) for axis in np.atleast_1d(self.source.constant(tensor))]

    def _mean(self, inputs, output, table) -> None:
        axes = self._axes(inputs[1])
        self.node("ReduceMean", [_name(inputs[0])], _name(output), axes=axes, keepdims=1)

    def _sum(self, inputs, output, table) -> None:
        axes = self.exact(np.array(self._axes(inputs[1]), np.int64))
        self.node("ReduceSum", [_name(inputs[0]), axes], _name(output), keepdims=1)

    def _squared_difference(self, inputs, output, table) -> None:
        name = _name(output)
        self.node("Sub", [self._operand(tensor) for tensor in inputs], name + "_off")
        self.node("Mul", [name + "_off", name + "_off"], name)

    def _rsqrt(self, inputs, output, table) -> None:
        root = self.node("Sqrt", [_name(inputs[0])], _name(output) + "_root")
        self.node("Reciprocal", [root], _name(output))

    def _transpose(self, inputs, output, table) -> None:
        order = [int(axis) for axis in self.source.constant(inputs[1])]
        self.node("Transpose", [_name(inputs[0])], _name(output), perm=order)

    def _conv_2d(self, inputs, output, table) -> None:
        """A convolution of one pixel is a product with a matrix."""
        options = _options(tflite.Conv2DOptions, table)
        weights = self.source.constant(inputs[1])
        assert weights.shape[1:3] == (1, 1)
        name, code = _name(output), options.FusedActivationFunction()
        matrix = self.weights(np.ascontiguousarray(weights[:, 0, 0].T))
        self.node("MatMul", [_name(inputs[0]), matrix], name + "_product")
        bias = self.exact(self.source.constant(inputs[2]).astype(np.float32))
        added = name + ("_raw" if code else "")
        self.node("Add", [name + "_product", bias], added)
        self._activated(code, output, added)

    def _reshape(self, inputs, output, table) -> None:
        shape = [-1, *self.source.shape(output)[1:]]
        self.node(
            "Reshape", [_name(inputs[0]), self.exact(np.array(shape, np.int64))], _name(output)
        )

    def _strided_slice(self, inputs, output, table) -> None:
        old, new = self.source.shape(inputs[0]), self.source.shape(output)
        cut = [axis for axis in range(1, len(new)) if old[axis] != new[axis]]
        if len(old) != len(new) or not cut:
            # all of it, or one face of one
            self.node("Identity", [_name(inputs[0])], _name(output))
            return
        bounds = [[0] * len(cut), [new[axis] for axis in cut], cut]
        parts = [self.exact(np.array(part, np.int64)) for part in bounds]
        self.node("Slice", [_name(inputs[0]), *parts], _name(output))

    def _concatenation(self, inputs, output, table) -> None:
        """A constant token before those of each face: as many as there are faces."""
        constant, tokens = inputs
        name = _name(output)
        first = self.node("Shape", [_name(tokens)], name + "_faces", end=1)
        ones = self.exact(np.array(self.source.shape(constant)[1:], np.int64))
        shape = self.node("Concat", [first, ones], name + "_shape", axis=0)
        self.node("Expand", [self._operand(constant), shape], name + "_token")
        self.node("Concat", [name + "_token", _name(tokens)], name, axis=2)


def canonical_face(content: bytes) -> dict[str, np.ndarray]:
    """The canonical face of a ``geometry_pipeline_metadata`` file, a protocol buffer.

    ``points`` [468, 3] float32 in centimetres (x to the person's left, y up, z to the front),
    ``triangles`` [n, 3] int16, ``fit`` [m] int16 and ``weights`` [m] float32: the points that the
    pose is fitted to, and how much each counts.
    """
    mesh, basis = b"", []
    for field, value in _fields(content):
        if field == 1:
            mesh = value
        elif field == 2:
            parts = dict(_fields(value))
            basis.append((parts.get(1, 0), struct.unpack("<f", parts[2])[0]))
    vertices, triangles = [], []
    for field, value in _fields(mesh):
        if field == 3:
            vertices.append(value)
        elif field == 4:
            triangles.append(value)
    points = _floats(vertices).reshape(-1, 5)[:, :3]
    return {
        "points": np.ascontiguousarray(points),
        "triangles": np.array(_varints(triangles), np.int16).reshape(-1, 3),
        "fit": np.array([index for index, _ in basis], np.int16),
        "weights": np.array([weight for _, weight in basis], np.float32),
    }


def _fields(content: bytes):
    """Number and value of each field of a protocol buffer's message."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        if key & 7 == 0:
            value, at = _varint(content, at)
        elif key & 7 == 5:
            value, at = content[at : at + 4], at + 4
        else:
            assert key & 7 == 2, "varints, 32 bits and bytes only"
            length, at = _varint(content, at)
            value, at = content[at : at + length], at + length
        yield key >> 3, value


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = content[at], at + 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _floats(parts: list) -> np.ndarray:
    return np.frombuffer(b"".join(parts), "<f4")


def _varints(parts: list) -> list[int]:
    values = []
    for part in parts:
        if isinstance(part, int):
            values.append(part)
            continue
        at = 0
        while at < len(part):
            value, at = _varint(part, at)
            values.append(value)
    return values


def references(content: bytes, fed: np.ndarray) -> dict[int, np.ndarray]:
    """Outputs of a TFLite file by their last dimension."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], fed)
    interpreter.invoke()
    return {
        index: interpreter.get_tensor(details["index"])
        for index, details in enumerate(interpreter.get_output_details())
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Face landmark networks from TFLite to ONNX.")
    parser.add_argument("task", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    archive = zipfile.ZipFile(io.BytesIO(options.task.read_bytes()))
    random = np.random.default_rng(1)
    for inside, made, kind in (
        ("face_landmarks_detector.tflite", "face_landmarks.onnx", LandmarkConversion),
        ("face_blendshapes.tflite", "face_blendshapes.onnx", BlendshapeConversion),
    ):
        source = Source(archive.read(inside))
        content = kind(source).convert().SerializeToString()
        (options.out / made).write_bytes(content)
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        if kind is LandmarkConversion:
            fed = random.integers(0, 256, (3, 256, 256, 3), np.uint8)
            ours = dict(
                zip(("points", "presence"), session.run(None, {"pictures": fed}), strict=True)
            )
            wanted = [
                references(source.content, (one[None] / 255).astype(np.float32)) for one in fed
            ]
            off = {
                "points": max(
                    float(np.abs(ours["points"][i].ravel() - want[0].ravel()).max())
                    for i, want in enumerate(wanted)
                ),
                "presence": max(
                    float(abs(ours["presence"][i] - 1 / (1 + np.exp(-want[1].item()))))
                    for i, want in enumerate(wanted)
                ),
            }
        else:
            points = random.uniform(0, 500, (3, _POINTS_SEEN, 2)).astype(np.float32)
            (ours,) = session.run(None, {"points": points})
            off = {
                "movements": max(
                    float(np.abs(ours[i] - references(source.content, one[None])[0]).max())
                    for i, one in enumerate(points)
                )
            }
        print(f"{made}: {len(content):,} bytes, off by {off}")
    face = canonical_face(archive.read("geometry_pipeline_metadata_landmarks.binarypb"))
    np.savez_compressed(options.out / "canonical_face.npz", **face)
    print({name: values.shape for name, values in face.items()})


if __name__ == "__main__":
    main()
