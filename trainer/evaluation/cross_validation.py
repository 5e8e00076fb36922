"""Cross-validation on JAFFE: fine-tuned from FER2013's weights on all folds but the test fold.

Two ways of making folds, always both: stratified five folds as in the paper, where the same
woman's nearly equal pictures stand on both sides, and one woman left out at a time.
"""

import dataclasses
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import NUM_LABELS
from ferdesk.replace_file import replacing
from trainer.data.fer2013 import Faces
from trainer.data.jaffe import Jaffe, leave_one_out_folds, stratified_folds
from trainer.evaluation.predictions import VIEWS, Test
from trainer.recipes.config import Recipe
from trainer.scoring.evaluate import Classifier, Views, shift_of, view_logits

Scheme = Literal["stratified", "woman-out"]
SCHEMES: tuple[Scheme, ...] = ("stratified", "woman-out")
TEST_OF: dict[Scheme, Test] = {"stratified": "jaffe-stratified", "woman-out": "jaffe-woman-out"}
NUM_FOLDS = 5
EPOCHS = 30
"""The paper's, for JAFFE."""

Trainer = Callable[[Recipe, Faces, Faces, Path], Classifier]
"""Fine-tune on the first faces in a folder of its own; the second are only watched."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Fold: ``test`` holds the indices of its pictures; all others are trained on."""

    name: str
    test: NDArray[np.int64]


def folds_of(jaffe: Jaffe, scheme: Scheme, seed: int) -> list[Fold]:
    """Folds of ``scheme``; ``seed`` shuffles the stratified ones, women are always the same."""
    if scheme == "stratified":
        found = stratified_folds(jaffe.faces.labels, NUM_FOLDS, seed)
        return [Fold(f"fold{number}", test) for number, test in enumerate(found, start=1)]
    people = np.array(jaffe.people)
    return [Fold(str(people[test[0]]), test) for test in leave_one_out_folds(jaffe.people)]


def fine_tuning(recipe: Recipe) -> Recipe:
    """Fine-tuning recipe for JAFFE: 30 epochs from FER2013's weights, last epoch.

    The paper gives the epochs only. The rest was fixed beforehand, as JAFFE leaves no faces to
    choose by: batches of 16, a rate of 0.01 that falls to 0 by a cosine, weight decay and
    augmentation as before. A-Softmax goes on with the lambda at which its annealing ended.
    """
    return dataclasses.replace(
        recipe,
        epochs=EPOCHS,
        batch=16,
        learning_rate=0.01,
        schedule="cosine",
        warmup=0.0,
        average=0.0,
        annealing_base=0.0,
        pretrain_epochs=0,
        select="last",
    )


def cross_validate(
    recipe: Recipe,
    jaffe: Jaffe,
    folds: Sequence[Fold],
    folder: Path,
    train: Trainer,
    show: Callable[[str], None] = lambda _: None,
) -> dict[Views, NDArray[np.float32]]:
    """Cross-validated logits [N, 7] by views, each picture by the network not trained on it.

    Each finished fold is kept in ``folder``, so that an interrupted call goes on where it was.
    """
    whole: dict[Views, NDArray[np.float32]] = {
        views: np.full((len(jaffe.faces), NUM_LABELS), np.nan, np.float32) for views in VIEWS
    }
    for number, fold in enumerate(folds, start=1):
        show(f"{fold.name} ({number} of {len(folds)})")
        kept = folder / f"{fold.name}.npz"
        found = _read(kept, len(fold.test))
        if found is None:
            rest = np.setdiff1d(np.arange(len(jaffe.faces)), fold.test)
            held = _pick(jaffe.faces, fold.test)
            classify = train(recipe, _pick(jaffe.faces, rest), held, folder / fold.name)
            shift = shift_of(recipe.crop_px)
            found = {
                views: view_logits(classify, held.pixels, views, shift).astype(np.float32)
                for views in VIEWS
            }
            _write(kept, found)
        for views in VIEWS:
            whole[views][fold.test] = found[views]
    return whole


def fold_accuracies(
    logits_NK: NDArray[np.floating], labels_N: NDArray[np.int64], folds: Sequence[Fold]
) -> list[float]:
    """Accuracy of each fold; the paper reports their mean."""
    correct = logits_NK.argmax(axis=1) == labels_N
    return [float(correct[fold.test].mean()) for fold in folds]


def _pick(faces: Faces, indices: NDArray[np.int64]) -> Faces:
    return Faces(faces.pixels[indices], faces.labels[indices])


def _read(path: Path, count: int) -> dict[Views, NDArray[np.float32]] | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found: dict[Views, NDArray[np.float32]] = {views: arrays[views] for views in VIEWS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return found if all(a.shape == (count, NUM_LABELS) for a in found.values()) else None


def _write(path: Path, logits: dict[Views, NDArray[np.float32]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {str(views): array for views, array in logits.items()}
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)
