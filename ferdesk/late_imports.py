"""Modules that a library imports at its start and hardly ever uses, imported once they are used."""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType


class _Late(ModuleType):
    """Stands for the module of its name, which it imports when the first thing of it is wanted."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def late(*names: str) -> Iterator[None]:
    """What is imported in here and imports ``names``, parents first, gets them when it uses them.

    Modules that are imported already stay as they are, and so do their children.
    """
    placed: list[_Late] = []
    for name in names:
        parent = sys.modules.get(name.rpartition(".")[0])
        if name in sys.modules or (parent is not None and parent not in placed):
            continue
        module = _Late(name)
        sys.modules[name] = module
        if parent is not None:
            setattr(parent, name.rpartition(".")[2], module)
        placed.append(module)
    try:
        yield
    finally:
        for module in placed:
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]
