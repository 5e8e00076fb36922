"""The paper's tables in the report: ours beside the paper's figures, and the confusion matrices."""

import math
from collections.abc import Sequence

import numpy as np

from ferdesk.core.labels import LABELS
from trainer.evaluation.cross_validation import SCHEMES, TEST_OF, Scheme, fold_accuracies, folds_of
from trainer.evaluation.plots import Bar, comparison_png, confusion_png, write_confusion_csv
from trainer.evaluation.predictions import FerTest, Test
from trainer.scoring.statistics import SeedAccuracy, accuracy_over_seeds, confusion, row_shares
from trainer.studies.paper import METHOD, SYSTEMS, TABLE3, TABLE4, TABLES, System
from trainer.studies.report_page import (
    NOT_RUN,
    SCHEME_NAMES,
    SPLIT_NAMES,
    percent_or_dash,
    share_of,
    table_of,
    with_interval,
)
from trainer.studies.report_results import FER_TESTS, Results


def comparison(results: Results, table: str) -> str:
    """Section of Table 1 or 2: accuracies beside the paper's, with plots."""
    title = {
        "table1": "Table 1: different models",
        "table2": "Table 2: the order of the attention modules",
    }[table]
    systems = [SYSTEMS[name] for name in TABLES[table]]
    rows, bars_fer, bars_jaffe = [], [], []
    shown: FerTest = "private" if results.any(systems, "private") else "public"
    for system in systems:
        if system.preset not in results.header.recipes:
            continue
        cells = [system.title, f"`{system.preset}`", percent_or_dash(system.fer)]
        for split in FER_TESTS:
            cells.append(accuracy_text(results, system, split))
        cells.append(percent_or_dash(system.jaffe))
        for scheme in SCHEMES:
            cells.append(_jaffe_accuracy(results, system, scheme))
        rows.append(cells)
        bars_fer.append(_bar(results, system, shown, system.fer))
        bars_jaffe.append(_bar(results, system, "jaffe-stratified", system.jaffe))
    head = [
        "Model", "Preset", "FER2013, paper", "PublicTest, ours", "PrivateTest, ours",
        "JAFFE, paper", *(f"JAFFE, ours, {SCHEME_NAMES[scheme]}" for scheme in SCHEMES),
    ]  # fmt: skip
    parts = [f"## {title}", table_of(head, rows)]
    if any(bar.ours is not None for bar in bars_fer):
        picture = comparison_png(bars_fer, f"FER2013, {SPLIT_NAMES[shown]}, ten crops")
        parts.append(results.picture(f"{table}-fer2013.png", picture, f"{title}, FER2013"))
    if any(bar.ours is not None for bar in bars_jaffe):
        picture = comparison_png(bars_jaffe, "JAFFE, stratified 5 folds, ten crops")
        parts.append(results.picture(f"{table}-jaffe.png", picture, f"{title}, JAFFE"))
    return "\n\n".join(parts)


def accuracy_text(
    results: Results, system: System, test: Test, selection: str | None = None
) -> str:
    """Accuracy of a system on a test as text, or "not run"."""
    found = results.accuracy(system, test, selection)
    return NOT_RUN if found is None else with_interval(found)


def _jaffe_accuracy(results: Results, system: System, scheme: Scheme) -> str:
    test = TEST_OF[scheme]
    found = results.found(system.preset, test)
    if not found or results.truth.jaffe is None:
        return NOT_RUN
    means = []
    for each in found:
        folds = folds_of(results.truth.jaffe, scheme, each.origin.seed)
        accuracies = fold_accuracies(each.logits["ten"], results.labels(test), folds)
        means.append(float(np.mean(accuracies)))
    pooled = accuracy_over_seeds(results.correct(found, test))
    deviation = float(np.std(means, ddof=1)) if len(means) > 1 else math.nan
    return with_interval(
        SeedAccuracy(
            float(np.mean(means)), deviation, pooled.interval, len(means), pooled.num_faces
        )
    )


def _bar(results: Results, system: System, test: Test, paper: float | None) -> Bar:
    found = results.accuracy(system, test)
    share = None if paper is None else paper / 100
    if found is None:
        return Bar(system.title, None, None, share)
    return Bar(system.title, found.mean, found.interval, share)


def confusion_fer2013(results: Results) -> str:
    """Section of Table 3: confusion matrix on FER2013."""
    split: FerTest = "private" if results.found(METHOD, "private") else "public"
    return _confusion(
        results,
        "Table 3: confusion on FER2013",
        split,
        SPLIT_NAMES[split],
        TABLE3,
        "table3-fer2013",
    )


def confusion_jaffe(results: Results) -> str:
    """Section of Table 4: confusion matrices on JAFFE."""
    return "\n\n".join(
        _confusion(results,
            "Table 4: confusion on JAFFE" if scheme == "stratified" else "",
            TEST_OF[scheme], f"JAFFE, {SCHEME_NAMES[scheme]}",
            TABLE4 if scheme == "stratified" else None, f"table4-{scheme}",
        )
        for scheme in SCHEMES
    )  # fmt: skip


def _confusion(
    results: Results,
    title: str,
    test: Test,
    place: str,
    paper: Sequence[Sequence[float]] | None,
    name: str,
) -> str:
    parts = [f"## {title}"] if title else []
    if METHOD not in results.header.recipes or not (found := results.found(METHOD, test)):
        return "\n\n".join([*parts, f"{place}: {NOT_RUN}."])
    labels = results.labels(test)
    counts = sum(
        (confusion(each.logits["ten"].argmax(axis=1), labels) for each in found),
        np.zeros((len(LABELS), len(LABELS)), np.int64),
    )
    seeds = ", ".join(str(each.origin.seed) for each in found)
    write_confusion_csv(counts, results.folder / f"{name}.csv")
    head = ["Real", *(label.capitalize() for label in LABELS), "faces"]
    per_seed = counts.sum(axis=1) // len(found)
    shares = row_shares(counts)
    ours = [
        [label.capitalize(), *(share_of(value) for value in row), str(faces)]
        for label, row, faces in zip(LABELS, shares, per_seed.tolist(), strict=True)
    ]
    parts.append(
        f"{place}, `{METHOD}`, ten crops, seed {seeds}; rows are the real expression, columns "
        f"the predicted one, as shares of the row (counts: [{name}.csv]({name}.csv))."
    )
    parts.append(table_of(head, ours))
    picture = confusion_png(counts, f"{place}, seed {seeds}")
    parts.append(results.picture(f"{name}.png", picture, f"Confusion, {place}"))
    if paper is not None:
        theirs = [
            [label.capitalize(), *(f"{value:.2f}" for value in row), "-"]
            for label, row in zip(LABELS, paper, strict=True)
        ]
        parts += ["The paper's:", table_of(head, theirs)]
    return "\n\n".join(parts)
