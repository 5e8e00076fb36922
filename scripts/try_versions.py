"""Versions that are promised: the self-test and the tests with the oldest of each, and by Python.

    python scripts/try_versions.py lowest [--python 3.11] [--train]
    python scripts/try_versions.py pythons [3.12 3.13]

Each is tried in an environment of its own, in a temporary folder, made by uv (the extra
``versions``). ``lowest`` takes the lower bound of every direct dependency in pyproject.toml, the
test tools' too; ``--train`` the trainer's as well, gigabytes of it. ``pythons`` takes the versions
of constraints.txt. A Python that is not on this machine is said and counts as not tried.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = (
    "tests/core", "tests/sessions", "tests/adapters", "tests/runtime", "tests/invariants",
    "tests/test_settings.py", "tests/test_replace_file.py",
)  # fmt: skip
_TOOLS = ("pytest", "pytest-qt", "pytest-timeout", "hypothesis", "pandas", "onnx")
"""What these tests need beside the program, from the extras dev and train."""
_MARKERS = "not slow and not gpu and not camera and not bundle"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=["lowest", "pythons"])
    parser.add_argument("versions", nargs="*", default=["3.12", "3.13"])
    parser.add_argument("--python", default="3.11", help="Python of lowest")
    parser.add_argument("--train", action="store_true", help="lowest: with the trainer's")
    options = parser.parse_args()
    results = {}
    if options.what == "lowest":
        extras = "streams,parquet,train" if options.train else "streams,parquet"
        results["lower bounds"] = _try(options.python, ["--resolution", "lowest-direct"], extras)
    else:
        for version in options.versions:
            pinned = ["-c", "constraints.txt"]
            results[f"Python {version}"] = _try(version, pinned, "streams,parquet")
    for name, result in results.items():
        sys.stdout.write(f"{name}: {result}\n")
    return int(any(result != "passed" for result in results.values()))


def _try(version: str, how: list[str], extras: str) -> str:
    python = _interpreter(version)
    if python is None:
        return f"not tried: there is no Python {version} on this machine"
    with tempfile.TemporaryDirectory(prefix="ferdesk-versions-") as folder:
        place = Path(folder) / "venv"
        own = place / ("Scripts" if os.name == "nt" else "bin") / "python"
        uv = [sys.executable, "-m", "uv"]
        made = subprocess.run([*uv, "venv", "-q", "--python", python, str(place)], check=False)
        install = [*uv, "pip", "install", "-q", "--python", str(own), *how, f".[{extras}]"]
        if (
            made.returncode
            or subprocess.run([*install, *_tools()], check=False, cwd=ROOT).returncode
        ):
            return "failed: the packages cannot be installed together"
        subprocess.run([*uv, "pip", "list", "--python", str(own)], check=False)
        # the checkout is tried, not the copy that was installed with its dependencies
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
        steps = {
            "the self-test": ["-m", "ferdesk", "--self-test"],
            "the tests": ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", _MARKERS,
                          "--timeout", "120", *TESTS],
        }  # fmt: skip
        failed = [
            name
            for name, words in steps.items()
            if subprocess.run([str(own), *words], check=False, cwd=ROOT, env=environment).returncode
        ]
    return f"failed: {' and '.join(failed)}" if failed else "passed"


def _tools() -> list[str]:
    """The test tools as pyproject.toml asks for them."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {
        re.split(r"[<>=\[; ]", requirement)[0]: requirement
        for extra in ("dev", "train")
        for requirement in extras["optional-dependencies"][extra]
    }
    return [wanted[name] for name in _TOOLS]


def _interpreter(version: str) -> str | None:
    """A Python of that version that runs: on the path, of pyenv, or one that uv knows."""
    known = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python3")
    found = shutil.which(f"python{version}")
    asked = subprocess.run(
        [sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", version],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for python in (found, *sorted(map(str, known)), asked.stdout.strip()):
        if not python:
            continue
        says = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
        if says.returncode == 0 and says.stdout.split()[-1].startswith(f"{version}."):
            return python
    return None


if __name__ == "__main__":
    sys.exit(main())
