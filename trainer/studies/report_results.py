"""Results of a reproduction as its report reads them: stored predictions and their truths.

Axes: N faces, K expressions, S seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.fer2013 import Fer2013, Split
from trainer.data.jaffe import Jaffe
from trainer.evaluation.figures import is_correct
from trainer.evaluation.predictions import FerTest, Predictions, Test, same_recipe, selection_of
from trainer.scoring.evaluate import Views
from trainer.scoring.statistics import SeedAccuracy, accuracy_over_seeds
from trainer.studies.paper import SYSTEMS, TABLES, System

FER_TESTS: tuple[FerTest, ...] = ("public", "private")
ALL_TESTS: tuple[Test, ...] = ("public", "private", "jaffe-stratified", "jaffe-woman-out")


Crowd = Mapping[Split, tuple[NDArray[np.int64], NDArray[np.bool_]]]
"""FER+'s plurality labels [N] of each split, and a mask [N] of the faces with a clear one."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Ground truth that predictions are evaluated against.

    ``duplicates`` [N] marks test faces that have a near-duplicate in Training.
    """

    fer: Fer2013
    jaffe: Jaffe | None = None
    duplicates: Mapping[Split, NDArray[np.bool_]] = field(default_factory=dict)
    crowd: Crowd = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """Header of the report; ``recipes`` are the recipes that count, by system."""

    command: str
    date: str
    commit: str
    machine: str
    recipes: Mapping[str, Mapping[str, Any]]
    overrides: Sequence[str] = ()
    tables: Sequence[str] = tuple(TABLES)


class Results:
    """Predictions that belong to the report's recipes and data, by system, test and selection.

    Args:
        folder: of the report; pictures are written into it.
        stored: all predictions that were found.
        truth: what they are evaluated against.
        header: the recipes that count, and the text above the tables.
    """

    def __init__(
        self, folder: Path, stored: Sequence[Predictions], truth: Truth, header: Header
    ) -> None:
        self.folder, self.truth, self.header = folder, truth, header
        counted = [p for p in stored if self._counts(p)]
        self.left_out = len(stored) - len(counted)
        self.by_key: dict[tuple[str, Test, str], list[Predictions]] = {}
        for each in sorted(counted, key=lambda p: p.origin.seed):
            key = (each.origin.system, each.origin.test, each.origin.selection)
            self.by_key.setdefault(key, []).append(each)

    def _counts(self, predictions: Predictions) -> bool:
        origin = predictions.origin
        expected = self.header.recipes.get(origin.system)
        if expected is None or not same_recipe(origin.recipe, expected):
            return False
        return predictions.num_faces == len(self.labels(origin.test))

    def labels(self, test: Test) -> NDArray[np.int64]:
        """True labels [N] of a test; empty for JAFFE where it was not given."""
        if test == "public" or test == "private":
            return self.truth.fer.splits[test].labels
        empty: NDArray[np.int64] = np.zeros(0, np.int64)
        return empty if self.truth.jaffe is None else self.truth.jaffe.faces.labels

    def selection(self, system: str) -> str:
        """Selected epoch of a system: ``best`` or ``last``."""
        return selection_of(self.header.recipes[system])

    def found(self, system: str, test: Test, selection: str | None = None) -> list[Predictions]:
        """Predictions of a system on a test, by seed."""
        return self.by_key.get((system, test, selection or self.selection(system)), [])

    def correct(
        self, found: Sequence[Predictions], test: Test, views: Views = "ten"
    ) -> NDArray[np.bool_]:
        """Correctness [S, N] of predictions by one kind of views."""
        labels = self.labels(test)
        return np.stack([is_correct(each.logits[views], labels) for each in found])

    def any(self, systems: Sequence[System], test: Test) -> bool:
        """Whether any of the systems has predictions on a test."""
        return any(self.found(s.preset, test) for s in systems if s.preset in self.header.recipes)

    def accuracy(
        self, system: System, test: Test, selection: str | None = None
    ) -> SeedAccuracy | None:
        """Accuracy over seeds of a system on a test; None without predictions."""
        found = self.found(system.preset, test, selection)
        return accuracy_over_seeds(self.correct(found, test)) if found else None

    def systems(self) -> list[System]:
        """Systems of the report's tables, each once."""
        names = dict.fromkeys(name for table in self.header.tables for name in TABLES[table])
        return [SYSTEMS[name] for name in names if name in self.header.recipes]

    def shown_tests(self, system: System) -> list[Test]:
        """Tests on which a system has predictions."""
        tests: list[Test] = ["public", "private", "jaffe-stratified", "jaffe-woman-out"]
        return [test for test in tests if self.found(system.preset, test)]

    def picture(self, name: str, png: bytes, text: str) -> str:
        """Markdown of a picture, which is written into the report's folder."""
        (self.folder / name).write_bytes(png)
        return f"![{text}]({name})"
