"""Whatever was trained gives predictions through one door."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ferdesk.errors import DataError
from trainer.data.fer2013 import Fer2013
from trainer.delivery.export import Identity, export
from trainer.evaluation.predictors import load_classifier
from trainer.recipes.config import Recipe
from trainer.training.build import build_network
from trainer.training.checkpoint import Checkpoint, save_checkpoint
from trainer.training.svm import fit_shallow

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    recipe = Recipe(name="small", system="tang", width=2, crop_px=42, loss="squared-hinge")
    return Checkpoint(recipe, 5, build_network(recipe).state_dict(), None, {}, "data", "abc")


def test_a_checkpoint_and_its_export_say_the_same_up_to_the_temperature(
    checkpoint: Checkpoint, tiny_data: Fer2013, tmp_path: Path
) -> None:
    public = tiny_data.splits["public"]
    save_checkpoint(checkpoint, tmp_path / "last.pt")
    export(checkpoint, Identity("small", "1"), public, tmp_path / "small.onnx", half_weights=False)

    network, exported = (load_classifier(tmp_path / name) for name in ("last.pt", "small.onnx"))

    assert network.crop_px == exported.crop_px == 42
    first, second = network.classify(public.pixels), exported.classify(public.pixels)
    assert first.shape == (14, 7)
    assert first.dtype == second.dtype == np.float64
    ratio = first / second  # one temperature for all
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)
    assert network.about.recipe == checkpoint.recipe
    assert (network.about.name, network.about.commit) == ("small", "abc")
    assert network.about.description == "tang, width 2, squared-hinge, step 5"
    assert (exported.about.name, exported.about.recipe) == ("small", None)
    assert exported.about.description.startswith("CNN of Tang (2013), width 2, squared-hinge;")


def test_svms_are_opened_too(tiny_data: Fer2013, tmp_path: Path) -> None:
    recipe = Recipe(name="hog-svm", system="hog-svm", crop_px=48, svm_c=0.1)
    model = fit_shallow(recipe, tiny_data, tmp_path)
    classify, crop_px, about, crowd = load_classifier(tmp_path / "model.npz")
    pixels = tiny_data.splits["public"].pixels
    np.testing.assert_array_equal(classify(pixels), model.classify(pixels))
    assert (crop_px, about.recipe, crowd) == (48, recipe, None)
    assert about.description == "hog-svm, 900 features, C = 0.1"


@pytest.mark.parametrize("name", ["model.pth", "model", "folder"])
def test_another_ending_is_refused_with_those_that_are_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"is none of \.pt, \.onnx, \.npz"):
        load_classifier(tmp_path / name)


@pytest.mark.parametrize("name", ["absent.pt", "absent.onnx", "absent.npz"])
def test_an_absent_file_says_how_to_make_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"There is no .*; .* ferdesk-train (fit|export)"):
        load_classifier(tmp_path / name)
