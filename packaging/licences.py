"""Collect the licences of everything in the packaged program.

``licences/`` in the program gets THIRD-PARTY.md, which names every part with its version, licence
and home, and beside it each part's own licence files as its authors ship them.
"""

import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import contents

ROOT = Path(__file__).resolve().parents[1]
TEXTS = Path(__file__).with_name("licence_texts")
_SPDX = {
    "MIT License": "MIT", "ISC License": "ISC", "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0", "3-Clause BSD License": "BSD-3-Clause",
}  # fmt: skip
PAGE = Path(__file__).with_name("third_party.md")
_LICENCE_FILE = re.compile(r"licen[cs]e|copying|notice|copyright|authors|3rd-?party", re.IGNORECASE)

LGPL_3, LGPL_2 = "LGPL-3.0-or-later", "LGPL-2.1-or-later"
INSIDE = (
    ("PySide6_Essentials", "Qt 6", "LGPL-3.0-only", "https://code.qt.io"),
    ("av", "FFmpeg, without parts under the GPL", LGPL_3, "https://ffmpeg.org"),
    ("av", "GnuTLS", LGPL_2, "https://gnutls.org"),
    ("av", "Nettle", LGPL_3, "https://www.lysator.liu.se/~nisse/nettle/"),
    ("av", "GMP", LGPL_3, "https://gmplib.org"),
    ("av", "libunistring", LGPL_3, "https://www.gnu.org/software/libunistring/"),
    ("av", "ALSA", LGPL_2, "https://www.alsa-project.org"),
    ("av", "LAME", "LGPL-2.0-or-later", "https://lame.sourceforge.io"),
    ("av", "OpenCORE AMR", "Apache-2.0", "https://opencore-amr.sourceforge.io"),
    ("av", "libvpx, libwebp", "BSD-3-Clause", "https://www.webmproject.org"),
    ("av", "dav1d", "BSD-2-Clause", "https://code.videolan.org/videolan/dav1d"),
    ("av", "SVT-AV1", "BSD-3-Clause-Clear", "https://gitlab.com/AOMediaCodec/SVT-AV1"),
    ("av", "Opus", "BSD-3-Clause", "https://opus-codec.org"),
    ("av", "oneVPL", "MIT", "https://github.com/intel/libvpl"),
    ("opencv-python-headless", "OpenCV", "Apache-2.0", "https://opencv.org"),
    ("opencv-python-headless", "FFmpeg", LGPL_2, "https://ffmpeg.org"),
    ("opencv-python-headless", "others", "see LICENSE-3RD-PARTY.txt", "https://opencv.org"),
    ("onnxruntime", "others", "see ThirdPartyNotices.txt", "https://onnxruntime.ai"),
    ("numpy", "OpenBLAS", "BSD-3-Clause", "https://www.openblas.net"),
    ("numpy", "libgfortran", "GPL-3.0 with GCC's runtime exception", "https://gcc.gnu.org"),
    ("pylsl", "liblsl", "MIT", "https://github.com/sccn/liblsl"),
)
"""What distributions carry inside that their metadata does not name: in which, what, under which
licence, where its source is."""


@dataclass(frozen=True, slots=True)
class Part:
    """A distribution in the program."""

    name: str
    version: str
    licence: str
    home: str
    files: tuple[Path, ...]


def parts() -> list[Part]:
    """Every distribution that the program is made of, by name."""
    return [_part(name) for name in contents.shipped()]


def _part(name: str) -> Part:
    distribution = metadata.distribution(name)
    about = distribution.metadata
    files = tuple(
        path
        for file in distribution.files or ()
        if _LICENCE_FILE.search(file.name) and not file.name.endswith((".py", ".pyc", ".so"))
        if (path := Path(str(file.locate()))).is_file()
    )
    return Part(name, distribution.version, licence_of(about), _home(about), files)


def licence_of(about: metadata.PackageMetadata) -> str:
    """The licence in a few words, from the three places where projects write it."""
    if expression := about.get("License-Expression"):
        return expression
    short = (about.get("License") or "").strip()
    if short in _SPDX:
        return _SPDX[short]
    said = [
        line.rpartition("::")[2].strip()
        for line in about.get_all("Classifier") or ()
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    if short and "\n" not in short and len(short) < 80:
        return short
    return ", ".join(said) or "see its licence file"


def _home(about: metadata.PackageMetadata) -> str:
    pairs = [line.partition(",") for line in about.get_all("Project-URL") or ()]
    addresses = {label.strip().lower(): address.strip() for label, _, address in pairs}
    for label in ("homepage", "home", "source", "repository", "source code"):
        if label in addresses:
            return addresses[label]
    return about.get("Home-page") or next(iter(addresses.values()), "")


@dataclass(frozen=True, slots=True)
class SystemPart:
    """A package of the system that the program was built on, some library of which is inside."""

    name: str
    version: str
    libraries: tuple[str, ...]
    copyright: Path


def system_parts(folder: Path) -> list[SystemPart]:
    """The Debian packages whose libraries lie in the built program; none on other systems."""
    if shutil.which("dpkg-query") is None:
        return []
    owners: dict[str, list[str]] = {}
    for path in sorted((folder / "_internal").glob("lib*.so*")):
        if path.is_symlink() or path.name.startswith("libpython"):
            continue
        done = _ask("dpkg-query", "-S", f"*/{path.name}")
        if package := done.partition(": ")[0]:
            owners.setdefault(package.partition(", ")[0], []).append(path.name)
    return [
        SystemPart(
            package.partition(":")[0],
            _ask("dpkg-query", "-W", "-f", "${Version}", package),
            tuple(libraries),
            Path("/usr/share/doc") / package.partition(":")[0] / "copyright",
        )
        for package, libraries in sorted(owners.items())
    ]


def _ask(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def python_licence() -> Path | None:
    """The licence of the Python that runs the program."""
    places = (
        Path(sysconfig.get_path("stdlib")) / "LICENSE.txt",
        Path(sys.base_prefix) / "LICENSE.txt",
        Path("/usr/share/doc/python3/copyright"),
    )
    return next((path for path in places if path.is_file()), None)


def write(folder: Path) -> Path:
    """Write ``folder``/licences; returns the path of its page."""
    place = folder / "licences"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for path in (ROOT / "LICENSE", ROOT / "NOTICE", *sorted(TEXTS.glob("*.txt"))):
        shutil.copy(path, place / path.name)
    found = [part for part in parts() if part.name.lower() != "ferdesk"]
    for part in found:
        _copy(part.files, place / part.name)
    if (python := python_licence()) is not None:
        _copy((python,), place / "Python")
    for package in system_parts(folder):
        _copy((package.copyright,), place / "system" / package.name)
    own = [("Python", platform.python_version(), "PSF-2.0", "https://www.python.org")]
    own += [(part.name, part.version, part.licence, part.home) for part in found]
    names = {part.name for part in found}
    page = place / PAGE.name.upper().replace("_", "-").replace(".MD", ".md")
    text = PAGE.read_text(encoding="utf-8").format(
        parts=_table(own),
        inside=_table([row for row in INSIDE if row[0] in names]),
        system=_table(
            [(part.name, part.version, " ".join(part.libraries)) for part in system_parts(folder)]
        )
        or "| none | | |",
        without=", ".join(part.name for part in found if not part.files) or "none",
    )
    page.write_text(text, encoding="utf-8")
    return page


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _copy(files: Sequence[Path], folder: Path) -> None:
    """Copy ``files`` into ``folder``, two of one name apart."""
    for number, file in enumerate(path for path in files if path.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / file.name
        shutil.copy(file, folder / f"{number}-{file.name}" if target.exists() else target)
