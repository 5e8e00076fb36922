"""Linear SVMs over features made by hand: trained, saved without pickle, and read again."""

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferdesk.errors import DataError
from trainer.data.fer2013 import Faces, Fer2013
from trainer.recipes.config import Recipe, load_recipe
from trainer.training import svm
from trainer.training.errors import TrainingStopped
from trainer.training.svm import (
    FILE,
    Progress,
    ShallowModel,
    fit_shallow,
    load_shallow,
    save_shallow,
    train_svms,
)


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("hog-svm", [])


def test_separable_faces_are_learned_and_the_search_for_c_is_logged(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    told: list[Progress] = []
    model = fit_shallow(recipe, tiny_data, tmp_path, report=told.append)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["c"] for row in rows] == list(svm.C_GRID)
    best = max(rows, key=lambda row: row["public"])
    assert (model.c, model.scores["public"]) == (best["c"], best["public"])
    assert model.scores["public"] > 0.9
    public = tiny_data.splits["public"]
    predicted = model.classify(public.pixels).argmax(1)
    assert (predicted == public.labels).mean() == model.scores["public"]
    assert told[0].what == "describing Training"
    assert (told[-1].done, told[-1].total) == (21, 21)


def test_privatetest_is_never_read(recipe: Recipe, tiny_data: Fer2013, tmp_path: Path) -> None:
    assert "private" not in tiny_data.splits  # whoever reads it gets a KeyError
    fit_shallow(recipe, tiny_data, tmp_path)


def test_c_is_the_recipes_where_it_names_one(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    model = fit_shallow(dataclasses.replace(recipe, svm_c=0.5), tiny_data, tmp_path)
    assert model.c == 0.5
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 1


def test_the_svms_minimise_the_squared_hinge_with_their_weights() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(210) % 7
    x = (rng.normal(size=(210, 5)) + rng.normal(size=(7, 5))[labels]).astype(np.float32)
    weight, bias = train_svms(x, labels, 0.1, seed=1)

    def objective(w: Any, b: float, k: int) -> float:
        sign = np.where(labels == k, 1.0, -1.0)
        missing = np.maximum(0, 1 - sign * (x @ w + b))
        # liblinear counts the bias among the weights
        return float(0.5 * (w @ w + b * b) + 0.1 * (missing**2).sum())

    for k in range(7):
        least = objective(weight[k], bias[k], k)
        for _ in range(20):
            nudge = rng.normal(size=6) * 0.05
            assert objective(weight[k] + nudge[:5], bias[k] + nudge[5], k) > least


def test_what_was_saved_is_read_back_and_says_the_same(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    model = fit_shallow(recipe, tiny_data, tmp_path)
    found = load_shallow(tmp_path / FILE)
    assert (found.recipe, found.c, found.scores) == (model.recipe, model.c, model.scores)
    assert (found.commit, found.data_sha256) == (model.commit, "synthetic")
    pixels = tiny_data.splits["public"].pixels
    np.testing.assert_array_equal(found.classify(pixels), model.classify(pixels))
    assert {entry.name for entry in tmp_path.iterdir()} == {FILE, "log.jsonl"}


def test_a_finished_run_is_returned_and_never_overwritten(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    first = fit_shallow(recipe, tiny_data, tmp_path)
    with pytest.raises(DataError, match="already holds a run"):
        fit_shallow(recipe, tiny_data, tmp_path)
    again = fit_shallow(recipe, tiny_data, tmp_path, resume=True)
    np.testing.assert_array_equal(again.weight, first.weight)
    other = dataclasses.replace(recipe, svm_c=1.0)
    with pytest.raises(DataError, match="another recipe"):
        fit_shallow(other, tiny_data, tmp_path, resume=True)


def test_a_stop_between_two_pieces_of_work_leaves_no_model(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    asked = iter([False] * 4 + [True] * 100)
    with pytest.raises(TrainingStopped, match="holds no model yet"):
        fit_shallow(recipe, tiny_data, tmp_path, stop_requested=lambda: next(asked))
    assert not (tmp_path / FILE).exists()


def test_an_expression_without_a_face_is_refused_by_name(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    training = tiny_data.splits["training"]
    kept = training.labels != 2
    some = Faces(training.pixels[kept], training.labels[kept])
    lacking = Fer2013({**tiny_data.splits, "training": some}, "synthetic")
    with pytest.raises(DataError, match="no face that is fear; each is needed"):
        fit_shallow(recipe, lacking, tmp_path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"weight": np.zeros(3)},
        {"about": np.array("{}")},
        {"about": np.array([{"a": 1}], dtype=object)},
    ],
    ids=["other arrays", "empty", "pickle"],
)
def test_another_npz_is_refused_in_a_sentence_and_runs_nothing(
    tmp_path: Path, arrays: dict[str, Any]
) -> None:
    np.savez(tmp_path / "model.npz", **arrays)
    with pytest.raises(DataError, match="is not a shallow model of ferdesk"):
        load_shallow(tmp_path / "model.npz")


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_a_broken_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(DataError, match="is not a shallow model of ferdesk, or is cut off"):
        load_shallow(tmp_path / "model.npz")


def test_a_cut_off_file_and_one_of_other_shapes_are_refused(recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    f32 = np.float32
    model = ShallowModel(
        recipe, np.ones((7, 900), f32), np.ones(7, f32), np.ones(900, f32), np.ones(900, f32),
        1.0, "", "", {},
    )  # fmt: skip
    save_shallow(model, path)
    assert load_shallow(path).c == 1.0
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="cut off"):
        load_shallow(path)
    save_shallow(dataclasses.replace(model, bias=np.ones(6, f32)), path)
    with pytest.raises(DataError, match="is not a shallow model"):
        load_shallow(path)


@pytest.mark.parametrize(("num_faces", "threads"), [(6, [1]), (7, [2])])
def test_the_dual_shares_liblinears_random_numbers_with_no_other_thread(
    monkeypatch: pytest.MonkeyPatch, num_faces: int, threads: list[int]
) -> None:
    asked: list[int] = []

    def pool(num_threads: int) -> Any:
        asked.append(num_threads)
        return ThreadPoolExecutor(num_threads)

    monkeypatch.setattr(svm, "ThreadPoolExecutor", pool)
    # seven features: with six faces the dual is solved, whose generator all threads share
    x_ND = np.random.default_rng(1).normal(size=(num_faces, 7)).astype(np.float32)
    monkeypatch.setattr(svm, "LinearSVC", _Untrained)
    train_svms(x_ND, np.zeros(num_faces, np.int64), 1.0, 1)
    assert asked == threads


class _Untrained:
    """LinearSVC's interface without its work, for labels that it would refuse."""

    coef_, intercept_ = np.zeros((1, 7)), np.zeros(1)

    def __init__(self, *, dual: bool, **_: object) -> None:
        self.dual = dual

    def fit(self, x_ND: Any, _: Any) -> None:
        assert self.dual == (len(x_ND) < x_ND.shape[1])
