"""Distributed training of one network: torchrun's processes, gloo on CPUs, NCCL on GPUs.

The recipe's batch is the batch of all processes together. Each takes its rows of it, gradients and
the norms' statistics are averaged, so that all hold the same weights, and process 0 alone writes.
"""

import contextlib
import datetime
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules.batchnorm import _BatchNorm

from ferdesk.errors import DataError, FerdeskError

_T = TypeVar("_T")
_Net = TypeVar("_Net", bound=nn.Module)
_TIMEOUT = datetime.timedelta(minutes=10)


class GroupLost(FerdeskError):
    """Loss of another process of the run: the current step cannot be finished."""


@dataclass(frozen=True, slots=True)
class Group:
    """Process group of a run, as one of its processes sees it; a single process is ``Group()``."""

    rank: int = 0
    size: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def check_batch(self, batch: int) -> None:
        """Check that a batch divides evenly among the processes, in pairs of mirror rows.

        Raises:
            DataError: with batches near it that can.
        """
        unit = 2 * self.size
        if self.size > 1 and batch % unit:
            below, above = batch // unit * unit, (batch // unit + 1) * unit
            near = f"{below} or {above}" if below else f"{above}"
            raise DataError(
                f"A batch of {batch} faces cannot be shared out to {self.size} processes; it must "
                f"be a multiple of {unit}: --set batch={near}."
            )

    def rows(self, batch: int) -> NDArray[np.int64]:
        """Rows of a batch for this process, ordered so that reversing them gives their mirror rows.

        Mixup mixes row i with row batch - 1 - i, so both go to one process, and there too a row's
        partner stands at its place counted from the end.
        """
        if self.size == 1:
            return np.arange(batch)
        half = batch // (2 * self.size)
        first = np.arange(self.rank * half, (self.rank + 1) * half)
        return np.concatenate([first, batch - 1 - first[::-1]])

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average the gradients over all processes, in one all-reduce.

        Raises:
            GroupLost: another process is gone.
        """
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        self._all_reduce(flat)
        flat /= self.size
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def mean(self, value: Tensor) -> Tensor:
        """Mean of ``value`` over all processes, without a gradient.

        Raises:
            GroupLost: another process is gone.
        """
        if self.size == 1:
            return value
        total = value.clone()
        self._all_reduce(total)
        return total / self.size

    def any(self, flag: bool) -> bool:
        """Whether any process passes True; all get the same answer.

        Raises:
            GroupLost: another process is gone.
        """
        if self.size == 1:
            return flag
        count = torch.tensor(float(flag))
        self._all_reduce(count)
        return bool(count.item() > 0)

    def from_first(self, make: Callable[[], _T]) -> _T:
        """Result of ``make`` in process 0, broadcast; or the same ``FerdeskError`` in all."""
        if self.size == 1:
            return make()
        parcel: list[Any] = [None, None]
        if self.writes:
            try:
                parcel[0] = make()
            except FerdeskError as error:
                parcel[1] = error
        with _lost():
            dist.broadcast_object_list(parcel, src=0)
        if parcel[1] is not None:
            raise parcel[1]
        made: _T = parcel[0]
        return made

    def copy_from_first(self, values: Iterable[Tensor]) -> None:
        """Broadcast ``values`` from process 0, in place.

        Raises:
            GroupLost: another process is gone.
        """
        if self.size > 1:
            for value in values:
                self._broadcast(value)

    def _broadcast(self, value: Tensor) -> None:
        sent = value.contiguous()
        with _lost():
            dist.broadcast(sent, src=0)
        value.copy_(sent)

    def _all_reduce(self, value: Tensor) -> None:
        with _lost():
            dist.all_reduce(value)


ALONE = Group()


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo's and NCCL's errors are of this kind
        raise GroupLost("Another process of this run has ended") from error


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """Process group from torchrun's environment, left at the end; a single process without it.

    Raises:
        DataError: the other processes cannot be met.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # flags and objects travel by gloo, which never waits for a GPU
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=_TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"The other processes of this run cannot be met ({str(error).splitlines()[0]}); start "
            "it with torchrun, with the same --rdzv-endpoint on every machine."
        ) from error
    try:
        yield Group(dist.get_rank(), dist.get_world_size())
    finally:
        # after an error another process may wait for this one, which leaves without a word
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()


def local_rank() -> int:
    """Index of this process on its machine: the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


class _MeanOverGroup(torch.autograd.Function):
    """Mean over all processes, whose gradient is averaged in the same way."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, group: Group) -> Tensor:  # noqa: ANN401
        ctx.group = group
        return group.mean(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return ctx.group.mean(gradient.contiguous()), None


class SyncedBatchNorm(_BatchNorm):
    """Synchronised batch normalisation over the faces of all processes, on any device.

    torch's SyncBatchNorm does not run on processors. Each process must see as many faces.
    """

    def __init__(self, norm: _BatchNorm, group: Group) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine)
        self.group = group
        self.load_state_dict(norm.state_dict())

    def _check_input_dim(self, _: Tensor) -> None:
        """Any number of axes behind the channels."""

    def forward(self, x_BCX: Tensor) -> Tensor:
        if not self.training:
            normed: Tensor = super().forward(x_BCX)
            return normed
        values = x_BCX.float()
        axes = [0, *range(2, values.ndim)]
        shape = [1, -1] + [1] * (values.ndim - 2)
        mean_C = _MeanOverGroup.apply(values.mean(axes), self.group)
        centred = values - mean_C.view(shape)
        variance_C = _MeanOverGroup.apply(centred.square().mean(axes), self.group)
        with torch.no_grad():
            count = values.numel() // values.shape[1] * self.group.size
            unbiased_C = variance_C * (count / max(count - 1, 1))
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.running_mean.lerp_(mean_C, self.momentum or 0.0)
            self.running_var.lerp_(unbiased_C, self.momentum or 0.0)
            self.num_batches_tracked.add_(1)
        scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
        y_BCX: Tensor = centred * scale_C.view(shape) + self.bias.view(shape)
        return y_BCX.to(x_BCX.dtype)


def synchronise_norms(network: _Net, group: Group, device: torch.device) -> _Net:
    """Network with synchronised batch norms: torch's own on CUDA, ``SyncedBatchNorm`` elsewhere."""
    if group.size == 1:
        return network
    if device.type == "cuda":
        converted: _Net = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return converted
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm):
                setattr(module, name, SyncedBatchNorm(child, group))
    return network
