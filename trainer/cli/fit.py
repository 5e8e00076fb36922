"""``ferdesk-train fit``: one run, several seeds in parallel, or a user's own folder of faces."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ferdesk.errors import DataError
from ferdesk.messages import counted
from ferdesk.paths import models_folder
from trainer.cli.options import Unofficial
from trainer.cli.progress import Display, stop_signals
from trainer.data.fer2013 import Fer2013, load_fer2013
from trainer.data.ferplus import load_ferplus
from trainer.data.folder import load_folder
from trainer.recipes.config import Recipe, load_recipe, preset_names
from trainer.training import loop, parallel_runs
from trainer.training.checkpoint import Checkpoint
from trainer.training.devices import bf16_is_fast, choose_device, compiling_pays
from trainer.training.distributed import Group, joined
from trainer.training.errors import TrainingStopped
from trainer.training.initial_weights import InitialWeights, load_initial_weights, shape_of

SHIPPED = "fast.onnx"
"""Initial weights of ``--folder`` without ``--from``."""


def fit(
    out: Annotated[Path, typer.Option(help="Folder of this run: checkpoints, log, events.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="FER2013: fer2013.csv, icml_face_data.csv, their folder, or the folder form."
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"A .toml file or {', '.join(preset_names())}; finetune where --folder is given."
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="A field of the recipe, e.g. width=16; repeatable."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Fine-tune on your own face crops, one subfolder per label; --data mixes in "
            "FER2013's faces, against forgetting."
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Initial weights: a checkpoint (.pt) or a model (.onnx)."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="With --folder: the .onnx to write; in --out by default.")
    ] = None,
    ferplus: Annotated[
        Path | None,
        typer.Option(help="FER+'s fer2013new.csv, for a recipe whose crowd_weight is above 0."),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Several runs, e.g. 1,2,3, each in a folder seed-N of --out."),
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="With --seeds: runs at a time.")] = 1,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or cuda:N; torchrun gives each process its own.")
    ] = "auto",
    compile_model: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            help="Use torch.compile; by default on CUDA and on CPUs with AMX, as it is slower "
            "elsewhere.",
        ),
    ] = None,
    autotune: Annotated[
        bool,
        typer.Option(
            "--autotune", help="Let the compiler time kernels, for minutes; for long runs on a GPU."
        ),
    ] = False,
    graph: Annotated[
        bool, typer.Option("--graph/--no-graph", help="On CUDA: each step as one CUDA graph.")
    ] = True,
    bf16: Annotated[
        bool | None,
        typer.Option("--bf16/--no-bf16", help="bfloat16; by default on CUDA and CPUs with AMX."),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=0, help="CPU threads of each process; 0 leaves it to torch.")
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in --out.")] = False,
    max_steps: Annotated[
        int | None, typer.Option(min=0, help="Stop after so many steps, to time a machine.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Lay the whole schedule over so many minutes of training, whatever the "
            "machine's pace.",
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option(help="Write TensorBoard events into the folder events of the run.")
    ] = True,
    unofficial: Unofficial = False,
) -> None:
    """Train a network on Training; PublicTest is evaluated each epoch, PrivateTest never read.

    Ctrl-C saves and ends; --resume continues. Under torchrun all processes share each batch.
    """
    if folder is None and data is None:
        raise typer.BadParameter("Missing option '--data': FER2013, or --folder for own faces.")
    if folder is None and preset is None:
        raise typer.BadParameter(f"Missing option '--preset': one of {', '.join(preset_names())}.")
    if folder is None and model is not None:
        raise typer.BadParameter("--model goes with --folder; else ferdesk-train export writes it.")
    if folder is not None and ferplus is not None:
        raise typer.BadParameter("--ferplus has votes for FER2013's faces, not for --folder's.")
    if threads:
        torch.set_num_threads(threads)
    recipe = load_recipe(preset or "finetune", overrides or [])
    chosen = choose_device(device)
    compiles = compiling_pays(chosen) if compile_model is None else compile_model
    options: dict[str, Any] = {
        "device": chosen,
        "compile_model": compiles,
        "autotune": autotune,
        "cuda_graph": graph,
        "bf16": bf16_is_fast(chosen, compiles) if bf16 is None else bf16,
        "resume": resume,
        "max_steps": max_steps,
        "minutes": minutes,
        "events": tensorboard,
    }
    if seeds is not None:
        if folder is not None:
            raise typer.BadParameter("--seeds is for FER2013; run --folder once for each seed.")
        _fit_seeds(
            _numbers(seeds), at_once, out, device,
            _fit_arguments(data, preset, overrides, start, ferplus, options, threads,
                           compile_model, bf16, unofficial),
        )  # fmt: skip
        return
    with joined(torch.device(chosen)) as group, stop_signals() as stop_requested:
        console = _console(group)
        if folder is not None:
            _fit_folder(
                recipe, folder, data, start, out, model, unofficial, group, console,
                {**options, "stop_requested": stop_requested},
            )  # fmt: skip
            return
        assert data is not None
        faces = load_fer2013(data, official=not unofficial)
        for note in faces.notes:
            console.print(f"Note: {note}", soft_wrap=True)
        if not recipe.is_network:
            _fit_shallow(recipe, faces, data, out, resume, console)
            return
        votes = None if ferplus is None else load_ferplus(ferplus, faces)
        weights = None
        if start is not None:
            initial = load_initial_weights(start)
            weights = _check_architecture(initial, recipe, start).both_heads()
        _print_start(console, recipe, options, out, group)
        with Display(console, silent=not group.writes) as display:
            checkpoint = loop.fit(
                recipe, faces, out, start=weights, votes=votes, group=group,
                report=display.show, notice=display.notice, stop_requested=stop_requested,
                **options,
            )  # fmt: skip
        _print_result(console, checkpoint, out, data)


def _fit_shallow(
    recipe: Recipe, faces: Fer2013, data: Path, out: Path, resume: bool, console: Console
) -> None:
    """Train the SVMs of a recipe that is no network."""
    from trainer.training import svm

    console.print(f"{recipe.name}: linear SVMs on the CPU; the model in {out}", soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with stop_signals() as stop_requested, Progress(*columns, console=console) as progress:
        task = progress.add_task("starting", total=None)

        def show(state: svm.Progress) -> None:
            public = f"{state.public_accuracy:.4f}" if state.public_accuracy is not None else "-"
            progress.update(
                task, total=state.total, completed=state.done,
                description=f"{state.what} PublicTest {public}",
            )  # fmt: skip

        model = svm.fit_shallow(
            recipe, faces, out, resume=resume, report=show, stop_requested=stop_requested
        )
    console.print(
        f"Done: C = {model.c:g}, PublicTest {model.scores['public']:.4f} by one crop. "
        f"Next: ferdesk-train evaluate {out / svm.FILE} --data {data}",
        soft_wrap=True,
    )


def _print_start(
    console: Console, recipe: Recipe, options: dict[str, Any], out: Path, group: Group
) -> None:
    shared = "" if group.size == 1 else f" in each of {group.size} processes"
    console.print(
        f"{recipe.name}: width {recipe.width}, {recipe.loss}, {recipe.epochs} epochs on "
        f"{options['device']}{shared}{', compiled' if options['compile_model'] else ''}"
        f"{', bfloat16' if options['bf16'] else ''}; checkpoints in {out}",
        soft_wrap=True,
    )


def _print_result(console: Console, checkpoint: Checkpoint, out: Path, data: Path) -> None:
    chosen_file = out / "last.pt"
    if checkpoint.recipe.select == "public" and (out / "best.pt").exists():
        chosen_file = out / "best.pt"
    public = checkpoint.scores.get("public")
    console.print(
        f"Done: step {checkpoint.step}"
        f"{'' if public is None else f', PublicTest {public:.4f} by one crop'}. "
        f"Next: ferdesk-train export {chosen_file} --data {data} --out model.onnx",
        soft_wrap=True,
    )


def _fit_folder(
    recipe: Recipe,
    folder: Path,
    data: Path | None,
    start: Path | None,
    out: Path,
    model: Path | None,
    unofficial: bool,
    group: Group,
    console: Console,
    options: dict[str, Any],
) -> None:
    from trainer.studies.finetune import finetune, recipe_for, write_model

    own = load_folder(folder)
    for note in own.notes:
        console.print(f"Note: {note}", soft_wrap=True)
    fer2013 = None if data is None else load_fer2013(data, official=not unofficial)
    begin = load_initial_weights(start or models_folder() / SHIPPED)
    recipe = recipe_for(recipe, begin, own.training)
    console.print(
        f"{counted(len(own.training), 'face')} to train on, {len(own.validation)} held out; "
        f"starting from {begin.source}"
        f"{'' if fer2013 is None else ', with FER2013 faces mixed in'}.",
        soft_wrap=True,
    )
    _print_start(console, recipe, options, out, group)
    with Display(console, watched="held-out", silent=not group.writes) as display:
        outcome = finetune(
            recipe, own, begin, out, fer2013=fer2013, group=group, report=display.show,
            notice=display.notice, **options,
        )  # fmt: skip
    if not group.writes:
        return
    for sentence in outcome.sentences():
        console.print(sentence, soft_wrap=True)
    path = model or out / f"{out.resolve().name}.onnx"
    write_model(
        outcome, own, begin, path, path.stem, fer2013,
        say=lambda sentence: console.print(sentence, soft_wrap=True),
    )  # fmt: skip
    console.print(f"Done: {path}. Next: ferdesk --model {path}", soft_wrap=True)


def _check_architecture(start: InitialWeights, recipe: Recipe, path: Path) -> InitialWeights:
    """Refuse weights of another network than the recipe's."""
    wanted = shape_of(recipe)
    differing = [
        f"{field}={start.shape[field]}"
        for field in ("system", "width", "attention")
        if start.shape[field] != wanted[field]
    ]
    if differing:
        raise DataError(
            f"{path} holds another network than the recipe's; add "
            f"{' '.join(f'--set {pair}' for pair in differing)}."
        )
    return start


def _numbers(seeds: str) -> list[int]:
    try:
        numbers = [int(text) for text in seeds.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"--seeds takes numbers like 1,2,3, got {seeds!r}.") from error
    if len(set(numbers)) < len(numbers):
        raise typer.BadParameter(f"--seeds has a number twice: {seeds}.")
    return numbers


def _fit_arguments(
    data: Path | None,
    preset: str | None,
    overrides: list[str] | None,
    start: Path | None,
    ferplus: Path | None,
    options: dict[str, Any],
    threads: int,
    compile_model: bool | None,
    bf16: bool | None,
    unofficial: bool,
) -> tuple[str, ...]:
    """Arguments of this command, for the process of one seed."""
    given = ["--data", str(data), "--preset", str(preset)]
    for override in overrides or []:
        given += ["--set", override]
    if start is not None:
        given += ["--from", str(start)]
    if ferplus is not None:
        given += ["--ferplus", str(ferplus)]
    if options["max_steps"] is not None:
        given += ["--max-steps", str(options["max_steps"])]
    if options["minutes"] is not None:
        given += ["--minutes", str(options["minutes"])]
    if threads:
        given += ["--threads", str(threads)]
    for name, value in (("compile", compile_model), ("bf16", bf16)):
        if value is not None:
            given.append(f"--{name}" if value else f"--no-{name}")
    given += ["--autotune"] if options["autotune"] else []
    given += [] if options["cuda_graph"] else ["--no-graph"]
    given += [] if options["events"] else ["--no-tensorboard"]
    given += ["--unofficial"] if unofficial else []
    return tuple(given)


def _fit_seeds(
    seeds: list[int], at_once: int, out: Path, device: str, arguments: tuple[str, ...]
) -> None:
    """Runs of the same recipe that differ in the seed; finished ones are left as they are."""
    devices = parallel_runs.devices_of(device, torch.cuda.device_count())
    if "--threads" not in arguments and not torch.cuda.is_available():
        # runs that all take every core wait for each other
        arguments = (*arguments, "--threads", str(max(1, torch.get_num_threads() // at_once)))
    jobs = [
        parallel_runs.Job(
            out / f"seed-{seed}", (*arguments, "--set", f"seed={seed}"), devices[i % len(devices)]
        )
        for i, seed in enumerate(seeds)
    ]
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    console.print(f"{len(jobs)} runs, {at_once} at a time, in {out}", soft_wrap=True)
    with stop_signals() as stop_requested:
        ended = watch(jobs, at_once, console, stop_requested)
    failed = [outcome for outcome in ended if not outcome.done]
    for outcome in failed:
        console.print(f"{outcome.job.folder}: {outcome.last_words}", soft_wrap=True)
    if failed or len(ended) < len(jobs):
        raise TrainingStopped(
            f"{len(ended) - len(failed)} of {len(jobs)} runs are done; the same command continues "
            "with the others."
        )
    console.print(f"Done: {', '.join(str(job.folder) for job in jobs)}", soft_wrap=True)


def watch(
    jobs: list[parallel_runs.Job],
    at_once: int,
    console: Console,
    stop_requested: Callable[[], bool],
    follow: Callable[[parallel_runs.Overview], None] = lambda _: None,
    run_many: parallel_runs.RunMany = parallel_runs.run_many,
) -> list[parallel_runs.Outcome]:
    """Run jobs in parallel, with a live table on a terminal and a line per result elsewhere.

    ``follow`` is called a few times a second, too; ``run_many`` may be a cluster's.
    """
    if not console.is_terminal:
        printed: set[Path] = set()

        def show(overview: parallel_runs.Overview) -> None:
            for outcome in overview.ended:
                if outcome.job.folder not in printed:
                    printed.add(outcome.job.folder)
                    console.print(f"{outcome.job.folder}: {_state(outcome)}", soft_wrap=True)
            follow(overview)

        return run_many(jobs, at_once, report=show, stop_requested=stop_requested)
    with Live(console=console, refresh_per_second=4) as live:

        def update(overview: parallel_runs.Overview) -> None:
            live.update(_table(jobs, overview))
            follow(overview)

        return run_many(jobs, at_once, report=update, stop_requested=stop_requested)


def _state(outcome: parallel_runs.Outcome) -> str:
    return "done" if outcome.done else f"ended with {outcome.code}"


def _table(jobs: list[parallel_runs.Job], overview: parallel_runs.Overview) -> Table:
    table = Table("run", "state", "epoch", "loss", "images/s", "PublicTest", box=None)
    ended = {outcome.job.folder: outcome for outcome in overview.ended}
    for job in jobs:
        state = "waits"
        if job.folder in ended:
            state = _state(ended[job.folder])
        elif job.folder in overview.running:
            state = "runs"
        row = {} if state == "waits" else parallel_runs.last_row(job.folder)
        table.add_row(
            job.folder.name, state,
            *(_cell(row, name, form) for name, form in
              (("epoch", "d"), ("loss", ".4f"), ("images_per_s", ".0f"), ("public", ".4f"))),
        )  # fmt: skip
    return table


def _cell(row: dict[str, object], name: str, form: str) -> str:
    value = row.get(name)
    return format(value, form) if isinstance(value, int | float) else "-"


def _console(group: Group) -> Console:
    # no markup: a path may hold brackets
    return Console(stderr=True, highlight=False, markup=False, emoji=False, quiet=not group.writes)
