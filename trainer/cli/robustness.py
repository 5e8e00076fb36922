"""``ferdesk-train robustness``: accuracy under corruptions, and label flip rate."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from trainer.cli.options import Unofficial
from trainer.cli.reproduce import command_line
from trainer.data.fer2013 import load_fer2013
from trainer.delivery.measurements import add_figures
from trainer.evaluation.corruptions import evenly_spaced
from trainer.evaluation.corruptions import label_flip_rate as measure_flip_rate
from trainer.evaluation.corruptions import robustness as measure_robustness
from trainer.evaluation.predictors import load_classifier

FLIP_RATE_FACES = 300

_console = Console(stderr=True, highlight=False, markup=False, emoji=False)


def robustness(
    model: Annotated[Path, typer.Argument(help="A checkpoint (.pt) or exported model (.onnx).")],
    data: Annotated[
        Path, typer.Option(help="FER2013: fer2013.csv, icml_face_data.csv or their folder.")
    ],
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Number of PublicTest faces, evenly spaced; all by default."),
    ] = None,
    steady: Annotated[
        int, typer.Option(min=1, help="Number of faces for the label flip rate, evenly spaced.")
    ] = FLIP_RATE_FACES,
    out: Annotated[
        Path | None, typer.Option(help="Add the figures to this JSON file, for card.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    unofficial: Unofficial = False,
) -> None:
    """Measure accuracy under blur, low light, compression, low resolution and occlusion.

    Also the label flip rate of still faces under a moving crop. On PublicTest, one crop, the
    network alone.
    """
    public = load_fer2013(data, official=not unofficial).splits["public"]
    loaded = load_classifier(model)
    classify = loaded.classify

    def show(what: str) -> None:
        _console.print(f"Evaluating faces: {what}", soft_wrap=True)

    corrupted = measure_robustness(classify, evenly_spaced(public, limit), show)
    moving = measure_flip_rate(classify, evenly_spaced(public, steady), show=show)
    if loaded.crowd is not None:
        crowd = measure_flip_rate(loaded.crowd, evenly_spaced(public, steady), show=show)
        moving["crowd"] = {name: crowd[name] for name in ("moving", "jumping")}
    if out is not None:
        add_figures(out, model, "robustness", command_line(), corrupted)
        add_figures(out, model, "steadiness", command_line(), moving)
        _console.print(f"Figures: {out}", soft_wrap=True)
    if as_json:
        found = {"robustness": corrupted, "steadiness": moving}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    _print(corrupted, moving)


def _print(corrupted: dict[str, Any], moving: dict[str, Any]) -> None:
    console = Console(highlight=False)
    clean = corrupted["clean"]
    table = Table(
        "corruption", "weak", "middle", "strong", "strengths",
        title=f"PublicTest, {corrupted['num_faces']} faces, one crop: "
        f"{100 * clean['accuracy']:.1f} % clean",
        title_justify="left",
    )  # fmt: skip
    for way in corrupted["ways"]:
        cells = [
            f"{100 * row['accuracy']:.1f} ({100 * row['change']:+.1f})" for row in way["strengths"]
        ]
        counted = ", ".join(f"{row['strength']:g}" for row in way["strengths"])
        table.add_row(way["way"], *cells, f"{way['strength_is']}: {counted}")
    console.print(table)
    motions = {f"crop {name}": moving[name] for name in ("moving", "jumping")}
    for name, found in moving.get("crowd", {}).items():
        motions[f"crowd head, crop {name}"] = found
    for motion, found in motions.items():
        low, high = found["interval"]
        console.print(
            f"Label flip rate, {motion}: {100 * found['changes']:.1f} % of frames "
            f"({100 * low:.1f} to {100 * high:.1f}); no flip on {100 * found['never']:.0f} % of "
            f"{moving['num_faces']} faces.",
            soft_wrap=True,
        )
