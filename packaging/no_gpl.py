"""The packaged program carries no part under the GPL: stand-ins for libx264 and libx265.

What they are, and why: packaging/stand_in.c and docs/licences.md.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("stand_in.c")
CODECS = {
    "libx264": ("X264_OPEN", rb"x264_encoder_open_\d+", b"H.264/MPEG-4 AVC codec - Copy"),
    "libx265": ("X265_GET", rb"x265_api_get_\d+", b"H.265/HEVC codec - Copyright"),
}
"""Of each library: the macro, the name that libavcodec looks for, and words only it contains."""


def codec_of(file_name: str) -> str | None:
    """Which of the two a library's file name stands for."""
    plain = file_name.removeprefix("lib")
    return next((f"lib{c}" for c in ("x264", "x265") if plain.startswith(c)), None)


def make_stand_in(original: Path, libavcodec: Path, folder: Path) -> Path | None:
    """Compile what takes the place of ``original`` for that ``libavcodec``.

    Returns:
        its path, or None where ``original`` is neither of the two.
    """
    codec = codec_of(original.name)
    if codec is None:
        return None
    macro, pattern, _ = CODECS[codec]
    if (wanted := re.search(pattern, libavcodec.read_bytes())) is None:
        raise SystemExit(f"{libavcodec.name} does not name {codec}; look at packaging/stand_in.c.")
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise SystemExit("A C compiler is missing; install gcc, or name one in CC.")
    made = folder / original.name
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "darwin":
        kind = ["-dynamiclib", "-fPIC", f"-Wl,-install_name,@rpath/{made.name}"]
    elif sys.platform == "win32":
        kind = ["-shared"]
    else:
        kind = ["-shared", "-fPIC", f"-Wl,-soname,{made.name}"]
    options = [*kind, "-O2", "-Wall", "-Werror", f"-D{macro}={wanted.group().decode()}"]
    subprocess.run([compiler, *options, "-o", str(made), str(SOURCE)], check=True)
    return made


def parts_under_gpl(folder: Path) -> list[Path]:
    """Files of a built program that contain x264, x265 or GNU readline themselves."""
    found = [path for path in folder.rglob("libreadline*") if not path.is_symlink()]
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix not in (".txt", ".json"):
            content = path.read_bytes()
            if any(words in content for _, _, words in CODECS.values()):
                found.append(path)
    return found


def replaced(entries: list[tuple[str, str, str]], folder: Path) -> list[tuple[str, str, str]]:
    """PyInstaller's ``entries`` with stand-ins for the two libraries, made in ``folder``."""
    changed = []
    for inside, file, kind in entries:
        path = Path(file)
        if kind != "SYMLINK" and codec_of(path.name) is not None:
            (avcodec,) = [p for p in path.parent.iterdir() if re.match("(lib)?avcodec", p.name)]
            file = str(make_stand_in(path, avcodec, folder))
        changed.append((inside, file, kind))
    return changed
