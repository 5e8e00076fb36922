"""Devices: where a network is trained, compiled or not, and in which precision."""

import torch

from ferdesk.errors import DataError
from trainer.training.distributed import local_rank


def choose_device(name: str) -> str:
    """Device by name; ``auto`` is a GPU where torch can use one, else the CPU.

    Of the processes that torchrun starts on a machine, each gets a GPU of its own.

    Raises:
        DataError: torch cannot use the device here.
    """
    if name in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{local_rank() % torch.cuda.device_count()}"
    if name == "auto":
        return "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DataError("There is no CUDA device that torch can use here; choose --device cpu.")
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DataError(f"There is no device {name} that torch can use here.") from error
    return name


def compiling_pays(device: str) -> bool:
    """Whether torch.compile is faster: on GPUs, and on CPUs with AMX (measured)."""
    return device.startswith("cuda") or _has_amx()


def bf16_is_fast(device: str, compiled: bool) -> bool:
    """Whether bfloat16 is faster: on GPUs that have it, and compiled on CPUs with AMX (measured).

    GPUs before NVIDIA's Ampere only emulate it.
    """
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return compiled and _has_amx()


def _has_amx() -> bool:
    return bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())
