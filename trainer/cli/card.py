"""``ferdesk-train card``: the model card, beside the model."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ferdesk.errors import DataError, FerdeskError
from trainer.delivery.card import facts_of, write_card
from trainer.delivery.measurements import read_figures
from trainer.scoring.private_looks import PRIVATE_LOG

_console = Console(stderr=True, highlight=False, markup=False, emoji=False)


def card(
    model: Annotated[Path, typer.Argument(help="The exported file (.onnx).")],
    figures: Annotated[
        Path | None,
        typer.Option(help="The JSON that robustness and the benchmarks wrote with --out."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The Markdown file; beside the model by default.")
    ] = None,
) -> None:
    """Write the model card: data, protocol, figures with intervals, limits, uses and misuses.

    ferdesk models shows a card that lies beside its model.
    """
    if model.suffix != ".onnx":
        raise DataError(f"{model} is no exported model; ferdesk-train export makes one of it.")
    path = out or model.with_suffix(".md")
    if figures is not None and not figures.is_file():
        raise DataError(
            f"There are no figures {figures}; make them with ferdesk-train robustness {model} "
            f"--data FER2013 --out {figures}."
        )
    facts = facts_of(model, {} if figures is None else read_figures(figures, model), PRIVATE_LOG)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(write_card(facts), encoding="utf-8")
    except OSError as error:
        raise FerdeskError(f"{path} cannot be written: {error}.") from error
    _console.print(f"Model card: {path}", soft_wrap=True)
