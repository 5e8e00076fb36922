"""CUDA diagnosis: what keeps ONNX Runtime from CUDA on this machine, and what to install.

The driver and the libraries are asked directly, by name, since ONNX Runtime itself only writes to
its log and goes on with the CPU. Nothing here needs CUDA, or imports anything large.
"""

import ctypes
import logging
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ferdesk.messages import translatable

log = logging.getLogger(__name__)

CUDA_PROVIDER = "CUDAExecutionProvider"
_INSTALL = translatable("pip install 'ferdesk[cuda]' brings them")
# the oldest drivers that run a CUDA version's programs (CUDA's compatibility guide)
_OLDEST_DRIVER = {11: "450", 12: "525", 13: "580"}
_NO_DEVICE, _DRIVER_MISMATCH = 100, 803


@dataclass(frozen=True, slots=True)
class Build:
    """Build of ONNX Runtime that is installed: ``cuda_version`` is empty in a CPU build."""

    version: str
    cuda_version: str
    available_providers: Collection[str]

    @property
    def cuda_major(self) -> int:
        major = self.cuda_version.partition(".")[0]
        return int(major) if major.isdigit() else 12


@dataclass(frozen=True, slots=True)
class Driver:
    """Driver by NVIDIA: its GPU's name, and why it cannot be used (empty where it can)."""

    gpu: str = ""
    obstacle: str = ""


def package_obstacle(build: Build) -> str:
    """Why the installed ONNX Runtime cannot use CUDA at all; empty where it can."""
    if CUDA_PROVIDER in build.available_providers:
        return ""
    if sys.platform == "darwin":
        return translatable("there is no CUDA on macOS")
    if getattr(sys, "frozen", False):
        return translatable(
            "this package of ferdesk is the CPU build; for an NVIDIA GPU take the one for CUDA"
        )
    if _installed("onnxruntime-gpu"):
        return translatable(
            "onnxruntime lies over onnxruntime-gpu, which alone has CUDA; pip "
            "uninstall onnxruntime onnxruntime-gpu, then pip install "
            "onnxruntime-gpu"
        )
    return translatable(
        "the installed ONNX Runtime is the CPU build; pip uninstall onnxruntime, "
        "then pip install 'ferdesk[cuda]'"
    )


def ask_driver(build: Build) -> Driver:
    """Start the driver and ask for its first GPU."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = load_library(name)
    except OSError:
        return Driver(
            obstacle=translatable(
                "no NVIDIA driver was found ({name} is missing); if this machine has "
                "an NVIDIA GPU, install its driver",
                name=name,
            )
        )
    status = driver.cuInit(0)
    if status == _NO_DEVICE:
        return Driver(obstacle=translatable("the NVIDIA driver sees no GPU"))
    if status == _DRIVER_MISMATCH:
        return Driver(
            obstacle=translatable(
                "the NVIDIA driver's parts have different versions; restart the machine"
            )
        )
    count = ctypes.c_int(0)
    if status != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return Driver(
            obstacle=translatable(
                "the NVIDIA driver reports no usable GPU (code {status})", status=status
            )
        )
    gpu = _gpu_name(driver)
    version = ctypes.c_int(0)
    driver.cuDriverGetVersion(ctypes.byref(version))
    major = version.value // 1000
    if 0 < major < build.cuda_major:
        oldest = _OLDEST_DRIVER.get(build.cuda_major)
        wanted = (
            translatable("driver {oldest} or newer", oldest=oldest)
            if oldest
            else translatable("a newer driver")
        )
        return Driver(
            gpu,
            translatable(
                "the NVIDIA driver is too old: it supports CUDA {major}.{minor} and "
                "ONNX Runtime {version} needs CUDA {cuda_major}; install {wanted}",
                major=major,
                minor=version.value % 1000 // 10,
                version=build.version,
                cuda_major=build.cuda_major,
                wanted=wanted,
            ),
        )
    return Driver(gpu)


def library_obstacle(build: Build) -> str:
    """Which of the CUDA and cuDNN libraries cannot be loaded; empty where all can."""
    major = build.cuda_major
    missing_cuda = [name for name in _cuda_libraries(major) if not _loads(name)]
    missing_cudnn = [name for name in _cudnn_libraries() if not _loads(name)]
    if missing_cuda:
        for other in (major - 1, major + 1):
            if all(_loads(name) for name in _cuda_libraries(other)[:2]):
                return translatable(
                    "CUDA's libraries have the wrong version: CUDA {other} is "
                    "installed and ONNX Runtime {version} needs CUDA {major}; "
                    "{install}",
                    other=other,
                    version=build.version,
                    major=major,
                    install=_INSTALL,
                )
    missing = [*missing_cuda, *missing_cudnn]
    if not missing:
        return ""
    what = " and ".join(
        words
        for words, names in ((f"CUDA {major}", missing_cuda), ("cuDNN 9", missing_cudnn))
        if names
    )
    return translatable(
        "libraries of {what} are missing ({missing}); {install}",
        what=what,
        missing=", ".join(missing),
        install=_INSTALL,
    )


def refusal(build: Build, said: str) -> str:
    """Why ONNX Runtime did not start CUDA, or left it, though driver and package allow it.

    Args:
        build: the ONNX Runtime.
        said: its own words, where it had any.
    """
    if obstacle := library_obstacle(build):
        return obstacle
    line = next((line.strip() for line in said.splitlines() if line.strip()), "")
    if line:
        return translatable("CUDA failed: {line}", line=line[:200])
    return translatable(
        "ONNX Runtime could not start CUDA and gave no reason; native.log may have it"
    )


def _gpu_name(driver: Any) -> str:  # noqa: ANN401 (a native library)
    device, name = ctypes.c_int(0), ctypes.create_string_buffer(256)
    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDeviceGetName(name, len(name), device)
    return name.value.decode("utf-8", "replace")


def _cuda_libraries(major: int) -> tuple[str, ...]:
    """In the order in which they need each other."""
    if sys.platform == "win32":
        return (f"cublasLt64_{major}.dll", f"cublas64_{major}.dll", f"cudart64_{major}.dll")
    return (
        f"libcublasLt.so.{major}", f"libcublas.so.{major}", f"libcudart.so.{major}",
        "libcurand.so.10",
    )  # fmt: skip


def _cudnn_libraries() -> tuple[str, ...]:
    return ("cudnn64_9.dll",) if sys.platform == "win32" else ("libcudnn.so.9",)


def _loads(name: str) -> bool:
    try:
        load_library(name)
    except OSError as error:
        log.debug("%s does not load: %s", name, error)
        return False
    return True


def load_library(name: str) -> Any:  # noqa: ANN401 (a native library)
    """Open a shared library by its name; ``OSError`` where there is none."""
    return ctypes.CDLL(name)


def _installed(package: str) -> bool:
    from importlib import metadata

    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
