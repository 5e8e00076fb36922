"""What the documentation tells people to type is what the commands take."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

CHECKOUT = Path(__file__).parents[2]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^\s*```")
_INDENTED = re.compile(r"^ {4,}\S")
_PROGRAMS = ("ferdesk", "ferdesk-train", "make")


def lines_of_code(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of code blocks, fenced or indented, with their numbers."""
    fenced = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if _FENCE.match(line):
            fenced = not fenced
        elif fenced or _INDENTED.match(line):
            yield number, line.strip()


def commands() -> list[tuple[str, str]]:
    """Each command of the pages, with where it stands."""
    found = []
    for page in PAGES:
        whole, start = "", 0
        for number, line in lines_of_code(page):
            start = start if whole else number
            whole += line
            if whole.endswith("\\"):
                whole = whole.removesuffix("\\")
                continue
            if whole.split(" ")[0] in _PROGRAMS:
                found.append((f"{page.relative_to(CHECKOUT)}:{start}", whole))
            whole = ""
    return found


def words_of(text: str) -> list[str]:
    # what follows two spaces and is no option explains the line, as in "make run   # ..."
    return shlex.split(re.split(r" {3,}(?![-\[])", text)[0], comments=True)


def parse(words: list[str]) -> None:
    """Let the command's own parser take ``words``; nothing is run."""
    if words[0] == "ferdesk":
        from ferdesk.cli.main import app
    else:
        from trainer.cli.main import app
    command = typer.main.get_command(app)
    context = command.make_context(words[0], words[1:])
    # typer keeps the subcommand's words apart from what it does not know
    while rest := [*context._protected_args, *context.args]:
        assert hasattr(context.command, "resolve_command"), f"{rest} is too much"
        name, command, rest = context.command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def test_there_are_commands_to_look_at() -> None:
    assert len(commands()) > 30
    assert {words_of(text)[0] for _, text in commands()} == set(_PROGRAMS)


@pytest.mark.parametrize(("place", "text"), commands())
def test_each_command_in_the_docs_is_one(place: str, text: str) -> None:
    words = words_of(text)
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text("utf-8"), re.M)
        assert {word for word in words[1:] if "=" not in word} <= set(targets), place
        return
    if "[" in text or "..." in text or "|" in text:
        pytest.skip("it shows a form, not a command")
    try:
        parse(words)
    except Exception as error:  # noqa: BLE001 (whichever the parser raises)
        pytest.fail(f"{place}: {text}\n{getattr(error, 'message', error)!r}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "ferdesk --version",
        "ferdesk cameras --json",
        "ferdesk models",
        "ferdesk bench --frames 5",
        "ferdesk analyze demo --duration 0.5 --out {folder}",
        "ferdesk sessions list {folder}",
    ],
)
def test_commands_that_need_nothing_run(text: str, tmp_path: Path) -> None:
    words = shlex.split(text.format(folder=tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
