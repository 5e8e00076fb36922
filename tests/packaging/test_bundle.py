"""What is handed out, built and tried: ``make test-bundle``. Needs the registries and minutes."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
pytestmark = [pytest.mark.bundle, pytest.mark.timeout(1800)]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd, env={**os.environ, **environment}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def without_checkout() -> dict[str, str]:
    return {"PYTHONPATH": "", "PYTHONSAFEPATH": "1"}


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Wheel and source archive; the wheel is built from the unpacked archive, as pip would."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    run(*build, "-t", "sdist", cwd=CHECKOUT)
    (sdist,) = folder.glob("*.tar.gz")
    source = tmp_path_factory.mktemp("source")
    with tarfile.open(sdist) as archive:
        archive.extractall(source, filter="data")
    (unpacked,) = source.iterdir()
    run(*build, "-t", "wheel", cwd=unpacked)
    (wheel,) = folder.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


def test_an_index_would_take_both_archives(archives: dict[str, Path], tmp_path: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *archives.values(), cwd=tmp_path)


def test_the_wheel_works_in_an_empty_environment_from_an_empty_folder(
    archives: dict[str, Path], tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    bin_folder = environment / ("Scripts" if os.name == "nt" else "bin")
    limits = CHECKOUT / "constraints.txt"
    pip = (bin_folder / "python", "-m", "pip", "install", "-q", "-c", limits)
    run(*pip, archives["wheel"], cwd=tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    said = run(bin_folder / "ferdesk", "--self-test", cwd=empty, **without_checkout())
    assert said.endswith("This installation works.\n"), said
    assert "Chinese" in said
    assert list(empty.iterdir()) == []
    # without torch the trainer says what it needs
    done = subprocess.run(
        [bin_folder / "ferdesk-train", "--help"],
        cwd=empty, env={**os.environ, **without_checkout()}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "pip install 'ferdesk[train]'" in done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="make package is Linux's")
def test_the_packaged_program_works_elsewhere_without_python_and_network() -> None:
    run("make", "package", f"PYTHON={sys.executable}", cwd=CHECKOUT)
    said = run(sys.executable, "packaging/check.py", cwd=CHECKOUT)
    assert said.endswith("This installation works.\n"), said


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="this is no Debian or Ubuntu")
def test_the_debian_package_installs_works_and_goes_without_a_trace() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount the system that it is tried in")
    run("make", "deb", cwd=CHECKOUT)
    (package,) = (CHECKOUT / "dist").glob("ferdesk_*.deb")
    said = run("unshare", "-m", "packaging/check_deb.sh", package, cwd=CHECKOUT)
    assert "goes without a trace" in said
