"""The network, run by ONNX Runtime from a file that keeps the model contract."""

import contextlib
import ctypes
import hashlib
import io
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.labels import LABELS, NUM_LABELS
from ferdesk.core.types import DeviceInfo, Expression, MapName, MapPlace, ModelInfo
from ferdesk.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime

log = logging.getLogger(__name__)

Provider = Literal["auto", "cpu", "cuda"]
SCHEMA = "1"
_MAPS: tuple[MapName, ...] = get_args(MapName)
_REQUIRED_METADATA = (
    "ferdesk.schema", "labels", "name", "version", "architecture", "trained_on", "accuracy",
    "licence", "map_region", "map_stride", "map_range",
)  # fmt: skip
_MAX_THREADS = 2


class OnnxClassifier:
    """Crops in, probabilities and maps out; one batched run for all faces of a frame."""

    def __init__(self, path: Path, provider: Provider = "auto") -> None:
        """Load and check the model.

        Args:
            path: an ONNX file as the contract describes it.
            provider: the device to use; where CUDA is missing the CPU is used and ``device`` says
                why.

        Raises:
            ModelError: the file is missing, is not ONNX, or does not keep the contract.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise ModelError(
                f"There is no model file {path}; ferdesk models lists the bundled ones."
            ) from error
        except OSError as error:
            raise ModelError(f"The model {path} cannot be read: {error.strerror}.") from error
        self._session, self.device = _open_session(content, path, provider)
        self._outputs = _check_interface(self._session, path)
        self.info = _read_info(
            self._session.get_modelmeta().custom_metadata_map,
            self._outputs,
            hashlib.sha256(content).hexdigest(),
            path,
        )
        self._try_out(path)

    def _try_out(self, path: Path) -> None:
        """Judge two blank crops: a file of the right names may still want other shapes or types."""
        try:
            expressions = self.classify(np.zeros((2, FACE_SIZE_PX, FACE_SIZE_PX), np.float32))
            shapes = {
                maps.ndim for e in expressions for name, maps in e.maps.items() if name != "cam"
            }
            wrong = expressions[0].probabilities.shape != (NUM_LABELS,) or shapes - {2}
        except Exception as error:  # as above
            raise ModelError(
                f"{path} cannot judge two faces at a time; export it with ferdesk-train export."
            ) from error
        if wrong:
            raise ModelError(f"{path} gives outputs of other shapes than the model contract's.")

    def classify(self, crops: NDArray[np.float32]) -> list[Expression]:
        """Judge ``crops`` [n, 48, 48] float32, grey values 0..255; n may be 0."""
        if len(crops) == 0:
            return []
        batch = np.ascontiguousarray(crops[:, None], dtype=np.float32)
        values = dict(
            zip(self._outputs, self._session.run(self._outputs, {"faces": batch}), strict=True)
        )
        probabilities = _softmax(values.pop("logits"))
        return [
            Expression(
                probabilities=probabilities[i],
                maps={
                    name: values[name][i] if name == "cam" else values[name][i, 0]
                    for name in _MAPS
                    if name in values
                },
            )
            for i in range(len(crops))
        ]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


def _open_session(
    content: bytes, path: Path, provider: Provider
) -> tuple["onnxruntime.InferenceSession", DeviceInfo]:
    import onnxruntime

    why_not_cuda = "the CPU was chosen" if provider == "cpu" else cuda_obstacle()
    # ferdesk/__init__.py has told it by the environment; this holds if that was too late
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # more threads, or spinning ones, would take the machine from the window and the detector
    options.intra_op_num_threads = min(_MAX_THREADS, os.cpu_count() or 1)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = ["CPUExecutionProvider"]
    try:
        # it tells of missing libraries by print, which would spoil what a command writes for others
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            if not why_not_cuda:
                onnxruntime.preload_dlls()
                providers.insert(0, "CUDAExecutionProvider")
            session = onnxruntime.InferenceSession(content, options, providers=providers)
        if printed.getvalue():
            log.info("ONNX Runtime: %s", printed.getvalue().strip())
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base
        log.debug("ONNX Runtime refused %s", path, exc_info=True)
        raise ModelError(
            f"{path} is not a model that ONNX Runtime can load; export it again with "
            "ferdesk-train export."
        ) from error
    if session.get_providers()[0] == "CUDAExecutionProvider":
        return session, DeviceInfo("CUDA", "")
    if not why_not_cuda:
        why_not_cuda = (
            "ONNX Runtime could not start CUDA: its CUDA or cuDNN libraries are missing or do not "
            "fit the driver (pip install 'ferdesk[cuda]' brings them)"
        )
    return session, DeviceInfo("CPU", why_not_cuda, fell_back=provider == "cuda")


def cuda_obstacle() -> str:
    """Why CUDA cannot be used, in words, as far as can be told without starting it; or nothing."""
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "the installed ONNX Runtime is the CPU build (onnxruntime-gpu has CUDA)"
    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        cuda = ctypes.CDLL(driver)
    except OSError:
        return f"no NVIDIA driver was found ({driver} is not installed)"
    count = ctypes.c_int(0)
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "the NVIDIA driver reports no usable GPU"
    return ""


def _check_interface(session: "onnxruntime.InferenceSession", path: Path) -> list[str]:
    """The names of the outputs to fetch, ``logits`` first."""
    inputs = {value.name: value for value in session.get_inputs()}
    outputs = {value.name: value for value in session.get_outputs()}
    if "faces" not in inputs or list(inputs["faces"].shape[1:]) != [1, FACE_SIZE_PX, FACE_SIZE_PX]:
        raise ModelError(
            f"{path} does not take faces [n, 1, {FACE_SIZE_PX}, {FACE_SIZE_PX}]; it is not a "
            "ferdesk model."
        )
    if "logits" not in outputs:
        raise ModelError(f"{path} has no output named logits; it is not a ferdesk model.")
    if list(outputs["logits"].shape[1:]) != [NUM_LABELS]:
        raise ModelError(
            f"{path} gives logits of shape {outputs['logits'].shape}; [n, {NUM_LABELS}] is needed."
        )
    return ["logits", *(name for name in _MAPS if name in outputs)]


def _read_info(
    metadata: Mapping[str, str], outputs: list[str], sha256: str, path: Path
) -> ModelInfo:
    missing = [key for key in _REQUIRED_METADATA if key not in metadata]
    if missing:
        raise ModelError(
            f"{path} lacks the metadata {', '.join(missing)}; export it with ferdesk-train export."
        )
    if metadata["ferdesk.schema"] != SCHEMA:
        raise ModelError(
            f"{path} has model schema {metadata['ferdesk.schema']}; this version reads {SCHEMA}."
        )
    try:
        labels = json.loads(metadata["labels"])
        if labels != list(LABELS):
            raise ModelError(
                f"{path} has the labels {labels}; ferdesk shows {', '.join(LABELS)} in this order."
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
        )
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ModelError(f"{path} has metadata that cannot be read: {error}.") from error


def _read_places(metadata: Mapping[str, str], outputs: list[str]) -> dict[MapName, MapPlace]:
    region: list[float] = json.loads(metadata["map_region"])
    strides: dict[str, float] = json.loads(metadata["map_stride"])
    ranges: dict[str, Any] = json.loads(metadata["map_range"])
    return {
        name: MapPlace(
            start_x=float(region[0]),
            start_y=float(region[1]),
            stride=float(strides[name]),
            low=float(ranges[name][0]),
            high=float(ranges[name][1]),
        )
        for name in _MAPS
        if name in outputs
    }
