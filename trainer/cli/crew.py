"""Crew of a study: where its networks are trained in parallel, on this machine or a cluster."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from trainer.training import parallel_runs


@dataclass(frozen=True, slots=True)
class Crew:
    """Crew: how many networks are trained at a time, on which devices, and what runs them."""

    at_once: int
    devices: Sequence[str]
    run_many: parallel_runs.RunMany = parallel_runs.run_many

    def job(self, number: int, folder: Path, arguments: Sequence[str]) -> parallel_runs.Job:
        """The job with that number; jobs are dealt out to the devices."""
        device = self.devices[number % len(self.devices)]
        return parallel_runs.Job(folder, tuple(arguments), device)


@contextlib.contextmanager
def crew_of(device: str, at_once: int, cluster: str) -> Iterator[Crew | None]:
    """The crew that the options ask for; None where one network is trained after the other.

    On a cluster ``at_once`` 1, which nobody needs there, leaves the number to its GPUs or machines.

    Raises:
        FerdeskError: Ray is not installed, or no cluster answers at the address.
    """
    if not cluster:
        devices = parallel_runs.devices_of(device, torch.cuda.device_count())
        yield Crew(at_once, devices) if at_once > 1 else None
        return
    from trainer.training.cluster_runs import Cluster

    with contextlib.closing(Cluster(cluster)) as joined:
        num, share = joined.share(at_once if at_once > 1 else None)
        # each run sees its own share of the GPUs as all that there are
        yield Crew(num, [device], partial(joined.run_many, share=share))
