"""Make the virtual environment that the packaged program is built from.

    python packaging/environment.py VENV [cpu|cuda]

It holds what ferdesk runs on and PyInstaller, and nothing of the trainer or the tests. Against a
plain installation it leaves out what only weighs: ONNX Runtime comes without CUDA unless that is
asked for.
"""

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("pyinstaller>=6.15", "packaging>=24")
WITHOUT = {"onnxruntime", "onnxruntime-gpu"}
"""One of them is chosen by the kind."""
RUNTIMES = {"cpu": "onnxruntime>=1.22", "cuda": "onnxruntime-gpu[cuda,cudnn]>=1.22"}


def name_of(requirement: str) -> str:
    """The project's name that a requirement begins with."""
    end = next((i for i, c in enumerate(requirement) if c in "<>=!~[; "), len(requirement))
    return requirement[:end].lower().replace("_", "-")


def requirements(kind: str) -> list[str]:
    """What the packaged program of that kind is built from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["streams"]]
    kept = [line for line in asked if name_of(line) not in WITHOUT]
    return [*kept, RUNTIMES[kind], *TOOLS]


def make(folder: Path, kind: str) -> Path:
    """Make or update the environment and return its Python."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)

    def pip(*arguments: str) -> None:
        limits = str(ROOT / "constraints.txt")
        command = [str(python), "-m", "pip", "install", "-q", "-c", limits, *arguments]
        subprocess.run(command, check=True, cwd=ROOT)

    pip(*requirements(kind))
    # the program itself, as its users would get it
    pip("--no-deps", "--force-reinstall", str(ROOT))
    return python


if __name__ == "__main__":
    make(Path(sys.argv[1]), (sys.argv[2:] or ["cpu"])[0])
