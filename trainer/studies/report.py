"""Report of a reproduction: ours beside the paper's, figure by figure, from stored logits.

Written as Markdown with pictures beside it, and as one HTML page that contains them.
"""

from collections.abc import Sequence
from pathlib import Path

from trainer.evaluation.predictions import Predictions
from trainer.studies.report_analyses import (
    calibration_section,
    other_labels,
    per_class,
    significance,
    views,
)
from trainer.studies.report_page import as_html, table_of, test_name
from trainer.studies.report_results import Header, Results, Truth
from trainer.studies.report_tables import comparison, confusion_fer2013, confusion_jaffe


def write_report(
    folder: Path, stored: Sequence[Predictions], truth: Truth, header: Header
) -> tuple[Path, Path]:
    """Write ``reproduction.md``, ``reproduction.html`` and their pictures; returns both paths.

    Raises:
        OSError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = _text(Results(folder, stored, truth, header))
    markdown, page = folder / "reproduction.md", folder / "reproduction.html"
    markdown.write_text(text, encoding="utf-8")
    page.write_text(as_html(text, folder), encoding="utf-8")
    return markdown, page


def _text(results: Results) -> str:
    parts = [_head(results)]
    for table in ("table1", "table2"):
        if table in results.header.tables:
            parts.append(comparison(results, table))
    if "table3" in results.header.tables:
        parts.append(confusion_fer2013(results))
    if "table4" in results.header.tables:
        parts.append(confusion_jaffe(results))
    systems = results.systems()
    parts += [
        per_class(results, systems),
        views(results, systems),
        calibration_section(results, systems),
        other_labels(results, systems),
        significance(results, systems),
        _provenance(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(results: Results) -> str:
    head = results.header
    lines = [
        "# The paper's tables, reproduced",
        "Every figure is computed from the logits stored beside this page "
        f"(`{head.command}`; {head.date[:10]}, commit {head.commit}).",
        "**Protocol.** FER2013 is split by its own Usage column. Training is trained on, "
        "PublicTest selects the epoch where a preset says so, and fits the temperature. "
        "PrivateTest is read with `--final` only, and each evaluation is a line of "
        "`private-test-log.jsonl`. Accuracies are by ten crops whose logits are averaged, as "
        "in the paper; the interval (95 %) is the uncertainty from the finite test set, the "
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


def _provenance(results: Results) -> str:
    rows = []
    for (system, test, selection), found in sorted(results.by_key.items()):
        origin = found[0].origin
        rows.append(
            [
                f"`{system}`", test_name(test), selection,
                ", ".join(str(p.origin.seed) for p in found), origin.training_commit,
                origin.date[:10], origin.machine,
            ]
        )  # fmt: skip
    missing = _missing(results)
    parts = ["## What was run"]
    if rows:
        head = ["Preset", "Test", "epoch", "seeds", "commit", "date", "machine"]
        parts.append(table_of(head, rows))
    if missing:
        how = (
            "Not run yet; the command above runs them without `--report-only`, PrivateTest "
            "with `--final`, JAFFE with `--jaffe`:"
        )
        parts += [how, "\n".join(f"- {line}" for line in missing)]
    if results.left_out:
        parts.append(
            f"{results.left_out} stored predictions belong to other recipes or data and are not "
            "shown."
        )
    parts.append(f"This page was written on: {results.header.machine}.")
    return "\n\n".join(parts)


def _missing(results: Results) -> list[str]:
    lines = []
    for system in results.systems():
        lacking = [
            test_name(test)
            for test in ("public", "private", "jaffe-stratified", "jaffe-woman-out")
            if not results.found(system.preset, test)
        ]
        if lacking:
            lines.append(f"`{system.preset}`: {', '.join(lacking)}")
    return lines
