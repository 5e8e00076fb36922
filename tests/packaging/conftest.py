"""The scripts in packaging/ are no package; tests load them by their path."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"


@pytest.fixture
def load() -> Iterator[Callable[[str], ModuleType]]:
    """Load ``packaging/NAME.py`` under a name that hides no library's."""
    before = dict(sys.modules)

    def load_script(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, PACKAGING / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    yield load_script
    for name in set(sys.modules) - set(before):
        if getattr(sys.modules[name], "__file__", None) == str(PACKAGING / f"{name}.py"):
            del sys.modules[name]
