"""Model contract: which outputs a model file must and may have, and what its metadata says."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.labels import LABELS, NUM_LABELS
from ferdesk.core.types import MapName, MapPlace, ModelInfo
from ferdesk.errors import ModelError
from ferdesk.messages import translatable

if TYPE_CHECKING:
    import onnxruntime

SCHEMA = "1"
MAPS: tuple[MapName, ...] = get_args(MapName)
_REQUIRED_METADATA = (
    "ferdesk.schema", "labels", "name", "version", "architecture", "trained_on", "accuracy",
    "licence", "map_region", "map_stride", "map_range",
)  # fmt: skip
CROWD, CROWD_CAM = "crowd", "crowd_cam"
"""The optional outputs of how people would vote, and why."""

_EXTERNAL_DATA = re.compile(
    rb"\x6a(?:[\x00-\x7f]|[\x80-\xff][\x00-\x7f])\n\x08location\x12", re.DOTALL
)
"""A tensor's field 13, external_data, with the key ``location`` (onnx.proto)."""


def check_own_data(content: bytes, path: Path) -> None:
    """Check that all of the model is in its one file.

    Data beside it would be read relative to the working directory, and no checksum covers it.

    Raises:
        ModelError: parts of it lie in other files.
    """
    if _EXTERNAL_DATA.search(content):
        raise ModelError(
            translatable(
                "The model {path} keeps parts of itself in other files, which are not read; save "
                "it as one file (onnx.save without external data).",
                path=path,
            )
        )


def read_metadata(session: "onnxruntime.InferenceSession", path: Path) -> Mapping[str, str]:
    """The model's metadata.

    Raises:
        ModelError: it is no UTF-8.
    """
    try:
        metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    except (UnicodeDecodeError, RuntimeError) as error:
        raise ModelError(
            translatable(
                "The metadata of {path} is no UTF-8 text; export the model again.", path=path
            )
        ) from error
    return metadata


def outputs_to_fetch(session: "onnxruntime.InferenceSession", path: Path) -> list[str]:
    """Names of the outputs to fetch, ``logits`` first, once inputs and outputs fit the contract.

    Raises:
        ModelError: the file at ``path`` does not keep it.
    """
    inputs = {value.name: value for value in session.get_inputs()}
    outputs = {value.name: value for value in session.get_outputs()}
    if "faces" not in inputs or list(inputs["faces"].shape[1:]) != [1, FACE_SIZE_PX, FACE_SIZE_PX]:
        raise ModelError(
            translatable(
                "{path} does not take faces [n, 1, {size}, {size}]; it is not a ferdesk model.",
                path=path,
                size=FACE_SIZE_PX,
            )
        )
    if "logits" not in outputs:
        raise ModelError(
            translatable("{path} has no output named logits; it is not a ferdesk model.", path=path)
        )
    if list(outputs["logits"].shape[1:]) != [NUM_LABELS]:
        raise ModelError(
            translatable(
                "{path} gives logits of shape {shape}; [n, {count}] is needed.",
                path=path,
                shape=outputs["logits"].shape,
                count=NUM_LABELS,
            )
        )
    # one of another shape is not ours, and is not asked for
    crowd = []
    if CROWD in outputs and list(outputs[CROWD].shape[1:]) == [NUM_LABELS]:
        crowd.append(CROWD)
        if CROWD_CAM in outputs and list(outputs[CROWD_CAM].shape[1:2]) == [NUM_LABELS]:
            crowd.append(CROWD_CAM)
    return ["logits", *(name for name in MAPS if name in outputs), *crowd]


def read_info(
    metadata: Mapping[str, str], outputs: list[str], sha256: str, path: Path
) -> ModelInfo:
    """Model information of a file's metadata, as far as the fetched ``outputs`` need it.

    Raises:
        ModelError: something is missing, or cannot be read.
    """
    missing = [key for key in _REQUIRED_METADATA if key not in metadata]
    if missing:
        raise ModelError(
            translatable(
                "{path} lacks the metadata {missing}; export it with ferdesk-train export.",
                path=path,
                missing=", ".join(missing),
            )
        )
    if metadata["ferdesk.schema"] != SCHEMA:
        raise ModelError(
            translatable(
                "{path} has model schema {schema}; this version reads {known}.",
                path=path,
                schema=metadata["ferdesk.schema"],
                known=SCHEMA,
            )
        )
    try:
        labels = json.loads(metadata["labels"])
        if labels != list(LABELS):
            raise ModelError(
                translatable(
                    "{path} has the labels {labels}; ferdesk shows {wanted} in this order.",
                    path=path,
                    labels=labels,
                    wanted=", ".join(LABELS),
                )
            )
        return ModelInfo(
            name=metadata["name"],
            version=metadata["version"],
            architecture=metadata["architecture"],
            trained_on=metadata["trained_on"],
            accuracy=json.loads(metadata["accuracy"]),
            sha256=sha256,
            licence=metadata["licence"],
            maps=_read_places(metadata, outputs),
            has_votes=CROWD in outputs,
            votes_accuracy=json.loads(metadata.get("crowd_accuracy", "{}")),
            votes_cam=_read_place(metadata, CROWD_CAM) if CROWD_CAM in outputs else None,
        )
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ModelError(
            translatable("{path} has metadata that cannot be read: {why}.", path=path, why=error)
        ) from error


def _read_places(metadata: Mapping[str, str], outputs: list[str]) -> dict[MapName, MapPlace]:
    return {name: _read_place(metadata, name) for name in MAPS if name in outputs}


def _read_place(metadata: Mapping[str, str], name: str) -> MapPlace:
    region: list[float] = json.loads(metadata["map_region"])
    strides: dict[str, float] = json.loads(metadata["map_stride"])
    ranges: dict[str, Any] = json.loads(metadata["map_range"])
    return MapPlace(
        start_x=float(region[0]),
        start_y=float(region[1]),
        stride=float(strides[name]),
        low=float(ranges[name][0]),
        high=float(ranges[name][1]),
    )
