"""MediaPipe's face landmark networks as ONNX: ``python scripts/convert_landmarks.py TASK OUT_DIR``.

``TASK`` is MediaPipe's ``face_landmarker.task``, an archive. Written are ``face_landmarks.onnx``
(pictures of faces -> 478 points and the presence of a face), ``face_blendshapes.onnx`` (146 of the
points -> 52 movements) and ``canonical_face.npz`` (the face on which the head's pose is measured).
The number of faces is free. Needs what ``convert_detectors.py`` needs, and says by how much the
outputs differ from those of the TFLite files. Times are the least of 150 to 300 runs of a face on
one core of an EPYC with AVX2, both ways in turn.
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
from ai_edge_litert.interpreter import Interpreter
from convert_detectors import Conversion, Source, _name
from onnx import TensorProto, helper

SOURCE = "MediaPipe face landmarker, Google, Apache-2.0; converted from TFLite, weights unchanged"
NUM_POINTS = 478
_POINTS_SEEN = 146


class LandmarkConversion(Conversion):
    """The landmark network: pictures [n, 256, 256, 3] uint8 -> points, presence."""

    def convert(self) -> onnx.ModelProto:
        graph = self.source.graph
        self.begin("pictures", graph.Inputs(0), middle=0, reach=255)
        self.operators()
        # points, presence before the logistic function, and a third that MediaPipe does not use
        points, presence = graph.Outputs(0), graph.Outputs(1)
        assert self.source.shape(points)[-1] == NUM_POINTS * 3
        shape = self.exact(np.array([0, NUM_POINTS, 3], np.int64))
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
        """PReLU as x + (1 - a) relu(-x), a slope a for each channel.

        Two convolutions of one pixel, each channel its own; the runtime takes the relu with one and
        the sum with the other. It keeps channels in blocks for convolutions, and leaves the blocks
        for a PRelu: the network in 18.8 ms instead of 5.6. As (1 - a) relu(x) + a x, which is three
        kernels, it takes 6.2; with a sum that is no convolution's 0.2 more.
        """
        slopes = self.source.constant(inputs[1]).reshape(-1, 1, 1, 1).astype(np.float32)
        name, before = _name(output), _name(inputs[0])
        assert len(slopes) == self.width(output)
        minus = self._each(before, -np.ones_like(slopes), name + "_minus")
        self.node("Relu", [minus], name + "_down")
        bent = self._each(name + "_down", 1 - slopes, name + "_bent")
        self.node("Add", [bent, before], name)

    def _each(self, before: str, factors: np.ndarray, name: str) -> str:
        """Each channel times its own factor."""
        return self.node("Conv", [before, self.exact(factors)], name, group=len(factors))

    def _logistic(self, inputs, output, table) -> None:
        self.node("Sigmoid", [_name(inputs[0])], _name(output))

    def _reshape(self, inputs, output, table) -> None:
        shape = self.exact(np.array([-1, self.source.shape(output)[-1]], np.int64))
        self.node("Reshape", [_name(inputs[0]), shape], _name(output))


class BlendshapeConversion(Conversion):
    """The blendshape network: points [n, 146, 2] -> movements [n, 52].

    A mixer (Tolstikhin et al., "MLP-Mixer: An all-MLP Architecture for Vision", 2021) of 97 tokens
    with 64 features each; the first token is learnt, the others are weighted sums of the points:

        Z = X + M2 relu(M1 norm(X) + m1) + m2, across tokens; X [97, 64], M1 [384, 97]
        Y = Z + relu(norm(Z) F1 + f1) F2 + f2, across features; F1 [64, 256]

    Written as that, not operator by operator: the TFLite file has nine operators for each norm, and
    two transposes for each product across tokens. 49 kernels instead of 171, 0.75 ms instead of
    1.04.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source, channels={})

    def convert(self) -> onnx.ModelProto:
        self._read()
        tokens = self._tokens()
        for name in ("a", "b", "c"):
            tokens = self._block(tokens, name)
        self._movements(tokens)
        return self.model(
            "face_blendshapes",
            [helper.make_tensor_value_info("points", TensorProto.FLOAT, ["n", _POINTS_SEEN, 2])],
            [helper.make_tensor_value_info("movements", TensorProto.FLOAT, ["n", 52])],
            SOURCE,
        )

    def _read(self) -> None:
        """The constants, in the order in which the network uses them."""
        constant = self.source.constant
        operators = [(name, inputs) for name, inputs, _, _ in self.source.operators()]
        # a matrix [out, in] and what is added to the product with it
        self._products = iter(
            [
                (constant(i[1])[:, 0, 0], constant(i[2]))
                for name, i in operators
                if name == "CONV_2D"
            ]
        )
        factors = [constant(i[1]) for name, i in operators if name == "MUL"]
        self._norm_factors = iter([factor for factor in factors if factor.shape == (64,)])
        (self._scale,) = [factor for factor in factors if not factor.shape]
        added = [constant(i[1]) for name, i in operators if name == "ADD"]
        (self._epsilon,) = {float(value) for value in added if not value.shape}
        (self._learnt,) = [constant(i[0]) for name, i in operators if name == "CONCATENATION"]

    def _tokens(self) -> str:
        """Points about their middle, in units of their mean distance from it, as tokens."""
        self.node("ReduceMean", ["points"], "middle", axes=[1], keepdims=1)
        self.node("Sub", ["points", "middle"], "centered")
        self.node("ReduceL2", ["centered"], "distances", axes=[2], keepdims=1)
        self.node("ReduceMean", ["distances"], "size", axes=[1], keepdims=1)
        self.node("Div", ["centered", "size"], "standard")
        (over_points, offsets), (over_xy, added) = next(self._products), next(self._products)
        # (W P + w) V + v = W P V + (w V + v); zeros in W and a row of its own for the learnt token
        table = np.outer(offsets, over_xy.sum(axis=1)) + added
        table = np.concatenate([self._learnt.reshape(1, -1), table]).astype(np.float32)
        weights = self.weights(np.concatenate([np.zeros_like(over_points[:1]), over_points]))
        self.node("Mul", [weights, self.exact(self._scale)], "over_points")
        self.node("MatMul", ["over_points", "standard"], "sums")
        self.node("MatMul", ["sums", self.weights(np.ascontiguousarray(over_xy.T))], "features")
        return self.node("Add", ["features", self.exact(table)], "tokens")

    def _block(self, before: str, name: str) -> str:
        mixed = self._across_tokens(before, name, 97)
        self.node("Add", [mixed, before], name)
        rows = self.node("Reshape", [name, self._shape(-1, 64)], name + "_rows")
        summed = self._across_features(rows, name)
        return self.node("Reshape", [summed, self._shape(-1, 97, 64)], name + "_tokens")

    def _movements(self, before: str) -> None:
        """The last block, of which only the first token counts, and what comes of that."""
        mixed = self._across_tokens(before, "d", 1)
        bounds = [self._shape(at) for at in (0, 1, 1)]
        self.node("Slice", [before, *bounds], "first")
        self.node("Add", [mixed, "first"], "d")
        rows = self.node("Reshape", ["d", self._shape(-1, 64)], "d_rows")
        logits = self._gemm(self._across_features(rows, "d"), "logits")
        self.node("Sigmoid", [logits], "movements")

    def _norm(self, before: str, name: str) -> str:
        factor = self.exact(next(self._norm_factors).astype(np.float32))
        return self.node(
            "LayerNormalization", [before, factor], name, axis=-1, epsilon=self._epsilon
        )

    def _across_tokens(self, before: str, name: str, num_out: int) -> str:
        """M2 relu(M1 norm(X) + m1) + m2 of tokens [n, 97, 64]; its first ``num_out`` tokens.

        A convolution along rows of 64 takes the product from this side, bias and relu with it.
        """
        (first, first_added), (second, second_added) = next(self._products), next(self._products)
        normal = self._norm(before, name + "_normal")
        hidden = self._along_rows(normal, first, first_added, name + "_hidden")
        bent = self.node("Relu", [hidden], name + "_bent")
        return self._along_rows(bent, second[:num_out], second_added[:num_out], name + "_mixed")

    def _along_rows(self, before: str, matrix: np.ndarray, added: np.ndarray, name: str) -> str:
        constants = [self.weights(matrix[:, :, None]), self.exact(added.astype(np.float32))]
        return self.node("Conv", [before, *constants], name)

    def _across_features(self, before: str, name: str) -> str:
        """Z + relu(norm(Z) F1 + f1) F2 + f2 of tokens [m, 64]."""
        wide = self._gemm(self._norm(before, name + "_even"), name + "_wide")
        narrow = self._gemm(self.node("Relu", [wide], name + "_wide_bent"), name + "_narrow")
        return self.node("Add", [narrow, before], name + "_sum")

    def _gemm(self, before: str, name: str) -> str:
        matrix, added = next(self._products)
        constants = [
            self.weights(np.ascontiguousarray(matrix.T)),
            self.exact(added.astype(np.float32)),
        ]
        return self.node("Gemm", [before, *constants], name)

    def _shape(self, *sizes: int) -> str:
        return self.exact(np.array(sizes, np.int64))


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
