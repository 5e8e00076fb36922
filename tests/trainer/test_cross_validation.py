"""JAFFE's folds: every picture judged once, by a network that never saw it."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.data.fer2013 import Faces
from trainer.data.jaffe import Jaffe
from trainer.evaluation.cross_validation import (
    EPOCHS,
    SCHEMES,
    Fold,
    cross_validate,
    fine_tuning,
    fold_accuracies,
    folds_of,
)
from trainer.recipes.config import Recipe
from trainer.scoring.evaluate import Classifier


def portraits() -> Jaffe:
    """Three women, seven expressions, two pictures of each; a pixel holds the picture's index."""
    people = [person for person in ("KA", "KL", "UY") for _ in range(14)]
    labels = np.array([index % 7 for index in range(42)], dtype=np.int64)
    pixels = np.zeros((42, 48, 48), np.uint8)
    pixels[:, 10:40, 10:40] = np.arange(42, dtype=np.uint8)[:, None, None]
    names = tuple(f"{person}.{index}" for index, person in enumerate(people))
    return Jaffe(Faces(pixels, labels), tuple(people), names, sha256="j" * 64)


class Memory:
    """Stands for training: knows the expressions of the pictures that it was shown, no others."""

    def __init__(self) -> None:
        self.folders: list[str] = []

    def __call__(self, recipe: Recipe, training: Faces, held: Faces, folder: Path) -> Classifier:
        self.folders.append(folder.name)
        known = dict(zip(training.pixels[:, 20, 20].tolist(), training.labels, strict=True))

        def classify(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
            logits = np.zeros((len(pixels), 7))
            for row, pixel in enumerate(pixels[:, 20, 20].tolist()):
                if pixel in known:
                    logits[row, known[pixel]] = 1
            return logits

        return classify


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_picture_is_judged_by_a_network_that_saw_it(tmp_path: Path, scheme: str) -> None:
    jaffe = portraits()
    folds = folds_of(jaffe, scheme, seed=1)  # type: ignore[arg-type]
    found = cross_validate(Recipe(), jaffe, folds, tmp_path, Memory())
    for logits in found.values():
        assert logits.shape == (42, 7)
        assert not logits.any()  # the memory knew none of them, and none was left NaN


def test_each_woman_is_left_out_once() -> None:
    folds = folds_of(portraits(), "woman-out", seed=1)
    assert [fold.name for fold in folds] == ["KA", "KL", "UY"]
    assert folds[1].test.tolist() == list(range(14, 28))


def test_the_stratified_folds_depend_on_the_seed_and_cover_everything() -> None:
    one, other = (folds_of(portraits(), "stratified", seed) for seed in (1, 2))
    assert len(one) == 5
    assert sorted(np.concatenate([fold.test for fold in one]).tolist()) == list(range(42))
    assert any(a.test.tolist() != b.test.tolist() for a, b in zip(one, other, strict=True))


def test_an_interrupted_call_goes_on_with_the_fold_it_was_at(tmp_path: Path) -> None:
    jaffe = portraits()
    folds = folds_of(jaffe, "woman-out", seed=1)

    class Interrupted(Memory):
        def __call__(
            self, recipe: Recipe, training: Faces, held: Faces, folder: Path
        ) -> Classifier:
            if folder.name == "UY":
                raise KeyboardInterrupt
            return super().__call__(recipe, training, held, folder)

    with pytest.raises(KeyboardInterrupt):
        cross_validate(Recipe(), jaffe, folds, tmp_path, Interrupted())
    again = Memory()
    cross_validate(Recipe(), jaffe, folds, tmp_path, again)
    assert again.folders == ["UY"]


def test_a_broken_fold_is_trained_again(tmp_path: Path) -> None:
    jaffe = portraits()
    folds = folds_of(jaffe, "woman-out", seed=1)
    cross_validate(Recipe(), jaffe, folds, tmp_path, Memory())
    (tmp_path / "KL.npz").write_bytes(b"PK\x03\x04 cut off")
    again = Memory()
    cross_validate(Recipe(), jaffe, folds, tmp_path, again)
    assert again.folders == ["KL"]


def test_fine_tuning_lasts_the_papers_30_epochs_and_chooses_nothing() -> None:
    recipe = fine_tuning(Recipe(loss="a-softmax", select="public", average=0.9, warmup=2.0))
    assert (recipe.epochs, recipe.select) == (EPOCHS, "last") == (30, "last")
    assert recipe.annealing_base == 0.0  # lambda stays where it had come to
    assert recipe.loss == "a-softmax"


def test_the_accuracy_of_each_fold_is_told() -> None:
    logits = np.eye(7)[[0, 1, 2, 3]]
    labels = np.array([0, 1, 0, 3])
    folds = [Fold("a", np.array([0, 1])), Fold("b", np.array([2, 3]))]
    assert fold_accuracies(logits, labels, folds) == [1.0, 0.5]
