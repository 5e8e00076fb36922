"""The house keeps its order: no module or class grows beyond what can be read."""

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
