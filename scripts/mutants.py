"""Mutation testing: how many small faults, put into the code on purpose, the tests notice.

    python scripts/mutants.py [ROOM ...] [--sample 60] [--seed 1] [--jobs 2] [--out FILE]

cosmic-ray's operators (the extra ``mutation``) make the mutants; a random sample of each room is
tried, each in a copy of the checkout, first with the tests named after its module and then with
the room's. A mutant is killed where a test fails or time runs out. Mutants of type annotations are
not counted, since the import alone kills them.
"""

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import apply_mutation
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parents[1]
ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "core": ("ferdesk/core", ("tests/core", "tests/adapters/test_detector.py")),
    "runtime": ("ferdesk/runtime", ("tests/runtime",)),
    "sessions": ("ferdesk/sessions", ("tests/sessions", "tests/adapters/test_session_writer.py")),
    "adapters": ("ferdesk/adapters", ("tests/adapters",)),
    "review": ("ferdesk/ui/review", ("tests/ui",)),
}
"""Each room's folder, and the tests that are to see its mutants."""
_EXCLUDED_OPERATORS = ("core/VariableInserter", "core/VariableReplacer")
_LIMIT_S = 240
_COPIED = (
    "ferdesk",
    "trainer",
    "tests",
    "assets",
    "docs",
    "benchmarks",
    "scripts",
    "pyproject.toml",
)
_REVIEW_TESTS = "test_review_*.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """Mutant: the ``occurrence``-th place in ``path`` where ``operator`` applies."""

    room: str
    path: str
    operator: str
    occurrence: int
    line: int


def mutants_of(room: str) -> Iterator[Mutant]:
    """Mutants of every module of a room, but those of annotations."""
    for path in sorted((ROOT / ROOMS[room][0]).rglob("*.py")):
        skipped = _annotation_spans(path)
        tree = get_ast_from_path(path)
        nodes = list(ast_nodes(tree))
        for name in operator_names():
            if name.startswith(_EXCLUDED_OPERATORS):
                continue
            operator_class = get_operator(name)
            if operator_class.arguments():
                continue
            operator = operator_class()
            places = (place for node in nodes for place in operator.mutation_positions(node))
            for occurrence, (start, _) in enumerate(places):
                if not any(low <= start < high for low, high in skipped):
                    yield Mutant(room, str(path.relative_to(ROOT)), name, occurrence, start[0])


def _annotation_spans(path: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Spans (line, column) of the type annotations of a module."""
    found: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node.returns)
        elif isinstance(node, ast.TypeAlias if sys.version_info >= (3, 12) else ()):
            found.append(node.value)
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in found
        if node is not None
    ]


def tests_for(mutant: Mutant) -> list[list[str]]:
    """Test paths for a mutant: those named after its module first, then the room's."""
    stem = Path(mutant.path).stem
    folders = ROOMS[mutant.room][1]
    if mutant.room == "review":
        room = [str(path.relative_to(ROOT)) for path in (ROOT / "tests/ui").glob(_REVIEW_TESTS)]
    else:
        room = list(folders)
    near = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in sorted((ROOT / folder).glob(f"test_*{stem}*.py"))
    ]
    return [near, room] if near else [room]


def is_killed(mutant: Mutant, copy: Path) -> bool:
    """Whether a test notices the mutant; ``copy`` is as before afterwards."""
    path = copy / mutant.path
    before = path.read_bytes()
    operator = get_operator(mutant.operator)()
    try:
        if apply_mutation(path, operator, mutant.occurrence)[1] is None:
            raise RuntimeError(f"{mutant} cannot be made.")
        return any(not _passes(tests, copy) for tests in tests_for(mutant))
    finally:
        path.write_bytes(before)


def _passes(tests: Sequence[str], copy: Path) -> bool:
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
        "-m", "not slow and not gpu and not camera and not bundle", *tests,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), metavar="ROOM")
    parser.add_argument("--sample", type=int, default=60, help="mutants tried in each room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="file for the mutants that survived")
    options = parser.parse_args()
    survivors: list[Mutant] = []
    tried = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.jobs):
            copies.put(_copy_of_checkout(Path(folder) / str(number)))

        def attempt(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                return is_killed(mutant, copy)
            finally:
                copies.put(copy)

        for room in options.rooms:
            everything = list(mutants_of(room))
            sample = random.Random(options.seed).sample(
                everything, min(options.sample, len(everything))
            )
            with ThreadPoolExecutor(options.jobs) as pool:
                killed = list(pool.map(attempt, sample))
            left = [mutant for mutant, dead in zip(sample, killed, strict=True) if not dead]
            survivors += left
            tried += len(sample)
            share = 100 * sum(killed) / max(len(sample), 1)
            sys.stdout.write(
                f"{room}: {sum(killed)} of {len(sample)} killed ({share:.0f} %), "
                f"of {len(everything)} possible\n"
            )
            for mutant in left:
                sys.stdout.write(
                    f"  survived {mutant.path}:{mutant.line} {mutant.operator} "
                    f"{mutant.occurrence}\n"
                )
            sys.stdout.flush()
    sys.stdout.write(
        f"all: {tried - len(survivors)} of {tried} killed "
        f"({100 * (tried - len(survivors)) / max(tried, 1):.0f} %), seed {options.seed}\n"
    )
    if options.out is not None:
        options.out.write_text("".join(f"{mutant}\n" for mutant in survivors), "utf-8")
    return 0


def _copy_of_checkout(folder: Path) -> Path:
    folder.mkdir()
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pt")
            )
        else:
            shutil.copy2(source, folder / name)
    return folder


if __name__ == "__main__":
    raise SystemExit(main())
