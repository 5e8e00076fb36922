"""Build the packaged program into dist/ferdesk, with its licences and its bill of materials.

    PYTHON packaging/build.py

PYTHON is that of the environment that packaging/environment.py made. At the end it tells the size
and the ten largest parts, and fails where a part under the GPL or something of the trainer came in.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "packaging"
DIST, WORK = ROOT / "dist", ROOT / "build" / "package"
GOAL_MB = 650
_FOREIGN = ("torch", "trainer", "matplotlib", "tensorboard", "scipy", "PyQt5")


def main() -> int:
    sys.path.insert(0, str(HERE))
    import bill
    import licences
    import no_gpl

    # PyInstaller writes bytecode with paths and times of this machine unless told not to
    environment = {**os.environ, "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": _commit_time()}
    command = [
        sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN",
        "--distpath", str(DIST), "--workpath", str(WORK), str(HERE / "ferdesk.spec"),
    ]  # fmt: skip
    # from elsewhere: the program is made of what is installed, not of the checkout
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run(command, check=True, cwd=WORK, env=environment)
    folder = DIST / "ferdesk"
    licences.write(folder)
    bill.write(folder, folder / "sbom.cdx.json")
    copy_into_mac_program(folder)
    if faults := [*map(str, no_gpl.parts_under_gpl(folder)), *foreign(folder)]:
        sys.stderr.write("This must not be in the program:\n  " + "\n  ".join(faults) + "\n")
        return 1
    total, parts = sizes(folder)
    sys.stdout.write(f"{folder}: {total:.0f} MB unpacked (goal: at most {GOAL_MB}); the largest:\n")
    for name, size in parts[:10]:
        sys.stdout.write(f"  {size:6.1f} MB  {name}\n")
    return 0


def copy_into_mac_program(folder: Path) -> None:
    """On macOS what people get is ferdesk.app, so licences and bill go there too."""
    inside = DIST / "ferdesk.app" / "Contents" / "Resources"
    if inside.is_dir():
        shutil.copytree(folder / "licences", inside / "licences", dirs_exist_ok=True)
        shutil.copy(folder / "sbom.cdx.json", inside)


def foreign(folder: Path) -> list[str]:
    """Folders of libraries that the program does not use."""
    return [str(path) for name in _FOREIGN for path in folder.rglob(name) if path.is_dir()]


def sizes(folder: Path) -> tuple[float, list[tuple[str, float]]]:
    """The megabytes (10^6 bytes) of everything, and of each part, the largest first.

    A part is what belongs to one library; links count nothing.
    """
    parts: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            inside = path.relative_to(folder)
            at = 1 if inside.parts[0] == "_internal" and len(inside.parts) > 1 else 0
            name = inside.parts[at].removesuffix(".libs")
            parts[name] = parts.get(name, 0) + path.stat().st_size
    ranked = sorted(parts.items(), key=lambda part: -part[1])
    return sum(parts.values()) / 1e6, [(name, size / 1e6) for name, size in ranked]


def _commit_time() -> str:
    """The seconds of the commit that is built, so that building it twice gives the same bytes."""
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "315532800"


if __name__ == "__main__":
    raise SystemExit(main())
