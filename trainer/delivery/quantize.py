"""Static int8 quantisation of an exported model: weights and activations of its convolutions.

Static quantisation by ONNX Runtime, calibrated on Training faces. What the maps and the logits are
made of at the end stays in float32, so that maps are not banded. Axes: n faces, K expressions.
"""

import contextlib
import datetime
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.errors import DataError, FerdeskError
from ferdesk.replace_file import replacing
from trainer.data.fer2013 import Faces, Split
from trainer.data.ferplus import FerPlus
from trainer.delivery.export import set_metadata, strip_notes
from trainer.delivery.file_figures import accuracy_of, crowd_table, map_ranges, run_outputs
from trainer.scoring.crowd_metrics import fit_crowd_temperature
from trainer.scoring.evaluate import (
    file_sha256,
    fit_temperature,
    onnx_classifier,
    onnx_crop_px,
    open_session,
    shift_of,
)

CALIBRATION_FACES = 512
LEAST_AGREEMENT = 0.9
"""Share of PublicTest on which the twin must name the same expression, else it is refused."""
_ATTENTION_KERNEL = 7
"""Side of the spatial attention's convolutions, which stay in float32 with their sigmoids."""


def quantize(
    source: Path,
    path: Path,
    training: Faces,
    public: Faces,
    *,
    name: str | None = None,
    private: Faces | None = None,
    votes: Mapping[Split, FerPlus] | None = None,
    ten_crops: bool = True,
) -> dict[str, object]:
    """Quantise ``source`` to int8 as ``path``; returns the figures, measured on that file.

    Weights are int8 for each channel, of 7 bits, as processors without VNNI overflow with 8;
    activations uint8. The temperature is fitted anew on PublicTest, and the maps' display ranges
    are measured anew. The file's ``quantization`` tells calibration and agreement.

    Args:
        source: a file of ``ferdesk-train export``.
        path: of the twin.
        training: ``CALIBRATION_FACES`` of its faces, evenly spread, set the activations' ranges.
        public: PublicTest.
        name: what the twin calls itself; the file's stem by default.
        private: PrivateTest, evaluated once where it is given.
        votes: FER+'s, by which the crowd head's temperature is fitted anew and evaluated;
            without them the twin keeps the temperature of ``source`` and has no such figures.
        ten_crops: evaluate by ten crops too, which takes ten times as long.

    Raises:
        DataError: ``source`` is not one of ours, or is a twin already.
        FerdeskError: ``path`` cannot be written, or the twin differs too much from ``source``.
    """
    metadata = dict(open_session(source).get_modelmeta().custom_metadata_map)
    if metadata.get("ferdesk.schema") != "1" or "temperature" not in metadata:
        raise DataError(f"{source} was not made by ferdesk-train export; give a file that was.")
    if "quantization" in metadata:
        raise DataError(f"{source} is an int8 file already; give the float32 file it came from.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            figures = _quantize_aside(
                source, Path(file.name), training, public, metadata, name or path.stem, private,
                votes, ten_crops,
            )  # fmt: skip
    except OSError as error:
        raise FerdeskError(f"{path} cannot be written: {error}.") from error
    return figures


def _quantize_aside(
    source: Path,
    aside: Path,
    training: Faces,
    public: Faces,
    metadata: dict[str, str],
    name: str,
    private: Faces | None,
    votes: Mapping[Split, FerPlus] | None,
    ten_crops: bool,
) -> dict[str, object]:
    import onnx

    _write_int8(source, aside, training.pixels)
    names = [value.name for value in open_session(aside).get_outputs()]
    heads = [name for name in ("logits", "crowd") if name in names]
    float_logits = onnx_classifier(source)(public.pixels)
    first = {n: v.astype(np.float64) for n, v in run_outputs(aside, heads, public.pixels).items()}
    logits = first["logits"]
    if not np.isfinite(logits).all():
        raise FerdeskError(f"The int8 file of {source} answers with numbers that are not finite.")
    agreement = float((logits.argmax(1) == float_logits.argmax(1)).mean())
    if agreement < LEAST_AGREEMENT:
        raise FerdeskError(
            f"The int8 file agrees with {source} on only {agreement:.1%} of PublicTest, so it was "
            "not kept; this network does not bear 8 bits."
        )
    temperature = fit_temperature(logits, public.labels)
    crowd_temperature = 1.0
    if "crowd" in first and votes is not None:
        crowd_temperature = fit_crowd_temperature(first["crowd"], votes["public"])
    graph = onnx.load(aside)
    _divide_outputs(graph, ("logits", "cam"), temperature)
    _divide_outputs(graph, ("crowd", "crowd_cam"), crowd_temperature)
    strip_notes(graph)
    _drop_unused_domains(graph)
    onnx.save(graph, aside)
    maps = [name for name in names if name not in heads]
    shift_px = shift_of(onnx_crop_px(source))
    outputs = run_outputs(aside, names, public.pixels)
    figures: dict[str, object] = {
        "public_test": accuracy_of(aside, outputs, public, shift_px, ten_crops)
    }
    crowd_figures: dict[str, object] = {}
    if "crowd" in outputs and votes is not None:
        crowd_figures["public_test"] = crowd_table(outputs, votes["public"])
    if private is not None:
        private_outputs = run_outputs(aside, heads, private.pixels)
        figures["private_test"] = accuracy_of(aside, private_outputs, private, shift_px, ten_crops)
        if "crowd" in outputs and votes is not None:
            crowd_figures["private_test"] = crowd_table(private_outputs, votes["private"])
    about = {
        "weights": "int8 per channel, 7 bits", "activations": "uint8", "of": metadata["name"],
        "of_sha256": file_sha256(source), "agreement": round(agreement, 4),
        "calibration_faces": min(CALIBRATION_FACES, len(training)),
    }  # fmt: skip
    values = {
        **metadata,
        "name": name,
        "architecture": metadata["architecture"] + "; int8",
        "accuracy": json.dumps(figures),
        "temperature": repr(float(metadata["temperature"]) * temperature),
        "map_range": json.dumps(map_ranges(outputs, maps)),
        "quantization": json.dumps(about),
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    if "cam_bias" in metadata:
        bias = np.array(json.loads(metadata["cam_bias"])) / temperature
        values["cam_bias"] = json.dumps(bias.tolist())
    if "crowd_cam_bias" in metadata:
        bias = np.array(json.loads(metadata["crowd_cam_bias"])) / crowd_temperature
        values["crowd_cam_bias"] = json.dumps(bias.tolist())
        both = float(metadata["crowd_temperature"]) * crowd_temperature
        values["crowd_temperature"] = repr(both)
        values["crowd_accuracy"] = json.dumps(crowd_figures)
    set_metadata(graph, values)
    onnx.checker.check_model(graph)
    onnx.save(graph, aside)
    if crowd_figures:
        figures["crowd"] = crowd_figures
    return {**figures, "agreement": round(agreement, 4)}


def _write_int8(source: Path, aside: Path, pixels: NDArray[np.uint8]) -> None:
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, _quiet():
        prepared = Path(folder) / "prepared.onnx"
        # it folds norms and float16 casts into the convolutions, so that these alone are rounded
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        kept = _kept_in_float(onnx.load(prepared))
        quantize_static(
            str(prepared), str(aside), _Calibration(pixels), quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"], per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            nodes_to_exclude=kept,
        )  # fmt: skip
        refuse_float_convolutions(onnx.load(aside), len(kept), source)


def refuse_float_convolutions(
    graph: Any,  # noqa: ANN401, onnx has no types
    num_kept: int,
    source: Path,
) -> None:
    """Refusal of a twin whose convolutions stayed in float32: larger in work and int8 in name.

    ONNX Runtime up to 1.30 drops the graph in which norms and casts were folded.

    Raises:
        FerdeskError: more than ``num_kept`` convolutions are no int8 ones.
    """
    from onnx import TensorProto

    nodes = graph.graph.node
    kinds = {tensor.name: tensor.data_type for tensor in graph.graph.initializer}
    eight_bit = {
        node.output[0]
        for node in nodes
        if node.op_type == "DequantizeLinear" and kinds.get(node.input[0]) == TensorProto.INT8
    }
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    meant = len(convolutions) - num_kept
    done = sum(node.input[1] in eight_bit for node in convolutions)
    if done < meant:
        import onnxruntime

        raise FerdeskError(
            f"Only {done} of {meant} convolutions of {source} became int8 with onnxruntime "
            f"{onnxruntime.__version__}; quantise with onnxruntime 1.31 or newer."
        )


class _Calibration:
    """Calibration batches of evenly spaced faces, in ONNX Runtime's interface."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        count = min(CALIBRATION_FACES, len(pixels))
        chosen = pixels[np.linspace(0, len(pixels) - 1, count).round().astype(np.int64)]
        self._batches = iter(np.array_split(chosen, max(1, count // 32)))

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"faces": batch[:, None].astype(np.float32)}


def _kept_in_float(graph: Any) -> list[str]:  # noqa: ANN401, onnx has no types
    """Names of the convolutions that make attention maps or class activations."""
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.graph.initializer}
    outputs = {output.name for output in graph.graph.output}
    return [
        node.name
        for node in graph.graph.node
        if node.op_type == "Conv"
        and (shapes.get(node.input[1], [0])[-1] == _ATTENTION_KERNEL or outputs & {*node.output})
    ]


def _divide_outputs(
    graph: Any,  # noqa: ANN401, onnx has no types
    names: Sequence[str],
    temperature: float,
) -> None:
    """Put a factor of 1 / ``temperature`` behind those outputs of ``names`` that there are."""
    from onnx import helper, numpy_helper

    inner = graph.graph
    found = {output.name for output in inner.output} & {*names}
    factor = np.array(1 / temperature, np.float32)
    factor_name = f"int8.factor.{names[0]}"
    if found:
        inner.initializer.append(numpy_helper.from_array(factor, factor_name))
    for name in found:
        before = f"{name}.before"
        for node in inner.node:
            for values in (node.input, node.output):
                for index, value in enumerate(values):
                    if value == name:
                        values[index] = before
        inner.node.append(helper.make_node("Mul", [before, factor_name], [name]))
    # shapes inferred for the old names would be read as the new ones'
    del inner.value_info[:]


def _drop_unused_domains(graph: Any) -> None:  # noqa: ANN401, onnx has no types
    """Take out the operator sets that the optimiser lists whether or not a node is of them."""
    used = {node.domain for node in graph.graph.node} | {""}
    kept = [domain for domain in graph.opset_import if domain.domain in used]
    del graph.opset_import[:]
    graph.opset_import.extend(kept)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without ONNX Runtime's advice to do what was just done."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
