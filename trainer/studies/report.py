"""The report of a reproduction: ours beside the paper's, figure by figure, from stored logits.

Written as Markdown with pictures beside it, and as one HTML page that holds them. Axes: N faces,
K expressions, S seeds.
"""

import base64
import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from trainer.data.fer2013 import USAGE, Fer2013, Split
from trainer.data.jaffe import Jaffe
from trainer.evaluation.cross_validation import SCHEMES, TEST_OF, Scheme, fold_accuracies, folds_of
from trainer.evaluation.figures import calibration, figures, right
from trainer.evaluation.plots import (
    Bar,
    comparison_png,
    confusion_png,
    reliability_png,
    write_confusion_csv,
)
from trainer.evaluation.predictions import FerTest, Predictions, Test, same_recipe, selection_of
from trainer.scoring.evaluate import Views
from trainer.scoring.statistics import Spread, confusion, mcnemar, reliability, row_shares, spread
from trainer.studies.paper import METHOD, SYSTEMS, TABLE3, TABLE4, TABLES, System

FER_TESTS: tuple[FerTest, ...] = ("public", "private")
_NAMES: dict[Split, str] = {split: usage for usage, split in USAGE.items()}
_SCHEME_NAMES: dict[Scheme, str] = {
    "stratified": "stratified 5 folds",
    "woman-out": "one woman left out",
}
_NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Truth:
    """What predictions are held against.

    ``copies`` [N] marks test faces that have a copy in Training; ``crowd`` holds FER+'s plurality
    labels [N] and a mask [N] of the faces that have a clear one among our seven.
    """

    fer: Fer2013
    jaffe: Jaffe | None = None
    copies: Mapping[Split, NDArray[np.bool_]] = field(default_factory=dict)
    crowd: Mapping[Split, tuple[NDArray[np.int64], NDArray[np.bool_]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the tables. ``recipes`` are the recipes that count, by system."""

    command: str
    date: str
    commit: str
    machine: str
    recipes: Mapping[str, Mapping[str, Any]]
    overrides: Sequence[str] = ()
    tables: Sequence[str] = tuple(TABLES)


def write_report(
    folder: Path, stored: Sequence[Predictions], truth: Truth, header: Header
) -> tuple[Path, Path]:
    """Write ``reproduction.md``, ``reproduction.html`` and their pictures; returns both paths.

    Raises:
        OSError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = _Report(folder, stored, truth, header)
    text = report.text()
    markdown, page = folder / "reproduction.md", folder / "reproduction.html"
    markdown.write_text(text, encoding="utf-8")
    page.write_text(_as_html(text, folder), encoding="utf-8")
    return markdown, page


class _Report:
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
        return predictions.num_faces == len(self._labels(origin.test))

    def _labels(self, test: Test) -> NDArray[np.int64]:
        if test == "public" or test == "private":
            return self.truth.fer.splits[test].labels
        empty: NDArray[np.int64] = np.zeros(0, np.int64)
        return empty if self.truth.jaffe is None else self.truth.jaffe.faces.labels

    def _selection(self, system: str) -> str:
        return selection_of(self.header.recipes[system])

    def _found(self, system: str, test: Test, selection: str | None = None) -> list[Predictions]:
        return self.by_key.get((system, test, selection or self._selection(system)), [])

    def _correct(
        self, found: Sequence[Predictions], test: Test, views: Views = "ten"
    ) -> NDArray[np.bool_]:
        labels = self._labels(test)
        return np.stack([right(each.logits[views], labels) for each in found])

    # the parts, in the order in which they stand

    def text(self) -> str:
        parts = [self._head()]
        for table in ("table1", "table2"):
            if table in self.header.tables:
                parts.append(self._comparison(table))
        if "table3" in self.header.tables:
            parts.append(self._confusion_fer())
        if "table4" in self.header.tables:
            parts.append(self._confusion_jaffe())
        systems = self._systems()
        parts += [
            self._per_class(systems),
            self._views(systems),
            self._calibration(systems),
            self._other_truths(systems),
            self._pairs(systems),
            self._provenance(),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _systems(self) -> list[System]:
        names = dict.fromkeys(name for table in self.header.tables for name in TABLES[table])
        return [SYSTEMS[name] for name in names if name in self.header.recipes]

    def _head(self) -> str:
        head = self.header
        lines = [
            "# The paper's tables, reproduced",
            "Every figure is computed from the logits stored beside this page "
            f"(`{head.command}`; {head.date[:10]}, commit {head.commit}).",
            "**Protocol.** FER2013 is split by its own Usage column. Training is trained on, "
            "PublicTest chooses the epoch where a preset says so, and fits the temperature. "
            "PrivateTest is read with `--final` only, and each look is a line of "
            "`private-test-log.jsonl`. Accuracies are by ten crops whose logits are averaged, as "
            "in the paper; an interval (95 %) tells what the finite test set leaves open, the "
            "deviation after the sign is over seeds. The paper does not say by which epoch, seed "
            "or test its figures were chosen.",
        ]
        if head.overrides:
            changed = ", ".join(f"`{override}`" for override in head.overrides)
            lines.append(
                f"**Not the paper's size.** All presets were changed by {changed}: the figures "
                "show that every system runs and how they compare at that size. They are no "
                "measure of the paper's networks."
            )
        return "\n\n".join(lines)

    def _comparison(self, table: str) -> str:
        title = {
            "table1": "Table 1: different models",
            "table2": "Table 2: the order of the attention modules",
        }[table]
        systems = [SYSTEMS[name] for name in TABLES[table]]
        rows, bars_fer, bars_jaffe = [], [], []
        shown: FerTest = "private" if self._any(systems, "private") else "public"
        for system in systems:
            if system.preset not in self.header.recipes:
                continue
            cells = [system.title, f"`{system.preset}`", _paper(system.fer)]
            for split in FER_TESTS:
                cells.append(self._accuracy(system, split))
            cells.append(_paper(system.jaffe))
            for scheme in SCHEMES:
                cells.append(self._jaffe_accuracy(system, scheme))
            rows.append(cells)
            bars_fer.append(self._bar(system, shown, system.fer))
            bars_jaffe.append(self._bar(system, "jaffe-stratified", system.jaffe))
        head = [
            "Model", "Preset", "FER2013, paper", "PublicTest, ours", "PrivateTest, ours",
            "JAFFE, paper", *(f"JAFFE, ours, {_SCHEME_NAMES[scheme]}" for scheme in SCHEMES),
        ]  # fmt: skip
        parts = [f"## {title}", _table(head, rows)]
        if any(bar.ours is not None for bar in bars_fer):
            picture = comparison_png(bars_fer, f"FER2013, {_NAMES[shown]}, ten crops")
            parts.append(self._picture(f"{table}-fer2013.png", picture, f"{title}, FER2013"))
        if any(bar.ours is not None for bar in bars_jaffe):
            picture = comparison_png(bars_jaffe, "JAFFE, stratified 5 folds, ten crops")
            parts.append(self._picture(f"{table}-jaffe.png", picture, f"{title}, JAFFE"))
        return "\n\n".join(parts)

    def _any(self, systems: Sequence[System], test: Test) -> bool:
        return any(self._found(s.preset, test) for s in systems if s.preset in self.header.recipes)

    def _spread(self, system: System, test: Test, selection: str | None = None) -> Spread | None:
        found = self._found(system.preset, test, selection)
        return spread(self._correct(found, test)) if found else None

    def _accuracy(self, system: System, test: Test, selection: str | None = None) -> str:
        found = self._spread(system, test, selection)
        return _NOT_RUN if found is None else _with_spread(found)

    def _jaffe_accuracy(self, system: System, scheme: Scheme) -> str:
        test = TEST_OF[scheme]
        found = self._found(system.preset, test)
        if not found or self.truth.jaffe is None:
            return _NOT_RUN
        means = []
        for each in found:
            folds = folds_of(self.truth.jaffe, scheme, each.origin.seed)
            accuracies = fold_accuracies(each.logits["ten"], self._labels(test), folds)
            means.append(float(np.mean(accuracies)))
        pooled = spread(self._correct(found, test))
        deviation = float(np.std(means, ddof=1)) if len(means) > 1 else math.nan
        return _with_spread(
            Spread(float(np.mean(means)), deviation, pooled.interval, len(means), pooled.num_faces)
        )

    def _bar(self, system: System, test: Test, paper: float | None) -> Bar:
        found = self._spread(system, test)
        share = None if paper is None else paper / 100
        if found is None:
            return Bar(system.title, None, None, share)
        return Bar(system.title, found.mean, found.interval, share)

    def _confusion_fer(self) -> str:
        split: FerTest = "private" if self._found(METHOD, "private") else "public"
        return self._confusion(
            "Table 3: confusion on FER2013", split, _NAMES[split], TABLE3, "table3-fer2013"
        )

    def _confusion_jaffe(self) -> str:
        return "\n\n".join(
            self._confusion(
                "Table 4: confusion on JAFFE" if scheme == "stratified" else "",
                TEST_OF[scheme], f"JAFFE, {_SCHEME_NAMES[scheme]}",
                TABLE4 if scheme == "stratified" else None, f"table4-{scheme}",
            )
            for scheme in SCHEMES
        )  # fmt: skip

    def _confusion(
        self,
        title: str,
        test: Test,
        place: str,
        paper: Sequence[Sequence[float]] | None,
        name: str,
    ) -> str:
        parts = [f"## {title}"] if title else []
        if METHOD not in self.header.recipes or not (found := self._found(METHOD, test)):
            return "\n\n".join([*parts, f"{place}: {_NOT_RUN}."])
        labels = self._labels(test)
        counts = sum(
            (confusion(each.logits["ten"].argmax(axis=1), labels) for each in found),
            np.zeros((len(LABELS), len(LABELS)), np.int64),
        )
        seeds = ", ".join(str(each.origin.seed) for each in found)
        write_confusion_csv(counts, self.folder / f"{name}.csv")
        head = ["Real", *(label.capitalize() for label in LABELS), "faces"]
        per_seed = counts.sum(axis=1) // len(found)
        shares = row_shares(counts)
        ours = [
            [label.capitalize(), *(_share(value) for value in row), str(faces)]
            for label, row, faces in zip(LABELS, shares, per_seed.tolist(), strict=True)
        ]
        parts.append(
            f"{place}, `{METHOD}`, ten crops, seed {seeds}; rows are the real expression, columns "
            f"the predicted one, as shares of the row (counts: [{name}.csv]({name}.csv))."
        )
        parts.append(_table(head, ours))
        picture = confusion_png(counts, f"{place}, seed {seeds}")
        parts.append(self._picture(f"{name}.png", picture, f"Confusion, {place}"))
        if paper is not None:
            theirs = [
                [label.capitalize(), *(f"{value:.2f}" for value in row), "-"]
                for label, row in zip(LABELS, paper, strict=True)
            ]
            parts += ["The paper's:", _table(head, theirs)]
        return "\n\n".join(parts)

    def _per_class(self, systems: Sequence[System]) -> str:
        rows = []
        for system in systems:
            for test in self._shown_tests(system):
                each = figures(
                    self._found(system.preset, test)[0].logits["ten"], self._labels(test)
                )
                recall = [_percent(each.scores.recall[name]) for name in LABELS]
                rows.append(
                    [
                        f"`{system.preset}`", _place(test), *recall,
                        _percent(each.scores.macro_recall), _percent(each.macro_f1),
                    ]
                )  # fmt: skip
        if not rows:
            return ""
        head = ["Preset", "Test", *LABELS, "macro recall", "macro F1"]
        return "## Recall of each expression, %\n\nTen crops, the first seed.\n\n" + _table(
            head, rows
        )

    def _shown_tests(self, system: System) -> list[Test]:
        tests: list[Test] = ["public", "private", "jaffe-stratified", "jaffe-woman-out"]
        return [test for test in tests if self._found(system.preset, test)]

    def _views(self, systems: Sequence[System]) -> str:
        rows = []
        for system in systems:
            for split in FER_TESTS:
                found = self._found(system.preset, split)
                if not found:
                    continue
                by_views = [
                    _percent(float(self._correct(found, split, views).mean()))
                    for views in ("one", "flip", "ten")
                ]
                other = "last" if self._selection(system.preset) == "best" else "best"
                rows.append(
                    [
                        f"`{system.preset}`", _NAMES[split], *by_views,
                        self._selection(system.preset), self._accuracy(system, split, other),
                    ]
                )  # fmt: skip
        if not rows:
            return ""
        head = [
            "Preset", "Test", "one crop", "with its mirror", "ten crops", "epoch that counts",
            "ten crops by the other choice of epoch",
        ]  # fmt: skip
        return (
            "## Ways of viewing and of choosing the epoch, %\n\nMeans over seeds. The epoch that "
            "counts is what the preset says: `best` on PublicTest or the `last` one.\n\n"
            + _table(head, rows)
        )

    def _calibration(self, systems: Sequence[System]) -> str:
        rows, pictures = [], []
        for system in systems:
            public = self._found(system.preset, "public")
            for split in FER_TESTS:
                found = self._found(system.preset, split)
                if not found or not public:
                    continue
                fit = next((p for p in public if p.origin.seed == found[0].origin.seed), public[0])
                labels = self._labels(split)
                logits = found[0].logits["one"]
                each = calibration(logits, labels, fit.logits["one"], self._labels("public"))
                rows.append(
                    [
                        f"`{system.preset}`", _NAMES[split], f"{each.temperature:.3f}",
                        f"{each.ece_before:.3f}", f"{each.ece_after:.3f}",
                        f"{each.nll_before:.3f}", f"{each.nll_after:.3f}",
                    ]
                )  # fmt: skip
                if system.preset == METHOD:
                    before = logits.astype(np.float64)
                    picture = reliability_png(
                        reliability(before, labels),
                        reliability(before / each.temperature, labels),
                        f"{_NAMES[split]}, {METHOD}",
                    )
                    pictures.append(
                        self._picture(
                            f"reliability-{split}.png", picture, f"Reliability, {_NAMES[split]}"
                        )
                    )
        if not rows:
            return ""
        head = [
            "Preset", "Test", "temperature", "ECE before", "ECE after", "NLL before", "NLL after",
        ]  # fmt: skip
        note = (
            "One crop, as the app runs a network, the first seed. ECE has 15 bins; the temperature "
            "is fitted on PublicTest, so that PublicTest's own figures after it are flattered. "
            "Systems without probabilities (support vector machines) get theirs by the softmax "
            "of their decision values."
        )
        return "\n\n".join(["## Calibration", note, _table(head, rows), *pictures])

    def _other_truths(self, systems: Sequence[System]) -> str:
        rows = []
        for system in systems:
            for split in FER_TESTS:
                found = self._found(system.preset, split)
                if not found:
                    continue
                correct = self._correct(found, split)
                copies = self.truth.copies.get(split)
                crowd = self.truth.crowd.get(split)
                without = "-" if copies is None else _percent(float(correct[:, ~copies].mean()))
                agreed = "-"
                if crowd is not None:
                    labels, mask = crowd
                    predicted = np.stack([each.logits["ten"].argmax(axis=1) for each in found])
                    agreed = _percent(float((predicted == labels)[:, mask].mean()))
                rows.append(
                    [
                        f"`{system.preset}`", _NAMES[split], _percent(float(correct.mean())),
                        without, agreed,
                    ]
                )  # fmt: skip
        if not rows or (not self.truth.copies and not self.truth.crowd):
            return ""
        notes = []
        for split in FER_TESTS:
            if (copies := self.truth.copies.get(split)) is not None:
                notes.append(
                    f"{int(copies.sum())} of {len(copies)} {_NAMES[split]} faces have a copy in "
                    "Training."
                )
            if (crowd := self.truth.crowd.get(split)) is not None:
                labels, mask = crowd
                own = self.truth.fer.splits[split].labels
                agreement = _percent(float((labels == own)[mask].mean()))
                notes.append(
                    f"FER+'s ten people give {int(mask.sum())} {_NAMES[split]} faces one of the "
                    f"seven expressions by plurality; FER2013's own labels agree in {agreement} %."
                )
        head = [
            "Preset", "Test", "FER2013's labels", "without copies", "agreement with FER+ plurality",
        ]  # fmt: skip
        return "\n\n".join(
            ["## Copies, and what the crowd saw, %", " ".join(notes), _table(head, rows)]
        )

    def _pairs(self, systems: Sequence[System]) -> str:
        rows = []
        tests: tuple[Test, ...] = ("public", "private", "jaffe-stratified", "jaffe-woman-out")
        for system in systems:
            if system.preset == METHOD:
                continue
            for test in tests:
                ours = (
                    {p.origin.seed: p for p in self._found(METHOD, test)}
                    if (METHOD in self.header.recipes)
                    else {}
                )
                for other in self._found(system.preset, test):
                    if other.origin.seed not in ours:
                        continue
                    labels = self._labels(test)
                    result = mcnemar(
                        right(ours[other.origin.seed].logits["ten"], labels),
                        right(other.logits["ten"], labels),
                    )
                    rows.append(
                        [
                            f"`{system.preset}`", _place(test), str(other.origin.seed),
                            str(result.only_first), str(result.only_second),
                            _p_value(result.p_value),
                        ]
                    )  # fmt: skip
        if not rows:
            return ""
        head = [
            "Against", "Test", "seed", f"only `{METHOD}` is right", "only the other is right", "p",
        ]  # fmt: skip
        note = (
            f"`{METHOD}` and each other system on the same faces (ten crops), by McNemar's exact "
            "test. The p-values are not corrected for their number, and speak of one seed each."
        )
        return "\n\n".join(["## Are the differences more than chance?", note, _table(head, rows)])

    def _provenance(self) -> str:
        rows = []
        for (system, test, selection), found in sorted(self.by_key.items()):
            origin = found[0].origin
            rows.append(
                [
                    f"`{system}`", _place(test), selection,
                    ", ".join(str(p.origin.seed) for p in found), origin.training_commit,
                    origin.date[:10], origin.machine,
                ]
            )  # fmt: skip
        missing = self._missing()
        parts = ["## What was run"]
        if rows:
            head = ["Preset", "Test", "epoch", "seeds", "commit", "date", "machine"]
            parts.append(_table(head, rows))
        if missing:
            how = (
                "Not run yet; the command above runs them without `--report-only`, PrivateTest "
                "with `--final`, JAFFE with `--jaffe`:"
            )
            parts += [how, "\n".join(f"- {line}" for line in missing)]
        if self.left_out:
            parts.append(
                f"{self.left_out} stored predictions belong to other recipes or data and are not "
                "shown."
            )
        parts.append(f"This page was written on: {self.header.machine}.")
        return "\n\n".join(parts)

    def _missing(self) -> list[str]:
        lines = []
        for system in self._systems():
            lacking = [
                _place(test)
                for test in ("public", "private", "jaffe-stratified", "jaffe-woman-out")
                if not self._found(system.preset, test)
            ]
            if lacking:
                lines.append(f"`{system.preset}`: {', '.join(lacking)}")
        return lines

    def _picture(self, name: str, png: bytes, text: str) -> str:
        (self.folder / name).write_bytes(png)
        return f"![{text}]({name})"


def _paper(percent: float | None) -> str:
    return "-" if percent is None else f"{percent:.1f}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}"


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _place(test: Test) -> str:
    return {
        "public": "PublicTest",
        "private": "PrivateTest",
        "jaffe-stratified": "JAFFE, stratified",
        "jaffe-woman-out": "JAFFE, woman out",
    }[test]


def _with_spread(found: Spread) -> str:
    low, high = (100 * end for end in found.interval)
    deviation = "" if math.isnan(found.deviation) else f" ± {100 * found.deviation:.1f}"
    return f"{100 * found.mean:.1f}{deviation} ({low:.1f} to {high:.1f}; n = {found.num_seeds})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


_STYLE = """
body { font: 15px/1.55 system-ui, sans-serif; color: #1f2933; background: #fff;
  max-width: 76rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.4rem; }
table { border-collapse: collapse; font-size: .88rem; display: block; overflow-x: auto; }
th, td { padding: .35rem .7rem; text-align: left; border-bottom: 1px solid #e4e7eb; }
th { border-bottom: 2px solid #9fb3c8; }
code { background: #f0f4f8; padding: .1em .3em; border-radius: 3px; font-size: .92em; }
img { max-width: 100%; }
"""


def _as_html(markdown: str, folder: Path) -> str:
    """One page without outside parts: the pictures lie inside it."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)

    def inside(match: re.Match[str]) -> str:
        png = (folder / html.unescape(match.group(1))).read_bytes()
        return f'src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}"'

    body = re.sub(r'src="([^":]+\.png)"', inside, body)
    title = html.escape(markdown.splitlines()[0].removeprefix("# "))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
