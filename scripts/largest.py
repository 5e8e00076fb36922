"""Largest modules and classes of the code: ``python scripts/largest.py [--top 15]``.

``tests/test_house.py`` holds the limits: 450 lines a module, unless its docstring says why it is
longer ("Long because ..."), and 40 methods a class.
"""

import argparse
import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("ferdesk", "trainer", "benchmarks", "scripts", "packaging")
MOST_LINES, MOST_METHODS = 450, 40


def modules() -> Iterator[tuple[Path, int, str]]:
    """Modules as (path, number of lines, docstring)."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text("utf-8")
            yield (
                path.relative_to(ROOT),
                text.count("\n"),
                ast.get_docstring(ast.parse(text)) or "",
            )


def classes() -> Iterator[tuple[Path, str, int]]:
    """Classes as (path, name, number of methods)."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
                    yield path.relative_to(ROOT), node.name, len(methods)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--top", type=int, default=15)
    top = parser.parse_args().top
    for path, lines, _ in sorted(modules(), key=lambda m: -m[1])[:top]:
        sys.stdout.write(f"{lines:5d} lines    {path}\n")
    for path, name, methods in sorted(classes(), key=lambda c: -c[2])[:top]:
        sys.stdout.write(f"{methods:5d} methods  {name}  ({path})\n")


if __name__ == "__main__":
    main()
