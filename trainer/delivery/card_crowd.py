"""Crowd head in the model card: metrics against FER+'s votes, label flip rate, JAFFE."""

import json
from collections.abc import Mapping
from typing import Any

from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.delivery.markdown import NOT_MEASURED, SPLITS, table, with_interval


def crowd_section(metadata: Mapping[str, str], file: str) -> str:
    """Metrics of the crowd head against FER+'s votes; nothing where there is no such head.

    Raises:
        DataError: the figures in the metadata cannot be read.
    """
    if "crowd_accuracy" not in metadata:
        return ""
    try:
        found: dict[str, dict[str, Any]] = json.loads(metadata["crowd_accuracy"])
    except ValueError as error:
        raise DataError(f"{file} has figures that cannot be read; export again.") from error
    rows, recalls = [], []
    for split, by_head in found.items():
        for key, output in (("crowd", "`crowd`"), ("labels", "`logits`")):
            scores = by_head[key]
            rows.append(
                [
                    SPLITS.get(split, split), output,
                    with_interval(scores["plurality"], scores["plurality_interval"]),
                    with_interval(scores["strict"], scores["strict_interval"]),
                    f"{100 * scores['top2']:.1f} %", f"{scores['kl']:.3f}",
                    f"{scores['cosine']:.3f}", f"{scores['ece']:.3f}",
                ]
            )  # fmt: skip
            recall = (
                "-" if scores["recall"][label] is None else f"{100 * scores['recall'][label]:.1f}"
                for label in LABELS
            )
            recalls.append([SPLITS.get(split, split), output, *recall])
    text = (
        "## How people would vote\n\nThe second output, `crowd`, is trained and evaluated on FER+: "
        f"ten people's votes for each face ({metadata['crowd_trained_on']}). Votes for "
        "contempt, unknown and no face are left out, the others shared among the seven labels. One "
        f"temperature of its own ({float(metadata['crowd_temperature']):.3f}), fitted on "
        "PublicTest's single votes, is inside the file. Figures by one crop: agreement with what "
        "most voters saw, where that is one of the seven and no tie, and where it is more than "
        "half of all voters; top 2; KL divergence from the votes and cosine to them over all faces "
        "with votes; calibration error against single votes."
    )
    if not rows:
        return f"{text}\n\n{NOT_MEASURED} (`ferdesk-train quantize --ferplus`)."
    head = [
        "Test", "output", "plurality (95 %)", "strict majority (95 %)", "top 2", "KL", "cosine",
        "calibration error",
    ]  # fmt: skip
    return f"{text}\n\n{table(head, rows)}\n\nRecall by plurality, %:\n\n" + table(
        ["Test", "output", *LABELS], recalls
    )


def crowd_flip_rate(found: Mapping[str, Any]) -> str:
    """Label flip rate of the crowd head on the same faces, where there is one."""
    if "crowd" not in found:
        return ""
    moving, jumping = found["crowd"]["moving"], found["crowd"]["jumping"]
    return (
        f"By `crowd` it changes in {with_interval(moving['changes'], moving['interval'])} and "
        f"{with_interval(jumping['changes'], jumping['interval'])}. "
    )


def crowd_on_jaffe(found: Mapping[str, Any]) -> str:
    """Accuracy of the crowd head on the same portraits, where there is one."""
    crowd = found.get("crowd")
    if crowd is None:
        return ""
    recalls = ", ".join(
        f"{label} {100 * share:.0f}"
        for label, share in crowd["recall"].items()
        if share is not None
    )
    return (
        f" By `crowd` {with_interval(crowd['accuracy'], crowd['interval'])} of the found ones are "
        f"right; recalls: {recalls} %.{_as_shown(found)}"
    )


def _as_shown(found: Mapping[str, Any]) -> str:
    """Accuracy of the votes with rare labels lifted, as the app shows them."""
    shown = found.get("votes_as_shown")
    if shown is None:
        return ""
    accuracy = with_interval(shown["accuracy"], shown["interval"])
    return f" As the app shows them, with rare labels lifted (docs/models.md), {accuracy}."
