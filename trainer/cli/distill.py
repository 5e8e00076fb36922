"""``ferdesk-train distill``: distil several networks into one."""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console

from ferdesk.errors import DataError
from trainer.cli.options import Bf16, CompileModel, Device, Threads, Unofficial
from trainer.cli.progress import Display, stop_signals
from trainer.data.fer2013 import Faces, load_fer2013
from trainer.data.ferplus import load_ferplus
from trainer.recipes.config import Recipe, load_recipe, preset_names
from trainer.scoring.evaluate import (
    score,
    shift_of,
    softmax,
    torch_classifier,
    view_logits,
    wilson_interval,
)
from trainer.training import loop
from trainer.training.checkpoint import load_checkpoint
from trainer.training.devices import bf16_is_fast, choose_device, compiling_pays
from trainer.training.distillation import Teacher, load_teacher
from trainer.training.distributed import joined
from trainer.training.initial_weights import load_initial_weights


def distill(
    teachers: Annotated[
        list[str],
        typer.Option(
            "--teacher",
            help="A checkpoint (.pt), a run's folder, a folder of seed-N runs, or an exported "
            "model (.onnx); repeatable.",
        ),
    ],
    data: Annotated[
        Path, typer.Option(help="FER2013: fer2013.csv, icml_face_data.csv or their folder.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the student's run.")],
    preset: Annotated[
        str,
        typer.Option(help=f"The student's recipe: a .toml file or {', '.join(preset_names())}."),
    ] = "fast",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="A field of the student's recipe, e.g. width=16; repeatable."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Initial weights: a .pt or .onnx of the same shape."),
    ] = None,
    ferplus: Annotated[
        Path | None,
        typer.Option(help="FER+'s fer2013new.csv, for a student whose crowd_weight is above 0."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Also export the student to this .onnx file.")
    ] = None,
    device: Device = "auto",
    compile_model: CompileModel = None,
    bf16: Bf16 = None,
    threads: Threads = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in --out.")] = False,
    unofficial: Unofficial = False,
) -> None:
    """Distil several teachers into one student: labels plus the teachers' mean probabilities.

    The recipe's distill_alpha, distill_temperature and distill_view (--set) control it. PublicTest
    is evaluated each epoch, PrivateTest is never read.
    """
    if threads:
        torch.set_num_threads(threads)
    places = [str(place) for given in teachers for place in _runs_in(Path(given))]
    listed = "[" + ", ".join(f"'{place}'" for place in places) + "]"
    recipe = load_recipe(preset, [*(overrides or []), f"teacher={listed}"])
    if not recipe.is_network:
        raise DataError(f"{recipe.system} is no network, so it cannot be distilled into.")
    teacher_networks = [load_teacher(Path(place), recipe) for place in places]
    weights = None if start is None else load_initial_weights(start).both_heads()
    chosen = choose_device(device)
    compiled = compiling_pays(chosen) if compile_model is None else compile_model
    in_bf16 = bf16_is_fast(chosen, compiled) if bf16 is None else bf16
    fer = load_fer2013(data, official=not unofficial)
    public = fer.splits["public"]
    votes = None if ferplus is None else load_ferplus(ferplus, fer)
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    for note in fer.notes:
        console.print(f"Note: {note}", soft_wrap=True)
    with joined(torch.device(chosen)) as group, stop_signals() as stop_requested:
        if group.writes:
            for sentence in _teacher_accuracies(teacher_networks, recipe, public, chosen):
                console.print(sentence, soft_wrap=True)
        with Display(console, silent=not group.writes) as display:
            checkpoint = loop.fit(
                recipe, fer, out, device=chosen, compile_model=compiled, bf16=in_bf16,
                resume=resume, start=weights, votes=votes, group=group, report=display.show,
                notice=display.notice, stop_requested=stop_requested,
            )  # fmt: skip
        if not group.writes:
            return
        classify = torch_classifier(checkpoint.model(), recipe.crop_px)
        console.print(
            f"The student: {_public_accuracy(classify(public.pixels), public)}.", soft_wrap=True
        )
        file = out / ("best.pt" if recipe.select == "public" else "last.pt")
        if model is None:
            console.print(
                f"Done: {file}. Next: ferdesk-train export {file} --data {data} --out model.onnx",
                soft_wrap=True,
            )
            return
        from trainer.delivery.export import Identity, export

        export(load_checkpoint(file), Identity(model.stem, "1"), public, model, votes=votes)
        console.print(f"Done: {model}. Next: ferdesk --model {model}", soft_wrap=True)


def _runs_in(place: Path) -> list[Path]:
    """The runs below a folder that ``fit --seeds`` made, or the place itself.

    Raises:
        DataError: there is nothing.
    """
    if not place.exists():
        raise DataError(f"There is no teacher {place}; give a .pt, an .onnx or a run's folder.")
    if place.is_dir() and not (place / "last.pt").is_file():
        found = sorted(path.parent for path in place.glob("seed*/last.pt"))
        if found:
            return found
    return [place]


def _teacher_accuracies(
    teachers: list[Teacher], recipe: Recipe, public: Faces, device: str
) -> list[str]:
    """Accuracy on PublicTest by one crop, of each teacher and of their mean probabilities."""
    if not len(public):
        return []
    lines, probabilities = [], []
    for teacher in teachers:
        classify = torch_classifier(teacher.network().to(device), teacher.recipe.crop_px)
        logits = view_logits(classify, public.pixels, "one", shift_of(teacher.recipe.crop_px))
        probabilities.append(softmax(logits))
        lines.append(f"Teacher {teacher.place}: {_public_accuracy(logits, public)}.")
    if len(teachers) > 1:
        mean = np.log(np.maximum(np.mean(probabilities, axis=0), 1e-12))
        lines.append(f"Ensemble of the teachers: {_public_accuracy(mean, public)}.")
    return lines


def _public_accuracy(logits: np.ndarray, public: Faces) -> str:
    scores = score(logits, public.labels)
    low, high = wilson_interval(round(scores.accuracy * len(public)), len(public))
    return (
        f"PublicTest {100 * scores.accuracy:.2f} % ({100 * low:.1f} to {100 * high:.1f}) by one "
        "crop"
    )
