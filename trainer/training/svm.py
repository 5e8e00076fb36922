"""Shallow methods: handcrafted features, standardised, under seven one-vs-rest linear SVMs.

Axes: N faces, D features, K expressions.
"""

import json
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from ferdesk.core.labels import NUM_LABELS
from ferdesk.errors import DataError
from ferdesk.replace_file import replacing
from trainer.data.fer2013 import Faces, Fer2013
from trainer.recipes.config import Recipe, as_table, recipe_from
from trainer.training.checkpoint import current_commit
from trainer.training.errors import TrainingStopped
from trainer.training.folder_lock import alone_in
from trainer.training.handcrafted_features import describe

FILE = "model.npz"
C_GRID = (1e-5, 1e-4, 1e-3)
"""Where C is looked for: features have standard deviation 1, so small values are of use."""
_SCHEMA = 1
_KIND = "ferdesk shallow model"
_MAX_ITERATIONS = 1000
_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class ShallowModel:
    """Linear SVMs: ``weight`` [K, D], ``bias`` [K], ``mean`` and ``std`` [D], float32; ``c`` is C.

    ``scores`` has the accuracy on PublicTest that chose it.
    """

    recipe: Recipe
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    c: float
    data_sha256: str
    commit: str
    scores: dict[str, float]

    def decide(self, features_ND: NDArray[np.float32]) -> NDArray[np.float64]:
        """Decision values [N, K] for features [N, D] that are not yet standardised."""
        x_ND = (features_ND - self.mean) / self.std
        return (x_ND @ self.weight.T + self.bias).astype(np.float64)

    def classify(self, faces_NHW: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Decision values [N, K] for faces [N, 48, 48] uint8, in place of logits."""
        return self.decide(describe(self.recipe.system, faces_NHW, self.recipe.crop_px))


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress: ``done`` of ``total`` pieces; ``public_accuracy`` is the best so far."""

    what: str
    done: int
    total: int
    public_accuracy: float | None


def fit_shallow(
    recipe: Recipe,
    data: Fer2013,
    folder: Path,
    *,
    resume: bool = False,
    report: Callable[[Progress], None] = lambda _: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> ShallowModel:
    """Train the SVMs on Training's features; leaves ``model.npz`` and ``log.jsonl`` in ``folder``.

    With ``svm_c`` 0 every C of ``C_GRID`` is trained on Training, and the one with the highest
    accuracy on PublicTest is kept. PrivateTest is never touched.

    Args:
        recipe: of a system that is no network.
        data: the splits.
        folder: of this run.
        resume: a finished run is returned as it is; an unfinished one begins anew.
        report: told how far it is.
        stop_requested: asked between pieces of work; True ends the run.

    Raises:
        TrainingStopped: stopped, or a full disk.
        DataError: the folder holds another run or cannot be made, or Training lacks expressions.
    """
    with alone_in(folder):
        return _fit(recipe, data, folder, resume, report, stop_requested)


def _fit(
    recipe: Recipe,
    data: Fer2013,
    folder: Path,
    resume: bool,
    report: Callable[[Progress], None],
    stop_requested: Callable[[], bool],
) -> ShallowModel:
    path = folder / FILE
    if path.exists():
        if not resume:
            raise DataError(f"{folder} already holds a run; choose another --out.")
        return _finished(path, recipe, data)
    training, public = data.splits["training"], data.splits["public"]
    absent = [name for name, count in training.counts().items() if count == 0]
    if absent:
        raise DataError(f"Training has no face that is {', '.join(absent)}; each is needed.")

    def stop_if_asked() -> None:
        if stop_requested():
            raise TrainingStopped(f"Stopped; {folder} holds no model yet, so start again.")

    def describe_split(faces: Faces, name: str) -> NDArray[np.float32]:
        def tell_described(done: int) -> None:
            stop_if_asked()
            report(Progress(f"describing {name}", done, len(faces), None))

        return describe(recipe.system, faces.pixels, recipe.crop_px, tell_described)

    x_ND = describe_split(training, "Training")
    mean = x_ND.mean(0, dtype=np.float64).astype(np.float32)
    std = np.maximum(x_ND.std(0, dtype=np.float64), 1e-6).astype(np.float32)
    x_ND -= mean
    x_ND /= std
    public_ND = describe_split(public, "PublicTest")
    grid = (recipe.svm_c,) if recipe.svm_c else C_GRID
    best: ShallowModel | None = None
    total = len(grid) * NUM_LABELS

    def tell(c: float, before: int, solved: int) -> None:
        stop_if_asked()
        accuracy = None if best is None else best.scores["public"]
        report(Progress(f"SVMs with C = {c:g}", before + solved, total, accuracy))

    for index, c in enumerate(grid):
        began_s = time.monotonic()

        tell_solved = partial(tell, c, index * NUM_LABELS)
        weight, bias = train_svms(x_ND, training.labels, c, recipe.seed, tell_solved)
        model = ShallowModel(
            recipe, weight, bias, mean, std, c, data.sha256, current_commit(), {"public": 0.0}
        )
        accuracy = float((model.decide(public_ND).argmax(1) == public.labels).mean())
        model.scores["public"] = accuracy
        if best is None or accuracy > best.scores["public"]:
            best = model
        row = {"c": c, "public": accuracy, "seconds": round(time.monotonic() - began_s, 1)}
        _append(folder / "log.jsonl", row)
    assert best is not None
    try:
        save_shallow(best, path)
    except OSError as error:
        raise TrainingStopped(f"The model {path} cannot be written: {error}.") from error
    return best


def train_svms(
    x_ND: NDArray[np.float32],
    labels_N: NDArray[np.int64],
    c: float,
    seed: int,
    report: Callable[[int], None] = lambda _: None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Linear SVMs, each expression against the rest: weights [K, D] and biases [K].

    scikit-learn's LinearSVC (liblinear) with squared hinge loss. It solves the dual where there are
    fewer faces than features, else the primal. The dual draws from a random generator that
    liblinear shares among threads, so only then one SVM is solved at a time: two runs are equal.
    """
    is_dual = x_ND.shape[0] < x_ND.shape[1]

    def one(label: int) -> tuple[NDArray[np.float64], float]:
        svm: Any = LinearSVC(
            C=c, tol=_TOLERANCE, dual=is_dual, random_state=seed, max_iter=_MAX_ITERATIONS
        )
        svm.fit(x_ND, labels_N == label)
        return svm.coef_[0], float(svm.intercept_[0])

    # liblinear holds no lock while it works; each thread needs its own copy of the features
    with ThreadPoolExecutor(1 if is_dual else 2) as pool:
        found = []
        try:
            for solved in pool.map(one, range(NUM_LABELS)):
                found.append(solved)
                report(len(found))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    weight = np.stack([coefficients for coefficients, _ in found]).astype(np.float32)
    return weight, np.array([bias for _, bias in found], np.float32)


def save_shallow(model: ShallowModel, path: Path) -> None:
    """Write ``path`` atomically.

    Raises:
        OSError: it cannot be written; an old file is still there.
    """
    about = {
        "kind": _KIND, "schema": _SCHEMA, "recipe": as_table(model.recipe), "c": model.c,
        "data_sha256": model.data_sha256, "commit": model.commit, "scores": model.scores,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez_compressed(
            file, about=np.array(json.dumps(about)), weight=model.weight, bias=model.bias,
            mean=model.mean, std=model.std,
        )  # fmt: skip


def load_shallow(path: Path) -> ShallowModel:
    """Shallow model from a file, read without running code from it.

    Raises:
        DataError: missing, broken, or not one of ours.
    """
    if not path.is_file():
        raise DataError(f"There is no model {path}; train one with ferdesk-train fit.")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            if about["kind"] != _KIND:
                raise ValueError(about["kind"])
            if about["schema"] != _SCHEMA:
                raise DataError(f"{path} has schema {about['schema']}; {_SCHEMA} is read.")
            parts = {name: arrays[name] for name in ("weight", "bias", "mean", "std")}
            features = parts["mean"].shape[0]
            wanted = {"weight": (NUM_LABELS, features), "bias": (NUM_LABELS,), "std": (features,)}
            if any(parts[name].shape != shape for name, shape in wanted.items()):
                raise ValueError("shapes do not fit")
            return ShallowModel(
                recipe=recipe_from(about["recipe"], str(path)), c=float(about["c"]),
                data_sha256=about["data_sha256"], commit=about["commit"], scores=about["scores"],
                **parts,
            )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is not a shallow model of ferdesk, or is cut off; choose another or train "
            "again."
        ) from error


def _finished(path: Path, recipe: Recipe, data: Fer2013) -> ShallowModel:
    model = load_shallow(path)
    if model.recipe != recipe or model.data_sha256 != data.sha256:
        raise DataError(
            f"{path.parent} holds a run of another recipe or on another data file; choose another "
            "--out."
        )
    return model


def _append(path: Path, row: dict[str, float]) -> None:
    try:
        with path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
    except OSError as error:
        raise TrainingStopped(f"The log {path} cannot be written: {error}.") from error
