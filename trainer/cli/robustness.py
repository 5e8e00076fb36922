"""``ferdesk-train robustness``: worse pictures and moving crops, as tables or into the figures."""

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
from trainer.evaluation.corruptions import evenly_spread
from trainer.evaluation.corruptions import robustness as judge_spoiled
from trainer.evaluation.corruptions import steadiness as judge_moving
from trainer.evaluation.predictors import load_classifier

STEADY_FACES = 300

_console = Console(stderr=True, highlight=False, markup=False, emoji=False)


def robustness(
    model: Annotated[Path, typer.Argument(help="A checkpoint (.pt) or exported model (.onnx).")],
    data: Annotated[
        Path, typer.Option(help="FER2013: fer2013.csv, icml_face_data.csv or their folder.")
    ],
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many PublicTest faces, evenly spread.")
    ] = None,
    steady: Annotated[
        int, typer.Option(min=1, help="Faces whose crop is moved, evenly spread.")
    ] = STEADY_FACES,
    out: Annotated[
        Path | None, typer.Option(help="Put the figures into this JSON file, for card.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    unofficial: Unofficial = False,
) -> None:
    """Accuracy under blur, low light, compression, small and covered faces; steadiness of labels.

    On PublicTest, one crop, the network alone.
    """
    public = load_fer2013(data, official=not unofficial).splits["public"]
    classify = load_classifier(model).classify

    def said(words: str) -> None:
        _console.print(f"Judging faces: {words}", soft_wrap=True)

    spoiled = judge_spoiled(classify, evenly_spread(public, limit), said)
    moving = judge_moving(classify, evenly_spread(public, steady), said=said)
    if out is not None:
        add_figures(out, model, "robustness", command_line(), spoiled)
        add_figures(out, model, "steadiness", command_line(), moving)
        _console.print(f"Figures: {out}", soft_wrap=True)
    if as_json:
        found = {"robustness": spoiled, "steadiness": moving}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    _print(spoiled, moving)


def _print(spoiled: dict[str, Any], moving: dict[str, Any]) -> None:
    console = Console(highlight=False)
    clean = spoiled["clean"]
    table = Table(
        "faces", "weak", "middle", "strong", "strengths",
        title=f"PublicTest, {spoiled['num_faces']} faces, one crop: "
        f"{100 * clean['accuracy']:.1f} % as they are",
        title_justify="left",
    )  # fmt: skip
    for way in spoiled["ways"]:
        cells = [
            f"{100 * row['accuracy']:.1f} ({100 * row['change']:+.1f})" for row in way["strengths"]
        ]
        counted = ", ".join(f"{row['strength']:g}" for row in way["strengths"])
        table.add_row(way["way"], *cells, f"{way['strength_is']}: {counted}")
    console.print(table)
    for name in ("moving", "jumping"):
        found = moving[name]
        low, high = found["interval"]
        console.print(
            f"Crop {name}: the label changes in {100 * found['changes']:.1f} % of frames "
            f"({100 * low:.1f} to {100 * high:.1f}), never on {100 * found['never']:.0f} % of "
            f"{moving['num_faces']} faces.",
            soft_wrap=True,
        )
