"""``ferdesk-train folds``: fine-tune any network on JAFFE's folds and test it."""

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from ferdesk.errors import DataError
from trainer.cli.options import Device, Threads
from trainer.cli.progress import stop_signals
from trainer.cli.reproduce import command_line, read_seeds
from trainer.data.fer2013 import Faces, Fer2013
from trainer.data.jaffe import CROPS, JaffeCrop, load_jaffe
from trainer.evaluation import cross_validation
from trainer.evaluation.cross_validation import SCHEMES, TEST_OF, Scheme
from trainer.evaluation.figures import is_correct, write_evaluation
from trainer.evaluation.predictions import Origin, Predictions, machine, utc_now
from trainer.evaluation.predictors import load_classifier
from trainer.recipes.config import Recipe, as_table, recipe_from
from trainer.scoring.evaluate import Classifier, file_sha256
from trainer.scoring.statistics import accuracy_over_seeds
from trainer.training import loop
from trainer.training.checkpoint import current_commit
from trainer.training.devices import bf16_is_fast, choose_device
from trainer.training.initial_weights import load_initial_weights

_console = Console(stderr=True, highlight=False, markup=False, emoji=False)


def folds(
    model: Annotated[Path, typer.Argument(help="A checkpoint (.pt) or an exported file (.onnx).")],
    jaffe: Annotated[Path, typer.Option(help="JAFFE's folder or its packed .npz.")],
    out: Annotated[Path, typer.Option(help="Folder of the results and of the folds' runs.")],
    seeds: Annotated[
        str, typer.Option(help="Seeds of the stratified folds and of training, e.g. 1,2,3.")
    ] = "1",
    jaffe_crop: Annotated[str, typer.Option(help=f"{' or '.join(CROPS)}.")] = "paper",
    device: Device = "auto",
    threads: Threads = 0,
    unofficial: Annotated[bool, typer.Option(help="Accept other counts than JAFFE's own.")] = False,
) -> None:
    """Cross-validate a network on JAFFE, 30 epochs per fold: stratified, and one woman left out.

    Finished folds are kept in --out; the same command continues after an interruption.
    """
    if jaffe_crop not in CROPS:
        raise typer.BadParameter(f"--jaffe-crop is one of {', '.join(CROPS)}, not {jaffe_crop!r}.")
    crop: JaffeCrop = "face" if jaffe_crop == "face" else "paper"
    if threads:
        torch.set_num_threads(threads)
    chosen = choose_device(device)
    start = load_initial_weights(model)
    base = recipe_from({"name": model.stem, **start.shape}, str(model))
    if not base.is_network:
        raise DataError(f"{model} holds no network; give a checkpoint or an exported file.")
    portraits = load_jaffe(jaffe, crop, official=not unofficial)
    for note in portraits.notes:
        _console.print(note, soft_wrap=True)
    labels = portraits.faces.labels
    found: dict[Scheme, list[Predictions]] = {scheme: [] for scheme in SCHEMES}
    means: dict[Scheme, list[float]] = {scheme: [] for scheme in SCHEMES}
    with stop_signals() as stop_requested:

        def fold(recipe: Recipe, training: Faces, held: Faces, folder: Path) -> Classifier:
            loop.fit(
                recipe, Fer2013({"training": training, "public": held}, portraits.sha256), folder,
                device=chosen, bf16=bf16_is_fast(chosen, compiled=False), resume=True,
                start=start.weights, stop_requested=stop_requested,
            )  # fmt: skip
            return load_classifier(folder / "last.pt", chosen).classify

        for seed in read_seeds(seeds):
            recipe = cross_validation.fine_tuning(dataclasses.replace(base, seed=seed))
            for scheme in SCHEMES:
                place = out / f"{scheme}-{crop}-seed{seed}"
                parts = cross_validation.folds_of(portraits, scheme, seed)
                prefix = f"seed {seed}, {scheme}: "
                logits = cross_validation.cross_validate(
                    recipe, portraits, parts, place / "runs", fold,
                    lambda name, prefix=prefix: _console.print(prefix + name, soft_wrap=True),  # type: ignore[misc]
                )  # fmt: skip
                origin = Origin(
                    system=model.stem, test=TEST_OF[scheme], seed=seed, selection="last",
                    recipe=as_table(recipe), data_sha256=portraits.sha256,
                    model_sha256=file_sha256(model), training_commit=current_commit(),
                    command=command_line(), date=utc_now(), machine=machine(),
                    details={"crop": crop, "folds": [part.name for part in parts]},
                )  # fmt: skip
                predictions = Predictions(origin, logits)
                write_evaluation(place, f"JAFFE, {scheme}, seed {seed}", predictions, labels, None)
                found[scheme].append(predictions)
                accuracies = cross_validation.fold_accuracies(logits["ten"], labels, parts)
                means[scheme].append(float(np.mean(accuracies)))
    table = Table("folds", "accuracy, ten crops, mean of folds", "95 % interval", "seeds")
    for scheme in SCHEMES:
        correct = np.stack([is_correct(each.logits["ten"], labels) for each in found[scheme]])
        pooled = accuracy_over_seeds(correct)
        mean, deviation = np.mean(means[scheme]), np.std(means[scheme], ddof=len(correct) > 1)
        table.add_row(
            scheme,
            f"{100 * mean:.1f} %" + (f" ± {100 * deviation:.1f}" if len(correct) > 1 else ""),
            f"{100 * pooled.interval[0]:.1f} to {100 * pooled.interval[1]:.1f}",
            str(len(correct)),
        )
    Console(highlight=False).print(table)
    _console.print(f"Logits, figures and pictures: {out}", soft_wrap=True)
