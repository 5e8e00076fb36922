"""``ferdesk-train ladder``: the recipe search, unattended, with a report after each run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from ferdesk.errors import FerdeskError
from trainer.cli.card import card
from trainer.cli.crew import Crew, crew_of
from trainer.cli.fit import watch
from trainer.cli.options import (
    AtOnce,
    Bf16,
    ClusterAddress,
    CompileModel,
    Device,
    Minutes,
    ReportOnly,
    Threads,
    Unofficial,
)
from trainer.cli.progress import stop_signals
from trainer.cli.reproduce import ProgressLines, command_line, read_seeds
from trainer.cli.robustness import robustness
from trainer.data.fer2013 import Fer2013, load_fer2013
from trainer.evaluation.predictions import machine, utc_now
from trainer.studies.recipe_search import RecipeSearch, TrainInParallel
from trainer.studies.recipe_search_plan import BASELINE, STAGES, Plan, Stage, as_toml
from trainer.studies.recipe_search_report import write_report
from trainer.studies.recipe_search_state import PendingRun, SearchState, assess
from trainer.training.checkpoint import current_commit, load_checkpoint
from trainer.training.devices import bf16_is_fast, choose_device, compiling_pays
from trainer.training.time_limit import TimeIsUp

_console = Console(stderr=True, highlight=False, markup=False, emoji=False)
_NAMES = ", ".join(stage.name for stage in STAGES)


def ladder(
    data: Annotated[
        Path, typer.Option(help="FER2013: fer2013.csv, icml_face_data.csv or their folder.")
    ],
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/ladder"),
    out: Annotated[Path, typer.Option(help="Folder of the report and the stored logits.")] = Path(
        "docs/results/ladder"
    ),
    seeds: Annotated[
        str, typer.Option(help="Seeds, e.g. 1,2,3: each variant is trained with each.")
    ] = "1,2,3",
    stages: Annotated[
        str | None,
        typer.Option(
            "--stages", "--rungs", help=f"Only these stages, e.g. mixup,sam; there are {_NAMES}."
        ),
    ] = None,
    members: Annotated[
        int,
        typer.Option(min=1, help="Networks of the ensemble; 1: no ensemble and no students."),
    ] = 5,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Recipe field for every run, e.g. width=16; the report says so."
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            help="Export full and fast into this folder at the end, with int8 twins and cards; "
            "when --minutes are over, the best recipe so far. PrivateTest is not read."
        ),
    ] = None,
    version: Annotated[
        str, typer.Option("--model-version", help="Version of the exported models.")
    ] = "1",
    report_only: ReportOnly = False,
    minutes: Minutes = 0.0,
    device: Device = "auto",
    at_once: AtOnce = 1,
    cluster: ClusterAddress = "",
    compile_model: CompileModel = None,
    bf16: Bf16 = None,
    threads: Threads = 0,
    unofficial: Unofficial = False,
) -> None:
    """Search a better recipe stage by stage, selected on PublicTest; PrivateTest is never read.

    Starts from the paper's recipe. Finished work is kept: after Ctrl-C, a kill or --minutes the
    same command continues. The report is rewritten after each run.
    """
    if threads:
        torch.set_num_threads(threads)
    chosen = choose_device(device)
    compiled = compiling_pays(chosen) if compile_model is None else compile_model
    in_bf16 = bf16_is_fast(chosen, compiled) if bf16 is None else bf16
    plan = Plan(
        _stages(stages), read_seeds(seeds), tuple(overrides or ()), runs, out, command_line(),
        members, chosen, compiled, in_bf16, minutes,
    )  # fmt: skip
    plan.baseline()  # refuses wrong overrides before the data is read
    fer = load_fer2013(data, official=not unofficial)
    for note in fer.notes:
        _console.print(note, soft_wrap=True)

    def report() -> Path:
        return write_report(plan, assess(plan, fer), utc_now(), current_commit(), machine())

    try:
        if not report_only:
            given = [
                "--data",
                str(data.absolute()),
                *(["--threads", str(threads)] if threads else []),
            ]
            given += [f"--{'' if compiled else 'no-'}compile", f"--{'' if in_bf16 else 'no-'}bf16"]
            given += ["--no-tensorboard", *(["--unofficial"] if unofficial else [])]
            with crew_of(device, at_once, cluster) as crew, stop_signals() as stop_requested:
                shown = ProgressLines()
                parallel = None if crew is None else _parallel_training(given, crew)
                search = RecipeSearch(
                    plan, fer, shown.say, shown.advance, stop_requested, parallel, report
                )
                try:
                    state = search.run()
                except TimeIsUp:
                    if models is not None:
                        _export_best_so_far(plan, fer, version, models)
                    raise
            if models is not None:
                _export(plan, fer, state, data, version, models, unofficial)
    finally:
        # the report is written whatever ended the work
        _console.print(f"Report: {report()}", soft_wrap=True)


def _stages(names: str | None) -> tuple[Stage, ...]:
    if names is None:
        return STAGES
    by_name = {stage.name: stage for stage in STAGES}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in by_name:
            raise typer.BadParameter(f"there is no stage {name!r}; there are {_NAMES}.")
    if not wanted:
        raise typer.BadParameter(
            f"--stages names none; there are {_NAMES} (and {BASELINE} always)."
        )
    return tuple(stage for stage in STAGES if stage.name in wanted)


def _parallel_training(given: Sequence[str], crew: Crew) -> TrainInParallel:
    """``given`` are the arguments of ``fit`` beside the recipe."""

    def train(pending: Sequence[PendingRun], stop_requested: Callable[[], bool]) -> None:
        jobs = []
        for number, run in enumerate(pending):
            run.folder.mkdir(parents=True, exist_ok=True)
            recipe = run.folder.absolute() / "recipe.toml"
            recipe.write_text(as_toml(run.recipe), encoding="utf-8")
            jobs.append(crew.job(number, run.folder, (*given, "--preset", str(recipe))))
        ran = watch(jobs, crew.at_once, _console, stop_requested, run_many=crew.run_many)
        for outcome in ran:
            if not outcome.done:
                _console.print(f"{outcome.job.folder}: {outcome.last_words}", soft_wrap=True)

    return train


_NAMES_BY_WIDTH = {64: "full", 32: "fast"}
"""The program's own names for a width; other widths are named by their number."""


def _export(
    plan: Plan,
    fer: Fer2013,
    state: SearchState,
    data: Path,
    version: str,
    folder: Path,
    unofficial: bool,
) -> None:
    """Export ``full`` and ``fast`` with int8 twins, figures and cards; reads PublicTest only."""
    from trainer.delivery.export import Identity, export
    from trainer.delivery.quantize import quantize

    for role in ("full", "fast"):
        selected = state.selected(role)
        if selected is None:
            why = "; ".join(failed.why for failed in state.failed.get(role, ()))
            _console.print(
                f"{role} was not exported: {why or 'this search has no students'}",
                soft_wrap=True,
            )
            continue
        width = selected.recipe.width
        name = _NAMES_BY_WIDTH.get(width, f"width{width}")
        path, twin = folder / f"{name}.onnx", folder / f"{name}-int8.onnx"
        trained = plan.folder(selected.recipe, selected.seeds[0]) / "last.pt"
        export(load_checkpoint(trained), Identity(name, version), fer.splits["public"], path)
        made = [path]
        try:
            quantize(path, twin, fer.splits["training"], fer.splits["public"])
            made.append(twin)
        except FerdeskError as error:  # the other files are still worth having
            _console.print(f"{twin} was not made: {error}", soft_wrap=True)
        for model in made:
            figures = model.with_suffix(".json")
            robustness(
                model,
                data,
                limit=_ROBUSTNESS_FACES,
                steady=_ROBUSTNESS_FACES // 6,
                out=figures,
                unofficial=unofficial,
            )
            card(model, figures=figures)
        _console.print(
            f"Exported {' and '.join(map(str, made))}. For the one evaluation on PrivateTest: "
            f"ferdesk-train export {trained} --data FER2013 --out {path} --model-version {version} "
            "--int8 --final; then run robustness and card again for the new file.",
            soft_wrap=True,
        )


_ROBUSTNESS_FACES = 600
"""PublicTest faces for the robustness figures; a sixth of them for the label flip rate."""


def _export_best_so_far(plan: Plan, fer: Fer2013, version: str, folder: Path) -> None:
    """Export the best recipe so far when the minutes are over."""
    from trainer.delivery.export import Identity, export

    best = assess(plan, fer).best
    if best is None:
        return
    path = folder / "best-so-far.onnx"
    trained = plan.folder(best.recipe, best.seeds[0]) / "last.pt"
    export(load_checkpoint(trained), Identity(path.stem, version), fer.splits["public"], path)
    _console.print(f"The search is not finished; the best recipe so far: {path}", soft_wrap=True)
