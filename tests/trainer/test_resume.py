"""A run that is killed in its middle, in a process of its own, ends with the same weights."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainer.training.checkpoint import load_checkpoint
from trainer.training.run_log import RunLog

# seconds of work; a busy machine may take many times that
pytestmark = pytest.mark.timeout(200)

Row = tuple[int, NDArray[np.uint8], str]
CHECKOUT = Path(__file__).parents[2]
TINY = (
    "--unofficial", "--no-compile", "--device", "cpu", "--no-bf16", "--threads", "1",
    "--no-tensorboard", "--preset", "full", "--set", "width=4", "--set", "batch=4", "--set",
    "epochs=4", "--set", "warmup=0.5",
)  # fmt: skip
# the child dies by its own SIGKILL in the middle of an epoch's third step, as by kill -9
KILLED = """
import os, signal, sys
from trainer.training import step
from trainer.training import loop
from trainer.__main__ import main

made = 0
once = step.TrainingStep.__call__

def dies(self):
    global made
    made += 1
    if made == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    once(self)

step.TrainingStep.__call__ = dies
main()
"""


def _child(tmp_path: Path, program: list[str], *arguments: str | Path) -> int:
    return subprocess.run(
        [sys.executable, *program, "fit", *map(str, arguments)],
        cwd=CHECKOUT, check=False, capture_output=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
    ).returncode  # fmt: skip


def test_kill_9_and_resume_give_the_weights_of_an_uninterrupted_run(
    write_csv: Callable[[Sequence[Row]], Path], rows: list[Row], tmp_path: Path
) -> None:
    arguments: list[str | Path] = ["--data", write_csv(rows), *TINY]
    module = ["-m", "trainer"]
    assert _child(tmp_path, module, *arguments, "--out", tmp_path / "whole") == 0
    assert _child(tmp_path, ["-c", KILLED], *arguments, "--out", tmp_path / "killed") == -9
    assert load_checkpoint(tmp_path / "killed" / "last.pt").step < 16
    assert _child(tmp_path, module, *arguments, "--out", tmp_path / "killed", "--resume") == 0

    whole, killed = (load_checkpoint(tmp_path / n / "last.pt") for n in ("whole", "killed"))
    assert killed.step == whole.step == 16
    for name, value in whole.weights.items():
        assert torch.equal(killed.weights[name], value), name
    assert killed.average is not None
    assert whole.average is not None
    for name, value in whole.average.items():
        assert torch.equal(killed.average[name], value), name
    for folder in ("whole", "killed"):
        lines = (tmp_path / folder / "log.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]


def test_rows_that_a_kill_left_ahead_of_the_checkpoint_are_made_again(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rows = [json.dumps({"epoch": epoch, "step": 3 * epoch}) for epoch in (1, 2, 3)]
    log.write_text("\n".join(rows) + '\n{"epoch": 4, "st')  # a row cut off by the kill
    run_log = RunLog(tmp_path, 6)
    assert log.read_text().splitlines() == rows[:2]
    run_log.write({"epoch": 3, "step": 9})
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [3, 6, 9]


def test_without_tensorboard_the_run_goes_on_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run_log = RunLog(tmp_path, 0, events=True, notice=said.append)
    run_log.write({"epoch": 1, "step": 3, "loss": 1.5})
    run_log.close()
    assert len(said) == 1
    assert "TensorBoard is not installed" in said[0]
    assert not (tmp_path / "events").exists()


def test_tensorboard_gets_the_rows_scalars(tmp_path: Path) -> None:
    accumulator: Any = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    run_log = RunLog(tmp_path, 0, events=True)
    for epoch in (1, 2):
        run_log.write({"epoch": epoch, "step": 3 * epoch, "loss": 1.0 / epoch, "public": None})
    run_log.close()
    read = accumulator.EventAccumulator(str(tmp_path / "events"))
    read.Reload()
    assert [(event.step, event.value) for event in read.Scalars("loss")] == [(3, 1.0), (6, 0.5)]
