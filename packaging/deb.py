"""Make dist/ferdesk_VERSION_ARCH.deb from what packaging/build.py built, for Debian and Ubuntu.

The program goes to /usr/lib/ferdesk with a link in /usr/bin, a desktop entry, icons, AppStream
metadata and its copyright. It brings no daemon and no script that runs at installation.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "packaging"
DIST = ROOT / "dist"
NEEDS = ("libstdc++6", "libgcc-s1", "libgl1", "libegl1", "libgles2", "libfontconfig1")
"""What the program takes from the system, besides the C library and its own folder."""
_CONTROL = """\
Package: ferdesk
Version: {version}
Architecture: {architecture}
Maintainer: The ferdesk team <maintainers@ferdesk.invalid>
Installed-Size: {installed_kib}
Depends: {depends}
Section: science
Priority: optional
Description: live facial-expression labels, explained and recorded
 ferdesk finds the faces in a webcam, a video or a picture, says for each which
 of seven expressions it shows and how sure it is, paints where the network
 looked, and records everything to CSV.
 .
 Everything is computed on this machine; nothing is downloaded or sent.
"""


def main() -> int:
    program = DIST / "ferdesk"
    if not (program / "ferdesk").is_file():
        sys.stderr.write(f"{program} is missing; make package builds it.\n")
        return 1
    if shutil.which("dpkg-deb") is None:
        sys.stderr.write("dpkg-deb is missing; install the package dpkg-dev.\n")
        return 1
    made = DIST / f"ferdesk_{version('ferdesk')}_{_architecture()}.deb"
    with tempfile.TemporaryDirectory(dir=DIST, prefix=".deb-") as folder:
        tree = Path(folder)
        tree.chmod(0o755)
        lay_out(program, tree)
        command = ["dpkg-deb", "--root-owner-group", "-Zzstd", "--build", str(tree), str(made)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(_time().timestamp()))}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    sys.stdout.write(f"{made}: {made.stat().st_size / 1e6:.0f} MB\n")
    return 0


def lay_out(program: Path, tree: Path) -> None:
    """Put everything where it will lie, with its control file."""
    usr = tree / "usr"
    # hard links: half a gigabyte need not be copied to be packed
    shutil.copytree(program, usr / "lib" / "ferdesk", symlinks=True, copy_function=_link)
    (usr / "bin").mkdir(parents=True)
    (usr / "bin" / "ferdesk").symlink_to("../lib/ferdesk/ferdesk")
    _put(HERE / "linux" / "ferdesk.desktop", usr / "share" / "applications")
    icons = usr / "share" / "icons" / "hicolor"
    _put(HERE / "icons" / "ferdesk.svg", icons / "scalable" / "apps")
    for size in (48, 128, 256, 512):
        place = icons / f"{size}x{size}" / "apps"
        _put(HERE / "icons" / f"ferdesk-{size}.png", place, name="ferdesk.png")
    metainfo = (HERE / "linux" / "org.ferdesk.ferdesk.metainfo.xml").read_text(encoding="utf-8")
    place = usr / "share" / "metainfo"
    place.mkdir(parents=True)
    text = metainfo.replace("@VERSION@", version("ferdesk")).replace(
        "@DATE@", _time().strftime("%Y-%m-%d")
    )
    (place / "org.ferdesk.ferdesk.metainfo.xml").write_text(text, encoding="utf-8")
    _put(program / "licences" / "THIRD-PARTY.md", usr / "share" / "doc" / "ferdesk")
    copyright_text = "".join(
        (ROOT / name).read_text(encoding="utf-8") + "\n" for name in ("LICENSE", "NOTICE")
    )
    (usr / "share" / "doc" / "ferdesk" / "copyright").write_text(copyright_text, encoding="utf-8")
    size = sum(p.lstat().st_size for p in usr.rglob("*") if p.is_file() and not p.is_symlink())
    control = tree / "DEBIAN"
    control.mkdir()
    text = _CONTROL.format(
        version=version("ferdesk"),
        architecture=_architecture(),
        installed_kib=size // 1024,
        depends=", ".join((f"libc6 (>= {platform.libc_ver()[1]})", *NEEDS)),
    )
    (control / "control").write_text(text, encoding="utf-8")


def _link(source: str, target: str) -> None:
    os.link(source, target)


def _put(file: Path, folder: Path, name: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, folder / (name or file.name))


def _architecture() -> str:
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    return names.get(platform.machine(), platform.machine())


def _time() -> datetime:
    """When the commit that is built was made."""
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = done.stdout.strip()
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else datetime.now(UTC)


if __name__ == "__main__":
    raise SystemExit(main())
