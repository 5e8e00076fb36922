"""The house keeps its order: no module or class grows beyond what can be read."""

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def largest() -> ModuleType:
    path = Path(__file__).parents[1] / "scripts" / "largest.py"
    spec = importlib.util.spec_from_file_location("largest", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_module_above_450_lines_says_why(largest: ModuleType) -> None:
    too_long = {
        str(path): lines
        for path, lines, docstring in largest.modules()
        if lines > largest.MOST_LINES and "Long because" not in docstring
    }
    assert too_long == {}


def test_no_class_has_more_than_40_methods(largest: ModuleType) -> None:
    too_large = {
        name: methods for _, name, methods in largest.classes() if methods > largest.MOST_METHODS
    }
    assert too_large == {}


def test_every_module_and_package_says_what_it_is(largest: ModuleType) -> None:
    assert [str(path) for path, _, docstring in largest.modules() if not docstring] == []


CHANGING = {
    "anonymize._Track", "batch._Work", "history._Ring", "library_questions.LibraryQuestions",
    "live._KnownFace", "questions.Questions", "returning._Seen", "schema.SessionCounts",
    "services.WindowServices",
    "websocket_stream._Client",
}  # fmt: skip
"""What collects while it lives; every other dataclass is a value, which nobody changes."""


def test_values_are_frozen_but_for_what_collects() -> None:
    changing = set()
    for path in (Path(__file__).parents[1] / "ferdesk").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                made = [ast.unparse(one) for one in node.decorator_list]
                changing |= {
                    f"{path.stem}.{node.name}"
                    for one in made
                    if one.startswith("dataclass") and "frozen=True" not in one
                }
    assert changing == CHANGING
