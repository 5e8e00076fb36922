"""The truth about the device: each way in which CUDA can be missing is said, none is silent.

ONNX Runtime, NVIDIA's driver and its libraries are fakes with the real names and signatures.
"""

import ctypes
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from ferdesk import cuda
from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.core.types import DeviceInfo

ModelMaker = Callable[..., Path]
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
FACES = np.full((2, 48, 48), 255, np.float32)
RealSession = onnxruntime.InferenceSession


class FakeDriver:
    """``libcuda.so.1`` as ctypes gives it: functions that return a status and fill pointers."""

    def __init__(self, cuda_version: int = 13000, status: int = 0, num_gpus: int = 1) -> None:
        self.cuda_version, self.status, self.num_gpus = cuda_version, status, num_gpus

    def cuInit(self, flags: int) -> int:
        return self.status

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = self.num_gpus
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:
        version._obj.value = self.cuda_version
        return 0

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:
        device._obj.value = ordinal
        return 0

    def cuDeviceGetName(self, name: Any, length: int, device: ctypes.c_int) -> int:
        name.value = b"NVIDIA RTX 3060"
        return 0


class Machine:
    """What is installed: a driver, libraries, and an ONNX Runtime that behaves as told."""

    def __init__(self) -> None:
        self.driver: FakeDriver | None = FakeDriver()
        self.cuda_major = 13
        self.cudnn = True
        self.available = [CUDA, CPU]
        self.starts_cuda = True
        self.refuses_with = ""
        self.run_fails_with = ""
        self.preloaded = 0
        self.sessions: list[list[str]] = []

    def load_library(self, name: str) -> object:
        if name == "libcuda.so.1" and self.driver is not None:
            return self.driver
        if name.startswith(("libcublas", "libcudart")) and name.endswith(f".{self.cuda_major}"):
            return object()
        if name == "libcurand.so.10" and self.cuda_major:
            return object()
        if name == "libcudnn.so.9" and self.cudnn:
            return object()
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    def preload_dlls(
        self, cuda: bool = True, cudnn: bool = True, msvc: bool = True, directory: None = None
    ) -> None:
        self.preloaded += 1


class FakeSession:
    """A session that really runs on the CPU and claims what the machine gives it."""

    machine: Machine

    def __init__(
        self,
        path_or_bytes: bytes,
        sess_options: onnxruntime.SessionOptions | None = None,
        providers: Sequence[str] | None = None,
        provider_options: Sequence[dict[str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        self._enable_fallback = int(kwargs.get("enable_fallback", 1)) == 1
        wanted = list(providers or [])
        if CUDA in wanted and self.machine.refuses_with:
            raise RuntimeError(self.machine.refuses_with)
        self._real = RealSession(path_or_bytes, sess_options, providers=[CPU])
        # as the real one: a provider that cannot be made is left out and only the log is told
        self._providers = [p for p in wanted if p == CPU or self.machine.starts_cuda]
        self.machine.sessions.append(self._providers)

    def get_providers(self) -> list[str]:
        return self._providers

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: dict[str, np.ndarray],
        run_options: onnxruntime.RunOptions | None = None,
    ) -> list[np.ndarray]:
        if CUDA in self._providers and self.machine.run_fails_with:
            if not self._enable_fallback:
                raise RuntimeError(self.machine.run_fails_with)
            self._providers = [CPU]
        return list(self._real.run(output_names, input_feed, run_options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(FakeSession, "machine", machine, raising=False)
    monkeypatch.setattr(onnxruntime, "InferenceSession", FakeSession)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: machine.available)
    monkeypatch.setattr(onnxruntime, "preload_dlls", machine.preload_dlls, raising=False)
    monkeypatch.setattr(onnxruntime, "cuda_version", "13.0", raising=False)
    monkeypatch.setattr(cuda, "load_library", machine.load_library)
    monkeypatch.setattr("sys.platform", "linux")
    return machine


def device(make_model: ModelMaker, wanted: str = "cuda") -> DeviceInfo:
    return OnnxClassifier(make_model(), wanted).device  # type: ignore[arg-type]


def test_cuda_that_works_is_used_and_named(machine: Machine, make_model: ModelMaker) -> None:
    for wanted in ("cuda", "auto"):
        used = device(make_model, wanted)
        assert (used.provider, used.reason, used.fell_back) == ("CUDA", "", False)
        assert (used.gpu, used.providers) == ("NVIDIA RTX 3060", (CUDA, CPU))
    assert machine.preloaded == 2


def test_a_session_without_cuda_is_never_called_cuda(
    machine: Machine, make_model: ModelMaker
) -> None:
    machine.starts_cuda = False
    used = device(make_model)
    assert used.provider == "CPU"
    assert used.providers == (CPU,)
    assert used.fell_back
    assert used.reason


def no_driver(machine: Machine) -> None:
    machine.driver = None


def old_driver(machine: Machine) -> None:
    machine.driver = FakeDriver(cuda_version=12020)


def no_gpu(machine: Machine) -> None:
    machine.driver = FakeDriver(status=100)


def no_visible_gpu(machine: Machine) -> None:
    machine.driver = FakeDriver(num_gpus=0)


def mixed_driver(machine: Machine) -> None:
    machine.driver = FakeDriver(status=803)


def no_libraries(machine: Machine) -> None:
    machine.cuda_major, machine.cudnn, machine.starts_cuda = 0, False, False


def no_cudnn(machine: Machine) -> None:
    machine.cudnn, machine.starts_cuda = False, False


def other_libraries(machine: Machine) -> None:
    machine.cuda_major, machine.starts_cuda = 12, False


def cpu_build(machine: Machine) -> None:
    machine.available = [CPU]


def refused(machine: Machine) -> None:
    machine.refuses_with = "\nCUDA failure 801: operation not supported\n at a line"


def silent(machine: Machine) -> None:
    machine.starts_cuda = False


def failing(machine: Machine) -> None:
    machine.run_fails_with = "no kernel image is available for execution on the device"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (no_driver, "no NVIDIA driver was found"),
        (old_driver, "it supports CUDA 12.2 and ONNX Runtime"),
        (old_driver, "install driver 580 or newer"),
        (no_gpu, "sees no GPU"),
        (no_visible_gpu, "no usable GPU"),
        (mixed_driver, "restart the machine"),
        (no_libraries, r"libraries of CUDA 13 and cuDNN 9 are missing \(libcublasLt.so.13"),
        (no_libraries, r"pip install 'ferdesk\[cuda\]'"),
        (no_cudnn, r"libraries of cuDNN 9 are missing \(libcudnn.so.9\)"),
        (other_libraries, "CUDA 12 is installed and .* needs CUDA 13"),
        (cpu_build, "pip install"),
        (refused, "CUDA failed: CUDA failure 801: operation not supported$"),
        (silent, "gave no reason"),
        (failing, "CUDA failed: no kernel image is available"),
    ],
)
def test_each_obstacle_is_told_in_words(
    machine: Machine, make_model: ModelMaker, broken: Callable[[Machine], None], words: str
) -> None:
    import re

    broken(machine)
    used = device(make_model)
    assert (used.provider, used.fell_back) == ("CPU", True)
    assert re.search(words, used.reason), used.reason
    assert used.providers == (CPU,)


def test_an_idle_gpu_is_a_fallback_even_where_nothing_was_asked_for(
    machine: Machine, make_model: ModelMaker
) -> None:
    no_libraries(machine)
    assert device(make_model, "auto").fell_back
    no_driver(machine)
    assert not device(make_model, "auto").fell_back


def test_the_cpu_that_was_chosen_asks_for_no_driver(
    machine: Machine, make_model: ModelMaker
) -> None:
    used = device(make_model, "cpu")
    assert (used.provider, used.reason, used.fell_back) == ("CPU", "the CPU was chosen", False)
    assert machine.sessions == [[CPU]]
    assert machine.preloaded == 0


def test_cuda_that_fails_in_the_middle_goes_on_with_the_cpu_and_says_so(
    machine: Machine, make_model: ModelMaker
) -> None:
    classifier = OnnxClassifier(make_model(), "cuda")
    before = classifier.classify(FACES)
    assert classifier.device.fell_back is False
    machine.run_fails_with = "CUDA failure 700: an illegal memory access was encountered"
    after = classifier.classify(FACES)
    used = classifier.device
    assert (used.provider, used.fell_back, used.providers) == ("CPU", True, (CPU,))
    assert "CUDA failure 700" in used.reason
    np.testing.assert_array_equal(after[0].probabilities, before[0].probabilities)


def test_a_runtime_laid_over_the_gpu_build_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(cuda, "_installed", lambda package: package == "onnxruntime-gpu")
    assert "pip uninstall onnxruntime onnxruntime-gpu" in cuda.package_obstacle(
        cuda.Build("1.31.1", "", [CPU])
    )


def test_the_packaged_program_does_not_tell_to_use_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    told = cuda.package_obstacle(cuda.Build("1.31.1", "", ["CPUExecutionProvider"]))
    assert "CPU build" in told
    assert "pip" not in told
