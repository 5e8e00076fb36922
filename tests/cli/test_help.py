"""The help of every command: flags take no value, and no option is without a word."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from rich.text import Text
from typer.testing import CliRunner

from ferdesk.cli.main import app


def commands() -> Iterator[tuple[str, ...]]:
    yield ()
    top = typer.main.get_command(app)
    for name, command in top.commands.items():  # type: ignore[attr-defined]
        yield (name,)
        for below in getattr(command, "commands", {}):
            yield (name, below)


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_flags_are_shown_without_a_type_and_every_option_is_explained(
    command: tuple[str, ...],
) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "<bool>" not in shown.output.lower()
    assert "boolean" not in shown.output.lower()
    assert "--help" in shown.output
    bare = [line for line in shown.output.splitlines() if line.strip("│ ").startswith("--")]
    assert bare
    for line in bare:
        assert line.rstrip("│ ").endswith((".", "]")), f"not explained: {line}"


def with_those_below(command: Any) -> Iterator[Any]:
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from with_those_below(below)


def test_no_word_of_the_help_is_taken_for_markup() -> None:
    for command in with_those_below(typer.main.get_command(app)):
        for text in (command.help, *(getattr(one, "help", "") for one in command.params)):
            assert Text.from_markup(text or "").plain == (text or ""), f"{command.name}: {text}"


def test_there_are_the_commands_that_people_rely_on() -> None:
    names = {command[0] for command in commands() if command}
    assert names >= {
        "analyze", "bench", "cameras", "doctor", "licences", "models", "report", "review",
        "sessions",
    }  # fmt: skip
