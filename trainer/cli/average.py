"""``ferdesk-train average``: weight average of networks fine-tuned from the same weights."""

import dataclasses
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from torch import Tensor
from torch.optim.swa_utils import update_bn

from ferdesk.errors import DataError, FerdeskError
from trainer.cli.options import Device, Threads, Unofficial
from trainer.data.augment import augment
from trainer.data.fer2013 import Faces, Fer2013, load_fer2013
from trainer.recipes.config import Recipe
from trainer.scoring.center_crop import center_accuracy
from trainer.scoring.evaluate import wilson_interval
from trainer.training.build import build_network
from trainer.training.checkpoint import Checkpoint, current_commit, save_checkpoint
from trainer.training.devices import choose_device
from trainer.training.distillation import Teacher, load_teacher
from trainer.training.epoch_plan import plan_epoch
from trainer.training.initial_weights import shape_of


def average(
    networks: Annotated[
        list[Path], typer.Argument(help="Checkpoints (.pt), run folders or models (.onnx).")
    ],
    data: Annotated[
        Path, typer.Option(help="FER2013: fer2013.csv, icml_face_data.csv or their folder.")
    ],
    out: Annotated[Path, typer.Option(help="The checkpoint (.pt) to write, for export.")],
    shares: Annotated[
        str | None, typer.Option(help="Coefficients of the networks, e.g. 1,3; equal by default.")
    ] = None,
    norm_faces: Annotated[
        int,
        typer.Option(
            min=0,
            help="Training faces on which the batch norms' statistics are measured again, "
            "augmented by the last network's recipe; 0: the statistics are averaged.",
        ),
    ] = 0,
    device: Device = "auto",
    threads: Threads = 0,
    unofficial: Unofficial = False,
) -> None:
    """Average the weights of networks of one shape (model soup, Wortsman et al., 2022).

    For networks that were fine-tuned from the same weights, and for those weights; networks from
    different random initialisations cannot be averaged. The batch norms' statistics are averaged
    too, or with --norm-faces measured again (Izmailov et al., 2018). Evaluates on PublicTest.
    """
    if threads:
        torch.set_num_threads(threads)
    found = [load_teacher(place, Recipe(distill_view="one")) for place in networks]
    weights = averaged(found, _numbers(shares, len(found)))
    fer = load_fer2013(data, official=not unofficial)
    recipe = dataclasses.replace(found[-1].recipe, teacher=())
    where = choose_device(device)
    if norm_faces:
        weights = with_norms_of(weights, recipe, fer.splits["training"], norm_faces, where)
    names = ", ".join(Path(each.place).name for each in found)
    checkpoint = Checkpoint(
        recipe, 0, weights, None, {}, fer.sha256, current_commit(), {"averaged": float(len(found))}
    )
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    console.print(
        f"The average of {names}: {_public_accuracy(checkpoint, fer, where)}.", soft_wrap=True
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
    """Weighted mean of all floating-point weights and statistics; counters are the last one's.

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


def with_norms_of(
    weights: dict[str, Tensor], recipe: Recipe, training: Faces, num_faces: int, device: str
) -> dict[str, Tensor]:
    """Same weights, with the batch norms' statistics measured on ``training``'s faces.

    The mean of two networks has maps of a smaller variance than either had, which the mean of
    their statistics does not know.

    Args:
        weights: a state of the recipe's network.
        recipe: whose augmentation and batch the faces are shown with, in the order of epoch 0.
        training: the faces.
        num_faces: how many of them at most, rounded up to whole batches.
        device: a torch device.

    Raises:
        DataError: there are fewer faces than a batch.
    """
    if len(training) < recipe.batch:
        raise DataError(
            f"Training has {len(training)} faces, fewer than the batch of {recipe.batch}; the "
            "norms cannot be measured on them."
        )
    network = build_network(recipe).to(device)
    network.load_state_dict(weights)
    plan = plan_epoch(recipe, len(training), 0)
    pixels_NHW = torch.from_numpy(training.pixels)
    steps = range(min(-(-num_faces // recipe.batch), len(plan.order_SB)))
    with torch.no_grad():
        views = (
            augment(
                pixels_NHW[plan.order_SB[step]].to(device), recipe, plan.random_SBD[step].to(device)
            )
            for step in steps
        )
        update_bn(views, network)
    return {name: value.cpu() for name, value in network.state_dict().items()}


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


def _public_accuracy(checkpoint: Checkpoint, fer: Fer2013, device: str) -> str:
    public = fer.splits["public"]
    model = checkpoint.model().to(device)
    accuracy = center_accuracy(model, public, checkpoint.recipe.crop_px)
    low, high = wilson_interval(round(accuracy * len(public)), len(public))
    return f"PublicTest {100 * accuracy:.2f} % ({100 * low:.1f} to {100 * high:.1f}) by one crop"
