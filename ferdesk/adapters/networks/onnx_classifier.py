"""Expression classifier in ONNX Runtime, from a file that keeps the model contract."""

import contextlib
import io
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk import cuda
from ferdesk.adapters.networks.model_contract import (
    CROWD,
    CROWD_CAM,
    MAPS,
    check_own_data,
    outputs_to_fetch,
    read_info,
    read_metadata,
)
from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.labels import NUM_LABELS
from ferdesk.core.types import DeviceInfo, Expression
from ferdesk.errors import ModelError
from ferdesk.integrity import check_content
from ferdesk.messages import translatable
from ferdesk.paths import threads_of_process

if TYPE_CHECKING:
    from types import ModuleType

    import onnxruntime

log = logging.getLogger(__name__)

Provider = Literal["auto", "cpu", "cuda"]
_MAX_THREADS = 2
_INT8_OPERATOR = b"DequantizeLinear"
"""In the file of an int8 network. Beside detection, on two cores, a second thread makes the int8
twins no faster and takes a quarter to 40 % more processor time (docs/performance.md)."""
_CUDA_GRAPHS = {"enable_cuda_graph": "1", "cudnn_conv_algo_search": "HEURISTIC"}


class OnnxClassifier:
    """Expression classifier: crops in, probabilities and maps out, one batch for all faces."""

    def __init__(self, path: Path, provider: Provider = "auto") -> None:
        """Load and check the model.

        Args:
            path: an ONNX file as the contract describes it.
            provider: the device to use; where CUDA cannot be used the CPU is, and ``device`` says
                why.

        Raises:
            ModelError: the file is missing, damaged, is not ONNX, or does not keep the contract.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise ModelError(
                translatable(
                    "There is no model file {path}; ferdesk models lists the bundled ones.",
                    path=path,
                )
            ) from error
        except OSError as error:
            raise ModelError(
                translatable(
                    "The model {path} cannot be read: {why}.", path=path, why=error.strerror
                )
            ) from error
        sha256 = check_content(path, content)
        check_own_data(content, path)
        self._path, self._content, self._provider = path, content, provider
        self._session, self._device = _open_session(content, path, provider)
        self._outputs = outputs_to_fetch(self._session, path)
        self._bound: BoundRuns | None = None
        self.info = read_info(
            read_metadata(self._session, path),
            self._outputs,
            sha256,
            path,
        )
        self._try_out(path)
        if self._device.provider == "CUDA":
            self._bind()

    def _bind(self) -> None:
        """Bind CUDA's inputs and outputs for all batch sizes, and run each once before a face."""
        try:
            self._bound = BoundRuns(self._session, self._outputs, "cuda")
            self._bound.warm_up()
        except Exception:
            # plain runs are slower and give the same
            log.warning("CUDA runs without bound memory", exc_info=True)
            self._bound = None

    @property
    def device(self) -> DeviceInfo:
        """Device that ran the last batch; it changes where CUDA fails while it is used."""
        return self._device

    def _try_out(self, path: Path) -> None:
        """Classify two blank crops: a file of the right names may still want other shapes or types.

        CUDA that loads and cannot run is found here too, before the first face.
        """
        try:
            expressions = self.classify(np.zeros((2, FACE_SIZE_PX, FACE_SIZE_PX), np.float32))
            shapes = {
                maps.ndim for e in expressions for name, maps in e.maps.items() if name != "cam"
            }
            wrong = expressions[0].probabilities.shape != (NUM_LABELS,) or shapes - {2}
        except Exception as error:  # ONNX Runtime raises classes of its own that share no base
            raise ModelError(
                translatable(
                    "{path} cannot judge two faces at a time; export it with ferdesk-train export.",
                    path=path,
                )
            ) from error
        if wrong:
            raise ModelError(
                translatable(
                    "{path} gives outputs of other shapes than the model contract's.", path=path
                )
            )

    def classify(self, crops: NDArray[np.float32]) -> list[Expression]:
        """Classification of ``crops`` [n, 48, 48] float32, grey values 0..255; n may be 0."""
        if len(crops) == 0:
            return []
        batch = np.ascontiguousarray(crops[:, None], dtype=np.float32)
        values = dict(zip(self._outputs, self._run(batch), strict=True))
        probabilities = _softmax(values.pop("logits"))
        crowd = _softmax(values[CROWD]) if CROWD in values else None
        crowd_cam = values.get(CROWD_CAM)
        return [
            Expression(
                probabilities=probabilities[i],
                maps={
                    name: values[name][i] if name == "cam" else values[name][i, 0]
                    for name in MAPS
                    if name in values
                },
                crowd=None if crowd is None else crowd[i],
                crowd_cam=None if crowd_cam is None else crowd_cam[i],
            )
            for i in range(len(crops))
        ]

    def _run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Outputs for ``batch`` [n, 1, 48, 48]; where CUDA fails, from the CPU from then on."""
        feed = {"faces": batch}
        try:
            if self._bound is not None:
                return self._bound.run(batch)
            values: list[NDArray[np.float32]] = self._session.run(self._outputs, feed)
        except Exception as error:  # as above
            if self._device.provider == "CPU":
                raise
            log.warning("CUDA failed and was left", exc_info=True)
            reason = cuda.refusal(_build(), str(error))
            self._session = _new_session(self._content, self._path, ["CPUExecutionProvider"])
            self._bound = None
            self._device = _device_of(self._session, self._provider, reason, gpu=self._device.gpu)
            values = self._session.run(self._outputs, feed)
        return values


class BoundRuns:
    """IO binding: runs of a session whose inputs and outputs stay in fixed device memory.

    Batches are filled up to one of a few sizes, so that each size is set up once and CUDA can
    replay it as a graph: one launch for all kernels. Larger batches go in pieces.
    """

    SIZES = (1, 2, 4, 8, 16, 32)

    def __init__(
        self, session: "onnxruntime.InferenceSession", outputs: list[str], device: str
    ) -> None:
        """Raises ``ValueError`` where an output's shape is not known beforehand."""
        self._session, self._outputs, self._device = session, outputs, device
        shapes = {value.name: list(value.shape[1:]) for value in session.get_outputs()}
        self._shapes = {name: shapes[name] for name in outputs}
        if not all(isinstance(n, int) for shape in self._shapes.values() for n in shape):
            raise ValueError(f"outputs of unknown shape: {self._shapes}")
        self._setups: dict[int, tuple[Any, Any, list[Any]]] = {}

    def warm_up(self) -> None:
        """Warm-up: each size runs twice; the first run chooses kernels, a later is captured."""
        for size in self.SIZES:
            for _ in range(2):
                self.run(np.zeros((size, 1, FACE_SIZE_PX, FACE_SIZE_PX), np.float32))

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Outputs for ``batch`` [n, 1, 48, 48], in memory of their own."""
        largest = self.SIZES[-1]
        pieces = [
            self._run_piece(batch[first : first + largest])
            for first in range(0, len(batch), largest)
        ]
        if len(pieces) == 1:
            return pieces[0]
        return [np.concatenate(values) for values in zip(*pieces, strict=True)]

    def _run_piece(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        import onnxruntime

        num = len(batch)
        size = next(size for size in self.SIZES if size >= num)
        if size not in self._setups:
            self._setups[size] = self._set_up(size)
        faces, binding, results = self._setups[size]
        filled = np.zeros((size, 1, FACE_SIZE_PX, FACE_SIZE_PX), np.float32)
        filled[:num] = batch
        faces.update_inplace(filled)
        options = onnxruntime.RunOptions()
        # a graph of its own for each size, where the session captures graphs
        options.add_run_config_entry("gpu_graph_id", str(size))
        self._session.run_with_iobinding(binding, options)
        return [np.array(value.numpy()[:num]) for value in results]

    def _set_up(self, size: int) -> tuple[Any, Any, list[Any]]:
        import onnxruntime

        make = onnxruntime.OrtValue.ortvalue_from_shape_and_type
        place = (self._device, 0)
        faces = make([size, 1, FACE_SIZE_PX, FACE_SIZE_PX], np.float32, *place)
        results = [make([size, *self._shapes[name]], np.float32, *place) for name in self._outputs]
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("faces", faces)
        for name, value in zip(self._outputs, results, strict=True):
            binding.bind_ortvalue_output(name, value)
        return faces, binding, results


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


def _open_session(
    content: bytes, path: Path, provider: Provider
) -> tuple["onnxruntime.InferenceSession", DeviceInfo]:
    """Session on the wanted device where that is possible, and the device it really has."""
    import onnxruntime

    # ferdesk/__init__.py has told it by the environment; this holds if that was too late
    onnxruntime.disable_telemetry_events()
    build, gpu, reason, detail = _build(), "", "", ""
    if provider == "cpu":
        reason = translatable("the CPU was chosen")
    else:
        driver = cuda.ask_driver(build)
        # a driver that is there makes a CPU build worth a word, even where nobody asked for CUDA
        gpu = driver.gpu
        reason = cuda.package_obstacle(build) or driver.obstacle
    if not reason:
        _preload_cuda(onnxruntime)
        try:
            session = _new_cuda_session(content, path)
        except ModelError as error:
            # a broken model fails on the CPU again, with its own sentence
            detail = str(error.__cause__)
        else:
            if cuda.CUDA_PROVIDER in session.get_providers():
                return session, _device_of(session, provider, "", gpu=gpu)
        reason = cuda.refusal(build, detail)
    session = _new_session(content, path, ["CPUExecutionProvider"])
    return session, _device_of(session, provider, reason, gpu=gpu)


def _new_session(
    content: bytes, path: Path, providers: list[str], cuda_options: dict[str, str] | None = None
) -> "onnxruntime.InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # more threads, or spinning ones, would take the machine from the window and the detector
    threads = threads_of_process() or (1 if _INT8_OPERATOR in content else _MAX_THREADS)
    options.intra_op_num_threads = min(threads, os.cpu_count() or 1)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # without its own fallback, which goes on with the CPU and tells nobody but stdout
        return onnxruntime.InferenceSession(
            content,
            options,
            providers=providers,
            provider_options=[cuda_options or {}, *({} for _ in providers[1:])],
            enable_fallback=0,
        )
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base
        log.debug("ONNX Runtime refused %s", path, exc_info=True)
        raise ModelError(
            translatable(
                "{path} is not a model that ONNX Runtime can load; export it again "
                "with ferdesk-train export.",
                path=path,
            )
        ) from error


def _new_cuda_session(content: bytes, path: Path) -> "onnxruntime.InferenceSession":
    """Session on CUDA, with CUDA graphs where the whole model runs on the GPU, else without.

    TensorRT was left out: it would build its engine for minutes at the first start, for a network
    of a few milliseconds.
    """
    providers = [cuda.CUDA_PROVIDER, "CPUExecutionProvider"]
    try:
        return _new_session(content, path, providers, _CUDA_GRAPHS)
    except ModelError as error:
        log.info("CUDA runs without graphs: %s", error.__cause__)
    return _new_session(content, path, providers)


def _preload_cuda(onnxruntime: "ModuleType") -> None:
    """Load the CUDA libraries that pip installed, which no loader finds by itself."""
    # it tells of missing libraries by print, which would spoil what a command writes for others
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        onnxruntime.preload_dlls()
    if printed.getvalue():
        log.info("ONNX Runtime: %s", printed.getvalue().strip())


def _build() -> cuda.Build:
    import onnxruntime

    return cuda.Build(
        onnxruntime.__version__,
        getattr(onnxruntime, "cuda_version", "") or "",
        onnxruntime.get_available_providers(),
    )


def runtime_text() -> str:
    """Version of the installed ONNX Runtime, and the CUDA that it was built for, in words."""
    build = _build()
    kind = f"built for CUDA {build.cuda_version}" if build.cuda_version else "the CPU build"
    return f"{build.version}, {kind}"


def _device_of(
    session: "onnxruntime.InferenceSession", wanted: Provider, reason: str, *, gpu: str
) -> DeviceInfo:
    """Device that ``session`` itself reports."""
    providers = tuple(session.get_providers())
    used: Literal["CPU", "CUDA"] = "CUDA" if cuda.CUDA_PROVIDER in providers else "CPU"
    # a GPU that is there and idle is news, whether CUDA was asked for by name or not
    fell_back = used == "CPU" and (wanted == "cuda" or (wanted == "auto" and gpu != ""))
    return DeviceInfo(used, reason, fell_back, wanted=wanted, gpu=gpu, providers=providers)
