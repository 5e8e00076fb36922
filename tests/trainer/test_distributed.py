"""Several processes are the single process: the same loss, the same weights, one set of files."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import distributed as dist
from torch import nn

from ferdesk.errors import DataError
from trainer.data.fer2013 import Fer2013
from trainer.recipes.config import Recipe
from trainer.training.build import build_network
from trainer.training.checkpoint import load_checkpoint
from trainer.training.distributed import Group, GroupLost, SyncedBatchNorm, synchronise_norms
from trainer.training.errors import TrainingStopped
from trainer.training.loop import fit

# seconds of work; a busy machine may take many times that
pytestmark = pytest.mark.timeout(300)

Row = tuple[int, NDArray[np.uint8], str]
CHECKOUT = Path(__file__).parents[2]
TINY = (
    "--unofficial", "--no-compile", "--device", "cpu", "--no-bf16", "--threads", "1",
    "--no-tensorboard", "--set", "width=4", "--set", "batch=8", "--preset", "full",
    "--set", "warmup=0.5", "--set", "loss=a-softmax",
)  # fmt: skip


@pytest.fixture
def csv(write_csv: Callable[[Sequence[Row]], Path], rows: list[Row]) -> Path:
    return write_csv(rows)


def _start(tmp_path: Path, processes: int, *arguments: str | Path) -> subprocess.Popen[str]:
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return subprocess.Popen(
        [sys.executable, *(torchrun if processes > 1 else []), "-m", "trainer", "fit",
         *map(str, arguments)],
        cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )  # fmt: skip


def _run(tmp_path: Path, processes: int, *arguments: str | Path) -> str:
    process = _start(tmp_path, processes, *arguments)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return said


def _losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_give_the_loss_curve_of_one(csv: Path, tmp_path: Path) -> None:
    arguments: list[str | Path] = ["--data", csv, *TINY, "--set", "epochs=3"]
    _run(tmp_path, 1, *arguments, "--out", tmp_path / "one")
    said = _run(tmp_path, 2, *arguments, "--out", tmp_path / "two")

    one, two = (load_checkpoint(tmp_path / name / "last.pt") for name in ("one", "two"))
    assert len(_losses(tmp_path / "one")) == 3
    np.testing.assert_allclose(_losses(tmp_path / "two"), _losses(tmp_path / "one"), atol=1e-4)
    assert two.step == one.step == 6
    for name, value in one.weights.items():
        torch.testing.assert_close(two.weights[name], value, atol=1e-3, rtol=1e-3)
    assert said.count("Done: step 6") == 1  # the first process alone speaks
    assert "in each of 2 processes" in said


class _Table:
    """Where threads that play processes meet: each lays something down, all see everything."""

    def __init__(self, size: int) -> None:
        self.barrier, self.laid = threading.Barrier(size), [None] * size

    def exchange(self, rank: int, mine: Any) -> list[Any]:
        self.laid[rank] = mine
        self.barrier.wait(60)
        laid = list(self.laid)
        self.barrier.wait(60)
        return laid


@dataclass(frozen=True)
class _Together(Group):
    table: _Table = field(default_factory=lambda: _Table(1))

    def from_first(self, make: Callable[[], Any]) -> Any:
        return self.table.exchange(self.rank, make() if self.rank == 0 else None)[0]

    def _broadcast(self, value: torch.Tensor) -> None:
        value.copy_(self.table.exchange(self.rank, value.clone())[0])

    def _all_reduce(self, value: torch.Tensor) -> None:
        value.copy_(torch.stack(self.table.exchange(self.rank, value.clone())).sum(0))


@pytest.mark.parametrize(
    "values",
    [{"loss": "a-softmax"}, {"mixup": 0.4, "average": 0.9, "rotation_deg": 15.0, "erase": 0.3}],
    ids=["paper", "everything"],
)
def test_two_that_share_each_batch_train_as_one_does(
    tiny_recipe: Recipe,
    tiny_data: Fer2013,
    tmp_path: Path,
    values: dict[str, Any],
) -> None:
    # two epochs: A-Softmax has kinks, at which rounding soon makes another network
    recipe = dataclasses.replace(tiny_recipe, epochs=2, **values)
    # threads, unlike processes, share torch's generator: none of them draws its own weights
    torch.manual_seed(recipe.seed)
    start = build_network(recipe).state_dict()
    one = fit(recipe, tiny_data, tmp_path / "one", start=start)
    table = _Table(2)
    with ThreadPoolExecutor(2) as pool:
        parts = [
            pool.submit(
                fit, recipe, tiny_data, tmp_path / "two",
                start=start, group=_Together(rank, 2, table),
            )
            for rank in range(2)
        ]  # fmt: skip
        two = parts[0].result()
    np.testing.assert_allclose(_losses(tmp_path / "two"), _losses(tmp_path / "one"), atol=1e-4)
    for name, value in one.evaluated_weights().items():
        torch.testing.assert_close(two.evaluated_weights()[name], value, atol=1e-3, rtol=1e-3)
    assert two.scores == one.scores


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_what_ends_one_process_ends_all_with_a_sentence(
    csv: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "run"
    arguments: list[str | Path] = ["--data", csv, *TINY, "--out", out, "--set", "epochs=100000"]
    process = _start(tmp_path, 2, *arguments)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "epoch" in line and "images/s" in line:
                break
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[-1]), number)
        said = process.communicate(timeout=200)[0]
    finally:
        process.kill()
    assert process.returncode != 0
    assert "--resume" in said
    assert load_checkpoint(out / "last.pt").step > 0


class _Doubled(Group):
    """Of two processes that hold the same, one: each mean over them is what it holds itself."""

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        return value


def test_synced_norms_are_torchs_where_all_see_the_same() -> None:
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(3)
    nn.init.uniform_(plain.weight)
    nn.init.uniform_(plain.bias)
    synced = SyncedBatchNorm(plain, _Doubled(0, 2))
    x = torch.randn(4, 3, 5, 5, dtype=torch.float32) * 3 + 2
    twice = torch.cat([x, x]).requires_grad_()
    once = x.clone().requires_grad_()

    expected, found = plain(twice), synced(once)
    torch.testing.assert_close(found, expected[:4])
    slope = torch.randn(4, 3, 5, 5)
    expected.backward(torch.cat([slope, slope]))
    found.backward(slope)
    assert once.grad is not None
    assert twice.grad is not None
    torch.testing.assert_close(once.grad, twice.grad[:4])
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(synced.state_dict()[name], value)
    torch.testing.assert_close(synced.eval()(x), plain.eval()(x))


def test_every_norm_of_a_network_is_replaced_and_keeps_its_name() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.BatchNorm2d(2)))
    names = list(network.state_dict())
    assert synchronise_norms(network, Group(), torch.device("cpu")) is network
    synced: Any = synchronise_norms(network, Group(0, 2), torch.device("cpu"))
    assert isinstance(synced[1][0], SyncedBatchNorm)
    assert list(synced.state_dict()) == names


def test_a_peer_that_is_gone_ends_the_run_with_a_sentence(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer")

    group = _Together(0, 2, _Table(1))
    monkeypatch.setattr(dist, "all_reduce", gone)
    with pytest.raises(GroupLost, match="Another process of this run has ended"):
        Group(0, 2).mean(torch.ones(2))
    monkeypatch.setattr(_Together, "_all_reduce", Group._all_reduce)
    with pytest.raises(TrainingStopped, match=r"Another process .* with --resume"):
        fit(tiny_recipe, tiny_data, tmp_path, group=group)


def test_processes_that_cannot_meet_are_told_to_use_torchrun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from trainer.training.distributed import joined

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(DataError, match="torchrun"), joined(torch.device("cpu")):
        pass
