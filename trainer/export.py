"""A checkpoint becomes the ONNX file that the app opens, with proof that both say the same.

Axes: n faces, K expressions, h rows and w columns of a map.
"""

import contextlib
import copy
import datetime
import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError, FerdeskError
from trainer.augment import center_crop
from trainer.checkpoint import Checkpoint
from trainer.config import Recipe
from trainer.crowd import fit_crowd_temperature, score_crowd
from trainer.data import Faces, Split
from trainer.evaluate import (
    as_table,
    evaluate,
    fit_temperature,
    onnx_classifier,
    open_session,
    score,
)
from trainer.ferplus import FerPlus
from trainer.models import PAPER_POOL_CELLS, ExpressionNet, Network

OPSET = 18
PARITY = 1e-3
"""Largest allowed difference between torch's and ONNX Runtime's logits and maps."""
HALF_MAY_COST = 0.001
"""Weights are stored as float16 where that costs no larger share of PublicTest's faces, or one."""
_STRIDES = {"attention": 8, "attention_mid": 2, "cam": 8, "crowd_cam": 8}
"""In pixels of what the first convolution sees, which ``input_px`` may enlarge."""
_TRAINED_ON = "FER2013 Training split, 28,709 faces; chosen on PublicTest"
CROWD_TRAINED_ON = (
    "FER+'s votes (Barsoum et al., 2016, MIT) for FER2013's Training split; chosen on PublicTest"
)
_LICENCE = "MIT; trained on FER2013, whose pictures carry no clear licence (see NOTICE)"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the file calls itself; ``name`` and ``version`` are shown to users."""

    name: str
    version: str


class LogitsNet(nn.Module):
    """A network without maps as the contract wants it: 48-pixel faces in, calibrated logits out."""

    outputs: tuple[str, ...] = ("logits",)

    def __init__(self, model: Network, crop_px: int, temperature: float) -> None:
        super().__init__()
        self.model = model
        self.margin = (FACE_SIZE_PX - crop_px) // 2
        self.crop_px = crop_px
        self.temperature = temperature

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        inner = slice(self.margin, self.margin + self.crop_px)
        return (self.model(faces[:, :, inner, inner]) / self.temperature,)


class ExportNet(LogitsNet):
    """The network as the contract wants it: 48-pixel faces in, calibrated logits and maps out.

    The inner crop, the normalisation and the temperature are inside. ``cam`` sums with
    ``cam_bias`` to the logits: cam[k, i, j] = w_k . x[i, j] / (cells * T), where ``cells`` is the
    number of cells that the pooling averages; those that it ignores are 0. A network without
    CBAM has no attention to show, only ``cam``. One with a second head also has ``crowd``, the
    logits of how people would vote, divided by a temperature of their own, and ``crowd_cam``,
    which sums with ``crowd_cam_bias`` to them in the same way.
    """

    def __init__(
        self,
        model: ExpressionNet,
        crop_px: int,
        temperature: float,
        crowd_temperature: float = 1.0,
    ) -> None:
        super().__init__(model, crop_px, temperature)
        self.model: ExpressionNet = model
        self.class_weight: Tensor
        self.cam_bias: Tensor
        self.outputs = ("logits", "attention", "attention_mid", "cam")
        if model.architecture.attention == "none":
            self.outputs = ("logits", "cam")
        self.register_buffer("class_weight", model.class_weight().detach() / temperature)
        self.register_buffer("cam_bias", _bias(model) / temperature)
        self.crowd_weight: Tensor | None
        self.crowd_cam_bias: Tensor | None
        head = model.crowd_head
        weight = bias = None
        if head is not None:
            self.outputs = (*self.outputs, "crowd", "crowd_cam")
            weight = head.weight.detach() / crowd_temperature
            bias = head.bias.detach() / crowd_temperature
        self.register_buffer("crowd_weight", weight)
        self.register_buffer("crowd_cam_bias", bias)

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        inner = slice(self.margin, self.margin + self.crop_px)
        maps = self.model.look(faces[:, :, inner, inner])
        features = maps.features
        if self.model.architecture.pool == "paper":
            rows = torch.arange(features.shape[2], device=features.device) < PAPER_POOL_CELLS
            columns = torch.arange(features.shape[3], device=features.device) < PAPER_POOL_CELLS
            features = features * (rows[:, None] & columns).to(features.dtype)
            num_cells = PAPER_POOL_CELLS**2
        else:
            num_cells = features.shape[2] * features.shape[3]
        cam = _activation(features, self.class_weight, num_cells)
        values: tuple[Tensor, ...] = (cam.sum((2, 3)) + self.cam_bias,)
        if "attention" in self.outputs:
            values = (*values, maps.attention, maps.attention_mid)
        values = (*values, cam)
        if self.crowd_weight is not None and self.crowd_cam_bias is not None:
            crowd_cam = _activation(features, self.crowd_weight, num_cells)
            values = (*values, crowd_cam.sum((2, 3)) + self.crowd_cam_bias, crowd_cam)
        return values


def _activation(features_BCHW: Tensor, weight_KC: Tensor, num_cells: int) -> Tensor:
    """What each cell adds to each logit, [B, K, h, w]."""
    return torch.nn.functional.conv2d(features_BCHW, weight_KC[:, :, None, None] / num_cells)


def as_exported(
    model: Network, crop_px: int, temperature: float, crowd_temperature: float = 1.0
) -> LogitsNet:
    """The network with all the outputs that it has, in eval mode."""
    if isinstance(model, ExpressionNet):
        return ExportNet(model, crop_px, temperature, crowd_temperature).eval()
    return LogitsNet(model, crop_px, temperature).eval()


def _bias(model: ExpressionNet) -> Tensor:
    bias: Tensor | None = model.head.bias
    return torch.zeros(len(LABELS)) if bias is None else bias.detach()


def export(
    checkpoint: Checkpoint,
    identity: Identity,
    public: Faces,
    path: Path,
    *,
    half_weights: bool = True,
    private: Faces | None = None,
    judged: str | None = "public_test",
    temperature: float | None = None,
    trained_on: str = _TRAINED_ON,
    votes: Mapping[Split, FerPlus] | None = None,
    ten_crops: bool = True,
) -> dict[str, object]:
    """Write ``path`` and return its accuracy figures, measured on the very file.

    The temperature is fitted on PublicTest, one crop, unless it is given. ``public`` may be other
    faces, which ``judged`` then names among the figures; None measures nothing on them, and they
    only prove parity and give the range of the maps. ``half_weights`` rounds the weights to
    float16 before everything else is measured, and stores them so, unless that costs accuracy on
    these faces (``HALF_MAY_COST``); the arithmetic stays float32. Without ``ten_crops`` the file is
    judged by one crop alone, as the app runs it, which takes a tenth of the time.
    PrivateTest is evaluated only where it is given, once. A network with a second head needs the
    ``votes`` for ``public`` (and for ``private``): they give its temperature and its figures.

    Raises:
        DataError: the network has a second head and there are no votes.
        FerdeskError: ``path`` cannot be written, or the file does not say what the network says;
            a file that was there before is still there.
    """
    aside = path.with_name(path.name + ".tmp")
    try:
        _try_to_write(path, aside)
        figures = _export_aside(
            checkpoint, identity, public, aside, half_weights, private, judged, temperature,
            trained_on, votes, ten_crops,
        )  # fmt: skip
        aside.replace(path)
    except OSError as error:
        raise FerdeskError(f"{path} cannot be written: {error}.") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
    return figures


def _try_to_write(path: Path, aside: Path) -> None:
    """Meet what stands in the file's way before the minutes of work, not after them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError("it is a folder")
    aside.touch()


def _export_aside(
    checkpoint: Checkpoint,
    identity: Identity,
    public: Faces,
    aside: Path,
    half_weights: bool,
    private: Faces | None,
    judged: str | None,
    temperature: float | None,
    trained_on: str,
    votes: Mapping[Split, FerPlus] | None,
    ten_crops: bool,
) -> dict[str, object]:
    import onnx

    recipe = checkpoint.recipe
    model = checkpoint.model()
    if model.crowd_head is not None and votes is None:
        raise DataError(
            "The network has a second head for the crowd's votes, whose temperature and figures "
            "come from them; add --ferplus fer2013new.csv."
        )
    logits_NK, crowd_NK = torch_heads(model, recipe.crop_px, public.pixels)
    if half_weights:
        rounded = _rounded_to_half(model)
        rounded_NK, rounded_crowd_NK = torch_heads(rounded, recipe.crop_px, public.pixels)
        cost = _num_right(logits_NK, public) - _num_right(rounded_NK, public)
        half_weights = cost <= max(1, HALF_MAY_COST * len(public))
        if half_weights:
            model, logits_NK, crowd_NK = rounded, rounded_NK, rounded_crowd_NK
    if temperature is None:
        temperature = fit_temperature(logits_NK, public.labels)
    crowd_temperature = 1.0
    if crowd_NK is not None and votes is not None:
        crowd_temperature = fit_crowd_temperature(crowd_NK, votes["public"])
    network = as_exported(model, recipe.crop_px, temperature, crowd_temperature)
    _write_graph(network, aside)
    graph = onnx.load(aside)
    _fold_constants(graph)
    strip_notes(graph)
    if half_weights:
        _store_as_half(graph)
    onnx.save(graph, aside)
    prove_parity(network, aside, public.pixels[:64])
    maps = [name for name in network.outputs if name not in ("logits", "crowd")]
    said = look(aside, network.outputs, public.pixels)
    figures: dict[str, object] = {}
    crowd_figures: dict[str, object] = {}
    if judged is not None:
        figures[judged] = accuracy_of(aside, said, public, network.margin, ten_crops)
        if "crowd" in said and votes is not None:
            crowd_figures[judged] = crowd_table(said, votes["public"])
    if private is not None:
        private_said = look(aside, [n for n in network.outputs if n not in maps], private.pixels)
        figures["private_test"] = accuracy_of(
            aside, private_said, private, network.margin, ten_crops
        )
        if "crowd" in said and votes is not None:
            crowd_figures["private_test"] = crowd_table(private_said, votes["private"])
    values = {
        "ferdesk.schema": "1",
        "labels": json.dumps(list(LABELS)),
        "name": identity.name,
        "version": identity.version,
        "architecture": _architecture_text(checkpoint),
        "trained_on": trained_on,
        "accuracy": json.dumps(figures),
        "temperature": repr(temperature),
        "crop": json.dumps(_crop_table(recipe)),
        "map_region": json.dumps([network.margin, network.margin, recipe.crop_px, recipe.crop_px]),
        "map_stride": json.dumps({name: _stride(name, recipe) for name in maps}),
        "map_range": json.dumps(map_ranges(said, maps)),
        "commit": checkpoint.commit,
        "licence": _LICENCE,
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    if isinstance(network, ExportNet):
        values["cam_bias"] = json.dumps(network.cam_bias.tolist())
        if network.crowd_cam_bias is not None:
            values["crowd_cam_bias"] = json.dumps(network.crowd_cam_bias.tolist())
            values["crowd_temperature"] = repr(crowd_temperature)
            values["crowd_accuracy"] = json.dumps(crowd_figures)
            values["crowd_trained_on"] = CROWD_TRAINED_ON
    set_metadata(graph, values)
    onnx.checker.check_model(graph)
    onnx.save(graph, aside)
    return {**figures, "crowd": crowd_figures} if crowd_figures else figures


@torch.no_grad()
def torch_heads(
    model: Network, crop_px: int, pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Both heads' logits for one centre crop of each face, by one pass; None: no such head."""
    model.eval()
    logits, crowd = [], []
    for start in range(0, len(pixels), 512):
        faces = center_crop(torch.from_numpy(pixels[start : start + 512]), crop_px)
        embedding_BC = model.embed(faces)
        logits.append(model.classify(embedding_BC).double())
        if model.crowd_head is not None:
            crowd.append(model.classify_crowd(embedding_BC).double())
    return torch.cat(logits).numpy(), torch.cat(crowd).numpy() if crowd else None


def look(
    path: Path, names: Sequence[str], pixels: NDArray[np.uint8]
) -> dict[str, NDArray[np.float32]]:
    """The outputs ``names`` of an exported file for the faces as they are, from one pass."""
    session = open_session(path)
    parts = [
        session.run(list(names), {"faces": pixels[i : i + 256, None].astype(np.float32)})
        for i in range(0, len(pixels), 256)
    ]
    return {name: np.concatenate(values) for name, *values in zip(names, *parts, strict=True)}


def accuracy_of(
    path: Path,
    said: Mapping[str, NDArray[np.float32]],
    faces: Faces,
    shift_px: int,
    ten_crops: bool,
) -> dict[str, object]:
    """The figures by one crop, which ``said`` has already, and where wanted by ten."""
    if len(faces) == 0:
        raise DataError("The split has no faces.")
    found: dict[str, object] = {
        "one_crop": as_table(score(said["logits"].astype(np.float64), faces.labels))
    }
    if ten_crops:
        scores = evaluate(onnx_classifier(path), faces, "ten", shift_px)
        found["ten_crop"] = as_table(scores)
    return found


def crowd_table(said: Mapping[str, NDArray[np.float32]], votes: FerPlus) -> dict[str, object]:
    """Both heads against the votes for the same faces, one crop each: crowd's and labels'."""
    return {
        head: score_crowd(said[output].astype(np.float64), votes).as_table()
        for head, output in (("crowd", "crowd"), ("labels", "logits"))
    }


def _crop_table(recipe: Recipe) -> dict[str, object]:
    table: dict[str, object] = {
        "size_px": FACE_SIZE_PX, "inner_px": recipe.crop_px, "framing": "FER2013",
    }  # fmt: skip
    return {**table, "input_px": recipe.input_px} if recipe.input_px else table


def _stride(name: str, recipe: Recipe) -> float:
    """From cell to cell in pixels of ``faces``; cells of an enlarged face lie closer."""
    if not recipe.input_px:
        return _STRIDES[name]
    return _STRIDES[name] * recipe.crop_px / recipe.input_px


def prove_parity(network: LogitsNet, path: Path, pixels: NDArray[np.uint8]) -> float:
    """The largest difference between torch and ONNX Runtime over all outputs.

    Raises:
        FerdeskError: it exceeds ``PARITY``, ``cam`` does not sum to the logits, or an output is
            not a finite number.
    """
    batch = pixels[:, None].astype(np.float32)
    session = open_session(path)
    exported = session.run(list(network.outputs), {"faces": batch})
    with torch.no_grad():
        expected = [output.numpy() for output in network(torch.from_numpy(batch))]
    if not all(np.isfinite(values).all() for values in (*expected, *exported)):
        raise FerdeskError(
            "The network answers with numbers that are not finite, so its weights are broken; "
            "export another checkpoint."
        )
    difference = max(
        float(np.abs(ours - theirs).max()) for ours, theirs in zip(expected, exported, strict=True)
    )
    identity = 0.0
    if isinstance(network, ExportNet):
        said = dict(zip(network.outputs, exported, strict=True))
        identity = _sum_error(said["logits"], said["cam"], network.cam_bias)
        if network.crowd_cam_bias is not None:
            crowd = _sum_error(said["crowd"], said["crowd_cam"], network.crowd_cam_bias)
            identity = max(identity, crowd)
    if not (difference <= PARITY and identity <= PARITY):
        raise FerdeskError(
            f"The exported file differs from the network by {difference:.2g}, and cam from the "
            f"logits by {identity:.2g}; {PARITY} is allowed. It was not kept as a model."
        )
    return difference


def _sum_error(
    logits_NK: NDArray[np.float32], cam_NKHW: NDArray[np.float32], bias_K: Tensor
) -> float:
    """How far the sums of ``cam`` and its bias are from the logits."""
    return float(np.abs(cam_NKHW.sum((2, 3)) + bias_K.numpy() - logits_NK).max())


def _rounded_to_half(model: Network) -> Network:
    """The same network, its weights as float16 holds them."""
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in rounded.parameters():
            parameter.copy_(parameter.half().float())
    return rounded


def _num_right(logits_NK: NDArray[np.float64], faces: Faces) -> int:
    return int((logits_NK.argmax(1) == faces.labels).sum())


def _write_graph(network: LogitsNet, path: Path) -> None:
    example = torch.zeros(2, 1, FACE_SIZE_PX, FACE_SIZE_PX)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            path,
            input_names=["faces"],
            output_names=list(network.outputs),
            dynamic_shapes={"faces": {0: torch.export.Dim("n")}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            # this would fold the norms into the weights, which float16 then no longer holds exactly
            optimize=False,
            verbose=False,
        )


def _fold_constants(graph: "onnx.ModelProto") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Compute what depends on no input, in place.

    Only then does ONNX Runtime see that the norms' parameters are constant, and fold the norms
    into the convolutions when it loads the file: measured, 1.6 times as fast for one face.
    """
    from onnxscript import optimizer

    optimizer.fold_constants(graph)
    optimizer.remove_unused_nodes(graph)


def strip_notes(graph: "onnx.ModelProto") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Take out the exporter's notes: they hold stack traces with the paths of this machine."""
    inner = graph.graph
    values = (*inner.input, *inner.output, *inner.value_info, *inner.initializer)
    for part in (inner, *inner.node, *values):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")


def _store_as_half(graph: "onnx.ModelProto") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Keep float32 weights as float16 with a cast behind each, which loading folds away."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 256:
            continue
        name, halved = tensor.name, values.astype(np.float16)
        if not np.array_equal(halved.astype(np.float32), values):
            continue
        tensor.CopyFrom(numpy_helper.from_array(halved, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend([*casts, *nodes])


def map_ranges(
    said: Mapping[str, NDArray[np.float32]], names: Sequence[str]
) -> dict[str, list[float]]:
    """2nd and 98th percentile of each map over PublicTest: the range in which it is shown."""
    return {name: [float(x) for x in np.percentile(said[name], [2, 98])] for name in names}


def _architecture_text(checkpoint: Checkpoint) -> str:
    recipe = checkpoint.recipe
    kind = {
        "tang": f"CNN of Tang (2013), width {recipe.width}",
        "zhang": f"stacked hybrid auto-encoder, width {recipe.width}",
    }.get(
        recipe.system,
        f"{'ResNet' if recipe.attention == 'none' else 'CBAM-ResNet'}, width {recipe.width}, "
        f"attention {recipe.attention}, pooling {recipe.pool}"
        f"{f', enlarged to {recipe.input_px} px' if recipe.input_px else ''}",
    )
    return f"{kind}, {recipe.loss}; {checkpoint.model().num_parameters():,} parameters"


def set_metadata(graph: "onnx.ModelProto", values: Mapping[str, str]) -> None:  # type: ignore[name-defined]  # noqa: F821
    del graph.metadata_props[:]
    for key, value in values.items():
        graph.metadata_props.add(key=key, value=value)
