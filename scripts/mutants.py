"""Mutation testing: how many small faults, put into the code on purpose, the tests notice.

    python scripts/mutants.py [ROOM ...] [--sample 60] [--seed 1] [--jobs 2] [--out FILE]

cosmic-ray's operators (the extra ``mutation``) make the mutants; a random sample of each room is
tried, each in a copy of the checkout. The tests of a mutant are those that import its module and
those that import a module that imports it, nearest first; it is killed where one of them fails or
where they take far longer than the tests of the whole room do without it. Before a room's mutants,
its tests must pass without any. Mutants that no test can see (`unseeable_spans`,
`_is_equivalent`) and those of annotations are not counted.
"""

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import apply_mutation
from cosmic_ray.plugins import get_operator, operator_names
from parso.tree import NodeOrLeaf

ROOT = Path(__file__).resolve().parents[1]
_TESTS = (
    "tests/core/test_*.py",
    "tests/runtime/test_*.py",
    "tests/sessions/test_*.py",
    "tests/adapters/test_*.py",
)
ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "core": ("ferdesk/core", _TESTS),
    "runtime": ("ferdesk/runtime", _TESTS),
    "sessions": ("ferdesk/sessions", _TESTS),
    "adapters": ("ferdesk/adapters", _TESTS),
    "review": ("ferdesk/ui/review", ("tests/ui/test_review_*.py",)),
}
"""Each room's folder, and the test files among which those of its mutants are looked for."""
_EXCLUDED_OPERATORS = ("core/VariableInserter", "core/VariableReplacer")
_MARKERS = "not slow and not gpu and not camera and not bundle"
_FARTHEST = 1
"""Steps of import between the module that a test file imports and the mutant's."""
_MOST_FILES = 6
"""Test files of a mutant: a fault that only farther ones would see counts as not seen."""
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
_UNSEEN_KEYWORDS = {
    ("dataclass", "slots"): "memory only: no behaviour differs but that of a wrong attribute",
    ("zip", "strict"): "guards against a fault that our own code does not have",
    ("Thread", "daemon"): "seen only where the process ends without joining",
}
_UNSEEN_DECORATORS = (
    "abstractmethod",
    "final",
    "override",
    "runtime_checkable",
    "lru_cache",
    "cache",
)
"""Decorators for type checkers, and caches of pure functions: without them nothing differs."""
_SAME_FOR_ENUMS = ("Eq_Is", "NotEq_IsNot", "Is_Eq", "IsNot_NotEq")
"""Equality and identity are one for members of an enumeration."""
_STARRED = ("parameters", "param", "lambdef", "arglist", "argument", "star_expr", "dictorsetmaker")
"""Where ``*``, ``**`` and ``/`` are no arithmetic, in parso's words."""

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mutant:
    """Mutant: the ``occurrence``-th place in ``path`` where ``operator`` applies."""

    room: str
    path: str
    operator: str
    occurrence: int
    line: int

    def __str__(self) -> str:
        text = (ROOT / self.path).read_text("utf-8").splitlines()[self.line - 1].strip()
        return f"{self.path}:{self.line} {self.operator} {self.occurrence} | {text}"


def mutants_of(room: str) -> Iterator[Mutant]:
    """Mutants of every module of a room that a test could see."""
    for path in sorted((ROOT / ROOMS[room][0]).rglob("*.py")):
        text = path.read_text("utf-8")
        lines = text.splitlines()
        skipped = list(unseeable_spans(ast.parse(text)))
        nodes = list(ast_nodes(get_ast_from_path(path)))
        for name in operator_names():
            operator_class = get_operator(name)
            if name.startswith(_EXCLUDED_OPERATORS) or operator_class.arguments():
                continue
            operator = operator_class()
            places = (
                (node, place) for node in nodes for place in operator.mutation_positions(node)
            )
            for occurrence, (node, (start, end)) in enumerate(places):
                if any(low <= start < high for low, high in skipped) or _is_star(node):
                    continue
                if not _is_equivalent(name, lines[end[0] - 1][end[1] :]):
                    yield Mutant(room, str(path.relative_to(ROOT)), name, occurrence, start[0])


def _is_star(node: NodeOrLeaf) -> bool:
    """Whether an "operator" is the star or slash of a signature or a call: no code without it."""
    parent = node.parent
    return node.type == "operator" and parent is not None and parent.type in _STARRED


def _is_equivalent(operator: str, rest_of_line: str) -> bool:
    """Whether identity and equality change places before ``Enumeration.MEMBER``."""
    owner, _, member = rest_of_line.strip().partition(".")
    return operator.endswith(_SAME_FOR_ENUMS) and owner[:1].isupper() and member[:1].isupper()


def unseeable_spans(tree: ast.Module) -> Iterator[tuple[Place, Place]]:
    """Spans (line, column) of a module in which no test can see a mutant."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as hint) | ast.AnnAssign(annotation=hint):
                yield _span(hint)
            case ast.ClassDef(bases=[*_, ast.Name("Protocol")]):
                yield _span(node)  # says what others do, and does nothing itself
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if (returned := getattr(node, "returns", None)) is not None:
                    yield _span(returned)
                for decorator in node.decorator_list:
                    if _name(decorator) in _UNSEEN_DECORATORS:
                        (line, column), end = _span(decorator)
                        yield (line, column - 1), end  # the operator's place is the @
            case ast.If(test=ast.Name("TYPE_CHECKING") as test):
                yield _span(test)
            case ast.Call(func=ast.Name("cast"), args=[kind, *_]):
                yield _span(kind)
            case ast.Call(func=ast.Attribute(value=ast.Name("log" | "_log"))):
                yield _span(node)  # what a log line says is not part of a promise
            case ast.Call(keywords=keywords):
                for keyword in keywords:
                    if (_name(node.func), keyword.arg) in _UNSEEN_KEYWORDS:
                        yield _span(keyword)
            case ast.Assign(value=ast.BinOp(op=ast.BitOr()) as union) if _is_alias(union):
                yield _span(union)


def _is_alias(value: ast.expr) -> bool:
    """Whether a value is a union of types, as ``Path | None``: like an annotation."""
    match value:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_alias(left) and _is_alias(right)
        case ast.Name(name):
            return name in ("int", "float", "str", "bytes", "bool") or name[0].isupper()
        case ast.Constant(value=None) | ast.Subscript():
            return True
    return False


def _name(node: ast.expr) -> str:
    """Last name of what is called or of a decorator."""
    match node:
        case ast.Call(func=function):
            return _name(function)
        case ast.Attribute(attr=name) | ast.Name(name):
            return name
    return ""


def _span(node: ast.expr | ast.keyword | ast.stmt) -> tuple[Place, Place]:
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


@cache
def _imports(path: Path) -> frozenset[Path]:
    """Modules of the house that a file imports, as files."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names.append(node.module or "")
        else:
            continue
        for name in names:
            module = ROOT / name.replace(".", "/")
            candidates = (module.with_name(module.name + ".py"), module / "__init__.py")
            found |= {candidate for candidate in candidates if candidate.is_file()}
    for package in [one for one in found if one.name == "__init__.py"]:
        found |= _imports(package)
    return frozenset(found)


@cache
def tests_for(room: str, path: str) -> tuple[str, ...]:
    """Test files of a module, nearest first: those named after it, then by steps of import.

    Helpers of the tests and ``__init__`` of packages are no step. A module that no test file
    reaches so has all the room's.
    """
    target = ROOT / path
    files = sorted({file for pattern in ROOMS[room][1] for file in ROOT.glob(pattern)})
    rank: dict[Path, int] = {}
    for file in files:
        reached = set(_imports(file))
        for helper in [one for one in reached if one.is_relative_to(ROOT / "tests")]:
            reached |= _imports(helper)
        if target.stem in file.stem:
            reached.add(target)
        for steps in range(_FARTHEST + 1):
            if target in reached:
                rank[file] = steps
                break
            reached |= {far for near in reached for far in _imports(near)}
    if not rank:
        rank = dict.fromkeys(files, 0)

    def order(file: Path) -> tuple[bool, bool, int, str]:
        return (
            target.stem not in file.stem,
            file.parent.name not in target.parts,
            rank[file],
            file.name,
        )

    return tuple(str(file.relative_to(ROOT)) for file in sorted(rank, key=order)[:_MOST_FILES])


def is_killed(mutant: Mutant, copy: Path, limit_s: float) -> str:
    """What noticed the mutant, "" for nothing; ``copy`` is as before afterwards."""
    path = copy / mutant.path
    before = path.read_bytes()
    operator = get_operator(mutant.operator)()
    try:
        if apply_mutation(path, operator, mutant.occurrence)[1] is None:
            raise RuntimeError(f"{mutant} cannot be made.")
        return failure_of(tests_for(mutant.room, mutant.path), copy, limit_s, "-B")
    finally:
        path.write_bytes(before)


def failure_of(tests: Sequence[str], copy: Path, limit_s: float, *options: str) -> str:
    """The first failure of some tests in a copy of the checkout, "" where all pass."""
    command = [
        sys.executable, *options, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider",
        "-m", _MARKERS, *tests,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=copy, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"more than {limit_s:.0f} s"
    if done.returncode == 0:
        return ""
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0] if failed else f"exit status {done.returncode}"


def _limit_s(room: str, mutants: Iterable[Mutant], copy: Path) -> float:
    """Time that a mutant's tests may take; all of them must pass without a mutant."""
    files = {test for mutant in mutants for test in tests_for(room, mutant.path)}
    begun_s = time.monotonic()
    failure = failure_of(sorted(files), copy, 1800)
    if failure:
        raise SystemExit(f"{room}: the tests fail without any mutant: {failure}")
    return 30 + 2 * (time.monotonic() - begun_s)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), metavar="ROOM")
    parser.add_argument("--sample", type=int, default=60, help="mutants tried in each room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="file for every mutant and what killed it")
    options = parser.parse_args()
    tried = killed_in_all = 0
    report = options.out.open("w", encoding="utf-8") if options.out else None
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.jobs):
            copies.put(_copy_of_checkout(Path(folder) / str(number)))

        for room in options.rooms:
            everything = list(mutants_of(room))
            sample = random.Random(options.seed).sample(
                everything, min(options.sample, len(everything))
            )
            limit_s = _limit_s(room, sample, Path(folder) / "0")

            def attempt(mutant: Mutant, limit_s: float = limit_s) -> str:
                copy = copies.get()
                try:
                    killer = is_killed(mutant, copy, limit_s)
                finally:
                    copies.put(copy)
                if report is not None:
                    report.write(f"{'killed' if killer else 'SURVIVED'} {mutant} | {killer}\n")
                    report.flush()
                return killer

            with ThreadPoolExecutor(options.jobs) as pool:
                killers = list(pool.map(attempt, sample))
            killed = sum(map(bool, killers))
            tried += len(sample)
            killed_in_all += killed
            sys.stdout.write(
                f"{room}: {killed} of {len(sample)} killed "
                f"({100 * killed / max(len(sample), 1):.0f} %), of {len(everything)} possible\n"
            )
            for mutant, killer in zip(sample, killers, strict=True):
                if not killer:
                    sys.stdout.write(f"  survived {mutant}\n")
            sys.stdout.flush()
    sys.stdout.write(
        f"all: {killed_in_all} of {tried} killed "
        f"({100 * killed_in_all / max(tried, 1):.0f} %), seed {options.seed}\n"
    )
    if report is not None:
        report.close()
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
