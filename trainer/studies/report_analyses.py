"""Analyses beyond the paper's tables: recalls, views, calibration, other labels, significance."""

from collections.abc import Sequence

import numpy as np

from ferdesk.core.labels import LABELS
from trainer.evaluation.figures import calibration, figures, is_correct
from trainer.evaluation.plots import reliability_png
from trainer.scoring.statistics import mcnemar, reliability
from trainer.studies.paper import METHOD, System
from trainer.studies.report_page import SPLIT_NAMES, p_value, percent, table_of, test_name
from trainer.studies.report_results import ALL_TESTS, FER_TESTS, Results
from trainer.studies.report_tables import accuracy_text


def per_class(results: Results, systems: Sequence[System]) -> str:
    """Section of recall per expression."""
    rows = []
    for system in systems:
        for test in results.shown_tests(system):
            each = figures(
                results.found(system.preset, test)[0].logits["ten"], results.labels(test)
            )
            recall = [percent(each.scores.recall[name]) for name in LABELS]
            rows.append(
                [
                    f"`{system.preset}`", test_name(test), *recall,
                    percent(each.scores.macro_recall), percent(each.macro_f1),
                ]
            )  # fmt: skip
    if not rows:
        return ""
    head = ["Preset", "Test", *LABELS, "macro recall", "macro F1"]
    return "## Recall of each expression, %\n\nTen crops, the first seed.\n\n" + table_of(
        head, rows
    )


def views(results: Results, systems: Sequence[System]) -> str:
    """Section of test-time augmentation views and of the selected epoch."""
    rows = []
    for system in systems:
        for split in FER_TESTS:
            found = results.found(system.preset, split)
            if not found:
                continue
            by_views = [
                percent(float(results.correct(found, split, views).mean()))
                for views in ("one", "flip", "ten")
            ]
            other = "last" if results.selection(system.preset) == "best" else "best"
            rows.append(
                [
                    f"`{system.preset}`", SPLIT_NAMES[split], *by_views,
                    results.selection(system.preset), accuracy_text(results, system, split, other),
                ]
            )  # fmt: skip
    if not rows:
        return ""
    head = [
        "Preset", "Test", "one crop", "with its mirror", "ten crops", "epoch that counts",
        "ten crops by the other choice of epoch",
    ]  # fmt: skip
    return (
        "## Test-time augmentation views and selected epoch, %\n\nMeans over seeds. The epoch that "
        "counts is what the preset says: `best` on PublicTest or the `last` one.\n\n"
        + table_of(head, rows)
    )


def calibration_section(results: Results, systems: Sequence[System]) -> str:
    """Section of calibration: temperature, ECE and NLL, with reliability diagrams."""
    rows, pictures = [], []
    for system in systems:
        public = results.found(system.preset, "public")
        for split in FER_TESTS:
            found = results.found(system.preset, split)
            if not found or not public:
                continue
            fit = next((p for p in public if p.origin.seed == found[0].origin.seed), public[0])
            labels = results.labels(split)
            logits = found[0].logits["one"]
            each = calibration(logits, labels, fit.logits["one"], results.labels("public"))
            rows.append(
                [
                    f"`{system.preset}`", SPLIT_NAMES[split], f"{each.temperature:.3f}",
                    f"{each.ece_before:.3f}", f"{each.ece_after:.3f}",
                    f"{each.nll_before:.3f}", f"{each.nll_after:.3f}",
                ]
            )  # fmt: skip
            if system.preset == METHOD:
                before = logits.astype(np.float64)
                picture = reliability_png(
                    reliability(before, labels),
                    reliability(before / each.temperature, labels),
                    f"{SPLIT_NAMES[split]}, {METHOD}",
                )
                pictures.append(
                    results.picture(
                        f"reliability-{split}.png", picture, f"Reliability, {SPLIT_NAMES[split]}"
                    )
                )
    if not rows:
        return ""
    head = [
        "Preset", "Test", "temperature", "ECE before", "ECE after", "NLL before", "NLL after",
    ]  # fmt: skip
    note = (
        "One crop, as the app runs a network, the first seed. ECE has 15 bins; the temperature "
        "is fitted on PublicTest, so PublicTest's own figures after it are optimistic. "
        "Systems without probabilities (support vector machines) get theirs by the softmax "
        "of their decision values."
    )
    return "\n\n".join(["## Calibration", note, table_of(head, rows), *pictures])


def other_labels(results: Results, systems: Sequence[System]) -> str:
    """Section of accuracy without near-duplicates, and of agreement with FER+."""
    rows = []
    for system in systems:
        for split in FER_TESTS:
            found = results.found(system.preset, split)
            if not found:
                continue
            correct = results.correct(found, split)
            duplicates = results.truth.duplicates.get(split)
            crowd = results.truth.crowd.get(split)
            without = "-" if duplicates is None else percent(float(correct[:, ~duplicates].mean()))
            agreed = "-"
            if crowd is not None:
                labels, mask = crowd
                predicted = np.stack([each.logits["ten"].argmax(axis=1) for each in found])
                agreed = percent(float((predicted == labels)[:, mask].mean()))
            rows.append(
                [
                    f"`{system.preset}`", SPLIT_NAMES[split], percent(float(correct.mean())),
                    without, agreed,
                ]
            )  # fmt: skip
    if not rows or (not results.truth.duplicates and not results.truth.crowd):
        return ""
    notes = []
    for split in FER_TESTS:
        if (duplicates := results.truth.duplicates.get(split)) is not None:
            notes.append(
                f"{int(duplicates.sum())} of {len(duplicates)} {SPLIT_NAMES[split]} faces have a "
                "near-duplicate in Training."
            )
        if (crowd := results.truth.crowd.get(split)) is not None:
            labels, mask = crowd
            own = results.truth.fer.splits[split].labels
            agreement = percent(float((labels == own)[mask].mean()))
            notes.append(
                f"FER+'s voters give {int(mask.sum())} {SPLIT_NAMES[split]} faces one of the "
                f"seven expressions by plurality; FER2013's own labels agree in {agreement} %."
            )
    head = [
        "Preset", "Test", "FER2013's labels", "without near-duplicates",
        "agreement with FER+ plurality",
    ]  # fmt: skip
    return "\n\n".join(
        ["## Near-duplicates, and agreement with FER+, %", " ".join(notes), table_of(head, rows)]
    )


def significance(results: Results, systems: Sequence[System]) -> str:
    """Section of McNemar's tests between the method and each other system."""
    rows = []
    for system in systems:
        if system.preset == METHOD:
            continue
        for test in ALL_TESTS:
            ours = (
                {p.origin.seed: p for p in results.found(METHOD, test)}
                if (METHOD in results.header.recipes)
                else {}
            )
            for other in results.found(system.preset, test):
                if other.origin.seed not in ours:
                    continue
                labels = results.labels(test)
                result = mcnemar(
                    is_correct(ours[other.origin.seed].logits["ten"], labels),
                    is_correct(other.logits["ten"], labels),
                )
                rows.append(
                    [
                        f"`{system.preset}`", test_name(test), str(other.origin.seed),
                        str(result.only_first), str(result.only_second),
                        p_value(result.p_value),
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
    return "\n\n".join(["## Significance of the differences", note, table_of(head, rows)])
