"""Stored predictions come back as they went, or with a sentence."""

import json
from pathlib import Path

import numpy as np
import pytest

from ferdesk.errors import DataError
from trainer.evaluation.predictions import (
    Origin,
    Predictions,
    file_name,
    load_all_predictions,
    load_predictions,
    machine,
    predict,
    same_recipe,
    save_predictions,
)
from trainer.recipes.config import Recipe, as_table

ORIGIN = Origin(
    system="resnet",
    test="public",
    seed=3,
    selection="best",
    recipe={"width": 8, "seed": 3, "name": "resnet"},
    data_sha256="a" * 64,
    model_sha256="b" * 64,
    training_commit="0123456789ab",
    command="ferdesk-train reproduce table1",
    date="2026-01-02T03:04:05+00:00",
    machine="a machine",
    details={"folds": 5},
)


def _predictions(count: int = 4) -> Predictions:
    rng = np.random.default_rng(1)

    def one() -> np.ndarray:
        return rng.normal(size=(count, 7)).astype(np.float32)

    return Predictions(ORIGIN, {"one": one(), "flip": one(), "ten": one()})


def test_predictions_come_back_whole(tmp_path: Path) -> None:
    path = tmp_path / file_name("resnet", "public", "best", 3)
    kept = _predictions()
    save_predictions(kept, path)
    back = load_predictions(path)
    assert back.origin == ORIGIN
    for views in ("one", "flip", "ten"):
        assert np.array_equal(back.logits[views], kept.logits[views])
    assert [p.origin for p in load_all_predictions(tmp_path)] == [ORIGIN]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_stored_predictions_of_an_absent_folder_are_none(tmp_path: Path) -> None:
    assert load_all_predictions(tmp_path / "nowhere") == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"text"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.npz does not hold predictions"):
        load_predictions(path)


def test_a_cut_off_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.npz"
    save_predictions(_predictions(), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"cut\.npz"):
        load_predictions(path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, faces=np.zeros(3))
    with pytest.raises(DataError, match="does not hold predictions"):
        load_predictions(path)


def test_logits_of_ten_views_are_the_mean_over_all_of_them() -> None:
    def classify(pixels: np.ndarray) -> np.ndarray:
        return np.repeat(pixels[:, :1, 0].astype(np.float64), 7, axis=1)

    faces = np.arange(2 * 48 * 48, dtype=np.uint32).astype(np.uint8).reshape(2, 48, 48)
    found = predict(classify, faces, 2, ORIGIN)
    left, right = faces[:, 0, 0].astype(float), faces[:, 0, -1].astype(float)
    assert found.logits["one"][:, 0].tolist() == left.tolist()
    assert found.logits["flip"][:, 0].tolist() == pytest.approx((left + right) / 2)
    assert found.num_faces == 2


def test_recipes_are_the_same_whatever_the_seed_and_the_name() -> None:
    assert same_recipe({"width": 8, "seed": 1, "name": "a"}, {"width": 8, "seed": 2, "name": "b"})
    assert not same_recipe({"width": 8, "seed": 1}, {"width": 9, "seed": 1})


def test_a_recipe_from_before_a_field_was_there_has_its_default() -> None:
    assert same_recipe({"width": 8}, {"width": 8, "mixup": 0.0})
    assert not same_recipe({"width": 8}, {"width": 8, "mixup": 0.4})
    whole = as_table(Recipe(width=8))
    assert same_recipe(json.loads(json.dumps(whole)), whole)


def test_the_machine_is_told_without_its_name() -> None:
    import platform

    words = machine()
    assert "torch" in words
    assert platform.node() not in words
