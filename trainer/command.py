"""The subcommands of ``ferdesk-train``: data, fit, evaluate, export."""

import contextlib
import json
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ferdesk.errors import EXIT_PARTIAL, EXIT_UNUSABLE, DataError, FerdeskError
from trainer import data_command, train
from trainer import evaluate as evaluation
from trainer.checkpoint import current_commit, load_checkpoint
from trainer.config import Recipe, load_recipe, preset_names
from trainer.data import SPLITS, Faces, Fer2013, Split, load_fer2013
from trainer.errors import TrainingStopped
from trainer.predict import load_classifier

app = typer.Typer(
    help="Train, judge and export ferdesk's networks on FER2013.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# no markup: a path may hold brackets
errors = Console(stderr=True, highlight=False, markup=False, emoji=False)

DataOption = Annotated[
    Path,
    typer.Option(help="fer2013.csv, icml_face_data.csv or their folder, or the folder form."),
]
Unofficial = Annotated[bool, typer.Option(help="Accept other row counts than FER2013's own.")]


app.command()(data_command.data)


@app.command()
def fit(
    data: DataOption,
    preset: Annotated[str, typer.Option(help=f"A .toml file or {', '.join(preset_names())}.")],
    out: Annotated[Path, typer.Option(help="Folder of this run.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="A field of the recipe, e.g. width=16.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    compile_model: Annotated[bool, typer.Option("--compile/--no-compile")] = True,
    bf16: Annotated[
        bool | None, typer.Option(help="bfloat16; by default on CUDA and on CPUs with AMX.")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run in --out.")] = False,
    max_steps: Annotated[int | None, typer.Option(help="Stop early, to time a machine.")] = None,
    unofficial: Unofficial = False,
) -> None:
    """Train a network on the Training split; PublicTest is watched, PrivateTest never read."""
    recipe = load_recipe(preset, overrides or [])
    if not recipe.is_network:
        _fit_shallow(recipe, data, out, resume, unofficial)
        return
    chosen = _device(device)
    if threads:
        torch.set_num_threads(threads)
    faces = _load_fer2013(data, unofficial)
    use_bf16 = _bf16_is_fast(chosen, compile_model) if bf16 is None else bf16
    errors.print(
        f"{recipe.name}: width {recipe.width}, {recipe.loss}, {recipe.epochs} epochs on {chosen}"
        f"{', bfloat16' if use_bf16 else ''}; checkpoints in {out}",
        soft_wrap=True,
    )
    with _progress() as (progress, stop_requested):
        task = progress.add_task("starting", total=None)

        def show(state: train.Progress) -> None:
            public = f"{state.public_accuracy:.4f}" if state.public_accuracy is not None else "-"
            progress.update(
                task,
                total=state.num_steps,
                completed=state.step,
                description=f"{'' if state.phase == 'training' else state.phase + ': '}"
                f"epoch {state.epoch:.1f} loss {state.loss:.4f} "
                f"{state.images_per_s:.0f}/s PublicTest {public}",
            )

        checkpoint = train.fit(
            recipe, faces, out, device=chosen, compile_model=compile_model, bf16=use_bf16,
            resume=resume, max_steps=max_steps, report=show, stop_requested=stop_requested,
        )  # fmt: skip
    chosen_file = out / "last.pt"
    if recipe.select == "public" and (out / "best.pt").exists():
        chosen_file = out / "best.pt"
    public = checkpoint.scores.get("public")
    errors.print(
        f"Done: step {checkpoint.step}"
        f"{'' if public is None else f', PublicTest {public:.4f} by one crop'}. "
        f"Next: ferdesk-train export {chosen_file} --data {data} --out model.onnx",
        soft_wrap=True,
    )


def _fit_shallow(recipe: Recipe, data: Path, out: Path, resume: bool, unofficial: bool) -> None:
    """Train the SVMs of a recipe that is no network."""
    from trainer import shallow

    faces = _load_fer2013(data, unofficial)
    errors.print(f"{recipe.name}: linear SVMs on the CPU; the model in {out}", soft_wrap=True)
    with _progress() as (progress, stop_requested):
        task = progress.add_task("starting", total=None)

        def show(state: shallow.Progress) -> None:
            public = f"{state.public_accuracy:.4f}" if state.public_accuracy is not None else "-"
            progress.update(
                task, total=state.total, completed=state.done,
                description=f"{state.what} PublicTest {public}",
            )  # fmt: skip

        model = shallow.fit_shallow(
            recipe, faces, out, resume=resume, report=show, stop_requested=stop_requested
        )
    errors.print(
        f"Done: C = {model.c:g}, PublicTest {model.scores['public']:.4f} by one crop. "
        f"Next: ferdesk-train evaluate {out / shallow.FILE} --data {data}",
        soft_wrap=True,
    )


@app.command()
def evaluate(
    model: Annotated[
        Path, typer.Argument(help="A checkpoint (.pt), exported model (.onnx) or SVMs (.npz).")
    ],
    data: DataOption,
    split: Annotated[str, typer.Option(help="training, public or private.")] = "public",
    final: Annotated[
        bool, typer.Option("--final", help="Really look at PrivateTest; the look is logged.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    unofficial: Unofficial = False,
) -> None:
    """Accuracy by one crop, flip and ten crops, recalls and calibration of a model."""
    faces = _split(_load_fer2013(data, unofficial).splits, split, final)
    classify, crop_px, _ = load_classifier(model)
    shift_px = evaluation.shift_of(crop_px)
    scores = {
        views: evaluation.as_table(evaluation.evaluate(classify, faces, views, shift_px))
        for views in ("one", "flip", "ten")
    }
    if split == "private":
        evaluation.log_private(
            {
                "what": "ferdesk-train evaluate",
                "file": model.name,
                "sha256": evaluation.file_sha256(model),
                "commit": current_commit(),
                "scores": scores,
            }
        )
    _print_scores(scores, as_json)


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="The checkpoint to export.")],
    data: DataOption,
    out: Annotated[Path, typer.Option(help="The .onnx file to write.")],
    name: Annotated[str | None, typer.Option(help="The model's name; the file's stem.")] = None,
    version: Annotated[str, typer.Option("--model-version")] = "1",
    half_weights: Annotated[
        bool, typer.Option(help="Store weights as float16: half the size.")
    ] = True,
    final: Annotated[
        bool, typer.Option("--final", help="Also evaluate PrivateTest, once; the look is logged.")
    ] = False,
    unofficial: Unofficial = False,
) -> None:
    """Write the ONNX file that the app opens, prove that it equals the network, and measure it."""
    from trainer.export import Identity
    from trainer.export import export as write

    if checkpoint.suffix == ".npz":
        raise DataError(
            f"{checkpoint} holds linear SVMs over features made by hand, which are no network and "
            "have no ONNX graph; only the presets of networks export. evaluate works on it."
        )
    splits = _load_fer2013(data, unofficial).splits
    figures = write(
        load_checkpoint(checkpoint),
        Identity(name or out.stem, version),
        splits["public"],
        out,
        half_weights=half_weights,
        private=splits["private"] if final else None,
    )
    if final:
        evaluation.log_private(
            {
                "what": "ferdesk-train export",
                "file": out.name,
                "sha256": evaluation.file_sha256(out),
                "commit": current_commit(),
                "scores": figures["private_test"],
            }
        )
    _print_scores(figures, as_json=True)


def _load_fer2013(place: Path, unofficial: bool) -> Fer2013:
    """FER2013, with what the user should know of this copy told once on stderr."""
    loaded = load_fer2013(place, official=not unofficial)
    for note in loaded.notes:
        errors.print(f"Note: {note}", soft_wrap=True)
    return loaded


def _split(splits: dict[Split, Faces], name: str, final: bool) -> Faces:
    if name not in SPLITS:
        raise DataError(f"There is no split {name!r}; there are {', '.join(SPLITS)}.")
    if name == "private" and not final:
        raise DataError(
            "PrivateTest is for the end: tune on public, and add --final for the one look that "
            "counts (it is logged)."
        )
    return splits[name]


def _print_scores(scores: Mapping[str, object], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(scores, indent=2) + "\n")
        return
    table = Table("views", "accuracy", "95 % interval", "macro recall", "ECE", "NLL", "recalls")
    for views, figures in scores.items():
        assert isinstance(figures, dict)
        low, high = figures["interval"]
        recalls = " ".join(
            f"{label} {'-' if share is None else f'{share:.2f}'}"
            for label, share in figures["recall"].items()
        )
        table.add_row(
            views, f"{figures['accuracy']:.4f}", f"{low:.4f}-{high:.4f}",
            f"{figures['macro_recall']:.4f}", f"{figures['ece']:.4f}", f"{figures['nll']:.4f}",
            recalls,
        )  # fmt: skip
    Console(highlight=False).print(table)


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DataError("There is no CUDA device that torch can use here; choose --device cpu.")
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DataError(f"There is no device {name} that torch can use here.") from error
    return name


def _bf16_is_fast(device: str, compiled: bool) -> bool:
    """Measured: on AMX processors compiled bfloat16 is 1.6 times as fast, elsewhere slower."""
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return device.startswith("cuda") or (compiled and bool(amx()))


@contextlib.contextmanager
def _progress() -> Iterator[tuple[Progress, "StopFlag"]]:
    """A progress bar, and Ctrl-C turned into a flag that the loop asks for."""
    flag = StopFlag()
    before = signal.signal(signal.SIGINT, flag.set)
    before_term = signal.signal(signal.SIGTERM, flag.set)
    columns = (
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    try:
        with Progress(*columns, console=errors, speed_estimate_period=120) as progress:
            yield progress, flag
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, before_term)


class StopFlag:
    """Set by a signal, read by the training loop after each step."""

    def __init__(self) -> None:
        self._set = False

    def set(self, *_: object) -> None:
        self._set = True

    def __call__(self) -> bool:
        return self._set


def main() -> None:
    """Run the command; an error we know is one sentence on stderr and the contract's exit code."""
    try:
        app()
    except TrainingStopped as error:
        errors.print(str(error), soft_wrap=True)
        sys.exit(EXIT_PARTIAL)
    except FerdeskError as error:
        errors.print(f"Error: {error}", soft_wrap=True)
        sys.exit(EXIT_UNUSABLE)
    except OSError as error:  # a full disk, a folder that is not ours: the system's own words
        errors.print(f"Error: {error}.", soft_wrap=True)
        sys.exit(EXIT_UNUSABLE)
