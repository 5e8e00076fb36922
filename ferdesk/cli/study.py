"""``ferdesk study``: check a study before anybody takes part in it."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ferdesk.cli.options import Command, CommandGroup, JsonOption
from ferdesk.cli.terminal import console_on
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL
from ferdesk.runtime.ports import StudyCheck
from ferdesk.studies.order import order_for, williams_square
from ferdesk.studies.study_file import Study, read_study
from ferdesk.text_output import write

study = typer.Typer(
    cls=CommandGroup,
    help="Studies: stimuli for participants.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

WITHOUT_SOUND = "Videos are shown without their sound: {names}."


@study.command(cls=Command)
def check(
    folder: Annotated[Path, typer.Argument(help="Folder with a study.toml.")],
    participants: Annotated[
        int, typer.Option(min=1, max=1000, help="For how many participants to show the order.")
    ] = 8,
    as_json: JsonOption = False,
) -> None:
    """Check a study's file and stimuli, and print the order for each participant."""
    from ferdesk.factory.studies import check_study

    read = read_study(folder)
    checked = check_study(read)
    orders = [order_for(read, f"P{n + 1:02d}", n) for n in range(participants)]
    if as_json:
        table = {
            "name": read.name,
            "version": read.version,
            "sha256": read.sha256,
            "order_rule": read.order,
            "stimuli": [one.id for one in read.stimuli],
            "orders": [list(one.ids) for one in orders],
            "problems": list(checked.problems),
            "without_sound": list(checked.with_sound),
        }
        sys.stdout.write(json.dumps(table, indent=2) + "\n")
    else:
        _print_plan(read, checked, [one.ids for one in orders])
    for problem in checked.problems:
        write(f"Error: {problem}\n", sys.stderr)
    raise typer.Exit(EXIT_PARTIAL if checked.problems else EXIT_OK)


@study.command(cls=Command)
def example(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
) -> None:
    """Write an example study: four landscapes and a film, drawn by ferdesk."""
    from ferdesk.factory.example_study import write_example

    write_example(folder)
    write(f"{folder}: written; ferdesk study check {folder} shows its plan.\n")


def _print_plan(read: Study, checked: StudyCheck, orders: list[tuple[str, ...]]) -> None:
    from rich.table import Table

    console = console_on()
    version = f", version {read.version}" if read.version else ""
    console.print(f"{read.name}{version}: {len(read.stimuli)} stimuli, order {read.order}")
    table = Table("stimulus", "kind", "condition", "fixation", "length", "questions")
    for one in read.stimuli:
        length_s = one.duration_s or checked.lengths_s.get(one.id)
        table.add_row(
            one.id,
            one.kind,
            one.condition,
            f"{one.fixation_s:g} s" if one.fixation_s else "",
            "until a key" if length_s is None else f"{length_s:.4g} s",
            ", ".join(question.id for question in one.questions),
        )
    console.print(table)
    if read.baseline is not None:
        console.print(f"Baseline phase: {read.baseline.duration_s:g} s before the first stimulus.")
    if read.fields:
        console.print(f"Asked at the start: {', '.join(one.label for one in read.fields)}.")
    if checked.with_sound:
        console.print(WITHOUT_SOUND.format(names=", ".join(checked.with_sound)))
    if read.order == "fixed":
        console.print("Every participant has the same order.")
        return
    if read.order == "latin square":
        movable = sum(not one.stays for one in read.stimuli)
        rows = len(williams_square(movable)) if movable else 1
        console.print(f"Balanced with every {rows} participants.")
    plan = Table("participant", "order")
    for number, ids in enumerate(orders, start=1):
        code = f"P{number:02d}" if read.order == "random" else str(number)
        plan.add_row(code, " ".join(ids))
    console.print(plan)
