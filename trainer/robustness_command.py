"""``ferdesk-train robustness``: worse pictures and moving crops, as tables or into the figures."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from trainer.data import load_fer2013
from trainer.figures import add_figures
from trainer.options import Unofficial
from trainer.predict import load_classifier
from trainer.reproduce_command import command_line
from trainer.robustness import evenly_spread
from trainer.robustness import robustness as judge_spoiled
from trainer.robustness import steadiness as judge_moving

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
    loaded = load_classifier(model)
    classify = loaded.classify

    def said(words: str) -> None:
        _console.print(f"Judging faces: {words}", soft_wrap=True)

    spoiled = judge_spoiled(classify, evenly_spread(public, limit), said)
    moving = judge_moving(classify, evenly_spread(public, steady), said=said)
    if loaded.crowd is not None:
        crowd = judge_moving(loaded.crowd, evenly_spread(public, steady), said=said)
        moving["crowd"] = {name: crowd[name] for name in ("moving", "jumping")}
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
    motions = {f"Crop {name}": moving[name] for name in ("moving", "jumping")}
    for name, found in moving.get("crowd", {}).items():
        motions[f"By the crowd's head, crop {name}"] = found
    for words, found in motions.items():
        low, high = found["interval"]
        console.print(
            f"{words}: the label changes in {100 * found['changes']:.1f} % of frames "
            f"({100 * low:.1f} to {100 * high:.1f}), never on {100 * found['never']:.0f} % of "
            f"{moving['num_faces']} faces.",
            soft_wrap=True,
        )
