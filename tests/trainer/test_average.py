"""Averaged weights are the mean of both networks', weighted, and export like any others."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ferdesk.errors import DataError
from tests.trainer.conftest import Row, Run
from trainer.cli.average import averaged, with_norms_of
from trainer.data.fer2013 import Fer2013
from trainer.recipes.config import Recipe
from trainer.training.checkpoint import load_checkpoint
from trainer.training.distillation import load_teacher
from trainer.training.loop import fit

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def two(tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path) -> tuple[Path, Path]:
    first = fit(tiny_recipe, tiny_data, tmp_path / "first")
    longer = dataclasses.replace(tiny_recipe, seed=2, epochs=1)
    fit(longer, tiny_data, tmp_path / "second", start=first.evaluated_weights())
    return tmp_path / "first", tmp_path / "second"


def test_an_average_is_the_weighted_mean_of_all_weights(
    two: tuple[Path, Path], tiny_recipe: Recipe
) -> None:
    networks = [load_teacher(place, tiny_recipe) for place in two]
    mean = averaged(networks, [1.0, 3.0])
    for name, value in mean.items():
        first, second = (network.weights[name] for network in networks)
        if value.is_floating_point():
            torch.testing.assert_close(value, 0.25 * first + 0.75 * second)
        else:
            assert torch.equal(value, second)


def test_networks_of_two_shapes_are_refused(two: tuple[Path, Path], tiny_recipe: Recipe) -> None:
    networks = [load_teacher(place, tiny_recipe) for place in two]
    other = dataclasses.replace(networks[1], recipe=dataclasses.replace(tiny_recipe, width=8))
    with pytest.raises(DataError, match="one shape"):
        averaged([networks[0], other], [1.0, 1.0])
    with pytest.raises(DataError, match="two networks or more"):
        averaged(networks[:1], [1.0])


def test_norms_are_measured_anew_on_training_faces(
    two: tuple[Path, Path], tiny_recipe: Recipe, tiny_data: Fer2013
) -> None:
    networks = [load_teacher(place, tiny_recipe) for place in two]
    mean = averaged(networks, [1.0, 1.0])
    # statistics that are far off do no harm, for they are not read
    spoiled = {name: value + 5 * name.endswith("running_mean") for name, value in mean.items()}
    measured = [
        with_norms_of(weights, tiny_recipe, tiny_data.splits["training"], 16, "cpu")
        for weights in (mean, spoiled)
    ]
    assert measured[0].keys() == mean.keys()
    for name, value in measured[0].items():
        torch.testing.assert_close(value, measured[1][name])
        if "running" not in name and value.is_floating_point():
            assert torch.equal(value, mean[name])
    assert not torch.allclose(
        measured[0]["stem_norm.running_mean"], mean["stem_norm.running_mean"], rtol=1e-3
    )


def test_the_command_writes_a_checkpoint_that_exports(
    two: tuple[Path, Path],
    run: Run,
    rows: list[Row],
    write_csv: Callable[[list[Row]], Path],
    tmp_path: Path,
) -> None:
    given = ["average", *two, "--data", write_csv(rows), "--unofficial", "--threads", "1"]
    code, _, said = run(
        *given, "--out", tmp_path / "mean.pt", "--shares", "1,3", "--norm-faces", "8"
    )
    assert code == 0, said
    assert "The average of first, second: PublicTest" in said
    assert load_checkpoint(tmp_path / "mean.pt").recipe.width == 4
    code, _, said = run(*given, "--out", tmp_path / "other.pt", "--shares", "1,3,2")
    assert code == 2
    assert "--shares needs 2 numbers" in said
