"""``ferdesk-train ladder``: climbs unattended, writes the report after each run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from ferdesk.errors import FerdeskError
from trainer.cli.card import card
from trainer.cli.fit import watch
from trainer.cli.options import (
    AtOnce,
    Bf16,
    CompileModel,
    Device,
    Minutes,
    ReportOnly,
    Threads,
    Unofficial,
)
from trainer.cli.progress import stop_signals
from trainer.cli.reproduce import Shown, command_line, read_seeds
from trainer.cli.robustness import robustness
from trainer.data.fer2013 import Fer2013, load_fer2013
from trainer.evaluation.predictions import machine, stamp
from trainer.studies.recipe_search import (
    GROUND,
    RUNGS,
    Climb,
    Plan,
    Rung,
    State,
    Wanted,
    as_toml,
    assess,
)
from trainer.studies.recipe_search_report import write_report
from trainer.training import parallel_runs
from trainer.training.checkpoint import current_commit, load_checkpoint
from trainer.training.devices import bf16_is_fast, choose_device, compiling_pays
from trainer.training.time_limit import TimeIsUp

_console = Console(stderr=True, highlight=False, markup=False, emoji=False)
_NAMES = ", ".join(rung.name for rung in RUNGS)


def ladder(
    data: Annotated[
        Path, typer.Option(help="FER2013: fer2013.csv, icml_face_data.csv or their folder.")
    ],
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/ladder"),
    out: Annotated[Path, typer.Option(help="Folder of the report and the stored logits.")] = Path(
        "docs/results/ladder"
    ),
    seeds: Annotated[str, typer.Option(help="Each trains every variant once.")] = "1,2,3",
    rungs: Annotated[
        str | None, typer.Option(help=f"Only these, e.g. mixup,sam; there are {_NAMES}.")
    ] = None,
    members: Annotated[
        int,
        typer.Option(min=1, help="Networks of the ensemble; 1 leaves out ensemble and students."),
    ] = 5,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Lies over every recipe, e.g. width=16; it is reported."),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            help="At the top, export full and fast here, with int8 twins and cards; where the "
            "minutes are over, the best so far. PrivateTest is not read."
        ),
    ] = None,
    version: Annotated[str, typer.Option("--model-version", help="Of what is exported.")] = "1",
    report_only: ReportOnly = False,
    minutes: Minutes = 0.0,
    device: Device = "auto",
    at_once: AtOnce = 1,
    compile_model: CompileModel = None,
    bf16: Bf16 = None,
    threads: Threads = 0,
    unofficial: Unofficial = False,
) -> None:
    """Climb from the paper's recipe to the best, tuned on PublicTest; PrivateTest is never read.

    What is done is kept: after Ctrl-C, a kill or --minutes the same command goes on. The report
    is written anew after each run.
    """
    if threads:
        torch.set_num_threads(threads)
    chosen = choose_device(device)
    compiled = compiling_pays(chosen) if compile_model is None else compile_model
    in_bf16 = bf16_is_fast(chosen, compiled) if bf16 is None else bf16
    plan = Plan(
        _rungs(rungs), read_seeds(seeds), tuple(overrides or ()), runs, out, command_line(),
        members, chosen, compiled, in_bf16, minutes,
    )  # fmt: skip
    plan.ground()  # what may be refused is refused before the data is read
    fer = load_fer2013(data, official=not unofficial)
    for note in fer.notes:
        _console.print(note, soft_wrap=True)

    def written() -> Path:
        return write_report(plan, assess(plan, fer), stamp(), current_commit(), machine())

    try:
        if not report_only:
            given = ["--data", str(data), *(["--threads", str(threads)] if threads else [])]
            given += [f"--{'' if compiled else 'no-'}compile", f"--{'' if in_bf16 else 'no-'}bf16"]
            given += ["--no-tensorboard", *(["--unofficial"] if unofficial else [])]
            with stop_signals() as stop_requested:
                shown = Shown()
                ahead = _ahead(given, at_once, device) if at_once > 1 else None
                climb = Climb(
                    plan, fer, shown.say, shown.advance, stop_requested, ahead,
                    written,
                )  # fmt: skip
                try:
                    state = climb.run()
                except TimeIsUp:
                    if models is not None:
                        _export_best_so_far(plan, fer, version, models)
                    raise
            if models is not None:
                _export(plan, fer, state, data, version, models, unofficial)
    finally:
        # whatever ended the work, what is done is told
        _console.print(f"The report: {written()}", soft_wrap=True)


def _rungs(names: str | None) -> tuple[Rung, ...]:
    if names is None:
        return RUNGS
    by_name = {rung.name: rung for rung in RUNGS}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in by_name:
            raise typer.BadParameter(f"there is no rung {name!r}; there are {_NAMES}.")
    if not wanted:
        raise typer.BadParameter(f"--rungs names none; there are {_NAMES} (and {GROUND} always).")
    return tuple(rung for rung in RUNGS if rung.name in wanted)


def _ahead(
    given: Sequence[str], at_once: int, device: str
) -> Callable[[Sequence[Wanted], Callable[[], bool]], None]:
    def ahead(wanted: Sequence[Wanted], stop_requested: Callable[[], bool]) -> None:
        devices = parallel_runs.devices_of(device, torch.cuda.device_count())
        jobs = []
        for number, each in enumerate(wanted):
            each.folder.mkdir(parents=True, exist_ok=True)
            recipe = each.folder / "recipe.toml"
            recipe.write_text(as_toml(each.recipe), encoding="utf-8")
            arguments = (*given, "--preset", str(recipe))
            jobs.append(parallel_runs.Job(each.folder, arguments, devices[number % len(devices)]))
        for outcome in watch(jobs, at_once, _console, stop_requested):
            if not outcome.done:
                _console.print(f"{outcome.job.folder}: {outcome.last_words}", soft_wrap=True)

    return ahead


_NAMES_BY_WIDTH = {64: "full", 32: "fast"}
"""What the program calls a network; others are no models of its own (CONTRACTS)."""


def _export(
    plan: Plan, fer: Fer2013, state: State, data: Path, version: str, folder: Path, unofficial: bool
) -> None:
    """``full`` and ``fast`` as the app opens them, with int8 twins and cards; PublicTest only."""
    from trainer.delivery.export import Identity, export
    from trainer.delivery.quantize import quantize

    for wanted in ("full", "fast"):
        chosen = state.chosen(wanted)
        if chosen is None:
            why = "; ".join(failed.why for failed in state.failed.get(wanted, ()))
            _console.print(
                f"{wanted} was not exported: {why or 'this ladder has no students'}",
                soft_wrap=True,
            )
            continue
        width = chosen.recipe.width
        name = _NAMES_BY_WIDTH.get(width, f"width{width}")
        path, twin = folder / f"{name}.onnx", folder / f"{name}-int8.onnx"
        trained = plan.folder(chosen.recipe, chosen.seeds[0]) / "last.pt"
        export(load_checkpoint(trained), Identity(name, version), fer.splits["public"], path)
        made = [path]
        try:
            quantize(path, twin, fer.splits["training"], fer.splits["public"])
            made.append(twin)
        except FerdeskError as error:  # the other network is worth having all the same
            _console.print(f"{twin} was not made: {error}", soft_wrap=True)
        for model in made:
            figures = model.with_suffix(".json")
            robustness(
                model, data, limit=_JUDGED, steady=_JUDGED // 6, out=figures, unofficial=unofficial
            )
            card(model, figures=figures)
        _console.print(
            f"{' and '.join(map(str, made))}. For the one look at PrivateTest: ferdesk-train "
            f"export {trained} --data FER2013 --out {path} --model-version {version} --int8 "
            "--final; then robustness and card again, which belong to the file.",
            soft_wrap=True,
        )


_JUDGED = 600
"""PublicTest faces by which robustness is measured; a sixth of them for steadiness."""


def _export_best_so_far(plan: Plan, fer: Fer2013, version: str, folder: Path) -> None:
    """What there is when the minutes are over, for a look at it in the window."""
    from trainer.delivery.export import Identity, export

    best = assess(plan, fer).best
    if best is None:
        return
    path = folder / "best-so-far.onnx"
    trained = plan.folder(best.recipe, best.seeds[0]) / "last.pt"
    export(load_checkpoint(trained), Identity(path.stem, version), fer.splits["public"], path)
    _console.print(f"The best so far, not at the top yet: {path}", soft_wrap=True)
