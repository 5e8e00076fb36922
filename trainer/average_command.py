"""``ferdesk-train average``: the weights of networks that grew from the same ones, averaged."""

import dataclasses
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from torch import Tensor

from ferdesk.errors import DataError, FerdeskError
from trainer.checkpoint import Checkpoint, current_commit, save_checkpoint
from trainer.config import Recipe
from trainer.data import Fer2013, load_fer2013
from trainer.devices import choose_device
from trainer.evaluate import wilson_interval
from trainer.options import Device, Threads, Unofficial
from trainer.start import shape_of
from trainer.teachers import Teacher, load_teacher
from trainer.train import center_accuracy


def average(
    networks: Annotated[
        list[Path], typer.Argument(help="Checkpoints (.pt), runs' folders or models (.onnx).")
    ],
    data: Annotated[
        Path, typer.Option(help="FER2013: fer2013.csv, icml_face_data.csv or their folder.")
    ],
    out: Annotated[Path, typer.Option(help="The checkpoint (.pt) to write, for export.")],
    shares: Annotated[
        str | None, typer.Option(help="Their weights, e.g. 1,3; equal ones by default.")
    ] = None,
    device: Device = "auto",
    threads: Threads = 0,
    unofficial: Unofficial = False,
) -> None:
    """Average the weights of networks of one shape (Wortsman et al., 2022); judge on PublicTest.

    It makes sense for networks that were fine-tuned from the same weights, and for these; from
    different random starts the average is worth nothing. The norms' statistics are averaged too.
    """
    if threads:
        torch.set_num_threads(threads)
    found = [load_teacher(place, Recipe(distill_view="one")) for place in networks]
    weights = averaged(found, _numbers(shares, len(found)))
    fer = load_fer2013(data, official=not unofficial)
    recipe = dataclasses.replace(found[-1].recipe, teacher=())
    names = ", ".join(Path(each.place).name for each in found)
    checkpoint = Checkpoint(
        recipe, 0, weights, None, {}, fer.sha256, current_commit(), {"averaged": float(len(found))}
    )
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    console.print(
        f"The average of {names}: {_told(checkpoint, fer, choose_device(device))}.", soft_wrap=True
    )
    try:
        save_checkpoint(checkpoint, out)
    except OSError as error:
        raise FerdeskError(f"{out} cannot be written: {error}.") from error
    console.print(
        f"Done: {out}. Next: ferdesk-train export {out} --data {data} --out model.onnx",
        soft_wrap=True,
    )


def averaged(networks: list[Teacher], shares: list[float]) -> dict[str, Tensor]:
    """The weighted mean of all floating weights and statistics; counters are the last one's.

    Raises:
        DataError: the networks are not of one shape, or are less than two.
    """
    if len(networks) < 2:
        raise DataError("An average needs two networks or more.")
    shapes = [shape_of(network.recipe) for network in networks]
    if any(shape != shapes[0] for shape in shapes):
        raise DataError(
            "Only networks of one shape can be averaged: system, width, attention, pool, loss, "
            "crop_px and input_px must be the same."
        )
    total = sum(shares)
    mean: dict[str, Tensor] = {}
    for name, last in networks[-1].weights.items():
        if not last.is_floating_point():
            mean[name] = last.clone()
            continue
        parts = [
            share / total * network.weights[name].double()
            for share, network in zip(shares, networks, strict=True)
        ]
        mean[name] = torch.stack(parts).sum(0).to(last.dtype)
    return mean


def _numbers(text: str | None, count: int) -> list[float]:
    if text is None:
        return [1.0] * count
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"--shares takes numbers like 1,3, not {text!r}.") from error
    if len(numbers) != count or min(numbers) < 0 or not sum(numbers) > 0:
        raise typer.BadParameter(
            f"--shares needs {count} numbers, one for each network, none below 0; got {text!r}."
        )
    return numbers


def _told(checkpoint: Checkpoint, fer: Fer2013, device: str) -> str:
    public = fer.splits["public"]
    model = checkpoint.model().to(device)
    accuracy = center_accuracy(model, public, checkpoint.recipe.crop_px)
    low, high = wilson_interval(round(accuracy * len(public)), len(public))
    return f"PublicTest {100 * accuracy:.2f} % ({100 * low:.1f} to {100 * high:.1f}) by one crop"
