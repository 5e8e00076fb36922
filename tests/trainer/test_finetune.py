"""A user's own faces: what fine-tuning on them says is so, and the app opens what it writes."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferdesk.errors import DataError
from trainer.data.fer2013 import Faces, Fer2013
from trainer.data.folder import FaceFolder, held_out
from trainer.recipes.config import Recipe, load_recipe
from trainer.studies.finetune import finetune, mixed, recipe_for, write_model
from trainer.training.initial_weights import InitialWeights, load_initial_weights
from trainer.training.loop import fit

# seconds of work; a busy machine may take many times that
pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def own(tiny_data: Fer2013) -> FaceFolder:
    """49 faces, seven of each expression, some of them held out."""
    faces = Faces(
        np.concatenate([tiny_data.splits[s].pixels for s in ("training", "public")] * 2)[:49],
        np.concatenate([tiny_data.splits[s].labels for s in ("training", "public")] * 2)[:49],
    )
    pixels = faces.pixels.copy()
    pixels[:, 0, 0] = np.arange(49)  # no two are equal
    faces = Faces(pixels, faces.labels)
    names = tuple(f"{number}.png" for number in range(49))
    return FaceFolder(faces, names, held_out(faces), "own")


@pytest.fixture
def start(tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path) -> InitialWeights:
    fit(tiny_recipe, tiny_data, tmp_path / "before")
    return load_initial_weights(tmp_path / "before" / "last.pt")


def test_own_faces_are_learned_judged_and_become_a_model_of_the_app(
    own: FaceFolder, start: InitialWeights, tmp_path: Path
) -> None:
    base = dataclasses.replace(load_recipe("finetune", []), epochs=4, learning_rate=0.05)
    recipe = recipe_for(base, start, own.training)
    assert (recipe.width, recipe.attention, recipe.batch) == (4, "channel-first", 32)

    outcome = finetune(recipe, own, start, tmp_path / "after")

    assert outcome.held_out is not None
    before, after = outcome.held_out
    assert before.num_faces == after.num_faces == len(own.validation) > 0
    said = " ".join(outcome.sentences())
    assert f"of {len(own.validation)} (" in said
    assert outcome.public is None
    path = tmp_path / "mine.onnx"
    sentences: list[str] = []
    write_model(outcome, own, start, path, "mine", say=sentences.append)
    assert "too few to fit a temperature" in sentences[0]

    from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier

    classifier = OnnxClassifier(path)
    assert classifier.info.name == "mine"
    assert "own faces" in classifier.info.trained_on
    accuracy: Any = classifier.info.accuracy
    figures = accuracy["held_out"]["one_crop"]
    assert figures["num_faces"] == after.num_faces
    assert round(figures["accuracy"] * after.num_faces) == after.num_correct


def test_norms_keep_what_fer2013_taught_them(
    own: FaceFolder, start: InitialWeights, tmp_path: Path
) -> None:
    recipe = recipe_for(load_recipe("finetune", ["epochs=3", "average=0"]), start, own.training)
    outcome = finetune(recipe, own, start, tmp_path / "after")
    name = "stem_norm.running_mean"
    assert np.allclose(outcome.checkpoint.weights[name], start.weights[name])
    assert not np.allclose(outcome.checkpoint.weights["stem.weight"], start.weights["stem.weight"])


def test_without_held_out_faces_nothing_is_claimed(
    own: FaceFolder, start: InitialWeights, tmp_path: Path
) -> None:
    few = dataclasses.replace(own, held_out=np.zeros(len(own.faces), dtype=np.bool_))
    recipe = recipe_for(load_recipe("finetune", ["epochs=1"]), start, few.training)
    outcome = finetune(recipe, few, start, tmp_path / "after")
    assert outcome.held_out is None
    assert "the effect on unseen faces is unknown" in outcome.sentences()[0]
    (row,) = [json.loads(x) for x in (tmp_path / "after" / "log.jsonl").read_text().splitlines()]
    assert row["public"] is None


def test_fer2013_is_mixed_in_and_privatetest_is_not(own: FaceFolder, tiny_data: Fer2013) -> None:
    splits = mixed(own, tiny_data, Recipe())
    assert len(splits.splits["training"]) == len(own.training) + 28
    assert set(splits.splits) == {"training", "public"}
    assert splits.sha256 != own.sha256
    assert np.array_equal(splits.splits["public"].pixels, own.validation.pixels)


def test_one_face_is_too_few(own: FaceFolder, start: InitialWeights) -> None:
    one = Faces(own.faces.pixels[:1], own.faces.labels[:1])
    with pytest.raises(DataError, match="Too few faces to train on, 1; at least two"):
        recipe_for(Recipe(), start, one)
