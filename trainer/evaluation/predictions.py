"""Stored predictions: per-face logits of one trained system on one test, from which every figure
can be computed again.

A file holds logits and where they come from; no pixels and no labels, which stay with the data
set. Axes: V views, N faces in the data set's order, K expressions.
"""

import contextlib
import datetime
import json
import platform
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import NUM_LABELS
from ferdesk.errors import DataError
from ferdesk.replace_file import replacing
from trainer.recipes.config import Recipe, as_table
from trainer.scoring.evaluate import Classifier, Views, view_logits

FerTest = Literal["public", "private"]
Test = Literal["public", "private", "jaffe-stratified", "jaffe-woman-out"]
TESTS: tuple[Test, ...] = get_args(Test)
VIEWS: tuple[Views, ...] = get_args(Views)
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of predictions; ``recipe`` is the trained recipe as plain values.

    ``selection`` says which weights: ``last`` or ``best`` (of PublicTest) of the run. ``details``
    holds what only some tests have (JAFFE's folds, crop and pre-training).
    """

    system: str
    test: Test
    seed: int
    selection: str
    recipe: Mapping[str, Any]
    data_sha256: str
    model_sha256: str
    training_commit: str
    command: str
    date: str = ""
    machine: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions: logits [N, 7] float32 by each kind of views, and their origin."""

    origin: Origin
    logits: Mapping[Views, NDArray[np.float32]]

    @property
    def num_faces(self) -> int:
        """Number of faces, N."""
        return len(self.logits["one"])


def predict(
    classify: Classifier, pixels: NDArray[np.uint8], shift_px: int, origin: Origin
) -> Predictions:
    """Predictions for ``pixels`` [N, 48, 48] by one crop, flip and ten crops."""
    logits = {
        views: view_logits(classify, pixels, views, shift_px).astype(np.float32) for views in VIEWS
    }
    return Predictions(origin, logits)


def save_predictions(predictions: Predictions, path: Path) -> None:
    """Write predictions to ``path`` (.npz) atomically.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    origin = json.dumps({"schema": _SCHEMA, **asdict(predictions.origin)})
    arrays: dict[str, Any] = {f"logits_{views}": a for views, a in predictions.logits.items()}
    with replacing(path) as file:
        np.savez_compressed(file, origin=np.array(origin), **arrays)


def load_predictions(path: Path) -> Predictions:
    """Predictions from a file of ``save_predictions``.

    Raises:
        DataError: missing, broken or of another kind.
    """
    try:
        # numpy leaves a broken archive open where it opened it itself
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            table = json.loads(str(arrays["origin"]))
            logits: dict[Views, NDArray[np.float32]] = {
                views: arrays[f"logits_{views}"] for views in VIEWS
            }
        if table.pop("schema") != _SCHEMA:
            raise DataError(f"{path} holds predictions of another version; evaluate again.")
        origin = Origin(**table)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} does not hold predictions, or is cut off; evaluate again.") from (
            error
        )
    shapes = {a.shape for a in logits.values()}
    if len(shapes) != 1 or shapes != {(len(logits["one"]), NUM_LABELS)} or origin.test not in TESTS:
        raise DataError(f"{path} does not hold predictions of seven expressions; evaluate again.")
    return Predictions(origin, logits)


def file_name(system: str, test: Test, selection: str, seed: int) -> str:
    """Relative path of stored predictions."""
    return f"{test}/{system}-{selection}-seed{seed}.npz"


def selection_of(recipe: Mapping[str, Any]) -> str:
    """Selected epoch of a recipe: ``best`` on PublicTest, or the ``last``."""
    return "best" if recipe.get("select") == "public" else "last"


def load_all_predictions(folder: Path) -> list[Predictions]:
    """All predictions below ``folder``, in the order of their names; none where it is absent.

    Raises:
        DataError: one of the files is broken; it is named.
    """
    return [load_predictions(path) for path in sorted(folder.rglob("*.npz"))]


def same_recipe(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two recipes differ in the seed and the name at most.

    A field that one of them does not have counts as its default: it is younger than that recipe.
    """
    return _told(one) == _told(other)


def _told(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Fields beyond the defaults, as JSON gives them back."""
    defaults = json.loads(json.dumps(as_table(Recipe())))
    values = json.loads(json.dumps(dict(recipe)))
    ignored = ("seed", "name")
    return {k: v for k, v in values.items() if k not in ignored and v != defaults.get(k)}


def utc_now() -> str:
    """Current UTC time in ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def machine() -> str:
    """Description of this machine: processor, cores, GPU, versions; no host name."""
    import os

    import torch

    words = [_processor(), f"{os.cpu_count()} logical cores"]
    if torch.cuda.is_available():
        words.append(torch.cuda.get_device_name())
    words += [f"Python {platform.python_version()}", f"torch {torch.__version__}", sys.platform]
    return ", ".join(words)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
