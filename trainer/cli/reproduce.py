"""``ferdesk-train reproduce``: the paper's tables, reproduced and reported."""

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from ferdesk.errors import DataError
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
)
from trainer.cli.progress import LINE_EVERY_S, stop_signals
from trainer.data.fer2013 import Fer2013, Split, load_fer2013
from trainer.data.ferplus import load_ferplus
from trainer.data.jaffe import CROPS, Jaffe, JaffeCrop, load_jaffe
from trainer.data.near_duplicates import has_duplicate_in_training
from trainer.evaluation.predictions import load_all_predictions, machine, utc_now
from trainer.studies.paper import TABLES
from trainer.studies.report import write_report
from trainer.studies.report_results import Crowd, Header, Truth
from trainer.studies.reproduce import Plan, Reproduction, Step
from trainer.training import parallel_runs
from trainer.training.checkpoint import current_commit
from trainer.training.devices import bf16_is_fast, choose_device, compiling_pays
from trainer.training.progress import Progress

_console = Console(stderr=True, highlight=False, markup=False, emoji=False)


def reproduce(
    table: Annotated[str, typer.Argument(help=f"{', '.join(TABLES)} or all.")],
    data: Annotated[
        Path, typer.Option(help="FER2013: fer2013.csv, icml_face_data.csv or their folder.")
    ],
    jaffe: Annotated[
        Path | None,
        typer.Option(help="JAFFE's folder or its packed .npz; without it no cross-validation."),
    ] = None,
    ferplus: Annotated[
        Path | None,
        typer.Option(help="FER+'s fer2013new.csv: also the agreement with its plurality labels."),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/reproduce"),
    out: Annotated[Path, typer.Option(help="Folder of the report and the stored logits.")] = Path(
        "docs/results/reproduction"
    ),
    seeds: Annotated[
        str, typer.Option(help="Seeds, e.g. 1,2,3: one run of each system with each.")
    ] = "1",
    jaffe_crop: Annotated[str, typer.Option(help=f"{' or '.join(CROPS)}.")] = "paper",
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Recipe field for every network, e.g. width=16; the report says so."
        ),
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Also evaluate PrivateTest; each evaluation is logged.")
    ] = False,
    report_only: ReportOnly = False,
    minutes: Minutes = 0.0,
    device: Device = "auto",
    at_once: AtOnce = 1,
    cluster: ClusterAddress = "",
    compile_model: CompileModel = None,
    bf16: Bf16 = None,
    threads: Threads = 0,
    unofficial: Annotated[
        bool, typer.Option(help="Accept other counts than FER2013's and JAFFE's own.")
    ] = False,
) -> None:
    """Reproduce the paper's tables: train what is missing, evaluate it, write the report.

    Finished work is kept: the same command continues after an interruption, and more seeds are
    added to the report.
    """
    tables = _tables(table)
    plan_seeds = read_seeds(seeds)
    if jaffe_crop not in CROPS:
        raise typer.BadParameter(f"--jaffe-crop is one of {', '.join(CROPS)}, not {jaffe_crop!r}.")
    crop: JaffeCrop = "face" if jaffe_crop == "face" else "paper"
    if threads:
        torch.set_num_threads(threads)
    chosen = choose_device(device)
    compiled = compiling_pays(chosen) if compile_model is None else compile_model
    in_bf16 = bf16_is_fast(chosen, compiled) if bf16 is None else bf16
    plan = Plan(
        tables, plan_seeds, tuple(overrides or ()), runs, out, command_line(), final, chosen,
        compiled, in_bf16, minutes, crop,
    )  # fmt: skip
    recipes = plan.recipes()
    fer = load_fer2013(data, official=not unofficial)
    portraits = None if jaffe is None else load_jaffe(jaffe, crop, official=not unofficial)
    for note in (*fer.notes, *(portraits.notes if portraits is not None else ())):
        _console.print(note, soft_wrap=True)
    crowd = _crowd(fer, ferplus)
    try:
        if not report_only:
            given = [
                "--data",
                str(data.absolute()),
                *(["--threads", str(threads)] if threads else []),
            ]
            given += [f"--{'' if compiled else 'no-'}compile", f"--{'' if in_bf16 else 'no-'}bf16"]
            given += ["--no-tensorboard", *(["--unofficial"] if unofficial else [])]
            with crew_of(device, at_once, cluster) as crew:
                _run(plan, fer, portraits, crew, given)
    finally:
        # the report is written whatever ended the work; its search takes a minute, which at the
        # beginning would be one of training
        truth = _truth(fer, portraits, crowd)
        header = Header(
            plan.command, utc_now(), current_commit(), machine(), recipes, plan.overrides, tables
        )
        markdown, page = write_report(out, load_all_predictions(out / "logits"), truth, header)
        _console.print(f"Report: {markdown} and {page}", soft_wrap=True)


def _run(
    plan: Plan,
    fer: Fer2013,
    portraits: Jaffe | None,
    crew: Crew | None,
    given: Sequence[str],
) -> None:
    """Run the plan; ``given`` are ``fit``'s arguments beside the preset, for parallel runs."""

    def ahead(
        steps: Sequence[Step],
        stop_requested: Callable[[], bool],
        ended: Callable[[Step], None],
    ) -> None:
        assert crew is not None
        jobs = [
            crew.job(number, step.folder, (*given, "--preset", step.preset, *_set(plan, step)))
            for number, step in enumerate(steps)
        ]
        by_folder = {step.folder: step for step in steps}
        judged: set[Path] = set()

        def judge(overview: parallel_runs.Overview) -> None:
            for outcome in overview.ended:
                folder = outcome.job.folder
                if outcome.done and folder not in judged:
                    judged.add(folder)
                    ended(by_folder[folder])

        ran = watch(jobs, crew.at_once, _console, stop_requested, judge, crew.run_many)
        for outcome in ran:
            if not outcome.done:
                _console.print(f"{outcome.job.folder}: {outcome.last_words}", soft_wrap=True)

    with stop_signals() as stop_requested:
        shown = ProgressLines()
        Reproduction(
            plan, fer, portraits, shown.say, shown.advance, stop_requested,
            None if crew is None else ahead,
        ).run()  # fmt: skip


def _set(plan: Plan, step: Step) -> list[str]:
    fields = [*plan.overrides, f"seed={step.seed}"]
    return [word for field in fields for word in ("--set", field)]


class ProgressLines:
    """Progress as lines: one per piece of work, and one now and then in a long training."""

    def __init__(self) -> None:
        self._words = ""
        self._said_s = time.monotonic()

    def say(self, words: str) -> None:
        """Print the start of a piece of work."""
        self._words, self._said_s = words, time.monotonic()
        _console.print(words, soft_wrap=True)

    def advance(self, state: Progress) -> None:
        """Print the progress of a training at most every half minute."""
        now_s = time.monotonic()
        if now_s - self._said_s < LINE_EVERY_S:
            return
        self._said_s = now_s
        _console.print(
            f"  epoch {state.epoch:.1f}, step {state.step} of {state.num_steps}, loss "
            f"{state.loss:.4f}, {state.images_per_s:.0f} images/s",
            soft_wrap=True,
        )


_TESTS: tuple[Split, ...] = ("public", "private")


def _crowd(fer: Fer2013, ferplus: Path | None) -> Crowd:
    """What most voters say of both tests' faces; empty without FER+."""
    if ferplus is None:
        return {}
    votes = load_ferplus(ferplus, fer)
    return {split: votes[split].plurality() for split in _TESTS}


def _truth(fer: Fer2013, portraits: Jaffe | None, crowd: Crowd) -> Truth:
    _console.print("Searching near-duplicates of test faces in Training.", soft_wrap=True)
    duplicates = {split: has_duplicate_in_training(fer, split) for split in _TESTS}
    return Truth(fer, portraits, duplicates, crowd)


def _tables(name: str) -> tuple[str, ...]:
    if name == "all":
        return tuple(TABLES)
    if name not in TABLES:
        raise typer.BadParameter(f"there is no {name!r}; there are {', '.join(TABLES)} and all.")
    return (name,)


def read_seeds(text: str) -> tuple[int, ...]:
    """Seeds from a text like 1,2,3."""
    try:
        seeds = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError as error:
        raise typer.BadParameter(f"--seeds takes numbers like 1,2,3, not {text!r}.") from error
    if any(not 0 <= seed < 2**31 for seed in seeds):
        raise DataError("A seed lies between 0 and 2147483647.")
    return seeds


def command_line() -> str:
    """Command line as given, without the folders of this machine."""
    words = ["ferdesk-train"]
    for word in sys.argv[1:]:
        words.append(Path(word).name if Path(word).is_absolute() else word)
    return shlex.join(words)
