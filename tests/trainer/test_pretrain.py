"""Greedy pre-training: its formulas, one layer at a time, resumable to the bit."""

import dataclasses
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ferdesk.errors import DataError
from trainer.data.fer2013 import Fer2013
from trainer.models.baselines import StackedAutoEncoder
from trainer.recipes.config import Recipe
from trainer.training.build import build_network
from trainer.training.checkpoint import load_checkpoint
from trainer.training.errors import TrainingStopped
from trainer.training.loop import fit
from trainer.training.pretrain import (
    KINDS,
    GreedyPretraining,
    corrupted,
    pretrain,
    reconstruction_error,
    sparsity_penalty,
)

if TYPE_CHECKING:
    from trainer.training.progress import Progress

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def recipe() -> Recipe:
    """Two epochs of three steps for each of three layers, then two of fine-tuning."""
    return Recipe(
        name="tiny", system="zhang", width=2, epochs=2, batch=8, learning_rate=0.05,
        pretrain_epochs=2, corruption=0.3, sparsity_weight=0.1, average=0.9,
    )  # fmt: skip


def _network(recipe: Recipe) -> StackedAutoEncoder:
    torch.manual_seed(recipe.seed)
    network = build_network(recipe)
    assert isinstance(network, StackedAutoEncoder)
    return network


def _pixels(data: Fer2013) -> torch.Tensor:
    return torch.from_numpy(data.splits["training"].pixels)


def test_the_sparsity_penalty_is_the_kl_divergence_written_out() -> None:
    activation = np.random.default_rng(0).uniform(0.05, 0.95, (16, 5))
    rho, expected = 0.05, 0.0
    for mean in activation.mean(0):
        expected += rho * math.log(rho / mean) + (1 - rho) * math.log((1 - rho) / (1 - mean))
    assert sparsity_penalty(torch.from_numpy(activation), rho).item() == pytest.approx(expected)


def test_the_sparsity_penalty_is_0_at_its_target_and_finite_at_dead_units() -> None:
    assert sparsity_penalty(torch.full((4, 3), 0.05), 0.05).item() == pytest.approx(0, abs=1e-6)
    dead = torch.zeros(4, 3, requires_grad=True)
    penalty = sparsity_penalty(dead, 0.05)
    torch.autograd.backward(penalty)
    assert torch.isfinite(penalty)
    assert dead.grad is not None
    assert torch.isfinite(dead.grad).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_the_asked_share_of_pixels_is_hidden_and_the_rest_is_as_it_was(share: float) -> None:
    x = torch.rand(100, 1000) + 1
    found = corrupted(x, share, torch.Generator().manual_seed(0))
    hidden = found == 0
    # a binomial's standard deviation is at most 0.5 / sqrt(100000) = 0.0016
    assert hidden.float().mean().item() == pytest.approx(share, abs=0.01)
    assert torch.equal(found[~hidden], x[~hidden])


def test_the_reconstruction_error_is_half_the_squared_distance() -> None:
    x, rebuilt = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 3.0]])
    assert reconstruction_error(rebuilt, x).item() == pytest.approx((2.5 + 4.5) / 2)


def test_pre_training_lowers_each_layers_reconstruction_error_and_leaves_those_below(
    recipe: Recipe, tiny_data: Fer2013
) -> None:
    recipe = dataclasses.replace(recipe, pretrain_epochs=40, pretrain_learning_rate=0.01)
    model, pixels = _network(recipe), _pixels(tiny_data)
    work = GreedyPretraining(model, recipe, pixels)
    inner = pixels[:, None, 2:46, 2:46].float()

    def error(layer: int) -> float:
        with torch.no_grad():
            x = model.encode(model.normalise(inner), layer)
            work.generator.manual_seed(0)
            return work.losses(layer, x)[1].item()

    for layer in range(len(KINDS)):
        frozen = [p.clone() for p in model.encoders[:layer].parameters()]
        before = error(layer)
        for _ in range(work.steps_per_layer):
            assert work.layer == layer
            work.update()
        assert error(layer) < 0.8 * before, KINDS[layer]
        for kept, now in zip(frozen, model.encoders[:layer].parameters(), strict=True):
            assert torch.equal(kept, now)


def test_the_sparse_layer_becomes_sparse(recipe: Recipe, tiny_data: Fer2013) -> None:
    means = []
    for weight in (0.0, 20.0):
        weighed = dataclasses.replace(
            recipe, pretrain_epochs=25, sparsity_weight=weight, pretrain_learning_rate=0.03
        )
        model = _network(weighed)
        work = GreedyPretraining(model, weighed, _pixels(tiny_data))
        for _ in range(2 * work.steps_per_layer):
            work.update()
        inner = _pixels(tiny_data)[:, None, 2:46, 2:46].float()
        means.append(model.encode(model.normalise(inner), 2).mean().item())
    assert means[1] == pytest.approx(recipe.sparsity, abs=0.03)
    assert means[0] > 0.2


class _After:
    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("stop_after", [1, 6, 8, 18, 20])
def test_a_run_stopped_while_pre_training_or_after_goes_on_as_if_it_had_not_been(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, stop_after: int
) -> None:
    whole = fit(recipe, tiny_data, tmp_path / "whole")
    with pytest.raises(TrainingStopped, match="--resume goes on"):
        fit(recipe, tiny_data, tmp_path / "parts", stop_requested=_After(stop_after))
    parts = fit(recipe, tiny_data, tmp_path / "parts", resume=True)
    assert parts.step == whole.step == 6
    for name, value in whole.weights.items():
        assert torch.equal(parts.weights[name], value), name
    assert whole.average is not None
    assert parts.average is not None
    for name, value in whole.average.items():
        assert torch.equal(parts.average[name], value), name


def test_one_log_holds_both_phases_and_the_report_names_them(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    fit(recipe, tiny_data, tmp_path, report=seen.append)
    rows = _rows(tmp_path)
    phases = [(row.get("layer", "fine-tuning"), row["epoch"], row["step"]) for row in rows]
    assert phases == [
        ("denoising", 1, -15), ("denoising", 2, -12), ("sparse", 1, -9), ("sparse", 2, -6),
        ("plain", 1, -3), ("plain", 2, 0), ("fine-tuning", 1, 3), ("fine-tuning", 2, 6),
    ]  # fmt: skip
    assert [row.get("phase") for row in rows[5:7]] == ["pre-training", None]
    assert seen[0].phase == "pre-training, denoising layer"
    assert (seen[0].num_steps, seen[-1].phase, seen[-1].num_steps) == (18, "training", 6)


def test_a_folder_with_a_pre_training_is_not_overwritten(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    with pytest.raises(TrainingStopped):
        fit(recipe, tiny_data, tmp_path, stop_requested=_After(2))
    with pytest.raises(DataError, match="already holds a run; add --resume"):
        fit(recipe, tiny_data, tmp_path)
    other = dataclasses.replace(recipe, corruption=0.5)
    with pytest.raises(DataError, match="another recipe or another data file"):
        fit(other, tiny_data, tmp_path, resume=True)
    assert load_checkpoint(tmp_path / "pretrain.pt").step == 2


def test_a_loss_that_is_not_finite_ends_pre_training_in_a_sentence(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = torch.tensor(math.nan)
    monkeypatch.setattr(GreedyPretraining, "losses", lambda *_: (broken.requires_grad_(), broken))
    with pytest.raises(TrainingStopped, match="denoising layer is no longer finite"):
        fit(recipe, tiny_data, tmp_path)
    assert not (tmp_path / "last.pt").exists()


def test_without_pre_training_epochs_there_is_none(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    model = _network(recipe)
    before = [parameter.clone() for parameter in model.parameters()]
    none = dataclasses.replace(recipe, pretrain_epochs=0)
    pretrain(model, none, _pixels(tiny_data), tmp_path, data_sha256="synthetic", commit="test")
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert list(tmp_path.iterdir()) == []
